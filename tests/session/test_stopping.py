"""Streams that others end: by hand, by a close, by a loop that stands still; and sends inside of sends."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    ISession,
    ISessionLifecycleHook,
    ISessionMiddleware,
    MessageStream,
    SessionBusyError,
    SessionClosedError,
    SessionManager,
    SessionMessage,
    SessionMiddlewareError,
    SQLiteSessionStorage,
    create_session_manager,
)
from langswarm_nb.core.session.sending import turnstile
from tests.support.waits import PATIENCE_S

COUNT: dict[str, Any] = {"model": "mock:slow", "options": {"reply": " ".join(map(str, range(1, 100_000)))}}


class Held:
    """A stream that has brought one piece, and a task that reads on; the reply is too long to end by itself."""

    def __init__(self, session: BaseSession, **options: Any) -> None:
        self.stream = session.stream_message("Count", **COUNT, **options)
        self.texts: list[str] = []
        self._began = asyncio.Event()
        self.reading = asyncio.ensure_future(self._read())

    async def begun(self) -> MessageStream:
        """Return the stream once it has brought something."""
        await self._began.wait()
        return self.stream

    async def _read(self) -> list[str]:
        async for delta in self.stream:
            self.texts.append(delta.text)
            self._began.set()
        return self.texts


async def test_another_task_can_stop_a_stream_that_is_being_read(session: BaseSession) -> None:
    """`aclose` from anywhere ends the stream: its reader comes to the end, and the part is kept."""
    held = Held(session)
    stream = await held.begun()
    await stream.aclose()
    texts = await held.reading
    assert stream.reply is not None
    assert (stream.reply.content, stream.reply.finish_reason) == ("".join(texts), "interrupted")
    assert held.reading.cancelling() == 0
    assert (await session.send_message("Go on")).finish_reason == "stop"


async def test_a_stream_can_be_stopped_from_another_loop(session: BaseSession) -> None:
    """`aclose` on another thread's event loop ends the stream too."""
    held = Held(session)
    stream = await held.begun()
    await asyncio.to_thread(asyncio.run, stream.aclose())
    assert await held.reading
    assert stream.reply is not None


async def test_two_readers_of_one_stream_are_told_so(session: BaseSession) -> None:
    """A stream has one reader; a second gets a typed error, and the first reads on."""
    held = Held(session)
    stream = await held.begun()
    with pytest.raises(SessionBusyError, match="Two tasks"):
        await anext(stream)
    assert not held.reading.done()
    await stream.aclose()
    await held.reading


@pytest.mark.parametrize("beside", [False, True])
async def test_closing_the_manager_ends_sends_and_keeps_their_parts(tmp_path: Path, beside: bool) -> None:
    """A reader in the midst of a reply gets a typed error from `close`, and what had arrived is in the file."""
    config = {"db_path": str(tmp_path / "sessions.db")}
    manager = create_session_manager("sqlite", config)
    session = await manager.create_session("ada", "mock", "echo")
    held = Held(session, activate=not beside)
    await held.begun()
    waiting = None if beside else asyncio.ensure_future(session.send_message("Waits for its turn"))
    await asyncio.sleep(0)
    await manager.close()
    with pytest.raises(SessionClosedError):
        await held.reading
    if waiting is not None:
        with pytest.raises(SessionClosedError):
            await waiting
    async with create_session_manager("sqlite", config) as reopened:
        again = await reopened.get_session(session.session_id)
        assert again is not None
        question, part = await again.get_messages(branch="all")
    assert (question.content, part.content) == ("Count", "".join(held.texts))


@pytest.mark.parametrize("closed", [True, False])
def test_a_send_on_a_loop_that_stands_still_blocks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed: bool
) -> None:
    """A loop that was closed or left in mid-send holds its session for seconds at most; the part is kept."""
    monkeypatch.setattr(turnstile, "ABANDONED_AFTER_S", 0.05)
    manager = create_session_manager("sqlite", {"db_path": str(tmp_path / "sessions.db")})
    session = asyncio.run(manager.create_session("ada", "mock", "echo"))
    loop = asyncio.new_event_loop()

    async def begin() -> Held:
        held = Held(session)
        await held.begun()
        return held

    held = loop.run_until_complete(begin())
    if closed:
        held.reading._log_destroy_pending = False  # type: ignore[attr-defined]  # it is left on purpose
        loop.close()

    async def go_on() -> list[SessionMessage]:
        async with asyncio.timeout(PATIENCE_S):
            await session.send_message("Go on")
        return await session.get_messages()

    _, part, _, reply = asyncio.run(go_on())
    assert part.finish_reason == "interrupted"
    assert part.content
    assert reply.finish_reason == "stop"
    if not closed:
        held.reading.cancel()
        loop.run_until_complete(asyncio.wait([held.reading]))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
    asyncio.run(manager.close())


