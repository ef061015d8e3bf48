"""The first search, which indexes all messages there are."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

from tests.bench import ours, raw
from tests.bench.measuring import Spent, on_loop
from tests.bench.row import Measure, Row, Side

SENTENCE = "the cell streams its answer while pandas waits for frames to come and each of them has a place"
WORDS = SENTENCE.split()
TEXTS = [" ".join(itertools.islice(itertools.cycle(WORDS), start, start + 38)) for start in range(len(WORDS))]
PART = 10_000


def _texts(count: int) -> list[str]:
    return [f"{TEXTS[number % len(TEXTS)]} number{number % 997}" for number in range(count)]


def _raw(messages: int) -> Side:
    @contextmanager
    def side() -> Iterator[Measure]:
        with raw.database() as db:
            raw.append(db, 1, _texts(messages))

            def work() -> float:
                db.execute("DROP TABLE IF EXISTS found")
                spent = Spent()
                db.execute("BEGIN IMMEDIATE")
                db.execute(
                    "CREATE VIRTUAL TABLE found USING fts5(content, content='messages', content_rowid='id')"
                )
                db.execute("INSERT INTO found(found) VALUES ('rebuild')")
                db.execute("COMMIT")
                query = "SELECT rowid FROM found WHERE found MATCH ? ORDER BY rowid DESC LIMIT 20"
                assert db.execute(query, ("number7",)).fetchall()
                return spent.ms() / 1000

            yield work

    return side


def _ours(messages: int) -> Side:
    @on_loop
    @asynccontextmanager
    async def side() -> AsyncIterator[Callable[[], Awaitable[float]]]:
        async with ours.manager() as manager:
            session = await ours.session(manager)
            for _ in range(messages // PART):
                part = [
                    replace(message, content=text)
                    for message, text in zip(ours.turns(PART // 2), _texts(PART), strict=True)
                ]
                await manager.storage.append_messages(session.session_id, part)

            async def work() -> float:
                spent = Spent()
                assert await manager.search_messages("number7")
                return spent.ms() / 1000

            yield work

    return side


ROWS = [
    Row("the first search over 100,000 messages", "s", 1.3, _raw(100_000), _ours(100_000), pairs=1),
    Row(
        "the first search over 1,000,000 messages",
        "s",
        1.3,
        _raw(1_000_000),
        _ours(1_000_000),
        pairs=1,
        quick=False,
    ),
]
