"""Sessions as text: pure functions from JSON values to one JSON document, HTML, a notebook, chat lines."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from html import escape
from types import MappingProxyType
from typing import Any, Protocol

from langswarm_nb.core.session.conversation.nodes import Node
from langswarm_nb.core.session.conversation.sent_context import sendable
from langswarm_nb.core.session.export import FORMAT, ExportedSession, dump, heading, marks_of, text_of
from langswarm_nb.core.session.export import jsonl as _jsonl
from langswarm_nb.core.session.export import markdown as _markdown
from langswarm_nb.core.session.messages import MessageRole, SessionMessage
from langswarm_nb.core.session.parts.blobs import hashes_in
from langswarm_nb.core.session.parts.twins import twin
from langswarm_nb.core.session.parts.vocabulary import ATTACHED, Part

JSON = dict[str, Any]
_SHOWN = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""What a page or a notebook shows; no SVG, which may hold scripts."""
_SMALL_BYTES = 200_000
"""Of an image that stands in the page itself, though it has a file."""
_NO_BYTES: Mapping[str, bytes] = MappingProxyType({})


class Render(Protocol):
    """Makes HTML of a text that is safe whatever the text."""

    def __call__(self, text: str, *, format: Any) -> str:
        """Return the HTML; ``format`` is ``"markdown"`` or ``"text"``."""


def jsonl(sessions: Sequence[ExportedSession]) -> str:
    """Return a line for each session and each of its messages."""
    return "".join(map(_jsonl, sessions))


