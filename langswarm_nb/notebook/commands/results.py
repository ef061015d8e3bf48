"""Small results of commands, readable in a terminal and in a page: `Listing` of rows, `Facts` of one thing, texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

from langswarm_nb.notebook.bridge import kernel_shell
from langswarm_nb.render import visible_controls

if TYPE_CHECKING:
    import pandas as pd

    from langswarm_nb.render.tables import Table


class Listing(Sequence[dict[str, Any]]):
    """Rows of a few columns.

    Parameters
    ----------
    columns : sequence of str
        Their names.
    rows : sequence of sequences
        The values, in the order of the columns; a cell that says how it looks, see `langswarm_nb.render.tables`,
        stands for its text.
    empty : str
        What to say when there are none.
    caption, note : str
        Plain text above the table in a page, and below it.
    """

    def __init__(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        *,
        empty: str = "Nothing.",
        caption: str = "",
        note: str = "",
    ) -> None:
        self.columns: tuple[str, ...] = tuple(columns)
        self.rows: list[tuple[Any, ...]] = [tuple(map(_value, row)) for row in rows]
        self._cells = [tuple(row) for row in rows]
        self._empty, self._caption, self._note = empty, caption, note

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
        return self._table(note=self._note).text() if self.rows else self._empty

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return shown(repr(self), self._html)

    def _html(self) -> str:
        if not self.rows:
            from langswarm_nb.render.page import ReplyPart, page_html

            return page_html([ReplyPart("", footer=self._empty)])
        return self._table(caption=self._caption, note=self._note).html()

    def _table(self, *, caption: str = "", note: str = "") -> Table:
        from langswarm_nb.render.tables import Table

        return Table(self.columns, self._cells, caption, note)


class Facts(dict[str, Any]):
    """Names and values of one thing."""

    def __repr__(self) -> str:
        from langswarm_nb.render.tables import facts_text

        return facts_text(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from langswarm_nb.render.tables import facts_html

        return shown(repr(self), lambda: facts_html(self))


class Text(str):
    """Text that is shown as it stands, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return visible_controls(str(self))


class Drawing(Text):
    """Text of several lines that is shown with more beside it, in a page as a table.

    Parameters
    ----------
    text : str
        The drawing alone, which is the value.
    wide : str
        The drawing with what stands beside it.
    table : Table
        The same for a page.
    """

    def __new__(cls, text: str, wide: str, table: Table) -> Self:
        drawing = super().__new__(cls, text)
        drawing._wide, drawing._table = wide, table
        return drawing

    _wide: str
    _table: Table

    def __repr__(self) -> str:
        return visible_controls(self._wide)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return shown(repr(self), self._table.html)


def shown(text: str, html: Callable[[], str]) -> dict[str, str]:
    """Return a result as MIME data; where there is no page to show it in, nothing, so that its repr is taken."""
    return {} if kernel_shell() is None else {"text/html": html(), "text/plain": text}


def _value(cell: Any) -> Any:
    """Return what a cell of a table stands for."""
    return cell if cell is None or isinstance(cell, (str, int, float)) else str(cell)