def test_one_who_waits_on_a_loop_that_stands_still_blocks_nobody(tmp_path: Path) -> None:
    """A send that waits for its turn on a loop that no longer runs lets those behind it through."""
    manager = create_session_manager("sqlite", {"db_path": str(tmp_path / "sessions.db")})
    session = asyncio.run(manager.create_session("ada", "mock", "echo"))
    standing = asyncio.new_event_loop()
    holds, go_on = threading.Event(), threading.Event()

    async def hold() -> None:
        held = Held(session)
        stream = await held.begun()
        holds.set()
        await asyncio.to_thread(go_on.wait)
        await stream.aclose()
        await held.reading

    async def send(text: str) -> str:
        async with asyncio.timeout(PATIENCE_S):
            return (await session.send_message(text)).content

    thread = threading.Thread(target=asyncio.run, args=(hold(),))
    thread.start()
    holds.wait()
    waiting = standing.create_task(send("first"))
    standing.run_until_complete(asyncio.sleep(0))
    go_on.set()
    assert asyncio.run(send("second")).endswith("second")
    assert standing.run_until_complete(waiting).endswith("first")
    thread.join()
    standing.close()
    asyncio.run(manager.close())


class Sends(ISessionLifecycleHook, ISessionMiddleware):
    """Sends once more in the same session, at one event."""

    def __init__(self, event: str) -> None:
        self.event, self.said = event, ""
        self.error: BaseException | None = None

    async def on_message_sent(self, session: ISession, message: SessionMessage) -> None:
        await self._send("on_message_sent", session)

    async def on_message_received(self, session: ISession, message: SessionMessage) -> None:
        await self._send("on_message_received", session)

    async def process_outgoing_message(self, session: ISession, message: SessionMessage) -> SessionMessage:
        await self._send("process_outgoing_message", session)
        return message

    async def process_incoming_message(self, session: ISession, message: SessionMessage) -> SessionMessage:
        await self._send("process_incoming_message", session)
        return message

    async def _send(self, event: str, session: ISession) -> None:
        if event == self.event and not self.said:
            self.said = "nothing yet"
            try:
                self.said = (await session.send_message("from inside")).content
            except SessionBusyError as error:
                self.error = error
                raise


async def test_a_hook_may_send_when_the_reply_is_stored(session: BaseSession) -> None:
    """`on_message_received` comes when the send is over, so another one does not wait for it."""
    hook = Sends("on_message_received")
    session.add_hook(hook)
    async with asyncio.timeout(PATIENCE_S):
        await session.send_message("Hello")
    assert hook.said.endswith("from inside")


@pytest.mark.parametrize("event", ["on_message_sent", "process_outgoing_message", "process_incoming_message"])
async def test_a_send_inside_a_send_is_refused(session: BaseSession, event: str) -> None:
    """What is told of a message on its way cannot wait for the way to be free: an error, not a wait for ever."""
    inside = Sends(event)
    session.add_hook(inside)
    session.add_middleware(inside)
    async with asyncio.timeout(PATIENCE_S):
        with suppress(SessionMiddlewareError):  # a hook that fails stops nothing
            await session.send_message("Hello")
    assert isinstance(inside.error, SessionBusyError)
    assert all(message.content != "from inside" for message in await session.get_messages())


async def test_sessions_of_one_manager_may_send_in_each_other(manager: SessionManager) -> None:
    """A middleware may ask another session."""
    one, other = [await manager.create_session("ada", "mock", "echo") for _ in range(2)]

    class Asks(ISessionMiddleware):
        async def process_outgoing_message(
            self, session: ISession, message: SessionMessage
        ) -> SessionMessage:
            await other.send_message("What is it?")
            return message

        async def process_incoming_message(
            self, session: ISession, message: SessionMessage
        ) -> SessionMessage:
            return message

    one.add_middleware(Asks())
    async with asyncio.timeout(PATIENCE_S):
        await one.send_message("Hello")
    assert len(await other.get_messages()) == 2


@pytest.mark.parametrize("reads_on", [True, False])
def test_a_manager_closed_from_another_loop_keeps_the_parts(tmp_path: Path, reads_on: bool) -> None:
    """`close` ends a send of another thread, also one that this thread's loop is closing as it ends."""
    config = {"db_path": str(tmp_path / "sessions.db")}
    manager = create_session_manager("sqlite", config)
    session = asyncio.run(manager.create_session("ada", "mock", "echo"))
    begun = threading.Event()
    ends: list[str] = []

    async def read() -> None:
        stream = session.stream_message("Count", **COUNT)
        await anext(stream)
        begun.set()
        try:
            while reads_on:
                await anext(stream)
        except SessionClosedError as error:
            ends.append(str(error))

    thread = threading.Thread(target=asyncio.run, args=(read(),))
    thread.start()
    begun.wait()
    asyncio.run(manager.close())
    thread.join()
    assert len(ends) == reads_on

    async def stored() -> list[SessionMessage]:
        async with create_session_manager("sqlite", config) as reopened:
            again = await reopened.get_session(session.session_id)
            assert again is not None
            return await again.get_messages(branch="all")

    question, part = asyncio.run(stored())
    assert question.content == "Count"
    assert part.content.startswith("1 ")
    assert part.finish_reason == "interrupted"


