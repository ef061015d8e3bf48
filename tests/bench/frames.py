"""Conversations as frames, beside what pandas reads of five columns: a fresh process each, CPU and memory."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.bench import ours, raw
from tests.bench.places import lasting_folder
from tests.bench.row import Measure, Row, Side

PART = 10_000
PEAK = "next(int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmHWM')) / 1024"
READ_SQL = """
import sqlite3, pandas as pd
pd.DataFrame({{"a": ["x"]}})
start, before = time.process_time(), {peak}
frame = pd.read_sql("SELECT id, session, role, content, created FROM messages", sqlite3.connect("{file}"))
frame["created"] = pd.to_datetime(frame["created"], unit="s", utc=True)
"""
MESSAGES_DF = """
import pandas as pd
from langswarm_nb.core.session import create_session_manager
from langswarm_nb import analysis
pd.DataFrame({{"a": ["x"]}})
manager = create_session_manager("sqlite", {{"db_path": "{file}"}})
start, before = time.process_time(), {peak}
frame = analysis.messages_df(manager.storage{options})
"""


def _raw_file(messages: int) -> str:
    file = lasting_folder() / f"raw-{messages}.db"
    if not file.exists():
        with raw.database() as db:
            raw.append(db, 1, (ours.QUESTION, ours.ANSWER) * (messages // 2))
            db.execute("VACUUM INTO ?", (str(file),))
    return str(file)


async def _our_file(messages: int) -> str:
    from langswarm_nb.core.session import create_session_manager

    file = lasting_folder() / f"ours-{messages}.db"
    if not file.exists():
        async with create_session_manager("sqlite", {"db_path": file}) as manager:
            for _ in range(messages // PART):
                session = await manager.create_session("bench", "mock", "echo")
                await manager.storage.append_messages(session.session_id, ours.turns(PART // 2))
    return str(file)


def _carrying(parts: Sequence[Mapping[str, Any]]) -> Side:
    """Return the frame of messages of which every other one carries something."""

    @contextmanager
    def side() -> Iterator[Measure]:
        file = lasting_folder() / f"carrying-{len(parts)}.db"
        if not file.exists():
            asyncio.run(_fill(file, parts))
        program = MESSAGES_DF.format(peak=PEAK, file=file, options="")
        program = (
            f"import time\n{program}\nassert len(frame) == {PART}\nprint('took', time.process_time() - start)"
        )
        yield lambda: _took(program) * 1000

    return side


async def _fill(file: Path, parts: Sequence[Mapping[str, Any]]) -> None:
    from langswarm_nb.core.session import create_session_manager

    async with create_session_manager("sqlite", {"db_path": file}) as manager:
        session = await manager.create_session("bench", "mock", "echo")
        for some in batched(ours.turns(PART // 2), 500):
            said = [replace(m, parts=tuple(parts)) if m.role == "user" else m for m in some]
            await manager.storage.append_messages(session.session_id, said)


def batched(messages: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Yield so many at a time."""
    yield from (messages[at : at + size] for at in range(0, len(messages), size))


IMAGE = {"type": "image", "media_type": "image/png", "name": "plot.png", "data": b"\x89PNG" * 20_000}


def _read(what: str, messages: int, options: str | None = None) -> Side:
    @contextmanager
    def side() -> Iterator[Measure]:
        if options is None:
            program = READ_SQL.format(peak=PEAK, file=_raw_file(messages))
        else:
            program = MESSAGES_DF.format(peak=PEAK, file=asyncio.run(_our_file(messages)), options=options)
        spent = "time.process_time() - start" if what == "cpu" else f"{PEAK} - before"
        program = f"import time\n{program}\nassert len(frame) == {messages}\nprint('took', {spent})"
        yield lambda: _took(program) * (1000 if what == "cpu" else 1)

    return side


def _took(program: str) -> float:
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=lasting_folder())
    return float(done.stdout.rsplit("took", 1)[1])


FIVE = ', columns=["session_id", "seq", "role", "content", "created_at"]'
ROWS = [
    Row(
        "five columns of 100,000 messages as a frame",
        "ms",
        1,
        _read("cpu", 100_000),
        _read("cpu", 100_000, FIVE),
        pairs=3,
    ),
    Row(
        "all columns of 100,000 messages as a frame",
        "ms",
        2,
        _read("cpu", 100_000),
        _read("cpu", 100_000, ""),
        pairs=3,
    ),
    Row(
        "10,000 messages as a frame, half of them with an image",
        "ms",
        1.5,
        _carrying(()),
        _carrying((IMAGE,)),
        pairs=3,
    ),
    Row(
        "memory for all columns of 1,000,000 messages",
        "MiB",
        1.5,
        _read("memory", 1_000_000),
        _read("memory", 1_000_000, ""),
        pairs=1,
        quick=False,
    ),
]
