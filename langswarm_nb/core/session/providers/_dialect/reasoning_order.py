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
_SAYS_NOTHING = {"reasoning", "citation", "vendor"}


class Piece(NamedTuple):
    """A part of a message in the place where it came."""

    part: Part
    """A text, a call, …; or what goes back as it came, under the type ``raw``."""
    marks: Mapping[str, Any] = _NOTHING
    """What the service told beside it: ids, its phase."""


def text_item(n_chars: int, **marks: Any) -> dict[str, Any]:
    """Return an outline's item for so many characters of the message's text."""
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
    length = sum(item.get("text", 0) for item in items)
    text = next((part for part in rest if part["type"] == "text"), None) if length else None
    calls = {part["id"]: part for part in rest if part["type"] == "tool_call"}
    images = [part for part in rest if part["type"] == "image"]
    vendors = [part for part in rest if part["type"] == "vendor"]
    wanted = [item["call"] for item in items if "call" in item]
    pictures = [number for item in items for number in _pictures(item)]
    numbers = [item["vendor"] for item in items if "vendor" in item]
    if (
        len(text["text"] if text else "") != length
        or not calls.keys() >= set(wanted)
        or any(number >= len(images) for number in pictures)
        or any(number >= len(vendors) for number in numbers)
    ):
        return []
    pieces: list[Piece] = []
    at = 0
    for item in items:
        free = item.keys() - _PLACED if is_same else item.keys() & _UNBOUND
        marks = {name: item[name] for name in item if name in free}
        if "raw" in item or "vendor" in item:
            if is_same or not ("raw" in item or item.get("is_bound")):
                whole = item["raw"] if "raw" in item else vendors[item["vendor"]]["opaque"]
                data = {name: images[number]["data"] for name, number in item.get("images", {}).items()}
                pieces.append(Piece({"type": "raw", "raw": {**whole, **data}}, marks))
            elif "call" in item:
                pieces.append(Piece(calls[item["call"]]))
        elif "call" in item:
            pieces.append(Piece(calls[item["call"]], marks))
        elif "image" in item:
            pieces.append(Piece(images[item["image"]], marks))
        elif text is not None:
            said = text["text"][at : at + item["text"]]
            at += item["text"]
            if pieces and pieces[-1].part["type"] == "text" and not (pieces[-1].marks or marks):
                said = pieces.pop().part["text"] + said  # what stood between them does not go back
            pieces.append(Piece({"type": "text", "text": said}, marks))
    used = [
        text,
        *(calls[call_id] for call_id in wanted),
        *(images[number] for number in pictures),
        *(vendors[number] for number in numbers),
    ]
    rest[:] = [part for part in rest if not _is_among(part, used)]
    return pieces


def _is_among(part: Part, parts: Iterable[Part | None]) -> bool:
    return any(part is one for one in parts)


def _pictures(item: Mapping[str, Any]) -> list[int]:
    """Return the numbers of the pictures that an item holds."""
    return [*item.get("images", {}).values(), *([item["image"]] if "image" in item else [])]


def _told(marks: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in marks.items() if value is not None}
