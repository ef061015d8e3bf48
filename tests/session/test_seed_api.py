"""The documented "Core Session API" holds to the letter."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from typing import Any

import pytest

import langswarm_nb.core.session as api
from langswarm_nb.core.session import base, interfaces
from tests.support.paths import shared_dir

REQUIRED = inspect.Parameter.empty

SIGNATURES: dict[str, tuple[dict[str, Any], bool]] = {
    "configure_development_sessions": ({}, False),
    "configure_production_sessions": ({"storage_config": None, "providers": None}, False),
    "create_session_manager": ({"storage": "sqlite", "storage_config": None, "providers": None}, False),
    "create_simple_session": (
        {"user_id": REQUIRED, "provider": "mock", "model": "gpt-4o", "api_key": None, "storage": "memory"},
        True,
    ),
    "get_session_manager": ({}, False),
    "initialize_default_session_manager": ({}, False),
    "session_context": ({"session": REQUIRED}, False),
    "set_session_manager": ({"manager": REQUIRED}, False),
}
METHODS: dict[type, dict[str, list[str]]] = {
    api.LoggingMiddleware: {
        "process_incoming_message": ["session", "message"],
        "process_outgoing_message": ["session", "message"],
    },
    api.MetricsHook: {
        "on_message_received": ["session", "message"],
        "on_message_sent": ["session", "message"],
        "on_session_archived": ["session"],
        "on_session_created": ["session"],
        "on_session_deleted": ["session"],
    },
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_every_function_has_the_documented_parameters(name: str) -> None:
    """Names, order, defaults and `async` are those of the document."""
    function = getattr(api, name)
    parameters, is_async = SIGNATURES[name]
    found = {p.name: p.default for p in inspect.signature(function).parameters.values()}
    assert found == parameters
    assert inspect.iscoroutinefunction(function) is is_async


def test_create_provider_session_takes_a_provider_a_key_and_options() -> None:
    """`create_provider_session(provider, api_key, **kwargs)`; None as key means the environment's."""
    parameters = list(inspect.signature(api.create_provider_session).parameters.values())
    assert [p.name for p in parameters] == ["provider", "api_key", "kwargs"]
    assert [p.default for p in parameters] == [REQUIRED] * 3
    assert parameters[2].kind is inspect.Parameter.VAR_KEYWORD


@pytest.mark.parametrize("kind", METHODS)
def test_every_method_has_the_documented_parameters(kind: type) -> None:
    """Hooks and middleware are async and take what the document says."""
    for name, parameters in METHODS[kind].items():
        method = getattr(kind, name)
        assert inspect.iscoroutinefunction(method)
        assert list(inspect.signature(method).parameters) == ["self", *parameters]
    assert issubclass(api.LoggingMiddleware, api.ISessionMiddleware)
    assert issubclass(api.MetricsHook, api.ISessionLifecycleHook)


def test_the_names_that_signatures_spell_are_where_they_say() -> None:
    """`base` holds the manager and the session, `interfaces` the contracts and the message."""
    assert base.SessionManager is api.SessionManager
    assert base.BaseSession is api.BaseSession
    for name in (
        "ISession",
        "IProviderSession",
        "SessionMessage",
        "ISessionMiddleware",
        "ISessionLifecycleHook",
    ):
        assert getattr(interfaces, name) is getattr(api, name)


def test_all_names_are_exported_and_sorted() -> None:
    """`__all__` names what is there, in order."""
    assert api.__all__ == sorted(api.__all__)
    assert all(hasattr(api, name) for name in api.__all__)


