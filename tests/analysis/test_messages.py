"""`messages_df`: the contract's columns, from every kind of source, equal to what is stored."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import langswarm_nb
from langswarm_nb.analysis import messages_df, packed, sessions_df, texts, turns_df
from langswarm_nb.analysis.columns import MESSAGE_ID, Kind
from langswarm_nb.analysis.store import find_store
from langswarm_nb.core.session import (
    MessageRole,
    SessionMessage,
    SessionTypeError,
    SessionValueError,
    create_session_manager,
    set_session_manager,
)
from tests.analysis.support import TEXT, as_rows, check_columns, grown, stored_rows

DTYPES = {
    "session": TEXT,
    "session_id": TEXT,
    "turn": "Int32",
    "version": "Int32",
    "role": "category",
    "content": TEXT,
    "created_at": "datetime64[us, UTC]",
    "provider": "category",
    "model": "category",
    "status": "category",
    "finish_reason": "category",
    "content_chars": "Int64",
    "tool_result": TEXT,
    "tool_name": TEXT,
    "n_tool_calls": "Int16",
    "is_active": "boolean",
    "is_hidden": "boolean",
    "is_aside": "boolean",
    "home": TEXT,
    "user_id": TEXT,
    "source": "category",
    "cell_id": TEXT,
    "seq": "Int32",
    "message_id": TEXT,
    "parent_id": TEXT,
    "request_id": TEXT,
    "tool_call_id": TEXT,
    "metadata_json": TEXT,
    "n_attachments": "Int16",
    "n_citations": "Int16",
}


def check_contract(frame):
    check_columns(frame, DTYPES)


@pytest.mark.parametrize("branch", ["active", "all"])
async def test_the_frame_is_what_is_stored(filled, branch):
    """Each row equals its message, field by field, on the active path and on all branches."""
    await grown(filled)
    frame = messages_df(filled, branch=branch)
    check_contract(frame)
    found = as_rows(frame)
    for row in found:
        row["metadata_json"] = row["metadata_json"] and json.loads(row["metadata_json"])
    order = lambda row: (row["session_id"], row["seq"])  # noqa: E731
    assert sorted(found, key=order) == sorted(await stored_rows(filled, branch), key=order)


async def test_rows_come_session_by_session_in_order(filled):
    """The rows of a session stand together, in order of sending; the oldest session comes first."""
    frame = messages_df(filled, branch="all")
    sessions = frame["session_id"].drop_duplicates()
    records = sorted(await filled.storage.list_sessions(), key=lambda record: record.created_at)
    assert sessions.tolist() == [record.session_id for record in records if record.message_count]
    assert len(list(groupby(frame["session_id"]))) == len(sessions)
    assert all(group["seq"].tolist() == list(range(len(group))) for _, group in frame.groupby("session_id"))


async def test_an_empty_store_gives_the_same_columns(manager):
    """Columns, order and dtypes do not depend on there being rows."""
    frame = messages_df(manager)
    assert len(frame) == 0
    check_contract(frame)


async def test_every_filter_gives_the_same_columns(filled):
    """Also a filter that leaves no row, and a source without sessions."""
    [session, *_] = await filled.list_user_sessions("cyd")
    for frame in (
        messages_df(filled, since="2999-01-01"),
        messages_df(filled, user_id="nobody"),
        messages_df(session),
        messages_df([]),
    ):
        assert len(frame) == 0
        check_contract(frame)


async def test_a_source_chooses_the_sessions(filled):
    """A manager and its storage give all; a session or a list gives its own; with user_id only that user's."""
    whole = messages_df(filled)
    [bob] = await filled.list_user_sessions("bob")
    adas = await filled.list_user_sessions("ada")
    pd.testing.assert_frame_equal(messages_df(filled.storage), whole)
    assert set(bob.messages_df()["user_id"]) == {"bob"}
    expected = whole[whole["user_id"] == "ada"].reset_index(drop=True)
    assert as_rows(messages_df(adas)) == as_rows(expected)
    assert as_rows(messages_df(filled, user_id="ada")) == as_rows(expected)
    assert as_rows(messages_df([*adas, bob, bob])) == as_rows(whole)


async def test_without_a_source_it_is_the_notebooks_manager(filled):
    """`ls.messages_df()` shows the manager of the process; without one it says how to get one."""
    with pytest.raises(SessionValueError, match="load_ext"):
        langswarm_nb.messages_df()
    set_session_manager(filled)
    try:
        assert len(langswarm_nb.messages_df()) == len(filled.messages_df()) > 0
    finally:
        set_session_manager(None)


