"""A conversation to be read, in a page and in a terminal: `Transcript`, and `messages_html` for the panel's twin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.conversation.copies import knew_other
from langswarm_nb.core.session.conversation.notes import marks
from langswarm_nb.core.session.messages import MessageRole, SessionMessage
from langswarm_nb.core.session.parts.twins import name_of
from langswarm_nb.core.session.parts.vocabulary import ATTACHED
from langswarm_nb.notebook.bridge import kernel_shell
from langswarm_nb.render import Format, visible_controls

if TYPE_CHECKING:
    from langswarm_nb.core.session import BaseSession

    from .seen import Bytes

MAX_CHARS = 400_000
"""So much of a conversation is rendered; a notebook file should stay small."""
_SHOWN = (*ATTACHED, "vendor", "citation")
_MAX_IN_SHORT = 5
MAX_PICTURES = 20
"""It has this many thumbnails, of the last ones; those before are described in words."""
_PICTURE_PX = 128
_PICTURE_BYTES = 8_000
NAMES = {
    MessageRole.USER: "You",
    MessageRole.ASSISTANT: "Model",
    MessageRole.SYSTEM: "System prompt",
    MessageRole.TOOL: "Tool",
}


class Transcript:
    """The last messages of a session.

    Parameters
    ----------
    name : str
        Name of the session.
    messages : sequence of SessionMessage
        What is shown.
    total : int
        How many messages there are.
    thumbs : mapping of str to tuple of str and bytes, optional
        See `messages_html`.
    """

    def __init__(
        self,
        name: str,
        messages: Sequence[SessionMessage],
        total: int,
        thumbs: Mapping[str, Bytes] | None = None,
    ) -> None:
        self.name = name
        self.messages: list[SessionMessage] = list(messages)
        self.total = total
        self._thumbs = thumbs or {}

    @property
    def heading(self) -> str:
        """The session and how much of it is shown."""
        if not self.total:
            return f"{self.name}: no messages yet."
        if len(self.messages) == self.total:
            return f"{self.name}: {self.total} messages"
        return f"{self.name}: the last {len(self.messages)} of {self.total} messages (-n N shows more)"

    def __repr__(self) -> str:
        blocks = [said(message, message.role.value) for message in self.messages]
        return visible_controls("\n\n".join([self.heading, *blocks]))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        if kernel_shell() is None or not self.messages:
            return {}
        return {
            "text/html": messages_html(self.heading, self.messages, thumbs=self._thumbs),
            "text/plain": repr(self),
        }


async def thumbs_for(session: BaseSession, messages: Iterable[SessionMessage]) -> Mapping[str, Bytes]:
    """Return the thumbnails of the last attachments of messages, so small that a notebook file can hold them all."""
    parts = [part for message in messages for part in message.attachments]
    if not parts:
        return {}
    from .seen import thumbs_of

    how = {"side": _PICTURE_PX, "most_bytes": _PICTURE_BYTES, "count": MAX_PICTURES}
    return await thumbs_of(session, reversed(parts), **how)


def messages_html(
    heading: str,
    messages: Sequence[SessionMessage],
    known: Mapping[str, str | None] | None = None,
    *,
    thumbs: Mapping[str, Bytes] | None = None,
) -> str:
    """Return messages as one safe page; beyond `MAX_CHARS`, counted from the end, replies stay plain text.

    Parameters
    ----------
    heading : str
        Plain text above them.
    messages : sequence of SessionMessage
        What was said, in order.
    known : mapping of str to str, optional
        What the renderer made of messages before, by their ids.
    thumbs : mapping of str to tuple of str and bytes, optional
        Thumbnails of attachments by their hashes, as `thumbs_for` returns them.
    """
    from langswarm_nb.render.page import ReplyPart, page_html

    left, pictures_left = MAX_CHARS, MAX_PICTURES
    blocks = []
    for message in reversed(messages):
        is_rendered = 0 < len(message.content) <= left
        left -= len(message.content)
        seen = {key: found for key in _hashes(message) if (found := (thumbs or {}).get(key)) is not None}
        seen = seen if len(seen) <= pictures_left else {}
        pictures_left -= sum(key in seen for key in _hashes(message))
        body = (known or {}).get(message.id) or ""
        blocks.append(message_html(message, body=body, is_rendered=is_rendered, thumbs=seen))
    return page_html([ReplyPart("".join(reversed(blocks)), title=heading)])


def message_html(
    message: SessionMessage,
    *,
    body: str = "",
    is_rendered: bool = True,
    thumbs: Mapping[str, Bytes] | None = None,
) -> str:
    """Return a message as a bubble, for use in a page.

    Parameters
    ----------
    message : SessionMessage
        What was said.
    body : str
        What the renderer made of it before.
    is_rendered : bool
        Whether an answer's Markdown is; else it is shown as it is.
    thumbs : mapping of str to tuple of str and bytes, optional
        Thumbnails of its attachments by their hashes.
    """
    from langswarm_nb.render.page import bubble_html

    is_markdown = is_rendered and message.role is MessageRole.ASSISTANT and message.content
    if is_rendered and not body and message.request is not None and message.request.schema_hash is not None:
        from .answer_tables import answer_html

        body = answer_html(message) or ""
    model = [message.request.model_id] if message.request is not None else []
    line = " · ".join([NAMES[message.role], *model, *_place(message), *_marks(message)])
    form: Format = "markdown" if is_markdown else "text"
    words, around = _words(message), {}
    if any(part["type"] in _SHOWN for part in message.parts):
        from .carried import attachments_html, vendor_html, with_footnotes

        if is_markdown or not message.citations:
            words, sources = with_footnotes(words, message.citations)
        else:
            sources = with_footnotes("", message.citations)[1]
        attached = attachments_html(message.parts, thumbs or {})
        is_asked = message.role is MessageRole.USER
        around = {
            "above": attached * is_asked + vendor_html(message.parts),
            "below": attached * (not is_asked) + sources,
        }
    return bubble_html(message.role.value, line, words, format=form, body=body, **around)


def said(message: SessionMessage, name: str) -> str:
    """Return a message as plain text: who said it, where, what sets it apart, and the words."""
    words = _words(message)
    if any(part["type"] in _SHOWN for part in message.parts):
        from .carried import attachments_text, vendor_text, with_footnotes_text

        words, sources = with_footnotes_text(words, message.citations)
        beside = [attachments_text(message.parts), vendor_text(message.parts)]
        words = "\n".join(filter(None, [*beside, words, sources and f"\n{sources}"]))
    return f"{' · '.join([name, *_place(message), *_marks(message)])}: {words}"


def in_short(message: SessionMessage) -> str:
    """Return what a message says, for a line about it; without any words, what it carries: ``[image plot.png]``."""
    if message.content:
        return message.content
    named = (f"{part['type']} {name_of(part)}".strip() for part in message.attachments[:_MAX_IN_SHORT])
    return " ".join(f"[{name}]" for name in named)


def _hashes(message: SessionMessage) -> list[str]:
    return [str(part["blob"]) for part in message.attachments if part.get("blob")]


def _place(message: SessionMessage) -> list[str]:
    return [message.address] if message.address else []


def _marks(message: SessionMessage) -> list[str]:
    return marks(
        is_hidden=message.is_hidden,
        beside=message.beside,
        is_active=message.is_active,
        status=None if message.request is None else message.request.status,
        scope=message.scope,
        knew_other=knew_other(message.metadata),
    )


def _words(message: SessionMessage) -> str:
    """Return what was said; of an answer that failed before any word, why."""
    facts = message.request
    return message.content or (facts.error_message if facts is not None else None) or ""
