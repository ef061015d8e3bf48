"""Several processes on one file, and processes that are killed: nothing acknowledged is lost."""

from __future__ import annotations

import json
import os
import random
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from langswarm_nb.core.session import create_session_manager
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage
from tests.support.storages import (
    answer,
    check_sound,
    finish,
    go_on,
    places,
    question,
    record,
    texts,
    wait_ready,
    worker,
)
from tests.support.waits import PATIENCE_S

ROUNDS = int(os.environ.get("LANGSWARM_KILL_ROUNDS", "100"))
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


async def test_four_processes_write_in_one_session(tmp_path: Path) -> None:
    """All messages of all are there, each once, each writer's in order, each reply in its place; nobody sees a lock."""
    path = tmp_path / "s.db"
    storage = SQLiteSessionStorage(path)
    await storage.create_session(record())
    with ExitStack() as stack:
        writers = [stack.enter_context(worker("write", path, "s", name, 40)) for name in "abcd"]
        for process in writers:
            wait_ready(process)
        for process in writers:
            go_on(process)
        for number in range(40):
            await storage.append_messages("s", [question(f"e {number}"), answer(f"e {number}")])
        for process in writers:
            finish(process)
    messages = await storage.get_messages("s", branch="all")
    assert [m.seq for m in messages] == list(range(400))
    assert {m.turn for m in messages} == set(range(200))
    replies = [m for m in messages if m.role == "assistant"]
    assert [messages[m.parent_seq or 0].content for m in replies] == [m.content for m in replies]
    for name in "abcde":
        mine = [m for m in messages if m.content.startswith(name)]
        assert [m.content for m in mine] == [f"{name} {number}" for number in range(40) for _ in "qa"]
        assert [m.turn for m in mine[::2]] == [m.turn for m in mine[1::2]]
    assert (await storage.load_session("s")).message_count == 400
    await storage.close()
    check_sound(path)


async def test_four_processes_converse_in_one_session(tmp_path: Path) -> None:
    """Their sends wait for each other: the path is question, answer, question, answer, and has them all."""
    path = tmp_path / "s.db"
    async with create_session_manager("sqlite", {"db_path": str(path)}) as manager:
        session = await manager.create_session("ada", "mock", "echo")
        with ExitStack() as stack:
            kernels = [
                stack.enter_context(worker("converse", path, session.session_id, name, 5)) for name in "abcd"
            ]
            for process in kernels:
                wait_ready(process)
            for process in kernels:
                go_on(process)
            for process in kernels:
                finish(process)
        messages = await session.get_messages()
        assert len(await session.get_messages(branch="all")) == len(messages)
    assert [m.role for m in messages] == ["user", "assistant"] * 20
    assert [m.turn for m in messages[::2]] == list(range(20))
    assert all(
        a.content.endswith(f"You said: {q.content}")
        for q, a in zip(messages[::2], messages[1::2], strict=True)
    )
    for name in "abcd":
        mine = [m.content for m in messages[::2] if m.content.startswith(name)]
        assert mine == [f"{name} {number}" for number in range(5)]
    check_sound(path)


async def test_a_kernel_that_was_killed_holds_nobody_up(tmp_path: Path) -> None:
    """What it had asked stays where it is, unanswered; the next send of another process goes on at once."""
    path = tmp_path / "s.db"
    told: list[str] = []
    async with create_session_manager("sqlite", {"db_path": str(path)}) as manager:
        session = await manager.create_session("ada", "mock", "echo")
        with worker("ask", path, session.session_id) as process:
            wait_ready(process)
            process.kill()
            process.wait()
            await session.send_message("alive", on_wait=told.append)
        killed, alive, reply = await session.get_messages()
    assert (killed.content, alive.content, told) == ("killed", "alive", [])
    assert reply.content.endswith("You said: alive")


async def test_eight_processes_open_a_new_file_at_once(tmp_path: Path) -> None:
    """The first use of a file that is not there works for all who come at the same moment."""
    path = tmp_path / "new" / "folder" / "s.db"
    with ExitStack() as stack:
        writers = [stack.enter_context(worker("create", path, f"s{number}")) for number in range(8)]
        for process in writers:
            wait_ready(process)
        for process in writers:
            go_on(process)
        for process in writers:
            finish(process)
    storage = SQLiteSessionStorage(path)
    assert sorted(r.session_id for r in await storage.list_sessions()) == [f"s{n}" for n in range(8)]
    await storage.close()
    check_sound(path)


async def test_what_another_process_stored_is_seen_at_once(tmp_path: Path) -> None:
    """A message acknowledged in one process is in the next read of any other."""
    path = tmp_path / "s.db"
    storage = SQLiteSessionStorage(path)
    await storage.create_session(record())
    assert await storage.get_messages("s") == []
    with worker("write", path, "s", "other", 2) as process:
        wait_ready(process)
        go_on(process)
        finish(process)
    assert len(await storage.get_messages("s")) == 4
    await storage.close()


