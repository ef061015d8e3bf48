"""In a task of trio's every door says that this is for asyncio, before it does anything."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import trio

from langswarm_nb.core.session import (
    InMemorySessionStorage,
    ISession,
    ISessionManager,
    ISessionStorage,
    MessageRole,
    MessageStream,
    ProviderRequest,
    SessionContext,
    SessionError,
    SessionManager,
    SessionMessage,
    SessionRecord,
    SessionSettings,
    SQLiteSessionStorage,
    create_provider_session,
    create_session_manager,
    create_simple_session,
)
from langswarm_nb.core.session.conversation.nodes import TreeRows
from langswarm_nb.core.session.conversation.steps import Step
from langswarm_nb.core.session.messages import utc_now
from langswarm_nb.core.session.storage.unlogged import UnloggedStorage

MESSAGE = SessionMessage(role=MessageRole.USER, content="Hello!")
SETTINGS = SessionSettings("mock", "echo")
VALUES: Mapping[str, Any] = {
    "user_id": "ada",
    "provider": "mock",
    "model": "echo",
    "content": "Hello!",
    "text": "Hello!",
    "title": "Greetings",
    "message_id": "m",
    "message": MESSAGE,
    "messages": [MESSAGE],
    "record": SessionRecord(session_id="s", user_id="ada", settings=SETTINGS),
    "tree": TreeRows([], None, "main", [], [], [], 0),
    "before": utc_now(),
    "lease": "l",
    "seqs": [0],
    "decide": lambda _: Step(),
    "seq": 0,
    "turn": 0,
    "version": 0,
    "hidden": True,
    "reply_to": 0,
    "hashes": ["0" * 64],
}
"""What the doors need to be told."""
STORAGES: Mapping[str, Callable[[Path], ISessionStorage]] = {
    "memory": lambda _: InMemorySessionStorage(),
    "sqlite": SQLiteSessionStorage,
    "unlogged": lambda path: UnloggedStorage(SQLiteSessionStorage(path)),
}


def doors(interface: type) -> list[str]:
    """Return the async methods that an interface has."""
    return sorted(
        name
        for name, method in inspect.getmembers(interface, inspect.iscoroutinefunction)
        if not name.startswith("_") and name != "health_check"
    )


def call(target: object, door: str) -> Any:
    """Call a method with what it needs to be told."""
    method = getattr(target, door)
    if door == "restore_session":
        return method(VALUES["record"], [], VALUES["tree"])
    needed = {
        name: VALUES.get(name, "s")
        for name, parameter in inspect.signature(method).parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    }
    return method(**needed)


def in_trio(work: Callable[[], Awaitable[Any]]) -> Any:
    """Do something in a task of trio's."""

    async def run() -> Any:
        return await work()

    return trio.run(run)


def refused(work: Callable[[], Awaitable[Any]]) -> None:
    """Assert that it is told what is wrong."""
    with pytest.raises(SessionError, match=r"asyncio only.*trio task.*anyio\.run\(…, backend='asyncio'\)"):
        in_trio(work)


async def first_of(pieces: AsyncIterable[Any]) -> Any:
    async for piece in pieces:
        return piece
    return None


@pytest.fixture(params=STORAGES)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ISessionStorage]:
    made = STORAGES[request.param](tmp_path / "sessions.db")
    yield made
    asyncio.run(made.close())


@pytest.mark.parametrize("door", [*doors(ISessionStorage), "health_check"])
def test_a_storage_says_it(storage: ISessionStorage, door: str) -> None:
    """Whatever is asked of it."""
    refused(lambda: call(storage, door))
    assert asyncio.run(storage.list_sessions()) == []  # neither changed nor closed


@pytest.mark.parametrize("door", doors(ISessionManager))
def test_a_manager_says_it(storage: ISessionStorage, door: str) -> None:
    """Its closing, too, which closes nothing then."""
    manager = SessionManager(storage)
    refused(lambda: call(manager, door))
    refused(manager.__aenter__)
    assert asyncio.run(manager.list_user_sessions("ada")) == []


def test_the_health_of_a_manager_tells_it(storage: ISessionStorage) -> None:
    """It raises nothing."""
    health = in_trio(SessionManager(storage).health_check)
    assert health["status"] == "error"
    assert "asyncio only" in health["storage"]["error"]


@pytest.mark.parametrize("door", doors(ISession))
def test_a_session_says_it(storage: ISessionStorage, door: str, tmp_path: Path) -> None:
    """Whatever loop it was made on; nothing is stored."""
    session = asyncio.run(SessionManager(storage).create_session("ada", "mock", "echo"))
    refused(lambda: call(session, door))
    refused(SessionContext(session).__aenter__)
    refused(lambda: SessionContext(session).__aexit__(None, None, None))
    assert asyncio.run(session.refresh()) == session.record
    assert session.record.message_count == 0


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize(
    "read",
    [MessageStream.read, MessageStream.aclose, MessageStream.__anext__, first_of],
    ids=lambda way: way.__name__,
)
def test_a_stream_says_it(begun: bool, read: Any) -> None:
    """Also one that was begun elsewhere; it can be read on there."""
    manager = create_session_manager("memory")
    with asyncio.Runner() as runner:
        session = runner.run(manager.create_session("ada", "mock", "echo"))

        async def begin() -> MessageStream:
            stream = session.stream_message("Hello!")
            if begun:
                await anext(stream)
            return stream

        stream = runner.run(begin())
        refused(lambda: read(stream))
        reply = runner.run(stream.read())
    assert reply.content.endswith("Hello!")


@pytest.mark.parametrize("send", ["stream_message", "stream_regenerate"])
def test_a_send_says_it_at_once(send: str) -> None:
    """Where the stream is asked for."""
    session = asyncio.run(create_simple_session("ada"))

    async def ask() -> None:
        getattr(session, send)(*["Hello!"][: send == "stream_message"])

    refused(ask)


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini", "mistral", "cohere", "ollama", "mock"])
def test_a_provider_says_it(provider: str) -> None:
    """Before it opens a connection."""
    speaker = create_provider_session(provider, None if provider in ("ollama", "mock") else "k" * 40)
    request = ProviderRequest("m", (MESSAGE,))
    refused(lambda: first_of(speaker.stream(request)))
    if provider != "mock":  # its lists need no loop
        refused(speaker.list_models)


def test_a_simple_session_says_it() -> None:
    """Made and used in one line."""
    refused(lambda: create_simple_session("ada"))


async def test_where_trio_is_only_loaded_nothing_is_in_the_way() -> None:
    """Another library may have loaded it."""
    async with create_session_manager("memory") as manager:
        session = await manager.create_session("ada", "mock", "echo")
        assert (await session.send_message("Hello!")).role == "assistant"
    create_session_manager("memory").check_open()


def test_a_thread_of_trio_may_run_asyncio() -> None:
    """It is one of the ways out."""

    async def ask() -> str:
        session = await create_simple_session("ada", model="echo")
        return (await session.send_message("Hello!")).content

    assert in_trio(lambda: trio.to_thread.run_sync(asyncio.run, ask())).endswith("Hello!")


def test_who_does_not_use_trio_does_not_load_it() -> None:
    """To look whether it is loaded is all that it costs."""
    code = (
        "import asyncio, sys; from langswarm_nb.core.session import create_simple_session\n"
        "async def ask(): await (await create_simple_session('ada')).send_message('Hello!')\n"
        "asyncio.run(ask()); print('trio' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