async def test_a_notebook_sees_its_own_sessions(filled):
    """Without a source the frames are of the sessions of the notebook that asks; `all=True` shows the store."""
    session = await grown(filled)
    filled.here = lambda: "/notes/Grown.ipynb"
    set_session_manager(filled)
    try:
        for build in (messages_df, turns_df, sessions_df):
            own = build()
            assert own["session_id"].unique().tolist() == [session.session_id]
            pd.testing.assert_frame_equal(own, build(session))
            pd.testing.assert_frame_equal(build(all=True), build(filled))
            assert len(build(filled)) > len(own)
        assert set(own["home"]) == {"/notes/Grown.ipynb"}
        filled.here = lambda: "/notes/other.ipynb"
        assert len(messages_df()) == 0
        check_contract(messages_df())
    finally:
        set_session_manager(None)


async def test_what_is_hidden_beside_or_failed_is_told(manager):
    """A frame tells of each message where it stands and what sets it apart, with the address of footer and tree."""
    await grown(manager)
    frame = messages_df(manager, branch="all")
    said = frame[frame["role"] == "assistant"]
    said.index = pd.Index(
        [f"{turn}.{version}" for turn, version in zip(said["turn"], said["version"], strict=True)]
    )
    assert said.index.tolist() == [
        "0.1",
        "1.1",
        "2.1",
        "1.2",
        "1.3",
        "3.1",
        "4.1",
        "4.2",
        "5.1",
        "5.2",
        "6.1",
    ]
    assert said.index[said["is_aside"]].tolist() == ["3.1", "4.1", "5.1", "5.2"]
    assert said.index[said["is_active"]].tolist() == ["0.1", "6.1"]
    assert said.index[said["is_hidden"]].tolist() == ["0.1", "1.1"]
    assert said["status"].tolist() == ["ok"] * 10 + ["error"]
    assert frame.loc[frame["role"] != "assistant", "status"].isna().all()
    assert set(frame["session"]) == {"Grown"}


async def test_since_and_until_are_half_open(filled):
    """A message at `since` is in, one at `until` is out; the two parts make the whole."""
    whole = messages_df(filled, branch="all")
    middle = whole["created_at"].sort_values().iloc[len(whole) // 2]
    late = messages_df(filled, since=middle, branch="all")
    early = messages_df(filled, until=middle.to_pydatetime(), branch="all")
    assert late["created_at"].min() == middle
    assert early["created_at"].max() < middle
    assert len(late) + len(early) == len(whole)
    known = dict(zip(whole["message_id"], whole["parent_id"], strict=True))
    assert as_rows(late)[0]["parent_id"] == (known[late["message_id"][0]] or None)


async def test_moments_without_a_zone_are_utc(filled):
    """Dates and text without a zone mean UTC; a naive datetime is refused, for it may mean local time."""
    today = datetime.now(UTC).date()
    assert len(messages_df(filled, since=today - timedelta(days=1))) == len(messages_df(filled))
    assert len(messages_df(filled, since=date(2999, 1, 1))) == 0
    assert len(messages_df(filled, until="2999-01-01T00:00+02:00")) == len(messages_df(filled))
    with pytest.raises(SessionValueError, match="time-zone"):
        messages_df(filled, since=datetime(2026, 1, 1))  # noqa: DTZ001


async def test_columns_are_chosen_by_name(filled):
    """Only those asked for, in the order asked; each is the same as in the whole frame."""
    whole = messages_df(filled)
    for name in DTYPES:
        pd.testing.assert_series_equal(messages_df(filled, columns=[name])[name], whole[name])
    assert list(messages_df(filled, columns=["role", "seq", "role"]).columns) == ["role", "seq"]
    assert messages_df(filled, columns=[]).shape == (len(whole), 0)


@pytest.mark.parametrize(
    "arguments, error, words",
    [
        ({"columns": ["contents"]}, SessionValueError, "Did you mean 'content'"),
        ({"columns": "content"}, SessionTypeError, "list of column names"),
        ({"columns": 1}, SessionTypeError, "list of column names"),
        ({"branch": "main"}, SessionValueError, "'active', 'all'"),
        ({"user_id": 7}, SessionTypeError, "user_id"),
        ({"since": "yesterday"}, SessionValueError, "2026-11-22"),
        ({"until": 3}, SessionTypeError, "until"),
        ({"source": "sessions.db"}, SessionTypeError, "a manager, a storage, a session"),
        ({"source": [1]}, SessionTypeError, "a manager, a storage, a session"),
    ],
)
async def test_what_is_not_allowed_is_named(arguments, error, words):
    """A wrong argument is an error that says what is allowed, before anything is read."""
    async with create_session_manager("memory") as manager:
        with pytest.raises(error, match=words):
            messages_df(**{"source": manager, **arguments})


async def test_sessions_of_two_storages_are_not_mixed():
    """One frame is one moment of one store."""
    async with create_session_manager("memory") as one, create_session_manager("memory") as two:
        sessions = [await manager.create_session("ada", "mock", "echo") for manager in (one, two)]
        with pytest.raises(SessionValueError, match="2 storages"):
            messages_df(sessions)


async def test_the_frame_says_its_schema_and_time(manager):
    """The attributes tell what the columns mean and when they were read; they survive a Parquet file's JSON."""
    before = datetime.now(UTC)
    facts = messages_df(manager).attrs["langswarm"]
    assert facts["schema"] == 3
    assert before <= datetime.fromisoformat(facts["exported_at"]) <= datetime.now(UTC)
    assert json.loads(json.dumps(facts)) == facts


async def test_it_works_in_a_thread_beside_writers(filled):
    """While sessions are written to, a reader in a thread sees whole turns only."""
    session = await filled.create_session("ada", "mock", "echo")

    async def write():
        for number in range(20):
            await session.send_message(f"Message {number}")

    async def read():
        lengths = []
        for _ in range(10):
            frame = await asyncio.to_thread(session.messages_df)
            assert frame["seq"].tolist() == list(range(len(frame)))
            lengths.append(len(frame))
        return lengths

    _, lengths = await asyncio.gather(write(), read())
    assert lengths == sorted(lengths)
    assert len(session.messages_df()) == 40


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=8))
def test_any_text_comes_back_unchanged(texts):
    """Whatever UTF-8 can hold is in the frame as it was stored, with its length in characters."""

    async def frame():
        async with create_session_manager("memory") as manager:
            session = await manager.create_session("ada", "mock", "echo")
            messages = [SessionMessage(content=text, metadata={"text": text}) for text in texts]
            await manager.storage.append_messages(session.session_id, messages)
            return session.messages_df()

    found = asyncio.run(frame())
    assert found["content"].tolist() == texts
    assert found["content_chars"].tolist() == [len(text) for text in texts]
    assert [json.loads(value)["text"] for value in found["metadata_json"]] == texts


