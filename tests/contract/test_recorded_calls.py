"""Recorded calls of OpenAI and Anthropic beside replies: lists of models, limits on rates, conversations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from langswarm_nb.core.session.errors import ProviderSessionError
from langswarm_nb.core.session.messages import MessageRole, SessionMessage
from langswarm_nb.core.session.provider_events import ModelInfo, ProviderRequest
from langswarm_nb.core.session.providers._dialect.reasoning_order import outline_part, raw_item, text_item
from langswarm_nb.core.session.providers.anthropic import AnthropicProviderSession
from langswarm_nb.core.session.providers.openai import OpenAIProviderSession
from tests.contract.provider_cases import ask, event, read
from tests.support.faulty import FaultyServer, Reply
from tests.support.replay import Replay

WIRE = Path(__file__).parent / "wire"
KEY = "sk-canary-0123456789abcdefghij"
EXPECTED = json.loads((WIRE / "expected.json").read_text("utf-8"))["expected"]


def responses(name: str) -> list[dict[str, Any]]:
    case = json.loads((WIRE / name).read_text("utf-8"))
    return [exchange["response"] for exchange in case["exchanges"]]


def replayed(provider: Any, response: dict[str, Any]) -> Any:
    replay = Replay([response["body"].encode()], status=response["status"], headers=response["headers"])
    replay.into(provider)
    return provider


@pytest.mark.parametrize("name", ["openai", "anthropic"])
async def test_the_list_of_models_is_read_as_the_sdk_reads_it(name: str) -> None:
    """As many, in the same order."""
    [response] = responses(f"{name}/models_list.json")
    provider = {"openai": OpenAIProviderSession, "anthropic": AnthropicProviderSession}[name](KEY)
    models = await replayed(provider, response).list_models()
    [expected] = EXPECTED[f"{name}/models_list.json"]
    assert (len(models), models[0].id) == (expected["count"], expected["first"])


async def test_a_model_is_told_with_what_the_service_tells_of_it() -> None:
    """Names and dates; what is not told is None."""
    [response] = responses("anthropic/models_list.json")
    models = await replayed(AnthropicProviderSession(KEY), response).list_models()
    assert models[1] == ModelInfo(
        "claude-haiku-4-5-20251001", "Claude Haiku 4.5", created_at="2025-10-15T00:00:00Z"
    )


async def test_a_long_list_of_models_is_read_page_by_page(server: FaultyServer) -> None:
    """Each page after the last id of the one before."""
    pages = [
        {"data": [{"id": "a"}, {"id": "b c"}], "has_more": True, "last_id": "b c"},
        {"data": [{"id": "d"}], "has_more": False, "last_id": "d"},
    ]
    server.script(*map(Reply.json, pages))
    provider = AnthropicProviderSession(KEY, base_url=server.url)
    assert [model.id for model in await provider.list_models()] == ["a", "b c", "d"]
    assert [request.path for request in server.requests] == [
        "/v1/models?limit=1000",
        "/v1/models?limit=1000&after_id=b+c",
    ]
    await provider.close()


async def test_the_state_of_rate_limits_is_kept_with_the_reply() -> None:
    """As the services name it, for both."""
    [response] = responses("openai/responses_stream_simple.json")
    outcome = await read(replayed(OpenAIProviderSession(KEY), response).stream(ask()))
    assert outcome.details["rate_limits"]["x-ratelimit-remaining-requests"] == "14999"
    assert outcome.details["service_tier"] == "default"
    response = responses("anthropic/messages_stream_parallel_tools.json")[0]
    outcome = await read(replayed(AnthropicProviderSession(KEY), response).stream(ask()))
    limits = outcome.details["rate_limits"]
    assert limits["anthropic-ratelimit-tokens-reset"] == "2026-01-01T18:01:26Z"
    assert outcome.details["service_tier"] == "standard"


async def test_a_number_that_is_none_loses_no_reply(server: FaultyServer) -> None:
    """Python reads NaN where JSON has none; it is not kept, and what came with it is."""
    body = b'{"id": "m", "content": [{"type": "text", "text": "Hi"}], "stop_details": {"x": NaN, "y": [1e999, 2]}}'
    server.script(Reply(200, body, {"content-type": "application/json"}))
    provider = AnthropicProviderSession(KEY, base_url=server.url)
    outcome = await read(provider.stream(ask()))
    assert outcome.text == "Hi"
    assert outcome.details["stop_details"] == {"x": None, "y": [None, 2]}
    await provider.close()


async def test_a_refused_request_tells_the_services_id_of_it(server: FaultyServer) -> None:
    """In a header or in the body, to quote to the service's support."""
    body = {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "no"},
        "request_id": "req_b",
    }
    for headers, request_id in (({}, "req_b"), ({"request-id": "req_b"}, "req_b")):
        server.script(Reply.json(body, 400, headers=headers))
        provider = AnthropicProviderSession(KEY, base_url=server.url)
        with pytest.raises(ProviderSessionError) as caught:
            await read(provider.stream(ask()))
        assert caught.value.request_id == request_id
        await provider.close()


_BAD_THINKING = {"message": "no", "code": "invalid_encrypted_content"}


@pytest.mark.parametrize(
    "refused",
    [
        Reply.json({"error": _BAD_THINKING}, 400),
        Reply.json({"error": _BAD_THINKING}),
        Reply.events(event({"type": "error", **_BAD_THINKING})),
        Reply.events(
            event({"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}})
            + event({"type": "response.failed", "response": {"status": "failed", "error": _BAD_THINKING}})
        ),
    ],
    ids=["status", "inside a whole answer", "event", "event of a reply that had begun"],
)
async def test_thinking_that_cannot_be_read_any_more_is_left_out(
    server: FaultyServer, refused: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    """With another key the service cannot open it: the path is sent again without, once, and a line is logged."""
    thinking = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
    outline = outline_part("openai_responses", "gpt-6-sol", [raw_item(thinking), text_item(5, id="msg_1")])
    assert outline is not None
    path = (
        SessionMessage(content="Hi"),
        SessionMessage(role=MessageRole.ASSISTANT, content="Hello", parts=(outline,)),
        SessionMessage(content="Bye"),
    )
    output = [{"type": "message", "content": [{"type": "output_text", "text": "Bye"}]}]
    server.script(refused, Reply.json({"status": "completed", "output": output}))
    provider = OpenAIProviderSession(KEY, base_url=server.url)
    request = ProviderRequest("gpt-6-sol", path, idempotency_key="once")
    assert (await read(provider.stream(request))).text == "Bye"
    first, second = (sent.json["input"] for sent in server.requests)
    assert [item.get("type", "message") for item in first] == ["message", "reasoning", "message", "message"]
    assert [item.get("type", "message") for item in second] == ["message", "message", "message"]
    keys = [sent.headers["idempotency-key"] for sent in server.requests]
    assert len(set(keys)) == 2, "another body is another request"
    assert "thinking" in caplog.text
    server.script(refused)
    with pytest.raises(ProviderSessionError, match="invalid_encrypted_content"):
        await read(provider.stream(ask(model="gpt-6-sol")))
    await provider.close()
