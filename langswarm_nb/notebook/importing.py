"""Read back what ``export`` wrote as JSON lines; every value is checked, and none of it chooses an address or a key."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from langswarm_nb.core.session import (
    BaseSession,
    RequestFacts,
    SessionError,
    SessionManager,
    SessionMessage,
    SessionNotFoundError,
    SessionRecord,
    SessionSettings,
    SessionStorageError,
    SessionValueError,
    Usage,
)
from langswarm_nb.core.session.messages import new_id

FORMAT = 1
"""Newest version of the form that is understood."""
MAX_BYTES = 500_000_000
_SETTINGS = ("provider", "model", "temperature", "max_tokens", "top_p", "stop", "seed", "reasoning_effort")
"""Settings that are taken over; options, which may hold anything, are not."""
_MESSAGE_FIELDS = frozenset(field.name for field in fields(SessionMessage))
_FACTS_FIELDS = frozenset(field.name for field in fields(RequestFacts))
_USAGE_FIELDS = frozenset(field.name for field in fields(Usage))


@dataclass(frozen=True, slots=True)
class Exported:
    """A session as a file holds it."""

    title: str | None
    settings: SessionSettings
    tip_seq: int | None
    messages: tuple[SessionMessage, ...]


def read_export(path: Path) -> Exported:
    """Return the session of a file.

    Raises
    ------
    SessionStorageError
        The file cannot be read.
    SessionValueError
        It is no export of this library, or is damaged; names the line.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SessionValueError(f"{path} is larger than {MAX_BYTES:,} bytes and was not read.")
        lines = path.read_text("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise SessionValueError(f"{path} is no UTF-8 text, so it is no export of langswarm_nb.") from error
    except (OSError, ValueError) as error:
        if isinstance(error, SessionError):
            raise
        raise SessionStorageError(f"{path} could not be read: {error}.") from error
    head = _parsed(path, 1, lines[0])
    session = head.get("session")
    if not isinstance(head.get("langswarm_nb"), int) or not isinstance(session, dict):
        raise SessionValueError(f"{path} is no export of langswarm_nb: its first line does not say so.")
    if head["langswarm_nb"] > FORMAT:
        raise SessionValueError(
            f"{path} was written by a newer langswarm_nb (form {head['langswarm_nb']}, known here: {FORMAT}). Upgrade."
        )
    rows = [(number, line) for number, line in enumerate(lines[1:], 2) if line.strip()]
    messages = tuple(_checked(path, number, _parsed(path, number, line)) for number, line in rows)
    return _exported(path, session, messages)


async def store_export(
    manager: SessionManager, user_id: str, exported: Exported, *, title: str | None = None
) -> BaseSession:
    """Store the session under a new id and return it.

    Raises
    ------
    SessionValueError
        A message hangs below one that is not in the file.
    SessionStorageError
        It could not be stored.
    """
    record = SessionRecord(new_id(), user_id, exported.settings, title=title or exported.title)
    await manager.storage.create_session(record)
    seqs: dict[int | None, int | None] = {None: None}
    try:
        for chain in _chains(exported.messages):
            await _store_chain(manager, record.session_id, chain, seqs)
        await manager.storage.set_tip(record.session_id, seqs.get(exported.tip_seq))
    except BaseException:
        await manager.storage.delete_session(record.session_id)
        raise
    session = await manager.get_session(record.session_id)
    if session is None:
        raise SessionNotFoundError.of(record.session_id, storage=manager.storage.name)
    return session


async def _store_chain(
    manager: SessionManager,
    session_id: str,
    chain: Sequence[SessionMessage],
    seqs: dict[int | None, int | None],
) -> None:
    if chain[0].parent_seq not in seqs:
        raise SessionValueError(
            f"The message {chain[0].id!r} hangs below message {chain[0].parent_seq}, "
            "which is not in the file before it. Nothing was imported."
        )
    fresh = [replace(message, source="import", seq=None, parent_seq=None) for message in chain]
    stored = await manager.storage.append_messages(
        session_id, fresh, parent=seqs[chain[0].parent_seq], activate=False
    )
    for old, new in zip(chain, stored, strict=True):
        seqs[old.seq] = new.seq
        if old.is_hidden and new.seq is not None:
            await manager.storage.set_hidden(session_id, new.seq, hidden=True)


def _chains(messages: Sequence[SessionMessage]) -> list[list[SessionMessage]]:
    """Group messages that hang one below the other, so that each group is stored at once."""
    chains: list[list[SessionMessage]] = []
    for message in messages:
        if chains and message.parent_seq is not None and message.parent_seq == chains[-1][-1].seq:
            chains[-1].append(message)
        else:
            chains.append([message])
    return chains


def _parsed(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise SessionValueError(
            f"{path}, line {number} is no JSON: {error}. Nothing was imported."
        ) from error
    if not isinstance(found, dict):
        raise SessionValueError(f"{path}, line {number} is no JSON object. Nothing was imported.")
    return found


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _checked(path: Path, number: int, values: dict[str, Any]) -> SessionMessage:
    try:
        return _message(values)
    except (SessionError, TypeError, ValueError, KeyError) as error:
        raise SessionValueError(
            f"{path}, line {number} is no message of this version: {error}. Nothing was imported."
        ) from error


def _message(values: dict[str, Any]) -> SessionMessage:
    _check_names(values, _MESSAGE_FIELDS)
    for name in ("seq", "parent_seq", "turn"):
        if not isinstance(values.get(name), int | None) or isinstance(values.get(name), bool):
            raise TypeError(f"{name} must be a whole number")
    if not isinstance(values.get("id"), str) or values.get("seq") is None:
        raise TypeError("id must be text and seq a whole number")
    request = values.get("request")
    parts = values.get("parts", [])
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise TypeError("parts must be a list of objects")
    made = {**values, "timestamp": _moment(values["timestamp"]), "parts": tuple(parts)}
    return SessionMessage(**{**made, "request": None if request is None else _facts(request)})


def _facts(values: Any) -> RequestFacts:
    if not isinstance(values, dict):
        raise TypeError("request must be an object")
    _check_names(values, _FACTS_FIELDS)
    usage = values.get("usage") or {}
    _check_names(usage, _USAGE_FIELDS)
    started = values.get("started_at")
    made = {**values, "usage": Usage(**usage), "started_at": None if started is None else _moment(started)}
    return RequestFacts(**made)


def _check_names(values: Mapping[str, Any], known: frozenset[str]) -> None:
    if unknown := sorted(set(values) - known):
        raise ValueError(f"unknown field {unknown[0]!r}")


def _moment(text: Any) -> datetime:
    if not isinstance(text, str):
        raise TypeError("a moment must be text")
    return datetime.fromisoformat(text)


def _exported(path: Path, session: dict[str, Any], messages: tuple[SessionMessage, ...]) -> Exported:
    settings, title, tip = session.get("settings"), session.get("title"), session.get("tip_seq")
    if not isinstance(settings, dict) or not isinstance(title, str | None) or not isinstance(tip, int | None):
        raise SessionValueError(f"{path}, line 1 does not describe a session. Nothing was imported.")
    kept = {name: settings[name] for name in _SETTINGS if name in settings}
    try:
        return Exported(title, SessionSettings(**kept), tip, messages)
    except TypeError as error:
        raise SessionValueError(f"{path}, line 1 does not describe a session: {error}.") from error
