"""What the mock decides: it looks for the words of a question in what it is about, the same in every run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from zlib import crc32

from langswarm_nb.core.session.answers.decided import DecisionAnswer
from langswarm_nb.core.session.messages import Usage
from langswarm_nb.core.session.provider_events import Decision, ReplyInfo

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langswarm_nb.core.session.answers.questions import Question
    from langswarm_nb.core.session.provider_events import DecisionRequest

_WORDS = re.compile(r"\w{3,}")
_SPREAD = 0.1
_SAYS_NOTHING = frozenset(
    _WORDS.findall(
        "input the and for that this with its from has have are level lowest highest rightly called"
    )
)


def mock_decision(request: DecisionRequest, number: int) -> Decision:
    """Return what the words of the messages speak for; the number is that of the request."""
    messages = request.request.messages
    text = "\n".join(message.content for message in messages)
    model = request.request.model
    return Decision(
        tuple(_answer(question, text) for question in request.questions),
        Usage(input_tokens=sum((len(message.content) + 3) // 4 for message in messages), output_tokens=0),
        ReplyInfo(model=model, request_id=f"mock_req_{number}"),
    )


def _answer(question: Question, text: str) -> DecisionAnswer:
    said = _words([text])
    if question.kind == "predicate":
        hits = len(said & _words([question.name.replace("_", " "), question.instructions]))
        likely = (0.15, 0.75, 0.9)[min(hits, 2)] + _SPREAD * _chance(f"{question.name}\n{text}")
        return DecisionAnswer.predicate(question, round(likely, 4))
    weights = [
        1
        + 8 * len(said & _words([str(value).replace("_", " "), description]))
        + _SPREAD * _chance(f"{value}\n{text}")
        for value, description in question.options
    ]
    shares = [round(weight / sum(weights), 4) for weight in weights]
    best = max(range(len(shares)), key=shares.__getitem__)
    if question.kind == "score":
        score = min(sum(level * share for level, share in enumerate(shares)), len(shares) - 1.0)
        pairs = tuple(enumerate(shares))
        return DecisionAnswer(question.name, question.kind, score, shares[best], pairs)
    chosen = tuple(zip(question.labels, shares, strict=True))
    return DecisionAnswer(question.name, question.kind, question.labels[best], shares[best], chosen)


def _words(texts: Iterable[str]) -> set[str]:
    """Return the beginnings of the words, so that `bills` is found in `billing`."""
    words = {word for text in texts for word in _WORDS.findall(text.casefold())}
    return {word[:4] for word in words - _SAYS_NOTHING}


def _chance(text: str) -> float:
    """Return a number from 0 to 1 that is the same for the same text."""
    return crc32(text.encode("utf-8", "replace")) / 2**32
