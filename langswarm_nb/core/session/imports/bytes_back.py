"""The bytes that messages of a file carry: from the notebook that shows them, or from the folder beside the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from langswarm_nb.core.session.errors import SessionStorageError, SessionValueError
from langswarm_nb.core.session.export import folder_of
from langswarm_nb.core.session.files import MAX_BYTES
from langswarm_nb.core.session.messages import SessionMessage
from langswarm_nb.core.session.parts.twins import twin
from langswarm_nb.core.session.parts.vocabulary import Part

from .restoring import Exported


def with_files(session: Exported, path: Path | None) -> Exported:
    """Return a session of a file with what lies in the folder beside it.

    Where that has not what a part names, a text says what it was, and `Exported.left_out` that it is not there.

    Raises
    ------
    SessionValueError
        A file there is not what it was.
    SessionStorageError
        One cannot be read.
    """
    if not any(_lacks_bytes(part) for message in session.messages for part in message.parts):
        return session
    files = _files_beside(path)
    lost = [
        part
        for message in session.messages
        for part in message.parts
        if _lacks_bytes(part) and part["blob"] not in files
    ]
    messages = tuple(_filled(message, files) for message in session.messages)
    words = (f"the bytes of {len(lost)} attachment{'s' * (len(lost) != 1)}",) if lost else ()
    return replace(session, messages=messages, left_out=(*session.left_out, *words))


def put_into_lines(lines: list[dict[str, Any]], notebook: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the lines that a notebook carries with the bytes which stand elsewhere in it, as base64."""
    found = _base64_in(notebook)
    return [
        {**line, "parts": [_with_data(part, found) for part in line["parts"]]}
        if isinstance(line.get("parts"), list)
        else line
        for line in lines
    ]


def _lacks_bytes(part: Part) -> bool:
    return isinstance(part.get("blob"), str) and part.get("data") is None


def _files_beside(path: Path | None) -> dict[str, Path]:
    """Return the files of the folder beside a file by their names without suffix."""
    folder = None if path is None else folder_of(path.expanduser())
    if folder is None or not folder.is_dir():
        return {}
    return {file.stem: file for file in folder.iterdir() if file.is_file()}


def _filled(message: SessionMessage, files: Mapping[str, Path]) -> SessionMessage:
    if not any(map(_lacks_bytes, message.parts)):
        return message
    return replace(
        message, parts=tuple(_found(part, files) if _lacks_bytes(part) else part for part in message.parts)
    )


def _found(part: Part, files: Mapping[str, Path]) -> Part:
    file = files.get(part["blob"])
    if file is None:
        return {"type": "context", "text": twin(part)}
    try:
        data = file.read_bytes() if file.stat().st_size <= MAX_BYTES else b""
    except OSError as error:
        raise SessionStorageError(f"{file} could not be read: {error}. Nothing was imported.") from error
    if sha256(data).hexdigest() != part["blob"]:
        raise SessionValueError(
            f"{file} is not what was exported: its content has changed. Nothing was imported. "
            "Export the conversation again, or remove the file to import the rest."
        )
    return {**{name: value for name, value in part.items() if name != "file"}, "data": data}


def _base64_in(notebook: Mapping[str, Any]) -> dict[str, str]:
    """Return what the outputs of a notebook show, and what its metadata hold, by hash; odd values are left out."""
    found: dict[str, str] = {}
    cells = notebook.get("cells")
    for cell in cells if isinstance(cells, list) else ():
        outputs = cell.get("outputs") if isinstance(cell, dict) else None
        for output in outputs if isinstance(outputs, list) else ():
            key, data = _shown(output)
            if isinstance(key, str) and data is not None:
                found[key] = data
    about = notebook.get("metadata")
    ours = about.get("langswarm_nb") if isinstance(about, dict) else None
    kept = ours.get("blobs") if isinstance(ours, dict) else None
    if isinstance(kept, dict):
        found |= {key: data for key, data in kept.items() if isinstance(data, str)}
    return found


def _shown(output: Any) -> tuple[Any, str | None]:
    """Return the hash that an output says it shows, and the base64 of it."""
    about = output.get("metadata") if isinstance(output, dict) else None
    ours = about.get("langswarm_nb") if isinstance(about, dict) else None
    data = output.get("data") if isinstance(ours, dict) else None
    if not isinstance(ours, dict) or not isinstance(data, dict):
        return None, None
    for media_type, value in data.items():
        if media_type.startswith("image/"):
            text = "".join(value) if isinstance(value, list) else value
            return ours.get("blob"), "".join(text.split()) if isinstance(text, str) else None
    return None, None


def _with_data(part: Any, found: Mapping[str, str]) -> Any:
    data = found.get(part["blob"]) if isinstance(part, dict) and isinstance(part.get("blob"), str) else None
    return part if data is None or "data" in part else {**part, "data": data}
