"""A message or session as one row of plain values, and back; what a row cannot hold is refused here.

A message row is ``PLACE_COLUMNS + MESSAGE_COLUMNS + FACT_COLUMNS``. The place in the tree is known inside the
transaction only, so a message is encoded to the rest first (its *payload*), with all checks done.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, TypeAlias

from langswarm_nb.core.session.errors import SessionStorageError, SessionTypeError, SessionValueError, shown
from langswarm_nb.core.session.messages import MessageRole, Part, RequestFacts, SessionMessage, Usage
from langswarm_nb.core.session.settings import SessionRecord, SessionSettings, SessionStatus

Row: TypeAlias = tuple[Any, ...]

PLACE_COLUMNS = ("id", "parent", "turn", "path_turns", "version", "active")
"""``id`` is ``sid << 32 | seq``; ``path_turns`` counts the turns on the path from the root to here."""
MESSAGE_COLUMNS = (
    "hidden",
    "ts_us",
    "role",
    "message_id",
    "finish_reason",
    "token_count",
    "source",
    "cell_id",
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

RECORD_COLUMNS = (
    "session_id",
    "user_id",
    "provider",
    "model",
    "backend",
    "status",
    "title",
    "created_us",
    "updated_us",
    "message_count",
    "token_count",
    "branch",
    "tip",
    "settings",
    "native",
    "metadata",
)

SEQ_BITS = 32
SEQ_MASK = (1 << SEQ_BITS) - 1
MAX_JSON_DEPTH = 100
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST_US = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST_US = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_BIGGEST_INT = 2**63 - 1
_NO_FACTS = (None,) * len(FACT_COLUMNS)
_FACTS_AT = len(PLACE_COLUMNS) + len(MESSAGE_COLUMNS)


# -- one value to a column --------------------------------------------------------------------------------------


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
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            allowed = "text that UTF-8 can hold; it has half of a surrogate pair"
            raise SessionValueError.of(name, value, allowed) from None
    return value if type(value) is str else str.__str__(value)


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
        It is no `datetime`.
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
    """Return the moment that `to_us` encoded."""
    return _EPOCH + timedelta(microseconds=us)


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
    raise SessionValueError.of(name, value, f"JSON: {_why_not_json(value)}")


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
    if value is None or isinstance(value, int):
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


def _optional_text(name: str, value: object) -> str | None:
    return None if value is None else text(name, value)


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise SessionTypeError.of(name, value, "a whole number")
    if abs(value) > _BIGGEST_INT:
        raise SessionValueError.of(name, value, "a whole number of at most 63 bits")
    return int(value)


def _optional_whole(name: str, value: object) -> int | None:
    return None if value is None else _whole(name, value)


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise SessionTypeError.of(name, value, "a number")
    if not math.isfinite(value):
        raise SessionValueError.of(name, value, "a finite number")
    return float(value)


def _optional_number(name: str, value: object) -> float | None:
    return None if value is None else _number(name, value)


def _flag(name: str, value: object) -> int:
    if not isinstance(value, bool):
        raise SessionTypeError.of(name, value, "True or False")
    return int(value)


def _optional_mapping(name: str, value: object) -> str | None:
    if not isinstance(value, Mapping):
        raise SessionTypeError.of(name, value, "a mapping of JSON values")
    return to_json(name, dict(value)) if value else None


# -- messages ---------------------------------------------------------------------------------------------------


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
        _flag("is_hidden", message.is_hidden),
        to_us("timestamp", message.timestamp),
        message.role.value,
        filled_text("id", message.id),
        _optional_text("finish_reason", message.finish_reason),
        _optional_whole("token_count", message.token_count),
        _optional_text("source", message.source),
        _optional_text("cell_id", message.cell_id),
        _optional_text("provider_message_id", message.provider_message_id),
        text("content", message.content),
        _encode_parts(message.parts),
        _optional_mapping("metadata", message.metadata),
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
        _optional_text("model", facts.model),
        None if facts.started_at is None else to_us("started_at", facts.started_at),
        _optional_number("duration_s", facts.duration_s),
        _optional_number("time_to_first_chunk_s", facts.time_to_first_chunk_s),
        _number("queued_s", facts.queued_s),
        _optional_whole("input_tokens", usage.input_tokens),
        _optional_whole("cached_input_tokens", usage.cached_input_tokens),
        _optional_whole("cache_write_tokens", usage.cache_write_tokens),
        _optional_whole("output_tokens", usage.output_tokens),
        _optional_whole("reasoning_tokens", usage.reasoning_tokens),
        _optional_text("tokens_source", facts.tokens_source),
        _optional_number("cost_usd", facts.cost_usd),
        _optional_text("cost_source", facts.cost_source),
        text("status", facts.status),
        _optional_text("error_type", facts.error_type),
        _optional_text("error_message", facts.error_message),
        _whole("attempts", facts.attempts),
        _flag("streamed", facts.streamed),
        _optional_text("compare_id", facts.compare_id),
        _optional_mapping("params", facts.params),
        _optional_text("provider_finish_reason", facts.provider_finish_reason),
        _optional_text("provider_request_id", facts.provider_request_id),
        _optional_mapping("details", facts.details),
    )


def decode_message(row: Row) -> SessionMessage:
    """Return the message of a whole row; its fields are decoded when they are asked for."""
    return SessionMessage.from_row(row, _decode_field)


def decode_messages(rows: list[Row]) -> list[SessionMessage]:
    """Return the messages of whole rows, as `decode_message` does."""
    make, decode = SessionMessage.from_row, _decode_field
    return [make(row, decode) for row in rows]


def _decode_field(row: Row, name: str) -> Any:
    return _FIELDS[name](row)


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


_USAGE_NAMES = tuple(f.name for f in fields(Usage))
_AT = {name: index for index, name in enumerate(COLUMNS)}
_AT_ROLE, _AT_TS, _AT_METADATA = _AT["role"], _AT["ts_us"], _AT["metadata"]
_AT_PARTS, _AT_ACTIVE, _AT_HIDDEN = _AT["parts"], _AT["active"], _AT["hidden"]
_ROLES = {str(role): role for role in MessageRole}
_FIELDS: dict[str, Callable[[Row], Any]] = {
    "id": itemgetter(_AT["message_id"]),
    "role": lambda row: _ROLES[row[_AT_ROLE]],
    "content": itemgetter(_AT["content"]),
    "timestamp": lambda row: from_us(row[_AT_TS]),
    "metadata": lambda row: from_json(row[_AT_METADATA]),
    "provider_message_id": itemgetter(_AT["provider_message_id"]),
    "token_count": itemgetter(_AT["token_count"]),
    "finish_reason": itemgetter(_AT["finish_reason"]),
    "parts": lambda row: () if row[_AT_PARTS] is None else tuple(from_json(row[_AT_PARTS])),
    "source": itemgetter(_AT["source"]),
    "cell_id": itemgetter(_AT["cell_id"]),
    "request": _decode_facts,
    "seq": lambda row: row[0] & SEQ_MASK,
    "parent_seq": itemgetter(_AT["parent"]),
    "turn": itemgetter(_AT["turn"]),
    "version": itemgetter(_AT["version"]),
    "is_active": lambda row: bool(row[_AT_ACTIVE]),
    "is_hidden": lambda row: bool(row[_AT_HIDDEN]),
}


# -- sessions ---------------------------------------------------------------------------------------------------

_SETTING_COLUMNS = ("provider", "model", "backend")
_SETTING_NAMES = {f.name for f in fields(SessionSettings)} - {*_SETTING_COLUMNS}


def encode_record(record: SessionRecord) -> dict[str, Any]:
    """Return the columns of a new session.

    Raises
    ------
    SessionValueError, SessionTypeError
        Something in it cannot be kept unchanged, or it is not new: it counts messages.
    """
    if not isinstance(record, SessionRecord):
        raise SessionTypeError.of("record", record, "a SessionRecord")
    for name, value in (("message_count", record.message_count), ("token_count", record.token_count)):
        if value != 0:
            raise SessionValueError.of(name, value, "0 for a new session: it has no messages yet")
    if record.tip_seq is not None:
        raise SessionValueError.of("tip_seq", record.tip_seq, "None for a new session")
    return {
        "session_id": filled_text("session_id", record.session_id),
        "user_id": text("user_id", record.user_id),
        "created_us": to_us("created_at", record.created_at),
        "updated_us": to_us("updated_at", record.updated_at),
        "branch": filled_text("branch", record.branch),
        **encode_changes(
            {name: getattr(record, name) for name in ("settings", "status", "title", "native", "metadata")}
        ),
    }


def encode_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that ``changes`` of a session set.

    Raises
    ------
    SessionValueError, SessionTypeError
        It has a name that cannot be changed, or a value that cannot be kept unchanged.
    """
    columns: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in _CHANGES:
            raise SessionValueError.of("change", name, _CHANGES)
        columns.update(_CHANGES[name](value))
    return columns


