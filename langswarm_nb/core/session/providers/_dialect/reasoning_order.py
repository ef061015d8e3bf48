"""The order in which a reply's items came, thinking among them, kept with it as its outline so that it can go back so.

Services whose models think want the thinking back unchanged, and in its place among the texts and the calls of
tools. Our messages hold one text and some parts; an outline holds the rest: thinking as it came, each text by its
length, each call by its id. It is a reasoning part without text, whose ``opaque`` names the dialect that reads it.
A message that was changed since, or that another model wrote, is sent without it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from langswarm_nb.core.session.providers._http.faults import MALFORMED
from langswarm_nb.core.session.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from langswarm_nb.core.session.parts.vocabulary import Part

_log = logging.getLogger(__name__)
_DROPPED = {"thinking_dropped", "removed"}
_NOTHING: Mapping[str, Any] = {}


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
    """Return the parts of a message in the order in which they came, as far as that is known."""
    rest = list(parts)
    pieces: list[Piece] = []
    while rest:
        part = rest.pop(0)
        outline = part.get("opaque") if part["type"] == "reasoning" else None
        if not isinstance(outline, dict) or dialect not in outline:
            pieces.append(Piece(part))
            continue
        try:
            pieces += _filled(outline[dialect], model, rest)
        except MALFORMED:
            _log.warning("The outline of a reply cannot be read; the reply is sent without it.")
    return pieces


def _filled(outline: Mapping[str, Any], model: str, rest: list[Part]) -> list[Piece]:
    """Return an outline with its texts and calls, taken out of ``rest``; nothing when they are not all there."""
    items = outline["items"]
    length = sum(item.get("text", 0) for item in items)
    text = next((part for part in rest if part["type"] == "text"), None) if length else None
    calls = {part["id"]: part for part in rest if part["type"] == "tool_call"}
    images = [part for part in rest if part["type"] == "image"]
    wanted = [item["call"] for item in items if "call" in item]
    pictures = [number for item in items for number in item.get("images", {}).values()]
    if (
        outline["model"] != model
        or len(text["text"] if text else "") != length
        or not calls.keys() >= set(wanted)
        or any(number >= len(images) for number in pictures)
    ):
        return []
    pieces: list[Piece] = []
    at = 0
    for item in items:
        marks = {name: value for name, value in item.items() if name not in {"text", "call", "raw"}}
        if "raw" in item:
            data = {name: images[number]["data"] for name, number in item.get("images", {}).items()}
            pieces.append(Piece({"type": "raw", "raw": {**item["raw"], **data}}))
        elif "call" in item:
            pieces.append(Piece(calls[item["call"]], marks))
        elif text is not None:
            pieces.append(Piece({"type": "text", "text": text["text"][at : at + item["text"]]}, marks))
            at += item["text"]
    used = [text, *(calls[call_id] for call_id in wanted), *(images[number] for number in pictures)]
    rest[:] = [part for part in rest if not any(part is one for one in used)]
    return pieces


def _told(marks: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in marks.items() if value is not None}
