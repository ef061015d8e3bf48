"""What gateways tell beside the reply: its cost and its id, in headers or with the usage, in each dialect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from langswarm_nb.core.session import create_session_manager
from langswarm_nb.core.session.providers import create_provider
from tests.contract.provider_cases import CANARY, Dialect, ask, read
from tests.contract.provider_dialects import DIALECTS
from tests.support.faulty import FaultyServer, Reply

pytestmark = [
    pytest.mark.usefixtures("library"),
    pytest.mark.parametrize("library", ["httpx"], indirect=True),
]


@pytest.mark.parametrize(
    "told, cost_usd",
    [
        ("0.00012", 0.00012),
        ("0", 0.0),
        ("1e-05", 1e-05),
        *[(odd, None) for odd in ("", "-1", "nan", "inf", "None", "x")],
    ],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_cost_in_a_header_is_kept(
    provider: Any, dialect: Dialect, server: FaultyServer, told: str, cost_usd: float | None, stream: bool
) -> None:
    """LiteLLM tells it so, whatever the API that it is spoken to in; what is not an amount is none."""
    headers = {"x-litellm-response-cost": told, "x-litellm-call-id": "call-1"}
    server.script(
        Reply.events(dialect.stream, headers=headers)
        if stream
        else Reply.json(dialect.whole, headers=headers)
    )
    outcome = await read(provider.stream(ask(stream=stream)))
    assert outcome.cost_usd == cost_usd
    assert outcome.request_id == "call-1"


USAGES = {
    "responses": ["response", "usage"],
    "chat": ["usage"],
    "mistral": ["usage"],
    "messages": ["usage"],
}


@pytest.mark.parametrize("name", USAGES)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_cost_with_the_usage_is_kept(
    name: str, stream: bool, server: FaultyServer, library: str
) -> None:
    """OpenRouter and LiteLLM add it to the usage of each API that they speak."""
    dialect = DIALECTS[name]

    def with_cost(body: Any) -> Any:
        if not isinstance(body, dict):
            return body
        return {
            key: {**with_cost(value), "cost": 0.5}
            if key == "usage" and isinstance(value, dict)
            else with_cost(value)
            for key, value in body.items()
        }

    lines = dialect.stream.decode().split("\n")
    for at, line in enumerate(lines):
        if line.startswith("data: {"):
            lines[at] = "data: " + json.dumps(with_cost(json.loads(line[6:])))
    server.script(
        Reply.events("\n".join(lines).encode()) if stream else Reply.json(with_cost(dict(dialect.whole)))
    )
    provider = dialect.create(server.url)
    assert (await read(provider.stream(ask(stream=stream)))).cost_usd == 0.5
    await provider.close()


async def test_a_session_keeps_the_cost_that_a_gateway_tells(server: FaultyServer, library: str) -> None:
    """It goes before the price table; LiteLLM is asked to tell it in streams too."""
    server.script(Reply.json(DIALECTS["chat"].whole, headers={"x-litellm-response-cost": "0.00012"}))
    async with create_session_manager("memory") as manager:
        manager.add_provider_session("litellm", create_provider("litellm", CANARY, base_url=server.url))
        session = await manager.create_session("ada", "litellm", "test-model")
        reply = await session.send_message("q")
    assert reply.request is not None
    assert (reply.request.cost_usd, reply.request.cost_source) == (0.00012, "provider")
    assert server.requests[0].headers["x-litellm-include-cost-in-streaming-usage"] == "true"