IDS = ["sixteen bytes 16", "b" * 32, "5", " id with blanks  ", "漢字" * 8, "0123456789abcdef" * 2, "x" * 40]


@pytest.mark.parametrize("wanted", [IDS, IDS[1::4]], ids=["of all kinds", "hexadecimal alone"])
@pytest.mark.parametrize("collector", ["as it is", "_ObjectIds"])
async def test_any_id_comes_back_unchanged(manager, wanted, collector, monkeypatch):
    """Ids of 32 hexadecimal digits are stored as bytes and others as text; a frame shows both as they were given."""
    if collector != "as it is":  # what is used without pyarrow
        monkeypatch.setattr(texts, "TEXT_FACTORY", str)
        kinds = {Kind.ID: texts._ObjectIds, Kind.TEXT: texts._ObjectCollector}
        changed = {kind: (kinds.get(kind, made), sql) for kind, (made, sql) in packed._COLLECTORS.items()}
        monkeypatch.setattr(packed, "_COLLECTORS", changed)
    session = await manager.create_session("ada", "mock", "echo")
    await manager.storage.append_messages(
        session.session_id, [SessionMessage(content="Hello", id=one) for one in wanted]
    )
    with find_store(session).open() as db:
        read = packed.read_columns(db, [MESSAGE_ID], "FROM messages ORDER BY id")[MESSAGE_ID]
    assert [str(one) for one in read] == wanted


async def test_dtypes_plot_and_compute_as_they_are(filled):
    """Pandas itself can group, sum and sort by the columns."""
    frame = messages_df(filled, branch="all")
    assert frame.groupby("role", observed=True)["content_chars"].sum().sum() == frame["content_chars"].sum()
    assert frame["created_at"].dt.date.nunique() >= 1
    assert frame["content_chars"].astype("float64").mean() > 0


async def test_an_answer_names_the_call_before_it(manager):
    """The tool's name is that of the last call of its session, however services number their calls, in any excerpt."""
    for name in ("clock", "map"):
        session = await manager.create_session("ada", "mock", "echo")
        for tool in (name, f"{name}-2"):
            call = {"type": "tool_call", "id": "call-1", "name": tool, "arguments": "{}"}
            result = {"type": "tool_result", "tool_call_id": "call-1", "content": "2"}
            messages = [
                SessionMessage(role=MessageRole.ASSISTANT, parts=(call,)),
                SessionMessage(role=MessageRole.TOOL, parts=(result,)),
            ]
            await manager.storage.append_messages(session.session_id, messages)
    frame = messages_df(manager)
    answers = frame[frame["role"] == "tool"]
    assert answers["tool_name"].tolist() == ["clock", "clock-2", "map", "map-2"]
    last = messages_df(manager, since=answers["created_at"].iloc[-1])
    assert last["tool_name"].tolist()[-1] == "map-2"
