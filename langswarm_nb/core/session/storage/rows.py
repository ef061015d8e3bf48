"""A message as one row of plain values, and back; what a row cannot hold is refused here.

A message row is ``PLACE_COLUMNS + MESSAGE_COLUMNS``. The place in the tree is known inside the transaction only, so a
message is encoded to the rest first (its *payload*), with all checks done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from operator import itemgetter
from typing import Any, TypeAlias, cast

from langswarm_nb.core.session.errors import SessionStorageError, SessionTypeError, shown
from langswarm_nb.core.session.messages import MessageRole, RequestFacts, SessionMessage, Usage
from langswarm_nb.core.session.parts.vocabulary import ATTACHED, Part
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

from .packing import FACTS, MARKS, USUAL, id_of_key, key_of_id, pack, unpacked

Row: TypeAlias = tuple[Any, ...]

PLACE_COLUMNS = ("id", "parent", "turn", "chars", "version", "active")
"""``id`` is ``sid << 32 | seq``; ``chars`` is what `Node.chars` says, so that the tree need not read the content."""
MESSAGE_COLUMNS = (
    "hidden",
    "ts_us",
    "role",
    "key",
    "content",
    "parts",
    "metadata",
    "marks",
    "request",
)
COLUMNS = PLACE_COLUMNS + MESSAGE_COLUMNS
"""``key`` is the id, see `key_of_id`. ``marks`` and ``request`` are JSON lists of what `MARKS` and `FACTS` name: most
messages have few of them, and a column that holds nothing costs nearly as much to read as one that does."""
READ_COLUMNS = (*(name for name in COLUMNS if name not in ("chars", "active", "hidden")), "active", "hidden")
"""What is read of a stored message. The last two may be missing in a row: then it is on the path, and not hidden."""
_SENT = ("id", "key", "role", "ts_us", "content", "parts", "marks", "request")
SENT_COLUMNS = (*_SENT[:-1], "CASE WHEN parts IS NOT NULL THEN request END")
"""The same of what is sent. Who made the parts of a message is needed: some go back to their own service alone."""
SEQ_BITS = 32
SEQ_MASK = (1 << SEQ_BITS) - 1


def encode_message(message: SessionMessage) -> Row:
    """Return the payload of a message: all its columns but its place in the tree.

    Raises
    ------
    SessionValueError, SessionTypeError
        Something in it cannot be kept unchanged.
    """
    if not isinstance(message, SessionMessage):
        raise SessionTypeError.of("messages", message, "SessionMessage objects")
    facts = message.request
    return (
        flag("is_hidden", message.is_hidden),
        to_us("timestamp", message.timestamp),
        message.role.value,
        filled_text("id", message.id),
        text("content", message.content),
        _encode_parts(message.parts),
        optional_mapping("metadata", message.metadata),
        _encode_marks(message),
        None if facts is None else _encode_facts(facts),
    )


def _encode_parts(parts: tuple[Part, ...]) -> str | None:
    if not parts:
        return None
    for part in parts:
        if not isinstance(part, Mapping):
            raise SessionTypeError.of("parts", part, "mappings of JSON values")
    return to_json("parts", [dict(part) for part in parts])


def _encode_marks(message: SessionMessage) -> str | None:
    facts = message.request
    if facts is not None and not isinstance(facts, RequestFacts):
        raise SessionTypeError.of("request", facts, "RequestFacts")
    return pack(
        (
            optional_text("source", message.source),
            optional_text("cell_id", message.cell_id),
            optional_whole("ask", message.ask),
            optional_text("finish_reason", message.finish_reason),
            optional_whole("token_count", message.token_count),
            None if facts is None else text("status", facts.status),
            None if facts is None else optional_text("compare_id", facts.compare_id),
            optional_text("scope", message.scope),
            optional_text("beside", message.beside),
            optional_text("provider_message_id", message.provider_message_id),
            *(counts_of(message.parts) if message.parts else ()),
        )
    )


def counts_of(parts: tuple[Part, ...]) -> tuple[int | None, int | None]:
    """Return how many attachments and sources there are among parts; None for none."""
    kinds = [part.get("type") for part in parts]
    return sum(map(kinds.count, ATTACHED)) or None, kinds.count("citation") or None


def _encode_facts(facts: RequestFacts) -> str | None:
    usage = facts.usage
    return pack(
        (
            filled_text("provider", facts.provider),
            text("request_model", facts.request_model),
            optional_text("model", facts.model),
            None if facts.started_at is None else to_us("started_at", facts.started_at),
            optional_number("duration_s", facts.duration_s),
            optional_whole("input_tokens", usage.input_tokens),
            optional_whole("output_tokens", usage.output_tokens),
            optional_number("time_to_first_chunk_s", facts.time_to_first_chunk_s),
            optional_text("tokens_source", facts.tokens_source),
            optional_whole("cached_input_tokens", usage.cached_input_tokens),
            optional_whole("reasoning_tokens", usage.reasoning_tokens),
            optional_whole("cache_write_tokens", usage.cache_write_tokens),
            optional_text("provider_finish_reason", facts.provider_finish_reason),
            optional_text("provider_request_id", facts.provider_request_id),
            optional_number("cost_usd", facts.cost_usd),
            optional_text("cost_source", facts.cost_source),
            None if (attempts := whole("attempts", facts.attempts)) == USUAL["attempts"] else attempts,
            None if (streamed := flag("streamed", facts.streamed)) == USUAL["streamed"] else streamed,
            None if (queued_s := number("queued_s", facts.queued_s)) == USUAL["queued_s"] else queued_s,
            optional_text("error_type", facts.error_type),
            optional_text("error_message", facts.error_message),
            _mapping("params", facts.params),
            _mapping("details", facts.details),
            None,  # step
            optional_text("schema_hash", facts.schema_hash),
            optional_text("data_json", facts.data_json),
        )
    )


def _mapping(name: str, value: object) -> dict[str, Any] | None:
    """Return a mapping that JSON gives back unchanged, or None when it is empty."""
    return None if optional_mapping(name, value) is None else dict(cast("Mapping[str, Any]", value))


def mark_of(payload: Row, name: str) -> Any:
    """Return one of the `MARKS` of a payload; None when it has none."""
    values, at = unpacked("marks", payload[_PAYLOAD_MARKS]), MARKS.index(name)
    return values[at] if at < len(values) else None


def to_store(row: Row) -> Row:
    """Return a row of `COLUMNS` whose key is an id as it is stored."""
    return (*row[:_STORED_KEY], key_of_id(row[_STORED_KEY]), *row[_STORED_KEY + 1 :])


def as_read(row: Row) -> Row:
    """Return a row of `COLUMNS` as one of `READ_COLUMNS`."""
    return tuple(_AS_READ(row))


def decode_message(row: Row) -> SessionMessage:
    """Return the message of a row of `READ_COLUMNS`; its fields are decoded when they are asked for."""
    return SessionMessage.from_row(row, _decode_field)


def decode_messages(rows: list[Row]) -> list[SessionMessage]:
    """Return the messages of rows, as `decode_message` does."""
    return SessionMessage.from_rows(rows, _decode_field)


def _decode_field(row: Row, name: str) -> Any:
    decode = _FIELDS.get(name)
    if decode is None:
        raise AttributeError(f"'SessionMessage' object has no attribute {name!r}")
    return decode(row)


def _decode_facts(row: Row) -> RequestFacts | None:
    if row[_AT["request"]] is None:
        return None
    try:
        return _facts_of(row)
    except (KeyError, TypeError) as error:
        raise SessionStorageError(
            f"A stored request lacks something ({error}); the file is damaged, or another program changed it. "
            "The other messages can still be read."
        ) from error


def _facts_of(row: Row) -> RequestFacts:
    marks = dict(zip(MARKS, unpacked("marks", row[_AT["marks"]]), strict=False))
    facts = dict(zip(FACTS, unpacked("request", row[_AT["request"]]), strict=False))
    kept = {name: facts[name] for name in _FACT_FIELDS if facts.get(name) is not None}
    started_us = facts.get("started_us")
    return RequestFacts(
        **kept,
        started_at=None if started_us is None else from_us(started_us),
        usage=Usage(**{name: facts.get(name) for name in _USAGE_NAMES}),
        streamed=facts.get("streamed") in (None, 1),
        status=marks["status"],
        compare_id=marks.get("compare_id"),
        params=facts.get("params") or {},
        details=facts.get("details") or {},
    )


def _unknown_role(role: object) -> MessageRole:
    raise SessionStorageError(
        f"A stored message has the role {shown(role)}, which this version does not know; a newer version of this "
        "library or another program wrote it. Upgrade langswarm-nb."
    )


def _text_of(column: str, *, required: bool = False) -> Callable[[Row], Any]:
    """Return the decoder of a column of text; in a damaged file there may be something else."""
    at = _AT[column]

    def decode(row: Row) -> Any:
        value = row[at]
        if isinstance(value, str) or (value is None and not required):
            return value
        raise SessionStorageError(
            f"A stored {column} is not text but {type(value).__name__}; the file is damaged, or another program "
            "changed it. The other messages can still be read."
        )

    return decode


def _mark(name: str, kind: type | tuple[type, ...] = str) -> Callable[[Row], Any]:
    """Return the decoder of one of the `MARKS`."""
    at = MARKS.index(name)

    def decode(row: Row) -> Any:
        if row[_AT_MARKS] is None:
            return None
        values = unpacked("marks", row[_AT_MARKS])
        value = values[at] if at < len(values) else None
        if value is None or isinstance(value, kind):
            return value
        raise SessionStorageError(
            f"A stored {name} is not what it should be but {type(value).__name__}; the file is damaged, or another "
            "program changed it. The other messages can still be read."
        )

    return decode


_USAGE_NAMES = tuple(f.name for f in fields(Usage))
_MADE = ("streamed", "params", "details")
_FACT_FIELDS = [f.name for f in fields(RequestFacts) if f.name in FACTS and f.name not in _MADE]
_PAYLOAD_MARKS = MESSAGE_COLUMNS.index("marks")
_AT = {name: index for index, name in enumerate(READ_COLUMNS)}
_STORED_KEY = COLUMNS.index("key")
_AS_READ = itemgetter(*map(COLUMNS.index, READ_COLUMNS))
_AT_ROLE, _AT_TS, _AT_METADATA, _AT_MARKS = _AT["role"], _AT["ts_us"], _AT["metadata"], _AT["marks"]
_AT_KEY = _AT["key"]
_AT_PARTS, _AT_ACTIVE, _AT_HIDDEN = _AT["parts"], _AT["active"], _AT["hidden"]
_ROLES = {str(role): role for role in MessageRole}
_FIELDS: dict[str, Callable[[Row], Any]] = {
    "id": lambda row: id_of_key(row[_AT_KEY]),
    "role": lambda row: _ROLES.get(row[_AT_ROLE]) or _unknown_role(row[_AT_ROLE]),
    "content": _text_of("content", required=True),
    "timestamp": lambda row: from_us(row[_AT_TS]),
    "metadata": lambda row: from_json(row[_AT_METADATA]),
    "provider_message_id": _mark("provider_message_id"),
    "token_count": _mark("token_count", int),
    "finish_reason": _mark("finish_reason"),
    "parts": lambda row: () if row[_AT_PARTS] is None else tuple(from_json(row[_AT_PARTS])),
    "source": _mark("source"),
    "cell_id": _mark("cell_id"),
    "ask": _mark("ask", int),
    "scope": _mark("scope"),
    "beside": _mark("beside"),
    "request": _decode_facts,
    "seq": lambda row: row[0] & SEQ_MASK,
    "parent_seq": itemgetter(_AT["parent"]),
    "turn": itemgetter(_AT["turn"]),
    "version": itemgetter(_AT["version"]),
    "is_active": lambda row: len(row) <= _AT_ACTIVE or bool(row[_AT_ACTIVE]),
    "is_hidden": lambda row: len(row) > _AT_HIDDEN and bool(row[_AT_HIDDEN]),
}


_set_role, _set_content, _set_parts = (
    vars(SessionMessage)[name].__set__ for name in ("role", "content", "parts")
)


def decode_sent(rows: list[Row]) -> list[SessionMessage]:
    """Return the messages of rows of `SENT_COLUMNS`; what those do not hold is as in a new message.

    Role, text and parts are decoded at once: all are asked for.
    """
    messages = SessionMessage.from_rows(rows, _decode_sent_field)
    for message, (_, _, role, _, content, parts, *_) in zip(messages, rows, strict=True):
        if role in _ROLES and type(content) is str:  # else it is damaged: reported where it is asked for
            _set_role(message, _ROLES[role])
            _set_content(message, content)
            _set_parts(message, () if parts is None else tuple(from_json(parts)))
    return messages


def _decode_sent_field(row: Row, name: str) -> Any:
    return _decode_field(tuple(_SENT_AS_READ((*row, None, 1))), name)


_SENT_AS_READ = itemgetter(
    *(_SENT.index(name) if name in _SENT else len(_SENT) + (name == "version") for name in READ_COLUMNS[:-2])
)
