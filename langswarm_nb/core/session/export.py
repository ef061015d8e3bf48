"""A session as text: JSON lines, one JSON document, or Markdown; what it carries in it, or in a folder beside it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

from .answers.definition import Definition
from .conversation.copies import knew_other
from .conversation.homes import without_places
from .conversation.nodes import TreeRows
from .conversation.notes import marks
from .errors import SessionStorageError, SessionValueError
from .files import as_path, make_private_folders, write_private
from .messages import SessionMessage
from .parts.blobs import put_back
from .parts.media_types import is_text
from .parts.twins import name_of, source_of, twin
from .parts.vocabulary import ATTACHED, Part
from .settings import SessionRecord

FORMAT = 2
"""Version of the JSON forms; in version 1 turns were counted on each path."""
FORMS = ("jsonl", "json", "md")
Carrying: TypeAlias = Literal["inline", "folder", "names"]
"""Where the bytes of attachments go: into the text as base64, as files into a folder beside it, or nowhere."""
CARRYING = ("inline", "folder", "names")
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


def exported(
    record: SessionRecord,
    messages: Sequence[SessionMessage],
    tree: TreeRows,
    definitions: Iterable[Definition] = (),
) -> ExportedSession:
    """Return a session as JSON values.

    Parameters
    ----------
    record : SessionRecord
        As it is stored.
    messages : sequence of SessionMessage
        All of them, in order.
    tree : TreeRows
        Its branches, where they have been, and what they hide; its nodes are not looked at.
    definitions : iterable of Definition
        The schemas that its messages were asked for.
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
        "definitions": [definition._asdict() for definition in definitions],
    }
    return ExportedSession(
        {name: value for name, value in head.items() if value not in ([], {})},
        [message_to_json(message) for message in messages],
    )


