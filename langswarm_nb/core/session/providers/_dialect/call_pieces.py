"""Calls of tools that come in pieces, put together however the service names the pieces: by place, by id, or not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.core.session.provider_events import ProviderEvent

FREE_TEXT = "free_text_call"
"""Key, in ``opaque``, of a call whose input is a text and no JSON; its arguments hold it under `INPUT`."""
INPUT = "input"


class CallPiece(NamedTuple):
    """A piece of a call, to be read while it comes; the whole call is a part of the reply."""

    place: object
    """Which of the reply's calls it belongs to."""
    name: str
    """The tool, as far as it is known."""
    arguments: str


ReaderEvent: TypeAlias = "ProviderEvent | CallPiece"
"""What the reader of a dialect hands on."""


def place_of(index: object) -> Any:
    """Return a place in a list: the same for ``0``, ``"0"`` and ``0.0``."""
    if isinstance(index, str) and index.strip().isdecimal():
        return int(index)
    return index


def free_text(part: Part) -> str | None:
    """Return the input of a call that is a text and no JSON; None for other calls."""
    opaque = part.get("opaque")
    if not isinstance(opaque, dict) or not opaque.get(FREE_TEXT):
        return None
    try:
        return str(json.loads(part["arguments"])[INPUT])
    except (ValueError, KeyError, TypeError):
        return str(part["arguments"])


def free_text_arguments(text: str) -> str:
    """Return a text as the arguments of a call."""
    return json.dumps({INPUT: text}, ensure_ascii=False)


class _Call:
    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []
        self.has_place = False
        self.opaque: dict[str, Any] = {}


class CallPieces:
    """The calls of one reply, in the order in which they began.

    Parameters
    ----------
    new_id
        Makes an id for a call that came without; by default it is its number.
    """

    def __init__(self, new_id: Callable[[], str] | None = None) -> None:
        self._new_id = new_id
        self._calls: list[_Call] = []
        self._at: dict[Any, _Call] = {}
        self._by_id: dict[str, _Call] = {}

    def __bool__(self) -> bool:
        return bool(self._calls)

    def take(
        self,
        places: Sequence[object] = (),
        *,
        call_id: object = None,
        name: object = None,
        arguments: object = None,
        opaque: Mapping[str, Any] | None = None,
    ) -> CallPiece:
        """Take a piece, and return it with what is known of its call.

        Parameters
        ----------
        places
            Where it stands, in one or several ways of telling; None among them is none.
        arguments
            Text, which may go on, or an object.
        """
        told_id, told_name = str(call_id or ""), str(name or "")
        known = [place_of(place) for place in places if place is not None]
        call = self._find(known, told_id, told_name)
        if call is None:
            call = _Call()
            self._calls.append(call)
        call.has_place = call.has_place or bool(known)
        self._at |= dict.fromkeys(known, call)
        if told_id:
            self._by_id[told_id] = call
        call.id, call.name = call.id or told_id, call.name or told_name
        call.opaque |= opaque or {}
        text = ""
        if arguments:
            text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
            call.arguments.append(text)
        return CallPiece(id(call), call.name, text)

    def parts(self) -> list[Part]:
        """Return the calls."""
        return [self._part(number, call) for number, call in enumerate(self._calls)]

    def _find(self, places: Sequence[Any], call_id: str, name: str) -> _Call | None:
        """Return the call that a piece belongs to; None when it begins one."""
        for place in places:
            call = self._at.get(place)
            if call is not None and (not call_id or call.id in {"", call_id}):
                return call
        call = self._by_id.get(call_id)
        if call is not None:
            is_another = name and call.name and call.has_place and places
            return None if is_another else call
        last = self._calls[-1] if self._calls else None
        if call_id or name or last is None or (places and last.has_place):
            return None
        return last

    def _part(self, number: int, call: _Call) -> Part:
        call_id = call.id or (self._new_id() if self._new_id else f"call_{number}")
        arguments = "".join(call.arguments)
        if call.opaque.get(FREE_TEXT):
            arguments = free_text_arguments(arguments)
        return {
            "type": "tool_call",
            "id": call_id,
            "name": call.name,
            "arguments": arguments if arguments.strip() else "{}",
            **({"opaque": call.opaque} if call.opaque else {}),
        }
