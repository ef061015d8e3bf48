"""LiteLLM's proxy, with models that it mocks: limits, budgets, costs and errors as it tells them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    ContextLengthError,
    ProviderQuotaError,
    ProviderRateLimitError,
    ProviderServerError,
    ProviderSessionError,
    RetryNotice,
    SessionManager,
    create_session_manager,
)
from tests.support.installed import environment, free_port, running

pytestmark = [pytest.mark.installs, pytest.mark.slow]

KEY = "sk-test-0123456789abcdef"
TEXT = "Hello from the proxy, word by word."


def model(name: str, answer: str, **more: object) -> dict[str, object]:
    """Return a model of the proxy that answers so, or fails."""
    params = {"model": f"openai/{name}", "api_key": "none", "mock_response": answer, **more}
    return {"model_name": name, "litellm_params": params}


PRICES = {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}
CONFIG = {
    "model_list": [
        model("priced", TEXT, **PRICES),
        model("limited", "litellm.RateLimitError"),
        model("long", "litellm.ContextWindowExceededError"),
        model("broken", "litellm.InternalServerError"),
        model("spent", TEXT, max_budget=1e-9, budget_duration="1d", **PRICES),
    ],
    "router_settings": {"num_retries": 0},
    "general_settings": {"master_key": KEY},
}


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of the proxy."""
    # 1.107.0 was published by an attacker.
    programs = environment("litellm", "litellm[proxy]!=1.107.0")
    folder, port = tmp_path_factory.mktemp("litellm"), free_port()
    (folder / "config.yaml").write_text(json.dumps(CONFIG), "utf-8")  # JSON is YAML
    address = f"http://127.0.0.1:{port}"
    command = [
        str(programs / "litellm"),
        "--config",
        "config.yaml",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    offline = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}
    with running(command, f"{address}/health/liveliness", folder / "log", **offline):
        yield address


@pytest.fixture
async def manager(proxy: str, tmp_path: Path) -> AsyncIterator[SessionManager]:
    addresses = {
        "litellm": f"{proxy}/v1",
        "openai": f"{proxy}/v1",
        "anthropic": proxy,
    }
    providers = {name: {"api_key": KEY, "base_url": url} for name, url in addresses.items()}
    async with create_session_manager("sqlite", {"db_path": str(tmp_path / "s.db")}, providers) as manager:
        yield manager


async def ask(manager: SessionManager, model: str, provider: str = "litellm", **options: Any) -> BaseSession:
    """Return a session with a model of the proxy."""
    return await manager.create_session("ada", provider, model, **options)


# The proxy's mocks answer streams of Responses with an error of their own.
@pytest.mark.parametrize(
    "provider, stream",
    [("litellm", True), ("litellm", False), ("openai", False), ("anthropic", True), ("anthropic", False)],
)
async def test_a_reply_comes_in_each_of_its_dialects(
    manager: SessionManager, provider: str, stream: bool
) -> None:
    """Chat Completions, Responses and Messages; Messages come whole though a stream was asked for."""
    session = await ask(manager, "priced", provider, stream=stream)
    for _ in range(2):
        reply = await session.send_message("Hi", max_tokens=50)
        assert (reply.content, reply.finish_reason) == (TEXT, "stop")
        assert reply.usage is not None
        assert reply.usage.output_tokens
    assert len(await session.get_messages()) == 4


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
async def test_the_cost_is_what_the_proxy_tells(manager: SessionManager, stream: bool) -> None:
    """In a header, or in the usage of a stream."""
    session = await ask(manager, "priced", stream=stream)
    reply = await session.send_message("Hi")
    facts = reply.request
    assert facts is not None
    assert facts.cost_source == "provider"
    assert facts.cost_usd == pytest.approx(
        facts.usage.input_tokens * 1e-6 + facts.usage.output_tokens * 2e-6  # type: ignore[operator]
    )


async def test_a_reply_has_the_id_of_its_call(manager: SessionManager) -> None:
    """By which the proxy's log knows it."""
    reply = await (await ask(manager, "priced")).send_message("Hi")
    assert reply.request is not None
    assert reply.request.provider_request_id


async def test_a_rate_limit_is_waited_for_and_told(manager: SessionManager) -> None:
    """After the repeats it is an error, with the proxy's words."""
    waits: list[RetryNotice] = []
    session = await ask(manager, "limited", retries=1)
    with pytest.raises(ProviderRateLimitError, match="mock rate limit error") as caught:
        await session.send_message("Hi", on_retry=waits.append)
    assert len(waits) == 1
    assert not isinstance(caught.value, ProviderQuotaError)


async def test_a_budget_that_is_spent_is_final(manager: SessionManager) -> None:
    """One request, no wait."""
    waits: list[RetryNotice] = []
    session = await ask(manager, "spent", retries=3)
    error: ProviderSessionError | None = None
    for _ in range(5):  # the proxy counts what is spent a moment later
        try:
            await session.send_message("Hi", on_retry=waits.append)
        except ProviderSessionError as failure:
            error = failure
            break
    assert isinstance(error, ProviderQuotaError)
    assert "budget" in str(error)
    assert waits == []


@pytest.mark.parametrize(
    "model, error, words",
    [
        ("long", ContextLengthError, "context window"),
        ("broken", ProviderServerError, "mock internal server error"),
        ("nowhere", ProviderSessionError, "nowhere"),
    ],
)
async def test_the_proxys_words_reach_the_user(
    manager: SessionManager, model: str, error: type[ProviderSessionError], words: str
) -> None:
    """Each failure has its class, and says what the proxy said; the session goes on."""
    session = await ask(manager, model, retries=0)
    with pytest.raises(error, match=words) as caught:
        await session.send_message("Hi")
    assert KEY not in str(caught.value)
    reply = await session.send_message("Again", model="priced")
    assert reply.content == TEXT


async def test_models_can_be_listed(manager: SessionManager) -> None:
    """All that the key may use."""
    models = await manager.provider_session("litellm").list_models()
    assert {"priced", "limited"} <= {model.id for model in models}


async def test_a_wrong_key_is_refused_without_being_shown(proxy: str) -> None:
    """The error tells what the proxy said."""
    wrong = "sk-wrong-0123456789abcdef"
    providers = {"litellm": {"api_key": wrong, "base_url": f"{proxy}/v1"}}
    async with create_session_manager("memory", None, providers) as manager:
        session = await ask(manager, "priced", retries=0)
        with pytest.raises(ProviderSessionError) as caught:
            await session.send_message("Hi")
    assert wrong not in str(caught.value)
