"""Two writers in one session, as two kernels are: sends wait for each other, and nobody waits for the dead."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    ISession,
    ISessionLifecycleHook,
    MessageRole,
    SessionBusyError,
    SessionMessage,
    SessionStorageError,
)
from langswarm_nb.core.session.conversation.steps import Done
from langswarm_nb.core.session.sending import lease as _lease
from langswarm_nb.core.session.sending.lease import Lease
from langswarm_nb.core.session.storage._sqlite import leases
from langswarm_nb.core.session.storage._sqlite.head import now_us
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage
from tests.support.two_kernels import Kernel
from tests.support.waits import PATIENCE_S


async def test_a_send_waits_for_the_answer_that_another_kernel_waits_for(
    kernels: tuple[Kernel, Kernel],
) -> None:
    """It is told, and then sent with that answer: the path is question, answer, question, answer."""
    first, second = kernels
    one = first.ask("one")
    await first.gate.begun.wait()
    two = second.ask("two")
    await second.waits.wait()
    assert second.told == ["waiting: another message of this session is being answered"]
    assert second.gate.requests == []
    first.gate.opened.set()
    await asyncio.gather(one, two)
    assert second.gate.sent == ["one", "re one", "two"]
    assert await first.path() == ["one", "re one", "two", "re two"]


async def test_many_sends_of_two_kernels_make_one_path(kernels: tuple[Kernel, Kernel]) -> None:
    """However they come, each is sent with all that was answered before it."""
    first, second = kernels
    first.gate.opened.set()
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(kernel.ask(f"{n}{kernel is first}") for n in range(4) for kernel in kernels))
    path = await first.session.get_messages()
    assert [message.role for message in path] == ["user", "assistant"] * 8
    assert [m.content for m in path[1::2]] == [f"re {m.content}" for m in path[::2]]
    assert [m.turn for m in path[::2]] == list(range(8))
    requests = [*first.gate.requests, *second.gate.requests]
    assert sorted(len(request.messages) for request in requests) == list(range(1, 16, 2))


async def test_a_send_that_is_given_up_while_it_waits_leaves_no_trace(kernels: tuple[Kernel, Kernel]) -> None:
    """Neither a question nor a lease, and the one that is answered is not disturbed."""
    first, second = kernels
    one = first.ask("one")
    await first.gate.begun.wait()
    two = second.ask("two")
    await second.waits.wait()
    two.cancel()
    with suppress(asyncio.CancelledError):
        await two
    first.gate.opened.set()
    await one
    assert await first.path() == ["one", "re one"]
    await second.ask("three")
    assert await first.path() == ["one", "re one", "three", "re three"]


async def test_asides_and_comparisons_wait_for_nobody(kernels: tuple[Kernel, Kernel]) -> None:
    """They stand beside the path, so nothing they do depends on what others do."""
    first, second = kernels
    one = first.ask("one")
    await first.gate.begun.wait()
    await second.ask("aside", history=False)
    await second.ask("compared", activate=False)
    assert second.told == []
    first.gate.opened.set()
    await one
    assert await first.path() == ["one", "re one"]


async def test_a_kernel_that_is_silent_for_fifteen_seconds_holds_nobody_up(
    kernels: tuple[Kernel, Kernel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next question goes on from the one that waits, without it; a late answer stays with its question, told."""
    first, second = kernels
    stream = first.session.stream_message("one")
    reading = asyncio.ensure_future(stream.read())
    await first.gate.begun.wait()
    monkeypatch.setattr(leases, "now_us", lambda: now_us() + leases.SILENCE_US + 1)
    await second.ask("two")
    assert second.gate.sent == ["two"], "what nobody answered is left out"
    first.gate.opened.set()
    late = await reading
    assert (late.address, late.parent_seq, late.is_active) == ("0.1", 0, False)
    assert stream.notes == ("the answer is at 0.1, the path has moved on",)
    assert await first.path() == ["one", "two", "re two"]


