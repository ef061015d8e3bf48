"""What few messages have, packed: values in JSON lists, whose order is defined here, and ids in half of their room."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from langswarm_nb.core.session.errors import SessionStorageError
from langswarm_nb.core.session.values import from_json

MARKS = (
    "source",
    "cell_id",
    "ask",
    "finish_reason",
    "token_count",
    "status",
    "compare_id",
    "scope",
    "beside",
    "provider_message_id",
    "n_attachments",
    "n_citations",
)
"""What stands in ``marks``, in this order; what is missing at the end is not known. New names are added at the end.

The last two count parts, so that nobody reads those for it; 0 is not written.
"""
FACTS = (
    "provider",
    "request_model",
    "model",
    "started_us",
    "duration_s",
    "input_tokens",
    "output_tokens",
    "time_to_first_chunk_s",
    "tokens_source",
    "cached_input_tokens",
    "reasoning_tokens",
    "cache_write_tokens",
    "provider_finish_reason",
    "provider_request_id",
    "cost_usd",
    "cost_source",
    "attempts",
    "streamed",
    "queued_s",
    "error_type",
    "error_message",
    "params",
    "details",
    "step",
    "schema_hash",
    "data_json",
    "prompt_name",
    "prompt_sha256",
    "request_key",
)
"""The same for ``request``, which a message has that answers one."""
USUAL: Mapping[str, Any] = {"attempts": 1, "streamed": 1, "queued_s": 0.0}
"""What a fact is when it is not written."""


def pack(values: Sequence[Any]) -> str | None:
    """Return checked values as a JSON list without what is missing at its end; None when all is missing."""
    end = len(values)
    while end and values[end - 1] is None:
        end -= 1
    return _AS_JSON(list(values[:end])) if end else None


def pack_facts(values: Sequence[Any]) -> str | None:
    """Return values in the order of `FACTS` as `pack` does; what is as usual is not written."""
    return pack(
        [None if USUAL.get(name) == value else value for name, value in zip(FACTS, values, strict=False)]
    )


def unpacked(column: str, stored: str | None) -> list[Any]:
    """Return the values of ``marks`` or ``request``, in the order of their names; those at the end may be missing.

    Raises
    ------
    SessionStorageError
        The stored text is not a JSON list: something else wrote it, or the file is damaged.
    """
    if stored is None:
        return []
    values = from_json(stored)
    if not isinstance(values, list):
        raise SessionStorageError(
            f"A stored {column} is not a list; the file is damaged, or another program changed it. "
            "The other messages can still be read."
        )
    return values


def key_of_id(message_id: str) -> str | bytes:
    """Return how an id is stored: those that are made here, of 32 hexadecimal digits, take half of the room."""
    return bytes.fromhex(message_id) if _IS_HEX(message_id) else message_id


def id_of_key(key: object) -> str:
    """Return the id that `key_of_id` stored.

    Raises
    ------
    SessionStorageError
        It is neither: the file is damaged, or another program changed it.
    """
    if isinstance(key, bytes):
        return key.hex()
    if isinstance(key, str):
        return key
    raise SessionStorageError(
        f"A stored id is not text but {type(key).__name__}; the file is damaged, or another program changed it. "
        "The other messages can still be read."
    )


_AS_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_IS_HEX = re.compile("[0-9a-f]{32}").fullmatch
