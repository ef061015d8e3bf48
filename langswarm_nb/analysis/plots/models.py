"""How models behave: times as distributions, medians with their uncertainty, and a map of all sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from langswarm_nb.analysis.statistics import compare, need

from . import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

METRICS = ("duration_s", "time_to_first_chunk_s", "output_tokens_per_s", "cost_usd")
_WORDS = {
    "duration_s": "duration (s)",
    "time_to_first_chunk_s": "time to first chunk (s)",
    "time_per_output_token_s": "time per output token (s)",
    "output_tokens_per_s": "output tokens per second",
    "queued_s": "waiting (s)",
    "cost_usd": "cost (US dollars)",
}
_MOST_ROWS = 40
"""Of a heatmap with large marks."""
_FEWEST_COLUMNS = 6
"""That a heatmap has room for, so that a single turn is not a wall of colour."""


def latency(
    turns: pd.DataFrame, metric: str = "duration_s", by: str = "model", ax: Axes | None = None
) -> Axes:
    """Draw how long requests took: for each group the share that was done within a time.

    Parameters
    ----------
    turns : pandas.DataFrame
        As from `turns_df`; failed requests are left out.
    metric : str
        Column with seconds.
    by : str
        Column that names the groups.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, with seconds on a logarithmic scale; the legend below has number, median and 95th percentile
        (which needs 20 values).

    Raises
    ------
    SessionValueError
        A column is missing.
    MissingExtraError
        matplotlib is not installed.
    """
    need(turns, [metric, by, "status"], "turns_df", numbers=[metric])
    is_new, ax = ax is None, style.axes(ax, height=4.0)
    xlabel = _WORDS.get(metric, metric)
    groups = _samples(turns, metric, by)
    title = style.count(sum(map(len, groups.values())), "successful request")
    if not groups:
        why = "No request has finished yet." if len(turns) else style.NO_REQUESTS
        return style.nothing(ax, title, xlabel, "share done", why)
    styles = style.style_of(list(groups))
    least = min(float(values[values > 0].min(initial=np.inf)) for values in groups.values())
    floor = least if np.isfinite(least) else 1e-3
    for name, values in groups.items():
        color, line, _ = styles[name]
        ordered = np.sort(np.maximum(values, floor))
        share = np.arange(1, len(ordered) + 1) / len(ordered)
        p95 = f"{np.quantile(values, 0.95):.3g} s" if len(values) >= 20 else "NA"  # noqa: PLR2004 - as in `summary`
        words = f"{style.plain(name, 24)}  n={len(values):,}  p50 {np.median(values):.3g} s  p95 {p95}"
        ax.step(
            np.concatenate([ordered[:1], ordered]),
            np.concatenate([[0.0], share]),
            where="post",
            color=color,
            linestyle=line,
            linewidth=1.8,
            marker="o" if len(values) == 1 else None,
            markevery=[1] if len(values) == 1 else None,
            label=words,
        )
    for level in (0.5, 0.95):
        ax.axhline(level, color=style.ink(), alpha=0.3, linewidth=0.8, zorder=0)
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    if high < 4 * low:  # a few values close together, or one: wide enough for numbers that people know
        ax.set_xlim(low / 2, high * 2)
    style.log_ticks(ax.xaxis)
    ax.set_ylim(0, 1.02)
    ax.set_yticks([0, 0.25, 0.5, 0.75, 0.95], ["0", "25 %", "50 %", "75 %", "95 %"])
    style.label(ax, title, xlabel, "share done")
    style.legend_below(ax, columns=1 if len(groups) < 5 else 2, grows=is_new)  # noqa: PLR2004 - longer lists need two columns
    return ax


def _samples(turns: pd.DataFrame, metric: str, by: str) -> dict[str, NDArray[np.float64]]:
    good = turns[turns["status"].ne("error").fillna(value=True) & turns[metric].notna()]
    names = style.names_in(good, by)
    return {name: style.floats(good.loc[names == name, metric]) for name in sorted(names.unique())}


def compare_plot(
    turns: pd.DataFrame, metrics: Sequence[str] = METRICS, by: str = "model", ax: Any = None
) -> NDArray[Any]:
    """Draw small panels side by side, one per metric: the median of each group with its 95 % interval.

    Parameters
    ----------
    turns : pandas.DataFrame
        As from `turns_df`; failed requests are left out.
    metrics : sequence of str
        Columns with numbers.
    by : str
        Column that names the groups.
    ax : sequence of matplotlib.axes.Axes, optional
        Where to draw, one for each metric.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        The axes, one for each metric.

    Raises
    ------
    SessionValueError
        A column is missing.
    MissingExtraError
        matplotlib is not installed.
    """
    metrics = [metrics] if isinstance(metrics, str) else list(metrics)
    need(turns, [by, *metrics], "turns_df", numbers=metrics)
    named = turns.assign(**{by: style.names_in(turns, by)})
    tables = {metric: compare(named, by=by, metric=metric) for metric in metrics}
    names = sorted({name for table in tables.values() for name in table[by]})
    panels = _panels(ax, len(metrics), len(names))
    styles = style.style_of(names)
    for number, (panel, (metric, table)) in enumerate(zip(panels, tables.items(), strict=True)):
        ylabel = by if number == 0 else ""
        words = style.plain(_WORDS.get(metric, metric))
        if table.empty:
            style.nothing(panel, words, "", ylabel, "No values." if len(turns) else style.NO_REQUESTS)
            continue
        for row in table.to_dict("records"):
            color = styles[row[by]][0]
            place = names.index(row[by])
            if not np.isnan(row["low"]):
                panel.plot(
                    [row["low"], row["high"]], [place, place], color=color, linewidth=2, solid_capstyle="butt"
                )
            panel.plot(row["median"], place, "o", color=color, markersize=6)
        panel.set_yticks(
            range(len(names)), [style.plain(name, 24) for name in names] if number == 0 else [""] * len(names)
        )
        panel.set_ylim(len(names) - 0.5, -0.5)
        panel.margins(x=0.1)
        panel.set_xlim(left=min(0.0, *panel.dataLim.intervalx))
        style.grid(panel, "x")
        panel.locator_params(axis="x", nbins=4)
        style.label(panel, words, "median, 95 % interval", ylabel)
    return panels


def _panels(ax: Any, n: int, n_rows: int) -> NDArray[Any]:
    if ax is None:
        size = (max(3.0, 2.6 * n + 1), max(2.0, 1.2 + 0.35 * n_rows))
        ax = style.figure(size, max(n, 1))[0][:n]
    panels: NDArray[Any] = np.atleast_1d(np.asarray(ax, object)).ravel()
    for panel in panels:
        style.axes(panel)
    return panels


def heatmap(turns: pd.DataFrame, value: str = "output_tokens", ax: Axes | None = None) -> Axes:
    """Draw all sessions at once: one row per session, one column per turn, a number as the colour.

    Parameters
    ----------
    turns : pandas.DataFrame
        As from `turns_df`; the requests of one turn are added up.
    value : str
        Column with the number.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; the colour is on a logarithmic scale, x marks an error, and where there was no turn it is light grey.

    Raises
    ------
    SessionValueError
        A column is missing.
    MissingExtraError
        matplotlib is not installed.
    """
    need(turns, ["session_id", "turn", "status", value], "turns_df", numbers=[value])
    rows = turns[turns["turn"].notna()]
    named = style.sessions_in(rows)
    sessions = list(dict.fromkeys(named))
    ax = style.axes(ax, height=float(np.clip(1.4 + 0.22 * len(sessions), 2.4, 9.0)))
    title = f"{style.plain(value.replace('_', ' ')).capitalize()} of {style.count(len(sessions), 'session')}"
    if not sessions:
        return style.nothing(ax, title, "turn", "session", style.NO_REQUESTS)
    y = pd.Categorical(named, categories=sessions).codes.astype(np.int64)
    x = rows["turn"].to_numpy(np.int64)
    grid = np.full((len(sessions), int(x.max()) + 1), np.nan)
    values = style.floats(rows[value])
    known = ~np.isnan(values)
    grid[y[known], x[known]] = 0.0
    np.add.at(grid, (y[known], x[known]), values[known])
    ax.axhspan(-0.5, len(sessions) - 0.5, color=style.ink(), alpha=0.08, linewidth=0, zorder=0)
    _colored(ax, grid, value)
    failed = rows["status"].eq("error").fillna(value=False).to_numpy(bool)
    size = 5 if len(sessions) <= _MOST_ROWS else 2
    # With an edge in the colour of the ground, it is seen on any colour.
    ax.plot(x[failed], y[failed], "x", color=ax.get_facecolor(), markersize=size, mew=size / 1.6)
    ax.plot(x[failed], y[failed], "x", color=style.ERROR, markersize=size, mew=size / 3.5, label="error")
    style.rows_axis(ax, [style.plain(session, 24) for session in sessions])
    ax.set_xlim(-0.5, max(grid.shape[1], _FEWEST_COLUMNS) - 0.5)
    ax.set_ylim(len(sessions) - 0.5, -0.5)
    ax.locator_params(axis="x", integer=True, min_n_ticks=1)
    style.label(
        ax, title + (f", x = error ({int(failed.sum()):,})" if failed.any() else ""), "turn", "session"
    )
    return ax


def _colored(ax: Axes, grid: NDArray[np.float64], value: str) -> None:
    from matplotlib.colors import LogNorm

    positive = grid[grid > 0]
    if not len(positive):
        return
    low, high = float(positive.min()), float(positive.max())
    # Values close together, or one: their colours are close together too.
    norm = LogNorm(low / 2, high * 2) if high < 2 * low else LogNorm(low, high, clip=True)
    shown = np.ma.masked_invalid(np.where(grid == 0, low, grid))
    image = ax.imshow(shown, aspect="auto", interpolation="nearest", cmap="viridis", norm=norm)
    bar = ax.figure.colorbar(image, ax=ax, label=style.plain(_WORDS.get(value, value.replace("_", " "))))
    bar.outline.set_visible(False)
    style.log_ticks(bar.ax.yaxis)
    if low == high:
        bar.set_ticks([low])