def document(sessions: Sequence[ExportedSession]) -> str:
    """Return one JSON document; its ``sessions`` hold their messages."""
    listed = [{**session.head, "messages": session.messages} for session in sessions]
    values = {"langswarm_nb": FORMAT, "sessions": listed}
    return json.dumps(values, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def markdown(sessions: Sequence[ExportedSession]) -> str:
    """Return the active paths to read, a heading for each message."""
    return "\n".join(_markdown(_marked(session, in_page=False)) for session in sessions)


def chats(sessions: Sequence[ExportedSession]) -> str:
    """Return a chat for each session with an answer, a line each, as services take them to train on.

    A chat is what a model would be sent, in the form in which it would be: without what is hidden, and without what
    nobody answered; each result of a tool is a message, and what was said beside results follows them.
    """
    from langswarm_nb.core.session.providers.chat import wire_messages  # loads what speaks to services

    paths = [[_as_message(line) for line in _sent(session)] for session in sessions]
    answered = [path for path in paths if any(message.role is MessageRole.ASSISTANT for message in path)]
    # Trainers put texts together: what has none is empty, not null.
    chats = [
        [{**said, "content": said["content"] or ""} for said in wire_messages(path)] for path in answered
    ]
    return "".join(f"{dump({'messages': chat})}\n" for chat in chats)


def _as_message(line: JSON) -> SessionMessage:
    parts = tuple(filter(None, map(_as_taken, line.get("parts", ()))))
    return SessionMessage(role=line["role"], content=line.get("content", ""), parts=parts)


def _as_taken(part: Part) -> Part | None:
    """Return a part as a chat takes it: images as they are, and a text for what it does not know."""
    if part["type"] == "image" and ("data" in part or "url" in part):
        return part
    if part["type"] in (*ATTACHED, "context"):
        return {"type": "text", "text": twin(part)}
    return None if part["type"] in ("vendor", "citation") else part


def _sent(session: ExportedSession) -> list[JSON]:
    marked = session.head.get("hidden", {}).get(session.head["session"]["branch"], [])
    path = {message["seq"]: message for message in session.path}
    kept = sendable([_node(message) for message in path.values()], {(turn, v) for turn, v in marked})
    return [path[node.seq] for node in kept]


def _node(message: JSON) -> Node:
    text = message.get("content", "")
    return Node(
        seq=message["seq"],
        parent=message.get("parent_seq"),
        turn=message.get("turn"),
        version=message.get("version", 1),
        role=message["role"],
        active=1,
        cell_id=None,
        ask=None,
        scope=message.get("scope"),
        beside=None,
        status=message.get("request", {}).get("status"),
        compare_id=None,
        says=2 if text else 1 if message.get("parts") else 0,
        chars=len(text),
    )


def notebook(sessions: Sequence[ExportedSession], blobs: Mapping[str, bytes] = _NO_BYTES) -> str:
    """Return a notebook: a cell for each question with its answer as output, and the whole in its metadata.

    Images stand once each, as outputs; all else that messages carry stands in the metadata too. Nothing in it is
    trusted or runs by itself: text of a model stands in outputs only, as plain text.
    """
    cells: list[JSON] = []
    shown: set[str] = set()
    for session in sessions:
        cells.append(_raw_cell(f"{session.title}\n{session.about}"))
        for message in session.path:
            _add_cell(cells, message)
            shown |= _add_images(cells[-1], message, blobs, shown)
    for number, cell in enumerate(cells):
        cell["id"] = f"lsnb-{number}"
    carried = [line for session in sessions for line in (session.head, *session.messages)]
    content = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "langswarm_nb": {"format": FORMAT, "lines": carried, **_not_shown(carried, blobs, shown)},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _add_cell(cells: list[JSON], message: JSON) -> None:
    about = {"message_id": message["id"]}
    if message.get("turn") is not None:
        about["address"] = f"{message['turn']}.{message['version']}"
    if message["role"] == "user":
        if marks := marks_of(message):
            cells.append(_raw_cell(f"{about['address']}: {', '.join(marks)}"))
        cells.append(
            {
                "cell_type": "code",
                "execution_count": None,
                "metadata": {"langswarm_nb": about},
                "outputs": [],
                "source": f"%%langswarm --raw\n{text_of(message)}",
            }
        )
    elif message["role"] == "assistant" and cells[-1]["cell_type"] == "code":
        data = {"text/plain": f"{heading(message)}\n\n{text_of(message)}"}
        cells[-1]["outputs"].append(
            {
                "output_type": "display_data",
                "metadata": {"langswarm_nb": {**about, "model": message.get("request", {}).get("model")}},
                "data": data,
            }
        )
    else:
        cells.append(_raw_cell(f"{heading(message)}: {text_of(message)}"))


def _add_images(cell: JSON, message: JSON, blobs: Mapping[str, bytes], shown: Collection[str]) -> set[str]:
    """Add the images of a message, which no cell shows yet, to the outputs of a cell; return their hashes."""
    added: set[str] = set()
    for part in message.get("parts", ()) if cell["cell_type"] == "code" else ():
        key, media_type = part.get("blob"), part.get("media_type")
        if media_type not in _SHOWN or key in shown or key in added or (data := blobs.get(key)) is None:
            continue
        cell["outputs"].append(
            {
                "output_type": "display_data",
                "metadata": {"langswarm_nb": {"blob": key}},
                "data": {media_type: b64encode(data).decode(), "text/plain": twin(part)},
            }
        )
        added.add(key)
    return added


def _not_shown(lines: Sequence[JSON], blobs: Mapping[str, bytes], shown: Collection[str]) -> JSON:
    """Return what messages carry and no cell shows, by hash."""
    hashes = hashes_in(part for line in lines for part in line.get("parts", ()))
    found = {key: blobs.get(key) for key in hashes if key not in shown}
    kept = {key: b64encode(data).decode() for key, data in found.items() if data is not None}
    return {"blobs": kept} if kept else {}


def _raw_cell(text: str) -> JSON:
    return {"cell_type": "raw", "metadata": {}, "source": text}


def html(sessions: Sequence[ExportedSession], render: Render, blobs: Mapping[str, bytes] = _NO_BYTES) -> str:
    """Return one page that stands alone: it loads nothing, and its policy forbids scripts and loads once more.

    ``render`` makes safe HTML of the texts; all the rest of the page is escaped here. Small images stand in it; large
    ones, when they were written beside it, are shown from there.
    """
    parts = []
    for session in (_marked(session, in_page=True) for session in sessions):
        messages = "".join(
            f'<section class="{escape(message["role"])}"><h3>{escape(heading(message))}</h3>'
            f"{_body(message, render)}"
            f"{_figures(message, blobs)}</section>"
            for message in session.path
        )
        parts.append(
            f"<article><h2>{escape(session.title)}</h2><p>{escape(session.about)}</p>{messages}</article>"
        )
    title = escape(sessions[0].title if len(sessions) == 1 else f"{len(sessions)} conversations")
    return _PAGE.format(title=title, style=_STYLE, style_hash=_STYLE_HASH, body="\n".join(parts))


def _body(message: JSON, render: Render) -> str:
    """Return what was said as HTML: of an answer that is a value its table."""
    data = message.get("request", {}).get("data_json")
    if data is None:
        return render(text_of(_without_attachments(message)), format=_format_of(message))
    from langswarm_nb.render.value_tables import value_html  # few answers are values

    return value_html(json.loads(data))


def _marked(session: ExportedSession, *, in_page: bool) -> ExportedSession:
    """Return a session whose texts have the numbers of their sources in them, links ``in_page``."""
    from langswarm_nb.analysis.sources import footnotes  # few replies have sources

    def marked(message: JSON) -> JSON:
        parts = message.get("parts", ())
        if not any(part["type"] == "citation" for part in parts):
            return message
        notes = footnotes(message.get("content", ""), parts)
        others = [part for part in parts if part["type"] != "citation"]
        text = notes.marked if in_page else notes.marked_text
        return {**message, "content": text, "parts": [*others, *notes.listed]}

    return ExportedSession(session.head, [marked(message) for message in session.path])


def _format_of(message: JSON) -> str:
    return "markdown" if message["role"] == "assistant" else "text"


def _without_attachments(message: JSON) -> JSON:
    return {
        **message,
        "parts": [part for part in message.get("parts", ()) if part["type"] not in ATTACHED],
    }


def _figures(message: JSON, blobs: Mapping[str, bytes]) -> str:
    attached = [part for part in message.get("parts", ()) if part["type"] in ATTACHED]
    return "".join(_figure(part, blobs) for part in attached)


def _figure(part: Part, blobs: Mapping[str, bytes]) -> str:
    """Return an attachment: shown when it is an image, and linked where it was written."""
    told = escape(twin(part)[1:-1])
    media_type, data = part.get("media_type"), None
    file = escape(part.get("file", ""))
    source = file
    if media_type in _SHOWN:
        small = (part.get("size") or 0) <= _SMALL_BYTES or not file
        data = blobs.get(part.get("blob", "")) if small else None
        source = file if data is None else f"data:{media_type};base64,{b64encode(data).decode()}"
    shown = f'<img src="{source}" alt="{told}">' if source and media_type in _SHOWN else ""
    link = f'<a href="{file}" rel="noopener noreferrer">{told}</a>' if file else told
    return f"<figure>{shown}<figcaption>{link}</figcaption></figure>"


_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
section { margin: 1rem 0; padding: .25rem 1rem; border-left: 4px solid #767676; overflow-wrap: anywhere }
section.assistant { border-color: #0072b2 }
section h3 { font-size: .85rem; margin: .25rem 0 }
pre { overflow-x: auto; white-space: pre-wrap }
figure { margin: .5rem 0 }
figure img { max-width: 100%; height: auto }
figcaption { font-size: .85rem }
table { border-collapse: collapse }
td, th { border: 1px solid; padding: .2rem .5rem }
"""
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
"""Of the one style sheet that the page's policy lets in."""
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data: 'self'; style-src 'sha256-{style_hash}'; form-action 'none'; base-uri 'none'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""  # noqa: E501 - the policy is one value
