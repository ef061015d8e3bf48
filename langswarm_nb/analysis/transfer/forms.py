"""Sessions as text: pure functions from JSON values to JSON lines, Markdown, HTML, a notebook, chat lines."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from typing import Any, Protocol


class Render(Protocol):
    """Makes HTML of a text that is safe whatever the text."""

    def __call__(self, text: str, *, format: Any) -> str:
        """Return the HTML; ``format`` is ``"markdown"`` or ``"text"``."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session in the form that JSON lines have."""

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
        return str(session.get("title") or f"Session {session['session_id']}")

    @property
    def model(self) -> str:
        """Provider and model that the session is set to."""
        settings = self.head["session"]["settings"]
        return f"{settings['provider']}:{settings['model']}"


def jsonl(sessions: Sequence[Session]) -> str:
    """Return a line for each session and each of its messages."""
    return "".join(f"{_dump(line)}\n" for session in sessions for line in (session.head, *session.messages))


def document(sessions: Sequence[Session]) -> str:
    """Return one JSON document; its ``sessions`` hold their messages."""
    listed = [{**session.head, "messages": session.messages} for session in sessions]
    return (
        json.dumps({"langswarm_nb": 1, "sessions": listed}, ensure_ascii=False, indent=2, allow_nan=False)
        + "\n"
    )


def markdown(sessions: Sequence[Session]) -> str:
    """Return the active paths to read, a heading for each message."""
    return "\n".join(_markdown(session) for session in sessions)


def _markdown(session: Session) -> str:
    blocks = [f"# {' '.join(session.title.split())}", f"{session.model}, {_day(session)} UTC"]
    blocks += [f"## {_speaker(message)}\n\n{_text(message)}" for message in session.path]
    return "\n\n".join(blocks) + "\n"


def chats(sessions: Sequence[Session]) -> str:
    """Return a chat for each session with an answer, a line each, as services take them to train on."""
    talks = [session.path for session in sessions]
    lines = [
        {"messages": list(map(_chat, path))} for path in talks if any(m["role"] == "assistant" for m in path)
    ]
    return "".join(f"{_dump(line)}\n" for line in lines)


def _chat(message: dict[str, Any]) -> dict[str, Any]:
    parts = message.get("parts", [])
    said: dict[str, Any] = {"role": message["role"], "content": message.get("content", "")}
    results = [part for part in parts if part["type"] == "tool_result"]
    if results:
        said |= {"tool_call_id": results[0]["tool_call_id"], "content": results[0]["content"]}
    images = [part for part in parts if part["type"] == "image"]
    if images:
        text = [{"type": "text", "text": said["content"]}] if said["content"] else []
        said["content"] = [
            *text,
            *({"type": "image_url", "image_url": {"url": _url(part)}} for part in images),
        ]
    calls = [part for part in parts if part["type"] == "tool_call"]
    if calls:
        said["tool_calls"] = [
            {
                "id": call["id"],
                "type": "function",
                "function": {"name": call["name"], "arguments": call["arguments"]},
            }
            for call in calls
        ]
    return said


def _url(part: dict[str, Any]) -> str:
    return str(part.get("url") or f"data:{part.get('media_type')};base64,{part.get('data')}")


def notebook(sessions: Sequence[Session]) -> str:
    """Return a notebook: a cell for each question with its answer as output, and the whole in its metadata.

    Nothing in it is trusted or runs by itself: text of a model stands in outputs only, as plain text.
    """
    cells: list[dict[str, Any]] = []
    for session in sessions:
        cells.append(_raw_cell(f"{session.title}\n{session.model}, {_day(session)} UTC"))
        for message in session.path:
            _add_cell(cells, message)
    for number, cell in enumerate(cells):
        cell["id"] = f"lsnb-{number}"
    carried = [line for session in sessions for line in (session.head, *session.messages)]
    content = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "langswarm_nb": {"format": 1, "lines": carried},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _add_cell(cells: list[dict[str, Any]], message: dict[str, Any]) -> None:
    text, about = _text(message), {"message_id": message["id"]}
    if message["role"] == "user":
        cells.append(
            {
                "cell_type": "code",
                "execution_count": None,
                "metadata": {"langswarm_nb": about},
                "outputs": [],
                "source": f"%%langswarm --raw\n{text}",
            }
        )
    elif message["role"] == "assistant" and cells[-1]["cell_type"] == "code":
        about["model"] = message.get("request", {}).get("model")
        data = {"text/plain": text}
        cells[-1]["outputs"].append(
            {"output_type": "display_data", "metadata": {"langswarm_nb": about}, "data": data}
        )
    else:
        cells.append(_raw_cell(f"{_speaker(message)}: {text}"))


def _raw_cell(text: str) -> dict[str, Any]:
    return {"cell_type": "raw", "metadata": {}, "source": text}


def html(sessions: Sequence[Session], render: Render) -> str:
    """Return one page that stands alone: it loads nothing, and its policy forbids scripts and loads once more.

    ``render`` makes safe HTML of the texts; all the rest of the page is escaped here.
    """
    parts = []
    for session in sessions:
        messages = "".join(
            f'<section class="{escape(message["role"])}"><h3>{escape(_speaker(message))}</h3>'
            f"{render(_text(message), format='markdown' if message['role'] == 'assistant' else 'text')}</section>"
            for message in session.path
        )
        about = f"{escape(session.model)}, {escape(_day(session))} UTC"
        parts.append(f"<article><h2>{escape(session.title)}</h2><p>{about}</p>{messages}</article>")
    title = escape(sessions[0].title if len(sessions) == 1 else f"{len(sessions)} conversations")
    return _PAGE.format(title=title, style=_STYLE, style_hash=_STYLE_HASH, body="\n".join(parts))


_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
section { margin: 1rem 0; padding: .25rem 1rem; border-left: 4px solid #767676; overflow-wrap: anywhere }
section.assistant { border-color: #0072b2 }
section h3 { font-size: .85rem; margin: .25rem 0 }
pre { overflow-x: auto; white-space: pre-wrap }
table { border-collapse: collapse }
td, th { border: 1px solid; padding: .2rem .5rem }
"""
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
"""Of the one style sheet that the page's policy lets in."""
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-{style_hash}'; form-action 'none'; base-uri 'none'">
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


def _speaker(message: dict[str, Any]) -> str:
    model = message.get("request", {}).get("model")
    name = message["role"].capitalize()
    return f"{name} ({model})" if message["role"] == "assistant" and model else name


def _text(message: dict[str, Any]) -> str:
    """Return the text of a message; calls of tools, results and images are named."""
    named = [_named(part) for part in message.get("parts", [])]
    return "\n\n".join(filter(None, [message.get("content", ""), *named]))


def _named(part: dict[str, Any]) -> str:
    match part["type"]:
        case "tool_call":
            return f"[calls {part['name']}({part['arguments']})]"
        case "tool_result":
            return str(part["content"])
        case "image":
            return f"[image {part['url']}]" if "url" in part else f"[image, {part.get('media_type')}]"
    return ""


def _day(session: Session) -> str:
    return str(session.head["session"]["created_at"])[:16].replace("T", " ")


def _dump(value: object) -> str:
    """Return JSON on one line, also for readers that end a line at U+0085, U+2028 or U+2029."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return text.translate({char: f"\\u{char:04x}" for char in (0x85, 0x2028, 0x2029)})
