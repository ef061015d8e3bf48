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

# 3:1 or more on white and on the grounds of dark themes. The first three are told apart with any colour vision; line
# styles, and from the fourth on hatches, tell the others apart.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#b5569a", "#8a7a00", "#4f86d9", "#a0693d", "#7d6bd6")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (3, 1, 1, 1)), (0, (1, 1)))
HATCHES = ("///", "...", "xxx", "\\\\\\", "++", "ooo", "**")
ROLE_COLORS = dict(zip(("user", "assistant", "tool", "system"), COLORS, strict=False))
ERROR = "#d13a49"
QUIET = "#8c8c8c"
UNKNOWN = "unknown"
MOST_IN_LEGEND = 30
NO_REQUESTS = "No requests yet."
NO_MESSAGES = "No messages yet."


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
            "Plots need matplotlib, which is not installed. Install it with `pip install 'langswarm-nb[plot]'`."
        ) from error
    return plt


def axes(ax: Axes | None, width: float = 7.0, height: float = 3.6) -> Axes:
    """Return the axes to draw on, new ones when there are none."""
    if ax is None:
        ax = figure((width, height))[0, 0]
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def figure(size_in: tuple[float, float], columns: int = 1) -> Any:
    """Return the axes of a new figure, a row of ``columns``."""
    plt = pyplot()
    from .picture import Picture

    made = plt.subplots(1, columns, figsize=size_in, layout="constrained", squeeze=False, FigureClass=Picture)
    return made[1]


def ink() -> str:
    """Return the colour of writing, which is light where the background is dark."""
    return str(pyplot().rcParams["text.color"])


def nothing(ax: Axes, title: str, xlabel: str, ylabel: str, why: str) -> Axes:
    """Label axes on which there is nothing to draw, and say in words why."""
    label(ax, title, xlabel, ylabel)
    ax.set(xticks=[], yticks=[])
    ax.spines[["left", "bottom"]].set_alpha(0.3)
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
        name: (COLORS[i % len(COLORS)], LINES[(i + i // len(COLORS)) % len(LINES)], hatch(i))
        for i, name in enumerate(known)
    }
    return {**styles, UNKNOWN: (QUIET, ":", "")}


def hatch(number: int) -> str:
    """Return the hatch of the name at this place: none for the first three, whose colours are enough."""
    return "" if number < 3 else HATCHES[(number + number // len(COLORS)) % len(HATCHES)]  # noqa: PLR2004


def names_in(frame: pd.DataFrame, column: str) -> pd.Series[Any]:
    """Return a column as plain text; what is missing is `UNKNOWN`, and what is not seen is named."""
    text = frame[column].astype(object)
    names = text.where(text.notna(), UNKNOWN).astype(str)
    return names.where(names.str.strip().ne(""), "(blank)")


def sessions_in(frame: pd.DataFrame) -> pd.Series[Any]:
    """Return the sessions of a frame by name, with the beginning of the id where several have the same one."""
    ids = names_in(frame, "session_id")
    if "session" not in frame:
        return ids
    names = names_in(frame, "session").where(frame["session"].notna(), ids)
    is_shared = ids.groupby(names).transform("nunique") > 1
    return names.mask(is_shared, names + " (" + ids.str[:8] + ")")


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


def grid(ax: Axes, axis: str) -> None:
    """Draw faint lines behind the marks."""
    ax.grid(axis=axis, color=ink(), alpha=0.12, linewidth=0.8)  # type: ignore[arg-type]  # x or y
    ax.set_axisbelow(True)


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
