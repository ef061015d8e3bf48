"""The form of questions and decisions that Ollama, other local servers, OpenRouter and Perplexity have.

Gemini's differs in what the questions are about; its questions and answers are these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.answers.decided import DecisionAnswer
from langswarm_nb.core.session.messages import Usage
from langswarm_nb.core.session.providers._dialect.wire import token_count

from .evidence import Limits, Said, check_questions, label, said
from .reader import ask, choice, probability, score

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from langswarm_nb.core.session.answers.questions import Question
    from langswarm_nb.core.session.provider_events import Decision, DecisionRequest
    from langswarm_nb.core.session.providers._http.client import HttpClient

LIMITS = Limits()
_KINDS = {"predicate": "noul"}
"""What it calls a kind, where that is not ours."""


def wire_body(provider: str, request: DecisionRequest) -> dict[str, Any]:
    """Return the body of a request.

    Raises
    ------
    SchemaRouteError
        Something is attached, which it does not take, or choices cannot be told apart.
    """
    check_questions(provider, request.questions, LIMITS)
    body: dict[str, Any] = {
        "model": request.request.model,
        "state": _state(said(provider, request, LIMITS)),
        "questions": wire_questions(request.questions),
    }
    if "keep_alive" in request.request.options:
        body["keep_alive"] = request.request.options["keep_alive"]
    return body


def _state(messages: Sequence[Said]) -> str | list[dict[str, str]]:
    if len(messages) == 1:
        return messages[0].text
    return [{"role": one.role, "content": one.text} for one in messages]


def wire_questions(questions: Sequence[Question], *, undescribed: str | None = None) -> dict[str, Any]:
    """Return questions by their keys; a choice that is not described means what it is called, which is null here."""
    keys = _keys(questions)
    return {key: _question(question, undescribed) for key, question in zip(keys, questions, strict=True)}


def _question(question: Question, undescribed: str | None) -> dict[str, Any]:
    wire: dict[str, Any] = {
        "type": _KINDS.get(question.kind, question.kind),
        "instructions": question.instructions,
    }
    if question.kind == "choice":
        wire["criteria"] = {
            label(value): description or undescribed for value, description in question.options
        }
    elif question.kind == "score":
        wire["criteria"] = [
            f"{value}: {description}" if description else str(value)
            for value, description in question.options
        ]
    return wire


def _keys(questions: Sequence[Question]) -> list[str]:
    """Return a key for each question: its name, or a number where that has other letters than services take."""
    names = {question.name for question in questions}
    free = (key for number in range(1, len(names) + len(questions) + 1) if (key := f"q{number}") not in names)
    return [question.name if question.name.isascii() else next(free) for question in questions]


def read_answers(answers: Any, questions: Sequence[Question]) -> Iterator[DecisionAnswer]:
    """Yield the answers in the order of the questions.

    Raises
    ------
    KeyError, TypeError, ValueError
        One is missing or has an unexpected shape.
    """
    for key, question in zip(_keys(questions), questions, strict=True):
        answer = answers[key]
        if answer["type"] != _KINDS.get(question.kind, question.kind):
            raise ValueError(f"an answer of another kind than {question.name}")
        if question.kind == "predicate":
            yield DecisionAnswer.predicate(question, probability(answer["noul"]))
            continue
        told = answer.get("probabilities") or {}
        if question.kind == "score":
            levels = ((int(level), value) for level, value in told.items())
            yield score(question, answer["score"], levels, answer.get("confidence"))
        else:
            by_label = {label(value): value for value in question.labels}
            pairs = ((by_label[text], value) for text, value in told.items())
            yield choice(question, by_label[answer["choice"]], pairs, answer.get("confidence"))


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """Return the counts."""
    return Usage(
        input_tokens=token_count(usage.get("input_tokens")),
        output_tokens=token_count(usage.get("output_tokens")),
    )


async def decide(http: HttpClient, path: str, request: DecisionRequest) -> Decision:
    """Ask a service that has this form; errors as from `wire_body` and `ask`."""
    body = wire_body(http.provider, request)
    return await ask(http, path, body, request, read_answers=read_answers, read_usage=read_usage)
