"""One value of a message or session as a column, and back; what cannot come back unchanged is refused."""

from __future__ import annotations

import itertools
import json
import math
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, TypeVar

from .errors import SessionStorageError, SessionTypeError, SessionValueError, shown

E = TypeVar("E", bound=Enum)

MAX_JSON_DEPTH = 100
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST_US = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST_US = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
MOST = 2**53
"""Numbers up to here are exact in JSON, in floating point and in every database."""
_MOST_BITS = 14_000  # beyond some 4,300 digits Python does not read a number from text


def text(name: str, value: object) -> str:
    """Return ``value`` as a plain `str`.

    Raises
    ------
    SessionTypeError
        It is not text.
    SessionValueError
        UTF-8 cannot hold it: it has a lone surrogate.
    """
    if not isinstance(value, str):
        raise SessionTypeError.of(name, value, "text (str)")
    check_utf8(name, value)
    return value if type(value) is str else str.__str__(value)


def check_utf8(name: str, value: str) -> None:
    """Check that text can be written as UTF-8.

    Raises
    ------
    SessionValueError
        It has half of a character, which no UTF-8 text can hold.
    """
    if value.isascii():
        return
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise SessionValueError(
            f"{name} holds a lone surrogate (U+{ord(value[error.start]):04X} at position {error.start}), "
            "which no UTF-8 text can hold. Replace it, e.g. with text.encode('utf-8', 'replace').decode()."
        ) from None


def member(name: str, value: object, kind: type[E]) -> E:
    """Return the member of an enumeration for itself or its value.

    Raises
    ------
    SessionValueError
        It has no such member; the error lists those that it has.
    """
    try:
        return kind(value)
    except ValueError:
        raise SessionValueError.of(name, value, [str(known) for known in kind]) from None


def filled_text(name: str, value: object) -> str:
    """Return ``value`` as `text` does; blank text is refused too.

    Raises
    ------
    SessionValueError
        It is empty or blank, or UTF-8 cannot hold it.
    """
    checked = text(name, value)
    if not checked.strip():
        raise SessionValueError.of(name, value, "not empty")
    return checked


def to_us(name: str, value: object) -> int:
    """Return a moment in microseconds since 1970, UTC.

    Raises
    ------
    SessionTypeError
        It is not a `datetime`.
    SessionValueError
        It has no time zone, or lies outside the years 1 to 9999 in UTC.
    """
    if not isinstance(value, datetime):
        raise SessionTypeError.of(name, value, "a datetime")
    if value.tzinfo is None:
        raise SessionValueError.of(name, value, "time-zone aware, such as datetime.now(UTC)")
    us = (value - _EPOCH) // _MICROSECOND
    if not _FIRST_US <= us <= _LAST_US:
        raise SessionValueError.of(name, value, "in the years 1 to 9999 in UTC")
    return us


def from_us(us: int) -> datetime:
    """Return the moment that `to_us` encoded.

    Raises
    ------
    SessionStorageError
        The stored value is not a moment: something else wrote it, or the file is damaged.
    """
    try:
        return _EPOCH + timedelta(0, 0, us)
    except (TypeError, OverflowError) as error:
        raise SessionStorageError(
            f"A stored time ({shown(us)}) is not a time; the file is damaged, or another program changed it. "
            "The other messages can still be read."
        ) from error


def to_json(name: str, value: Any) -> str:
    """Return ``value`` as JSON text that reads back equal.

    Raises
    ------
    SessionValueError
        JSON cannot hold it unchanged; the text says what and where.
    """
    try:
        encoded = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        encoded.encode()
        if _depth_is_fine(encoded, value) and json.loads(encoded) == value:
            return encoded
    except (TypeError, ValueError, RecursionError):
        pass
    raise SessionValueError.of(name, value, f"JSON: {_why_not_json(value) or 'it does not read back equal'}")


def _depth_is_fine(encoded: str, value: Any) -> bool:
    if encoded.count("[") + encoded.count("{") <= MAX_JSON_DEPTH:
        return True
    level = [value]
    for _ in range(MAX_JSON_DEPTH + 1):
        level = [
            child
            for node in level
            if isinstance(node, (dict, list))
            for child in (node.values() if isinstance(node, dict) else node)
        ]
    return not level


