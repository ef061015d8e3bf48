"""`sql` reads and can do nothing else; `search` finds in every kind of storage."""

from __future__ import annotations

import _thread
import asyncio
import itertools
import time
from types import SimpleNamespace

import pandas as pd
import pytest

from langswarm_nb.analysis import messages_df, queries, search, sql
from langswarm_nb.core.session import SessionStorageError, SessionTypeError, SessionValueError
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage
from tests.analysis.support import ANY_TEXT, TEXT


async def test_a_query_gives_a_typed_frame(filled):
    """Whole numbers, reals and texts keep their kind, NULL is NA, and values go in as parameters."""
    frame = sql(
        "SELECT role, count(*) AS n, avg(output_tokens) AS mean, max(cell_id) AS cell, NULL AS empty"
        " FROM messages WHERE role = ? GROUP BY role",
        filled,
        params=["assistant"],
    )
    assert frame.dtypes.astype(str).tolist()[1:3] == ["Int64", "float64"]
    assert all(frame[name].dtype == TEXT for name in ("role", "cell", "empty"))
    assert frame["n"].tolist() == [messages_df(filled, branch="all")["role"].eq("assistant").sum()]
    assert frame["empty"].isna().all()
    assert sql("SELECT :a AS a, 2 AS a", filled, params={"a": 1}).to_dict("list") == {"a": [1], "a_2": [2]}


async def test_json_and_whole_numbers_come_as_they_are(filled):
    """A query may open the JSON columns, and every number that SQLite holds comes through."""
    names = sql(
        "SELECT json_extract(value, '$.name') AS name FROM messages, json_each(parts) "
        "WHERE json_extract(value, '$.type') = 'tool_call'",
        filled,
    )
    assert names["name"].tolist() == ["add"]
    numbers = sql("SELECT -9223372036854775808 AS n UNION ALL SELECT 9223372036854775807 ORDER BY n", filled)
    assert numbers["n"].tolist() == [-(2**63), 2**63 - 1]


async def test_an_empty_result_keeps_its_columns(filled):
    """No rows: the names are there all the same."""
    frame = sql("SELECT id, role FROM messages WHERE 0", filled)
    assert (list(frame.columns), len(frame)) == (["id", "role"], 0)


async def test_a_query_gives_what_pandas_reads(filled):
    """The texts of the store come as they are, whatever is in them."""
    frame = sql(
        "SELECT m.content, s.session_id FROM messages m JOIN sessions s ON s.id = m.sid ORDER BY m.id", filled
    )
    pd.testing.assert_frame_equal(
        frame, messages_df(filled, branch="all")[["content", "session_id"]], check_names=True
    )
    assert ANY_TEXT in set(frame["content"])


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM messages",
        "UPDATE sessions SET user_id = 'me'",
        "INSERT INTO sessions(session_id) VALUES ('x')",
        "DROP TABLE messages",
        "CREATE TABLE t(a)",
        "CREATE TEMP TABLE t(a)",
        "ATTACH 'other.db' AS other",
        "ATTACH DATABASE ':memory:' AS other",
        "PRAGMA query_only = 0",
        "PRAGMA journal_mode = DELETE",
        "VACUUM",
        "VACUUM INTO 'copy.db'",
        "BEGIN",
        "COMMIT",
        "REINDEX",
        "SELECT load_extension('x')",
        "SELECT 1; DELETE FROM messages",
        "WITH gone AS (SELECT 1) DELETE FROM messages",
        "EXPLAIN DELETE FROM messages",
    ],
)
async def test_nothing_but_select_runs(filled, query, tmp_path, monkeypatch):
    """Every other statement is refused when it is compiled; the store and the folder stay as they were."""
    monkeypatch.chdir(tmp_path)
    before = messages_df(filled, branch="all")
    files = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(SessionValueError, match=r"SELECT|one statement"):
        sql(query, filled)
    pd.testing.assert_frame_equal(messages_df(filled, branch="all"), before)
    assert {path.name for path in tmp_path.iterdir()} == files


