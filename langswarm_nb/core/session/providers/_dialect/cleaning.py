"""`Cleaner`: what a server sends, made fit to be shown and kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.provider_events import Delta, Finish, PartDone, ReplyInfo, ThoughtSoFar
from langswarm_nb.core.session.text import TextJoiner, whole

from .call_pieces import CallPiece
from .wire import cost_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from langswarm_nb.core.session.provider_events import ProviderEvent, TextKind
    from langswarm_nb.core.session.providers._http.client import HttpClient
    from langswarm_nb.core.session.secret import KeyFilter

    from .call_pieces import ReaderEvent

_LONGEST_WORD = 1000
"""Characters of the longest id or name."""
_DEEPEST = 32
"""Levels of what a server adds to a reply that are kept."""


class Cleaner:
    """Makes all text of a reply encodable as UTF-8, and takes out the keys that a server echoes."""

    def __init__(self, http: HttpClient, *, keeps_raw: bool = False) -> None:
        self._http = http
        self.keeps_raw = keeps_raw
        """Whether what the service sent is kept, too."""
        self._cost_usd: float | None = None
        self._channels: dict[TextKind, tuple[TextJoiner, list[KeyFilter]]] = {}

    def add(self, events: Iterable[ReaderEvent], clean: list[ProviderEvent]) -> None:
        """Add events to those that are clean; what waits for the other half of a character is held back.

        Pieces of calls go no further: nobody has taken them for the answer.
        """
        for event in events:
            if type(event) is Delta:
                joiner, filters = self._channels.get(event.kind) or self._channel(event.kind)
                text = joiner.join(event.text)
                for without_key in filters:
                    text = without_key(text)
                if text:
                    clean.append(event if text is event.text else Delta(text, event.kind))
                continue
            if isinstance(event, CallPiece):
                continue
            if isinstance(event, ThoughtSoFar):  # half a character belongs to what came before
                clean += self.rest()
            clean.append(self._other(event))

    def _other(self, event: ProviderEvent) -> ProviderEvent:
        if isinstance(event, PartDone):
            return PartDone(self._shallow(self._json(event.part, self._http.mask.known)))
        if isinstance(event, ReplyInfo):
            return self.info(event)
        if isinstance(event, Finish):
            return Finish(event.reason, self._word(event.provider_reason))
        return event

    def info(self, info: ReplyInfo) -> ReplyInfo:
        """Return what is reported about a reply, clean: it is kept with the message."""
        return ReplyInfo(
            model=self._word(info.model),
            provider_message_id=self._word(info.provider_message_id),
            request_id=self._word(info.request_id),
            native_id=self._word(info.native_id),
            cost_usd=info.cost_usd,
            details=self._shallow(self._json(info.details, self._http.mask)),
            raw=self._json(self._shallow(info.raw), self._http.mask),
        )

    def see_cost(self, body: Any) -> None:
        """Take what the body of an event, or of a whole answer, says that the reply costs."""
        cost_usd = cost_in(body)
        self._cost_usd = self._cost_usd if cost_usd is None else cost_usd

    def cost(self) -> list[ReplyInfo]:
        """Return what the reply costs, when it was reported."""
        return [] if self._cost_usd is None else [ReplyInfo(cost_usd=self._cost_usd)]

    def raw(self, name: str, value: Any) -> list[ReplyInfo]:
        """Return what the service sent, for those who keep it."""
        return [self.info(ReplyInfo(raw={name: value}))] if self.keeps_raw else []

    def rest(self) -> list[Delta]:
        """Return what was still held back at the end."""
        return [Delta(text, kind) for kind, (joiner, _) in self._channels.items() if (text := joiner.rest())]

    def _channel(self, kind: TextKind) -> tuple[TextJoiner, list[KeyFilter]]:
        channel = self._channels[kind] = TextJoiner(), self._http.key_filters()
        return channel

    def _word(self, value: object) -> str | None:
        """Return an id or a name; what is neither text nor a number, or very long, is none and is not kept."""
        is_word = isinstance(value, (str, int)) and not isinstance(value, bool) and value != ""
        word = self._http.mask(whole(str(value))) if is_word else ""
        return word if 0 < len(word) <= _LONGEST_WORD else None

    def _shallow(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return what can be kept: a reply must not be lost for what a server adds to it."""
        return {name: value for name, value in values.items() if not _is_deeper(value, _DEEPEST)}

    def _json(self, value: Any, mask: Callable[[str], str]) -> Any:
        if isinstance(value, str):
            return mask(whole(value))
        if isinstance(value, Mapping):
            return {mask(whole(str(name))): self._json(item, mask) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._json(item, mask) for item in value]
        if isinstance(value, float) and not math.isfinite(value):  # Python reads NaN; nothing keeps it
            return None
        return value


def _is_deeper(value: Any, levels: int) -> bool:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in items)
