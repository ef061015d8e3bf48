"""The SQLite storage beside plain `sqlite3` doing the same work in one thread, in the same run.

``python -m tests.bench.bench_storage`` prints the tables; as a test it prints them too, and holds the line against
what would be felt. One row asks aiosqlite for the same transaction in one hop: no write off the loop can be cheaper.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Literal, NamedTuple

import aiosqlite
import pytest

from langswarm_nb.core.session.conversation.nodes import node_of
from langswarm_nb.core.session.conversation.sent_context import choose
from langswarm_nb.core.session.messages import MessageRole, RequestFacts, SessionMessage, Usage, utc_now
from langswarm_nb.core.session.settings import SessionRecord, SessionSettings
from langswarm_nb.core.session.storage._sqlite.schema import migrate
from langswarm_nb.core.session.storage.rows import COLUMNS, Row, encode_message
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage

ROUNDS = 3
PATHS = (1_000, 10_000, 50_000)
SYNCHRONOUS = {"fast": "NORMAL", "full": "FULL"}
Durability = Literal["fast", "full"]
FACTS = RequestFacts(
    "mock", "echo", model="echo", started_at=utc_now(), duration_s=1.2, usage=Usage(90, output_tokens=40)
)
QUESTION = SessionMessage(content="x" * 200)
ANSWER = SessionMessage(
    role=MessageRole.ASSISTANT, content="y" * 200, finish_reason="stop", token_count=40, request=FACTS
)
TURN = (encode_message(QUESTION), encode_message(ANSWER))
SELECT = f"SELECT {', '.join(COLUMNS)} FROM messages"  # noqa: S608 - our own names
INSERT = f"INSERT INTO messages({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608
COUNT = (
    "UPDATE sessions SET next_seq = next_seq + 2, message_count = message_count + 2, token_count = token_count + 40,"
    " tip = ?1, updated_us = ?2, used_us = ?2 WHERE id = ?3"
)


class Cost(NamedTuple):
    """What one turn took, in microseconds."""

    cpu: float
    p50: float
    wall: float


# -- the floor --------------------------------------------------------------------------------------------------


def raw_database(path: Path, durability: Durability, sessions: int = 1) -> sqlite3.Connection:
    """Open a file with our tables, with nothing but sqlite3."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA synchronous = {SYNCHRONOUS[durability]}")
    migrate(db)
    db.executemany(
        "INSERT INTO sessions(session_id, user_id, provider, model, backend, status, created_us, updated_us, branch,"
        " settings) VALUES (?, 'u', 'mock', 'echo', 'local', 'active', 1, 1, 'main', '{}')",
        [(f"s{number}",) for number in range(sessions)],
    )
    return db


def raw_rows(session: int, turn: int) -> list[Row]:
    """Return the two rows of a turn."""
    base, seq = session << 32, 2 * turn
    return [
        (base | seq, seq - 1 if seq else None, turn, len(QUESTION.content), 1, 1, *TURN[0]),
        (base | seq + 1, seq, turn, len(ANSWER.content), 1, 1, *TURN[1]),
    ]


def raw_append(db: sqlite3.Connection, session: int, turn: int) -> None:
    """Store one turn in a transaction of its own."""
    db.execute("BEGIN IMMEDIATE")
    db.execute(COUNT, (2 * turn + 1, turn, session))
    db.executemany(INSERT, raw_rows(session, turn))
    db.execute("COMMIT")


# -- one session ------------------------------------------------------------------------------------------------


async def timed(call: Callable[[int], Awaitable[object]], turns: int) -> Cost:
    times = []
    cpu = time.process_time()
    for turn in range(turns):
        start = time.perf_counter()
        await call(turn)
        times.append(time.perf_counter() - start)
    cpu = time.process_time() - cpu
    return Cost(cpu / turns * 1e6, median(times) * 1e6, sum(times) / turns * 1e6)


async def raw_cost(folder: Path, durability: Durability, turns: int) -> Cost:
    with closing(raw_database(folder / f"raw{time.monotonic_ns()}.db", durability)) as db:

        async def call(turn: int) -> None:
            raw_append(db, 1, turn)

        return await timed(call, turns)


async def one_hop_cost(folder: Path, durability: Durability, turns: int) -> Cost:
    path = folder / f"hop{time.monotonic_ns()}.db"

    class Hop(sqlite3.Connection):
        """Takes a whole transaction to aiosqlite's thread."""

        def __init__(self) -> None:
            super().__init__(":memory:")
            self.db = raw_database(path, durability)
            self.create_function("append", 1, lambda turn: raw_append(self.db, 1, turn))

        def close(self) -> None:
            self.db.close()
            super().close()

    async with aiosqlite.Connection(Hop, iter_chunk_size=64) as db:
        return await timed(lambda turn: db.execute_fetchall("SELECT append(?)", (turn,)), turns)


