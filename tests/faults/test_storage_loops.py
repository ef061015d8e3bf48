"""Event loops, threads, forks and exits: nothing stays bound to what is gone, nothing accepted is lost."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import aiosqlite
import pytest

from langswarm_nb.core.session.storage._sqlite import lane as _lane
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage
from tests.support.paths import REPOSITORY
from tests.support.storages import answer, check_sound, question, record, texts
from tests.support.waits import PATIENCE_S

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def test_one_storage_serves_loops_one_after_another(tmp_path: Path) -> None:
    """It is made outside a loop, used by several `asyncio.run`, and closed in yet another."""
    storage = SQLiteSessionStorage(tmp_path / "s.db")
    asyncio.run(storage.create_session(record()))
    for number in range(3):
        asyncio.run(storage.append_messages("s", [question(str(number))]))
    assert texts(asyncio.run(storage.get_messages("s"))) == "0 1 2"
    asyncio.run(storage.close())
    assert threading.active_count() < 10


def test_one_storage_serves_threads_at_once(tmp_path: Path) -> None:
    """Each thread has a loop of its own; all messages are there, each thread's in order, each reply in its place."""
    storage = SQLiteSessionStorage(tmp_path / "s.db")
    asyncio.run(storage.create_session(record()))
    errors: list[BaseException] = []

    async def write(name: int) -> None:
        for step in range(20):
            (asked,) = await storage.append_messages("s", [question(f"{name}.{step}")])
            await storage.append_messages("s", [answer(f"{name}.{step}")], reply_to=asked.seq)

    def work(name: int) -> None:
        try:
            asyncio.run(write(name))
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    messages = asyncio.run(storage.get_messages("s", branch="all"))
    asyncio.run(storage.close())
    assert [m.seq for m in messages] == list(range(200))
    replies = [m for m in messages if m.role == "assistant"]
    assert [messages[m.parent_seq or 0].content for m in replies] == [m.content for m in replies]
    for name in range(5):
        mine = [m.content for m in messages if m.content.startswith(f"{name}.")]
        assert mine == [f"{name}.{step}" for step in range(20) for _ in "qa"]


async def test_what_waits_shares_one_commit(tmp_path: Path) -> None:
    """Appends of a hundred sessions at once cost a few transactions, not a hundred."""
    storage = SQLiteSessionStorage(tmp_path / "s.db")
    await asyncio.gather(*(storage.create_session(record(f"s{n}")) for n in range(100)))
    statements: list[str] = []
    await storage._write(lambda db: db.set_trace_callback(statements.append))
    await asyncio.gather(*(storage.append_messages(f"s{n}", [question(), answer()]) for n in range(100)))
    await storage._write(lambda db: db.set_trace_callback(None))
    assert statements.count("COMMIT") <= 4
    assert {r.message_count for r in await storage.list_sessions()} == {2}
    await storage.close()


async def test_aiosqlite_is_asked_once_for_each_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds a connection that is one, and each write is one commit there: what every aiosqlite can do."""
    commits: list[None] = []

    class Plain(aiosqlite.Connection):
        """Takes no connection that only looks like one."""

        def __init__(self, connector: Callable[[], sqlite3.Connection], iter_chunk_size: int) -> None:
            def connect() -> sqlite3.Connection:
                made = connector()
                if not isinstance(made, sqlite3.Connection):
                    raise TypeError(made)
                return made

            super().__init__(connect, iter_chunk_size)

        async def commit(self) -> None:
            commits.append(None)
            await super().commit()

    monkeypatch.setattr(aiosqlite, "Connection", Plain)
    storage = SQLiteSessionStorage(tmp_path / "s.db")
    await storage.create_session(record())
    commits.clear()
    for number in range(3):
        await storage.append_messages("s", [question(str(number)), answer()])
    assert len(commits) == 3
    await storage.close()
    assert (await stored(tmp_path / "s.db")).split() == ["0", "Because.", "1", "Because.", "2", "Because."]


async def test_one_append_costs_one_transaction_and_does_not_read_the_history(tmp_path: Path) -> None:
    """The statements of an append are few and the same, however long the history is."""
    storage = SQLiteSessionStorage(tmp_path / "s.db")
    await storage.create_session(record())
    counts: list[int] = []
    steps: list[None] = []
    await storage._write(lambda db: db.set_progress_handler(lambda: steps.append(None), 1))
    for length in (1, 1000):
        await storage.append_messages("s", [question() for _ in range(length)])
        steps.clear()
        await storage.append_messages("s", [question(), answer()])
        counts.append(len(steps))
    assert counts[1] < 1.5 * counts[0], "instructions that SQLite carried out"
    await storage.close()


def run(code: str, path: Path, *options: str) -> str:
    """Run a script that uses the storage; it must end by itself, without a word on stderr."""
    prelude = (
        "import asyncio, os, sys, threading\n"
        "from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage\n"
        "from tests.support.storages import answer, question, record, texts\n"
        "storage = SQLiteSessionStorage(sys.argv[1])\n"
    )
    command = [sys.executable, *options, "-c", prelude + code, str(path)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    process = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=PATIENCE_S, env=environment
    )
    assert (process.returncode, process.stderr) == (0, "")
    return process.stdout


async def stored(path: Path) -> str:
    storage = SQLiteSessionStorage(path)
    contents = texts(await storage.get_messages("s"))
    await storage.close()
    check_sound(path)
    return contents


STRICT = ("-X", "dev", "-W", "error")


async def test_a_script_that_never_closes_ends_at_once(tmp_path: Path) -> None:
    """A forgotten `close` keeps no process alive, and loses nothing."""
    code = """
