"""Several processes in one session: whole turns in one order, nobody waits for the dead, a repeat is answered once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    SessionManager,
    SessionNotFoundError,
    create_session_manager,
)
from langswarm_nb.core.session.storage._sqlite import leases
from tests.support.storages import check_sound, finish, go_on, wait_ready, worker
from tests.support.waits import PATIENCE_S


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.db"


@pytest.fixture
async def manager(path: Path) -> AsyncIterator[SessionManager]:
    async with create_session_manager("sqlite", {"db_path": str(path)}) as manager:
        yield manager


@pytest.fixture
async def session(manager: SessionManager) -> BaseSession:
    return await manager.create_session("ada", "mock", "echo")


@pytest.mark.slow
async def test_two_processes_send_two_hundred_messages_each(path: Path, session: BaseSession) -> None:
    """All 400 turns are whole and in one order, each process's in its own; and neither waits for the other's last."""
    with ExitStack() as stack:
        both = [stack.enter_context(worker("converse", path, session.session_id, name, 200)) for name in "ab"]
        for process in both:
            wait_ready(process)
        for process in both:
            go_on(process)
        for process in both:
            finish(process)
    messages = await session.get_messages()
    assert len(await session.get_messages(branch="all")) == 800
    assert [m.role for m in messages] == ["user", "assistant"] * 400
    assert [m.seq for m in messages] == list(range(800))
    assert [m.turn for m in messages[::2]] == list(range(400))
    assert all(
        a.content.endswith(f"You said: {q.content}")
        for q, a in zip(messages[::2], messages[1::2], strict=True)
    )
    asked = [m.content for m in messages[::2]]
    for name in "ab":
        assert [text for text in asked if text.startswith(name)] == [f"{name} {n}" for n in range(200)]
    assert sum(one[0] != other[0] for one, other in pairwise(asked)) >= 3
    check_sound(path)


async def test_who_waits_for_a_process_that_is_killed_goes_on(
    path: Path, session: BaseSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As soon as it is gone, not when it has been silent for long; its question stays, with the part of its answer."""
    monkeypatch.setattr(leases, "SILENCE_US", 10**15)
    waits = asyncio.Event()
    with worker("ask", path, session.session_id) as process:
        wait_ready(process)
        sending = asyncio.ensure_future(session.send_message("alive", on_wait=lambda _: waits.set()))
        async with asyncio.timeout(PATIENCE_S):
            await waits.wait()
            process.kill()
            reply = await sending
        process.wait()
    assert reply.content.endswith("You said: alive")
    roles = [
        (m.role.value, m.content) for m in await session.get_messages() if m.finish_reason != "interrupted"
    ]
    assert roles == [("user", "killed"), ("user", "alive"), ("assistant", reply.content)]


async def test_a_repeat_in_many_processes_is_answered_once(path: Path, session: BaseSession) -> None:
    """All get the same reply, and one request was made."""
    with ExitStack() as stack:
        clients = [stack.enter_context(worker("repeat", path, session.session_id, "mine")) for _ in range(3)]
        for process in clients:
            wait_ready(process)
        for process in clients:
            go_on(process)
        replies = {finish(process) for process in clients}
    question, reply = await session.get_messages(branch="all")
    assert (question.id, question.content) == ("mine", "the same")
    assert replies == {f"{reply.id} 1\n"}


async def test_a_repeat_after_its_process_was_killed_is_asked_again(path: Path, session: BaseSession) -> None:
    """Under the same question, which is stored once."""
    with worker("repeat", path, session.session_id, "mine") as process:
        wait_ready(process)
        go_on(process)
        async with asyncio.timeout(PATIENCE_S):
            while not await session.get_messages():  # noqa: ASYNC110 - another process stores it
                await asyncio.sleep(0)
        process.kill()
        process.wait()
    reply = await session.send_message("the same", message_id="mine")
    questions = await session.get_messages(role="user", branch="all")
    assert [m.id for m in questions] == ["mine"]
    assert (reply.parent_seq, reply.content.endswith("You said: the same")) == (0, True)


async def test_a_process_learns_that_its_session_was_deleted_by_another(
    path: Path, session: BaseSession
) -> None:
    """Its send ends with an error of ours, while its model goes on."""
    with worker("ask", path, session.session_id) as process:
        wait_ready(process)
        await session.delete()
        output, errors = await asyncio.to_thread(process.communicate, timeout=PATIENCE_S)
    assert process.returncode == 1
    assert f"{SessionNotFoundError.__name__}: Session {session.session_id!r} was deleted while" in errors
    assert output.count("ready") < 150, "it had the whole answer"
