"""Our own form read back: a line for a session, then a line for each of its messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from langswarm_nb.core.session import checks
from langswarm_nb.core.session.answers.definition import Definition
from langswarm_nb.core.session.conversation.homes import without_places
from langswarm_nb.core.session.conversation.nodes import TreeRows
from langswarm_nb.core.session.conversation.old_numbers import Old, bring_over
from langswarm_nb.core.session.errors import SessionError, SessionValueError, shown
from langswarm_nb.core.session.export import FORMAT
from langswarm_nb.core.session.messages import MessageRole, RequestFacts, SessionMessage, Usage
from langswarm_nb.core.session.parts.checking import checked_parts
from langswarm_nb.core.session.settings import SessionRecord, SessionSettings, SessionStatus
from langswarm_nb.core.session.values import to_us

from .restoring import Exported, why

_SETTINGS = (
    "provider", "model", "max_messages", "max_context_tokens", "trim", "temperature", "max_tokens", "top_p", "stop",
    "seed", "reasoning_effort", "stream", "timeout_s", "retries", "keep_raw", "schema", "repair",
)  # fmt: skip
"""Settings that are taken over; options, which may hold anything, are not."""
_HEAD_FIELDS = frozenset(
    {"langswarm_nb", "session", "branches", "branch_order", "former_tips", "hidden", "definitions"}
)
_RECORD_FIELDS = frozenset(f.name for f in fields(SessionRecord))
_SETTINGS_FIELDS = frozenset(f.name for f in fields(SessionSettings))
_MESSAGE_FIELDS = frozenset(f.name for f in fields(SessionMessage))
_FACTS_FIELDS = frozenset(f.name for f in fields(RequestFacts)) - {"definition"}
_USAGE_FIELDS = frozenset(f.name for f in fields(Usage))
_WORDS = {"scope": ("replace", "add", "session", "none"), "beside": ("aside", "comparison")}


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
            raise SessionValueError(
                f"{name} is not an export of langswarm_nb: its first line does not say that it is."
            )
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
            f"{name} was written by a newer langswarm_nb (format {version}; this one reads up to {FORMAT}). Upgrade it."
        )
    try:
        _check_names(values, _HEAD_FIELDS)
        record = _record(session)
        tree = _tree(session, values)
        definitions = _definitions(values)
    except (SessionError, TypeError, ValueError, KeyError) as error:
        raise SessionValueError(
            f"{name}, line {number} does not describe a session: {why(error)}. Nothing was imported."
        ) from error
    messages = [_defined(message, definitions) for message in messages] if definitions else messages
    ordered = tuple(sorted(messages, key=lambda message: message.seq or 0))
    _check_tree(name, number, ordered, tree, version)
    found = Exported(record, ordered, tree, _left_out(session))
    return (found if version == FORMAT else _renumbered(found)).packed()


def _definitions(head: dict[str, Any]) -> dict[str, Definition]:
    """Return the schemas that messages were asked for, by hash."""
    found = head.get("definitions", [])
    if not isinstance(found, list):
        raise TypeError("definitions must be a list")
    made = [Definition(**{name: checks.text(name, value) for name, value in one.items()}) for one in found]
    return {definition.hash: definition for definition in made}


def _defined(message: SessionMessage, definitions: Mapping[str, Definition]) -> SessionMessage:
    facts = message.request
    definition = None if facts is None else definitions.get(facts.schema_hash or "")
    if facts is None or definition is None:
        return message
    return replace(message, request=replace(facts, definition=definition))


def _lacks_turn(message: SessionMessage) -> bool:
    return message.turn is None and message.role is MessageRole.USER


def _check_tree(
    name: str, number: int, messages: Sequence[SessionMessage], tree: TreeRows, version: int
) -> None:
    known = {message.seq for message in messages}
    for message in messages:
        above = message.parent_seq
        if above is not None and (above not in known or above >= (message.seq or 0)):
            raise SessionValueError(
                f"{name}: the message {message.id!r} follows message {message.parent_seq}, which is not before it "
                "in the file. Nothing was imported."
            )
    if nameless := [message for message in messages if version == FORMAT and _lacks_turn(message)]:
        raise SessionValueError(f"{name}: the message {nameless[0].id!r} has no turn. Nothing was imported.")
    ends = {tree.tip, *(tip for _, tip in tree.others), *(tip for _, tip in tree.former)} - {None}
    if len(known) != len(messages) or not known >= ends:
        raise SessionValueError(
            f"{name}: messages of the session on line {number} are missing or twice in the file."
        )


def _renumbered(session: Exported) -> Exported:
    """Return a session of version 1, whose turns were counted on each path, with numbers that are given once."""
    tree = session.tree
    old = [_old(message) for message in session.messages]
    brought = bring_over(old, {**dict(tree.others), tree.branch: tree.tip})
    messages = []
    for message in session.messages:
        turn, version, _, ask, scope, beside = brought.messages[message.seq or 0]
        place: Any = {"turn": turn, "version": version, "ask": ask, "scope": scope, "beside": beside}
        messages.append(replace(message, **place))
    former = [(tree.branch, seq) for seq in brought.left]
    return replace(
        session, messages=tuple(messages), tree=tree._replace(former=former, hidden=brought.hidden)
    )


def _old(message: SessionMessage) -> Old:
    return Old(
        seq=message.seq or 0,
        parent=message.parent_seq,
        turn=message.turn,
        active=message.is_active,
        role=message.role.value,
        cell_id=message.cell_id,
        source=message.source,
        is_aside=message.metadata.get("aside") is True,
        compare_id=None if message.request is None else message.request.compare_id,
        is_hidden=message.is_hidden,
        ts_us=to_us("timestamp", message.timestamp),
    )


def _left_out(session: dict[str, Any]) -> tuple[str, ...]:
    """Return in words what is not taken over: it could send a conversation elsewhere."""
    settings = session["settings"]
    others = [f"the option {shown(name)}" for name in settings.get("options") or {}]
    is_native = session.get("native") or settings.get("backend", "local") != "local"
    return (*others, *(["the conversation that the provider held"] if is_native else []))


def _record(session: dict[str, Any]) -> SessionRecord:
    _check_names(session, _RECORD_FIELDS | {"backend"})
    settings = session["settings"]
    if not isinstance(settings, dict):
        raise TypeError("its settings must be an object")
    _check_names(settings, _SETTINGS_FIELDS)
    if not isinstance(settings.get("options", {}), dict):
        raise TypeError("its options must be an object")
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


def _tree(session: dict[str, Any], head: dict[str, Any]) -> TreeRows:
    """Return the branches of a session, where they have been, and what they hide."""
    active, tip = checks.text("branch", session.get("branch", "main")), session.get("tip_seq")
    branches, order = _mapping(head, "branches"), head.get("branch_order", [])
    if not isinstance(order, list):
        raise TypeError("branch_order must be a list")
    rank = {name: n for n, name in enumerate(order) if isinstance(name, str)}
    others = [(checks.text("branch", name), _seq(seq)) for name, seq in branches.items() if name != active]
    others.sort(key=lambda other: rank.get(other[0], len(rank)))
    former = [(checks.text("branch", name), _seq(seq)) for name, seq in head.get("former_tips", [])]
    if any(seq is None for _, seq in former):
        raise TypeError("a former tip is a whole number")
    marked = [
        (checks.text("branch", name), _number("turn", turn), _number("version", version))
        for name, versions in _mapping(head, "hidden").items()
        for turn, version in versions
    ]
    return TreeRows((), _seq(tip), active, others, former, marked, 0)  # type: ignore[arg-type]  # none is None


def _mapping(head: dict[str, Any], name: str) -> dict[str, Any]:
    found = head.get(name, {})
    if not isinstance(found, dict):
        raise TypeError(f"{name} must be an object")
    return found


def _seq(value: Any) -> int | None:
    return None if value is None else _number("the end of a branch", value)


def _number(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError(f"{name} must be a whole number from 0")
    return value


def _checked(name: str, number: int, values: dict[str, Any]) -> SessionMessage:
    try:
        return _message(values)
    except (SessionError, TypeError, ValueError, KeyError) as error:
        raise SessionValueError(
            f"{name}, line {number} is not a message of this version: {why(error)}. Nothing was imported."
        ) from error


def _message(values: dict[str, Any]) -> SessionMessage:
    _check_names(values, _MESSAGE_FIELDS)
    for name in ("seq", "parent_seq", "turn", "version", "ask"):
        if values.get(name) is not None:
            _number(name, values[name])
    for name, words in _WORDS.items():
        if values.get(name) not in (None, *words):
            raise ValueError(f"{name} must be one of {', '.join(words)}")
    if not isinstance(values.get("id"), str) or values.get("seq") is None:
        raise TypeError("id must be text and seq a whole number")
    request, parts = values.get("request"), checked_parts(values.get("parts", []))
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
