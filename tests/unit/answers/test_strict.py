"""The forms of schemas for services: each documented rule, and that values survive the way there and back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import pytest
from anthropic import transform_schema
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.core.session import AnswerSchema, SchemaRouteError, schema_of
from langswarm_nb.core.session.answers.pointers import inner_nodes
from langswarm_nb.core.session.answers.strict import FORMS, strict_form
from tests.support.schemas import SCHEMAS, SCHEMAS_AND_VALUES

CLOSED = ("openai", "openai-inlined", "groq", "anthropic")
LIKE_OPENAI = ("openai", "openai-inlined", "groq")
STR = {"type": "string"}


def form_of(given: Any, form: str) -> dict[str, Any]:
    """Return a schema as a service gets it."""
    return dict(strict_form(schema_of(given), form).schema)


def object_of(properties: Mapping[str, Any], *optional: str) -> dict[str, Any]:
    """Return the schema of an object whose properties are required, but for some."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": dict(properties), "required": required}


def property_of(inner: Any, form: str) -> dict[str, Any]:
    """Return the schema of a required property as a service gets it."""
    made: dict[str, Any] = form_of(object_of({"a": inner}), form)["properties"]["a"]
    return made


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield all schemas in a schema."""
    if isinstance(schema, dict):
        yield schema
        for _, inner in inner_nodes(schema):
            yield from nodes(inner)


def refused(given: Any, form: str) -> str:
    """Return why a schema has no form."""
    with pytest.raises(SchemaRouteError) as caught:
        form_of(given, form)
    return str(caught.value)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "given", ["[name, age int]", "a|b", bool, list[int], {"anyOf": [STR, {"type": "null"}]}]
)
def test_a_service_gets_an_object(form, given):
    """Whatever is asked for, and whoever is asked: the root is an object with properties."""
    form = form_of(given, form)
    assert form["type"] == "object"
    assert len(form["properties"]) == 1
    assert not form.keys() & {"anyOf", "oneOf", "allOf", "$ref"}


@pytest.mark.parametrize("form", LIKE_OPENAI)
def test_every_property_is_required_and_an_optional_one_may_be_null(form):
    """Also in nested objects; what may be null already is not made so twice, and no others are let in."""
    inner = object_of({"x": STR, "y": {"type": "integer"}}, "y")
    made = form_of(
        object_of({"in": inner, "n": {"anyOf": [STR, {"type": "null"}]}, "t": STR}, "n", "t"), form
    )
    assert made["required"] == ["in", "n", "t"]
    assert made["properties"]["in"]["required"] == ["x", "y"]
    nullable = {"anyOf": [STR, {"type": "null"}]}
    assert made["properties"]["n"] == made["properties"]["t"] == nullable
    assert [node["additionalProperties"] for node in nodes(made) if node.get("type") == "object"] == [
        False,
        False,
    ]


def test_anthropic_keeps_optional_properties():
    """They are few enough; an object has no others than its own."""
    made = form_of("name, age? int", "anthropic")
    assert made["required"] == ["name"]
    assert made["properties"]["age"] == {"type": "integer"}
    assert made["additionalProperties"] is False


REFUSED = [
    ("openai", {"type": "string", "minLength": 2, "maxLength": 3}, STR, ["minLength: 2", "maxLength: 3"]),
    ("openai", {"type": "string", "default": "x"}, STR, ['default: "x"']),
    ("openai", {"type": "string", "format": "uri"}, STR, ['format: "uri"']),
    ("openai", {"type": "string", "pattern": "a(?=b)"}, STR, ['pattern: "a(?=b)"']),
    ("openai", {"type": "string", "pattern": "(?<!a)b"}, STR, ['pattern: "(?<!a)b"']),
    ("openai", {"type": "array", "items": STR, "uniqueItems": True}, {"type": "array", "items": STR}, ["uniqueItems"]),
    ("openai", {"type": "array", "items": STR, "contains": STR}, {"type": "array", "items": STR}, ["contains"]),
    ("anthropic", {"type": "integer", "minimum": 1, "multipleOf": 2}, {"type": "integer"}, ["minimum: 1"]),
    ("anthropic", {"type": "string", "maxLength": 3, "pattern": "a"}, STR, ["maxLength: 3", 'pattern: "a"']),
    ("anthropic", {"type": "array", "items": STR, "minItems": 2}, {"type": "array", "items": STR}, ["minItems: 2"]),
    ("anthropic", {"type": "array", "items": STR, "maxItems": 2}, {"type": "array", "items": STR}, ["maxItems: 2"]),
    ("gemini", {"type": "string", "minLength": 2, "pattern": "a"}, STR, ["minLength: 2", 'pattern: "a"']),
    ("gemini", {"type": "integer", "exclusiveMinimum": 2}, {"type": "integer"}, ["exclusiveMinimum: 2"]),
    ("gemini", {"const": "x"}, {"type": "string", "enum": ["x"]}, []),
    ("cohere", {"type": "integer", "minimum": 2, "maximum": 3}, {"type": "integer"}, ["minimum: 2", "maximum: 3"]),
    ("cohere", {"type": "array", "items": STR, "minItems": 1}, {"type": "array", "items": STR}, ["minItems: 1"]),
    ("cohere", {"type": "string", "pattern": "^a"}, STR, ['pattern: "^a"']),
    ("cohere", {"type": "string", "format": "email"}, STR, ['format: "email"']),
    ("openai", {"oneOf": [STR, {"type": "null"}]}, {"anyOf": [STR, {"type": "null"}]}, []),
    ("anthropic", {"oneOf": [STR, {"type": "null"}]}, {"anyOf": [STR, {"type": "null"}]}, []),
    ("openai", {"oneOf": [STR], "discriminator": {"propertyName": "x"}, "title": "T"}, {"anyOf": [STR]}, []),
    ("openai", {"allOf": [STR]}, STR, []),
    ("openai", {"type": ["string", "null"]}, {"anyOf": [STR, {"type": "null"}]}, []),
    ("openai", {"enum": ["a", 1]}, {"anyOf": [{"type": "integer", "enum": [1]}, {**STR, "enum": ["a"]}]}, []),
]  # fmt: skip


@pytest.mark.parametrize("form, given, made, told", REFUSED)
def test_what_a_service_refuses_is_told_in_words(form, given, made, told):
    """It moves into the description, behind the user's own words, or is said in another way."""
    described = property_of({"description": "Mine.", **given}, form)
    words = described.pop("description")
    assert described == made
    assert words.startswith("Mine.")
    assert [word for word in told if word not in words] == []
    assert ("(" in words) is bool(told)


