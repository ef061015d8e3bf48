"""What only its service understands, as parts: a line that can be shown, the words behind it, and the item itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from langswarm_nb.core.session.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from langswarm_nb.core.session.parts.vocabulary import Part

_LINE_CHARS = 200
_DETAIL_CHARS = 20_000
_QUERY_CHARS = 80


def vendor_part(kind: str, item: Mapping[str, Any], text: str = "", detail: str = "") -> Part:
    """Return an item as a part; the name of its provider is added where the reply is put together.

    Parameters
    ----------
    kind
        What its service calls it.
    text
        One line that says what it is; without, its kind.
    detail
        Plain text: code and what it printed, what was found, what went wrong.
    """
    line = one_line(text or kind.replace("_", " "), _LINE_CHARS)
    rest = len(detail) - _DETAIL_CHARS
    if rest > 0:
        detail = f"{detail[:_DETAIL_CHARS]}\n… {rest} more characters"
    detail = detail.strip()
    return {
        "type": "vendor",
        "kind": kind,
        "opaque": dict(item),
        "text": line,
        **({"detail": detail} if detail else {}),
    }


def searched(queries: Iterable[object], place: str = "the web") -> str:
    """Return the line for a search."""
    asked = [f'"{one_line(query, _QUERY_CHARS)}"' for query in queries if query and isinstance(query, str)]
    return f"searched {place}" + (f": {', '.join(dict.fromkeys(asked))}" if asked else "")


def fetched(*addresses: object, did: str = "fetched") -> str:
    """Return the line for pages that were read: their hosts."""
    return " ".join([did, ", ".join(dict.fromkeys(filter(None, map(host_of, addresses)))) or "a page"])


def host_of(address: object) -> str:
    """Return the host of an address; the address itself when it has none."""
    if not isinstance(address, str):
        return ""
    try:
        return urlsplit(address).hostname or address
    except ValueError:
        return address


def found(sources: object, *names: str) -> str:
    """Return what was found, a line each: the fields of these names, as far as they are text."""
    return lines(" ".join(texts(source, *names)) for source in objects(sources))


def texts(value: object, *names: str) -> list[str]:
    """Return the fields of an object that are text."""
    told = value if isinstance(value, dict) else {}
    return [told[name] for name in names if isinstance(told.get(name), str) and told[name]]


def first_text(value: object, *names: str) -> str:
    """Return the first field that is text; empty when none is."""
    return next(iter(texts(value, *names)), "")


def objects(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list; one that stands alone is a list of one."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]


def lines(*pieces: Iterable[str]) -> str:
    """Return texts as lines, without those that are empty."""
    return "\n".join(filter(None, (text for piece in pieces for text in piece)))


def as_words(value: object) -> str:
    """Return what a field holds as text: JSON for what is none."""
    if value is None or value in ("", {}, []):
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