async def send(session: BaseSession) -> None:
    await session.send_message("Count", **COUNT)


async def send_beside(session: BaseSession) -> None:
    await session.send_message("Count", activate=False, **COUNT)


async def wait_for_a_turn(session: BaseSession) -> None:
    await asyncio.gather(send(session), session.add_system_message("Be brief."))


async def read_some(session: BaseSession) -> None:
    async for _ in session.stream_message("Count", **COUNT):
        await asyncio.get_running_loop().create_future()


class Stalls(ISessionLifecycleHook):
    """Never comes back once a question is stored."""

    async def on_message_sent(self, session: ISession, message: SessionMessage) -> None:
        if message.content == "Count":
            await asyncio.get_running_loop().create_future()


@pytest.fixture
def unraised(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What went wrong while something was collected, where nobody could be told."""
    told: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda error: told.append(repr(error.exc_value)))
    return told


def leave(work: Coroutine[Any, Any, None], goes_on: Iterator[object]) -> None:
    """Work for as many steps as ``goes_on`` has in a loop of its own, and close that then."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(work)
    for _ in goes_on:
        loop.run_until_complete(asyncio.sleep(0))
    assert not task.done()
    for left in asyncio.all_tasks(loop):
        left._log_destroy_pending = False  # type: ignore[attr-defined]  # it is left on purpose
    loop.close()


@pytest.mark.unmeasured
@pytest.mark.usefixtures("small_heap")
@pytest.mark.parametrize("in_a_loop", [True, False])
@pytest.mark.parametrize("steps", [1, 2, 3, 5, 8, 30])
@pytest.mark.parametrize("work", [send, send_beside, wait_for_a_turn, read_some, Stalls])
def test_a_send_whose_loop_has_ended_does_nothing_when_it_is_collected(
    unraised: list[str], work: Any, steps: int, in_a_loop: bool
) -> None:
    """Whatever other loop runs at that moment; the part is kept by who sends next."""
    manager = create_session_manager("memory")
    session = asyncio.run(manager.create_session("ada", "mock", "echo"))
    if work is Stalls:
        session.add_hook(Stalls())
        work = send
    leave(work(session), iter(range(steps)))
    if not in_a_loop:
        gc.collect()

    async def go_on() -> list[SessionMessage]:
        gc.collect()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        async with asyncio.timeout(PATIENCE_S):
            await session.send_message("Go on")
        return await session.get_messages()

    stored = asyncio.run(go_on())
    asyncio.run(manager.close())
    assert stored[-1].finish_reason == "stop"
    assert unraised == []


def test_a_statement_whose_loop_has_ended_is_followed_by_none(
    unraised: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lane of a loop that was closed in the midst of a statement hands nothing over when it is collected."""
    monkeypatch.setattr(threading, "excepthook", lambda _: None)  # aiosqlite's has an answer for that loop
    storage = SQLiteSessionStorage(tmp_path / "sessions.db")
    begun, may_end = threading.Event(), threading.Event()

    def stall(_: object) -> None:
        begun.set()
        may_end.wait()

    async def do() -> None:
        await storage._read(stall)

    leave(do(), iter(begun.is_set, True))
    gc.collect()
    may_end.set()
    assert asyncio.run(storage.list_sessions()) == []
    asyncio.run(storage.close())
    gc.collect()
    assert [error for error in unraised if not error.startswith("ResourceWarning")] == []


def test_the_part_of_a_send_that_was_collected_is_kept_when_its_manager_closes(tmp_path: Path) -> None:
    """Nobody has to send for it."""
    config = {"db_path": str(tmp_path / "sessions.db")}
    manager = create_session_manager("sqlite", config)
    session = asyncio.run(manager.create_session("ada", "mock", "echo"))
    loop = asyncio.new_event_loop()

    async def begin() -> None:
        stream = session.stream_message("Count", **COUNT)
        await anext(stream)
        reading = asyncio.ensure_future(stream.read())
        reading._log_destroy_pending = False  # type: ignore[attr-defined]  # it is left on purpose
        await asyncio.sleep(0)

    loop.run_until_complete(begin())
    loop.close()
    del loop
    gc.collect()
    asyncio.run(manager.close())

    async def stored() -> list[SessionMessage]:
        async with create_session_manager("sqlite", config) as reopened:
            again = await reopened.get_session(session.session_id)
            assert again is not None
            return await again.get_messages()

    _, part = asyncio.run(stored())
    assert part.finish_reason == "interrupted"
    assert part.content
