"""A message as one row of plain values, and back; what a row cannot hold is refused here.

A message row is ``PLACE_COLUMNS + MESSAGE_COLUMNS + FACT_COLUMNS``. The place in the tree is known inside the
transaction only, so a message is encoded to the rest first (its *payload*), with all checks done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from operator import itemgetter
from typing import Any, TypeAlias

from langswarm_nb.core.session.errors import SessionStorageError, SessionTypeError, shown
from langswarm_nb.core.session.messages import MessageRole, Part, RequestFacts, SessionMessage, Usage
from langswarm_nb.core.session.values import (
    filled_text,
    flag,
    from_json,
    from_us,
    number,
    optional_mapping,
    optional_number,
    optional_text,
    optional_whole,
    text,
    to_json,
    to_us,
    whole,
)

Row: TypeAlias = tuple[Any, ...]

PLACE_COLUMNS = ("id", "parent", "turn", "chars", "version", "active")
"""``id`` is ``sid << 32 | seq``; ``chars`` is the length of the content, so that the tree need not read it."""
MESSAGE_COLUMNS = (
    "hidden",
    "ts_us",
    "role",
    "message_id",
    "finish_reason",
    "token_count",
    "source",
    "cell_id",
    "ask",
    "scope",
    "beside",
    "provider_message_id",
    "content",
    "parts",
    "metadata",
)
FACT_COLUMNS = (
    "provider",
    "request_model",
    "model",
    "started_us",
    "duration_s",
    "time_to_first_chunk_s",
    "queued_s",
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "tokens_source",
    "cost_usd",
    "cost_source",
    "status",
    "error_type",
    "error_message",
    "attempts",
    "streamed",
    "compare_id",
    "params",
    "provider_finish_reason",
    "provider_request_id",
    "details",
)
"""All NULL when the message answers no request."""
COLUMNS = PLACE_COLUMNS + MESSAGE_COLUMNS + FACT_COLUMNS
PAYLOAD_COLUMNS = MESSAGE_COLUMNS + FACT_COLUMNS

SENT_COLUMNS = (
    "id",
    "message_id",
    "role",
    "ts_us",
    "content",
    "parts",
    "provider_message_id",
    "CASE WHEN parts IS NOT NULL AND provider IS NOT NULL THEN json_array(provider, request_model, model) END",
)
"""What a request needs of a message. Who made its parts is needed too: some go back to their own service alone."""

SEQ_BITS = 32
SEQ_MASK = (1 << SEQ_BITS) - 1
_NO_FACTS = (None,) * len(FACT_COLUMNS)
_FACTS_AT = len(PLACE_COLUMNS) + len(MESSAGE_COLUMNS)


def encode_message(message: SessionMessage) -> Row:
    """Return the payload of a message: all its columns but its place in the tree.

    Raises
    ------
    SessionValueError, SessionTypeError
        Something in it cannot be kept unchanged.
    """
    if not isinstance(message, SessionMessage):
        raise SessionTypeError.of("messages", message, "SessionMessage objects")
    payload = (
        flag("is_hidden", message.is_hidden),
        to_us("timestamp", message.timestamp),
        message.role.value,
        filled_text("id", message.id),
        optional_text("finish_reason", message.finish_reason),
        optional_whole("token_count", message.token_count),
        optional_text("source", message.source),
        optional_text("cell_id", message.cell_id),
        optional_whole("ask", message.ask),
        optional_text("scope", message.scope),
        optional_text("beside", message.beside),
        optional_text("provider_message_id", message.provider_message_id),
        text("content", message.content),
        _encode_parts(message.parts),
        optional_mapping("metadata", message.metadata),
    )
    return payload + (_NO_FACTS if message.request is None else _encode_facts(message.request))


def _encode_parts(parts: tuple[Part, ...]) -> str | None:
    if not parts:
        return None
    for part in parts:
        if not isinstance(part, Mapping):
            raise SessionTypeError.of("parts", part, "mappings of JSON values")
    return to_json("parts", [dict(part) for part in parts])


def _encode_facts(facts: RequestFacts) -> Row:
    if not isinstance(facts, RequestFacts):
        raise SessionTypeError.of("request", facts, "RequestFacts")
    usage = facts.usage
    return (
        filled_text("provider", facts.provider),
        text("request_model", facts.request_model),
        optional_text("model", facts.model),
        None if facts.started_at is None else to_us("started_at", facts.started_at),
        optional_number("duration_s", facts.duration_s),
        optional_number("time_to_first_chunk_s", facts.time_to_first_chunk_s),
        number("queued_s", facts.queued_s),
        optional_whole("input_tokens", usage.input_tokens),
        optional_whole("cached_input_tokens", usage.cached_input_tokens),
        optional_whole("cache_write_tokens", usage.cache_write_tokens),
        optional_whole("output_tokens", usage.output_tokens),
        optional_whole("reasoning_tokens", usage.reasoning_tokens),
        optional_text("tokens_source", facts.tokens_source),
        optional_number("cost_usd", facts.cost_usd),
        optional_text("cost_source", facts.cost_source),
        text("status", facts.status),
        optional_text("error_type", facts.error_type),
        optional_text("error_message", facts.error_message),
        whole("attempts", facts.attempts),
        flag("streamed", facts.streamed),
        optional_text("compare_id", facts.compare_id),
        optional_mapping("params", facts.params),
        optional_text("provider_finish_reason", facts.provider_finish_reason),
        optional_text("provider_request_id", facts.provider_request_id),
        optional_mapping("details", facts.details),
    )


def decode_message(row: Row) -> SessionMessage:
    """Return the message of a whole row; its fields are decoded when they are asked for."""
    return SessionMessage.from_row(row, _decode_field)


def decode_messages(rows: list[Row]) -> list[SessionMessage]:
    """Return the messages of whole rows, as `decode_message` does."""
    make, decode = SessionMessage.from_row, _decode_field
    return [make(row, decode) for row in rows]


def _decode_field(row: Row, name: str) -> Any:
    decode = _FIELDS.get(name)
    if decode is None:
        raise AttributeError(f"'SessionMessage' object has no attribute {name!r}")
    return decode(row)


def _decode_facts(row: Row) -> RequestFacts | None:
    if row[_FACTS_AT] is None:
        return None
    facts = dict(zip(FACT_COLUMNS, row[_FACTS_AT:], strict=True))
    started_us = facts.pop("started_us")
    usage = Usage(**{name: facts.pop(name) for name in _USAGE_NAMES})
    facts["streamed"] = bool(facts["streamed"])
    facts["params"] = from_json(facts["params"])
    facts["details"] = from_json(facts["details"])
    return RequestFacts(started_at=None if started_us is None else from_us(started_us), usage=usage, **facts)


def _unknown_role(role: object) -> MessageRole:
    raise SessionStorageError(
        f"A stored message has the role {shown(role)}, which this version does not know; a newer version of this "
        "library or another program wrote it. Upgrade langswarm-nb."
    )


def _text_of(
    column: str, *, required: bool = False, columns: Sequence[str] = COLUMNS
) -> Callable[[Row], Any]:
    """Return the decoder of a column of text; in a damaged file there may be something else."""
    at = columns.index(column)

    def decode(row: Row) -> Any:
        value = row[at]
        if isinstance(value, str) or (value is None and not required):
            return value
        raise SessionStorageError(
            f"A stored {column} is not text but {type(value).__name__}; the file is damaged, or another program "
            "changed it. The other messages can still be read."
        )

    return decode


_USAGE_NAMES = tuple(f.name for f in fields(Usage))
_AT = {name: index for index, name in enumerate(COLUMNS)}
_AT_ROLE, _AT_TS, _AT_METADATA = _AT["role"], _AT["ts_us"], _AT["metadata"]
_AT_PARTS, _AT_ACTIVE, _AT_HIDDEN = _AT["parts"], _AT["active"], _AT["hidden"]
_ROLES = {str(role): role for role in MessageRole}
_SENT_ROLE, _SENT_TS, _SENT_CONTENT, _SENT_PARTS = map(
    SENT_COLUMNS.index, ("role", "ts_us", "content", "parts")
)
_FIELDS: dict[str, Callable[[Row], Any]] = {
    "id": _text_of("message_id", required=True),
    "role": lambda row: _ROLES.get(row[_AT_ROLE]) or _unknown_role(row[_AT_ROLE]),
    "content": _text_of("content", required=True),
    "timestamp": lambda row: from_us(row[_AT_TS]),
    "metadata": lambda row: from_json(row[_AT_METADATA]),
    "provider_message_id": _text_of("provider_message_id"),
    "token_count": itemgetter(_AT["token_count"]),
    "finish_reason": _text_of("finish_reason"),
    "parts": lambda row: _decode_parts(row[_AT_PARTS]),
    "source": _text_of("source"),
    "cell_id": _text_of("cell_id"),
    "ask": itemgetter(_AT["ask"]),
    "scope": _text_of("scope"),
    "beside": _text_of("beside"),
    "request": _decode_facts,
    "seq": lambda row: row[0] & SEQ_MASK,
    "parent_seq": itemgetter(_AT["parent"]),
    "turn": itemgetter(_AT["turn"]),
    "version": itemgetter(_AT["version"]),
    "is_active": lambda row: bool(row[_AT_ACTIVE]),
    "is_hidden": lambda row: bool(row[_AT_HIDDEN]),
}


_SENT_FIELDS: dict[str, Callable[[Row], Any]] = {
    "id": _text_of("message_id", required=True, columns=SENT_COLUMNS),
    "role": lambda row: _ROLES.get(row[_SENT_ROLE]) or _unknown_role(row[_SENT_ROLE]),
    "content": _text_of("content", required=True, columns=SENT_COLUMNS),
    "timestamp": lambda row: from_us(row[_SENT_TS]),
    "parts": lambda row: _decode_parts(row[_SENT_PARTS]),
    "provider_message_id": _text_of("provider_message_id", columns=SENT_COLUMNS),
    "request": lambda row: None if row[-1] is None else RequestFacts(*from_json(row[-1])),
    "seq": lambda row: row[0] & SEQ_MASK,
}
_BLANK = SessionMessage()
_set_role, _set_content, _set_parts = (
    vars(SessionMessage)[name].__set__ for name in ("role", "content", "parts")
)


def decode_sent(rows: list[Row]) -> list[SessionMessage]:
    """Return the messages of rows of `SENT_COLUMNS`; what those do not hold is as in a new message.

    Role, text and parts, which each request asks for, are decoded at once: that costs a third of doing it when they
    are asked for.
    """
    make, decode = SessionMessage.from_row, _decode_sent_field
    messages: list[SessionMessage] = []
    for row in rows:
        message = make(row, decode)
        role, content, parts = row[_SENT_ROLE], row[_SENT_CONTENT], row[_SENT_PARTS]
        if role in _ROLES and type(content) is str:  # else it is damaged: told where it is asked for
            _set_role(message, _ROLES[role])
            _set_content(message, content)
            _set_parts(message, () if parts is None else _decode_parts(parts))
        messages.append(message)
    return messages


def _decode_parts(encoded: str | None) -> tuple[Part, ...]:
    return () if encoded is None else tuple(from_json(encoded))


def _decode_sent_field(row: Row, name: str) -> Any:
    decode = _SENT_FIELDS.get(name)
    return getattr(_BLANK, name) if decode is None else decode(row)
