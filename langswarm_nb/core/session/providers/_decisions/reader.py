"""Asks a service for decisions, with all that holds for replies: limits, repeats, errors, masks; and reads them."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from langswarm_nb.core.session.answers.decided import DecisionAnswer
from langswarm_nb.core.session.messages import FinishReason, Usage
from langswarm_nb.core.session.provider_events import Decision, Finish, ReplyInfo
from langswarm_nb.core.session.providers._dialect.reply_stream import stream_reply
from langswarm_nb.core.session.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from langswarm_nb.core.session.answers.questions import Question
    from langswarm_nb.core.session.provider_events import DecisionRequest, ProviderEvent
    from langswarm_nb.core.session.providers._http.client import HttpClient

    ReadAnswers: TypeAlias = Callable[[Any, Sequence[Question]], Iterable[DecisionAnswer]]
    ReadUsage: TypeAlias = Callable[[Mapping[str, Any]], Usage]

_ROUNDED = 1e-6
"""So much may a number miss its bounds by rounding."""


class DecisionReader:
    """Reads one answer with decisions; a `ReplyReader` whose reply is `answers`.

    Parameters
    ----------
    questions
        Those that were asked.
    read_answers
        Returns the answers in a body; it raises what comes of an unexpected shape when they are not there.
    read_usage
        Returns the counts of a body's ``usage``.
    """

    def __init__(
        self, questions: Sequence[Question], read_answers: ReadAnswers, read_usage: ReadUsage
    ) -> None:
        self.is_whole: bool = False
        self.is_over: bool = False
        self.answers: tuple[DecisionAnswer, ...] = ()
        self.blocked: str | None = None
        self._questions = questions
        self._read_answers = read_answers
        self._read_usage = read_usage

    def read(self, body: Any, name: str = "") -> Iterator[ProviderEvent]:
        """Take the whole answer."""
        feedback = body.get("prompt_feedback") or {}
        if feedback.get("block_reason"):
            self.blocked = one_line(str(feedback["block_reason"]), 80)
            self.answers = tuple(map(DecisionAnswer.refused, self._questions))
        else:
            self.answers = tuple(self._read_answers(body["answers"], self._questions))
        if isinstance(body.get("model"), str):
            yield ReplyInfo(model=body["model"])
        yield self._read_usage(body.get("usage") or {})
        self.is_whole = self.is_over = True

    def read_whole(self, body: Any) -> Iterator[ProviderEvent]:
        """Take the whole answer."""
        return self.read(body)

    def finish(self) -> Iterator[ProviderEvent]:
        """Return the end."""
        yield Finish(FinishReason.STOP)


async def ask(
    http: HttpClient,
    path: str,
    body: Mapping[str, Any],
    request: DecisionRequest,
    *,
    read_answers: ReadAnswers,
    read_usage: ReadUsage,
    query: Mapping[str, str] | None = None,
) -> Decision:
    """Post questions and return what was decided.

    Raises
    ------
    ProviderSessionError
        The service refused, failed, or answered with something else.
    """
    reader = DecisionReader(request.questions, read_answers, read_usage)
    asked = replace(request.request, stream=False)
    usage, info = Usage(), ReplyInfo()
    async with aclosing(stream_reply(http, path, body, asked, reader, query=query)) as events:
        async for event in events:
            if isinstance(event, Usage):
                usage = usage.updated(event)
            elif isinstance(event, ReplyInfo):
                info = joined(info, event)
    return Decision(reader.answers, usage, info, reader.blocked)


def joined(info: ReplyInfo, newer: ReplyInfo) -> ReplyInfo:
    """Return what is known of a reply, with what came later."""
    cost_usd = info.cost_usd if newer.cost_usd is None else newer.cost_usd
    return ReplyInfo(
        model=newer.model or info.model,
        request_id=newer.request_id or info.request_id,
        cost_usd=cost_usd,
        details={**info.details, **newer.details},
        raw={**info.raw, **newer.raw},
    )


def probability(told: object) -> float:
    """Return a probability as it was told.

    Raises
    ------
    TypeError, ValueError
        It is none.
    """
    return number(told, 1.0)


def number(told: object, most: float) -> float:
    """Return a number from 0 to `most`, as reported, except for what rounding has put beyond.

    Raises
    ------
    TypeError, ValueError
        It is none.
    """
    if isinstance(told, bool) or not isinstance(told, (int, float)):
        raise TypeError(f"a {type(told).__name__} where a number should be")
    if not -_ROUNDED <= told <= most + _ROUNDED:
        raise ValueError(f"a number that is not between 0 and {most:g}")
    return min(max(float(told), 0.0), most)


def choice(
    question: Question, chosen: Any, pairs: Iterable[tuple[Any, Any]], confidence: Any
) -> DecisionAnswer:
    """Return the answer that is one of a question's choices.

    Raises
    ------
    TypeError, ValueError
        It is none of them, or a probability is none.
    """
    known = {(type(value), value) for value in question.labels}
    probabilities = tuple((value, probability(told)) for value, told in pairs)
    if not {(type(value), value) for value in (chosen, *(value for value, _ in probabilities))} <= known:
        raise ValueError(f"an answer to {question.name} that is none of its choices")
    told = _confidence(confidence, probabilities)
    return DecisionAnswer(question.name, question.kind, chosen, told, probabilities)


def score(question: Question, told: Any, pairs: Iterable[tuple[int, Any]], confidence: Any) -> DecisionAnswer:
    """Return the answer that is a number among a question's levels, of which the lowest is 0.

    Raises
    ------
    TypeError, ValueError
        It is beyond them, or a probability is none.
    """
    most = len(question.options) - 1
    probabilities = tuple((level, probability(told)) for level, told in pairs)
    if not all(0 <= level <= most for level, _ in probabilities):
        raise ValueError(f"a level of {question.name} that it does not have")
    value = number(told, most)
    return DecisionAnswer(
        question.name, question.kind, value, _confidence(confidence, probabilities), probabilities
    )


def _confidence(told: Any, probabilities: Sequence[tuple[Any, float]]) -> float | None:
    if told is not None:
        return probability(told)
    return max((value for _, value in probabilities), default=None)
