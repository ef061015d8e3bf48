"""From a question to the first byte of its answer, over a history."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.bench import ours, raw
from tests.bench.measuring import Spent, on_loop
from tests.bench.places import server
from tests.bench.row import Counts, Row, Side

MODEL, LAST_MESSAGES, TOKENS = "deltas=2", 20, 8_000
CHARS_A_TOKEN = 4

Read = Callable[[Any], list[tuple[Any, ...]]]


def _all(db: Any) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = db.execute(f"{raw.SELECT} ORDER BY id", (1,)).fetchall()
    return rows


def _last(db: Any) -> list[tuple[Any, ...]]:
    return list(
        reversed(db.execute(f"{raw.SELECT} ORDER BY id DESC LIMIT {LAST_MESSAGES - 1}", (1,)).fetchall())
    )


def _that_fit(db: Any) -> list[tuple[Any, ...]]:
    rows, tokens = [], 0
    for row in db.execute(f"{raw.SELECT} ORDER BY id DESC", (1,)):
        tokens += len(row[3]) // CHARS_A_TOKEN
        if tokens > TOKENS:
            break
        rows.append(row)
    return rows[::-1]


def _raw(history: int, read: Read) -> Side:
    @on_loop
    @asynccontextmanager
    async def side() -> AsyncIterator[Callable[[], Awaitable[float]]]:
        url = f"{server()}/chat/completions"
        with raw.database() as db:
            raw.append(db, 1, (ours.QUESTION, ours.ANSWER) * (history // 2))
            async with httpx.AsyncClient() as client:

                async def work() -> float:
                    spent = Spent()
                    said = [(role, content) for _, _, role, content, _ in read(db)]
                    content = raw.body(MODEL, [*said, ("user", ours.QUESTION)])
                    async with client.stream("POST", url, content=content, headers=raw.JSON) as response:
                        pieces = raw.texts(response.aiter_bytes())
                        await anext(pieces)
                        cost = spent.ms()
                        async for _ in pieces:
                            pass
                    return cost

                yield work

    return side


def _ours(history: int, **limits: int) -> Side:
    @on_loop
    @asynccontextmanager
    async def side() -> AsyncIterator[Callable[[], Awaitable[float]]]:
        async with ours.manager() as manager:
            session = await ours.session(manager, MODEL, history, **limits)

            async def work() -> float:
                spent, cost = Spent(), 0.0
                async for _ in session.stream_message(ours.QUESTION):
                    cost = cost or spent.ms()
                return cost

            yield work

    return side


ROWS = [
    Row(
        "send, to the first byte, after 1,000 messages", "ms", 1.5, _raw(1_000, _all), _ours(1_000), pairs=15
    ),
    Row(
        "send, to the first byte, after 10,000 messages",
        "ms",
        1.5,
        _raw(10_000, _all),
        _ours(10_000),
        peer="send",
    ),
    Row(
        "send, to the first byte, `max_messages=20` of 10,000",
        "ms",
        3,
        _raw(10_000, _last),
        _ours(10_000, max_messages=LAST_MESSAGES),
        Counts.OURS,
        9,
    ),
    Row(
        "send, to the first byte, `max_context_tokens=8000` of 10,000",
        "ms",
        10,
        _raw(10_000, _that_fit),
        _ours(10_000, max_context_tokens=TOKENS),
        Counts.OURS,
    ),
]
