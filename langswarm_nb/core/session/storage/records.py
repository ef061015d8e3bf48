"""A session as one row of plain values, and back; what a row cannot hold is refused here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import lru_cache
from operator import itemgetter
from typing import Any

from langswarm_nb.core.session.conversation.names import normal
from langswarm_nb.core.session.errors import SessionStorageError, SessionTypeError, SessionValueError
from langswarm_nb.core.session.settings import SessionRecord, SessionSettings, SessionStatus
from langswarm_nb.core.session.values import (
    filled_text,
    from_json,
    from_us,
    member,
    optional_mapping,
    optional_text,
    text,
    to_json,
    to_us,
)

from .rows import Row

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
    "home",
    "main_us",
    "settings",
    "native",
    "metadata",
    "id",
    "used_us",
)

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
        **encode_changes({name: getattr(record, name) for name in _NEW}),
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
    return {"status": member("status", status, SessionStatus).value}


_CHANGES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "settings": _encode_settings,
    "status": _encode_status,
    "title": lambda value: {"title": optional_text("title", value), "label": normal(value or "")},
    "native": lambda value: {"native": optional_mapping("native", value)},
    "metadata": lambda value: {"metadata": optional_mapping("metadata", value)},
    "home": lambda value: {"home": optional_text("home", value)},
    "main_at": lambda value: {"main_us": None if value is None else to_us("main_at", value)},
}
_NEW = ("settings", "status", "title", "native", "metadata", "home", "main_at")
"""What a new session may bring along."""


def decode_record(row: Row) -> SessionRecord:
    """Return the session of a row of `RECORD_COLUMNS`; its times and counts are decoded when they are asked for.

    Raises
    ------
    SessionStorageError
        The stored values are not what this library writes.
    """
    provider, model, backend, status, settings, native, metadata = _READ(row)
    try:
        read = _settings if '"options"' in settings else _usual_settings
        read_settings = read(provider, model, backend, settings)
        read_status = _status(status)
    except (TypeError, ValueError, AttributeError) as error:
        raise SessionStorageError(
            f"The settings of session {row[0]!r} cannot be read ({error}); a newer version of this "
            "library or another program wrote them. Upgrade langswarm-nb, or make a new session."
        ) from error
    record = SessionRecord.from_row(row, _decode_field)
    for set_field, value in zip(_SET_AT_ONCE, (read_settings, read_status, *_AT_ONCE(row)), strict=True):
        set_field(record, value)
    if native is not None or metadata is not None:
        _ = record.native, record.metadata
    return record


def _decode_field(row: Row, name: str) -> Any:
    decode = _LATER.get(name)
    if decode is None:
        raise AttributeError(f"'SessionRecord' object has no attribute {name!r}")
    return decode(row)


def _settings(provider: str, model: str, backend: Any, stored: str) -> SessionSettings:
    kept = {name: value for name, value in from_json(stored).items() if name in _SETTING_NAMES}
    schema = kept.pop("schema", None)
    settings = SessionSettings(provider, model, backend, **kept)
    if schema is not None:  # it was checked when it was set, and is again when somebody sends
        object.__setattr__(settings, "schema", schema)
    return settings


_status = lru_cache(SessionStatus)
_usual_settings = lru_cache(_settings)
"""Most sessions have the settings of many others; those with options, which can be changed in place, their own."""

_AT = {name: at for at, name in enumerate(RECORD_COLUMNS)}
_READ = itemgetter(
    *(_AT[name] for name in ("provider", "model", "backend", "status", "settings", "native", "metadata"))
)
_AT_ONCE = itemgetter(*(_AT[name] for name in ("session_id", "title", "home", "id")))
_SET_AT_ONCE = [
    vars(SessionRecord)[name].__set__
    for name in ("settings", "status", "session_id", "title", "home", "number")
]
_LATER: dict[str, Callable[[Row], Any]] = {
    **{name: itemgetter(_AT[name]) for name in ("user_id", "message_count", "token_count", "branch")},
    "tip_seq": itemgetter(_AT["tip"]),
    "created_at": lambda row: from_us(row[_AT["created_us"]]),
    "updated_at": lambda row: from_us(row[_AT["updated_us"]]),
    "used_at": lambda row: from_us(row[_AT["used_us"]]),
    "main_at": lambda row: None if row[_AT["main_us"]] is None else from_us(row[_AT["main_us"]]),
    "native": lambda row: from_json(row[_AT["native"]]),
    "metadata": lambda row: from_json(row[_AT["metadata"]]),
}
