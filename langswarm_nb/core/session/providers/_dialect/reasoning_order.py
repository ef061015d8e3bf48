"""The order in which a reply's items came, thinking among them, kept with it as its outline so that it can go back so.

Services whose models think want the thinking back unchanged, and in its place among the texts and the calls of
tools. Our messages hold one text and some parts; an outline holds the rest: thinking as it came, each text by its
length, each call by its id, each picture and each `vendor` part by its number among the message's. It is a reasoning
part without text, whose ``opaque`` names the dialect that reads it. A message that was changed since is sent without
it. Another model of the same service gets its items, but neither thinking nor what belongs to that.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from langswarm_nb.core.session.parts.twins import twin
from langswarm_nb.core.session.parts.vocabulary import ATTACHED
from langswarm_nb.core.session.providers._http.faults import MALFORMED
from langswarm_nb.core.session.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from langswarm_nb.core.session.parts.vocabulary import Part

_log = logging.getLogger(__name__)
_DROPPED = {"thinking_dropped", "removed"}
_NOTHING: Mapping[str, Any] = {}
_PLACED = {"text", "call", "raw", "vendor", "image", "images", "is_bound"}
"""What an outline says for itself; all else are marks."""
_UNBOUND = {"citations"}
"""Marks that any model of a service takes."""
_SAYS_NOTHING = {"reasoning", "citation", "vendor", *ATTACHED}
"""What no service takes of a reply by itself: most take no picture of it."""


class Piece(NamedTuple):
    """A part of a message in the place where it came."""

    part: Part
    """A text, a call, …; or what goes back as it came, under the type ``raw``."""
    marks: Mapping[str, Any] = _NOTHING
    """What the service told beside it: ids, its phase."""


def text_item(n_chars: int, **marks: Any) -> dict[str, Any]:
    """Return an outline's item for this many characters of the message's text."""
    return {"text": n_chars, **_told(marks)}


def call_item(call_id: str, **marks: Any) -> dict[str, Any]:
    """Return an outline's item for a call of a tool."""
    return {"call": call_id, **_told(marks)}


def raw_item(item: Mapping[str, Any], **marks: Any) -> dict[str, Any]:
    """Return an outline's item for what goes back as it came, with what is null in it: services miss that.

    Parameters
    ----------
    **marks
        ``call``, the id of the call that it is, in the message; ``images``, its fields that hold the data of a
        picture of the message, and the number of that picture.
    """
    return {"raw": dict(item), **_told(marks)}


def vendor_item(number: int, **marks: Any) -> dict[str, Any]:
    """Return an outline's item for a `vendor` part.

    Parameters
    ----------
    number
        Which of the message's it is, from 0.
    **marks
        As for `raw_item`; ``is_bound=True`` when it goes back to its own model alone.
    """
    return {"vendor": number, **_told(marks)}


def image_item(number: int, **marks: Any) -> dict[str, Any]:
    """Return an outline's item for a picture that the model made, by its number among the message's."""
    return {"image": number, **_told(marks)}


def dropped_thinking(told: object) -> dict[str, Any]:
    """Return, for the details of a reply, what its service did with earlier thinking; empty when nothing.

    What it left out is a warning; what it only remarks on is not.
    """
    changes = [change for change in told if isinstance(change, dict)] if isinstance(told, list) else []
    dropped = [change for change in changes if _DROPPED & {change.get("type"), change.get("action")}]
    details: dict[str, Any] = {"input_transformations": changes} if changes else {}
    if dropped:
        reasons = ", ".join(sorted({str(change.get("reason") or "no reason told") for change in dropped}))
        n_pieces = "1 piece" if len(dropped) == 1 else f"{len(dropped)} pieces"
        details["warning"] = f"the service left out {n_pieces} of earlier thinking ({one_line(reasons, 200)})"
    return details


def outline_part(dialect: str, model: str, items: Sequence[Mapping[str, Any]]) -> Part | None:
    """Return the outline of a reply as a part of it; None when it says nothing that the message does not."""
    if not any("raw" in item or item.keys() - {"text", "call"} for item in items):
        return None
    return {"type": "reasoning", "text": "", "opaque": {dialect: {"model": model, "items": list(items)}}}