KEPT = [
    ("openai", {"type": "integer", "minimum": 1, "exclusiveMaximum": 9, "multipleOf": 2}),
    ("openai", {"type": "string", "pattern": "^a+$"}),
    ("openai", {"type": "array", "items": STR, "minItems": 1, "maxItems": 3}),
    *[
        ("openai", {"type": "string", "format": name})
        for name in ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"]
    ],
    ("anthropic", {"type": "string", "format": "uri"}),
    ("anthropic", {"type": "array", "items": STR, "minItems": 1}),
    ("gemini", {"type": "integer", "minimum": 1, "maximum": 9}),
    ("gemini", {"type": "array", "prefixItems": [STR, {"type": "integer"}], "minItems": 1, "maxItems": 2}),
    ("cohere", {"type": "string", "pattern": "a+"}),
    ("cohere", {"type": "string", "format": "date"}),
    ("mistral", {"type": "string", "minLength": 2}),
    *[
        ("ollama", {"type": "string", "minLength": 2, "default": "abc"}),
        ("plain", {"type": "string", "title": "T"}),
    ],
]


@pytest.mark.parametrize("form, given", KEPT)
def test_what_a_service_takes_stays(form, given):
    """Nothing is moved without need."""
    assert property_of(given, form) == given


MAP = {"type": "object", "additionalProperties": {"type": "integer"}}
TREE = object_of({"name": STR, "kids": {"type": "array", "items": {"$ref": "#"}}}, "kids")
LISTS = {"type": "array", "items": {"$ref": "#/$defs/t"}}
NO_FORM = [
    *[(form, object_of({"m": MAP}), "$.m is a map of any names") for form in CLOSED],
    *[(form, dict[str, int], "$ is a map of any names") for form in CLOSED],
    ("openai", object_of({"a": {"type": "object"}}), "$.a is a map of any names"),
    ("openai", object_of({"a": {"type": "array"}}), "$.a is a list of anything"),
    ("openai", object_of({"a": {}}), "$.a may be anything"),
    ("anthropic", object_of({"a": {}}), "$.a may be anything"),
    ("openai", object_of({"a": {"allOf": [STR, {"minLength": 2}]}}), "several schemas at once"),
    *[(form, TREE, "contains itself") for form in ("anthropic", "openai-inlined", "groq")],
    ("gemini", object_of({"t": {"$ref": "#/$defs/t"}}) | {"$defs": {"t": LISTS}}, "$.t[] contains itself"),
    ("cohere", object_of({"a": object_of({"b": STR}, "b")}), "$.a has no required property"),
]  # fmt: skip