async def test_a_reply_that_cannot_be_stored_gives_its_lease_back(
    kernels: tuple[Kernel, Kernel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next send of another kernel need not wait for a silence."""
    first, second = kernels
    append = first.manager.storage.append_messages

    async def full(session_id: str, messages: Sequence[SessionMessage], **place: Any) -> list[SessionMessage]:
        if any(message.role is MessageRole.ASSISTANT for message in messages):
            raise SessionStorageError("The disk is full.")
        return await append(session_id, messages, **place)

    monkeypatch.setattr(first.manager.storage, "append_messages", full)
    first.gate.opened.set()
    with pytest.raises(SessionStorageError, match="full"):
        await first.ask("one")
    await second.ask("two")
    assert second.told == []
    assert await first.path() == ["one", "two", "re two"]
    monkeypatch.undo()


async def test_a_send_that_is_broken_off_after_its_question_gives_its_lease_back(
    kernels: tuple[Kernel, Kernel],
) -> None:
    """A task that is cancelled in a hook, before anything is sent, leaves a question that nobody waits for."""
    first, second = kernels
    stored = asyncio.Event()

    class Stuck(ISessionLifecycleHook):
        async def on_message_sent(self, session: ISession, message: SessionMessage) -> None:
            stored.set()
            await asyncio.Event().wait()

    first.session.add_hook(Stuck())
    one = first.ask("one")
    await stored.wait()
    one.cancel()
    with pytest.raises(asyncio.CancelledError):
        await one
    await second.ask("two")
    assert second.told == []
    assert await first.path() == ["one", "two", "re two"]


async def test_a_send_that_is_cancelled_while_its_question_is_stored_gives_its_lease_back(
    kernels: tuple[Kernel, Kernel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is cancelled at that moment does not know whether the question was stored; nobody waits for it."""
    first, second = kernels
    ask = first.manager.storage.ask

    async def stores_and_is_cancelled(*arguments: Any, **known: Any) -> Done:
        await ask(*arguments, **known)
        raise asyncio.CancelledError

    monkeypatch.setattr(first.manager.storage, "ask", stores_and_is_cancelled)
    with pytest.raises(asyncio.CancelledError):
        await first.ask("one")
    await second.ask("two")
    assert second.told == []


async def test_a_system_message_waits_for_the_answer_that_is_on_its_way(
    kernels: tuple[Kernel, Kernel],
) -> None:
    """It goes with the next question, and does not come between a question and its answer."""
    first, second = kernels
    one = first.ask("one")
    await first.gate.begun.wait()
    adding = asyncio.ensure_future(second.session.add_system_message("be brief"))
    await asyncio.sleep(0)
    assert not adding.done()
    first.gate.opened.set()
    await one
    assert (await adding).parent_seq == 1
    await second.ask("two")
    assert second.gate.sent == ["one", "re one", "be brief", "two"]
    assert await first.path() == ["one", "re one", "be brief", "two", "re two"]


async def test_a_system_message_does_not_wait_for_a_stream_that_its_own_task_has_left(
    session: BaseSession,
) -> None:
    """As for a send, the stream gives way, and what had arrived of it is kept."""
    left = session.stream_message("one two three")
    await anext(left)
    await session.add_system_message("be brief")
    question, part, system = await session.get_messages()
    assert (question.content, part.finish_reason, system.content) == (
        "one two three",
        "interrupted",
        "be brief",
    )


async def test_a_hook_cannot_add_a_system_message_to_the_send_that_it_is_a_part_of(
    session: BaseSession,
) -> None:
    """That would wait for itself; it is refused at once, and the send goes on."""
    refused: list[SessionBusyError] = []

    class Adds(ISessionLifecycleHook):
        async def on_message_sent(self, session: ISession, message: SessionMessage) -> None:
            try:
                await session.add_system_message("be brief")
            except SessionBusyError as error:
                refused.append(error)

    session.add_hook(Adds())
    await session.send_message("one")
    assert len(refused) == 1
    assert len(await session.get_messages()) == 2


class Beats(SQLiteSessionStorage):
    """Counts the beats of leases."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.count = 0
        self.beat = asyncio.Event()

    async def keep_lease(self, session_id: str, lease: str) -> None:
        self.count += 1
        self.beat.set()
        if self.count == 2:
            raise SessionStorageError("locked for a moment")


@dataclass
class Reading:
    """A send that is read, until nobody reads it any more."""

    loop: Any = None
    reader: Any = None
    idle_since: float | None = None


async def test_a_lease_is_kept_while_somebody_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its holder tells again and again, whatever the storage says; a stream left unread, or let go, tells nothing."""
    monkeypatch.setattr(_lease, "BEAT_S", 0.0)
    storage, reading = Beats(tmp_path / "s.db"), Reading()
    lease = Lease(storage, "s", "r")
    lease.hold(reading)  # type: ignore[arg-type]
    async with asyncio.timeout(PATIENCE_S):
        while storage.count < 5:
            storage.beat.clear()
            await storage.beat.wait()
    reading.idle_since = -1e9
    await turns_of_the_loop()
    left = storage.count
    await turns_of_the_loop()
    assert storage.count == left
    reading.idle_since = None
    lease.hold(reading)  # type: ignore[arg-type]
    lease.let_go()
    await turns_of_the_loop()
    assert storage.count == left


async def turns_of_the_loop() -> None:
    """Let everything that is due happen."""
    for _ in range(20):
        await asyncio.sleep(0)
