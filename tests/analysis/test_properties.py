"""Whatever conversation there is, the frames agree with each other, with the store and with plain SQL."""

from __future__ import annotations

import asyncio
import sqlite3

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langswarm_nb.analysis import messages_df, sessions_df, set_price, turns_df
from langswarm_nb.core.session import (
    MessageRole,
    RequestFacts,
    SessionMessage,
    Usage,
    create_session_manager,
)
from tests.analysis.support import as_rows, stored_rows

counts = st.none() | st.integers(0, 2**40)
seconds = st.none() | st.floats(0, 1e6)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@st.composite
def facts(draw):
    """Return the facts of a request, any of them unknown."""
    return RequestFacts(
        draw(st.sampled_from(["acme", "other"])),
        draw(st.sampled_from(["a", "b"])),
        draw(st.sampled_from([None, "a", "c"])),
        duration_s=draw(seconds),
        time_to_first_chunk_s=draw(seconds),
        usage=Usage(draw(counts), None, None, draw(counts), draw(counts)),
        status=draw(st.sampled_from(["ok", "stopped", "error"])),
        error_type=draw(st.sampled_from([None, "Broken"])),
        streamed=draw(st.booleans()),
        cost_usd=draw(st.none() | st.floats(0, 1e3)),
    )


@st.composite
def steps(draw):
    """Return what happens in a session, one thing after the other."""
    message = st.builds(SessionMessage, role=st.sampled_from(["user", "system", "tool"]), content=texts)
    reply = st.builds(SessionMessage, role=st.just(MessageRole.ASSISTANT), content=texts, request=facts())
    what = st.tuples(st.sampled_from(["tip", "branch", "aside", "move"]), st.integers(0, 30), message | reply)
    return draw(st.lists(what, max_size=14))


async def play(manager, sessions):
    """Carry the steps out: append, branch off, append beside the path, move the tip."""
    for number, things in enumerate(sessions):
        session = await manager.create_session(f"user-{number % 2}", "mock", "echo")
        n = 0
        for kind, place, message in things:
            at = place % n if n else None
            if kind == "move":
                await session.set_tip(at)
                continue
            where = {"tip": {}, "branch": {"parent": at}, "aside": {"parent": at, "activate": False}}[kind]
            await manager.storage.append_messages(session.session_id, [message], **where)
            n += 1


@pytest.mark.unmeasured
@settings(max_examples=40)
@given(st.lists(steps(), max_size=3), st.sampled_from(["active", "all"]))
def test_frames_agree(sessions, branch):
    """Rows are the stored messages; turns are the replies among them; sessions add both up."""
    for model in "abc":
        set_price(model, 1, 2)

    async def check():
        async with create_session_manager("memory") as manager:
            await play(manager, sessions)
            messages = messages_df(manager, branch=branch)
            key = lambda row: (row["session_id"], row["seq"])  # noqa: E731
            expected = sorted(await stored_rows(manager, branch), key=key)
            assert sorted(as_rows(messages), key=key) == expected
            turns, totals = turns_df(manager, branch=branch), sessions_df(manager, branch=branch)
            assert turns["request_id"].tolist() == messages["request_id"].dropna().tolist()
            assert totals["n_messages"].sum() == len(messages)
            assert totals["n_errors"].sum() == turns["status"].eq("error").sum()
            assert totals["n_unpriced"].sum() == turns["cost_usd"].isna().sum()
            for column in ("input_tokens", "output_tokens"):
                assert totals[column].sum() == turns[column].sum()
            by_user = [messages_df(manager, branch=branch, user_id=f"user-{n}") for n in (0, 1)]
            assert sum(map(len, by_user)) == len(messages)

    asyncio.run(check())


async def test_the_frame_is_what_read_sql_gives(filled, tmp_path):
    """Pandas' own reader, asked in SQL for the same columns, has the same values in the same order."""
    [path] = [*tmp_path.glob("*.db")] or [None]
    if path is None:
        return  # the other storages have no file
    query = """
        SELECT s.session_id, m.message_id, m.seq, m.turn, m.role, m.content, s.user_id, m.provider, m.finish_reason,
          p.message_id AS parent_id, m.version, m.source, m.cell_id, m.metadata AS metadata_json, m.ts_us
        FROM messages m JOIN sessions s ON s.id = m.sid LEFT JOIN messages p ON p.id = m.sid << 32 | m.parent
        ORDER BY m.id
    """
    with sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True) as db:
        plain = pd.read_sql(query, db)
    frame = messages_df(filled, branch="all")
    for column in plain.columns.drop("ts_us"):
        left = frame[column].astype(object).where(frame[column].notna(), None)
        right = plain[column].astype(object).where(plain[column].notna(), None)
        assert left.tolist() == right.tolist(), column
    moments = frame["created_at"].astype("int64")
    assert moments.tolist() == plain["ts_us"].tolist()
