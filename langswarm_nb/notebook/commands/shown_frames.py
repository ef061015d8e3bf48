"""`ShownFrame`: a frame that a page shows as a small table for readers; in all else it is the frame it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from langswarm_nb.notebook.showing.amounts import dollars_text

if TYPE_CHECKING:
    from langswarm_nb.render.tables import Table

_MAX_ROWS = 60
_NAMES = {
    "n": "requests",
    "n_errors": "failed",
    "input_tokens": "tokens in",
    "output_tokens": "tokens out",
    "cost_usd": "cost",
    "n_unpriced": "without a price",
    "duration_s": "seconds",
    "time_to_first_chunk_s": "first after",
}
"""What a reader calls some of the columns."""
_HIDDEN = {"compare_id"}


class ShownFrame(pd.DataFrame):
    """A result of a command; what is made of it is an ordinary frame."""

    _metadata = ["empty_words"]  # noqa: RUF012  as pandas asks for
    empty_words = "Nothing yet."
    """What to say when there are no rows."""

    @classmethod
    def of(cls, frame: pd.DataFrame, *, empty: str) -> ShownFrame:
        """Return a frame to be shown, and what to say when it has no rows."""
        found = cls(frame)
        found.empty_words = empty
        return found

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    def __repr__(self) -> str:
        return super().__repr__() if len(self) else self.empty_words

    def _repr_html_(self) -> str:
        if not len(self):
            from langswarm_nb.render.page import ReplyPart, page_html

            return page_html([ReplyPart("", footer=self.empty_words)])
        return self._table().html()

    def _table(self) -> Table:
        from langswarm_nb.render.tables import Table

        names = [str(name) for name in self.columns if name not in _HIDDEN]
        shown = self[names].head(_MAX_ROWS)
        rows = [
            [_cell(name, value) for name, value in zip(names, row, strict=True)]
            for row in shown.itertuples(index=False, name=None)
        ]
        more = len(self) - len(rows)
        return Table(
            [_NAMES.get(name, name) for name in names], rows, note=f"{more:,} more rows" if more else ""
        )


def _cell(name: str, value: Any) -> Any:
    if pd.isna(value):
        return "price unknown" if name == "cost_usd" else None
    if name == "cost_usd":
        return dollars_text(float(value))
    if isinstance(value, float):
        return round(value, 2)
    return value.item() if hasattr(value, "item") else value
