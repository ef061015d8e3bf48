"""What was used over time and by whom: tokens, activity, cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from langswarm_nb.analysis.bins import width_of
from langswarm_nb.analysis.columns import ROLES
from langswarm_nb.analysis.statistics import need
from langswarm_nb.core.session import checks

from . import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_BARS = 60
_WIDTHS = ("1s", "5s", "15s", "1min", "5min", "15min", "1h", "3h", "12h", "1D", "4D", "14D", "60D", "365D")


def tokens(turns: pd.DataFrame, freq: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the tokens of requests over time: stacked bars of input, cached input and output.

    Parameters
    ----------
    turns : pandas.DataFrame
        As from `turns_df`.
    freq : str, optional
        Width of a bar as pandas writes it, e.g. ``"1h"``; by default one that gives 10 to 60 bars.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    SessionValueError
        A column is missing, or ``freq`` is not a width of time.
    MissingExtraError
        matplotlib is not installed.
    """
    columns = ["input_tokens", "cache_read_input_tokens", "output_tokens"]
    need(turns, ["started_at", *columns], "turns_df", numbers=columns)
    ax = style.axes(ax)
    known = turns[turns["started_at"].notna() & turns[["input_tokens", "output_tokens"]].notna().any(axis=1)]
    title = f"Tokens of {style.count(len(known), 'request')}" + _without(len(turns) - len(known), "counts")
    if known.empty:
        why = "No request has reported its tokens." if len(turns) else style.NO_REQUESTS
        return style.nothing(ax, title, "time (UTC)", "tokens", why)
    sent, cached, received = (np.nan_to_num(style.floats(known[column])) for column in columns)
    stacks = {"input": np.maximum(sent - cached, 0), "cached input": cached, "output": received}
    _stacked_bars(ax, known["started_at"], stacks, freq, style.COLORS)
    style.label(ax, title, "time (UTC)", "tokens")
    return ax


