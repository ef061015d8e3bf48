"""`events_df` and `MetricsHook.to_frame`: what a hook saw, one row each or counted per bin of time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from langswarm_nb.analysis import events_df
from langswarm_nb.core.session import MetricsHook, SessionValueError
from langswarm_nb.core.session.hooks import MetricsEvent
from tests.analysis.support import TEXT, check_columns, fill

DTYPES = {
    "at": "datetime64[us, UTC]",
    "event": "category",
    "session_id": TEXT,
    "user_id": TEXT,
    "value": "float64",
    "detail_json": TEXT,
}
KINDS = ["created", "archived", "deleted", "messages_sent", "messages_received", "error", "retry"]
COUNTS = {"at": "datetime64[us, UTC]", **dict.fromkeys(KINDS, "Int64")}


def seen(*seconds: float) -> MetricsHook:
    """Return a hook that saw an error after each of these seconds."""
    hook, start = MetricsHook(), datetime(2026, 11, 22, 12, tzinfo=UTC)
    for after in seconds:
        hook.events.append(MetricsEvent(start + timedelta(seconds=after), "error", "s", "ada"))
    return hook


@pytest.mark.parametrize("freq, contract", [(None, DTYPES), ("1min", COUNTS)])
def test_a_hook_that_saw_nothing_has_the_same_columns(freq, contract):
    """Events and counts have their columns and dtypes also when there is no event."""
    check_columns(MetricsHook().to_frame(freq=freq), contract)
    check_columns(seen(0).to_frame(freq=freq), contract)


async def test_events_agree_with_the_counters(manager):
    """Each counter is the number of rows of its kind, and of the counts per bin; details are JSON."""
    hook = MetricsHook()
    manager.add_global_hook(hook)
    await fill(manager)
    events, binned = events_df(manager), hook.to_frame(freq="1h")
    check_columns(events, DTYPES)
    check_columns(binned, COUNTS)
    for kind, count in hook.get_metrics().items():
        assert (events["event"] == kind).sum() == binned[kind].sum() == count
    assert (events["event"] == "error").sum() == binned["error"].sum() == 1
    assert all(isinstance(json.loads(text), str) for text in events["detail_json"].dropna())
    assert set(events_df(manager, user_id="bob")["user_id"]) == {"bob"}


def test_bins_without_events_are_there():
    """Counts per bin have no holes, and a bin begins at a whole multiple of its width."""
    frame = seen(10, 130).to_frame(freq="min")
    assert frame["error"].tolist() == [1, 0, 1]
    assert frame["at"].tolist() == list(pd.date_range("2026-11-22 12:00", periods=3, freq="1min", tz="UTC"))


@pytest.mark.parametrize("freq", ["often", "", "0min", "-1min", "1ns", "W", "ME", 5])
@pytest.mark.parametrize("hook", [seen(), seen(0)], ids=["no events", "one event"])
def test_a_width_that_is_none_is_refused(hook, freq):
    """What is not a fixed span of time is refused, also when there is nothing to count."""
    with pytest.raises(SessionValueError, match="freq"):
        hook.to_frame(freq=freq)


def test_millions_of_bins_are_refused():
    """Two events a year apart in bins of a second are refused with the number, not with the memory full."""
    with pytest.raises(SessionValueError, match=r"31,536,001 bins.*wider freq"):
        seen(0, 365 * 86_400).to_frame(freq="1s")


def test_the_oldest_events_are_dropped_and_counted():
    """Memory is bounded: of five events the last three stay, and two are counted as dropped."""
    hook = MetricsHook(max_events=3)
    for detail in "abcde":
        hook._note(_Session(), "error", detail=detail)  # type: ignore[arg-type]
    assert hook.to_frame()["detail_json"].tolist() == ['"c"', '"d"', '"e"']
    assert hook.dropped == 2


class _Session:
    session_id, user_id = "s", "ada"
