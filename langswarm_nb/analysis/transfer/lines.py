"""Our own form read back: a line for a session, then a line for each of its messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from langswarm_nb.core.session import checks
from langswarm_nb.core.session.conversation.homes import without_places
from langswarm_nb.core.session.errors import SessionError, SessionValueError
from langswarm_nb.core.session.messages import RequestFacts, SessionMessage, Usage
from langswarm_nb.core.session.settings import SessionRecord, SessionSettings, SessionStatus

from .restoring import Exported

FORMAT = 1
"""Newest version of the form that is understood."""
_SETTINGS = (
    "provider", "model", "max_messages", "max_context_tokens", "trim", "temperature", "max_tokens", "top_p", "stop",
    "seed", "reasoning_effort", "stream",
)  # fmt: skip
"""Settings that are taken over; options, which may hold anything, are not."""
_MESSAGE_FIELDS = frozenset(f.name for f in fields(SessionMessage))
_FACTS_FIELDS = frozenset(f.name for f in fields(RequestFacts))
_USAGE_FIELDS = frozenset(f.name for f in fields(Usage))


def sessions_of_lines(name: str, lines: Iterable[tuple[int, dict[str, Any]]]) -> Iterator[Exported]:
    """Yield the sessions of numbered lines.

    Raises
    ------
    SessionValueError
        A line is not what it should be; the text names it.
    """
    head: tuple[int, dict[str, Any]] | None = None
    messages: list[SessionMessage] = []
    for number, values in lines:
        if "langswarm_nb" in values:
            if head is not None:
                yield _session(name, head, messages)
            head, messages = (number, values), []
        elif head is None:
            raise SessionValueError(f"{name} is no export of langswarm_nb: its first line does not say so.")
        else:
            messages.append(_checked(name, number, values))
    if head is None:
        raise SessionValueError(f"{name} is empty: no conversation is in it.")
    yield _session(name, head, messages)


def _session(name: str, head: tuple[int, dict[str, Any]], messages: Sequence[SessionMessage]) -> Exported:
    number, values = head
    version, session = values["langswarm_nb"], values.get("session")
    if not isinstance(version, int) or not isinstance(session, dict):
        raise SessionValueError(f"{name}, line {number} does not describe a session. Nothing was imported.")
    if version > FORMAT:
        raise SessionValueError(
            f"{name} was written by a newer langswarm_nb (form {version}, known here: {FORMAT}). Upgrade it."
        )
    try:
        record = _record(session)
        tips = _tips(session, values.get("branches", {}))
    except (SessionError, TypeError, ValueError, KeyError) as error:
        raise SessionValueError(
            f"{name}, line {number} does not describe a session: {error}. Nothing was imported."
        ) from error
    known = {message.seq for message in messages}
    for message in messages:
        above = message.parent_seq
        if above is not None and (above not in known or above >= (message.seq or 0)):
            raise SessionValueError(
                f"{name}: the message {message.id!r} hangs below message {message.parent_seq}, which is not before it "
                "in the file. Nothing was imported."
            )
    if len(known) != len(messages) or not known >= {tip for tip in tips.values() if tip is not None}:
        raise SessionValueError(
            f"{name}: messages of the session on line {number} are missing or twice in the file."
        )
    return Exported(record, tuple(sorted(messages, key=lambda message: message.seq or 0)), tips)


def _record(session: dict[str, Any]) -> SessionRecord:
    settings = session["settings"]
    if not isinstance(settings, dict):
        raise TypeError("its settings must be an object")
    metadata, title = session.get("metadata", {}), session.get("title")
    if not isinstance(metadata, dict) or not isinstance(title, str | None):
        raise TypeError("its metadata must be an object and its title text")
    return SessionRecord(
        session_id=checks.text("session_id", session.get("session_id")),
        user_id=checks.text("user_id", session.get("user_id")),
        settings=SessionSettings(**{name: settings[name] for name in _SETTINGS if name in settings}),
        status=SessionStatus(session.get("status", "active")),
        title=title,
        created_at=_moment(session["created_at"]),
        metadata=without_places(metadata),
    )


def _tips(session: dict[str, Any], branches: Any) -> dict[str, int | None]:
    active, tip = checks.text("branch", session.get("branch", "main")), session.get("tip_seq")
    if not isinstance(branches, dict):
        raise TypeError("branches must be an object")
    others = {checks.text("branch", name): seq for name, seq in branches.items() if name != active}
    for seq in (tip, *others.values()):
        if seq is not None and (isinstance(seq, bool) or not isinstance(seq, int)):
            raise TypeError("a branch ends in a whole number")
    return {**others, active: tip}


def _checked(name: str, number: int, values: dict[str, Any]) -> SessionMessage:
    try:
        return _message(values)
    except (SessionError, TypeError, ValueError, KeyError) as error:
        raise SessionValueError(
            f"{name}, line {number} is no message of this version: {error}. Nothing was imported."
        ) from error


def _message(values: dict[str, Any]) -> SessionMessage:
    _check_names(values, _MESSAGE_FIELDS)
    for name in ("seq", "parent_seq"):
        if not isinstance(values.get(name), int | None) or isinstance(values.get(name), bool):
            raise TypeError(f"{name} must be a whole number")
    if not isinstance(values.get("id"), str) or values.get("seq") is None:
        raise TypeError("id must be text and seq a whole number")
    request, parts = values.get("request"), checks.checked_parts(values.get("parts", []))
    made = {**values, "timestamp": _moment(values["timestamp"]), "parts": parts}
    return SessionMessage(**{**made, "request": None if request is None else _facts(request)})


def _facts(values: Any) -> RequestFacts:
    if not isinstance(values, dict):
        raise TypeError("request must be an object")
    _check_names(values, _FACTS_FIELDS)
    usage, started = values.get("usage", {}), values.get("started_at")
    if not isinstance(usage, dict):
        raise TypeError("usage must be an object")
    _check_names(usage, _USAGE_FIELDS)
    started_at = None if started is None else _moment(started)
    return RequestFacts(**{**values, "usage": Usage(**usage), "started_at": started_at})


def _check_names(values: Mapping[str, Any], known: frozenset[str]) -> None:
    if unknown := sorted(set(values) - known):
        raise ValueError(f"unknown field {unknown[0]!r}")


def _moment(text: Any) -> datetime:
    if not isinstance(text, str):
        raise TypeError("a moment must be text")
    return datetime.fromisoformat(text)
