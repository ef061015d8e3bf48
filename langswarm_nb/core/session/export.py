"""A session as text: JSON lines, one JSON document, or Markdown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from .conversation.homes import without_places
from .errors import SessionValueError
from .files import write_private
from .messages import SessionMessage
from .settings import SessionRecord

FORMAT = 1
"""Version of the JSON forms."""
_STAYS_HERE = ("native", "home", "main_at")
"""What means nothing in another store, and is nobody's business there."""


def export_session(
    record: SessionRecord, messages: Sequence[SessionMessage], path: str | Path | None, form: str
) -> str:
    """Return the session in a form, and write it when there is a path.

    Raises
    ------
    SessionValueError
        ``form`` is not known.
    SessionStorageError
        The file could not be written.
    """
    if form not in tuple(_FORMS):
        raise SessionValueError.of("format", form, _FORMS)
    text = _FORMS[form](record, messages)
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
    values = {f.name: getattr(record, f.name) for f in fields(record) if f.name not in _STAYS_HERE}
    values["settings"] = _compact(asdict(record.settings))
    values["metadata"] = without_places(record.metadata)
    return _compact(values)


def _compact(values: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in values.items() if value is not None and value not in ((), {})}
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in kept.items()}


def _as_jsonl(record: SessionRecord, messages: Sequence[SessionMessage]) -> str:
    head = {"langswarm_nb": FORMAT, "session": _record_to_json(record)}
    return "".join(f"{_dump(line)}\n" for line in [head, *map(message_to_json, messages)])


def _as_json(record: SessionRecord, messages: Sequence[SessionMessage]) -> str:
    document = {
        "langswarm_nb": FORMAT,
        "session": _record_to_json(record),
        "messages": [message_to_json(message) for message in messages],
    }
    return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _as_markdown(record: SessionRecord, messages: Sequence[SessionMessage]) -> str:
    title = record.title or f"Session {record.session_id}"
    model = f"{record.settings.provider}:{record.settings.model}"
    blocks = [f"# {title}", f"{model}, {record.created_at:%Y-%m-%d %H:%M} UTC"]
    blocks += [f"## {message.role.value.capitalize()}\n\n{message.content}" for message in messages]
    return "\n\n".join(blocks) + "\n"


_FORMS = {"jsonl": _as_jsonl, "json": _as_json, "md": _as_markdown}


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
