"""`RawReader`: what a service sent, as it came, beside what is read from it; for who asks with ``keep_raw``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.provider_events import ReplyInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from langswarm_nb.core.session.provider_events import ProviderEvent

    from .reply_stream import ReplyReader

_NOT_TOLD = ("set-cookie", "authorization", "proxy-authenticate", "www-authenticate")
"""Headers that open doors."""


class RawReader:
    """A reader that tells all it is given, before another reads it: what cannot be read is of most interest."""

    def __init__(self, reader: ReplyReader) -> None:
        self._reader = reader

    @property
    def is_whole(self) -> bool:
        """As the other says."""
        return self._reader.is_whole

    @is_whole.setter
    def is_whole(self, value: bool) -> None:
        self._reader.is_whole = value

    @property
    def is_over(self) -> bool:
        """As the other says."""
        return self._reader.is_over

    @is_over.setter
    def is_over(self, value: bool) -> None:
        self._reader.is_over = value

    def read(self, body: Any, name: str = "") -> Iterator[ProviderEvent]:
        """Take an event of a stream."""
        yield ReplyInfo(raw={"events": [body]})
        yield from self._reader.read(body, name)

    def read_whole(self, body: Any) -> Iterator[ProviderEvent]:
        """Take a whole answer."""
        yield ReplyInfo(raw={"body": body})
        yield from self._reader.read_whole(body)

    def finish(self) -> Iterable[ProviderEvent]:
        """Return what is known only at the end."""
        return self._reader.finish()


def told_headers(headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the headers of an answer, by their names in lower case, for `ReplyInfo.raw`."""
    return {"headers": {name: value for name, value in headers.items() if name not in _NOT_TOLD}}