async def our_cost(folder: Path, durability: Durability, turns: int, history: int = 0) -> Cost:
    async with our_storage(folder, durability) as storage:
        await storage.append_messages("s0", [QUESTION, ANSWER] * (history // 2))
        return await timed(lambda _: storage.append_messages("s0", [QUESTION, ANSWER]), turns)


class our_storage:  # noqa: N801 - reads like the function it is
    """A storage with sessions in a new file, closed at the end."""

    def __init__(self, folder: Path, durability: Durability, sessions: int = 1) -> None:
        self.storage = SQLiteSessionStorage(folder / f"ours{time.monotonic_ns()}.db", durability=durability)
        self.sessions = sessions

    async def __aenter__(self) -> SQLiteSessionStorage:
        settings = SessionSettings("mock", "echo")
        records = [SessionRecord(f"s{number}", "u", settings) for number in range(self.sessions)]
        await asyncio.gather(*map(self.storage.create_session, records))
        return self.storage

    async def __aexit__(self, *_: object) -> None:
        await self.storage.close()


async def one_session(folder: Path, durability: Durability, turns: int) -> dict[str, Cost]:
    """Measure in turns, so that what else the machine does meets all alike; the best round counts."""
    rows: dict[str, Callable[[], Awaitable[Cost]]] = {
        "sqlite3, one transaction": lambda: raw_cost(folder, durability, turns),
        "aiosqlite, the same in one hop": lambda: one_hop_cost(folder, durability, turns),
        "append, empty history": lambda: our_cost(folder, durability, turns),
        "append, 1,000 messages": lambda: our_cost(folder, durability, turns, 1_000),
        "append, 10,000 messages": lambda: our_cost(folder, durability, turns, 10_000),
    }
    found: dict[str, list[Cost]] = {name: [] for name in rows}
    for _ in range(ROUNDS):
        for name, measure in rows.items():
            found[name].append(await measure())
    return {name: Cost(*map(min, zip(*costs, strict=True))) for name, costs in found.items()}


# -- many sessions ----------------------------------------------------------------------------------------------


async def many_sessions(
    folder: Path, durability: Durability, sessions: int, turns: int
) -> tuple[float, float]:
    """Return microseconds per turn, and transactions (each one hop) per turn."""
    async with our_storage(folder, durability, sessions) as storage:

        async def converse(name: str) -> None:
            for _ in range(turns):
                await storage.append_messages(name, [QUESTION, ANSWER])

        async def all_at_once() -> float:
            start = time.perf_counter()
            await asyncio.gather(*(converse(f"s{number}") for number in range(sessions)))
            return (time.perf_counter() - start) / (sessions * turns) * 1e6

        taken = await all_at_once()
        statements: list[str] = []
        await storage._write(lambda db: db.set_trace_callback(statements.append))
        await all_at_once()
        return taken, statements.count("COMMIT") / (sessions * turns)


# -- reading ----------------------------------------------------------------------------------------------------


def best(call: Callable[[], object], times: int) -> float:
    """Return the least CPU time of a call, in seconds."""
    return min(cpu_of(call) for _ in range(times))


def cpu_of(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


async def reading(folder: Path) -> dict[str, tuple[float, float]]:
    """Return seconds of CPU for ours and for the bare query."""
    async with our_storage(folder, "fast") as storage:
        await storage.append_messages("s0", [QUESTION, ANSWER] * 5_000)
        loop = asyncio.get_running_loop()
        found = {}
        with closing(sqlite3.connect(storage.db_path)) as db:
            for name, limit, times in (("load 10,000", None, 9), ("last 20 of 10,000", 20, 200)):
                where = "WHERE id >= ? AND id < ? AND active ORDER BY id"
                query = f"{SELECT} {where}" + (" DESC LIMIT 20" if limit else "")
                ours = []
                for _ in range(times):
                    start = time.process_time()
                    await storage.get_messages("s0", limit=limit)
                    ours.append(time.process_time() - start)
                floor = best(lambda query=query: db.execute(query, (1 << 32, 2 << 32)).fetchall(), times)  # type: ignore[misc]
                found[name] = (min(ours), floor)
            ours = []
            for _ in range(9):
                start = time.process_time()
                await storage.read_tree("s0")
                ours.append(time.process_time() - start)
            found["shape of 10,000, x to load them"] = (min(ours), found["load 10,000"][1])
        assert loop.is_running()
        return found


def choosing() -> dict[str, list[float]]:
    """Return microseconds of CPU a message for choosing what is sent, by limit and by length of the path."""
    limits: dict[str, dict[str, int]] = {
        "no limit": {},
        "max_messages=20": {"max_messages": 20},
        "max_context_tokens": {"max_context_tokens": 10**6},
    }
    found: dict[str, list[float]] = {name: [] for name in limits}
    for messages in PATHS:
        path = [
            node_of(replace((QUESTION, ANSWER)[seq % 2], turn=seq // 2), seq, seq - 1 if seq else None)
            for seq in range(messages)
        ]
        path.append(node_of(replace(QUESTION, turn=messages // 2), messages, messages - 1))
        for name, limit in limits.items():
            chosen = SessionSettings("mock", "echo", **limit)  # type: ignore[arg-type]
            taken = best(lambda path=path, chosen=chosen: choose(path, (), chosen), 7)  # type: ignore[misc]
            found[name].append(taken / messages * 1e6)
    return found


async def size(folder: Path, messages: int = 20_000) -> tuple[float, float]:
    """Return bytes of the file for each message, and bytes of what is in it."""
    async with our_storage(folder, "fast") as storage:
        await storage.append_messages("s0", [QUESTION, ANSWER] * (messages // 2))
    payload = sum(
        len(value.encode()) if isinstance(value, str) else 8
        for row in TURN
        for value in row
        if value is not None
    )
    return storage.db_path.stat().st_size / messages, payload / 2


# -- the tables -------------------------------------------------------------------------------------------------


@contextmanager
def folders() -> Iterator[tuple[Path, Path]]:
    """Yield a folder in memory, where there is one, and one on the disk."""
    memory = Path("/dev/shm")  # noqa: S108 - of its own kind
    with (
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as fast,
        tempfile.TemporaryDirectory() as disk,
    ):
        yield Path(fast), Path(disk)


async def compare() -> dict[str, float]:
    """Print all tables; return the ratios that the test looks at."""
    ratios: dict[str, float] = {}
    with folders() as (memory, disk):
        for durability, folder, where, turns in (
            ("fast", memory, "in memory", 1500),
            ("full", disk, "on disk", 150),
        ):
            found = await one_session(folder, durability, turns)  # type: ignore[arg-type]
            floor = found["sqlite3, one transaction"]
            print(f"\nOne session, durability={durability!r} {where}; floor {floor.p50:.0f} us p50")
            print(f"{'a turn of two messages':34}{'CPU x':>8}{'p50 x':>8}{'wall x':>8}")
            for name, cost in found.items():
                print(f"{name:34}" + "".join(f"{a / b:8.2f}" for a, b in zip(cost, floor, strict=True)))
            ratios[f"{durability} p50"] = found["append, empty history"].p50 / floor.p50
            ratios[f"{durability} hop"] = (
                found["append, empty history"].p50 / found["aiosqlite, the same in one hop"].p50
            )
            ratios[f"{durability} flat"] = (
                found["append, 10,000 messages"].p50 / found["append, empty history"].p50
            )
            print(f"\n{'sessions at once':>18}{'turns/s':>10}{'wall x':>8}{'hops a turn':>13}")
            for sessions, each in ((1, 100), (10, 30), (100, 10), (1000, 3)):
                taken, hops = await many_sessions(folder, durability, sessions, each)  # type: ignore[arg-type]
                print(f"{sessions:>18}{1e6 / taken:>10.0f}{taken / floor.wall:>8.2f}{hops:>13.3f}")
                ratios[f"{durability} hops {sessions}"] = hops
        print(f"\n{'reading':34}{'CPU x the bare query':>22}")
        for name, (ours, bare) in (await reading(memory)).items():
            print(f"{name:34}{ours / bare:>22.2f}")
            ratios[name] = ours / bare
        print(f"\n{'choosing what is sent, us a message':34}" + "".join(f"{n:>10,}" for n in PATHS))
        for name, costs in choosing().items():
            print(f"{name:34}" + "".join(f"{cost:>10.2f}" for cost in costs))
            ratios[name] = costs[-1] / costs[0]
        stored, payload = await size(memory)
        print(
            f"\n{stored:.0f} bytes a message of 200 characters, {payload:.0f} of them payload: {stored / payload:.2f} x"
        )
        ratios["bytes"] = stored / payload
    return ratios


@pytest.mark.bench
@pytest.mark.timeout(600)
async def test_the_storage_is_close_to_sqlite():
    """What a user would feel: flat appends, few hops, loads near the bare query, small files."""
    ratios = await compare()
    assert ratios["fast flat"] < 1.5
    assert ratios["fast hop"] < 2
    assert ratios["full hops 100"] <= 0.03
    assert ratios["load 10,000"] <= 2
    assert ratios["shape of 10,000, x to load them"] <= 0.7
    assert max(ratios["no limit"], ratios["max_messages=20"], ratios["max_context_tokens"]) < 4, "one pass"
    assert ratios["bytes"] <= 1.2


if __name__ == "__main__":
    asyncio.run(compare())
