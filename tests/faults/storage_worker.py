"""Another process on a storage's file: ``python storage_worker.py WHAT DB_PATH ...``; says on stdout what it did."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import signal
import sqlite3
import sys
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from langswarm_nb.core.session import SessionNotFoundError, create_session_manager
from langswarm_nb.core.session.storage._sqlite.former import bringing_over
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage
from tests.support.storages import answer, question, record


async def write(path: str, session_id: str, name: str, count: str) -> None:
    """Append turns to a session as soon as a line comes on stdin."""
    storage = SQLiteSessionStorage(path)
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(count)):
        (asked,) = await storage.append_messages(session_id, [question(f"{name} {number}")])
        await storage.append_messages(session_id, [answer(f"{name} {number}")], reply_to=asked.seq)
    await storage.close()


async def attach(path: str, session_id: str, count: str) -> None:
    """Append questions that carry the same images as those of others; every third time delete the session first."""
    logging.disable()  # it warns that the others read while it deletes
    storage = SQLiteSessionStorage(path)
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(count)):
        if number % 3 == 0:
            await storage.delete_session(session_id)
            await storage.create_session(record(session_id))
        image = {"type": "image", "media_type": "image/png", "data": bytes([number % 5]) * 20_000}
        await storage.append_messages(session_id, [question(parts=(image,))])
    await storage.close()


async def create(path: str, name: str) -> None:
    """Open a file that may not be there, as soon as a line comes on stdin, and store a session in it."""
    print("ready", flush=True)
    sys.stdin.readline()
    storage = SQLiteSessionStorage(path)
    await storage.create_session(record(name))
    await storage.append_messages(name, [question(name)])
    await storage.close()


async def stream(path: str, text: str) -> None:
    """Ask, keep a part of a reply, and wait to be told to end it or to be killed."""
    storage = SQLiteSessionStorage(path)
    await storage.create_session(record())
    await storage.append_messages("s", [question("Q")])
    reply = answer(text, id="reply")
    await storage.save_partial("s", replace(reply, content=text[:1]), reply_to=0)
    await storage.save_partial("s", reply, reply_to=0)
    print("ready", flush=True)
    sys.stdin.readline()
    await storage.append_messages("s", [answer(text + " and the rest", id="reply")], reply_to=0)
    await storage.close()


async def converse(path: str, session_id: str, name: str, count: str) -> None:
    """Send messages in a session as soon as a line comes on stdin, as a kernel does."""
    async with create_session_manager("sqlite", {"db_path": path}) as manager:
        session = await manager.get_session(session_id)
        assert session is not None
        print("ready", flush=True)
        sys.stdin.readline()
        for number in range(int(count)):
            await session.send_message(f"{name} {number}")


async def ask(path: str, session_id: str) -> None:
    """Wait for an answer that is on its way, to be killed."""
    async with create_session_manager("sqlite", {"db_path": path}) as manager:
        session = await manager.get_session(session_id)
        assert session is not None
        async for _ in session.stream_message("killed", model="mock:slow"):
            print("ready", flush=True)


async def repeat(path: str, session_id: str, message_id: str) -> None:
    """Send a message with an id of its own as soon as a line comes on stdin, and print the id of the reply."""
    async with create_session_manager("sqlite", {"db_path": path}) as manager:
        session = await manager.get_session(session_id)
        assert session is not None
        print("ready", flush=True)
        sys.stdin.readline()
        reply = await session.send_message("the same", message_id=message_id, model="mock:slow")
        print(reply.id, reply.request.attempts if reply.request else 0, flush=True)


def migrate(path: str) -> None:
    """Stop in the middle of the step to the newest tables, to be killed."""
    bring_over = bringing_over.bring_over

    def stop(db: sqlite3.Connection, *how: Any) -> None:
        bring_over(db, *how)
        print("ready", flush=True)
        sys.stdin.readline()

    setattr(bringing_over, "bring_over", stop)  # noqa: B010 - not with any arguments
    asyncio.run(SQLiteSessionStorage(path).list_sessions())


def hold(path: str) -> None:
    """Hold the write lock until a line comes on stdin."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    print("ready", flush=True)
    sys.stdin.readline()
    db.execute("ROLLBACK")
    db.close()


def kill(path: str, rounds: str, seed: str) -> None:
    """Kill a process that writes, again and again; print what it had acknowledged."""
    moments = random.Random(seed)
    acknowledged: list[str] = []
    for number in range(int(rounds)):
        acknowledged += _one_kill(path, number, moments.randrange(12))
    print(json.dumps(acknowledged))


def _one_kill(path: str, number: int, after: int) -> list[str]:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            asyncio.run(_write_turns(path, number, lambda line: os.write(writer, f"{line}\n".encode())))
        finally:
            os._exit(0)
    os.close(writer)
    lines: list[str] = []
    with os.fdopen(reader) as progress:
        for line in progress:
            lines.append(line.strip())
            if len(lines) == after + 1:
                os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return lines


async def _write_turns(path: str, number: int, say: Callable[[str], object]) -> None:
    storage = SQLiteSessionStorage(path, durability="fast" if number % 2 else "full")
    try:
        await storage.load_session("s")
    except SessionNotFoundError:
        await storage.create_session(record())
    for turn in range(3):
        name = f"{number}.{turn}"
        (asked,) = await storage.append_messages("s", [question(name, id=f"q{name}")])
        say(f"q{name}")
        for words in range(1, 4):
            part = answer(f"{name} " + "word " * words, id=f"r{name}")
            await storage.save_partial("s", part, reply_to=asked.seq or 0)
            say(f"p{name} {words}")
        whole = answer(f"{name} " + "word " * 4, id=f"r{name}")
        await storage.append_messages("s", [whole, question("more", id=f"m{name}")], reply_to=asked.seq)
        say(f"r{name}")
    await storage.close()


COMMANDS: dict[str, Callable[..., Coroutine[Any, Any, None] | None]] = {
    "ask": ask,
    "attach": attach,
    "converse": converse,
    "create": create,
    "hold": hold,
    "kill": kill,
    "migrate": migrate,
    "repeat": repeat,
    "stream": stream,
    "write": write,
}

if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    if (coroutine := COMMANDS[what](*arguments)) is not None:
        asyncio.run(coroutine)
