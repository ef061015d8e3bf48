"""The text twin of a part: what a terminal, an export and a provider that does not take the part see instead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from langswarm_nb.core.session.text import one_line

from .vocabulary import ATTACHED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .vocabulary import Part

_UNITS = ("B", "kB", "MB", "GB")
_STEP = 1000
_TIMES = "\u00d7"
_USER = re.compile(r"^([a-z][a-z0-9+.-]*:[/\\]*)[^/?#\\]*@", re.IGNORECASE)
"""What stands before the host of an address: a user, and often a password."""


def twin(part: Part) -> str:  # noqa: PLR0911 - one for each type
    """Return what a part says to somebody who gets text alone; empty for thinking."""
    match part["type"]:
        case "text" | "refusal":
            return str(part["text"])
        case "tool_call":
            return f"[calls {part['name']}({part['arguments']})]"
        case "tool_result":
            return str(part["content"])
        case "context":
            return _under_name(part.get("name"), str(part["text"]))
        case "citation":
            return f"[source: {source_of(part)}]"
        case "vendor":
            told = "\n".join(filter(None, [part.get("text"), part.get("detail")]))
            return f"[{told or part['kind']}]"
        case kind if kind in ATTACHED:
            return f"[{', '.join([f'{kind} {name_of(part)}'.strip(), *facts_of(part)])}]"
    return ""


def name_of(attachment: Part) -> str:
    """Return what an attachment is called, on one line: its name, else its address without a password; or nothing."""
    return one_line(str(attachment.get("name") or _USER.sub(r"\1", str(attachment.get("url") or ""))))


def facts_of(attachment: Part) -> list[str]:
    """Return what else is known of an attachment, in words: type, pixels or pages, size."""
    width, height, pages, size = map(attachment.get, ("width", "height", "pages", "size"))
    return [
        *([one_line(str(attachment["media_type"]), 80)] if attachment.get("media_type") else []),
        *([f"{width}{_TIMES}{height}"] if width and height else []),
        *([f"{pages} page{'s' * (pages != 1)}"] if pages else []),
        *([size_text(size)] if size is not None else []),
    ]


def source_of(citation: Part) -> str:
    """Return what a citation points to, on one line: title and address, as far as it has them."""
    return one_line(" ".join(dict.fromkeys(filter(None, [citation.get("title"), citation.get("url")]))))


def searched(parts: Iterable[Part]) -> list[str]:
    """Return the words in parts that a search looks through beside the text of their message."""
    found = (text for part in parts for text in _words(part))
    return [text for text in found if text]


def size_text(size: int) -> str:
    """Return a number of bytes as people write it: ``1.2 MB``."""
    amount, unit = float(size), 0
    while amount >= _STEP - 0.5 and unit < len(_UNITS) - 1:
        amount, unit = amount / _STEP, unit + 1
    is_exact = unit == 0 or len(f"{amount:.0f}") > 1
    return f"{amount:.{0 if is_exact else 1}f} {_UNITS[unit]}"


def _words(part: Part) -> tuple[str | None, ...]:
    match part["type"]:
        case "tool_result":
            return (part["content"],)
        case "refusal" | "context":
            return (part.get("name"), part["text"])
        case "citation":
            return (part.get("title"), part.get("url"))
        case "vendor":
            return (part.get("text"), part.get("detail"))
        case kind if kind in ATTACHED:
            return (part.get("name"), part.get("url"))
    return ()


def _under_name(name: str | None, text: str) -> str:
    return text if not name else f"{one_line(name)}:\n\n{text}"
