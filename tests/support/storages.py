"""Sessions and messages to store, and a short way to look at a tree of messages."""

from __future__ import annotations

import ctypes
import os
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from langswarm_nb.core.session import (
    ISessionStorage,
    MessageRole,
    RequestFacts,
    SessionMessage,
    SessionRecord,
    SessionSettings,
    Usage,
)
from tests.support.paths import REPOSITORY
from tests.support.waits import PATIENCE_S

Reopen = Callable[[], Awaitable[ISessionStorage]]


def record(session_id: str = "s", user_id: str = "ada", **changes: Any) -> SessionRecord:
    """Return a new session."""
    return SessionRecord(session_id, user_id, SessionSettings("mock", "echo"), **changes)


def question(content: str = "Why?", **fields: Any) -> SessionMessage:
    """Return a user's message."""
    return SessionMessage(role=MessageRole.USER, content=content, **fields)


def answer(content: str = "Because.", **fields: Any) -> SessionMessage:
    """Return a model's message with the facts of its request."""
    facts = RequestFacts("mock", "echo", model="echo-1", duration_s=0.5, usage=Usage(9, 1, 2, 7, 3))
    fields = {"request": facts, "finish_reason": "stop", "token_count": 7, **fields}
    return SessionMessage(role=MessageRole.ASSISTANT, content=content, **fields)


def system(content: str = "Be brief.") -> SessionMessage:
    """Return a system message."""
    return SessionMessage(role=MessageRole.SYSTEM, content=content)


async def talk(storage: ISessionStorage, *contents: str, session_id: str = "s") -> None:
    """Store a session with a question and an answer for each text."""
    await storage.create_session(record(session_id))
    for content in contents:
        await storage.append_messages(session_id, [question(f"{content}?"), answer(f"{content}!")])


def texts(messages: Iterable[SessionMessage]) -> str:
    """Return the contents, joined by blanks."""
    return " ".join(message.content for message in messages)


def places(messages: Iterable[SessionMessage]) -> list[tuple[int | None, int | None, int | None, int, bool]]:
    """Return seq, parent_seq, turn, version and is_active of each message."""
    return [(m.seq, m.parent_seq, m.turn, m.version, m.is_active) for m in messages]


WORKER = REPOSITORY / "tests" / "faults" / "storage_worker.py"


@contextmanager
def worker(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Start another process on a storage; it is killed at the end if it still runs."""
    command = [sys.executable, "-W", "error", str(WORKER), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, env=environment, text=True, stdin=pipe, stdout=pipe, stderr=pipe
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_ready(process: subprocess.Popen[str]) -> None:
    """Wait until a worker says that it is ready."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line == "ready\n", process.communicate()


def go_on(process: subprocess.Popen[str]) -> None:
    """Let a worker that is ready go on."""
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for a worker's end and return what it said; any error it met is ours."""
    output, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (0, "")
    return output


def check_sound(path: Path) -> None:
    """Assert that the file is whole, by SQLite's own check."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def obey_modes() -> None:
    """Put aside root's power to read and write every file, for this thread and those that it starts (Linux)."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    version_3, this_process = 0x20080522, 0
    header = (ctypes.c_uint32 * 2)(version_3, this_process)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; twice 32 bits
    file_powers = 0b1111  # CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
    for call in (libc.capget, libc.capset):
        if call(header, sets) != 0:
            raise OSError(ctypes.get_errno(), "capabilities")
        sets[0] &= ~file_powers
