"""Answers of schemas by a real server: llama.cpp's masks words by a grammar, which it makes of the schema."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from langswarm_nb.core.session.messages import FinishReason, MessageRole, SessionMessage
from langswarm_nb.core.session.provider_events import AskedSchema, ProviderRequest, Route
from langswarm_nb.core.session.providers import create_provider
from scripts.local_server import LocalServer
from tests.contract.provider_cases import Outcome, read
from tests.support.llama import MODEL_NAME

jsonschema = pytest.importorskip("jsonschema")
pytestmark = pytest.mark.server

ORDER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "customer": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "minLength": 1, "maxLength": 12},
                "kind": {"enum": ["private", "company"]},
                "vip": {"type": "boolean"},
            },
            "required": ["name", "kind", "vip"],
            "additionalProperties": False,
        },
        "lines": {
            "type": "array",
            "minItems": 1,
            "maxItems": 3,
            "items": {
                "type": "object",
                "properties": {
                    "count": {"type": "integer", "minimum": 1, "maximum": 99},
                    "price": {"anyOf": [{"type": "number"}, {"type": "null"}]},
                },
                "required": ["count", "price"],
                "additionalProperties": False,
            },
        },
        "day": {"type": "string", "format": "date"},
        "code": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3}$"},
    },
    "required": ["customer", "lines", "day", "code"],
    "additionalProperties": False,
}
_WITHOUT_PROMPT = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
"""A template that writes nothing before the answer: the server takes what it writes there for a part of it."""
_HALF_CHARACTERS = [[token, False] for token in range(3 + 128, 3 + 256)]
"""The tiny model's tokens of single bytes from 0x80 on, which make no text."""


@pytest.fixture(scope="module")
def orders_server(tiny_model: Path) -> Iterator[LocalServer]:
    """Yield a server whose template lets a grammar begin with the answer."""
    pytest.importorskip("xllamacpp", reason="needs the wheel xllamacpp", exc_type=ImportError)
    with LocalServer(tiny_model, name=MODEL_NAME, chat_template=_WITHOUT_PROMPT) as server:
        yield server


@pytest.fixture
async def orders(orders_server: LocalServer) -> AsyncIterator[Any]:
    provider = create_provider("llamacpp", base_url=f"{orders_server.url}/v1")
    yield provider
    await provider.close()


def order(number: int, route: Route = "strict", **how: Any) -> ProviderRequest:
    """Return a request for an order; each number makes another one."""
    options = {"max_tokens": 1500, "temperature": 1.0, "seed": number, "logit_bias": _HALF_CHARACTERS}
    words = SessionMessage(
        role=MessageRole.SYSTEM, content=f"Answer in JSON of this schema: {json.dumps(ORDER)}"
    )
    return ProviderRequest(
        MODEL_NAME,
        (words, SessionMessage(content="An order.")),
        options,
        schema=AskedSchema("order", ORDER, route),
        **how,
    )


async def test_fifty_objects_of_a_nested_schema_all_fit(orders: Any) -> None:
    """Streamed and whole, of a model that knows nothing: what holds it to the schema is the server."""
    outcomes: list[Outcome] = []
    for first in range(0, 50, 2):
        asked = (order(first), order(first + 1, stream=False))
        outcomes += await asyncio.gather(*(read(orders.stream(one)) for one in asked))
    made = [json.loads(outcome.text) for outcome in outcomes]
    for one in made:
        jsonschema.validate(one, ORDER)
    assert len({json.dumps(one) for one in made}) == 50
    assert {outcome.finish and outcome.finish.reason for outcome in outcomes} == {FinishReason.STOP}
    assert all("route" not in outcome.details for outcome in outcomes)


async def test_words_alone_are_held_to_json(orders: Any) -> None:
    """By the server's JSON mode."""
    outcome = await read(orders.stream(order(1, "prompt")))
    assert isinstance(json.loads(outcome.text), dict)


async def test_a_grammar_that_the_server_cannot_use_is_left_out(llama_server: LocalServer) -> None:
    """Its own words say little of why; the words of the messages ask for the answer then, and the reply says so."""
    provider = create_provider("llamacpp", base_url=f"{llama_server.url}/v1")
    outcome = await read(provider.stream(order(1, retries=0)))
    assert outcome.details["route"] == "prompt"
    assert outcome.text
    await provider.close()
