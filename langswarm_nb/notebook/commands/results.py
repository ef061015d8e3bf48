"""Small results of commands, readable in a terminal and in a page: a `Listing` of rows, `Facts` of one thing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from langswarm_nb.render import visible_controls

if TYPE_CHECKING:
    import pandas as pd

_MAX_CELL_CHARS = 60


class Listing(Sequence[dict[str, Any]]):
    """Rows of a few columns.

    Parameters
    ----------
    columns : sequence of str
        Their names.
    rows : sequence of sequences
        The values, in the order of the columns.
    empty : str
        What to say when there are none.
    """

    def __init__(
        self, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, empty: str = "Nothing."
    ) -> None:
        self.columns: tuple[str, ...] = tuple(columns)
        self.rows: list[tuple[Any, ...]] = [tuple(row) for row in rows]
        self._empty = empty

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (dict(zip(self.columns, row, strict=True)) for row in self.rows)

    def __getitem__(self, index: Any) -> Any:
        return list(self)[index]

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a frame."""
        import pandas as pd

        return pd.DataFrame(self.rows, columns=list(self.columns))

    def __repr__(self) -> str:
        return _aligned([self.columns, *self.rows]) if self.rows else self._empty


class Facts(dict[str, Any]):
    """Names and values of one thing."""

    def __repr__(self) -> str:
        width = max(map(len, self), default=0)
        return "\n".join(f"{name:<{width}}  {visible_controls(str(value))}" for name, value in self.items())


class Text(str):
    """Text that is shown as it stands, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return visible_controls(str(self))


def _aligned(rows: Sequence[Sequence[Any]]) -> str:
    texts = [[_one_line(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in texts
    )


def _one_line(value: Any) -> str:
    text = "" if value is None else visible_controls(" ".join(str(value).split()))
    return text if len(text) <= _MAX_CELL_CHARS else f"{text[: _MAX_CELL_CHARS - 1]}…"
