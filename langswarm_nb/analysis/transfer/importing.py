"""Read conversations back: our own JSON lines and notebooks, and chat lines in the style of OpenAI.

Every value is checked before anything is stored, and none of it chooses an address, a key or a path.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Literal

from langswarm_nb.analysis.store import find_store, run_apart
from langswarm_nb.core.session import checks
from langswarm_nb.core.session.errors import (
    SessionError,
    SessionExistsError,
    SessionTypeError,
    SessionValueError,
)
from langswarm_nb.core.session.interfaces import ISessionManager, ISessionStorage
from langswarm_nb.core.session.messages import RequestFacts, SessionMessage, Usage, as_role, new_id
from langswarm_nb.core.session.settings import SessionRecord, SessionSettings, SessionStatus

from .files import as_path, read_text

FORMAT = 1
"""Newest version of our own form that is understood."""
_SETTINGS = (
    "provider", "model", "max_messages", "max_context_tokens", "trim", "temperature", "max_tokens", "top_p", "stop",
    "seed", "reasoning_effort", "stream",
)  # fmt: skip
"""Settings that are taken over; options, which may hold anything, are not."""
_MESSAGE_FIELDS = frozenset(f.name for f in fields(SessionMessage))
_FACTS_FIELDS = frozenset(f.name for f in fields(RequestFacts))
_USAGE_FIELDS = frozenset(f.name for f in fields(Usage))


@dataclass(frozen=True, slots=True)
class Exported:
    """A session as a file holds it."""

    record: SessionRecord
    """With counts and tip of a new session."""
    messages: tuple[SessionMessage, ...]
    """All branches, in order of `seq`."""
    tips: Mapping[str, int | None] = field(default_factory=dict)
    """The last message of each branch by name; the active branch stands last."""


def import_sessions(
    path: str | os.PathLike[str],
    source: ISessionManager | ISessionStorage | None = None,
    *,
    user_id: str = "imported",
    format: Literal["jsonl", "ipynb", "openai"] | None = None,
    provider: str = "mock",
    model: str = "echo",
) -> list[str]:
    """Store the conversations of a file as new sessions.

    Parameters
    ----------
    path : str or path
        A file that `export` wrote as ``jsonl`` or ``ipynb``, or chat lines in the style of OpenAI: one
        ``{"messages": [{"role": ..., "content": ...}, ...]}`` a line.
    source : manager or storage, optional
        Where to; by default the notebook's manager.
    user_id : str
        Whose the sessions are from now on.
    format : {"jsonl", "ipynb", "openai"}, optional
        By default what the file looks like.
    provider, model : str
        Who goes on with a conversation from a file that does not say it (``openai``).

    Returns
    -------
    list of str
        Ids of the sessions. A session keeps the id it had, unless that is taken: then it gets a new one.

    Raises
    ------
    SessionValueError, SessionTypeError
        The file is of another kind or damaged; the text names the line. Nothing was stored.
    SessionStorageError
        The file cannot be read, or a session not be stored; those before it are.

    Notes
    -----
    Messages, their versions, branches and facts of requests come back as they were. What is not taken over: the
    conversation that a provider held, and provider options.
    """
    checks.text("user_id", user_id)
    store = find_store(source)  # type: ignore[arg-type]  # a manager of any kind has a storage
    storage = store.storage
    if storage is None:
        raise SessionTypeError.of("source", source, "a manager or a storage")
    found = list(read_sessions(path, format, provider, model))
    return run_apart(
        lambda: _store_all(storage, [replace(one, record=_owned(one.record, user_id)) for one in found])
    )


def read_sessions(
    path: str | os.PathLike[str], format: str | None = None, provider: str = "mock", model: str = "echo"
) -> Iterator[Exported]:
    """Yield the sessions of a file.

    Raises
    ------
    SessionValueError, SessionTypeError, SessionStorageError
        As in `import_sessions`.
    """
    name, text = str(as_path(path)), read_text(path)
    kind = format or _guess(name, text)
    if kind not in ("jsonl", "ipynb", "openai"):
        raise SessionValueError.of("format", kind, ["jsonl", "ipynb", "openai"])
    if kind == "ipynb":
        yield from _of_lines(name, _lines_of_notebook(name, text))
        return
    lines = [
        (number, _parsed(name, number, line))
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip()
    ]
    if kind == "jsonl":
        yield from _of_lines(name, lines)
    else:
        settings = SessionSettings(provider, model)
        yield from (_of_chat(name, number, values, settings) for number, values in lines)


def _guess(name: str, text: str) -> str:
    if name.endswith(".ipynb"):
        return "ipynb"
    first = _parsed(name, 1, text.lstrip().split("\n", 1)[0])
    if "langswarm_nb" in first:
        return "jsonl"
    if "messages" in first:
        return "openai"
    raise SessionValueError(
        f"{name} holds no conversation that is known here: its first line is neither an export of langswarm_nb nor "
        'a chat line with "messages".'
    )


def _parsed(name: str, number: int, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise SessionValueError(
            f"{name}, line {number} is no JSON: {error}. Nothing was imported."
        ) from error
    if not isinstance(found, dict):
        raise SessionValueError(f"{name}, line {number} is no JSON object. Nothing was imported.")
    return found


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


# -- our own form ---------------------------------------------------------------------------------------------------


def _lines_of_notebook(name: str, text: str) -> list[tuple[int, dict[str, Any]]]:
    """Return the lines of our own form that a notebook carries in its metadata."""
    carried = _parsed(name, 1, text).get("metadata")
    ours = carried.get("langswarm_nb") if isinstance(carried, dict) else None
    lines = ours.get("lines") if isinstance(ours, dict) else None
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        raise SessionValueError(f"{name} is a notebook that carries no conversation of langswarm_nb.")
    return list(enumerate(lines, 1))


def _of_lines(name: str, lines: Iterable[tuple[int, dict[str, Any]]]) -> Iterator[Exported]:
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
        metadata=metadata,
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
    parts, request = values.get("parts", []), values.get("request")
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise TypeError("parts must be a list of objects")
    made = {**values, "timestamp": _moment(values["timestamp"]), "parts": tuple(parts)}
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


# -- chat lines -----------------------------------------------------------------------------------------------------


def _of_chat(name: str, number: int, values: dict[str, Any], settings: SessionSettings) -> Exported:
    said = values.get("messages")
    if not isinstance(said, list) or not said:
        raise SessionValueError(f'{name}, line {number} has no list "messages". Nothing was imported.')
    try:
        messages = [
            replace(_chat_message(one), seq=seq, parent_seq=seq - 1 if seq else None)
            for seq, one in enumerate(said)
        ]
    except (SessionError, TypeError, ValueError, KeyError) as error:
        raise SessionValueError(
            f"{name}, line {number} is no chat: {error}. Nothing was imported."
        ) from error
    record = SessionRecord(new_id(), "imported", settings)
    return Exported(record, tuple(messages), {"main": len(messages) - 1})


def _chat_message(values: Any) -> SessionMessage:
    if not isinstance(values, dict):
        raise TypeError("a message must be an object")
    role: Any = values["role"]
    role = {"developer": "system", "function": "tool"}.get(role, role)
    parts = [*_chat_parts(values.get("content")), *map(_chat_call, values.get("tool_calls") or [])]
    if role == "tool":
        text = "\n\n".join(part["text"] for part in parts if part["type"] == "text")
        call = values.get("tool_call_id") or values.get("name") or ""
        parts = [{"type": "tool_result", "tool_call_id": str(call), "content": text}]
    texts = [part["text"] for part in parts if part["type"] == "text"]
    plain = len(texts) == len(parts) <= 1
    return (
        checks.message(
            texts[0] if plain and texts else "",
            as_role(role),
            None,
            parts=() if plain else parts,
            source="import",
        )
        if texts or parts
        else SessionMessage(role=as_role(role), source="import")
    )


def _chat_parts(content: Any) -> list[dict[str, Any]]:
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    if not isinstance(content, list):
        raise TypeError("content must be text or a list of parts")
    return [_chat_part(part) for part in content]


def _chat_part(part: Any) -> dict[str, Any]:
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
        return {"type": "text", "text": part["text"]}
    url = part.get("image_url") if isinstance(part, dict) else None
    if isinstance(url, dict) and isinstance(url.get("url"), str):
        return {"type": "image", "url": url["url"]}
    raise ValueError("a part of a message must be a text or an image_url")


def _chat_call(call: Any) -> dict[str, Any]:
    function = call["function"]
    return {
        "type": "tool_call",
        "id": call["id"],
        "name": function["name"],
        "arguments": function["arguments"],
    }


# -- storing --------------------------------------------------------------------------------------------------------


def _owned(record: SessionRecord, user_id: str) -> SessionRecord:
    return replace(record, user_id=user_id)


async def _store_all(storage: ISessionStorage, sessions: Sequence[Exported]) -> list[str]:
    return [await store_session(storage, session) for session in sessions]


async def store_session(storage: ISessionStorage, session: Exported) -> str:
    """Store a session with all its branches and return its id; all of it or nothing.

    Raises
    ------
    SessionValueError, SessionTypeError
        The storage cannot keep something in it.
    SessionStorageError
        It could not be stored.
    """
    first, *_ = [*session.tips, session.record.branch]
    record = replace(session.record, branch=first)
    try:
        await storage.create_session(record)
    except SessionExistsError:
        record = replace(record, session_id=new_id())
        await storage.create_session(record)
    try:
        seqs: dict[int | None, int | None] = {None: None}
        for chain in _chains(session.messages):
            stored = await storage.append_messages(
                record.session_id, chain, parent=seqs[chain[0].parent_seq], activate=False
            )
            seqs.update((old.seq, new.seq) for old, new in zip(chain, stored, strict=True))
        for name, tip in session.tips.items():
            await storage.set_tip(record.session_id, seqs[tip], branch=name)
    except BaseException:
        await storage.delete_session(record.session_id)
        raise
    return record.session_id


def _chains(messages: Sequence[SessionMessage]) -> list[list[SessionMessage]]:
    """Group messages that hang one below the other, so that each group is stored at once."""
    chains: list[list[SessionMessage]] = []
    for message in messages:
        if chains and message.parent_seq is not None and message.parent_seq == chains[-1][-1].seq:
            chains[-1].append(message)
        else:
            chains.append([message])
    return chains