@pytest.mark.parametrize(
    "query, words",
    [
        ("SELECT missing FROM messages", "no such column"),
        ("SELEC 1", "syntax error"),
        ("SELECT ?", "binding"),
    ],
)
async def test_a_wrong_query_says_what_is_wrong(filled, query, words):
    """SQLite's own words, and where to look for the columns."""
    with pytest.raises(SessionValueError, match=rf"(?s){words}.*sqlite_master"):
        sql(query, filled)
    with pytest.raises(SessionTypeError, match="params"):
        sql("SELECT ?", filled, params="x")


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


async def test_an_endless_query_ends(filled):
    """The time limit stops it; the store can be read again at once."""
    with pytest.raises(SessionStorageError, match=r"=0\.2 s"):
        sql(ENDLESS, filled, timeout_s=0.2)  # short on purpose: it is used up
    assert len(messages_df(filled)) > 0


def test_an_interrupt_stops_a_query(tmp_path, monkeypatch):
    """Ctrl-C, or the stop button, ends a query that runs in the cell."""
    looks = itertools.count()

    def monotonic():
        """Tell the time; the query looks at it again and again, so at the tenth look it runs for sure."""
        if next(looks) == 10:
            _thread.interrupt_main()
        return time.monotonic()

    monkeypatch.setattr(queries, "time", SimpleNamespace(monotonic=monotonic))
    with pytest.raises(KeyboardInterrupt):
        sql(ENDLESS, SQLiteSessionStorage(tmp_path / "none.db"))


async def test_search_finds_in_every_storage(filled):
    """All words must be there; the newest comes first; the columns are those of an empty result."""
    frame = search("again", filled)
    nothing = search("zebra", filled)
    assert list(frame.columns) == list(nothing.columns)
    assert (frame.dtypes.astype(str) == nothing.dtypes.astype(str)).all()
    assert len(nothing) == 0
    whole = messages_df(filled, branch="all").set_index("message_id")
    assert len(frame) == whole["content"].str.contains("again").sum()
    assert frame["content"].str.contains("again").all()
    assert frame["created_at"].is_monotonic_decreasing
    assert (whole.loc[frame["message_id"], "seq"].to_numpy() == frame["seq"].to_numpy()).all()


async def test_search_stays_within_its_source(filled):
    """A session, a list of sessions, a user: only theirs; the limit counts after that."""
    [bob] = await filled.list_user_sessions("bob")
    adas = await filled.list_user_sessions("ada")
    assert set(search("Hi", bob)["session_id"]) == {bob.session_id}
    assert len(search("Hi", adas)) == 0
    assert set(search("You said", [bob, *adas], limit=50)["session_id"]) >= {bob.session_id}
    assert set(search("You said", filled, user_id="bob")["session_id"]) == {bob.session_id}
    assert len(search("You said", filled, limit=2)) == 2
    assert len(search("x", [])) == 0


async def test_search_works_while_the_loop_runs(filled):
    """It blocks only its own thread: others go on in theirs."""
    frames = await asyncio.gather(*(asyncio.to_thread(search, "Hello", filled) for _ in range(5)))
    assert {len(frame) for frame in frames} == {len(frames[0])}


async def test_hits_say_where_they_are(manager):
    """Each hit has the name of its session, and the turn and version by which commands and cells call it."""
    session = await manager.create_session("me", "mock", "echo", title="A weekend in May")
    await session.send_message("First.")
    await session.send_message("Is the zebra striped?")
    await session.regenerate()
    unnamed = await manager.create_session("me", "mock", "echo")
    await unnamed.send_message("Another zebra.")
    hits = await asyncio.to_thread(search, "zebra", manager)
    assert list(hits.columns[:4]) == ["session", "session_id", "turn", "version"]
    found = set(hits[["session", "turn", "version", "role"]].itertuples(index=False, name=None))
    assert ("A weekend in May", 1, 1, "user") in found
    assert ("A weekend in May", 1, 2, "assistant") in found
    assert (unnamed.session_id[:8], 0, 1, "user") in found
