"""One session at a time: its requests on a time line, and its messages as a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from langswarm_nb.analysis.statistics import need
from langswarm_nb.core.session.errors import SessionNotFoundError, SessionValueError, shown

from . import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_MARKS = {"system": "s", "user": "o", "assistant": "D", "tool": "^"}
_MOST_BARS = 300
_MOST_TEXTS = 30
"""Of messages with their text beside them."""
_MOST_TEXTS_IN_A_LINE = 10


def timeline(
    turns: pd.DataFrame, session_id: str | None = None, wall: bool = False, ax: Axes | None = None
) -> Axes:
    """Draw the requests of a session, one bar each: grey until the first piece came, in colour while it streamed.

    Parameters
    ----------
    turns : pandas.DataFrame
        As from `turns_df`.
    session_id : str, optional
        Which session; may be left out when the frame has only one.
    wall : bool
        Put each bar at its time since the first request; by default all begin at 0.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; x marks an error. A reply that was not streamed is grey to its end.

    Raises
    ------
    SessionNotFoundError
        The frame has no request of this session.
    SessionValueError
        A column is missing, or several sessions are in the frame and none was named.
    MissingExtraError
        matplotlib is not installed.
    """
    need(
        turns,
        ["session_id", "turn", "model", "started_at", "duration_s", "time_to_first_chunk_s", "status"],
        "turns_df",
    )
    rows = _of_one_session(turns, session_id, "request")
    is_new, ax = ax is None, style.axes(ax, height=float(np.clip(1.2 + 0.28 * len(rows), 2.2, 9.0)))
    title = style.count(len(rows), "request") + _of_session(rows)
    if rows.empty:
        return style.nothing(ax, title, "seconds", "turn", style.NO_REQUESTS)
    places = np.arange(len(rows))
    duration = np.maximum(np.nan_to_num(style.floats(rows["duration_s"])), 0)
    first = style.floats(rows["time_to_first_chunk_s"])
    waiting = np.where(np.isnan(first), duration, np.minimum(first, duration))
    since = (rows["started_at"] - rows["started_at"].min()).dt.total_seconds()
    start = np.nan_to_num(style.floats(since)) * wall
    _bars(ax, places, start, waiting, (style.QUIET, "-", ""), "until the first piece")
    models = style.names_in(rows, "model")
    # By all models of the frame, so that a model has its colour of the other pictures.
    for model, look in style.style_of(list(style.names_in(turns, "model"))).items():
        own = models.eq(model).to_numpy()
        if own.any():
            _bars(
                ax, places[own], (start + waiting)[own], (duration - waiting)[own], look, style.plain(model)
            )
    failed = rows["status"].eq("error").fillna(value=False).to_numpy(bool)
    if failed.any():
        ax.plot(
            (start + duration)[failed],
            places[failed],
            "x",
            color=style.ERROR,
            markersize=8,
            mew=2,
            label="error",
        )
    style.rows_axis(ax, rows["turn"].astype(object).where(rows["turn"].notna(), "-").astype(str).tolist())
    ax.margins(x=0.03)
    ax.set_xlim(left=0)
    style.grid(ax, "x")
    style.label(ax, title, "seconds since the first request" if wall else "seconds", "turn")
    style.legend_below(ax, columns=4, grows=is_new)
    return ax


def _bars(ax: Axes, places: Any, start: Any, width: Any, look: tuple[str, Any, str], label: str) -> None:
    color, _, hatch = look
    if len(places) <= _MOST_BARS:
        ax.barh(
            places, width, 0.7, start, color=color, hatch=hatch, edgecolor=ax.get_facecolor(), label=label
        )
    else:  # as lines, which are drawn a hundred times faster
        ax.hlines(places, start, start + width, color=color, linewidth=1, label=label)


def tree(messages: pd.DataFrame, session_id: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw a session as a tree of messages: the active path in bold at the top, its versions and branches below.

    Parameters
    ----------
    messages : pandas.DataFrame
        As from ``messages_df(branch="all")``.
    session_id : str, optional
        Which session; may be left out when the frame has only one.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes: time runs to the right, one step per message. Small trees show how each message begins.

    Raises
    ------
    SessionNotFoundError, SessionValueError, MissingExtraError
        As in `timeline`.
    """
    need(
        messages,
        ["session_id", "seq", "role", "message_id", "parent_id", "is_active", "content"],
        "messages_df",
    )
    rows = _of_one_session(messages, session_id, "message").sort_values("seq", kind="stable")
    depth, lane, parent = _layout(rows)
    n_lanes = int(lane.max(initial=0)) + 1
    ax = style.axes(ax, width=9.0, height=float(np.clip(1.5 + 0.55 * n_lanes, 2.4, 9.0)))
    branches = "1 branch" if n_lanes == 1 else f"{n_lanes:,} branches"
    title = f"{style.count(len(rows), 'message')} on {branches}{_of_session(rows)}"
    if rows.empty:
        return style.nothing(ax, "0 messages", "messages from the beginning", "branch", style.NO_MESSAGES)
    active = rows["is_active"].fillna(value=False).to_numpy(bool)
    empty = ax.get_facecolor()
    _draw_edges(ax, depth, lane, parent, active)
    roles = style.names_in(rows, "role")
    for role, mark in _MARKS.items():
        own = roles.eq(role).to_numpy()
        if own.any():
            color = style.ROLE_COLORS[role]
            faces = [color if on else empty for on in active[own]]
            size = float(np.clip(9000 / len(rows), 4, 50))
            ax.scatter(
                depth[own],
                lane[own],
                size,
                faces,
                marker=mark,
                edgecolors=color,
                linewidths=1.3,
                zorder=3,
                label=role,
            )
    if len(rows) <= _MOST_TEXTS and depth.max() < _MOST_TEXTS_IN_A_LINE:
        for x, y, text in zip(depth, lane, rows["content"].astype(str), strict=True):
            ax.annotate(
                style.beginning(text, 16),
                (x, y),
                (0, -8),
                textcoords="offset points",
                ha="center",
                va="top",
                fontsize=7,
            )
    ax.set(yticks=[], xlim=(-0.6, depth.max() + 0.6), ylim=(n_lanes - 0.35, -0.5))
    ax.locator_params(axis="x", integer=True, min_n_ticks=1)
    ax.spines["left"].set_visible(False)
    style.label(ax, title, "messages from the beginning", "")
    style.legend_below(ax, columns=4)
    return ax