async def main():
    await storage.create_session(record())
    await storage.append_messages("s", [question("kept")])
    await storage.get_messages("s")
asyncio.run(main())
"""
    run(code, tmp_path / "s.db", *STRICT)
    assert await stored(tmp_path / "s.db") == "kept"


async def test_what_was_accepted_is_stored_when_the_loop_ends(tmp_path: Path) -> None:
    """Appends that nobody waits for any more, because `asyncio.run` cancels them, are carried out before the exit."""
    code = """
async def main():
    await storage.create_session(record())
    await storage.append_messages("s", [question("first")])
    tasks = [asyncio.create_task(storage.append_messages("s", [question(str(n))])) for n in range(50)]
    await asyncio.sleep(0)
asyncio.run(main())
"""
    run(code, tmp_path / "s.db", *STRICT)
    assert await stored(tmp_path / "s.db") == " ".join(["first", *map(str, range(50))])


async def test_a_loop_closed_under_a_running_write_is_left_behind(tmp_path: Path) -> None:
    """A loop that is stopped and closed without care does not block the next one, the close, or the exit."""
    code = """
async def setup():
    await storage.create_session(record())
asyncio.run(setup())
loop = asyncio.new_event_loop()
loop.run_until_complete(storage.append_messages("s", [question("before")]))
threading.excepthook = lambda args: None  # the thread of that loop may say that its loop is gone
task = loop.create_task(storage.append_messages("s", [question("during")]))
loop.call_soon(loop.stop)
loop.run_forever()
loop.close()
task._log_destroy_pending = False
async def after():
    await storage.append_messages("s", [question("after")])
    print(texts(await storage.get_messages("s")))
    await storage.close()
asyncio.run(after())
"""
    seen = run(code, tmp_path / "s.db").split()
    assert seen in (["before", "during", "after"], ["before", "after"])
    # Nobody waits for the write that was left behind: it may come last, or first.
    assert (await stored(tmp_path / "s.db")).split() in (seen, [*seen, "during"])


@needs_fork
async def test_a_forked_child_is_told_that_it_cannot_share_the_file(tmp_path: Path) -> None:
    """A file open at the fork is a typed error in the child, also in a new storage; the parent loses nothing."""
    code = """
import warnings
from langswarm_nb.core.session import SessionStorageError
warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 warns of forks beside threads
async def main(*names):
    for name in names:
        await storage.append_messages("s", [question(name)])
asyncio.run(storage.create_session(record()))
asyncio.run(main("before"))
child = os.fork()
if child == 0:
    for one in (storage, SQLiteSessionStorage(sys.argv[1])):
        try:
            asyncio.run(one.append_messages("s", [question("child")]))
        except SessionStorageError as error:
            assert "spawn" in str(error)
        else:
            os._exit(1)
    sys.exit()
asyncio.run(main("meanwhile"))
assert os.waitpid(child, 0)[1] == 0
asyncio.run(main("after"))
"""
    run(code, tmp_path / "s.db")
    assert await stored(tmp_path / "s.db") == "before meanwhile after"


@needs_fork
async def test_children_forked_before_the_first_use_share_a_storage(tmp_path: Path) -> None:
    """A storage made before the fork and opened, or closed, at that time is any child's to use."""
    code = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
asyncio.run(storage.create_session(record()))
asyncio.run(storage.close())
storage = SQLiteSessionStorage(sys.argv[1])
children = []
for name in "abc":
    child = os.fork()
    if child == 0:
        async def write():
            for step in range(10):
                await storage.append_messages("s", [question(f"{name}{step}")])
        asyncio.run(write())
        sys.exit()
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
"""
    run(code, tmp_path / "s.db")
    contents = (await stored(tmp_path / "s.db")).split()
    assert sorted(contents) == [f"{name}{step}" for name in "abc" for step in range(10)]


@needs_fork
async def test_a_forked_child_that_only_ends_does_no_harm(tmp_path: Path) -> None:
    """The parent's connection and log survive the exit of a child that inherited them."""
    code = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
