"""Schemas of one line: what llm takes means the same, what is ours, and what is said of mistakes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm import schema_dsl

from langswarm_nb.core.session import (
    SchemaChoiceError,
    SchemaDefinitionError,
    SchemaDuplicateNameError,
    SchemaNameError,
    SchemaSyntaxError,
    SchemaTypeUnknownError,
    schema_of,
)
from langswarm_nb.core.session.answers.one_line import one_line_schema

LIKE_LLM = [
    "name",
    "name, age",
    "name,age",
    "name, age int",
    "name str, age int, weight float, alive bool",
    "name , age int ,  weight   float",
    "  name  ",
    "  name int  ",
    "name\tint",
    "name: the full name",
    "name: the full name, age int: in years",
    "name:hint",
    "name :hint",
    "name int:hint",
    "name int : hint",
    "name: ",
    "name:",
    "name int:, age",
    "name: a: b: c",
    "name: 'quoted' \"twice\"",
    "time int: 10:30 is 1030",
    "name: ends with a full stop.",
    "name: with (parentheses)",
    "name: a * b & c / d",
    "name: größer als, größe float",
    "name: 名前, age int: 年齢",
    "größe float, naïve bool",
    "first_name, last_name",
    "first-name, last-name",
    "a.b, a.c int",
    "_private, __x int",
    "x1, y2 float",
    "2nd, 3rd int",
    "Name, NAME, name",
    "int",
    "int int",
    "str, float, bool",
    "bool bool, int float",
    "items, value, type",
    "properties, required, description",
    "name,",
    ",name",
    "name,, age",
    "name, , age int",
    "name int years, age",
    "name str whatever else: hint",
    "name\nage int",
    "name\nage int\n",
    "\nname\nage int",
    "\n  name\n  age int\n",
    "name\n\n\nage int",
    "name: first, last\nage int: in years, rounded",
    "name\n\nage int: hint, with comma\n  weight float",
    "name\r\nage int",
    "name: hint\r\nage int: more",
    "name int\n",
    "name: a, b\n",
    "\nname: a, b",
    "a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p",
    "a int, b float, c bool, d str, e: hint, f int: hint, g float: hint",
    "dog_breed, dog_name: funny, dog_age int, is_good bool: always true",
    "headline: less than 100 characters, word_count int",
    "name: \N{NO-BREAK SPACE}hint",
    "name\N{NO-BREAK SPACE}int",
]


@pytest.mark.parametrize("text", LIKE_LLM)
def test_what_llm_takes_means_the_same(text):
    """A text without our own characters gives what llm's parser gives, names in the same order."""
    assert json.dumps(one_line_schema(text)) == json.dumps(schema_dsl(text))


_PLAIN = st.text(st.sampled_from("ab1_-:,\n\t  intstrfloatbool"), max_size=40)


@given(text=_PLAIN)
def test_a_text_that_both_take_means_the_same_to_both(text):
    """Where llm's parser and ours take a plain text, they give the same; ours may say that it is a mistake."""
    try:
        ours, theirs = one_line_schema(text), schema_dsl(text)
    except (SchemaDefinitionError, ValueError):
        return
    assert ours == theirs