def activity(messages: pd.DataFrame, freq: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the number of messages over time, stacked by role.

    Parameters
    ----------
    messages : pandas.DataFrame
        As from `messages_df`.
    freq, ax
        As in `tokens`.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    SessionValueError, MissingExtraError
        As in `tokens`.
    """
    need(messages, ["created_at", "role"], "messages_df")
    ax = style.axes(ax)
    title = style.count(len(messages), "message")
    if messages.empty:
        return style.nothing(ax, title, "time (UTC)", "messages", style.NO_MESSAGES)
    roles = style.names_in(messages, "role")
    stacks = {role: roles.eq(role).to_numpy(np.float64) for role in ROLES if roles.eq(role).any()}
    _stacked_bars(ax, messages["created_at"], stacks, freq, [style.ROLE_COLORS[role] for role in stacks])
    style.label(ax, title, "time (UTC)", "messages")
    return ax


def cost(turns: pd.DataFrame, by: str = "session_id", top: int = 10, ax: Axes | None = None) -> Axes:
    """Draw what requests cost: a bar for each of the costliest groups, stacked by model.

    Parameters
    ----------
    turns : pandas.DataFrame
        As from `turns_df`.
    by : str
        Column to group by; sessions are shown by name.
    top : int
        How many bars at most; the title says what the others cost together.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; the title has the total and the number of requests without a known price.

    Raises
    ------
    SessionValueError, MissingExtraError
        As in `tokens`.
    """
    need(turns, ["model", "cost_usd", by], "turns_df", numbers=["cost_usd"])
    checks.whole("top", top, at_least=1)
    usd = style.floats(turns["cost_usd"])
    priced = ~np.isnan(usd)
    n_unpriced = int((~priced).sum())
    total = style.money(float(usd[priced].sum())) if priced.any() else "unknown"
    title = f"Cost of {style.count(len(usd), 'request')}: {total}" + _without(n_unpriced, "a known price")
    groups = style.sessions_in(turns) if by == "session_id" else style.names_in(turns, by)
    data = pd.DataFrame({"group": groups, "model": style.names_in(turns, "model"), "usd": usd})[priced]
    table = data.groupby(["group", "model"])["usd"].sum().unstack(fill_value=0.0)  # noqa: PD010 - it is a pivot of sums already
    table = table.reindex(table.sum(axis=1).sort_values(ascending=False, kind="stable").index)
    if len(table) > top:
        rest = style.money(float(table.iloc[top:].to_numpy().sum()))
        title += f"; {rest} of it in {len(table) - top:,} more"
        table = table.iloc[:top]
    is_new, ax = ax is None, style.axes(ax, height=max(2.2, 0.9 + 0.36 * len(table)))
    ylabel = "session" if by == "session_id" else by
    if table.empty:
        why = "The prices of these models are not known; see set_price." if len(usd) else style.NO_REQUESTS
        return style.nothing(ax, title, "US dollars", ylabel, why)
    places = np.arange(len(table))
    left = np.zeros(len(table))
    styles = style.style_of(list(table.columns))
    for model in sorted(table.columns):
        color, _, hatch = styles[model]
        width = table[model].to_numpy(np.float64)
        ax.barh(
            places,
            width,
            0.7,
            left,
            color=color,
            hatch=hatch,
            edgecolor=ax.get_facecolor(),
            label=style.plain(model),
        )
        left += width
    for place, end in zip(places, left, strict=True):
        ax.annotate(style.money(float(end)), (end, place), (4, 0), textcoords="offset points", va="center")
    style.rows_axis(ax, [style.plain(str(name), 24) for name in table.index])
    ax.margins(x=0.15)
    ax.set_xlim(0, None if left.max() else 1)
    style.grid(ax, "x")
    style.label(ax, title, "US dollars", ylabel)
    style.legend_below(ax, grows=is_new)
    return ax


def _stacked_bars(
    ax: Axes, moments: Any, stacks: dict[str, Any], freq: str | None, colors: Sequence[str]
) -> None:
    step = width_of(freq or _width_for(moments.max() - moments.min(), len(moments)))
    bins = moments.dt.floor(step)
    sums = pd.DataFrame(stacks, index=bins.index).groupby(bins).sum()
    # In matplotlib's own days: its conversion of moments depends on the versions of pandas and numpy.
    starts = _days(sums.index)
    days = step / pd.Timedelta(days=1)
    bottom = np.zeros(len(sums))
    for name, color in zip(stacks, colors, strict=False):
        height = sums[name].to_numpy(np.float64)
        ax.bar(
            starts,
            height,
            0.92 * days,
            bottom,
            align="edge",
            color=color,
            edgecolor=ax.get_facecolor(),
            linewidth=0.5,
            label=name,
        )
        bottom += height
    _time_axis(ax)
    if len(sums) == 1:  # a single bar alone would fill the whole width, and its scale would say nothing
        ax.set_xlim(starts[0] - 4 * days, starts[0] + 5 * days)
        moment = moments.min()
        ax.set_xticks([starts[0] + 0.46 * days], [f"{moment.day} {moment:%b %Y, %H:%M}"])
    ax.locator_params(axis="y", integer=True)
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    style.grid(ax, "y")
    style.legend_below(ax)


def _days(moments: Any) -> Any:
    """Return moments as matplotlib counts them, without their zone: the axis says that it is UTC."""
    from matplotlib import dates

    naive = moments.tz_localize(None).to_numpy().astype("datetime64[us]")
    return dates.date2num(naive)


def _time_axis(ax: Axes) -> None:
    from matplotlib import dates

    locator: Any = dates.AutoDateLocator(minticks=3, maxticks=8)
    ax.xaxis.set_major_locator(locator)
    formatter = dates.ConciseDateFormatter(
        locator,
        zero_formats=["", "%Y", "%b", "%d %b", "%H:%M", "%H:%M"],
        offset_formats=["", "%Y", "%b %Y", "%d %b %Y", "%d %b %Y", "%d %b %Y %H:%M"],
    )
    ax.xaxis.set_major_formatter(formatter)


def _width_for(span: pd.Timedelta, n: int) -> str:
    """Return the finest width that gives at most `MOST_BARS` bars, and for few values not many more than they are."""
    most = int(np.clip(3 * n, 10, MOST_BARS))
    return next((width for width in _WIDTHS if span / pd.Timedelta(width) <= most - 1), _WIDTHS[-1])


def _without(n: int, what: str) -> str:
    return f", {n:,} without {what}" if n else ""
