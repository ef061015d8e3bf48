"""JSON as services send and get it: read and written by msgspec, and where that refuses or differs by `json`.

msgspec reads what `json` reads with the same result, several times as fast, or refuses it: NaN, halves of characters,
numbers beyond a float. Services send all of these, so what it refuses `json` reads. It writes more than JSON has, a
set for one, so that what was written counts only when it reads back as what it was made from.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

_read = msgspec.json.Decoder().decode
_write = msgspec.json.Encoder().encode
_REFUSED = (msgspec.MsgspecError, UnicodeError, RecursionError)


def parse_json(text: str) -> Any:
    """Return JSON.

    Raises
    ------
    ValueError
        It is none, or nested too deeply; the message says which.
    """
    try:
        return _read(text)
    except _REFUSED:
        return _parse_leniently(text)


def encode_json(value: Any) -> bytes:
    """Return a value as JSON in UTF-8, without blanks.

    Raises
    ------
    TypeError, ValueError, RecursionError
        It is not plain: text, numbers but NaN, True, False, None, and lists, tuples and dicts of these.
    """
    try:
        written: bytes = _write(value)
        if _read(written) == value:
            return written
    except (*_REFUSED, TypeError, ValueError):
        pass  # who writes it now says what is wrong
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _parse_leniently(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg} at character {error.pos})") from None