async def main():
    await storage.create_session(record())
    await storage.append_messages("s", [question("before")])
    await storage.get_messages("s")
asyncio.run(main())
child = os.fork()
if child == 0:
    del storage
    sys.exit()
os.waitpid(child, 0)
asyncio.run(storage.append_messages("s", [question("after")]))
"""
    run(code, tmp_path / "s.db")
    assert await stored(tmp_path / "s.db") == "before after"


async def test_close_waits_for_what_was_accepted(tmp_path: Path) -> None:
    """Appends under way when the storage is closed are stored, and their callers hear of it."""
    storage = SQLiteSessionStorage(tmp_path / "s.db")
    await storage.create_session(record())
    appends = [asyncio.create_task(storage.append_messages("s", [question(str(n))])) for n in range(30)]
    await asyncio.sleep(0)
    await storage.close()
    assert [m.content for (m,) in await asyncio.gather(*appends)] == [str(n) for n in range(30)]
    assert (await stored(tmp_path / "s.db")).split() == [str(n) for n in range(30)]


async def test_a_storage_can_be_used_in_a_loop_while_another_closed(tmp_path: Path) -> None:
    """Two storages on one file in one process do not take each other's locks away."""
    first, second = SQLiteSessionStorage(tmp_path / "s.db"), SQLiteSessionStorage(tmp_path / "s.db")
    await first.create_session(record())
    await second.append_messages("s", [question("second")])
    await second.close()
    third = SQLiteSessionStorage(tmp_path / "s.db")
    await asyncio.gather(
        *(one.append_messages("s", [question(str(n))]) for n in range(20) for one in (first, third))
    )
    assert len(await first.get_messages("s")) == 41
    await first.close()
    assert len(await third.get_messages("s")) == 41
    await third.close()
    check_sound(tmp_path / "s.db")


def interrupt_at(line: int, function: Callable[[], object]) -> bool:
    """Call a function, with a Ctrl-C at the n-th line that it runs in the module of the queue; False if it ran less."""
    left = line

    def trace(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        nonlocal left
        if frame.f_code.co_filename != _lane.__file__:
            return None
        if event == "line":
            left -= 1
            if left == 0:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.parametrize("rivals", [0, 3])
def test_ctrl_c_at_any_line_leaves_a_storage_that_works(tmp_path: Path, rivals: int) -> None:
    """Wherever the interrupt strikes: who still waits gets an answer, nothing is stored twice, and work goes on."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # tasks that end by Ctrl-C are reported there
    storage = SQLiteSessionStorage(tmp_path / "s.db", durability="fast")
    loop.run_until_complete(storage.create_session(record()))
    acknowledged: list[str] = []

    async def append(content: str) -> None:
        await storage.append_messages("s", [question(content)])
        acknowledged.append(content)

    struck, line = True, 0
    while struck:
        line += 1
        tasks = [loop.create_task(append(f"{line}.{n}")) for n in range(1 + rivals)]
        struck = interrupt_at(line, lambda tasks=tasks: loop.run_until_complete(asyncio.gather(*tasks)))  # type: ignore[misc]
        loop.run_until_complete(asyncio.wait_for(append(f"{line} after"), PATIENCE_S))
        loop.run_until_complete(asyncio.wait_for(asyncio.wait(tasks), PATIENCE_S))
        for task in tasks:
            assert isinstance(task.exception(), KeyboardInterrupt | None)
    stored_contents = [m.content for m in loop.run_until_complete(storage.get_messages("s"))]
    loop.run_until_complete(storage.close())
    loop.close()
    assert line > 12
    assert len(stored_contents) == len(set(stored_contents))
    assert set(acknowledged) <= set(stored_contents)


@pytest.mark.parametrize("steps", range(6))
async def test_cancelling_every_task_of_the_loop_leaves_a_storage_that_works(
    tmp_path: Path, steps: int
) -> None:
    """Our own tasks may be among those that somebody cancels: nobody waits for ever, and work goes on."""
    storage = SQLiteSessionStorage(tmp_path / "s.db", durability="fast")
    await storage.create_session(record())
    tasks = [asyncio.create_task(storage.append_messages("s", [question(str(n))])) for n in range(5)]
    for _ in range(steps):
        await asyncio.sleep(0)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await asyncio.wait_for(asyncio.wait(tasks), PATIENCE_S)
    await asyncio.wait_for(storage.append_messages("s", [question("after")]), PATIENCE_S)
    contents = [m.content for m in await storage.get_messages("s")]
    assert contents[-1] == "after"
    assert len(contents) == len(set(contents))
    await storage.close()