def in_order(parts: Iterable[Part], dialect: str, model: str) -> list[Piece]:
    """Return the parts of a message in the order in which they came, as far as that is known.

    A `vendor` part goes back where an outline says, under the type ``raw``; without one it cannot be sent, and its
    text stands for it where a message would say nothing.
    """
    rest = list(parts)
    vendors = [part for part in rest if part["type"] == "vendor"]
    pieces: list[Piece] = []
    is_first = True
    while rest:
        part = rest.pop(0)
        outline = part.get("opaque") if part["type"] == "reasoning" else None
        if not isinstance(outline, dict) or dialect not in outline:
            pieces.append(Piece(part))
            continue
        before = [piece.part for piece in pieces] if is_first else []  # what was handed on while it came
        pool, is_first = before + rest, False
        try:
            filled = _filled(outline[dialect], model, pool)
            pieces = [piece for piece in pieces if not before or _is_among(piece.part, pool)] + filled
            rest = [part for part in rest if _is_among(part, pool)]
        except MALFORMED:
            _log.warning("The outline of a reply cannot be read; the reply is sent without it.")
    if vendors and all(piece.part["type"] in _SAYS_NOTHING for piece in pieces):
        pieces += [Piece({"type": "text", "text": twin(part)}) for part in vendors]
    return pieces


def _filled(outline: Mapping[str, Any], model: str, rest: list[Part]) -> list[Piece]:
    """Return an outline with its texts and parts, taken out of ``rest``; nothing when they are not all there."""
    items = outline["items"]
    is_same = outline["model"] == model
    if not is_same and not any("vendor" in item for item in items):
        return []
    held = _Held(items, rest)
    if not held.is_whole:
        return []
    pieces: list[Piece] = []
    for item in items:
        piece = held.piece(item, is_same=is_same)
        if piece is None:
            continue
        before = pieces[-1] if pieces else None
        if before is not None and _is_plain_text(before) and _is_plain_text(piece):
            # What stood between them does not go back.
            pieces[-1] = Piece({"type": "text", "text": before.part["text"] + piece.part["text"]})
        else:
            pieces.append(piece)
    rest[:] = [part for part in rest if not _is_among(part, held.used)]
    return pieces


class _Held:
    """The parts of a message that the items of an outline stand for."""

    def __init__(self, items: Sequence[Mapping[str, Any]], parts: Sequence[Part]) -> None:
        self._length = sum(item.get("text", 0) for item in items)
        self._text = next((part for part in parts if part["type"] == "text"), None) if self._length else None
        self._calls = {part["id"]: part for part in parts if part["type"] == "tool_call"}
        self._images = [part for part in parts if part["type"] == "image"]
        self._vendors = [part for part in parts if part["type"] == "vendor"]
        self._named = [item["call"] for item in items if "call" in item]
        self._pictures = [number for item in items for number in _pictures(item)]
        self._numbers = [item["vendor"] for item in items if "vendor" in item]
        self._at = 0  # how much of the text was taken

    @property
    def is_whole(self) -> bool:
        """Whether all is there that the items stand for, the text as long as it was."""
        return (
            len(self._text["text"] if self._text else "") == self._length
            and self._calls.keys() >= set(self._named)
            and all(number < len(self._images) for number in self._pictures)
            and all(number < len(self._vendors) for number in self._numbers)
        )

    @property
    def used(self) -> list[Part | None]:
        """What the items stand for."""
        return [
            self._text,
            *(self._calls[call_id] for call_id in self._named),
            *(self._images[number] for number in self._pictures),
            *(self._vendors[number] for number in self._numbers),
        ]

    def piece(self, item: Mapping[str, Any], *, is_same: bool) -> Piece | None:
        """Return the part that an item stands for; None where it does not go back.

        Parameters
        ----------
        is_same
            Whether it goes to the model that made it.
        """
        names = item.keys() - _PLACED if is_same else item.keys() & _UNBOUND
        marks = {name: item[name] for name in item if name in names}
        if ("raw" in item or "vendor" in item) and (is_same or not ("raw" in item or item.get("is_bound"))):
            whole = item["raw"] if "raw" in item else self._vendors[item["vendor"]]["opaque"]
            data = {name: self._images[number]["data"] for name, number in item.get("images", {}).items()}
            return Piece({"type": "raw", "raw": {**whole, **data}}, marks)
        if "call" in item:
            return Piece(self._calls[item["call"]], marks)
        if "image" in item:
            return Piece(self._images[item["image"]], marks)
        if "text" not in item or self._text is None:
            return None
        start, self._at = self._at, self._at + item["text"]
        return Piece({"type": "text", "text": self._text["text"][start : self._at]}, marks)


def _is_plain_text(piece: Piece) -> bool:
    return piece.part["type"] == "text" and not piece.marks


def _is_among(part: Part, parts: Iterable[Part | None]) -> bool:
    return any(part is one for one in parts)


def _pictures(item: Mapping[str, Any]) -> list[int]:
    """Return the numbers of the pictures that an item holds."""
    return [*item.get("images", {}).values(), *([item["image"]] if "image" in item else [])]


def _told(marks: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in marks.items() if value is not None}
