"""JSON schemas of a user: which cannot be used and why, what fits them, and that none of them can do harm."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.core.session import (
    AnswerInvalidError,
    SchemaChoiceError,
    SchemaDefinitionError,
    SchemaNameError,
    SchemaRecursionError,
    SchemaTypeUnknownError,
    SchemaUnfulfillableError,
    SessionTypeError,
    schema_of,
)
from tests.support.schemas import JSON, SCHEMAS, SCHEMAS_AND_VALUES

DEEP: dict[str, Any] = {"type": "string"}
for _ in range(70):
    DEEP = {"type": "array", "items": DEEP}
ITSELF: dict[str, Any] = {"type": "object"}
ITSELF["properties"] = {"me": ITSELF}

UNUSABLE = [
    ({"enum": ["a\ud800", "b"]}, SchemaDefinitionError, "lone surrogate (U+D800)"),
    ({"properties": {"a\udfff": {}}}, SchemaDefinitionError, "lone surrogate (U+DFFF)"),
    ({"type": "strng"}, SchemaTypeUnknownError, "Did you mean 'string'?"),
    ({"properties": {"a": {"items": {"type": "int"}}}}, SchemaTypeUnknownError, '$.a[]: "int" is not a type'),
    ({"type": 5}, SchemaTypeUnknownError, "$: 5 is not a type"),
    ({"type": []}, SchemaChoiceError, "choice of nothing"),
    ({"properties": {"a": {"enum": []}}}, SchemaChoiceError, "$.a: `enum` is a choice of nothing"),
    ({"$ref": "#/$defs/gone"}, SchemaTypeUnknownError, "nothing is there"),
    ({"$ref": "#gone"}, SchemaTypeUnknownError, "by an anchor"),
    ({"items": {"$ref": "https://example.com/s.json"}}, SchemaTypeUnknownError, "nothing is fetched"),
    ({"items": {"$ref": "file:///etc/passwd"}}, SchemaTypeUnknownError, "nothing is fetched"),
    ({"items": {"$ref": "other.json#/a"}}, SchemaTypeUnknownError, "nothing is fetched"),
    ({"type": "object", "unevaluatedProperties": False}, SchemaTypeUnknownError, "cannot be checked"),
    ({"properties": {"a": {"$id": "http://x/"}}}, SchemaTypeUnknownError, "cannot be checked"),
    ({"properties": {'a"b': {}}}, SchemaNameError, "'a\"b' is not a name"),
    ({"properties": {"": {}}}, SchemaNameError, "'' is not a name"),
    ({"required": ["a\\"]}, SchemaNameError, "is not a name"),
    ({"properties": {"{x}": {}}}, SchemaNameError, "is not a name"),
    ({"minLength": "3"}, SchemaDefinitionError, "`minLength` has to be a whole number"),
    ({"minLength": True}, SchemaDefinitionError, "`minLength` has to be a whole number"),
    ({"minimum": "0: pass"}, SchemaDefinitionError, "`minimum` has to be a number"),
    ({"required": "a"}, SchemaDefinitionError, "`required` has to be a list of names"),
    ({"properties": []}, SchemaDefinitionError, "`properties` has to be a mapping"),
    ({"anyOf": []}, SchemaDefinitionError, "`anyOf` has to be a list of schemas"),
    ({"pattern": "("}, SchemaDefinitionError, "`pattern` has to be a regular expression"),
    ({"multipleOf": 0}, SchemaDefinitionError, "`multipleOf` has to be a number above 0"),
    ({"minimum": float("nan")}, SchemaDefinitionError, "not made of JSON"),
    ({"enum": [{1, 2}]}, SchemaDefinitionError, "not made of JSON"),
    (DEEP, SchemaRecursionError, "more than 60 levels"),
    (ITSELF, SchemaRecursionError, "contains itself as an object"),
    (
        {"properties": {"a": {"$ref": "#/$defs/a"}},
         "$defs": {"a": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}}},
        SchemaRecursionError, "$.a: #/$defs/a contains itself at the same place",
    ),
    ({"$ref": "#"}, SchemaRecursionError, "# contains itself"),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}, SchemaRecursionError, "#/$defs/a contains itself"),
    (
        {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]},
        SchemaRecursionError,
        "$.next: # contains itself. Make that property optional",
    ),
    ({"type": "array", "items": {"$ref": "#"}, "minItems": 1}, SchemaRecursionError, "$[0]"),
    ({"type": "string", "enum": [1, 2]}, SchemaUnfulfillableError, "none of the values"),
    ({"type": "integer", "const": 1.5}, SchemaUnfulfillableError, "none of the values"),
    ({"const": "abc", "maxLength": 2}, SchemaUnfulfillableError, "none of the values"),
    ({"type": "number", "minimum": 3, "maximum": 2}, SchemaUnfulfillableError, "no number"),
    ({"type": "number", "exclusiveMinimum": 3, "maximum": 3}, SchemaUnfulfillableError, "no number"),
    ({"type": "integer", "minimum": 1.2, "maximum": 1.8}, SchemaUnfulfillableError, "no integer"),
    ({"type": "string", "minLength": 3, "maxLength": 2}, SchemaUnfulfillableError, "`minLength` is above"),
    ({"type": "array", "minItems": 1, "items": False}, SchemaUnfulfillableError, "$[0]: `false`"),
    ({"type": "object", "required": ["a"], "properties": {"a": {"not": {}}}}, SchemaUnfulfillableError, "$.a: `not`"),
    ({"type": "object", "required": ["a"], "additionalProperties": False}, SchemaUnfulfillableError, "$.a: `false`"),
    ({"type": "object", "required": ["a", "b"], "maxProperties": 1}, SchemaUnfulfillableError, "more properties"),
    ({"allOf": [{"type": "string"}, {"type": ["integer", "null"]}]}, SchemaUnfulfillableError, "two types"),
    ({"anyOf": [{"not": {}}, {"type": "string", "enum": [1]}]}, SchemaUnfulfillableError, "$.anyOf.0"),
]  # fmt: skip


@pytest.mark.parametrize("schema, kind, words", UNUSABLE)
def test_a_schema_that_cannot_be_used_says_why_and_where(schema, kind, words):
    """Each has the class of its kind, and nothing else is raised."""
    with pytest.raises(SchemaDefinitionError) as caught:
        schema_of(schema)
    assert type(caught.value) is kind
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"next": {"$ref": "#"}}},
        {
            "type": "object",
            "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
            "required": ["next"],
        },
        {"type": "array", "items": {"$ref": "#"}},
        {"type": "object", "properties": {"a": {"not": {}}}},
        {"type": ["string", "integer"], "minLength": 3, "maxLength": 2},
        {"anyOf": [{"not": {}}, {"type": "string"}]},
        {"type": "integer", "minimum": 2, "maximum": 2},
        {"enum": [1, "a", None]},
    ],
)
def test_a_schema_with_a_way_out_can_be_used(schema):
    """Only what nothing fits is refused."""
    assert schema_of(schema).json_schema == schema


@pytest.mark.parametrize("given", [None, 5, b"name", ["a"], object(), lambda: 1])
def test_what_describes_nothing_is_refused(given):
    """It is an error of types, as elsewhere."""
    with pytest.raises(SessionTypeError, match="schema must be a text, a type"):
        schema_of(given)


def fits(schema: Any, data: Any) -> bool:
    """Return whether data passes our check, which says where it does not."""
    try:
        schema_of(schema).check(data)
    except AnswerInvalidError as error:
        return not all(problem.startswith("$") for problem in error.problems) or not error.problems
    return True


@given(case=SCHEMAS_AND_VALUES | st.tuples(SCHEMAS, JSON))
def test_the_check_agrees_with_jsonschema(case):
    """What fits there fits here, and what does not does not."""
    schema, data = case
    assert fits(schema, data) == jsonschema.Draft202012Validator(schema).is_valid(data)


RECURSIVE = {
    "type": "object",
    "properties": {"kids": {"type": "array", "items": {"$ref": "#"}}, "n": {"$ref": "#/$defs/n"}},
    "required": ["n"],
    "$defs": {"n": {"type": "integer", "minimum": 1}},
}
PAIR = {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False}
DEPENDENT = {"dependentSchemas": {"a": {"required": ["c"]}}, "dependentRequired": {"a": ["b"]}}
BY_PATTERN = {"patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": False}
NEWER = [
    (RECURSIVE, [{"n": 1, "kids": [{"n": 2}]}, {"n": 1, "kids": [{"n": 0}]}, {"n": 1, "kids": [{"kids": []}]}]),
    (PAIR, [[1, "a"], [1], ["a"], [1, "a", 2]]),
    ({"type": "array", "prefixItems": [{"type": "integer"}], "items": {"type": "string"}}, [[1, "a"], [1, 2], []]),
    ({"$ref": "#/$defs/a", "maxLength": 2, "$defs": {"a": {"type": "string"}}}, ["ab", "abc", 1]),
    ({"dependentRequired": {"a": ["b"]}}, [{"a": 1}, {"a": 1, "b": 2}, {}]),
    (DEPENDENT, [{"a": 1, "b": 1}, {"a": 1, "b": 1, "c": 1}]),
    ({"type": "string", "contentEncoding": "base64", "default": "x"}, ["!", 1]),
    ({"type": "integer"}, [1.0, 1.5, True, 10**30]),
    ({"const": {"a": [1, True]}}, [{"a": [1, True]}, {"a": [1, 1]}]),
    ({"oneOf": [{"type": "integer"}, {"minimum": 2}]}, [1, 3, 2.5]),
    ({"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": False}, [{"a": 1}, {"a": 1, "b": 1}, {}]),
    (BY_PATTERN, [{"x1": 1}, {"x1": "a"}, {"y": 1}]),
    ({"properties": {"a": False, "b": True}}, [{"a": 1}, {"b": 1}]),
    ({"type": "array", "uniqueItems": True, "contains": {"const": 1}}, [[1, 2], [2], [1, 1]]),
    ({"propertyNames": {"maxLength": 1}, "minProperties": 1}, [{"a": 1}, {"ab": 1}, {}]),
]  # fmt: skip


@pytest.mark.parametrize("schema, datas", NEWER)
def test_words_of_the_newest_draft_are_checked_as_they_are_meant(schema, datas):
    """Also those that fastjsonschema knows by other names, or not at all."""
    validator = jsonschema.Draft202012Validator(schema)
    assert [fits(schema, data) for data in datas] == [validator.is_valid(data) for data in datas]
    assert {validator.is_valid(data) for data in datas} == {True, False}


def test_a_deep_schema_is_checked_to_its_ground():
    """Python nests blocks in each other only so deep; a schema may go deeper."""
    schema: dict[str, Any] = {"type": "integer"}
    good: Any = 1
    for level in range(40):
        if level % 2:
            schema, good = {"type": "object", "properties": {"a": schema}, "required": ["a"]}, {"a": good}
        else:
            schema, good = {"anyOf": [{"type": "array", "items": schema}, {"type": "null"}]}, [good]
    assert fits(schema, good)
    assert not fits(schema, json.loads(json.dumps(good).replace("1", '"1"')))


def test_all_problems_are_listed_with_their_paths():
    """Who repairs an answer sees everything that is wrong with it."""
    schema = {
        "type": "object",
        "properties": {
            "people": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"age": {"type": "integer"}},
                    "required": ["age", "name"],
                },
            },
            "size": {"enum": ["small", "large"]},
        },
    }
    with pytest.raises(AnswerInvalidError) as caught:
        schema_of(schema).check({"people": [{"age": "1"}, {"age": 2, "name": ""}, {"age": None}], "size": 3})
    paths = [problem.partition(":")[0] for problem in caught.value.problems]
    assert sorted(set(paths)) == [
        "$.people[0]",
        "$.people[0].age",
        "$.people[2]",
        "$.people[2].age",
        "$.size",
    ]


_NASTY = st.text(st.sampled_from("\"'\\{}\n\r\0#:();, ax%_\u2028"), max_size=8)
_CODE = [
    '"+print()+"',
    '\\" or CANARY() or \\"',
    "{0.__class__}",
    "{data}",
    '"""',
    "'''",
    "\\",
    "\n CANARY()",
    "%s",
]


