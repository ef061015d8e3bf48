"""What kind of file holds conversations: our JSON lines, document or notebook, or chat lines in the style of OpenAI.

Every value is checked before anything is stored, and none of it chooses an address, a key or a path.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias, get_args

from langswarm_nb.core.session.errors import SessionTypeError, SessionValueError
from langswarm_nb.core.session.files import as_path, read_text
from langswarm_nb.core.session.settings import SessionSettings

from .bytes_back import put_into_lines, with_files
from .chats import session_of_chat
from .lines import sessions_of_lines
from .restoring import Exported

FileFormat: TypeAlias = Literal["jsonl", "json", "ipynb", "openai"]
FORMATS: tuple[str, ...] = get_args(FileFormat)


def read_sessions(
    name: str, text: str, format: str | None = None, provider: str = "mock", model: str = "echo"
) -> Iterator[Exported]:
    """Yield the sessions of a text.

    Parameters
    ----------
    name : str
        What errors call it: the name of its file.
    text : str
        The whole of it.
    format : str, optional
        One of `FORMATS`; by default what it looks like.
    provider, model : str
        Who goes on with a chat that does not say it.

    Raises
    ------
    SessionValueError
        It is of another kind, or damaged; the error names the line.
    """
    kind = format or _guess(name, text)
    if kind not in FORMATS:
        raise SessionValueError.of("format", kind, FORMATS)
    if kind in ("ipynb", "json"):
        found = _lines_of_notebook(name, text) if kind == "ipynb" else _lines_of_document(name, text)
        yield from sessions_of_lines(name, found)
        return
    lines = [
        (number, _parsed(name, number, line))
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip()
    ]
    if kind == "jsonl":
        yield from sessions_of_lines(name, lines)
    else:
        settings = SessionSettings(provider, model)
        yield from (session_of_chat(name, number, values, settings) for number, values in lines)


def read_one(
    path: str | os.PathLike[str] | None,
    text: str | None,
    format: str | None = None,
    provider: str = "mock",
    model: str = "echo",
) -> Exported:
    """Return the one session of a file or text; parameters else as in `read_sessions`.

    Raises
    ------
    SessionTypeError
        Not exactly one of ``path`` and ``text`` is given, or it is of another type.
    SessionValueError
        It is of another kind, damaged, or holds several sessions.
    SessionStorageError
        The file cannot be read.
    """
    if (path is None) == (text is None):
        raise SessionTypeError("An import needs either path or text.")
    if text is not None and not isinstance(text, str):
        raise SessionTypeError.of("text", text, "text (str)")
    name = "text" if path is None else str(as_path(path))
    said = read_text(path) if path is not None else text or ""
    found = list(read_sessions(name, said, format, provider, model))
    if len(found) != 1:
        raise SessionValueError(
            f"{name} holds {len(found)} sessions, but only one can be imported at a time. Nothing was imported. "
            "`langswarm_nb.analysis.import_sessions` takes them all."
        )
    return with_files(found[0], None if path is None else as_path(path))


def _guess(name: str, text: str) -> str:
    if name.endswith(".ipynb"):
        return "ipynb"
    if text.lstrip()[:2] in ("{\n", "{\r"):  # ours; a line of any other kind begins otherwise
        return "json"
    first = _parsed(name, 1, text.lstrip().split("\n", 1)[0])
    if "langswarm_nb" in first:
        return "jsonl"
    if "messages" in first:
        return "openai"
    raise SessionValueError(
        f"{name} contains no conversation in a known format: its first line is neither an export of langswarm_nb nor "
        'a chat line with "messages".'
    )


def _parsed(name: str, number: int, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise SessionValueError(
            f"{name}, line {number} is not JSON: {error}. Nothing was imported."
        ) from error
    if not isinstance(found, dict):
        raise SessionValueError(f"{name}, line {number} is not a JSON object. Nothing was imported.")
    return found


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def _lines_of_notebook(name: str, text: str) -> list[tuple[int, dict[str, Any]]]:
    """Return the lines of our own form that a notebook carries in its metadata."""
    notebook = _parsed(name, 1, text)
    carried = notebook.get("metadata")
    ours = carried.get("langswarm_nb") if isinstance(carried, dict) else None
    lines = ours.get("lines") if isinstance(ours, dict) else None
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        raise SessionValueError(f"{name} is a notebook that contains no conversation of langswarm_nb.")
    return list(enumerate(put_into_lines(lines, notebook), 1))


def _lines_of_document(name: str, text: str) -> list[tuple[int, dict[str, Any]]]:
    """Return the lines of our own form that a JSON document holds: of one session, or of its ``sessions``."""
    found: list[dict[str, Any]] = []
    document = _parsed(name, 1, text)
    listed = document.get("sessions", [document])
    for session in listed if isinstance(listed, list) else []:
        messages = session.pop("messages", None) if isinstance(session, dict) else None
        if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
            raise SessionValueError(f"{name} is JSON that contains no conversation of langswarm_nb.")
        found += [session, *messages]
    return list(enumerate(found, 1))