@pytest.mark.parametrize("form, given, why", NO_FORM)
def test_what_has_no_form_says_why(form, given, why):
    """The next route is taken then; the reason names the service and the place."""
    words = refused(given, form)
    assert why in words
    assert re.match(
        r"(OpenAI|Groq|Anthropic|Gemini|Cohere)'s (strict mode|structured output) does not take", words
    )


def nested(levels: int) -> dict[str, Any]:
    """Return an object with so many levels, itself one of them."""
    schema: dict[str, Any] = object_of({"a": STR})
    for _ in range(levels - 1):
        schema = object_of({"a": schema})
    return schema


LIMITS = [
    ("openai", nested(10), nested(11), "11 levels, and at most 10"),
    (
        "openai",
        object_of({f"p{n}": STR for n in range(5_000)}),
        object_of({f"p{n}": STR for n in range(5_001)}),
        "5001 properties, and at most 5000",
    ),
    (
        "openai",
        object_of({"a": {"enum": [str(n) for n in range(500)]}, "b": {"enum": [str(n) for n in range(500)]}}),
        object_of({"a": {"enum": [str(n) for n in range(500)]}, "b": {"enum": [str(n) for n in range(501)]}}),
        "1001 choices, and at most 1000",
    ),
    (
        "anthropic",
        object_of({f"p{n}": STR for n in range(25)}, *(f"p{n}" for n in range(24))),
        object_of({f"p{n}": STR for n in range(25)}, *(f"p{n}" for n in range(25))),
        "25 optional, and at most 24",
    ),
    (
        "anthropic",
        object_of({f"p{n}": {"type": ["string", "null"]} for n in range(16)}),
        object_of({f"p{n}": {"type": ["string", "null"]} for n in range(17)}),
        "17 unions, and at most 16",
    ),
]


@pytest.mark.parametrize("form, most, more, why", LIMITS, ids=[why for *_, why in LIMITS])
def test_the_limits_of_a_service_are_checked_before_it_is_asked(form, most, more, why):
    """What is right at the limit goes; one more does not."""
    at_limit, above = (AnswerSchema("big", given, lambda data: data) for given in (most, more))
    assert form_of(at_limit, form)
    assert why in refused(above, form)


