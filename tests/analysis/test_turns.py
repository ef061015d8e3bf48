"""`turns_df` and `sessions_df`: the contract's columns, equal to what is stored, and in agreement with each other."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from langswarm_nb.analysis import messages_df, sessions_df, set_price, turns_df
from langswarm_nb.core.session import MessageRole, RequestFacts, SessionMessage, Usage
from tests.analysis.support import TEXT, as_rows, check_columns, grown

TURNS = {
    "session": TEXT,
    "session_id": TEXT,
    "turn": "Int32",
    "version": "Int32",
    "provider": "category",
    "model": "category",
    "status": "category",
    "started_at": "datetime64[us, UTC]",
    "duration_s": "float64",
    "time_to_first_chunk_s": "float64",
    "input_tokens": "Int64",
    "output_tokens": "Int64",
    "cost_usd": "float64",
    "cost_source": "category",
    "finish_reason": "category",
    "error_type": TEXT,
    "error_message": TEXT,
    "time_per_output_token_s": "float64",
    "output_tokens_per_s": "float64",
    "queued_s": "float64",
    "attempts": "Int16",
    "streamed": "boolean",
    "cache_read_input_tokens": "Int64",
    "cache_creation_input_tokens": "Int64",
    "reasoning_output_tokens": "Int64",
    "tokens_source": "category",
    "operation": "category",
    "request_model": "category",
    "is_active": "boolean",
    "is_hidden": "boolean",
    "is_aside": "boolean",
    "home": TEXT,
    "user_id": TEXT,
    "source": "category",
    "cell_id": TEXT,
    "compare_id": TEXT,
    "request_id": TEXT,
    "params_json": TEXT,
    "route": "category",
    "schema_hash": TEXT,
    "data_json": TEXT,
}
SESSIONS = {
    "session": TEXT,
    "session_id": TEXT,
    "home": TEXT,
    "about": TEXT,
    "provider": "category",
    "model": "category",
    "n_turns": "Int64",
    "n_messages": "Int64",
    "n_errors": "Int64",
    "last_message_at": "datetime64[us, UTC]",
    "input_tokens": "Int64",
    "output_tokens": "Int64",
    "cost_usd": "float64",
    "n_unpriced": "Int64",
    "busy_s": "float64",
    "span_s": "float64",
    "status": "category",
    "created_at": "datetime64[us, UTC]",
    "updated_at": "datetime64[us, UTC]",
    "title": TEXT,
    "backend": "category",
    "user_id": TEXT,
    "metadata_json": TEXT,
}


@pytest.mark.parametrize("build, contract", [(turns_df, TURNS), (sessions_df, SESSIONS)])
async def test_columns_do_not_depend_on_the_rows(manager, build, contract):
    """Names, order and dtypes are the contract's for an empty store and for filters that leave nothing."""
    assert len(build(manager)) == len(build([])) == 0
    for frame in (
        build(manager),
        build([]),
        build(manager, since="2999-01-01"),
        build(manager, branch="all"),
    ):
        check_columns(frame, contract)


def turn_of(record, m):
    """Return the row that `turns_df` must have for a stored reply."""
    facts, usage = m.request, m.request.usage
    tokens, first_s = usage.output_tokens, facts.time_to_first_chunk_s
    flows = facts.streamed and first_s is not None and (tokens or 0) > 1
    per_token = (facts.duration_s - first_s) / (tokens - 1) if flows else None
    return {
        "request_id": m.id,
        "session_id": record.session_id,
        "user_id": record.user_id,
        "turn": m.turn,
        "operation": "chat",
        "provider": facts.provider,
        "request_model": facts.request_model,
        "model": facts.model or facts.request_model,
        "started_at": pd.Timestamp(facts.started_at),
        "duration_s": facts.duration_s,
        "time_to_first_chunk_s": facts.time_to_first_chunk_s,
        "time_per_output_token_s": per_token and pytest.approx(per_token),
        "output_tokens_per_s": tokens and pytest.approx(tokens / facts.duration_s),
        "queued_s": facts.queued_s,
        "input_tokens": usage.input_tokens,
        "cache_read_input_tokens": usage.cached_input_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "output_tokens": tokens,
        "reasoning_output_tokens": usage.reasoning_tokens,
        "tokens_source": facts.tokens_source,
        "cost_usd": facts.cost_usd,
        "cost_source": facts.cost_source,
        "finish_reason": m.finish_reason,
        "status": facts.status,
        "error_type": facts.error_type,
        "error_message": facts.error_message,
        "attempts": facts.attempts,
        "streamed": facts.streamed,
        "is_active": m.is_active,
        "version": m.version,
        "source": m.source,
        "cell_id": m.cell_id,
        "compare_id": facts.compare_id,
        "params_json": dict(facts.params) or None,
        "route": facts.details.get("route"),
        "schema_hash": facts.schema_hash,
        "data_json": facts.data_json,
        "session": record.title or record.session_id[:8],
        "home": record.home,
        "is_hidden": m.is_hidden,
        "is_aside": m.is_aside,
    }


@pytest.mark.parametrize("branch", ["active", "all"])
async def test_a_turn_is_a_stored_reply(filled, branch):
    """Each row equals the facts of its reply; failed and stopped requests are rows too."""
    await grown(filled)
    frame = turns_df(filled, branch=branch)
    check_columns(frame, TURNS)
    found = {row["request_id"]: row for row in as_rows(frame)}
    expected = {
        m.id: turn_of(record, m)
        for record in await filled.storage.list_sessions()
        for m in await filled.storage.get_messages(record.session_id, branch=branch)
        if m.request is not None
    }
    for row in found.values():
        row["params_json"] = row["params_json"] and json.loads(row["params_json"])
    assert found == expected
    assert {"ok", "stopped", "error"} == set(frame["status"])


