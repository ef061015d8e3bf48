"""A reply that was paid for and cannot be stored at its end: kept, shown, and stored as soon as it can be."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    ISession,
    ISessionLifecycleHook,
    MessageStream,
    ProviderServerError,
    SessionClosedError,
    SessionError,
    SessionManager,
    SessionMessage,
    SessionNotFoundError,
    SessionStorageError,
    create_session_manager,
)
from langswarm_nb.core.session.providers.mock import MockProviderSession
from langswarm_nb.core.session.sending import checkpoint
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage
from tests.support.storages import texts

Fault = Callable[[BaseSession], Any]


async def locks(session: BaseSession) -> Callable[[], Any]:
    """Let another program hold the file's lock for longer than the storage waits."""
    other = sqlite3.connect(path_of(session), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other.close


async def fills(session: BaseSession) -> Callable[[], Any]:
    """Let the file grow no more."""
    storage = sqlite(session)
    await storage._write(lambda db: db.execute("PRAGMA max_page_count = 1").fetchall())
    return lambda: storage._write(lambda db: db.execute("PRAGMA max_page_count = 4294967294").fetchall())


async def protects(session: BaseSession) -> Callable[[], Any]:
    """Make the file one that cannot be written."""
    storage = sqlite(session)
    await storage._write(lambda db: db.execute("PRAGMA query_only = 1").fetchall())
    return lambda: storage._read_in_writer("PRAGMA query_only = 0")


class Writable(SQLiteSessionStorage):
    """A storage whose connection for writes can be spoken to outside a transaction."""

    async def _read_in_writer(self, statement: str) -> None:
        await self._do("write", lambda db: db.execute(statement).fetchall(), alone=True)


def sqlite(session: BaseSession) -> Writable:
    assert isinstance(session.storage, Writable)
    return session.storage


def path_of(session: BaseSession) -> Path:
    return sqlite(session).db_path


@pytest.fixture(autouse=True)
def _found_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no save of a part find the fault before the reply is whole, however slow the machine."""
    monkeypatch.setattr(checkpoint, "CHECKPOINT_S", 1e6)


@pytest.fixture(params=[locks, fills, protects], ids=lambda fault: fault.__name__)
def fault(request: pytest.FixtureRequest) -> Any:
    return request.param


PAID = "paid " * 4000
"""Longer than what a file that is full has room for."""


@pytest.fixture
async def manager(tmp_path: Path) -> Any:
    storage = Writable(tmp_path / "s.db", busy_timeout_s=0.05)  # short on purpose: the lock outlasts it
    manager = SessionManager(storage)
    manager.add_provider_session("mock", MockProviderSession(replies=[PAID, "re two", "re three"]))
    yield manager
    with suppress(SessionError):
        await manager.close()


@pytest.fixture
async def session(manager: SessionManager) -> BaseSession:
    return await manager.create_session("ada", "mock", "echo")


async def fail(session: BaseSession, fault: Fault, **options: Any) -> tuple[Any, MessageStream, SessionError]:
    """Ask while a fault comes up as the reply arrives; return what heals it, the stream and its error."""
    stream = session.stream_message("one", **options)
    await anext(stream)
    heal = await fault(session)
    with pytest.raises(SessionError) as caught:
        await stream.read()
    return heal, stream, caught.value


async def healed(heal: Any) -> None:
    done = heal()
    if done is not None:
        await done


def provider(manager: SessionManager) -> MockProviderSession:
    mock = manager.provider_session("mock")
    assert isinstance(mock, MockProviderSession)
    return mock


async def test_it_is_on_the_error_and_on_the_stream(session: BaseSession, fault: Fault) -> None:
    """Both hold it whole, with its place; the text of the error tells that it is kept, and names the file."""
    heal, stream, error = await fail(session, fault)
    assert isinstance(error, SessionStorageError)
    assert error.reply is not None
    assert error.reply is stream.unstored is stream.partial
    assert (error.reply.content, error.reply.finish_reason, error.reply.address) == (PAID, "stop", "0.1")
    assert "s.db" in str(error)
    assert "kept in memory" in str(error)
    assert stream.reply is None
    await healed(heal)


async def test_the_next_message_stores_it_first_and_sends_it(
    session: BaseSession, manager: SessionManager, fault: Fault
) -> None:
    """Under its own question; the request that follows holds the paid reply once, between its neighbours."""
    heal, _, error = await fail(session, fault)
    await healed(heal)
    await session.send_message("two")
    path = await session.get_messages()
    assert texts(path) == f"one {PAID} two re two"
    assert error.reply is not None
    assert path[1].id == error.reply.id
    assert texts(provider(manager).requests[-1].messages) == f"one {PAID} two"
    assert session.metrics.message_count == 4
    assert await session.get_messages(branch="all") == path


async def test_nothing_goes_before_it(session: BaseSession, manager: SessionManager, fault: Fault) -> None:
    """While it cannot be stored, the next message of its session is refused: nothing is stored or sent."""
    heal, _, error = await fail(session, fault)
    for _ in range(2):
        with pytest.raises(SessionStorageError) as caught:
            await session.send_message("two")
        assert caught.value.reply is not None
        assert error.reply is not None
        assert caught.value.reply.id == error.reply.id
    assert len(provider(manager).requests) == 1
    await healed(heal)
    await session.send_message("three")
    assert texts(await session.get_messages()) == f"one {PAID} three re two"


@pytest.mark.parametrize("write", ["another session", "a setting", "a move", "a new session", "closing"])
async def test_any_write_that_succeeds_stores_it(
    session: BaseSession, manager: SessionManager, fault: Fault, write: str
) -> None:
    """Also one of another session, and the end of the manager."""
    elsewhere = await manager.create_session("ada", "mock", "echo")
    heal, *_ = await fail(session, fault)
    await healed(heal)
    if write == "another session":
        await elsewhere.send_message("elsewhere")
    elif write == "a setting":
        await elsewhere.rename("elsewhere")
    elif write == "a move":
        await session.set_tip(0)
    elif write == "a new session":
        await manager.create_session("ada", "mock", "echo")
    else:
        await manager.close()
    async with create_session_manager("sqlite", {"db_path": str(path_of(session))}) as fresh:
        found = await fresh.get_session(session.session_id)
        assert found is not None
        assert texts(await found.get_messages()) == f"one {PAID}"


async def test_a_session_that_cannot_be_written_does_not_hold_up_others(
    session: BaseSession, manager: SessionManager
) -> None:
    """A short message fits where the long reply does not: it is stored, and the reply goes on waiting."""
    elsewhere = await manager.create_session("ada", "mock", "echo")

    async def almost_fills(session: BaseSession) -> None:
        storage = sqlite(session)
        [(pages,)] = await storage._write(lambda db: db.execute("PRAGMA page_count").fetchall())
        await storage._write(lambda db: db.execute(f"PRAGMA max_page_count = {pages + 1}").fetchall())

    await fail(session, almost_fills)
    await elsewhere.send_message("two")
    assert texts(await elsewhere.get_messages()) == "two re two"
    assert [message.content for message in manager.late_replies.of(session)] == [PAID]


async def test_beside_the_path_it_comes_back_beside_the_path(
    session: BaseSession, manager: SessionManager, fault: Fault
) -> None:
    """An aside stays one."""
    heal, *_ = await fail(session, fault, history=False)
    await healed(heal)
    await session.send_message("two")
    assert texts(await session.get_messages()) == "two re two"
    [late] = [m for m in await session.get_messages(branch="all") if m.content == PAID]
    assert (late.is_aside, late.address) == (True, "0.1")


async def test_a_part_that_was_stopped_is_kept_too(
    session: BaseSession, manager: SessionManager, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    """The stop goes through without an error; one line tells, and the part is stored later."""
    manager.add_provider_session("mock", MockProviderSession(replies=[[PAID, "rest"], "re two"]))
    stream = session.stream_message("one")
    came = ""
    while len(came) < len(PAID):
        came += (await anext(stream)).text
    heal = await fault(session)
    await stream.aclose()
    assert stream.unstored is not None
    assert stream.unstored.content == came
    assert "Traceback" not in caplog.text
    assert "kept in memory" in caplog.text
    await healed(heal)
    await session.send_message("two")
    assert [m.finish_reason for m in await session.get_messages()] == [None, "interrupted", None, "stop"]


async def test_a_part_of_a_reply_that_failed_is_kept_too(
    session: BaseSession, manager: SessionManager, fault: Fault
) -> None:
    """The provider's error is what is raised; it carries the part, and says what became of it."""
    refusal = ProviderServerError("overloaded", maybe_processed=True)
    manager.add_provider_session("mock", MockProviderSession(replies=[[PAID, refusal], "re two"]))
    heal, stream, error = await fail(session, fault)
    assert error is refusal
    assert error.reply is stream.unstored
    assert error.reply is not None
    assert error.reply.content == PAID
    assert "kept in memory" in " ".join(error.__notes__)
    await healed(heal)
    await session.send_message("two")
    assert texts(await session.get_messages()) == f"one {PAID} two re two"


async def test_the_next_process_finds_the_checkpoint_under_its_own_question(
    session: BaseSession, manager: SessionManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel that dies before it could store the reply leaves a part; it never joins another question's answer."""
    monkeypatch.setattr(checkpoint, "CHECKPOINT_S", 0)
    await fail(session, fills)
    path = path_of(session)
    with closing(sqlite3.connect(path)) as db:
        payload = '{"key": "part", "role": "assistant", "content": "half", "ts_us": 1, "hidden": 0}'
        db.execute("INSERT INTO partials VALUES (1, 'part', 0, 'gone', 0, ?)", (payload,))
        db.commit()
    async with create_session_manager("sqlite", {"db_path": str(path)}) as fresh:
        mock = MockProviderSession(replies=["fine"])
        fresh.add_provider_session("mock", mock)
        again = await fresh.get_session(session.session_id)
        assert again is not None
        await again.send_message("two")
        path_now = await again.get_messages()
        assert texts(path_now) == "one half two fine"
        assert path_now[1].parent_seq == path_now[0].seq


@contextmanager
def logged_once(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert caplog.text.count("could not be saved") == 1
    assert "Traceback" not in caplog.text


async def test_a_lock_while_it_streams_is_told_in_one_line(
    session: BaseSession, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """However many parts could not be saved; a cell shows what is logged."""
    monkeypatch.setattr(checkpoint, "CHECKPOINT_S", 0)
    caplog.set_level("WARNING")
    with logged_once(caplog):
        heal, *_ = await fail(session, locks)
        await healed(heal)


async def deletes(session: BaseSession) -> None:
    """Delete the session in another process's way."""
    async with create_session_manager("sqlite", {"db_path": str(path_of(session))}) as other:
        await other.delete_session(session.session_id)


async def closes(session: BaseSession) -> None:
    """Close the storage under the session."""
    await session.storage.close()


@pytest.mark.parametrize(
    "end, error_type",
    [(deletes, SessionNotFoundError), (closes, SessionClosedError)],
    ids=["deleted", "closed"],
)
async def test_where_it_can_never_be_stored_the_error_has_it(
    session: BaseSession, manager: SessionManager, end: Any, error_type: type[SessionError]
) -> None:
    """The session deleted, the storage closed: the error carries the reply, and nothing waits for ever."""
    _, stream, error = await fail(session, end)
    assert isinstance(error, error_type)
    assert error.reply is stream.unstored
    assert error.reply is not None
    assert error.reply.content == PAID
    assert "error.reply" in str(error)
    assert manager.late_replies.of(session) == []


async def test_a_reply_of_a_session_that_was_deleted_waits_no_more(
    session: BaseSession, manager: SessionManager, fault: Fault
) -> None:
    """Here or elsewhere."""
    heal, *_ = await fail(session, fault)
    await healed(heal)
    await deletes(session)
    await manager.create_session("ada", "mock", "echo")
    assert manager.late_replies.of(session) == []


async def test_hooks_hear_of_it(session: BaseSession, fault: Fault) -> None:
    """As of every send that fails."""
    heard: list[BaseException] = []

    class Hears(ISessionLifecycleHook):
        async def on_error(self, session: ISession, error: Exception) -> None:
            heard.append(error)

    session.add_hook(Hears())
    heal, _, error = await fail(session, fault)
    assert heard == [error]
    await healed(heal)


def test_an_error_of_ours_has_room_for_a_reply() -> None:
    """Whichever it is; by default there is none."""
    assert SessionError("x").reply is None
    message: SessionMessage | None = SessionNotFoundError("x").reply
    assert message is None
