"""Questions: what describes them, what is refused with the reason, and the JSON of their answers."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal

import pytest

from langswarm_nb.core.session.answers.answer_schema import AnswerSchema
from langswarm_nb.core.session.answers.decided import (
    DecisionAnswer,
    answers_of,
    decision_schema,
    record_of,
    value_schema,
)
from langswarm_nb.core.session.answers.questions import Option, Question, levels, questions_of
from langswarm_nb.core.session.answers.schema_errors import (
    AnswerInvalidError,
    SchemaChoiceError,
    SchemaDefinitionError,
    SchemaDuplicateNameError,
    SchemaNameError,
    SchemaSyntaxError,
    SchemaTypeUnknownError,
)
from langswarm_nb.core.session.errors import SessionTypeError


class Topic(Enum):
    BILLING = "billing"
    BUG = "bug"


TOPICS = (Option("billing"), Option("bug"))


@pytest.mark.parametrize(
    "given, kind, options, instructions",
    [
        (bool, "predicate", (), ""),
        ("bool: It is urgent.", "predicate", (), "It is urgent."),
        ("It is urgent.", "predicate", (), "It is urgent."),
        (["billing", "bug"], "choice", TOPICS, ""),
        (("billing", "bug"), "choice", TOPICS, ""),
        (Literal["billing", "bug"], "choice", TOPICS, ""),
        (Topic, "choice", TOPICS, ""),
        ("billing | bug: what it is about", "choice", TOPICS, "what it is about"),
        (Annotated[Literal["billing", "bug"], "about what"], "choice", TOPICS, "about what"),
        ({"billing": "money", "bug": None}, "choice", (Option("billing", "money"), Option("bug")), ""),
        ([True, "true"], "choice", (Option(True), Option("true")), ""),
        (levels("low", "high"), "score", (Option("low"), Option("high")), ""),
        (levels({"low": "a bit", "high": ""}), "score", (Option("low", "a bit"), Option("high")), ""),
        (levels(("low", "a bit"), "high"), "score", (Option("low", "a bit"), Option("high")), ""),
        (Annotated[levels("low", "high"), "how much"], "score", (Option("low"), Option("high")), "how much"),
        ("low<high: how much", "score", (Option("low"), Option("high")), "how much"),
        (Question("other", "predicate", "It is."), "predicate", (), "It is."),
    ],
    ids=repr,
)
def test_what_describes_a_question(given: Any, kind: str, options: Any, instructions: str) -> None:
    """Each form means one kind with its options; without instructions the name makes them."""
    [question] = questions_of({"x_y": given})
    assert (question.name, question.kind, question.options) == ("x_y", kind, options)
    assert question.instructions == instructions or (not instructions and "x y" in question.instructions)


def test_a_text_describes_all_questions() -> None:
    """Names with kinds and hints, separated by commas, or by lines, where hints may have commas."""
    line = "spam bool: advertises, topic billing|bug, anger calm<annoyed<furious, urgent"
    assert questions_of(line) == questions_of(
        {
            "spam": "bool: advertises",
            "topic": ["billing", "bug"],
            "anger": "calm<annoyed<furious",
            "urgent": bool,
        }
    )
    [spam, topic] = questions_of("spam: sells, offers, begs\n\ntopic a|b: which, if any\n")
    assert (spam.instructions, topic.instructions) == ("sells, offers, begs", "which, if any")


@pytest.mark.parametrize(
    "given, kind, words",
    [
        ({}, SchemaChoiceError, "nothing to decide"),
        ({"a b": bool}, SchemaNameError, "'a b'"),
        ({"1a": bool}, SchemaNameError, "'1a'"),
        ({3: bool}, SchemaNameError, "3"),
        ({"a": []}, SchemaChoiceError, "2 choices, and has 0"),
        ({"a": ["x"]}, SchemaChoiceError, "2 choices, and has 1"),
        ({"a": ["x", "x"]}, SchemaChoiceError, "'x' 2 times"),
        ({"a": ["x", " "]}, SchemaChoiceError, "empty text"),
        ({"a": levels("x")}, SchemaChoiceError, "2 levels, and has 1"),
        ({"a": ["x", "y\n"]}, None, ""),
        ({"a": ["x", "y\nz"]}, SchemaChoiceError, "control character"),
        ({"a": ["x", "\ud800"]}, SchemaDefinitionError, "lone surrogate (U+D800)"),
        ({"a": ["x", ("y", "z\ud800")]}, SchemaDefinitionError, "lone surrogate (U+D800)"),
        ({"a": "Is it \ud800?"}, SchemaDefinitionError, "lone surrogate (U+D800)"),
        ({"a": [1, 2]}, SessionTypeError, "text (str) or bool"),
        ({"a": int}, SchemaTypeUnknownError, "int"),
        ({"a": None}, SchemaTypeUnknownError, "None"),
        ({"a": float}, SchemaTypeUnknownError, "float"),
        ("a, a", SchemaDuplicateNameError, "2 times"),
        ("a,,b", SchemaSyntaxError, "character 3"),
        ("spam bool, a number", SchemaSyntaxError, "character 14"),
        (3, SessionTypeError, "questions must be"),
        (["spam"], SessionTypeError, "questions must be"),
    ],
    ids=repr,
)
def test_what_cannot_be_asked_says_why(given: Any, kind: Any, words: str) -> None:
    """Each mistake has its class, and the text names what is wrong."""
    if kind is None:
        assert questions_of(given)
        return
    with pytest.raises(kind) as caught:
        questions_of(given)
    assert words in str(caught.value)
    assert isinstance(caught.value, SchemaDefinitionError | SessionTypeError)


def test_a_mistake_in_a_text_has_its_place() -> None:
    """The error says at which character, and what could stand there."""
    with pytest.raises(SchemaSyntaxError) as caught:
        questions_of("spam bool, topic one of these")
    assert (caught.value.position, caught.value.expected) == (17, "bool, choices `a|b` or levels `a<b`")


QUESTIONS = questions_of({"spam": bool, "topic": ["billing", "bug"], "anger": levels("calm", "furious")})
ANSWERS = (
    DecisionAnswer("spam", "predicate", True, 0.9),
    DecisionAnswer("topic", "choice", "bug", 0.6, (("billing", 0.4), ("bug", 0.6))),
    DecisionAnswer.refused(QUESTIONS[2]),
)


def test_the_json_of_answers_fits_its_schema() -> None:
    """What is stored of decisions is checked like any answer: probability, value and refusal of each."""
    record = record_of(ANSWERS, QUESTIONS)
    assert record == {
        "spam": 0.9,
        "spam_value": True,
        "spam_refused": False,
        "topic": "bug",
        "topic_p": 0.6,
        "topic_refused": False,
        "anger": None,
        "anger_p": None,
        "anger_refused": True,
    }
    schema: AnswerSchema = decision_schema(QUESTIONS)
    schema.check(record)
    with pytest.raises(AnswerInvalidError, match="topic"):
        schema.check({**record, "topic": "praise"})


def test_names_that_would_meet_in_the_json_are_refused() -> None:
    """A question may not be called as another one's probability is."""
    with pytest.raises(SchemaDuplicateNameError, match="'topic_p'"):
        decision_schema(questions_of({"topic": ["a", "b"], "topic_p": bool}))


def test_values_of_a_schema_are_answers_without_probabilities() -> None:
    """A model that tells none is asked for words; a level is counted from 0."""
    schema = value_schema(QUESTIONS)
    data = {"spam": False, "topic": "billing", "anger": "furious"}
    schema.check(data)
    answers = answers_of(data, QUESTIONS)
    assert [one.value for one in answers] == [False, "billing", 1.0]
    assert {one.probability for one in answers} == {None}
