"""Export to pandas: the frames beside `pandas.read_sql`, `fetchall` and the bare cursor, time and memory.

``python -m tests.bench.bench_export [MESSAGES]`` prints one row a route, each run in a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

MESSAGES = int(os.environ.get("LANGSWARM_BENCH_MESSAGES", "1000000"))
PER_SESSION = 100
ROUNDS = 2  # the better one of each route counts: the machine may be busy
WORDS = ["the", "cell", "streams", "its", "answer", "while", "pandas", "waits", "for", "frames", "to", "come"]

# The columns that messages_df holds, as plain SQL would give them.
QUERY = """
SELECT s.session_id, m.message_id, m.seq, m.turn, m.role, m.content, length(m.content) AS content_chars, m.ts_us,
  s.user_id, m.provider, ifnull(m.model, m.request_model) AS model, m.finish_reason,
  CASE WHEN m.provider IS NOT NULL THEN m.message_id END AS request_id, NULL AS tool_call_id, NULL AS tool_name,
  m.parts, m.parent AS parent_seq, m.version, m.active, m.source, m.cell_id, m.metadata
FROM messages m JOIN sessions s ON s.id = m.id >> 32 WHERE m.active ORDER BY m.id
"""


def iterate_cursor(path: str) -> int:
    """Read every row and drop it: the floor."""
    import sqlite3

    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        return sum(1 for _ in db.execute(QUERY))


def fetchall(path: str) -> int:
    import sqlite3

    import pandas as pd

    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        cursor = db.execute(QUERY)
        names = [name for name, *_ in cursor.description]
        frame = pd.DataFrame(cursor.fetchall(), columns=names)
    frame["ts_us"] = pd.to_datetime(frame["ts_us"], unit="us", utc=True)
    few = dict.fromkeys(("role", "provider", "model", "finish_reason", "source"), "category")
    return len(
        frame.astype({**few, "turn": "Int32", "seq": "Int32", "version": "Int32", "active": "boolean"})
    )


def read_sql(path: str) -> int:
    import sqlite3

    import pandas as pd

    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        return len(pd.read_sql(QUERY, db))


def messages_df(path: str) -> int:
    return len(_ours(path, "messages_df"))


def messages_df_numbers(path: str) -> int:
    return len(_ours(path, "messages_df", columns=["seq", "turn", "role", "created_at", "content_chars"]))


def turns_df(path: str) -> int:
    return len(_ours(path, "turns_df"))


def sessions_df(path: str) -> int:
    return len(_ours(path, "sessions_df"))


def _ours(path: str, name: str, **options: Any) -> Any:
    from langswarm_nb import analysis
    from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage

    analysis.set_price("gpt-x", 1, 2)
    return getattr(analysis, name)(SQLiteSessionStorage(path), **options)


ROUTES: dict[str, tuple[Callable[[str], int], bool]] = {
    "iterate the cursor": (iterate_cursor, True),
    "pd.read_sql": (read_sql, True),
    "fetchall + DataFrame + dtypes": (fetchall, True),
    "messages_df": (messages_df, True),
    "messages_df, no pyarrow": (messages_df, False),
    "messages_df, five columns": (messages_df_numbers, True),
    "turns_df": (turns_df, True),
    "sessions_df": (sessions_df, True),
}


def measure(route: str, path: str) -> dict[str, float]:
    """Run a route here, its imports done before; return rows, CPU seconds and peak memory above the start in MiB."""
    run, arrow = ROUTES[route]
    if not arrow:
        sys.modules["pyarrow"] = None  # type: ignore[assignment]  # as if it were not installed
    import sqlite3

    import pandas as pd

    if arrow:
        pass
    from langswarm_nb.analysis import frames  # noqa: F401

    pd.DataFrame({"a": ["x"]})
    sqlite3.connect(":memory:").close()
    before, start = _memory_mib("VmRSS"), time.process_time()
    rows = run(path)
    return {"rows": rows, "cpu_s": time.process_time() - start, "peak_mib": _memory_mib("VmHWM") - before}


def _memory_mib(name: str) -> float:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name)) / 1024


async def fill(path: Path, n_messages: int) -> None:
    """Write sessions of 100 messages of about 200 characters, half of them replies with usage."""
    from langswarm_nb.core.session import (
        MessageRole,
        RequestFacts,
        SessionMessage,
        SessionRecord,
        SessionSettings,
        Usage,
    )
    from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage

    storage = SQLiteSessionStorage(path, durability="fast")
    start = datetime(2026, 11, 1, tzinfo=UTC)

    async def write(number: int) -> None:
        record = SessionRecord(
            f"session-{number:08}", f"user-{number % 7}", SessionSettings("openai", "gpt-x")
        )
        await storage.create_session(record)
        at = start + timedelta(minutes=number)
        messages = []
        for turn in range(PER_SESSION // 2):
            text = " ".join(WORDS[(turn + step) % len(WORDS)] for step in range(36))
            usage = Usage(input_tokens=100 + turn, output_tokens=40 + turn % 9)
            facts = RequestFacts(
                "openai", "gpt-x", "gpt-x", at, 1.5 + turn % 3, 0.4, usage=usage, tokens_source="provider"
            )
            messages.append(SessionMessage(content=text, timestamp=at, source="api"))
            messages.append(
                SessionMessage(
                    role=MessageRole.ASSISTANT,
                    content=text,
                    timestamp=at,
                    source="api",
                    finish_reason="stop",
                    request=facts,
                )
            )
        await storage.append_messages(record.session_id, messages)

    numbers = range(n_messages // PER_SESSION)
    for first in range(0, len(numbers), 50):
        await asyncio.gather(*map(write, numbers[first : first + 50]))
    await storage.close()


def compare(n_messages: int) -> dict[str, dict[str, float]]:
    """Measure all routes on one file and print them as ratios."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.db"
        asyncio.run(fill(path, n_messages))
        found: dict[str, dict[str, float]] = {}
        for _ in range(ROUNDS):
            for route in ROUTES:
                command = [sys.executable, "-m", "tests.bench.bench_export", "--route", route, str(path)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                measured = json.loads(done.stdout)
                known = found.get(route)
                found[route] = measured if known is None or measured["cpu_s"] < known["cpu_s"] else known
    floor, read = found["iterate the cursor"], found["pd.read_sql"]
    print(f"\n{n_messages:,} messages of about 200 characters")
    print(
        f"{'route':32} {'rows':>9} {'CPU s':>7} {'x cursor':>9} {'x read_sql':>11} {'peak MiB':>9} {'x read_sql':>11}"
    )
    for route, m in found.items():
        print(
            f"{route:32} {m['rows']:>9,} {m['cpu_s']:>7.2f} {m['cpu_s'] / floor['cpu_s']:>9.2f}"
            f" {m['cpu_s'] / read['cpu_s']:>11.2f} {m['peak_mib']:>9.0f} {m['peak_mib'] / read['peak_mib']:>11.2f}"
        )
    return found


@pytest.mark.bench
@pytest.mark.timeout(900)
def test_export_is_close_to_the_cursor():
    """A million messages cost at most twice the bare cursor, and half of what `read_sql` takes."""
    found = compare(MESSAGES)
    ours, floor, read = found["messages_df"], found["iterate the cursor"], found["pd.read_sql"]
    assert ours["cpu_s"] <= 2.0 * floor["cpu_s"]
    assert ours["cpu_s"] <= 0.55 * read["cpu_s"]
    assert ours["peak_mib"] <= 0.5 * read["peak_mib"]
    plain = found["messages_df, no pyarrow"]
    assert plain["cpu_s"] <= 2.0 * floor["cpu_s"]
    assert plain["peak_mib"] <= 0.5 * read["peak_mib"]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--route"]:
        print(json.dumps(measure(sys.argv[2], sys.argv[3])))
    else:
        compare(int(sys.argv[1]) if sys.argv[1:] else MESSAGES)
