"""Writing and reading messages."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from langswarm_nb.core.session import SessionMessage
from tests.bench import ours, raw
from tests.bench.measuring import Spent, on_loop
from tests.bench.row import Counts, Measure, Row, Side

TURN = (ours.QUESTION, ours.ANSWER)
BATCH = 50
SESSIONS = 100


def _raw_append(history: int) -> Side:
    @contextmanager
    def side() -> Iterator[Measure]:
        with raw.database() as db:
            raw.append(db, 1, TURN * (history // 2))

            def work() -> float:
                spent = Spent()
                for _ in range(BATCH):
                    raw.append(db, 1, TURN)
                return spent.ms(BATCH)

            yield work

    return side


def _append(history: int) -> Side:
    @on_loop
    @asynccontextmanager
    async def side() -> AsyncIterator[Callable[[], Awaitable[float]]]:
        async with ours.manager() as manager:
            session = await ours.session(manager, messages=history)

            async def work() -> float:
                each = [ours.turns(1) for _ in range(BATCH)]
                spent = Spent()
                for turn in each:
                    await manager.storage.append_messages(session.session_id, turn)
                return spent.ms(BATCH)

            yield work

    return side


@contextmanager
def _raw_load() -> Iterator[Measure]:
    with raw.database() as db:
        raw.append(db, 1, TURN * 5_000)

        def work() -> float:
            spent = Spent()
            db.execute(f"{raw.SELECT} ORDER BY id", (1,)).fetchall()
            return spent.ms()

        yield work


@on_loop
@asynccontextmanager
async def _load() -> AsyncIterator[Callable[[], Awaitable[float]]]:
    async with ours.manager() as manager:
        session = await ours.session(manager, messages=10_000)

        async def work() -> float:
            spent = Spent()
            assert len(await manager.storage.get_messages(session.session_id)) == 10_000
            return spent.ms()

        yield work


# What goes to the disk is read from the log itself, which this number of turns does not fill: SQLite writes it
# in frames of a page, and ends a transaction, which is one fsync, with a frame that says so.
LOGGED_TURNS = 40
FRAME_HEAD, LOG_HEAD = 24, 32


def _log(db_path: Path) -> tuple[int, int]:
    """Return the frames of a log that are in use, and how many of them end a transaction."""
    data = Path(f"{db_path}-wal").read_bytes()
    page = int.from_bytes(data[8:12], "big")
    salts = data[16:24]
    frames = ends = 0
    for at in range(LOG_HEAD, len(data) - page, FRAME_HEAD + page):
        if data[at + 8 : at + 16] != salts:
            break
        frames += 1
        ends += data[at + 4 : at + 8] != bytes(4)
    return frames * (FRAME_HEAD + page), ends


@contextmanager
def _raw_written(kind: int) -> Iterator[Measure]:
    with raw.database() as db:
        raw.append(db, 1, TURN * 5_000)
        [(_, _, path)] = db.execute("PRAGMA database_list")

        def work() -> float:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            for _ in range(LOGGED_TURNS):
                raw.append(db, 1, TURN)
            return _a_turn(_log(path)[kind], kind)

        yield work


def _written(kind: int, way: str) -> Side:
    @on_loop
    @asynccontextmanager
    async def side() -> AsyncIterator[Callable[[], Awaitable[float]]]:
        async with ours.manager() as manager:
            session = await ours.session(manager, messages=10_000, model="deltas=2")
            path = manager.storage.db_path

            async def work() -> float:
                with sqlite3.connect(path) as db:
                    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                db.close()
                for _ in range(LOGGED_TURNS):
                    if way == "append":
                        await manager.storage.append_messages(session.session_id, ours.turns(1))
                    else:
                        await session.send_message(ours.QUESTION, max_messages=2)
                return _a_turn(_log(path)[kind], kind)

            yield work

    return side


def _a_turn(total: int, kind: int) -> float:
    return total / LOGGED_TURNS / (1 if kind else 1000)


@contextmanager
def _raw_size() -> Iterator[Measure]:
    with raw.database() as db:
        raw.append(db, 1, TURN * 10_000)
        size = raw.size_of(db)
        yield lambda: size / 20_000


def _size(*, with_facts: bool) -> Side:
    @on_loop
    @asynccontextmanager
    async def side() -> AsyncIterator[Callable[[], Awaitable[float]]]:
        async with ours.manager() as manager:
            session = await ours.session(manager)
            await manager.storage.append_messages(
                session.session_id, ours.turns(10_000, with_facts=with_facts)
            )
            await manager.close()
            size: int = manager.storage.db_path.stat().st_size

            async def work() -> float:
                return size / 20_000

            yield work

    return side


@contextmanager
def _raw_each_alone() -> Iterator[Measure]:
    with raw.database(on_disk=True) as db:

        def work() -> float:
            spent = Spent(time.perf_counter)
            for number in range(SESSIONS):
                raw.append(db, number, TURN)
            return spent.ms(SESSIONS)

        yield work


@on_loop
@asynccontextmanager
async def _at_once() -> AsyncIterator[Callable[[], Awaitable[float]]]:
    async with ours.manager(on_disk=True) as manager:
        sessions = [await ours.session(manager) for _ in range(SESSIONS)]

        async def work() -> float:
            spent = Spent(time.perf_counter)
            await asyncio.gather(*map(converse, sessions))
            return spent.ms(SESSIONS * 5)

        async def converse(session: Any) -> None:
            for _ in range(5):
                await manager.storage.append_messages(session.session_id, ours.turns(1))

        yield work


ATTACHED = 100
ATTACHED_BYTES = 300_000


@on_loop
@asynccontextmanager
async def _attached() -> AsyncIterator[Callable[[], Awaitable[float]]]:
    async with ours.manager(on_disk=True) as manager:
        session = await ours.session(manager)
        data = os.urandom(ATTACHED_BYTES)

        async def work() -> float:
            contents = [os.urandom(8) + data[8:] for _ in range(ATTACHED)]
            spent = Spent()
            for content in contents:
                image = {"type": "image", "media_type": "image/png", "data": content}
                await manager.storage.append_messages(session.session_id, [SessionMessage(parts=(image,))])
            return spent.ms(ATTACHED)

        yield work


ROWS = [
    Row("store an attachment of 300 kB", "ms", 3, None, _attached, Counts.OURS),
    Row("append a turn, durable", "ms", 4, _raw_append(0), _append(0), peer="append"),
    Row("append a turn, durable, after 10,000 messages", "ms", 4, _raw_append(10_000), _append(10_000)),
    Row("load 10,000 messages", "ms", 2, _raw_load, _load, peer="load"),
    Row(
        "kB written a turn, after 10,000 messages",
        "kB",
        10,
        partial(_raw_written, 0),
        _written(0, "append"),
        Counts.OURS,
        1,
    ),
    Row("fsyncs a turn", "", 1, partial(_raw_written, 1), _written(1, "append"), Counts.OURS, 1),
    Row(
        "kB written a `send_message`, after 10,000 messages",
        "kB",
        20,
        partial(_raw_written, 0),
        _written(0, "send"),
        Counts.OURS,
        1,
    ),
    Row("fsyncs a `send_message`", "", 2, partial(_raw_written, 1), _written(1, "send"), Counts.OURS, 1),
    Row(
        "bytes of a stored message of 200 characters",
        "B",
        300,
        _raw_size,
        _size(with_facts=False),
        Counts.OURS,
        1,
    ),
    Row(
        "bytes of a stored message of 200 characters, replies with facts",
        "B",
        340,
        _raw_size,
        _size(with_facts=True),
        Counts.OURS,
        1,
    ),
    Row("100 sessions at once, durable, a turn", "ms of wall", 0.1, _raw_each_alone, _at_once),
]
