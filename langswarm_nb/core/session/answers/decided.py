"""`DecisionAnswer`: what came of a question, and the JSON in which the answers to some questions are kept.

The JSON has, for each question, what a row of `langswarm_nb.decide` has: ``spam`` (a probability), ``spam_value``,
``topic``, ``topic_p``, ``anger``, ``anger_p``, and for each of them whether it was refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .answer_schema import AnswerSchema, schema_of
from .schema_errors import SchemaDuplicateNameError

if TYPE_CHECKING:
    from .questions import Question, QuestionKind

_MAYBE = 0.5


@dataclass(frozen=True, slots=True)
class DecisionAnswer:
    """The answer to one question."""

    name: str
    """Of the question."""
    kind: QuestionKind
    value: str | bool | float | None = None
    """Whether the statement is true, the choice, or the score: levels counted from 0, weighed with their
    probabilities. None where it was refused."""
    probability: float | None = None
    """That the statement is true, or that of the likeliest choice or level, as the service reports it; None where it
    reports none."""
    probabilities: tuple[tuple[str | bool | int, float], ...] = ()
    """Those of all choices, or of all levels by their numbers; they need not add up to 1."""
    is_refused: bool = False
    """Whether the service declined to answer this question."""

    @classmethod
    def refused(cls, question: Question) -> DecisionAnswer:
        """Return what stands for an answer that was declined."""
        return cls(question.name, question.kind, is_refused=True)

    @classmethod
    def predicate(cls, question: Question, probability: float) -> DecisionAnswer:
        """Return the answer that a statement is true with a probability."""
        return cls(question.name, question.kind, probability >= _MAYBE, probability)


def columns_of(questions: Iterable[Question]) -> tuple[tuple[str, Question, str], ...]:
    """Return the names in the JSON, each with its question and with which of the facts it is.

    Returns
    -------
    tuple of (str, Question, str)
        The third is ``probability``, ``value`` or ``refused``.

    Raises
    ------
    SchemaDuplicateNameError
        Two of them are the same.
    """
    found: list[tuple[str, Question, str]] = []
    for question in questions:
        name = question.name
        if question.kind == "predicate":
            found += [(name, question, "probability"), (f"{name}_value", question, "value")]
        else:
            found += [(name, question, "value"), (f"{name}_p", question, "probability")]
        found.append((f"{name}_refused", question, "refused"))
    for name, times in Counter(name for name, _, _ in found).items():
        if times > 1:
            raise SchemaDuplicateNameError(
                f"The questions give {times} columns the name {name!r}; call one of them otherwise."
            )
    return tuple(found)


def decision_schema(questions: Sequence[Question]) -> AnswerSchema:
    """Return the schema of the JSON of decisions; an answer with it is checked and stored like any other.

    Raises
    ------
    SchemaDuplicateNameError
        Two of its names are the same.
    """
    properties: dict[str, Any] = {}
    for name, question, fact in columns_of(questions):
        if fact == "refused":
            properties[name] = {"type": "boolean"}
        elif fact == "probability" or question.kind == "score":
            properties[name] = {"type": ["number", "null"]}
        elif question.kind == "predicate":
            properties[name] = {"type": ["boolean", "null"]}
        else:
            properties[name] = {"enum": [*question.labels, None]}
    return schema_of(_object("decision", properties))


def record_of(answers: Iterable[DecisionAnswer], questions: Iterable[Question]) -> dict[str, Any]:
    """Return the JSON of answers, which are in the order of their questions."""
    by_name = {answer.name: answer for answer in answers}
    facts = {"probability": "probability", "value": "value", "refused": "is_refused"}
    return {
        name: getattr(by_name[question.name], facts[fact]) for name, question, fact in columns_of(questions)
    }


def value_schema(questions: Iterable[Question]) -> AnswerSchema:
    """Return the schema with which a model that tells no probabilities is asked the same."""
    properties: dict[str, Any] = {}
    for question in questions:
        described = {"description": _described(question)}
        if question.kind == "predicate":
            properties[question.name] = {"type": "boolean", **described}
        else:
            properties[question.name] = {"enum": list(question.labels), **described}
            if all(isinstance(value, str) for value in question.labels):
                properties[question.name] = {"type": "string", **properties[question.name]}
    return schema_of(_object("decision", properties))


def answers_of(data: Mapping[str, Any], questions: Iterable[Question]) -> tuple[DecisionAnswer, ...]:
    """Return the answers that values of `value_schema` are; nobody told their probabilities."""
    return tuple(
        DecisionAnswer(question.name, question.kind, _value(data[question.name], question))
        for question in questions
    )


def _value(told: Any, question: Question) -> Any:
    return float(question.labels.index(told)) if question.kind == "score" else told


def _described(question: Question) -> str:
    told = [f"{option.value}: {option.description}" for option in question.options if option.description]
    return "\n".join([question.instructions, *told])


def _object(title: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": title,
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }
