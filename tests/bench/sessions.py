"""Ten thousand sessions in one store."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from tests.bench import ours
from tests.bench.measuring import Spent, on_loop
from tests.bench.places import folder
from tests.bench.row import Measure, Row

COUNT = 10_000
TABLE = """
CREATE TABLE sessions(
  id INTEGER PRIMARY KEY, name TEXT, user TEXT, title TEXT, home TEXT, provider TEXT, model TEXT, status TEXT,
  created INTEGER, used INTEGER, messages INTEGER, tokens INTEGER, settings TEXT);
CREATE INDEX sessions_user ON sessions(user, used);
"""
COLUMNS = "name, user, title, home, provider, model, status, created, used, messages, tokens, settings"


@contextmanager
def _raw_list() -> Iterator[Measure]:
    with folder(on_disk=False) as place:
        db = sqlite3.connect(place / "raw.db")
        db.executescript(TABLE)
        db.executemany(
            f"INSERT INTO sessions({COLUMNS}) VALUES ({', '.join('?' * 12)})",  # noqa: S608 - our own names
            (
                (
                    f"{number:032x}",
                    "bench",
                    f"session {number % 100}",
                    f"/home/user/{number // 100}.ipynb",
                    "mock",
                    "echo",
                    "active",
                    number,
                    number,
                    0,
                    0,
                    "{}",
                )
                for number in range(COUNT)
            ),
        )

        def work() -> float:
            spent = Spent()
            db.execute(f"SELECT {COLUMNS} FROM sessions WHERE user = 'bench' ORDER BY used DESC").fetchall()  # noqa: S608
            return spent.ms()

        yield work
        db.close()


@on_loop
@asynccontextmanager
async def _list() -> AsyncIterator[Callable[[], Awaitable[float]]]:
    async with ours.manager(of=await ours.with_sessions(COUNT)) as manager:

        async def work() -> float:
            spent = Spent()
            assert len(await manager.storage.list_sessions(user_id="bench")) == COUNT
            return spent.ms()

        yield work


ROWS = [Row("list 10,000 sessions", "ms", 3, _raw_list, _list)]
