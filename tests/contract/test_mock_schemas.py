"""The mock answers schemas: with values that fit, the same each time, and wrongly first where that is wanted."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from langswarm_nb.core.session import create_session_manager
from langswarm_nb.core.session.messages import MessageRole, SessionMessage
from langswarm_nb.core.session.provider_events import AskedSchema, ProviderRequest, Route
from langswarm_nb.core.session.providers.mock import MockProviderSession
from langswarm_nb.core.session.providers.mock_answers import answer_to, pattern_sample
from tests.contract.provider_cases import read

jsonschema = pytest.importorskip("jsonschema")
QUESTION = (
    "I am Ada Lovelace, age 36, ada@example.org, born 1815-12-10; see https://example.org/ada. "
    "The size is medium, and I like mathematics."
)


def of(**properties: Any) -> dict[str, Any]:
    """Return the schema of an object, all of whose properties are required."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_TREE = of(value={"type": "integer"}, kids={"type": "array", "items": {"$ref": "#/$defs/tree"}})
_LIST = of(head={"type": "string"}, tail={"anyOf": [{"$ref": "#/$defs/list"}, {"type": "null"}]})
FORMATS = jsonschema.FormatChecker(["date", "email", "ipv4", "ipv6", "uuid", "regex"])
"""Those that jsonschema checks as they are meant."""
SCHEMAS: dict[str, dict[str, Any]] = {
    "texts": of(
        name={"type": "string"},
        short={"type": "string", "maxLength": 2},
        long={"minLength": 40, "type": "string"},
    ),
    "formats": of(
        **{
            name: {"type": "string", "format": name}
            for name in ("date", "date-time", "time", "email", "uuid", "ipv4", "ipv6", "uri", "hostname")
        }
    ),
    "patterns": of(
        a={"type": "string", "pattern": "^[A-Z]{2}-\\d{3,4}$"}, b={"type": "string", "pattern": "(x|y)+z?"}
    ),
    "numbers": of(
        age={"type": "integer", "minimum": 0, "maximum": 20},
        share={"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        step={"type": "integer", "multipleOf": 7, "minimum": 10},
        below={"type": "number", "maximum": -3.5},
    ),
    "choices": of(
        size={"enum": ["small", "medium"]}, one={"const": 5}, none={"type": "null"}, many={"enum": [1, None]}
    ),
    "unions": of(a={"anyOf": [{"type": "null"}, {"type": "integer"}]}, b={"type": ["null", "boolean"]}),
    "lists": of(
        few={"type": "array", "items": {"type": "string"}, "maxItems": 1},
        many={"type": "array", "items": {"type": "integer"}, "minItems": 5, "uniqueItems": True},
        pair={
            "type": "array",
            "prefixItems": [{"type": "string"}, {"type": "boolean"}],
            "minItems": 2,
            "maxItems": 2,
        },
        kinds={"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": True, "minItems": 2},
    ),
    "nested": of(a=of(b=of(c={"type": "array", "items": of(d={"type": "number"})}))),
    "all of": {
        "allOf": [
            of(a={"type": "string"}) | {"additionalProperties": True},
            {"properties": {"b": {"type": "integer"}}, "required": ["b"]},
        ]
    },
    "a tree": {**_TREE, "$defs": {"tree": _TREE}},
    "a chain": {**_LIST, "$defs": {"list": _LIST}},
    "any object": {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 2},
    "anything": of(x={}),
}


@pytest.mark.parametrize("question", [QUESTION, "", "?!", "the a of", "日本語の質問 🎉 7"])
@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_an_answer_fits_its_schema(schema: dict[str, Any], question: str) -> None:
    """Whatever is asked, and the same each time."""
    answer = answer_to(schema, question)
    jsonschema.validate(answer, schema, format_checker=FORMATS)
    assert answer_to(schema, question) == answer


def test_an_answer_is_made_of_the_question() -> None:
    """Words, numbers, choices, dates and addresses that stand there, so that a first look shows something."""
    schema = of(
        name={"type": "string"},
        age={"type": "integer"},
        size={"enum": ["small", "medium", "large"]},
        born={"type": "string", "format": "date"},
        mail={"type": "string", "format": "email"},
        likes_mathematics={"type": "boolean"},
        likes_cats={"type": "boolean"},
    )
    assert answer_to(schema, QUESTION) == {
        "name": "Ada",
        "age": 36,
        "size": "medium",
        "born": "1815-12-10",
        "mail": "ada@example.org",
        "likes_mathematics": True,
        "likes_cats": False,
    }


PATTERNS = [
    "^[A-Z]{2}-\\d{3,4}$",
    "(foo|bar)+baz",
    r"\w+@\w+\.com",
    "^(?:a|b)?c*x{0,2}$",
    "[^a-z]x",
    "[]a]b",
    "a{2,}",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_simple_pattern_has_a_sample(pattern: str) -> None:
    """Classes, groups, alternatives, how often."""
    assert re.search(pattern, pattern_sample(pattern))


PERSON = AskedSchema("person", of(name={"type": "string"}, age={"type": "integer"}), "strict")


def ask(*texts: str, model: str = "echo", stream: bool = True) -> ProviderRequest:
    roles = (MessageRole.USER, MessageRole.ASSISTANT)
    messages = tuple(SessionMessage(role=roles[n % 2], content=text) for n, text in enumerate(texts))
    return ProviderRequest(model, messages, schema=PERSON, stream=stream)


@pytest.mark.parametrize("stream", [True, False])
async def test_every_model_name_answers_schemas(stream: bool) -> None:
    """In pieces that grow, or whole."""
    mock = MockProviderSession()
    for model in ("echo", "gpt-6-luna", "slow"):
        outcome = await read(mock.stream(ask(QUESTION, model=model, stream=stream)))
        assert json.loads(outcome.text) == {"name": "Ada", "age": 36}


async def test_the_model_script_answers_wrongly_first() -> None:
    """So that what happens then can be seen: told what is missing, it answers as it was asked to."""
    mock = MockProviderSession()
    wrong = (await read(mock.stream(ask(QUESTION, model="script")))).text
    assert json.loads(wrong) == {"age": 36}
    right = (await read(mock.stream(ask(QUESTION, wrong, "There is no name.", model="script")))).text
    assert json.loads(right) == {"name": "Ada", "age": 36}
    assert json.loads((await read(mock.stream(ask("a", right, "Bob?", model="script")))).text).keys() == {
        "age"
    }


async def test_it_can_be_asked_by_the_routes_that_a_test_wants() -> None:
    """By default by all, ``script`` by words."""
    assert (await MockProviderSession().intake("echo")).routes == ("strict", "tool", "prompt")
    assert (await MockProviderSession().intake("script")).routes == ("prompt",)
    routes: tuple[Route, ...] = ("tool",)
    assert (await MockProviderSession(routes=routes).intake("echo")).routes == routes


@pytest.mark.parametrize("model, attempt, route", [("echo", None, "strict"), ("script", 2, "prompt")])
async def test_a_session_gets_its_value_offline(model: str, attempt: int | None, route: str) -> None:
    """From a line that describes it to the data, at once or asked for once more."""
    async with create_session_manager("memory", None, {"mock": {}}) as manager:
        session = await manager.create_session("ada", "mock", model)
        reply = await session.send_message(QUESTION, schema="name, age int")
        assert reply.data == {"name": "Ada", "age": 36}
        assert reply.request is not None
        assert (reply.request.details["route"], reply.request.details.get("schema_attempt")) == (
            route,
            attempt,
        )
