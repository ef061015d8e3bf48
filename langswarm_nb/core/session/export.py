"""A session as text: JSON lines, one JSON document, or Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from .conversation.copies import knew_other
from .conversation.homes import without_places
from .conversation.nodes import TreeRows
from .conversation.notes import marks
from .errors import SessionValueError
from .files import write_private
from .messages import SessionMessage
from .settings import SessionRecord

FORMAT = 2
"""Version of the JSON forms; in version 1 turns were counted on each path."""
FORMS = ("jsonl", "json", "md")
_NOT_TOLD = ("native", "home", "main_at", "number", "used_at")
"""What a session is to its provider, its notebook, its store: of no use elsewhere, and no business of others."""


@dataclass(frozen=True, slots=True)
class ExportedSession:
    """A session as JSON values."""

    head: dict[str, Any]
    messages: list[dict[str, Any]]
    """All branches, in order."""

    @property
    def path(self) -> list[dict[str, Any]]:
        """The messages of the active path."""
        return [message for message in self.messages if message["is_active"]]

    @property
    def title(self) -> str:
        """Name for people."""
        session = self.head["session"]
        return " ".join(str(session.get("title") or f"Session {session['session_id']}").split())

    @property
    def about(self) -> str:
        """Provider and model that the session is set to, and when it began."""
        session = self.head["session"]
        settings = session["settings"]
        begun = str(session["created_at"])[:16].replace("T", " ")
        return f"{settings['provider']}:{settings['model']}, {begun} UTC"


def exported(record: SessionRecord, messages: Sequence[SessionMessage], tree: TreeRows) -> ExportedSession:
    """Return a session as JSON values.

    Parameters
    ----------
    record : SessionRecord
        As it is stored.
    messages : sequence of SessionMessage
        All of them, in order.
    tree : TreeRows
        Its branches, where they have been, and what they hide; its nodes are not looked at.
    """
    branches = {**dict(sorted(tree.others)), tree.branch: tree.tip}
    hidden: dict[str, list[list[int]]] = {}
    for branch, turn, version in sorted(tree.hidden):
        hidden.setdefault(branch, []).append([turn, version])
    head = {
        "langswarm_nb": FORMAT,
        "session": _record_to_json(replace(record, branch=tree.branch, tip_seq=tree.tip)),
        "branches": branches,
        "branch_order": [name for name, _ in tree.others],
        "former_tips": [list(former) for former in tree.former],
        "hidden": hidden,
    }
    return ExportedSession(
        {name: value for name, value in head.items() if value not in ([], {})},
        [message_to_json(message) for message in messages],
    )


def export_session(session: ExportedSession, path: str | Path | None, form: str) -> str:
    """Return the session in a form, and write it when there is a path.

    Raises
    ------
    SessionValueError
        ``form`` is not known.
    SessionStorageError
        The file could not be written.
    """
    if form not in FORMS:
        raise SessionValueError.of("format", form, FORMS)
    write = {"jsonl": jsonl, "json": _document, "md": markdown}[form]
    text = write(session)
    if path is not None:
        write_private(path, text)
    return text


def message_to_json(message: SessionMessage) -> dict[str, Any]:
    """Return a message as JSON values; None and empty fields are left out."""
    values = {f.name: getattr(message, f.name) for f in fields(message)}
    if message.request is not None:
        values["request"] = _compact(asdict(message.request))
    return _compact(values)


def _record_to_json(record: SessionRecord) -> dict[str, Any]:
    values = {f.name: getattr(record, f.name) for f in fields(record) if f.name not in _NOT_TOLD}
    values["settings"] = _compact(asdict(record.settings))
    values["metadata"] = without_places(record.metadata)
    return _compact(values)


def _compact(values: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in values.items() if value is not None and value not in ((), {})}
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in kept.items()}


# -- to read ----------------------------------------------------------------------------------------------------


def markdown(session: ExportedSession) -> str:
    """Return the active path to read, a heading for each message, none of which swallows the next."""
    from .conversation.open_blocks import closed  # only exports need it

    blocks = [f"# {session.title}", session.about]
    blocks += [f"## {heading(message)}\n\n{closed(text_of(message))}".rstrip() for message in session.path]
    return "\n\n".join(blocks) + "\n"


def heading(message: Mapping[str, Any]) -> str:
    """Return who speaks, where, and what sets the message apart."""
    request = message.get("request", {})
    model = " ".join(str(request.get("model") or request.get("request_model") or "").split())
    name = str(message["role"]).capitalize()
    place = [] if message.get("turn") is None else [f"{message['turn']}.{message.get('version', 1)}"]
    return " · ".join([f"{name} ({model})" if model else name, *place, *marks_of(message)])


def marks_of(message: Mapping[str, Any]) -> list[str]:
    """Return what sets a message apart from one that was answered, is on the path and is sent."""
    return marks(
        is_hidden=message.get("is_hidden", False),
        beside=message.get("beside"),
        is_active=message.get("is_active", True),
        status=message.get("request", {}).get("status"),
        scope=message.get("scope"),
        knew_other=knew_other(message.get("metadata")),
    )


def text_of(message: Mapping[str, Any]) -> str:
    """Return the text of a message; calls of tools, results, images and errors are named."""
    named = [_named(part) for part in message.get("parts", [])]
    error = message.get("request", {}).get("error_message")
    return "\n\n".join(filter(None, [message.get("content", ""), *named, f"[{error}]" if error else ""]))


def _named(part: Mapping[str, Any]) -> str:
    match part["type"]:
        case "tool_call":
            return f"[calls {part['name']}({part['arguments']})]"
        case "tool_result":
            return str(part["content"])
        case "image":
            return f"[image {part['url']}]" if "url" in part else f"[image, {part.get('media_type')}]"
        case "refusal":
            return str(part["text"])
    return ""


# -- to come back -----------------------------------------------------------------------------------------------


def jsonl(session: ExportedSession) -> str:
    """Return a line for the session, then a line for each of its messages."""
    return "".join(f"{dump(line)}\n" for line in (session.head, *session.messages))


def _document(session: ExportedSession) -> str:
    values = {**session.head, "messages": session.messages}
    return json.dumps(values, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def dump(value: object) -> str:
    """Return JSON on one line, also for readers that end a line at U+0085, U+2028 or U+2029."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return text.translate({char: f"\\u{char:04x}" for char in (0x85, 0x2028, 0x2029)})
