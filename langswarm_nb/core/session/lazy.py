"""`Lazy`: a value that a storage read, whose fields are decoded when they are first asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any, Self, TypeAlias

Decode: TypeAlias = Callable[[tuple[Any, ...], str], Any]
"""Returns a field, by its name, of a stored row."""


class Lazy:
    """Decodes attributes from a stored row when they are first asked for.

    Ten thousand messages are loaded far more often than all their fields are read, so what a storage makes holds its
    row and a decoder; see ``storage/rows.py`` and ``storage/records.py``.
    """

    __slots__ = ("_decode", "_row")
    _decode: Decode
    _row: tuple[Any, ...]

    if not TYPE_CHECKING:  # a type checker would take any name for a field

        def __getattr__(self, name: str) -> Any:  # only called for a slot that is still empty
            if name.startswith("_"):
                raise AttributeError(name)
            value = self._decode(self._row, name)
            object.__setattr__(self, name, value)
            return value

    @classmethod
    def from_row(cls, row: tuple[Any, ...], decode: Decode) -> Self:
        """Return what decodes its fields from ``row`` on first use (for storages)."""
        made = cls.__new__(cls)
        _set_row(made, row)
        _set_decode(made, decode)
        return made

    @classmethod
    def from_rows(cls, rows: Sequence[tuple[Any, ...]], decode: Decode) -> list[Self]:
        """Return the same for each row, without a step of Python for each."""
        made = list(map(cls.__new__, repeat(cls, len(rows))))
        deque(map(_set_row, made, rows), maxlen=0)
        deque(map(_set_decode, made, repeat(decode)), maxlen=0)
        return made


# The slots themselves: half the cost of object.__setattr__.
_set_row = vars(Lazy)["_row"].__set__
_set_decode = vars(Lazy)["_decode"].__set__
