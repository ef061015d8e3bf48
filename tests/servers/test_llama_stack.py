"""Llama Stack (the project now called OGX): Responses and Conversations of another maker, over llama.cpp's server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    ProviderSessionError,
    SessionManager,
    create_session_manager,
)
from tests.support.installed import environment, free_port, python_of, running

if TYPE_CHECKING:
    from scripts.local_server import LocalServer

pytestmark = [pytest.mark.installs, pytest.mark.slow]

# It has no limit on mcp, whose version 2 has other names.
REQUIREMENTS = ("llama-stack>=0.7.3", "mcp>=1.23,<2", "aiosqlite", "sqlalchemy", "greenlet")


def config(folder: Path, upstream: str) -> dict[str, object]:
    """Return the smallest stack that has both APIs."""
    kv, sql = {"backend": "kv_default"}, {"backend": "sql_default"}
    kept = {"agent_state": {"namespace": "agents", **kv}, "responses": {"table_name": "responses", **sql}}
    files = {"storage_dir": str(folder / "files"), "metadata_store": {"table_name": "files", **sql}}
    providers = {
        "inference": ("remote::vllm", {"base_url": f"{upstream}/v1", "api_token": "none"}),
        "files": ("inline::localfs", files),
        "responses": ("inline::builtin", {"persistence": kept}),
    }
    named = {
        api: [{"provider_id": "up", "provider_type": kind, "config": settings}]
        for api, (kind, settings) in providers.items()
    }
    resources = ("models", "shields", "vector_dbs", "datasets", "scoring_fns", "benchmarks")
    return {
        "version": 2,
        "distro_name": "test",
        "apis": ["inference", "responses", "conversations", "files", "tool_runtime", "vector_io"],
        "providers": {**named, "tool_runtime": [], "vector_io": []},
        "storage": {
            "backends": {
                "kv_default": {"type": "kv_sqlite", "db_path": str(folder / "kv.db")},
                "sql_default": {"type": "sql_sqlite", "db_path": str(folder / "sql.db")},
            },
            "stores": {
                "metadata": {"namespace": "registry", **kv},
                "inference": {"table_name": "inference", **sql},
                "conversations": {"table_name": "conversations", **sql},
                "prompts": {"namespace": "prompts", **kv},
                "connectors": {"namespace": "connectors", **kv},
            },
        },
        "registered_resources": {name: [] for name in resources},
        "server": {"host": "127.0.0.1"},
    }


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, llama_server: LocalServer) -> Iterator[str]:
    """Yield the address of the stack."""
    programs = environment("llama-stack", *REQUIREMENTS, python=python_of((3, 12)))
    folder, port = tmp_path_factory.mktemp("stack"), free_port()
    (folder / "config.yaml").write_text(json.dumps(config(folder, llama_server.url)), "utf-8")  # JSON is YAML
    command = [str(programs / "llama"), "stack", "run", "config.yaml", "--port", str(port)]
    with running(command, f"http://127.0.0.1:{port}/v1/health", folder / "log", HOME=str(folder)):
        yield f"http://127.0.0.1:{port}/v1"


@pytest.fixture
async def manager(stack: str, tmp_path: Path) -> AsyncIterator[SessionManager]:
    providers = {name: {"api_key": "none-is-needed", "base_url": stack} for name in ("openai", "openai-chat")}
    async with create_session_manager("sqlite", {"db_path": str(tmp_path / "s.db")}, providers) as manager:
        yield manager


@pytest.fixture
def model(llama_server: LocalServer) -> str:
    return f"up/{llama_server.name}"


async def talk(session: BaseSession) -> list[int]:
    """Ask twice, and return how many tokens the model read each time."""
    read: list[int] = []
    for text in ("one two three four five", "and then"):
        reply = await session.send_message(text, max_tokens=16)
        assert reply.request is not None
        assert reply.request.status == "ok"
        assert reply.finish_reason in ("stop", "length")
        read.append(reply.request.usage.input_tokens or 0)
    assert len(await session.get_messages()) == 4
    return read


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("provider", ["openai", "openai-chat"])
async def test_the_history_is_sent(manager: SessionManager, model: str, provider: str, stream: bool) -> None:
    """Responses and Chat Completions: the second request holds the first turn."""
    first, second = await talk(await manager.create_session("ada", provider, model, stream=stream))
    assert 0 < first < second


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
async def test_a_conversation_that_it_holds_goes_on(
    manager: SessionManager, model: str, stream: bool
) -> None:
    """One conversation for both turns; with the session it is deleted there."""
    session = await manager.create_session("ada", "openai", model, "provider_native", stream=stream)
    first, second = await talk(session)
    assert 0 < first < second
    held = session.record.native
    assert held["id"].startswith("conv_")
    assert held["left"] == []
    assert await session.delete()
    assert await manager.provider_session("openai").delete_conversation(held["id"]) in (True, False)


async def test_a_branch_begins_another_conversation(manager: SessionManager, model: str) -> None:
    """What the provider holds is not what would be sent, so it is made anew from here."""
    session = await manager.create_session("ada", "openai", model, "provider_native")
    await talk(session)
    before = session.record.native["id"]
    await session.undo()
    await session.send_message("another way", max_tokens=16)
    assert session.record.native["id"] != before


async def test_what_it_refuses_is_told_in_its_words(manager: SessionManager, model: str) -> None:
    """It takes no fewer than 16 tokens."""
    session = await manager.create_session("ada", "openai", model, retries=0)
    with pytest.raises(ProviderSessionError, match="greater than or equal to 16"):
        await session.send_message("Hi", max_tokens=8)


async def test_models_can_be_listed(manager: SessionManager, model: str) -> None:
    """With the name of the stack's own provider before them."""
    models = await manager.provider_session("openai").list_models()
    assert model in {each.id for each in models}