def _of_one_session(frame: pd.DataFrame, session_id: str | None, what: str) -> pd.DataFrame:
    if session_id is not None:
        rows = frame[frame["session_id"].eq(session_id).fillna(value=False)]
        if rows.empty:
            raise SessionNotFoundError(
                f"The frame has no {what} of session {shown(session_id)}. See its column session_id."
            )
        return rows
    found = frame["session_id"].unique()
    if len(found) > 1:
        raise SessionValueError(
            f"The frame has {len(found)} sessions, but only one can be drawn. Choose it with session_id=."
        )
    return frame


def _of_session(rows: pd.DataFrame) -> str:
    return "" if rows.empty else f" of {style.plain(style.sessions_in(rows).iloc[0])}"


def _layout(rows: pd.DataFrame) -> tuple[Any, Any, Any]:
    """Return for each message its depth, its lane and the place of its parent (-1: none).

    The first child of a message stays in its lane, active before inactive; each other child opens a new one.
    """
    place = {key: number for number, key in enumerate(rows["message_id"])}
    parent = np.array(
        [place.get(key, -1) if isinstance(key, str) else -1 for key in rows["parent_id"]], np.int64
    )
    active = rows["is_active"].fillna(value=False).to_numpy(bool)
    children: dict[int, list[int]] = {}
    for number, above in enumerate(parent.tolist()):
        children.setdefault(above, []).append(number)
    depth, lane = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
    free = 0
    waiting: list[tuple[int, int | None]] = [
        (root, None) for root in _ordered(children.get(-1, []), active)[::-1]
    ]
    while waiting:
        number, own_lane = waiting.pop()
        if own_lane is None:
            own_lane, free = free, free + 1
        lane[number] = own_lane
        above = parent[number]
        depth[number] = depth[above] + 1 if above >= 0 else 0
        below = _ordered(children.get(number, []), active)
        waiting += [(other, None) for other in below[:0:-1]]
        waiting += [(first, own_lane) for first in below[:1]]
    return depth, lane, parent


def _ordered(numbers: list[int], active: Any) -> list[int]:
    return sorted(numbers, key=lambda number: (not active[number], number))


def _draw_edges(ax: Axes, depth: Any, lane: Any, parent: Any, active: Any) -> None:
    from matplotlib.collections import LineCollection

    child = np.flatnonzero(parent >= 0)
    above = parent[child]
    lines = np.stack([np.stack([depth[above], lane[above]], 1), np.stack([depth[child], lane[child]], 1)], 1)
    strong = active[child] & active[above]
    for which, color, width in ((~strong, style.QUIET, 1.0), (strong, style.ink(), 2.4)):
        ax.add_collection(LineCollection(list(lines[which]), colors=color, linewidths=width, zorder=1))