@pytest.mark.parametrize("branch", ["active", "all"])
async def test_sessions_add_up_their_messages_and_turns(filled, branch):
    """Counts and sums of a session equal the group-bys of the other frames; a sum of nothing is NA."""
    set_price("counted-1", 1, 2)
    set_price("echo", 3, 4)
    frame = sessions_df(filled, branch=branch)
    check_columns(frame, SESSIONS)
    sessions = frame.set_index("session_id")
    turns, messages = turns_df(filled, branch=branch), messages_df(filled, branch=branch)
    by_turn = turns.groupby("session_id")
    by_message = messages.groupby("session_id")

    def same(column, other, default=None):
        values = other.reindex(sessions.index)
        pd.testing.assert_series_equal(
            sessions[column].astype("float64"),
            (values if default is None else values.fillna(default)).astype("float64"),
            check_names=False,
            check_index_type=False,
        )

    same("n_messages", by_message.size(), 0)
    same("n_turns", by_message["turn"].nunique(), 0)
    same("n_errors", turns["status"].eq("error").groupby(turns["session_id"]).sum(), 0)
    same("n_unpriced", turns["cost_usd"].isna().groupby(turns["session_id"]).sum(), 0)
    for column in ("input_tokens", "output_tokens", "cost_usd"):
        same(column, by_turn[column].sum(min_count=1))
    same("busy_s", by_turn["duration_s"].sum(min_count=1))
    span = by_message["created_at"].max() - by_message["created_at"].min()
    same("span_s", span.dt.total_seconds())
    last = by_message["created_at"].max().reindex(sessions.index)
    assert (sessions["last_message_at"].dropna() == last.dropna()).all()


async def test_a_turn_counts_once_however_often_it_was_asked(manager):
    """Versions, the questions of a comparison and asides are rows of their turns; `n_turns` counts turns."""
    session = await grown(manager)
    turns = turns_df(session, branch="all")
    compared = turns[turns["compare_id"].notna()]
    assert compared["turn"].tolist() == [4, 4, 5, 5]
    assert compared["compare_id"].nunique() == 2
    assert compared["version"].tolist() == [1, 2, 1, 2]
    assert len(turns) == 11
    assert sessions_df(session, branch="all").loc[0, "n_turns"] == turns["turn"].nunique() == 7
    assert sessions_df(session).loc[0, "n_turns"] == 2


async def test_a_session_is_what_is_stored(filled):
    """Owner, title, home, state, times and metadata are the stored ones; the model is the last one used."""
    await grown(filled)
    frame = sessions_df(filled)
    rows = {row["session_id"]: row for row in as_rows(frame)}
    for record in await filled.storage.list_sessions():
        row = rows[record.session_id]
        assert row["user_id"] == record.user_id
        assert (row["title"], row["home"]) == (record.title, record.home)
        assert (row["status"], row["backend"]) == (record.status.value, record.settings.backend.value)
        assert (row["created_at"], row["updated_at"]) == (record.created_at, record.updated_at)
        assert (row["metadata_json"] and json.loads(row["metadata_json"])) == (dict(record.metadata) or None)
        requests = [m.request for m in await filled.storage.get_messages(record.session_id) if m.request]
        last = (requests[-1].provider, requests[-1].model or requests[-1].request_model) if requests else None
        assert (row["provider"], row["model"]) == (last or (record.settings.provider, record.settings.model))
    assert frame["created_at"].is_monotonic_increasing


async def test_columns_can_be_asked_for_one_by_one(filled):
    """A column read alone is the column of the whole frame."""
    for build in (turns_df, sessions_df):
        whole = build(filled, branch="all")
        for name in whole.columns:
            pd.testing.assert_series_equal(build(filled, branch="all", columns=[name])[name], whole[name])


async def test_requests_join_their_messages(filled):
    """`request_id` is the same in both frames, so usage counts once in a join."""
    turns, messages = turns_df(filled, branch="all"), messages_df(filled, branch="all")
    joined = messages.merge(turns, on="request_id", how="inner", suffixes=("", "_turn"))
    assert len(joined) == len(turns) == messages["request_id"].notna().sum()
    assert joined["output_tokens"].sum() == turns["output_tokens"].sum()


async def test_sessions_and_managers_have_the_frames(filled):
    """The methods give what the functions give."""
    [session, *_] = await filled.list_user_sessions("ada")
    for name, build in (("messages_df", messages_df), ("turns_df", turns_df), ("sessions_df", sessions_df)):
        for source in (session, filled):
            pd.testing.assert_frame_equal(getattr(source, name)(branch="all"), build(source, branch="all"))


async def test_floats_are_plain_numpy(filled):
    """Times, rates and money compute and plot without conversion."""
    turns = turns_df(filled)
    assert isinstance(turns["duration_s"].to_numpy(), np.ndarray)
    assert turns["duration_s"].sum() > 0


async def test_a_clock_that_hardly_moved_gives_no_rate(manager):
    """No duration, or one next to nothing: the rate is NA, neither infinite nor a warning."""
    session = await manager.create_session("ada", "mock", "echo")
    replies = [
        SessionMessage(
            role=MessageRole.ASSISTANT,
            request=RequestFacts("mock", "m", duration_s=seconds, usage=Usage(output_tokens=9)),
        )
        for seconds in (0.0, 5e-324, None, 3.0)
    ]
    await manager.storage.append_messages(session.session_id, replies)
    rates = session.turns_df()["output_tokens_per_s"]
    assert rates.isna().tolist() == [True, True, True, False]
    assert rates[3] == 3.0
