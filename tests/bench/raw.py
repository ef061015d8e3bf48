"""What a careful engineer would write by hand: five columns in `sqlite3`, bytes of `httpx` with `msgspec`."""

from __future__ import annotations

import sqlite3
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from tests.bench.places import folder

JSON = {"content-type": "application/json"}
TABLES = """
CREATE TABLE messages(
  id INTEGER PRIMARY KEY, session INTEGER NOT NULL, role TEXT NOT NULL, content TEXT NOT NULL, created REAL NOT NULL);
CREATE INDEX of_session ON messages(session);
"""
INSERT = "INSERT INTO messages(session, role, content, created) VALUES (?, ?, ?, ?)"
SELECT = "SELECT id, session, role, content, created FROM messages WHERE session = ?"


@contextmanager
def database(*, on_disk: bool = False) -> Iterator[sqlite3.Connection]:
    """Yield a new file with the table, durable."""
    with folder(on_disk=on_disk) as place:
        db = sqlite3.connect(place / "raw.db", isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.executescript(TABLES)
            yield db
        finally:
            db.close()


def append(db: sqlite3.Connection, session: int, texts: Sequence[str]) -> None:
    """Store messages in one transaction, question and answer in turns."""
    db.execute("BEGIN IMMEDIATE")
    db.executemany(
        INSERT, [(session, ("user", "assistant")[n % 2], text, 1.7e9) for n, text in enumerate(texts)]
    )
    db.execute("COMMIT")


def size_of(db: sqlite3.Connection) -> int:
    """Return the bytes of the file, nothing being left in its log."""
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    [(_, _, path)] = db.execute("PRAGMA database_list")
    return Path(path).stat().st_size


def body(model: str, said: Sequence[tuple[str, str]]) -> bytes:
    """Return a request of Chat Completions for roles and texts, to be answered by a stream."""
    messages = [{"role": role, "content": text} for role, text in said]
    return msgspec.json.encode({"model": model, "messages": messages, "stream": True})


@asynccontextmanager
async def clients() -> AsyncIterator[Sequence[httpx.AsyncClient]]:
    """Yield what many requests are spread over: the pool of a client gets slower with each connection that it holds."""
    async with AsyncExitStack() as stack:
        trust, limits = ssl.create_default_context(), httpx.Limits(max_connections=None)
        made = [httpx.AsyncClient(timeout=600, limits=limits, verify=trust) for _ in range(25)]
        yield [await stack.enter_async_context(client) for client in made]


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta


class _Chunk(msgspec.Struct):
    choices: list[_Choice]


_decode = msgspec.json.Decoder(_Chunk).decode


async def texts(pieces: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Yield the texts of a chat stream as its bytes arrive."""
    rest = b""
    async for piece in pieces:
        *events, rest = (rest + piece).split(b"\n\n")
        for event in events:
            if event.startswith(b"data: {"):
                text = _decode(event[6:]).choices[0].delta.content
                if text:
                    yield text


async def ask(client: httpx.AsyncClient, url: str, content: bytes) -> str:
    """Return the whole text of a streamed reply."""
    async with client.stream("POST", f"{url}/chat/completions", content=content, headers=JSON) as response:
        return "".join([text async for text in texts(response.aiter_bytes())])


async def ask_aiohttp(client: Any, url: str, content: bytes) -> str:
    """Do the same with aiohttp."""
    async with client.post(f"{url}/chat/completions", data=content, headers=JSON) as response:
        return "".join([text async for text in texts(response.content.iter_any())])