def _encode_settings(settings: object) -> dict[str, Any]:
    if not isinstance(settings, SessionSettings):
        raise SessionTypeError.of("settings", settings, "SessionSettings")
    values = {name: getattr(settings, name) for name in sorted(_SETTING_NAMES)}
    values["stop"] = None if settings.stop is None else list(settings.stop)
    values["options"] = dict(settings.options)
    defaults = {f.name: f.default for f in fields(SessionSettings)}
    kept = {name: value for name, value in values.items() if value not in (defaults[name], {})}
    return {
        "provider": text("provider", settings.provider),
        "model": text("model", settings.model),
        "backend": settings.backend.value,
        "settings": to_json("settings", kept),
    }


def _encode_status(status: object) -> dict[str, Any]:
    try:
        return {"status": SessionStatus(status).value}  # type: ignore[arg-type]  # checked by being made
    except ValueError:
        raise SessionValueError.of("status", status, [str(known) for known in SessionStatus]) from None


_CHANGES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "settings": _encode_settings,
    "status": _encode_status,
    "title": lambda value: {"title": _optional_text("title", value)},
    "native": lambda value: {"native": _optional_mapping("native", value)},
    "metadata": lambda value: {"metadata": _optional_mapping("metadata", value)},
}


def decode_record(row: Row) -> SessionRecord:
    """Return the session of a row of `RECORD_COLUMNS`.

    Raises
    ------
    SessionStorageError
        The stored values are not what this library writes.
    """
    stored = dict(zip(RECORD_COLUMNS, row, strict=True))
    kept = from_json(stored["settings"])
    try:
        settings = SessionSettings(
            **{name: stored[name] for name in _SETTING_COLUMNS},
            **{name: value for name, value in kept.items() if name in _SETTING_NAMES},
        )
        status = SessionStatus(stored["status"])
    except (TypeError, ValueError, AttributeError) as error:
        raise SessionStorageError(
            f"The settings of session {stored['session_id']!r} cannot be read ({error}); a newer version of this "
            "library or another program wrote them. Upgrade langswarm-nb, or make a new session."
        ) from error
    return SessionRecord(
        session_id=stored["session_id"],
        user_id=stored["user_id"],
        settings=settings,
        status=status,
        title=stored["title"],
        created_at=from_us(stored["created_us"]),
        updated_at=from_us(stored["updated_us"]),
        message_count=stored["message_count"],
        token_count=stored["token_count"],
        branch=stored["branch"],
        tip_seq=stored["tip"],
        native=from_json(stored["native"]),
        metadata=from_json(stored["metadata"]),
    )
