"""`events_df`: what a `MetricsHook` saw, as a frame."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
import pandas as pd

from langswarm_nb.core.session.base import SessionManager
from langswarm_nb.core.session.default import get_session_manager
from langswarm_nb.core.session.errors import SessionTypeError, SessionValueError
from langswarm_nb.core.session.hooks import EventKind, MetricsEvent, MetricsHook
from langswarm_nb.core.session.session import BaseSession
from langswarm_nb.core.session.values import to_us

from . import arrays, texts
from .bins import width_of
from .columns import EVENTS, choose
from .filters import Filter, Moment
from .frames import as_frame

KINDS: tuple[str, ...] = get_args(EventKind)
MOST_BINS = 1_000_000
"""Of a frame with ``freq``."""


def events_df(
    source: MetricsHook | SessionManager | BaseSession | Sequence[BaseSession] | None = None,
    freq: str | None = None,
    *,
    since: Moment = None,
    until: Moment = None,
    user_id: str | None = None,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return what a `MetricsHook` saw, one row per event, or counts per bin of time.

    Parameters
    ----------
    source : MetricsHook, manager, session or list of sessions, optional
        The hook, or a manager that has one; sessions show their own events. By default the notebook's manager.
    freq : str, optional
        Width of a bin as pandas writes it, e.g. ``"1min"``: counts per bin, one column per kind of event.
    since, until, user_id, columns
        As in `messages_df`, over the time ``at`` of the event.

    Returns
    -------
    pandas.DataFrame
        Columns ``at``, ``event``, ``session_id``, ``user_id``, ``value`` (seconds of a wait, tokens of a reply) and
        ``detail_json``; with ``freq`` the column ``at`` (start of the bin, UTC) and an ``Int64`` column for each kind.

    Raises
    ------
    SessionValueError, SessionTypeError
        An argument is not allowed, or there is no hook.
    """
    chosen = choose(EVENTS, columns)
    wanted = Filter.of(since, until, user_id, "active")
    hook, session_ids = _find(source)
    events = [
        event
        for event in hook.events.copy()
        if _is_wanted(event, wanted) and (session_ids is None or event.session_id in session_ids)
    ]
    values = {
        "at": np.array([to_us("at", event.at) for event in events], np.int64),
        "event": arrays.few_of([event.event for event in events]),
        "session_id": texts.texts_of([event.session_id for event in events]),
        "user_id": texts.texts_of([event.user_id for event in events]),
        "value": np.array([event.value for event in events], np.float64),
        "detail_json": texts.texts_of([None if e.detail is None else json.dumps(e.detail) for e in events]),
    }
    if freq is not None:
        return _counts(values["at"], [event.event for event in events], freq)
    return as_frame(
        {column.name: arrays.to_pandas(column, values[column.name]) for column in chosen}, len(events)
    )


def _find(source: Any) -> tuple[MetricsHook, set[str] | None]:
    """Return the hook, and the sessions that are meant (None: all)."""
    if isinstance(source, MetricsHook):
        return source, None
    if source is None:
        source = get_session_manager()
        if source is None:
            raise SessionValueError(
                "There is no session manager yet whose events could be shown. Load the extension with "
                "`%load_ext langswarm_nb`, or pass a MetricsHook."
            )
    if isinstance(source, SessionManager):
        return _hook_of(source), None
    sessions = [source] if isinstance(source, BaseSession) else source
    if (
        not isinstance(sessions, list | tuple)
        or not sessions
        or not all(isinstance(s, BaseSession) for s in sessions)
    ):
        raise SessionTypeError.of(
            "source", source, "a MetricsHook, a manager, a session or a list of sessions"
        )
    return _hook_of(sessions[0].manager), {session.session_id for session in sessions}


def _hook_of(manager: SessionManager) -> MetricsHook:
    hook = next((hook for hook in manager.hooks if isinstance(hook, MetricsHook)), None)
    if hook is None:
        raise SessionValueError(
            f"{manager!r} has no MetricsHook, so it remembers no events. "
            "Add one with `manager.add_global_hook(MetricsHook())`; it sees what happens from then on."
        )
    return hook


def _is_wanted(event: MetricsEvent, wanted: Filter) -> bool:
    at_us = to_us("at", event.at)
    return (
        (wanted.user_id is None or event.user_id == wanted.user_id)
        and (wanted.since_us is None or at_us >= wanted.since_us)
        and (wanted.until_us is None or at_us < wanted.until_us)
    )


def _counts(at_us: np.ndarray[tuple[int], np.dtype[np.int64]], kinds: list[str], freq: str) -> pd.DataFrame:
    width = width_of(freq)
    bins = pd.DatetimeIndex(at_us.view("datetime64[us]"), tz="UTC").floor(width).as_unit("us")
    if not len(bins):
        starts = bins
        counts = pd.DataFrame(0, index=bins, columns=list(KINDS))
    else:
        n_bins = (bins.max() - bins.min()) // width + 1
        if n_bins > MOST_BINS:
            raise SessionValueError(
                f"freq={freq!r} makes {n_bins:,} bins of these events; the limit is {MOST_BINS:,}. "
                "Use a wider freq, or a shorter period with since= and until=."
            )
        starts = pd.date_range(bins.min(), bins.max(), freq=width, unit="us")
        counts = pd.crosstab(bins, kinds).reindex(index=starts, columns=list(KINDS), fill_value=0)
    whole = {kind: pd.array(counts[kind].to_numpy(np.int64), dtype="Int64") for kind in KINDS}
    return as_frame({"at": starts.array, **whole}, len(starts))