def object_of(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the schema of an object."""
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}


STR, INT = {"type": "string"}, {"type": "integer"}
NAME_AGE = object_of({"name": STR, "age": INT})


def list_of(items: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


def choice(*words: str) -> dict[str, Any]:
    """Return the schema of a choice."""
    return {"type": "string", "enum": list(words)}


OURS = {
    "[name, age int]": list_of(NAME_AGE),
    "{name, age int}": NAME_AGE,
    "[{name, age int}]": list_of(NAME_AGE),
    " [ name , age int ] ": list_of(NAME_AGE),
    "[\n  name\n  age int\n]": list_of(NAME_AGE),
    "[\n  name,\n  age int,\n]": list_of(NAME_AGE),
    "[name, age int]: of people": {**list_of(NAME_AGE), "description": "of people"},
    "[str]": list_of(STR),
    "[[int]]": list_of(list_of(INT)),
    "[good|bad]": list_of(choice("good", "bad")),
    "good|bad": choice("good", "bad"),
    "good | very bad": choice("good", "very bad"),
    "calm<annoyed<furious": choice("calm", "annoyed", "furious"),
    "tags [str]": object_of({"tags": list_of(STR)}),
    "tags [str]: all of them, x": object_of(
        {"tags": {**list_of(STR), "description": "all of them"}, "x": STR}
    ),
    "size small|medium|large": object_of({"size": choice("small", "medium", "large")}),
    "size small | very large: about": object_of(
        {"size": {**choice("small", "very large"), "description": "about"}}
    ),
    "sizes [small|large]": object_of({"sizes": list_of(choice("small", "large"))}),
    "who {name, age int}": object_of({"who": NAME_AGE}),
    "who {name, age int}: them": object_of({"who": {**NAME_AGE, "description": "them"}}),
    "people [{name, age int}]": object_of({"people": list_of(NAME_AGE)}),
    "people [name, age int]": object_of({"people": list_of(NAME_AGE)}),
    "a {b {c {d int}}}": object_of({"a": object_of({"b": object_of({"c": object_of({"d": INT})})})}),
    "a {\n  b\n  c int\n}\nd": object_of({"a": object_of({"b": STR, "c": INT}), "d": STR}),
    "a {b, c}\nd: x, y": object_of(
        {"a": object_of({"b": STR, "c": STR}), "d": {**STR, "description": "x, y"}}
    ),
    "bio?": object_of({}, {"bio": STR}),
    "bio?: one line": object_of({}, {"bio": {**STR, "description": "one line"}}),
    "bio? str: hint, age? int": object_of({}, {"bio": {**STR, "description": "hint"}, "age": INT}),
    "tags? [str], x": {"type": "object", "properties": {"tags": list_of(STR), "x": STR}, "required": ["x"]},
    "born date, seen datetime": object_of(
        {"born": {**STR, "format": "date"}, "seen": {**STR, "format": "date-time"}}
    ),
    "a: is it so?, b": object_of({"a": {**STR, "description": "is it so?"}, "b": STR}),
    "a: one of [x, y] or {z}, b": object_of({"a": {**STR, "description": "one of [x, y] or {z}"}, "b": STR}),
    "a: a smile :[ , b": object_of({"a": {**STR, "description": "a smile :["}, "b": STR}),
    "[a: hint]": list_of(object_of({"a": {**STR, "description": "hint"}})),
    "name, age int, tags [str], size small|medium|large, bio?: one line": object_of(
        {"name": STR, "age": INT, "tags": list_of(STR), "size": choice("small", "medium", "large")},
        {"bio": {**STR, "description": "one line"}},
    ),
}


@pytest.mark.parametrize("text", OURS)
def test_lists_objects_choices_and_optional_fields(text):
    """What llm does not have."""
    assert one_line_schema(text) == OURS[text]


MISTAKES = [
    ("", SchemaSyntaxError, "the name of a field", 0),
    (", ,", SchemaSyntaxError, "the name of a field", 3),
    (": hint", SchemaSyntaxError, "the name of a field", 0),
    ("name, : hint", SchemaSyntaxError, "the name of a field", 6),
    ("[", SchemaSyntaxError, "the name of a field", 1),
    ("[]", SchemaSyntaxError, "the name of a field", 1),
    ("a {}", SchemaSyntaxError, "the name of a field", 3),
    ("[name", SchemaSyntaxError, "`]`", 5),
    ("a {b", SchemaSyntaxError, "`}`", 4),
    ("a [str", SchemaSyntaxError, "`]`", 6),
    ("a [str]]", SchemaSyntaxError, "a comma", 7),
    ("a [str] b", SchemaSyntaxError, "a comma", 8),
    ("a }", SchemaSyntaxError, "a type", 2),
    ("a int b, c [str]", SchemaSyntaxError, "a comma", 6),
    ("bio str?", SchemaSyntaxError, "`bio?`", 7),
    ("a b|c<d", SchemaSyntaxError, "`|` between all", 5),
    ("[str], b", SchemaSyntaxError, "the end of the text", 5),
    ("a|b, c", SchemaSyntaxError, "the end of the text", 3),
    ("[" * 30, SchemaSyntaxError, "at most 20", 20),
    ("name, age number", SchemaTypeUnknownError, "'number' is not a type", 10),
    ("tags [sting]", SchemaTypeUnknownError, "Did you mean `str`?", 6),
    ("name one line", SchemaTypeUnknownError, "after a `:`", 5),
    (
        "bio: one line, no dates",
        SchemaTypeUnknownError,
        "A comma ends a hint, unless each field stands on a line",
        18,
    ),
    ('{"type": "object"}', SchemaNameError, "A JSON schema goes as a dict", 1),
    ("a, b int, a", SchemaDuplicateNameError, "'a' is there twice", 10),
    ("[{x, y {z, z}}]", SchemaDuplicateNameError, "'z' is there twice", 11),
    ("a$, b", SchemaNameError, "letters, digits, `_`, `-` and `.`", 0),
    ("x, -a", SchemaNameError, "'-a' is not a name", 3),
    ("name,\nage", SchemaNameError, "separated by line ends", 0),
    ("size |", SchemaChoiceError, "a choice is empty", 6),
    ("size small||large", SchemaChoiceError, "a choice is empty", 11),
    ("size small|", SchemaChoiceError, "a choice is empty", 11),
    ("mood calm<", SchemaChoiceError, "Write `calm<annoyed<furious`", 10),
    ("[|]", SchemaChoiceError, "a choice is empty", 1),
    ("size a|b|a", SchemaChoiceError, "'a' is there twice", 9),
]


@pytest.mark.parametrize("text, kind, words, place", MISTAKES)
def test_a_mistake_is_shown_where_it_is(text, kind, words, place):
    """Each has its class, says what was expected or wrong, and has a caret under the character."""
    with pytest.raises(SchemaDefinitionError) as caught:
        schema_of(text)
    error, message = caught.value, str(caught.value)
    assert type(error) is kind
    assert words in message
    assert f"at character {place + 1}:" in message
    shown, caret = re.search(r"\n    (.*)\n    ( *\^)", message).groups()  # type: ignore[union-attr] # else it fails
    assert len(caret) - 1 == place - (text.rfind("\n", 0, place) + 1)
    assert shown == text[text.rfind("\n", 0, place) + 1 :].partition("\n")[0]
    if isinstance(error, SchemaSyntaxError):
        assert error.position == place
        assert words in error.expected


def test_a_long_line_is_shown_around_the_mistake():
    """The message stays short, and the caret stands under the place."""
    text = ", ".join(f"field_{number} int" for number in range(100)) + ", last sting, more"
    with pytest.raises(SchemaTypeUnknownError) as caught:
        one_line_schema(text)
    shown, caret = str(caught.value).splitlines()[1:3]
    assert len(shown) < 80
    assert shown[len(caret) - 1 :].startswith("sting")


@given(text=st.text(st.sampled_from("ab [](){}|?<:,\n\tint "), max_size=60) | st.text(max_size=40))
def test_any_text_is_a_schema_or_a_mistake(text):
    """Nothing else is raised; what is a schema is one that can be used."""
    try:
        schema = schema_of(text)
    except SchemaDefinitionError:
        return
    assert schema.columns