def _why_not_json(value: Any, at: str = "it", depth: int = 0) -> str:
    """Return the first thing in ``value`` that JSON text does not give back unchanged; empty for none."""
    if depth > MAX_JSON_DEPTH:
        return f"it is nested deeper than {MAX_JSON_DEPTH} levels, or holds itself"
    if isinstance(value, dict):
        keys = (_why_not_key(key) for key in value)
        children = (_why_not_json(child, f"{at}[{shown(key)}]", depth + 1) for key, child in value.items())
        return next(filter(None, itertools.chain(keys, children)), "")
    if isinstance(value, list):
        children = (_why_not_json(child, f"{at}[{i}]", depth + 1) for i, child in enumerate(value))
        return next(filter(None, children), "")
    return _why_not_leaf(value, at)


def _why_not_key(key: object) -> str:
    if isinstance(key, str):
        return _why_not_leaf(key, "a key")
    return f"the key {shown(key)} is of type {type(key).__name__}; keys must be text"


def _why_not_leaf(value: object, at: str) -> str:
    if isinstance(value, str):
        return f"{at} is text with half of a surrogate pair" if _LONE_SURROGATE.search(value) else ""
    if isinstance(value, float):
        return "" if math.isfinite(value) else f"{at} is {value}"
    if isinstance(value, int):
        return "" if value.bit_length() <= _MOST_BITS else f"{at} is a number of thousands of digits"
    if value is None:
        return ""
    hint = "; use a list" if isinstance(value, (tuple, set, frozenset)) else ""
    return f"{at} is of type {type(value).__name__}{hint}"


def from_json(encoded: str | None) -> Any:
    """Return the value of a JSON column.

    Raises
    ------
    SessionStorageError
        The stored text is not JSON: something else wrote it, or the file is damaged.
    """
    try:
        return json.loads(encoded) if encoded is not None else {}
    except (TypeError, ValueError, RecursionError) as error:
        raise SessionStorageError(
            "A stored value is not the JSON it should be; the file is damaged, or another program changed it. "
            "The other messages can still be read."
        ) from error


def optional_text(name: str, value: object) -> str | None:
    """Return ``value`` as `text` does, or None."""
    return None if value is None else text(name, value)


def whole(name: str, value: object) -> int:
    """Return a whole number that is exact everywhere; True and False are none.

    Raises
    ------
    SessionTypeError
        It is not a whole number.
    SessionValueError
        It is beyond `MOST`, on either side of 0.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise SessionTypeError.of(name, value, "a whole number")
    if abs(value) > MOST:
        raise SessionValueError.of(name, value, f"at most {MOST}")
    return int(value)


def optional_whole(name: str, value: object) -> int | None:
    """Return ``value`` as `whole` does, or None."""
    return None if value is None else whole(name, value)


def number(name: str, value: object) -> float:
    """Return a finite number.

    Raises
    ------
    SessionTypeError
        It is not a number; True and False are none.
    SessionValueError
        It is infinite or not a number.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise SessionTypeError.of(name, value, "a number")
    if not abs(value) <= sys.float_info.max:  # NaN is not either
        raise SessionValueError.of(name, value, "a finite number")
    return float(value)


def optional_number(name: str, value: object) -> float | None:
    """Return ``value`` as `number` does, or None."""
    return None if value is None else number(name, value)


def flag(name: str, value: object) -> int:
    """Return 1 for True and 0 for False; nothing else is taken for either.

    Raises
    ------
    SessionTypeError
        It is neither.
    """
    if not isinstance(value, bool):
        raise SessionTypeError.of(name, value, "True or False")
    return int(value)


def optional_mapping(name: str, value: object) -> str | None:
    """Return a mapping as JSON text, as `to_json` does; None when it is empty.

    Raises
    ------
    SessionTypeError
        It is not a mapping.
    SessionValueError
        JSON cannot hold what is in it unchanged.
    """
    if not isinstance(value, Mapping):
        raise SessionTypeError.of(name, value, "a mapping of JSON values")
    return to_json(name, dict(value)) if value else None
