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

# Told apart with any colour vision, and with 3:1 or more on white; line styles and hatches tell them apart once more.
COLORS = ("#0072b2", "#c45a00", "#00806a", "#a8428f", "#333333", "#7a6a00", "#4f86d9", "#b3313f")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (3, 1, 1, 1)), (0, (1, 1)))
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "++", "ooo", "**")
QUIET = "#c8c8c8"
FAINT = "#ececec"
INK = "#333333"
UNKNOWN = "unknown"


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


def nothing(ax: Axes, title: str, xlabel: str, ylabel: str, why: str = "nothing to show yet") -> Axes:
    """Label axes on which there is nothing to draw."""
    label(ax, title, xlabel, ylabel)
    ax.set(xticks=[], yticks=[])
    ax.text(0.5, 0.5, why, transform=ax.transAxes, ha="center", va="center", color="#595959")
    return ax


def label(ax: Axes, title: str, xlabel: str, ylabel: str) -> None:
    """Set title and labels."""
    ax.set_title(title, loc="left", fontsize="medium")
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)


def legend_below(ax: Axes, columns: int = 3) -> None:
    """Put the legend below the axes, where it covers nothing."""
    from matplotlib.transforms import ScaledTranslation

    below = ax.transAxes + ScaledTranslation(
        0, -0.5, ax.figure.dpi_scale_trans
    )  # half an inch, whatever the height
    place: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, 0), "bbox_transform": below}
    ax.legend(**place, ncols=columns, frameon=False, fontsize="small")


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
    """Return a column as plain text; what is missing is `UNKNOWN`."""
    text = frame[column].astype(object)
    return text.where(text.notna(), UNKNOWN).astype(str)


def plain(text: str, limit: int = 40) -> str:
    """Return text as a label: one short line, no formulas, and only characters that the font has."""
    line = " ".join(text.split())
    short = line if len(line) <= limit else f"{line[: limit - 1]}…"
    return "".join(char if _has_glyph(char) else "\N{WHITE SQUARE}" for char in short).replace("$", r"\$")


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
    digits = 2 if usd >= 1 or usd == 0 else min(8, 2 - int(np.floor(np.log10(usd))))
    return rf"\${usd:,.{digits}f}"


def count(n: int, word: str) -> str:
    """Return ``1 request``, ``2 requests``."""
    return f"{n:,} {word}" + ("" if n == 1 else "s")