def test_references_lead_to_definitions_and_have_nothing_beside_them():
    """One with words beside it is written out, unless it contains itself; others are defined once, at the root."""
    point = object_of({"x": {"type": "integer"}})
    given = object_of(
        {
            "a": {"$ref": "#/definitions/po~1int"},
            "b": {"$ref": "#/definitions/po~1int"},
            "c": {"$ref": "#/definitions/po~1int", "description": "Mine."},
            "d": {"$ref": "#/properties/e"},
            "e": {"type": "array", "items": {"$ref": "#/definitions/tree", "description": "A tree."}},
        }
    ) | {
        "definitions": {
            "po/int": point,
            "tree": TREE | {"properties": {"up": {"$ref": "#/definitions/tree"}}},
            "x": {},
        }
    }
    given["definitions"]["tree"]["required"] = []
    made = form_of(given, "openai")
    assert made["properties"]["a"] == made["properties"]["b"] == {"$ref": "#/$defs/po_1int"}
    assert made["properties"]["c"]["properties"] == {"x": {"type": "integer"}}
    assert made["properties"]["c"]["description"] == "Mine."
    assert made["properties"]["d"] == {"$ref": "#/$defs/e"}
    assert made["properties"]["e"]["items"] == {"anyOf": [{"$ref": "#/$defs/tree"}], "description": "A tree."}
    assert sorted(made["$defs"]) == ["e", "po_1int", "tree"]
    assert [node for node in nodes(made) if "$ref" in node and len(node) > 1] == []
    jsonschema.Draft202012Validator.check_schema(made)


def test_models_that_see_no_definitions_get_everything_in_its_place():
    """gpt-oss gets no `$ref`."""
    given = object_of({"a": {"$ref": "#/$defs/p"}, "b": {"$ref": "#/$defs/p"}}) | {
        "$defs": {"p": object_of({"x": STR})}
    }
    made = form_of(given, "openai-inlined")
    assert "$ref" not in json.dumps(made)
    assert made["properties"]["a"] == made["properties"]["b"]


def test_references_that_unfold_without_measure_are_refused():
    """A short schema may stand for a very long one."""
    definitions = {
        f"d{n}": object_of({"a": {"$ref": f"#/$defs/d{n + 1}"}, "b": {"$ref": f"#/$defs/d{n + 1}"}})
        for n in range(60)
    }
    given = object_of({"a": {"$ref": "#/$defs/d0"}}) | {"$defs": definitions | {"d60": STR}}
    assert "properties" in refused(given, "openai-inlined")
    assert "levels" in refused(given, "openai")


def test_a_list_of_places_is_one_of_its_kinds_in_words():
    """Where elements cannot be told apart by their places, the description says what stands where."""
    made = form_of(
        object_of({"p": {"type": "array", "prefixItems": [STR, {"type": "integer"}], "items": False}}),
        "openai",
    )
    assert made["properties"]["p"]["items"] == {"anyOf": [STR, {"type": "integer"}]}
    assert (
        'in this order: [{"type": "string"}, {"type": "integer"}]' in made["properties"]["p"]["description"]
    )


def test_mistral_closes_objects_and_leaves_maps_open():
    """As its own library does."""
    made = form_of(object_of({"m": MAP, "o": object_of({"x": STR})}), "mistral")
    assert made["additionalProperties"] is made["properties"]["o"]["additionalProperties"] is False
    assert made["properties"]["m"]["additionalProperties"] == {"type": "integer"}


GEMINI_WORDS = {
    "$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items", "prefixItems",
    "minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties", "required",
    "propertyOrdering",
}  # fmt: skip


@given(schema=SCHEMAS, form=st.sampled_from(FORMS))
def test_any_form_keeps_the_rules_of_its_service(schema, form):
    """Of all that is generated: words, closed objects, and what Anthropic's own library makes of a schema."""
    try:
        made = form_of(schema, form)
    except SchemaRouteError as error:
        if form != "cohere" or "no required property" not in str(error):
            raise
        return
    jsonschema.Draft202012Validator.check_schema(made)
    for node in nodes(made):
        if form == "gemini":
            assert node.keys() <= GEMINI_WORDS
        if form in CLOSED:
            assert node.keys() & {"type", "anyOf"}
            assert node.get("type") != "object" or node["additionalProperties"] is False
        if form in LIKE_OPENAI and node.get("type") == "object":
            assert node["required"] == list(node["properties"])
    if form == "anthropic":
        theirs = transform_schema(json.loads(json.dumps(made)))
        assert without_types_of_choices(made) == theirs


