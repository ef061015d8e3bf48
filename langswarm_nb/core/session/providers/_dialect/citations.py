"""`Sources`: what a reply names as its sources, in one form for all services, each once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.provider_events import PartDone

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_QUOTED = 2000
_WEB = ("http://", "https://")


class Sources:
    """The sources of one reply, in the order in which they were reported."""

    def __init__(self) -> None:
        self._told: dict[tuple[Any, ...], None] = {}
        self._behind = 0, 0

    def copy(self) -> Sources:
        """Return the same sources, to add to."""
        copy = Sources()
        copy._told, copy._behind = dict(self._told), self._behind
        return copy

    def add_behind(self, at: int, **source: object) -> None:
        """Add a source that came after this many characters: it stands for what came since the one before."""
        start, end = self._behind
        if at > end:
            self._behind = start, end = end, at
        self.add(**source, start=start, end=end)

    def add(
        self,
        *,
        url: object = None,
        title: object = None,
        quote: object = None,
        start: object = None,
        end: object = None,
    ) -> None:
        """Add a source; one that has neither an address nor a title is none.

        Parameters
        ----------
        url
            Kept when it is an address on the web; another is its title, when it has none.
        quote
            Words of the source.
        start, end
            Characters of the reply that it stands for, the end excluded.
        """
        address, name, words = _words(url), _words(title), _words(quote)
        if not address.lower().startswith(_WEB):
            address, name = "", name or address
        if address or name:
            self._told[
                address.replace(" ", "%20"), name, words[:_MOST_QUOTED], _place(start), _place(end)
            ] = None

    def parts(self, n_chars: int) -> list[PartDone]:
        """Return them as parts of a reply of this many characters; places outside it are not kept."""
        return [PartDone(part) for part in self._parts(n_chars)]

    def _parts(self, n_chars: int) -> Iterable[dict[str, Any]]:
        for url, title, quote, start, end in self._told:
            part: dict[str, Any] = {"type": "citation"}
            part |= {name: text for name, text in (("url", url), ("title", title), ("quote", quote)) if text}
            if start is not None and end is not None and start <= end <= n_chars:
                part |= {"start": start, "end": end}
            yield part


class Bytes:
    """A text whose places are given in bytes of UTF-8."""

    def __init__(self, text: str) -> None:
        self._data = text.encode("utf-8", "replace")

    def span(self, start: object, end: object, words: str = "") -> tuple[int, int] | None:
        """Return the characters from one byte to another; None for places outside, or where other words stand."""
        first, last = _place(start) or 0, _place(end)
        if last is None or not first <= last <= len(self._data):
            return None
        if words and self._data[first:last] != words.encode("utf-8", "replace"):
            return None
        return self._chars(first), self._chars(last)

    def _chars(self, place: int) -> int:
        return len(self._data[:place].decode("utf-8", "ignore"))


def _words(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _place(value: object) -> int | None:
    is_place = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 2**53
    return int(value) if is_place else None  # type: ignore[call-overload]
