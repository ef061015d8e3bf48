"""Whether probabilities are what they say: the share of true rows over the probability."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_NO_ROWS = "No row has both a probability and a truth."


def reliability(bins: pd.DataFrame, name: str, brier: float, ax: Axes | None = None) -> Axes:
    """Draw for each bin the share of true rows, with its 95 % interval, over the mean probability.

    Parameters
    ----------
    bins : pandas.DataFrame
        As in `Calibration.bins`.
    name : str
        Of the probabilities.
    brier : float
        The Brier score.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes. On the line both are the same; above it more is true than was said. Bars at the bottom are the share
        of rows in each bin.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    """
    ax = style.axes(ax, width=5.0, height=4.4)
    rows = int(bins["n"].sum())
    title = f"Calibration of {style.plain(name, 24)}, {style.count(rows, 'row')}"
    xlabel, ylabel = "probability", "share that is true"
    if not rows:
        return style.nothing(ax, title, xlabel, ylabel, _NO_ROWS)
    p, share = style.floats(bins["p_mean"]), style.floats(bins["share_true"])
    low, high, n = (style.floats(bins[name]) for name in ("share_low", "share_high", "n"))
    left, right = style.floats(bins["low"]), style.floats(bins["high"])
    ax.bar(left, n / rows, right - left, align="edge", color=style.QUIET, alpha=0.35, label="share of rows")
    ax.plot([0, 1], [0, 1], color=style.ink(), alpha=0.4, linewidth=1, linestyle=":", label="what was said")
    color = style.COLORS[0]
    ax.vlines(p, low, high, color=color, linewidth=1.4)
    ax.plot(p, share, "o-", color=color, markersize=5, linewidth=1.4, label="what is true, 95 % interval")
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(-0.02, 1.02)
    ticks = np.linspace(0, 1, 5)
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set_yticks(ticks, [f"{tick:.0%}".replace("%", " %") for tick in ticks])
    style.label(ax, f"{title}, Brier score {brier:.3f}", xlabel, ylabel)
    style.legend_below(ax)
    return ax