async def test_the_usage_example_runs_as_written(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The document's example runs with only the module's name changed; the stored history is what was said.

    The example speaks to OpenAI; a mock stands in for the service, nothing else does.
    """
    text = (shared_dir() / "seed-api.md").read_text(encoding="utf-8")
    example = text.split("Usage:\n", 1)[1].split("## Table of Contents")[0]
    code = inspect.cleandoc(example).replace("langswarm.core", "langswarm_nb.core")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-not-a-real-key-000000")
    code = code.replace(
        "# Create session\n",
        "manager.add_provider_session('openai', MockProviderSession())\n# Create session\n",
    )
    lines = "\n".join(f"    {line}" for line in code.splitlines())
    source = (
        "from langswarm_nb.core.session.providers.mock import MockProviderSession\n"
        f"async def example():\n{lines}\n    await manager.close()\n    return response, messages\n"
    )
    namespace: dict[str, Any] = {}
    exec(compile(source, "seed-api.md", "exec"), namespace)  # noqa: S102 - the document's own example
    response, messages = await namespace["example"]()
    assert [message.role for message in messages] == ["user", "assistant"]
    assert messages[0].content == "Hello!"
    assert messages[1] == response


async def test_a_simple_session_answers_offline() -> None:
    """`create_simple_session` needs no key and no network."""
    session = await api.create_simple_session("ada")
    reply = await session.send_message("Hello!")
    assert (session.provider, session.model) == ("mock", "gpt-4o")
    assert "Hello!" in reply.content
    assert reply.finish_reason == "stop"


def test_a_manager_is_made_without_an_event_loop(tmp_path: Path) -> None:
    """`create_session_manager` opens nothing."""
    path = tmp_path / "a" / "sessions.db"
    manager = api.create_session_manager("sqlite", {"db_path": str(path)})
    assert isinstance(manager, api.SessionManager)
    assert not path.exists()


async def test_production_keeps_its_file_in_the_users_data_directory(home: Path) -> None:
    """Without a `storage_config` the file lies in a place that needs no root, open to its owner alone."""
    async with api.configure_production_sessions() as manager:
        session = await manager.create_session("ada", "mock", "echo")
        await session.send_message("kept")
    [file] = await asyncio.to_thread(lambda: list(home.rglob("*.db")))
    assert file.stat().st_mode & 0o077 == 0


async def test_development_counts_and_logs() -> None:
    """`configure_development_sessions` has the logging middleware and the metrics hook."""
    async with api.configure_development_sessions() as manager:
        assert [type(hook) for hook in manager.hooks] == [api.MetricsHook]
        assert [type(middleware) for middleware in manager.middleware] == [api.LoggingMiddleware]


def test_the_default_manager_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """`initialize_default_session_manager` is idempotent and keeps a manager that was set."""
    api.set_session_manager(None)
    api.initialize_default_session_manager()
    first = api.get_session_manager()
    api.initialize_default_session_manager()
    assert first is not None
    assert api.get_session_manager() is first
    mine = api.configure_development_sessions()
    api.set_session_manager(mine)
    api.initialize_default_session_manager()
    assert api.get_session_manager() is mine
    api.set_session_manager(None)


async def test_a_session_context_yields_the_session_and_lets_an_exception_through(tmp_path: Path) -> None:
    """When the block ends, also by an exception, what happened in it is on disk."""
    config = {"db_path": str(tmp_path / "sessions.db")}
    manager = api.create_session_manager("sqlite", config)
    session = await manager.create_session("ada", "mock", "slow")

    async def fail_inside() -> None:
        async with api.session_context(session) as inside:
            assert inside is session
            stream = inside.stream_message("left in the middle")
            await anext(stream)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_inside()
    async with api.create_session_manager("sqlite", config) as other:
        reopened = await other.get_session(session.session_id)
        assert reopened is not None
        question, part = await reopened.get_messages()
    assert question.content == "left in the middle"
    assert part.request is not None
    assert (part.finish_reason, part.request.status) == ("interrupted", "stopped")
    await manager.close()


async def test_metrics_are_five_whole_numbers() -> None:
    """`MetricsHook.get_metrics` counts what the document names, and nothing else."""
    hook = api.MetricsHook()
    async with api.create_session_manager("memory") as manager:
        manager.add_global_hook(hook)
        session = await manager.create_session("ada", "mock", "echo")
        await session.send_message("one")
        await session.send_message("two")
        await session.archive()
        await session.delete()
    assert hook.get_metrics() == {
        "created": 1,
        "archived": 1,
        "deleted": 1,
        "messages_sent": 2,
        "messages_received": 2,
    }