def export_session(
    session: ExportedSession, path: str | Path | None, form: str, blobs: Mapping[str, bytes] | None = None
) -> str:
    """Return the session in a form, and write it when there is a path; ``blobs`` is what it carries, by hash.

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
    how = way_of(None, form, has_path=path is not None)
    [carrying] = carried([session], blobs or {}, how, path)
    text = write(carrying)
    if path is not None:
        write_private(path, text)
    return text


def way_of(asked: str | None, form: str, *, has_path: bool) -> str:
    """Return where bytes go: by default into what is made to come back, and beside what is made to be read.

    Raises
    ------
    SessionValueError
        The form cannot hold them so.
    """
    reads = form in ("md", "html")
    allowed = [how for how in CARRYING if not (how == "inline" and form == "md")]
    allowed = [how for how in allowed if how != "folder" or (has_path and form != "openai")]
    if asked is None and reads:
        return "folder" if has_path else "inline" if form == "html" else "names"
    if asked is None:
        return "inline"
    if asked not in allowed:
        hint = "" if has_path else "A folder needs a path beside which it is made."
        raise SessionValueError.of("attachments", asked, allowed, hint=hint)
    return asked


def carried(
    sessions: Sequence[ExportedSession],
    blobs: Mapping[str, bytes],
    how: str,
    path: str | os.PathLike[str] | None,
) -> list[ExportedSession]:
    """Return sessions whose parts have their bytes with them (``data``), or the file that was written (``file``).

    Raises
    ------
    SessionStorageError
        A file could not be written.
    """
    if how == "names":
        return list(sessions)
    if how == "inline":
        return [_with_parts(session, lambda parts: put_back(parts, blobs)) for session in sessions]
    folder = folder_of(as_path(path))
    parts = (
        part for session in sessions for message in session.messages for part in message.get("parts", ())
    )
    there = write_beside(folder, parts, blobs)
    return [_with_parts(session, lambda parts: _beside(parts, folder.name, there)) for session in sessions]


def write_beside(folder: Path, parts: Iterable[Part], blobs: Mapping[str, bytes]) -> dict[str, str]:
    """Write what parts carry into a folder, each content once, one after the other; return its files by hash.

    Raises
    ------
    SessionStorageError
        A file could not be written.
    """
    there: dict[str, str] = {}
    for part in parts:
        key = part.get("blob")
        if part["type"] not in ATTACHED or not isinstance(key, str) or key in there:
            continue
        data = blobs.get(key)
        if data is None:
            continue
        try:
            make_private_folders(folder)
        except OSError as error:
            raise SessionStorageError(f"The folder {str(folder)!r} could not be made: {error}.") from error
        there[key] = file_name(part)
        write_private(folder / there[key], data)
    return there


def folder_of(path: Path) -> Path:
    """Return the folder beside an exported file that holds what its messages carry."""
    return path.with_name(f"{path.stem}_files")


def file_name(part: Part) -> str:
    """Return a harmless name for the file of an attachment: its hash, and a suffix.

    It says what the file is, and starts no program: pages and scripts are text. An SVG may hold a script, which
    browsers keep away from everything else.
    """
    media_type = str(part.get("media_type"))
    return f"{part['blob']}{SUFFIXES.get(media_type) or ('.txt' if is_text(media_type) else '.bin')}"


_OFFICE = "application/vnd.openxmlformats-officedocument"
SUFFIXES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/tiff": ".tiff",
    "image/bmp": ".bmp",
    "image/heic": ".heic",
    "image/avif": ".avif",
    "image/svg+xml": ".svg",
    "application/pdf": ".pdf",
    f"{_OFFICE}.wordprocessingml.document": ".docx",
    f"{_OFFICE}.spreadsheetml.sheet": ".xlsx",
    f"{_OFFICE}.presentationml.presentation": ".pptx",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    "application/vnd.oasis.opendocument.presentation": ".odp",
    "application/rtf": ".rtf",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "text/markdown": ".md",
    "application/json": ".json",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "audio/ogg": ".ogg",
    "audio/flac": ".flac",
    "audio/mp4": ".m4a",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
}


def _with_parts(
    session: ExportedSession, change: Callable[[Sequence[Part]], Sequence[Part]]
) -> ExportedSession:
    messages = [
        {**message, "parts": list(change(message["parts"]))} if "parts" in message else message
        for message in session.messages
    ]
    return replace(session, messages=messages)


def _beside(parts: Sequence[Part], folder: str, there: Mapping[str, str]) -> list[Part]:
    return [
        {**part, "file": f"{quote(folder)}/{there[part['blob']]}"} if part.get("blob") in there else part
        for part in parts
    ]


def message_to_json(message: SessionMessage) -> dict[str, Any]:
    """Return a message as JSON values; None and empty fields are left out."""
    values = {f.name: getattr(message, f.name) for f in fields(message)}
    values["parts"] = tuple(_without_file(part) for part in message.parts)
    if message.request is not None:
        values["request"] = _compact(asdict(replace(message.request, definition=None)))
    return _compact(values)


def _without_file(part: Part) -> Part:
    """Return a part that says nothing of a file: that is for the export to say which writes one."""
    return {name: value for name, value in part.items() if name != "file"} if "file" in part else part


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
    blocks += [f"## {heading(message)}\n\n{closed(_read(message))}".rstrip() for message in session.path]
    return "\n\n".join(blocks) + "\n"


def _read(message: Mapping[str, Any]) -> str:
    """Return the text of a message; an answer that is a value as a block of JSON, which no text in it can end."""
    data = message.get("request", {}).get("data_json")
    if data is None:
        return text_of(message)
    return f"```json\n{json.dumps(json.loads(data), ensure_ascii=False, indent=2)}\n```"


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
    """Return the text of a message; calls of tools, results, attachments, sources and errors are named."""
    parts = message.get("parts", [])
    named = [_named(part) for part in parts]
    error = message.get("request", {}).get("error_message")
    told = [message.get("content", ""), *named, _sources(parts), f"[{error}]" if error else ""]
    return "\n\n".join(filter(None, told))


def _sources(parts: Sequence[Mapping[str, Any]]) -> str:
    """Return the different sources among parts as a numbered list."""
    found: dict[object, str] = {}
    for part in parts:
        if part["type"] == "citation":
            title = _NO_MARKDOWN.sub(" ", part.get("title") or "").strip()
            found.setdefault(part.get("url") or title, source_of({**part, "title": title}))
    lines = (f"{number}. {source}" for number, source in enumerate(found.values(), 1))
    return "\n".join(["Sources:", "", *lines]) if found else ""


def _named(part: Mapping[str, Any]) -> str:
    if part["type"] in (
        "text",
        "reasoning",
        "citation",
    ):  # the first stands in the content, the last are listed
        return ""
    if "file" not in part:
        return twin(part)
    name = _NO_MARKDOWN.sub(" ", name_of(part)).strip() or part["type"]
    shown = "!" if part["type"] == "image" else ""
    return f"{shown}[{name}](<{part['file']}>)"


_NO_MARKDOWN = re.compile(r"[\[\]<>`\\!*_&]")


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
