"""`ReplyReader`: what a dialect is on the way back: it turns the JSON of events into our events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langswarm_nb.core.session.provider_events import PartDone

    from .call_pieces import ReaderEvent


class ReplyReader(Protocol):
    """Reads one reply in its dialect; a new one is made for each request."""

    is_whole: bool
    """Whether the API's end mark was seen: what follows may be lost."""
    is_over: bool
    """Whether nothing can follow."""

    def read(self, body: Any, name: str = "") -> Iterable[ReaderEvent]:
        """Take the JSON of an event and its name; raises `ReportedError` for an error of the service."""

    def read_whole(self, body: Any) -> Iterable[ReaderEvent]:
        """Take a whole answer instead; it must set `is_whole` when it is one."""

    def finish(self) -> Iterable[ReaderEvent]:
        """Return what is known only at the end: tool calls, usage, and last the `Finish`."""


@runtime_checkable
class HoldingReader(ReplyReader, Protocol):
    """A reader that keeps for the end what a reply that breaks off should not lose."""

    def held(self) -> Iterable[PartDone]:
        """Return the parts that are whole and were not handed on; may be called at any time, and again."""
