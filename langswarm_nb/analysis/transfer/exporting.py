"""`export`: conversations as text or files, in the form their reader needs, and what was taken out of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal, Self, get_args

from langswarm_nb.analysis.filters import Moment
from langswarm_nb.analysis.progress import say
from langswarm_nb.analysis.store import Source, find_store
from langswarm_nb.core.session import checks
from langswarm_nb.core.session.errors import SessionTypeError, SessionValueError
from langswarm_nb.core.session.export import ExportedSession
from langswarm_nb.core.session.files import as_path, write_private

from . import forms, snapshot
from .csv import MARK, safe_csv
from .redaction import Redaction, Redactor, in_words, redacted, redactor, with_redacted

SUFFIXES = {
    ".jsonl": "jsonl",
    ".json": "json",
    ".md": "md",
    ".ipynb": "ipynb",
    ".csv": "csv",
    ".html": "html",
}
Format = Literal["jsonl", "json", "md", "html", "ipynb", "openai", "csv", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)


class ExportedText(str):
    """What `export` returns: text that knows what was taken out of it."""

    redacted: Mapping[str, int]
    """Kind (``key``, ``token``, ``password``, ``secret``, ``email``, ``card``, ``iban``) -> how many of it were."""

    __slots__ = ("redacted",)

    def __new__(cls, text: str, take_out: Redactor | None) -> Self:
        made = super().__new__(cls, text)
        made.redacted = {} if take_out is None else {kind: n for kind, n in take_out.counts.items() if n}
        return made

    @property
    def redacted_words(self) -> str:
        """What was taken out, as ``"2 keys, 1 e-mail address"``; empty when nothing was."""
        return in_words(self.redacted)


def export(
    source: Source = None,
    path: str | os.PathLike[str] | None = None,
    *,
    format: Format | None = None,
    redact: Redaction = True,
    since: Moment = None,
    until: Moment = None,
    user_id: str | None = None,
    all: bool = False,
    render: forms.Render | None = None,
) -> ExportedText:
    """Return conversations as text, and write it to ``path`` when given.

    Parameters
    ----------
    source : manager, storage, session or list of sessions, optional
        What to export; by default the sessions of this notebook, and in a program that is none those of its manager.
    path : str or path, optional
        File to write, readable by its owner only; for ``parquet`` a folder or URL, and needed.
    format : str, optional
        By default what the file's suffix says, else ``jsonl``. ``jsonl``, ``ipynb`` and ``json`` (one document):
        everything, all branches; `import_sessions` brings it back. ``md``, ``html``: to read, the active
        paths, with a mark at what is hidden, failed or stopped. ``openai``: one chat per line, the active paths as they
        are sent, to train on. ``csv``: the frame of messages, for a spreadsheet: no text runs as a formula, and the
        file begins with the mark of UTF-8.
        ``parquet``: as `export_parquet`.
    redact : bool or callable
        Take out secrets and personal identifiers (see `redact`); False leaves everything as it is; or a function of
        your own from text to text. What was taken out is counted: a line says so, and ``redacted`` of the result.
    since, until, user_id, all
        As in `sessions_df`: which sessions.
    render : callable, optional
        What makes safe HTML of texts, for ``html``; by default the renderer of this package.

    Returns
    -------
    ExportedText
        The text, a `str`; for ``parquet`` the place. Its ``redacted`` counts by kind what was taken out.

    Raises
    ------
    SessionValueError, SessionTypeError
        An argument is not allowed.
    SessionStorageError
        The store cannot be read, or the file not be written.
    """
    text = export_quietly(
        source,
        path,
        format=format,
        redact=redact,
        since=since,
        until=until,
        user_id=user_id,
        all=all,
        render=render,
    )
    if text.redacted:
        say(f"Redacted: {text.redacted_words}. redact=False keeps everything.")
    return text


def export_quietly(
    source: Source,
    path: str | os.PathLike[str] | None,
    *,
    format: str | None,
    redact: Redaction,
    since: Moment = None,
    until: Moment = None,
    user_id: str | None = None,
    all: bool = False,
    render: forms.Render | None = None,
) -> ExportedText:
    """Do what `export` does, and leave it to the caller to say what was taken out.

    Raises
    ------
    SessionValueError, SessionTypeError, SessionStorageError
        As in `export`.
    """
    form = _form(path, format)
    take_out = redactor(redact)
    if form == "parquet":
        from .parquet import export_parquet

        if path is None:
            raise SessionTypeError("format='parquet' needs a path: the folder or URL to write to.")
        limits: Any = {"since": since, "until": until, "user_id": user_id, "all": all}
        place = export_parquet(os.fspath(path), source=source, redact=take_out or False, **limits)
        return ExportedText(place, take_out)
    if form == "csv":
        text = _csv(source, take_out, since=since, until=until, user_id=user_id, all=all)
    else:
        draw = _renderer(render) if form == "html" else None
        store = find_store(source, everything=checks.flag("all", all))
        found = snapshot.read(store, since=since, until=until, user_id=user_id)
        sessions = [_redacted(session, take_out) for session in found]
        text = forms.html(sessions, draw) if draw is not None else _TEXTS[form](sessions)
    if path is not None:
        # The mark is for the program that opens the file: in a text it would be a character of the first name.
        write_private(path, MARK + text if form == "csv" else text)
    return ExportedText(text, take_out)


def _form(path: object, format: str | None) -> str:
    if format is not None:
        if format not in FORMATS:
            raise SessionValueError.of("format", format, FORMATS)
        return format
    if path is None:
        return "jsonl"
    suffix = as_path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise SessionValueError.of("suffix of path", suffix, SUFFIXES, hint="Or say format=.")
    return SUFFIXES[suffix]


def _renderer(given: forms.Render | None) -> forms.Render:
    """Return what makes HTML of a model's text: the one renderer of the package, unless another is given."""
    if given is not None:
        return given
    from langswarm_nb.render import render_html

    return render_html


def _csv(source: Source, take_out: Redactor | None, **filters: Any) -> str:
    from langswarm_nb.analysis.frames import messages_df

    return safe_csv(with_redacted(messages_df(source, **filters), "messages", take_out))


def _redacted(session: ExportedSession, take_out: Redactor | None) -> ExportedSession:
    """Redact the fields that hold free text; ids, names and moments are needed as they are."""
    if take_out is None:
        return session
    about = _with_redacted(session.head["session"], ("title", "metadata"), take_out)
    about["settings"] = _with_redacted(about["settings"], ("options", "stop"), take_out)
    lines = [_redacted_message(line, take_out) for line in session.messages]
    return ExportedSession({**session.head, "session": about}, lines)


def _redacted_message(line: dict[str, Any], take_out: Redactor) -> dict[str, Any]:
    made = _with_redacted(line, ("content", "metadata"), take_out)
    if "parts" in made:
        made["parts"] = [_with_redacted(part, set(part) - _STRUCTURE, take_out) for part in made["parts"]]
    if "request" in made:
        made["request"] = _with_redacted(made["request"], ("error_message", "params", "details"), take_out)
    return made


_STRUCTURE = {"type", "id", "tool_call_id", "name", "media_type", "data"}
"""What a part is made of beside its texts."""


def _with_redacted(values: dict[str, Any], free: Collection[str], take_out: Redactor) -> dict[str, Any]:
    return {name: redacted(value, take_out) if name in free else value for name, value in values.items()}


_TEXTS: dict[str, Callable[[list[ExportedSession]], str]] = {
    "jsonl": forms.jsonl,
    "json": forms.document,
    "md": forms.markdown,
    "ipynb": forms.notebook,
    "openai": forms.chats,
}
