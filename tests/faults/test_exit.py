"""A script that ends in mid-stream, without closing anything, exits at once and keeps what had arrived."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.waits import PATIENCE_S

LEAVES = """
import asyncio, sys
from langswarm_nb.core.session import create_session_manager

manager = create_session_manager("sqlite", {"db_path": sys.argv[1]})
kept = []

async def main():
    session = await manager.create_session("ada", "mock", "slow")
    stream = session.stream_message("go", options={"reply": " ".join(map(str, range(1, 100_000)))})
    await anext(stream)
    await anext(stream)
    if sys.argv[2] == "held":
        kept.append(stream)
    if sys.argv[2] == "raises":
        kept.append(stream)
        raise ZeroDivisionError
    if sys.argv[2] == "waits":
        print("ready", flush=True)
        await stream.read()

asyncio.run(main())
"""


def stored(path: Path) -> list[tuple[str, str | None, str | None]]:
    db = sqlite3.connect(path)
    try:
        return db.execute("SELECT content, finish_reason, status FROM messages ORDER BY id").fetchall()
    finally:
        db.close()


@pytest.mark.parametrize("way", ["held", "dropped", "raises"])
def test_a_loop_that_ends_keeps_the_part(way: str, tmp_path: Path) -> None:
    """Whether the stream is still referenced or not, the part is stored and nothing is complained about."""
    path = tmp_path / "s.db"
    command = [sys.executable, "-W", "error", "-c", LEAVES, str(path), way]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert stored(path) == [("go", None, None), ("1 2 ", "interrupted", "stopped")]
    if way == "raises":
        assert run.stderr.strip().endswith("ZeroDivisionError")
        assert "asyncgen" not in run.stderr
    else:
        assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="a child process cannot be sent Ctrl-C there")
def test_ctrl_c_ends_a_script_and_keeps_the_part(tmp_path: Path) -> None:
    """The interrupt goes through as KeyboardInterrupt, after the part was stored."""
    path = tmp_path / "s.db"
    command = [sys.executable, "-c", LEAVES, str(path), "waits"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as script:
        assert script.stdout is not None
        assert script.stdout.readline() == "ready\n"
        script.send_signal(signal.SIGINT)
        _, complaint = script.communicate(timeout=PATIENCE_S)
    assert complaint.strip().endswith("KeyboardInterrupt")
    question, part = stored(path)
    assert question == ("go", None, None)
    assert part[0].startswith("1 2 ")
    assert part[1:] == ("interrupted", "stopped")
