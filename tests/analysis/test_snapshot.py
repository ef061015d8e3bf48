"""Exports hold one moment of the store, whatever is written meanwhile."""

from __future__ import annotations

import asyncio
import json

import pytest

from langswarm_nb.analysis import export, import_sessions
from langswarm_nb.core.session import create_session_manager

ROUNDS = 8


@pytest.mark.parametrize("manager", ["memory", "sqlite"], indirect=True)
async def test_an_export_is_consistent_while_others_write(manager, tmp_path):
    """Counts, tip, active path and branches agree in every file, and every file can be imported."""
    session = await manager.create_session("ada", "mock", "echo")
    await session.send_message("first")
    written = asyncio.Event()
    writer = asyncio.create_task(keep_writing(session, written))
    try:
        for number in range(ROUNDS):
            path = tmp_path / f"{number}.jsonl"
            head, *messages = map(
                json.loads, (await asyncio.to_thread(export, manager, path)).rstrip().split("\n")
            )
            stored = head["session"]
            assert len(messages) == stored["message_count"]
            assert [m["seq"] for m in messages if m["is_active"]][-1] == stored["tip_seq"]
            assert head["branches"][stored["branch"]] == stored["tip_seq"]
            async with create_session_manager("memory") as other:
                await asyncio.to_thread(import_sessions, path, other)
            written.clear()
            await written.wait()
    finally:
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)


async def keep_writing(session, written):
    """Send, branch off and answer again without an end; say so after each time."""
    while True:
        await session.send_message("more")
        await session.fork(0)
        await session.regenerate()
        written.set()
        await asyncio.sleep(0)


async def test_an_export_has_every_branch(manager, tmp_path):
    """Branches come with their ends, from each kind of storage."""
    session = await manager.create_session("ada", "mock", "echo")
    await session.send_message("first")
    await session.send_message("second")
    await session.fork(0, "side")
    await session.send_message("third")
    head = json.loads(export(manager).split("\n")[0])
    assert head["branches"] == await session.branches() == {"main": 3, "side": 5}