def without_types_of_choices(node: Any) -> Any:
    """Return a schema without the types that Anthropic's library leaves out, as the choices say them."""
    if isinstance(node, list):
        return [without_types_of_choices(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    is_choice = isinstance(node.get("enum"), list) or (
        "const" in node and not isinstance(node["const"], dict)
    )
    return {
        name: without_types_of_choices(inner)
        for name, inner in node.items()
        if not (is_choice and name == "type" and isinstance(inner, str))
    }


def with_nulls(schema: Mapping[str, Any], value: Any) -> Any:
    """Return a value as a service with no optional properties answers it."""
    if "anyOf" in schema:
        return None if value is None else with_nulls(schema["anyOf"][0], value)
    if isinstance(value, dict) and "properties" in schema:
        return {
            name: with_nulls(inner, value[name]) if name in value else None
            for name, inner in schema["properties"].items()
        }
    if isinstance(value, list) and "items" in schema:
        return [with_nulls(schema["items"], one) for one in value]
    return value


def without_nulls(value: Any) -> Any:
    """Return a value without the properties that are null: to be so and to be missing is one where both may be."""
    if isinstance(value, dict):
        return {name: without_nulls(one) for name, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


@given(case=SCHEMAS_AND_VALUES, form=st.sampled_from(FORMS))
def test_any_value_survives_the_strict_form_and_back(case, form):
    """What a user's schema takes, the form takes; what comes back is the same value, and passes the user's check."""
    described, value = case
    schema = schema_of(described)
    try:
        strict = strict_form(schema, form)
    except SchemaRouteError:
        if form != "cohere":
            raise
        return
    sent = with_nulls(described, value) if form in LIKE_OPENAI else value
    wrapped = {schema.key: sent} if schema.key else sent
    assert jsonschema.Draft202012Validator(strict.schema).is_valid(wrapped)
    back = schema.read(json.dumps(wrapped), strict.restored)
    if form in LIKE_OPENAI:
        assert without_nulls(back) == without_nulls(value)
        assert without_nulls(back) is None or jsonschema.Draft202012Validator(described).is_valid(back)
    else:
        assert back == value


def test_choices_get_their_capitals_back():
    """Anthropic may answer with other ones; what is no choice stays as it came."""
    schema = schema_of(
        {
            "type": "array",
            "items": object_of(
                {"size": {"enum": ["Small", "LARGE"]}, "kind": {"anyOf": [{"const": "ß"}, {"type": "null"}]}}
            ),
        }
    )
    form = strict_form(schema, "anthropic")
    assert form.restored({"items": [{"size": "small", "kind": "SS"}]}) == {
        "items": [{"size": "Small", "kind": "ß"}]
    }
    assert form.restored({"items": [{"size": "huge", "kind": None}]}) == {
        "items": [{"size": "huge", "kind": None}]
    }


def test_objects_of_a_union_are_told_apart():
    """By their names, and by the constants among them."""
    cat = object_of(
        {"kind": {"const": "cat"}, "lives": {"type": "integer"}, "size": {"enum": ["S"]}}, "lives", "size"
    )
    dog = object_of(
        {"kind": {"const": "dog"}, "lives": {"type": ["integer", "null"]}, "size": STR}, "lives", "size"
    )
    schema = schema_of({"anyOf": [cat, dog]})
    restored = strict_form(schema, "openai").restored
    assert restored({"value": {"kind": "cat", "lives": None, "size": "s"}}) == {
        "value": {"kind": "cat", "size": "S"}
    }
    sent = {"value": {"kind": "dog", "lives": None, "size": "s"}}
    assert restored(sent) == sent
