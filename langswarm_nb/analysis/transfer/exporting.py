"""`export`: conversations as text or files, in the form their reader needs, and what was taken out of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal, Self, get_args

from langswarm_nb.analysis.filters import Moment
from langswarm_nb.analysis.store import Source, find_store
from langswarm_nb.core.session import checks
from langswarm_nb.core.session.errors import SessionTypeError, SessionValueError
from langswarm_nb.core.session.export import Carrying, ExportedSession, carried, way_of
from langswarm_nb.core.session.files import as_path, write_private
from langswarm_nb.core.session.parts.vocabulary import ATTACHED, Part

from . import forms, snapshot
from .csv import MARK, safe_csv
from .progress import say
from .redaction import Redaction, Redactor, in_words, redacted, redacted_json, redactor, with_redacted

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

_SHOWN_CHARS = 2000


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

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        """Show it line by line, as the last value of a cell; a long one would fill the page, so its length."""
        if len(self) > _SHOWN_CHARS:
            printer.text(f"<exported text, {len(self):,} characters; print() it>")
            return
        from langswarm_nb.render import visible_controls

        printer.text(visible_controls(self))


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
    attachments: Carrying | None = None,
) -> ExportedText:
    """Return conversations as text, and write it to ``path`` if given.

    Parameters
    ----------
    source : manager, storage, session or list of sessions, optional
        What to export; by default the sessions of this notebook or, in a program, those of its manager.
    path : str or path, optional
        File to write, readable only by its owner; for ``parquet`` a folder or URL, which is required.
    format : str, optional
        By default taken from the file's suffix, else ``jsonl``. ``jsonl``, ``ipynb`` and ``json`` (one document)
        contain everything, with all branches; `import_sessions` reads them back. ``md`` and ``html`` are for reading:
        the active paths, with hidden, failed and stopped messages marked. ``openai``: one chat per line, the active
        paths as they are sent, for fine-tuning. ``csv``: the frame of messages for a spreadsheet, in UTF-8 with a byte
        order mark, in which no text can run as a formula. ``parquet``: as `export_parquet`.
    redact : bool or callable
        Whether to remove secrets and personal identifiers (see `redact`), or your own function from text to text.
        What was removed is counted: a printed line says so, and ``redacted`` of the result.
    since, until, user_id, all
        As in `sessions_df`: which sessions.
    render : callable, optional
        Function that makes safe HTML from texts, for ``html``; by default the renderer of this package.
    attachments : {"inline", "folder", "names"}, optional
        Where the contents of attachments go: into the text; as files into the folder ``NAME_files`` next to ``path``;
        or nowhere. The default is "inline" for formats that can be imported (``jsonl``, ``json``, ``ipynb``), and
        "folder" for ``md`` and ``html``, which also shows small images inline. The files are named by their hashes,
        and `import_sessions` finds them. ``csv`` and ``parquet`` only have names and hashes.

    Returns
    -------
    ExportedText
        The text, a `str`; for ``parquet`` the place. Its ``redacted`` counts what was removed, by kind.

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
        attachments=attachments,
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
    attachments: Carrying | None = None,
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
        how = way_of(attachments, form, has_path=path is not None)
        store = find_store(source, everything=checks.flag("all", all))
        with snapshot.read(store, since=since, until=until, user_id=user_id) as (found, blobs):
            sessions = [_redacted(session, take_out) for session in found]
            text = _written(form, sessions, blobs, how, path, draw)
    if path is not None:
        # The mark is for the program that opens the file: in a text it would be a character of the first name.
        write_private(path, MARK + text if form == "csv" else text)
    return ExportedText(text, take_out)


def _written(
    form: str,
    sessions: list[ExportedSession],
    blobs: Mapping[str, bytes],
    how: str,
    path: str | os.PathLike[str] | None,
    draw: forms.Render | None,
) -> str:
    """Return sessions as text, and write beside it what they carry."""
    if form == "ipynb" and how == "inline":  # what a notebook shows it holds already
        return forms.notebook(sessions, blobs)
    carrying = sessions if draw is not None and how == "inline" else carried(sessions, blobs, how, path)
    if draw is not None:
        return forms.html(carrying, draw, {} if how == "names" else blobs)
    return _TEXTS[form](carrying)


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
    from langswarm_nb.analysis.frames import attachments_df, messages_df

    frame = with_redacted(messages_df(source, **filters), "messages", take_out)
    attached = with_redacted(attachments_df(source, **filters), "attachments", take_out)
    told: dict[str, str] = {}
    columns = ["message_id", "name", "kind", "hash", "url"]
    for row in attached[columns].astype(object).where(attached[columns].notna(), "").to_numpy().tolist():
        message_id, name, kind, key, url = map(str, row)
        what = f"{name or kind} {key or url}"
        told[message_id] = f"{told[message_id]}; {what}" if message_id in told else what
    return safe_csv(frame.assign(attachments=frame["message_id"].map(told).astype(frame["content"].dtype)))


def _redacted(session: ExportedSession, take_out: Redactor | None) -> ExportedSession:
    """Redact the fields that hold free text; ids, names and moments are needed as they are."""
    if take_out is None:
        return session
    about = _with_redacted(session.head["session"], ("title", "metadata"), take_out)
    about["settings"] = _with_redacted(about["settings"], ("options", "stop"), take_out)
    lines = [_redacted_message(line, take_out) for line in session.messages]
    head = {**session.head, "session": about}
    if "definitions" in head:  # one that is not what messages name would be of no use
        known = head["definitions"]
        head["definitions"] = [one for one in known if redacted_json(take_out, one["body"]) == one["body"]]
    return ExportedSession(head, lines)


def _redacted_message(line: dict[str, Any], take_out: Redactor) -> dict[str, Any]:
    made = _with_redacted(line, ("content", "metadata"), take_out)
    if "parts" in made:
        made["parts"] = [_with_redacted(part, _free(part), take_out) for part in made["parts"]]
    if "request" in made:
        made["request"] = _with_redacted(made["request"], ("error_message", "params", "details"), take_out)
        if "data_json" in made["request"]:
            made["request"]["data_json"] = redacted_json(take_out, made["request"]["data_json"])
    return made


_STRUCTURE = {"type", "id", "tool_call_id", "name", "media_type", "data", "blob"}
"""What a part is made of beside its texts; the name of an attachment is one."""


def _free(part: Part) -> set[str]:
    kept = _STRUCTURE - {"name"} if part["type"] in (*ATTACHED, "context") else _STRUCTURE
    return set(part) - kept


def _with_redacted(values: dict[str, Any], free: Collection[str], take_out: Redactor) -> dict[str, Any]:
    return {name: redacted(value, take_out) if name in free else value for name, value in values.items()}


_TEXTS: dict[str, Callable[[list[ExportedSession]], str]] = {
    "jsonl": forms.jsonl,
    "json": forms.document,
    "md": forms.markdown,
    "ipynb": forms.notebook,
    "openai": forms.chats,
}