@needs_fork
async def test_a_process_killed_in_mid_write_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """After each kill -9 the next open works; questions, parts and replies that were acknowledged are there, whole."""
    path = tmp_path / "s.db"
    with worker("kill", path, ROUNDS, random.randrange(10**9)) as process:
        output, errors = process.communicate(timeout=PATIENCE_S + ROUNDS)
    assert (process.returncode, errors) == (0, "")
    acknowledged = json.loads(output)
    storage = SQLiteSessionStorage(path)
    await storage.load_session("s")
    messages = await storage.get_messages("s", branch="all")
    await storage.close()
    check_sound(path)
    assert [m.seq for m in messages] == list(range(len(messages)))
    by_id = {m.id: m for m in messages}
    assert len(by_id) == len(messages)
    assert acknowledged
    for line in acknowledged:
        kind, name = line[0], line[1:].split()[0]
        if kind == "q":
            assert by_id[f"q{name}"].content == name
        elif kind == "p":
            reply = by_id[f"r{name}"]
            assert reply.content.count("word") >= int(line.split()[1])
            assert reply.turn == by_id[f"q{name}"].turn
        else:
            assert by_id[f"r{name}"].content.count("word") == 4
    for message in messages:
        if message.id.startswith("r"):
            cut_short = message.content.count("word") < 4
            assert (message.finish_reason == "interrupted") is cut_short
            assert message.request is not None
            assert (message.request.status == "stopped") is cut_short
        if message.id.startswith("m"):
            assert f"r{message.id[1:]}" in by_id, "a turn was stored by halves"


async def test_a_reply_of_a_dead_process_is_closed_when_its_session_is_loaded(tmp_path: Path) -> None:
    """What had arrived is a message now, marked as interrupted, in the turn of its question."""
    path = tmp_path / "s.db"
    storage = SQLiteSessionStorage(path)
    await storage.list_sessions()
    with worker("stream", path, "Half an ans") as process:
        wait_ready(process)
        loaded = await storage.load_session("s")
        assert (loaded.message_count, loaded.tip_seq) == (1, 0), "its writer lives: it is left alone"
        process.kill()
        process.wait()
        loaded = await storage.load_session("s")
    assert (loaded.message_count, loaded.tip_seq) == (2, 1)
    (_, reply) = await storage.get_messages("s")
    assert (reply.id, reply.content, reply.finish_reason) == ("reply", "Half an ans", "interrupted")
    assert reply.request is not None
    assert (reply.request.status, reply.turn) == ("stopped", 0)
    assert (await storage.load_session("s")).message_count == 2
    await storage.close()


async def test_a_reply_of_a_dead_process_is_closed_at_the_next_open(tmp_path: Path) -> None:
    """A process that writes to any session of the file closes what the dead left in all."""
    path = tmp_path / "s.db"
    with worker("stream", path, "Half") as process:
        wait_ready(process)
        process.kill()
        process.wait()
    storage = SQLiteSessionStorage(path)
    await storage.create_session(record("another"))
    assert texts(await storage.get_messages("s")) == "Q Half"
    await storage.close()


async def test_a_reply_that_ends_well_leaves_no_part(tmp_path: Path) -> None:
    """The stored reply takes the place of the part that was kept of it."""
    path = tmp_path / "s.db"
    with worker("stream", path, "Half") as process:
        wait_ready(process)
        go_on(process)
        finish(process)
    storage = SQLiteSessionStorage(path)
    assert (await storage.load_session("s")).message_count == 2
    assert texts(await storage.get_messages("s")) == "Q Half and the rest"
    await storage.close()


async def test_a_writer_taken_for_dead_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a reply was closed too early, its whole is stored after all, in the place of the part and on the path."""
    path = tmp_path / "s.db"
    storage = SQLiteSessionStorage(path)
    with worker("stream", path, "Half") as process:
        wait_ready(process)
        monkeypatch.setattr("langswarm_nb.core.session.storage._sqlite.owner.is_gone", lambda *_: True)
        assert (await storage.load_session("s")).tip_seq == 1
        go_on(process)
        finish(process)
    everything = await storage.get_messages("s", branch="all")
    assert texts(everything) == "Q Half Half and the rest"
    assert places(everything) == [(0, None, 0, 1, True), (1, 0, 0, 1, False), (2, 0, 0, 1, True)]
    assert (await storage.load_session("s")).tip_seq == 2
    await storage.close()


@pytest.mark.skipif(sys.platform == "win32", reason="files that are open cannot be cut there")
async def test_a_torn_log_gives_a_prefix_of_the_history(tmp_path: Path) -> None:
    """A write-ahead log cut at any byte opens to the turns before the cut, each whole."""
    origin = tmp_path / "origin.db"
    storage = SQLiteSessionStorage(origin)
    await storage.create_session(record())
    for number in range(12):
        await storage.append_messages("s", [question(f"q{number} " + "x" * 300), answer(f"a{number}")])
    database, log = origin.read_bytes(), (tmp_path / "origin.db-wal").read_bytes()
    await storage.close()
    cuts = random.Random(7)
    seen = set()
    for number in range(40):
        path = tmp_path / f"torn{number}.db"
        path.write_bytes(database)
        torn = bytearray(log[: cuts.randrange(len(log))])
        if number % 2 and torn:
            torn[cuts.randrange(len(torn))] ^= 0xFF
        path.with_name(f"{path.name}-wal").write_bytes(torn)
        reopened = SQLiteSessionStorage(path)
        sessions = await reopened.list_sessions()
        contents = [m.content.split()[0] for m in await reopened.get_messages("s")] if sessions else []
        assert contents == [f"{kind}{turn}" for turn in range(len(contents) // 2) for kind in "qa"]
        if sessions:
            await reopened.append_messages("s", [question("goes on")])
        await reopened.close()
        check_sound(path)
        seen.add(len(contents))
    assert len(seen) > 3
