"""Decisions as they are shown: a row for each question, with the answer and its probability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langswarm_nb.core.session import SessionMessage
    from langswarm_nb.core.session.answers.questions import Question

COLUMNS = ("question", "answer", "probability")


def is_decision(message: SessionMessage) -> bool:
    """Tell whether a message holds decisions that a service made."""
    from langswarm_nb.core.session.provider_events import DECISIONS

    return message.request is not None and message.request.details.get("processing") == DECISIONS


def record(data: Mapping[str, Any], questions: Sequence[Question]) -> dict[str, Any]:
    """Return decisions as JSON in one form, also those of a model that told no probabilities."""
    from langswarm_nb.core.session.answers.decided import answers_of, record_of

    if any(name.endswith("_refused") for name in data):
        return dict(data)
    return record_of(answers_of(data, questions), questions)


def rows(data: Mapping[str, Any], questions: Sequence[Question] = ()) -> list[dict[str, Any]]:
    """Return a row for each question, under the names of `COLUMNS`.

    Parameters
    ----------
    data : mapping
        The JSON of decisions, see `langswarm_nb.core.session.answers.decided`.
    questions : sequence of Question
        Give the levels of scores their names.
    """
    named = {question.name: question for question in questions}
    names = [name.removesuffix("_refused") for name in data if name.endswith("_refused")]
    return [dict(zip(COLUMNS, _row(name, data, named.get(name)), strict=True)) for name in names]


def _row(name: str, data: Mapping[str, Any], question: Question | None) -> tuple[Any, ...]:
    if data[f"{name}_refused"]:
        return name, "refused", None
    if f"{name}_value" in data:
        answer, p = data[f"{name}_value"], data[name]
        return name, answer, _rounded(p if answer or p is None else 1 - p)
    return name, _answer(data[name], question), _rounded(data.get(f"{name}_p"))


def _answer(value: Any, question: Question | None) -> Any:
    if not isinstance(value, float):
        return value
    if question is None or question.kind != "score":
        return _rounded(value)
    label = question.labels[min(max(round(value), 0), len(question.labels) - 1)]
    return label if value == round(value) else f"{label} ({value:.2f})"


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 3)
