"""What all pictures share: axes, colours that everybody can tell apart, and labels that are nothing but text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from langswarm_nb.core.session.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Told apart with any colour vision, and with 3:1 or more on white and on black; line styles and hatches tell them
# apart once more.
COLORS = ("#0072b2", "#c45a00", "#00806a", "#a8428f", "#6b6b6b", "#7a6a00", "#4f86d9", "#b3313f")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (3, 1, 1, 1)), (0, (1, 1)))
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "++", "ooo", "**")
QUIET = "#c8c8c8"
FAINT = "#ececec"
UNKNOWN = "unknown"
MOST_IN_LEGEND = 30


def pyplot() -> Any:
    """Return matplotlib's pyplot.

    Raises
    ------
    MissingExtraError
        It is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingExtraError(
            "Pictures need matplotlib, which is not installed. Install it with `pip install 'langswarm-nb[plot]'`."
        ) from error
    return plt


def axes(ax: Axes | None, width: float = 7.0, height: float = 3.6) -> Axes:
    """Return the axes to draw on, new ones when there are none."""
    if ax is None:
        _, ax = pyplot().subplots(figsize=(width, height), layout="constrained")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def ink() -> str:
    """Return the colour of writing, which is light where the background is dark."""
    return str(pyplot().rcParams["text.color"])


def nothing(ax: Axes, title: str, xlabel: str, ylabel: str, why: str = "nothing to show yet") -> Axes:
    """Label axes on which there is nothing to draw."""
    label(ax, title, xlabel, ylabel)
    ax.set(xticks=[], yticks=[])
    ax.text(0.5, 0.5, why, transform=ax.transAxes, ha="center", va="center", alpha=0.7)
    return ax


def label(ax: Axes, title: str, xlabel: str, ylabel: str) -> None:
    """Set title and labels."""
    ax.set_title(title, loc="left", fontsize="medium")
    ax.set_xlabel(plain(xlabel, 60))
    ax.set_ylabel(plain(ylabel, 60))


def legend_below(ax: Axes, columns: int = 3, *, grows: bool = False) -> None:
    """Put the legend below the axes, where it covers nothing; a figure that may grow makes room for a long one."""
    from matplotlib.lines import Line2D
    from matplotlib.transforms import ScaledTranslation

    handles, labels = ax.get_legend_handles_labels()
    if len(labels) > MOST_IN_LEGEND:
        more = f"and {len(labels) - MOST_IN_LEGEND:,} more"
        handles, labels = (
            [*handles[:MOST_IN_LEGEND], Line2D([], [], alpha=0)],
            [*labels[:MOST_IN_LEGEND], more],
        )
    figure: Any = ax.figure
    widest_in = 0.5 + 0.08 * max(map(len, labels), default=0)
    columns = int(np.clip(figure.get_figwidth() // widest_in, 1, columns))
    if grows:
        figure.set_figheight(figure.get_figheight() + 0.19 * max(0, -(-len(labels) // columns) - 2))
    below = ax.transAxes + ScaledTranslation(
        0, -0.5, figure.dpi_scale_trans
    )  # half an inch, whatever the height
    place: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, 0), "bbox_transform": below}
    ax.legend(handles, labels, **place, ncols=columns, frameon=False, fontsize="small")


def style_of(names: Sequence[str]) -> dict[str, tuple[str, Any, str]]:
    """Return colour, line style and hatch for each name: by its place among the sorted names."""
    known = sorted(set(names) - {UNKNOWN})
    styles = {
        name: (
            COLORS[i % len(COLORS)],
            LINES[(i + i // len(COLORS)) % len(LINES)],
            HATCHES[(i + i // len(COLORS)) % 8],
        )
        for i, name in enumerate(known)
    }
    return {**styles, UNKNOWN: (QUIET, ":", "")}


def names_in(frame: pd.DataFrame, column: str) -> pd.Series[Any]:
    """Return a column as plain text; what is missing is `UNKNOWN`, and what is not seen is named."""
    text = frame[column].astype(object)
    names = text.where(text.notna(), UNKNOWN).astype(str)
    return names.where(names.str.strip().ne(""), "(blank)")


def plain(text: str, limit: int = 40) -> str:
    """Return text as a label: one short line, no formulas, and only characters that the font has.

    Of a long text the middle is left out: names of models often differ at their end.
    """
    line = " ".join(text.split())
    tail = limit // 3
    short = line if len(line) <= limit else f"{line[: limit - tail - 1]}…{line[-tail:]}"
    shown = "".join(char if _has_glyph(char) else "\N{WHITE SQUARE}" for char in short).replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown  # matplotlib keeps "_…" out of a legend


def beginning(text: str, limit: int) -> str:
    """Return how a text begins, as a label."""
    line = " ".join(text.split())
    return plain(line if len(line) <= limit else f"{line[: limit - 1]}…", limit)


@lru_cache(maxsize=4096)
def _has_glyph(char: str) -> bool:
    from matplotlib import font_manager

    font = font_manager.get_font(font_manager.findfont(font_manager.FontProperties()))
    return char.isprintable() and bool(font.get_char_index(ord(char)))


def log_ticks(axis: Any) -> None:
    """Label a logarithmic axis with plain numbers, few enough to be read."""
    from matplotlib import ticker

    low, high = sorted(axis.get_view_interval())
    decades = np.log10(high / low) if low > 0 else 1.0
    steps = (1, 2, 5) if decades < 2 else (1,)  # noqa: PLR2004 - about six labels
    axis.set_major_locator(ticker.LogLocator(subs=steps, numticks=12))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(ticker.NullFormatter())


def rows_axis(ax: Axes, labels: Sequence[str]) -> None:
    """Label rows from the top down, as many as there is room for; few rows do not fill the whole height."""
    step = max(1, -(-len(labels) * 13 // max(1, int(ax.bbox.height / ax.figure.dpi * 72))))
    ax.set_yticks(range(0, len(labels), step), labels[::step])
    ax.set_ylim(max(len(labels), 3) - 0.4, -0.6)


def floats(values: Any) -> Any:
    """Return values as floats, NaN where they are missing."""
    return np.asarray(pd.Series(values).astype("float64"), np.float64)


def money(usd: float) -> str:
    """Return an amount of dollars with the digits that say something."""
    digits = 2 if abs(usd) >= 1 or usd == 0 else min(8, 2 - int(np.floor(np.log10(abs(usd)))))
    return rf"{'-' if usd < 0 else ''}\${abs(usd):,.{digits}f}"


def count(n: int, word: str) -> str:
    """Return ``1 request``, ``2 requests``."""
    return f"{n:,} {word}" + ("" if n == 1 else "s")
