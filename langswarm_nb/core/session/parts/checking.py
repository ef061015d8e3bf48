"""The check of parts that come from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from langswarm_nb.core.session.errors import SessionTypeError, SessionValueError

from .vocabulary import PART_KEYS, Part

_TEXTS = ("text", "name", "media_type", "url", "blob", "detail", "note", "title", "quote")
_FILLED = ("media_type", "blob", "url", "title")
"""What leads nowhere when it is empty."""
_COUNTS = ("size", "width", "height", "pages", "start", "end")


def checked_parts(value: object) -> tuple[Part, ...]:
    """Return the parts of a message, each of a known type and with what its type needs.

    Raises
    ------
    SessionTypeError
        It is not a list of mappings that have a ``type``, or a value in one has another type.
    SessionValueError
        A type is not known, or a part lacks what its type needs.
    """
    if isinstance(value, tuple) and not value:  # nearly always
        return ()
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Sequence):
        raise SessionTypeError.of("parts", value, "a list of parts (mappings with a 'type')")
    for part in value:
        if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
            raise SessionTypeError.of("parts", part, "a list of mappings, each with a 'type'")
        _check_part(part)
    return tuple(value)


def _check_part(part: Part) -> None:
    kind = part["type"]
    if kind not in PART_KEYS:
        raise SessionValueError.of("part type", kind, PART_KEYS)
    if not any(all(_is_there(part, key) for key in keys) for keys in PART_KEYS[kind]):
        wanted = ", or ".join(" and ".join(keys) for keys in PART_KEYS[kind])
        raise SessionValueError.of("parts", part, f"complete: a part of type {kind!r} needs {wanted} as text")
    if kind == "vendor" and "opaque" not in part:
        raise SessionValueError.of("parts", part, "complete: a part of type 'vendor' needs opaque")
    for name in _TEXTS:
        if not isinstance(part.get(name), str | None):
            raise SessionTypeError.of(name, part[name], "text (str)")
    for name in _COUNTS:
        count = part.get(name)
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
            raise SessionTypeError.of(name, count, "a whole number of 0 or more")


def _is_there(part: Part, key: str) -> bool:
    value = part.get(key)
    return isinstance(value, (str, bytes) if key == "data" else str) and bool(value or key not in _FILLED)
