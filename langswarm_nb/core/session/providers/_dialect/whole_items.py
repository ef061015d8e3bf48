"""`WholeItems`: what comes in pieces, several at a time, handed on when it is whole, in the order of beginning."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


class WholeItems(Generic[T]):
    """Items of a reply that wait to be whole; none is handed on before one that began earlier."""

    def __init__(self) -> None:
        self._waiting: dict[Any, T] = {}
        self._ended: set[Any] = set()

    def begin(self, place: Any, item: T) -> None:
        """Take an item that begins, under the place by which its end is told."""
        self._waiting[place] = item

    def end(self, place: Any) -> list[T]:
        """Note that an item is whole; return those to hand on now."""
        self._ended.add(place)
        return self._take(list(takewhile(self._ended.__contains__, self._waiting)))

    def rest(self) -> list[T]:
        """Return all that were not handed on, whole or not: the reply is over."""
        return self._take(list(self._waiting))

    @property
    def whole(self) -> list[T]:
        """Those that are whole and wait for one before them."""
        return [item for place, item in self._waiting.items() if place in self._ended]

    @property
    def open(self) -> list[T]:
        """Those that are not whole."""
        return [item for place, item in self._waiting.items() if place not in self._ended]

    def _take(self, places: Iterable[Any]) -> list[T]:
        return [self._waiting.pop(place) for place in places]
