"""A full disk, a file-size limit, a lock that stays: typed errors, nothing half-written, and work goes on after."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from langswarm_nb.core.session import SessionStorageError
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage
from tests.support.paths import REPOSITORY
from tests.support.storages import answer, check_sound, go_on, question, record, texts, wait_ready, worker
from tests.support.waits import PATIENCE_S


async def test_a_lock_that_stays_is_an_error(tmp_path: Path) -> None:
    """It names file and limit; when the lock is gone writing works again."""
    path = tmp_path / "s.db"
    storage = SQLiteSessionStorage(path, busy_timeout_s=0.1)  # short on purpose: the lock outlasts it
    await storage.create_session(record())
    await storage.append_messages("s", [question("before")])
    with worker("hold", path) as process:
        wait_ready(process)
        appends = [storage.append_messages("s", [question(f"lost {number}")]) for number in range(20)]
        outcomes = await asyncio.gather(*appends, return_exceptions=True)
        for outcome in outcomes:
            assert isinstance(outcome, SessionStorageError)
            assert str(path) in str(outcome)
            assert "0.1 s" in str(outcome)
            assert isinstance(outcome.__cause__, sqlite3.OperationalError)
        go_on(process)
        process.wait()
    await storage.append_messages("s", [question("after")])
    assert texts(await storage.get_messages("s")) == "before after"
    await storage.close()


async def test_a_lock_that_goes_in_time_is_not_noticed(tmp_path: Path) -> None:
    """A write waits for another process; meanwhile other tasks run, reads are answered, and it can be cancelled."""
    path = tmp_path / "s.db"
    storage = SQLiteSessionStorage(path, busy_timeout_s=PATIENCE_S)
    await storage.create_session(record())
    await storage.append_messages("s", [question("before")])
    with worker("hold", path) as process:
        wait_ready(process)
        waits = asyncio.create_task(storage.append_messages("s", [question("waited")]))
        cancelled = asyncio.create_task(storage.append_messages("s", [question("cancelled")]))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.wait([cancelled], timeout=PATIENCE_S)
        assert cancelled.cancelled()
        for _ in range(10):
            assert texts(await storage.get_messages("s")) == "before"
        assert not waits.done()
        go_on(process)
        await waits
    assert texts(await storage.get_messages("s")).startswith("before waited")
    await storage.close()


async def test_the_task_that_waits_for_a_lock_can_be_cancelled(tmp_path: Path) -> None:
    """Ctrl-C in a cell ends though the write still waits; the next ones go on after it."""
    path = tmp_path / "s.db"
    storage = SQLiteSessionStorage(path, busy_timeout_s=PATIENCE_S)
    await storage.create_session(record())
    with worker("hold", path) as process:
        wait_ready(process)
        first = asyncio.create_task(storage.append_messages("s", [question("first")]))
        await asyncio.sleep(0)
        second = asyncio.create_task(storage.append_messages("s", [question("second")]))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first], timeout=PATIENCE_S)
        assert first.cancelled()
        assert not second.done()
        go_on(process)
        await second
    assert texts(await storage.get_messages("s")) == "first second"
    await storage.close()


FILLS = """
import asyncio, sys
from langswarm_nb.core.session import SessionStorageError
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage
from tests.support.storages import answer, question, record, texts

async def fill(storage):
    stored = 0
    while True:
        turn = [question(f"{stored} " + "x" * 3000), answer(str(stored))]
        try:
            await storage.append_messages("s", turn)
        except SessionStorageError as error:
            assert error.__cause__ is not None
            return stored, error
        stored += 1

async def main(path, make_room):
    storage = SQLiteSessionStorage(path)
    await storage.create_session(record())
    stored, error = await fill(storage)
    assert path in str(error), error
    print("error", error)
    assert stored > 5
    for _ in range(3):
        outcomes = await asyncio.gather(
            *(storage.append_messages("s", [question("y" * 5000)]) for _ in range(5)), return_exceptions=True)
        assert all(isinstance(outcome, SessionStorageError) for outcome in outcomes), outcomes
    messages = await storage.get_messages("s")
    assert [m.content.split()[0] for m in messages] == [str(n) for n in range(stored) for _ in "qa"]
    make_room()
    await storage.append_messages("s", [question("after"), answer("after")])
    messages = await storage.get_messages("s")
    assert [m.content.split()[0] for m in messages[-2:]] == ["after", "after"]
    assert len(messages) == 2 * stored + 2
    await storage.close()
    print("stored", stored)
"""

ON_A_SMALL_DISK = """
import os, subprocess
folder, = sys.argv[1:]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "none", folder], check=True)
with open(folder + "/ballast", "wb") as ballast:
    ballast.write(bytes(150_000))
asyncio.run(main(folder + "/s.db", lambda: os.unlink(folder + "/ballast")))
"""

UNDER_A_LIMIT = """
import resource
folder, = sys.argv[1:]
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, unlimited[1]))
asyncio.run(main(folder + "/s.db", lambda: resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)))
"""


def run(code: str, folder: Path, *before: str) -> list[str]:
    command = [*before, sys.executable, "-W", "error", "-c", FILLS + code, str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    process = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (process.returncode, process.stderr) == (0, "")
    return process.stdout.splitlines()


def can_mount(folder: Path) -> bool:
    if sys.platform != "linux" or not shutil.which("unshare"):
        return False
    attempt = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", str(folder)]
    return subprocess.run(attempt, capture_output=True, check=False).returncode == 0


def test_a_full_disk_loses_nothing_and_work_goes_on_when_there_is_room(tmp_path: Path) -> None:
    """Each write on a full disk is an error that says so; with some space freed the same storage writes again."""
    if not can_mount(tmp_path):
        pytest.skip("needs the right to mount a small disk of its own")
    error, _ = run(ON_A_SMALL_DISK, tmp_path, "unshare", "-rm")
    assert "full" in error


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
def test_a_file_size_limit_loses_nothing(tmp_path: Path) -> None:
    """The same under a limit on the size of files."""
    error, stored = run(UNDER_A_LIMIT, tmp_path)
    assert "disk" in error
    check_sound(tmp_path / "s.db")
    with closing(sqlite3.connect(tmp_path / "s.db")) as db:
        (count,) = db.execute("SELECT count(*) FROM messages").fetchone()
    assert count == 2 * int(stored.split()[1]) + 2


async def test_a_page_limit_is_a_full_disk(tmp_path: Path) -> None:
    """One append that does not fit fails alone; smaller ones in the same transaction are stored."""
    storage = SQLiteSessionStorage(tmp_path / "s.db")
    await storage.create_session(record())
    await storage._write(lambda db: db.execute("PRAGMA max_page_count = 60").fetchall())
    appends = [
        storage.append_messages("s", [question(str(n)), answer("z" * (10**6 if n == 3 else 10))])
        for n in range(6)
    ]
    outcomes = await asyncio.gather(*appends, return_exceptions=True)
    assert [n for n, outcome in enumerate(outcomes) if isinstance(outcome, BaseException)] == [3]
    assert isinstance(outcomes[3], SessionStorageError)
    assert "full" in str(outcomes[3])
    contents = [m.content for m in await storage.get_messages("s")]
    assert contents[::2] == ["0", "1", "2", "4", "5"]
    await storage.close()