@given(
    word=_NASTY | st.sampled_from(_CODE),
    data=st.sampled_from([{}, {"a": 1}, "x", 3, [], [1], None]),
    named=st.booleans(),
)
def test_no_text_of_a_schema_is_run(word, data, named):
    """Wherever it stands, it is text: the check is the one that jsonschema does, or the name is refused."""
    inner = {
        "type": ["object", "string", "integer"],
        "enum": [word, {word: word}, 3],
        "title": word,
        "description": word,
        "default": word,
        "format": word,
        "$comment": word,
        word or "x": word,
    }
    schema: dict[str, Any] = {
        "anyOf": [inner, {"const": word}, {"allOf": [inner, {"not": {"const": [word]}}]}]
    }
    if named:
        schema["properties"] = {word: {"const": word}}
        schema["required"] = [word]
        schema["patternProperties"] = {
            "^" + "".join(f"[{c}]" for c in word if c not in "\\^{}"): {"enum": [word]}
        }
        schema["dependentRequired"] = {"a": [word], word: ["a"]}
    validator = jsonschema.Draft202012Validator(schema)
    try:
        for one in (data, word, {word: word}):
            assert fits(schema, one) == validator.is_valid(one)
    except (SchemaNameError, SchemaUnfulfillableError, SchemaTypeUnknownError):
        assert named or word == "$id"


def test_a_number_that_only_looks_like_one_is_not_run():
    """Classes of the user's own are left outside: a check is made of JSON alone."""

    class Sly(int):
        def __format__(self, spec: str) -> str:
            raise AssertionError("it was asked how it is written")

        __str__ = __repr__ = __format__  # type: ignore[assignment] # it has to fail if it is called

    assert fits({"type": "integer", "maximum": Sly(3)}, 3)


def test_nothing_is_fetched(monkeypatch, tmp_path: Path):
    """A reference to elsewhere is refused before anybody opens a connection, or a file."""
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a connection was opened"))
    (tmp_path / "s.json").write_text("{}", "utf-8")
    for ref in ("http://127.0.0.1:9/s", (tmp_path / "s.json").as_uri(), "//host/x", "data:,{}"):
        for schema in (
            {"$ref": ref},
            {"$id": ref, "properties": {"a": {"$ref": "#/x"}}},
            {"anyOf": [{"$ref": ref}]},
        ):
            with pytest.raises(SchemaTypeUnknownError):
                schema_of(schema)
