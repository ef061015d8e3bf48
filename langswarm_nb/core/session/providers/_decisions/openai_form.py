"""OpenAI's form of questions and decisions, which Azure and several servers have too."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.answers.decided import DecisionAnswer
from langswarm_nb.core.session.messages import Usage
from langswarm_nb.core.session.providers._dialect.attachments import data_url
from langswarm_nb.core.session.providers._dialect.wire import token_count

from .evidence import Limits, Said, check_questions, said
from .reader import ask, choice, probability, score

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from langswarm_nb.core.session.answers.questions import Question
    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.core.session.provider_events import Decision, DecisionRequest
    from langswarm_nb.core.session.providers._http.client import HttpClient

LIMITS = Limits(
    questions=400, choices=255, levels=10, images=128, attached=("image",), has_typed_choices=True
)
_OPTIONS = ("prompt_cache_key", "prompt_cache_options", "safety_identifier")
"""Options that it takes; those of replies, such as ``temperature``, mean nothing here."""


def wire_body(provider: str, request: DecisionRequest) -> dict[str, Any]:
    """Return the body of a request.

    Raises
    ------
    SchemaRouteError
        The questions, or what they are about, are beyond the limits.
    """
    check_questions(provider, request.questions, LIMITS)
    asked = request.request
    body: dict[str, Any] = {
        "model": asked.model,
        "input": _input(said(provider, request, LIMITS)),
        "questions": [_question(question) for question in request.questions],
        **{name: asked.options[name] for name in _OPTIONS if name in asked.options},
    }
    if asked.user_id:
        body.setdefault("safety_identifier", sha256(asked.user_id.encode()).hexdigest())
    return body


def _input(messages: Sequence[Said]) -> str | list[dict[str, Any]]:
    if len(messages) == 1 and messages[0].role == "user" and _is_text(messages[0]):
        return messages[0].text
    return [
        {"role": _ROLES.get(one.role, "user"), "content": one.text if _is_text(one) else _content(one)}
        for one in messages
    ]


_ROLES = {"system": "system", "assistant": "assistant"}


def _is_text(message: Said) -> bool:
    return message.role != "user" or all(part["type"] != "image" for part in message.parts)


def _content(message: Said) -> list[dict[str, Any]]:
    return [_piece(part) for part in message.parts]


def _piece(part: Part) -> dict[str, Any]:
    if part["type"] != "image":
        return {"type": "input_text", "text": part["text"]}
    return {"type": "input_image", "image_url": data_url(part), "detail": part.get("detail") or "auto"}


def _question(question: Question) -> dict[str, Any]:
    wire: dict[str, Any] = {
        "type": question.kind,
        "name": question.name,
        "instructions": question.instructions,
    }
    if question.kind != "predicate":
        key, word = ("levels", "label") if question.kind == "score" else ("choices", "value")
        wire[key] = [
            {word: value, **({"description": description} if description else {})}
            for value, description in question.options
        ]
    return wire


def read_answers(answers: Any, questions: Sequence[Question]) -> Iterator[DecisionAnswer]:
    """Yield the answers, which are in the order of the questions.

    Raises
    ------
    KeyError, TypeError, ValueError
        They have an unexpected shape, or are answers to something else.
    """
    for question, answer in zip(questions, answers, strict=True):
        if answer.get("name") not in {None, question.name}:
            raise ValueError(f"an answer to something else where {question.name} was asked")
        if answer["type"] == "refusal":
            yield DecisionAnswer.refused(question)
        elif answer["type"] != question.kind:
            raise ValueError(f"an answer of another kind than {question.name}")
        elif question.kind == "predicate":
            yield DecisionAnswer.predicate(question, probability(answer["probability"]))
        else:
            read, key = (choice, "choice") if question.kind == "choice" else (score, "score")
            pairs = ((told["value"], told["probability"]) for told in answer["probabilities"])
            yield read(question, answer[key], pairs, answer.get("confidence"))


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """Return the counts."""
    details, output = usage.get("input_tokens_details") or {}, usage.get("output_tokens_details") or {}
    return Usage(
        input_tokens=token_count(usage.get("input_tokens")),
        cached_input_tokens=token_count(details.get("cached_tokens")),
        cache_write_tokens=token_count(details.get("cache_write_tokens")),
        output_tokens=token_count(usage.get("output_tokens")),
        reasoning_tokens=token_count(output.get("reasoning_tokens")),
    )


async def decide(http: HttpClient, path: str, request: DecisionRequest, **how: Any) -> Decision:
    """Ask a service that has this form; errors as from `wire_body` and `ask`."""
    body = wire_body(http.provider, request)
    return await ask(http, path, body, request, read_answers=read_answers, read_usage=read_usage, **how)
