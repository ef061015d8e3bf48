"""Show replies while they arrive: in a cell one output that is replaced, in a terminal the text itself.

A cell's output is HTML of the renderer with the text as ``text/plain``, in one bundle, and it is one output of the
saved notebook however often it was updated; `pacing` says when it is.
Where nothing is to stream, and under ``%%capture``, there is one display at the end, which tools that compare saved
outputs can follow.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
import uuid
from dataclasses import asdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from langswarm_nb.notebook.bridge import kernel_shell
from langswarm_nb.render import Format, render_html, visible_controls

from .pacing import Pacer
from .terminal_reply import TerminalReply, plain_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from langswarm_nb.core.session.answers.answer_schema import AnswerSchema
    from langswarm_nb.render.growing import GrowingReply
    from langswarm_nb.render.page import ReplyPart

    from .answer_tables import GrowingValue, ShownAnswer
    from .carried import Carried
    from .column import Column

__all__ = [
    "METADATA_KEY",
    "ReplyDisplay",
    "open_reply_displays",
    "reply_bundle",
    "ticking",
]

METADATA_KEY = "langswarm"
"""Where the metadata of an output say what made it."""

logger: logging.Logger = logging.getLogger(__name__)


class ReplyDisplay(Protocol):
    """Shows one reply, from its first delta to its end."""

    def begin(self, schema: AnswerSchema | None) -> None:
        """Start over: what was shown is void. With a schema the reply is a value, shown as a table."""

    def update(self, delta: str) -> None:
        """Take in the next piece of text and show it when an update is due."""

    def status(self, text: str) -> None:
        """Say what is being waited for, until the next piece arrives."""

    def tick(self) -> None:
        """Show what is due though nothing arrives; to be called now and then while the model pauses."""

    def finish(
        self,
        text: str | None = None,
        *,
        format: Format | None = None,
        markdown: str | None = None,
        footer: str = "",
        column: Column | None = None,
        details: Sequence[tuple[str, str]] = (),
        provenance: Mapping[str, Any] | None = None,
        carried: Carried | None = None,
        answer: ShownAnswer | None = None,
    ) -> None:
        """Show the reply as it is to be saved.

        Parameters
        ----------
        text
            The reply, if it is not what arrived.
        format
            How to show it, if not as it was opened for.
        markdown
            What a page shows instead of the reply; its plain text stays the reply.
        footer
            One line of plain text below it.
        column
            What a page shows instead of the footer, of a reply beside others.
        details
            Names and values, plain text, that unfold below the footer.
        provenance
            JSON for the output's metadata, at `METADATA_KEY`; of several replies a list of these.
        carried
            What stands around its words.
        answer
            What is shown instead of its words.
        """

    def discard(self) -> None:
        """Show that there is no reply; nothing at all when nothing was shown yet."""


def open_reply_displays(
    titles: Sequence[str],
    *,
    format: Format,
    stream: bool,
    clock: Callable[[], float] = time.monotonic,
) -> list[ReplyDisplay]:
    """Return where replies are shown side by side, in one output; the last to finish makes it final.

    Parameters
    ----------
    titles
        Plain text above each reply; empty for none.
    format
        How to show them.
    stream
        Whether to show them while they arrive.
    clock
        Tells the time in seconds.
    """
    shell = kernel_shell()
    if shell is None:
        told: set[str] = set()
        return [TerminalReply(title, is_live=stream and len(titles) == 1, told=told) for title in titles]
    output = _CellOutput(Pacer(clock) if stream and not _is_captured(shell) else None)
    return [output.add(title, format) for title in titles]


@contextlib.contextmanager
def ticking(*displays: ReplyDisplay, every_s: float = 0.2) -> Iterator[None]:
    """Let displays tick while the block runs, in a running loop.

    The timer also wakes the event loop, without which Jupyter's interrupt does not reach an ``await`` cell that waits
    for a silent connection.
    """
    loop = asyncio.get_running_loop()
    timers: list[asyncio.TimerHandle] = []

    def tick() -> None:
        try:
            for display in displays:
                display.tick()
        except Exception:
            logger.warning("A display could not show that time passes.", exc_info=True)
        else:
            timers[:] = [loop.call_later(every_s, tick)]

    timers.append(loop.call_later(every_s, tick))
    try:
        yield
    finally:
        for timer in timers:
            timer.cancel()


def reply_bundle(
    text: str,
    *,
    format: Format = "markdown",
    markdown: str | None = None,
    footer: str = "",
    details: Sequence[tuple[str, str]] = (),
    carried: Carried | None = None,
    answer: ShownAnswer | None = None,
) -> dict[str, Any]:
    """Return a reply as MIME data: ``text/html``, its text as ``text/plain``, and the data of an answer."""
    from langswarm_nb.render.page import ReplyPart, page_html

    if answer is not None:
        page = page_html([ReplyPart(answer.html, footer=footer, details=details)])
        return {"text/html": page, "text/plain": answer.text, **_data([answer])}
    if markdown is None and format == "markdown" and carried is not None:
        markdown = carried.marked
    body = render_html(text, format=format) if markdown is None else render_html(markdown)
    part = ReplyPart(_around(body, carried), footer=footer, details=details)
    asked_html, asked_text = _asked([carried])
    return {
        "text/html": page_html([part], above=asked_html),
        "text/plain": "\n\n".join(filter(None, [asked_text, plain_text(text, carried)])),
    }


def _asked(carried: Iterable[Carried | None]) -> tuple[str, str]:
    """Return what stands above all replies to one question, once, as HTML and as text."""
    found = next((one for one in carried if one is not None and one.asked_html), None)
    return ("", "") if found is None else (found.asked_html, visible_controls(found.asked_text))


def _data(answers: Sequence[ShownAnswer | None]) -> dict[str, Any]:
    """Return the data of answers as MIME data: of one reply itself, of several a list."""
    found = [None if answer is None else answer.data for answer in answers]
    if not any(data is not None for data in found):
        return {}
    from .answer_tables import MIME

    return {MIME: found[0] if len(found) == 1 else found}


def _around(body: str, carried: Carried | None) -> str:
    return body if carried is None else carried.around(body)


_ARRIVING = "arriving …"
"""Stands below a reply until it is whole: a page that was reloaded meanwhile keeps what it has seen, so marked."""


class _CellOutput:
    """One output of a cell, with the replies it shows."""

    def __init__(self, pacer: Pacer | None) -> None:
        self._pacer = pacer
        self._replies: list[_CellReply] = []
        self._display_id = uuid.uuid4().hex
        self._is_shown = False

    def add(self, title: str, format: Format) -> _CellReply:
        reply = _CellReply(self, title, format)
        self._replies.append(reply)
        return reply

    def refresh(self, *, is_urgent: bool = False) -> None:
        """Show the replies as they are now, if an update is due."""
        if self._pacer is None:
            return
        text_bytes = sum(reply.size_bytes for reply in self._replies)
        html_ratio = max(reply.html_ratio for reply in self._replies)
        if self._pacer.may_update(text_bytes=text_bytes, html_ratio=html_ratio, is_urgent=is_urgent):
            html = self._page(self._replies)
            self._publish(html, "The reply is arriving.", {})
            html_bytes = len(json.dumps(html, ensure_ascii=False).encode())
            self._pacer.record(text_bytes=text_bytes, html_bytes=html_bytes)

    def end(self) -> None:
        """Show what is to be saved, once all replies have ended."""
        if not all(reply.is_ended for reply in self._replies):
            self.refresh(is_urgent=True)
            return
        kept = [reply for reply in self._replies if not reply.is_discarded]
        if not kept and not self._is_shown:
            return
        provenance = [reply.provenance for reply in kept if reply.provenance is not None]
        _, asked = _asked(reply.carried for reply in kept)
        self._publish(
            self._page(kept),
            "\n\n".join(filter(None, [asked, *(reply.plain_text() for reply in kept)])),
            {METADATA_KEY: provenance[0] if len(self._replies) == 1 else provenance} if provenance else {},
            _data([reply.answer for reply in kept]),
        )

    @staticmethod
    def _page(replies: Sequence[_CellReply]) -> str:
        from langswarm_nb.render.page import page_html

        above, _ = _asked(reply.carried for reply in replies)
        return page_html([reply.part() for reply in replies], above=above)

    def _publish(
        self, html: str, plain: str, metadata: dict[str, Any], more: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        from IPython.display import display

        display(
            {"text/html": html, "text/plain": plain, **more},
            raw=True,
            metadata=metadata,
            display_id=self._display_id,
            update=self._is_shown,
        )
        self._is_shown = True


class _CellReply:
    """One reply in an output of a cell; a `ReplyDisplay`."""

    def __init__(self, output: _CellOutput, title: str, format: Format) -> None:
        from langswarm_nb.render.growing import GrowingReply

        self._output = output
        self._title = title
        self._format = format
        self._growing: GrowingReply | GrowingValue = GrowingReply(format)
        self._status = ""
        self._text = ""
        self.carried: Carried | None = None
        self.answer: ShownAnswer | None = None
        self._final: ReplyPart | None = None
        self.is_discarded = False
        self.provenance: Mapping[str, Any] | None = None

    @property
    def is_ended(self) -> bool:
        return self.is_discarded or self._final is not None

    @property
    def size_bytes(self) -> int:
        return self._growing.size_bytes

    @property
    def html_ratio(self) -> float:
        return self._growing.html_ratio

    def begin(self, schema: AnswerSchema | None) -> None:
        if schema is not None and self._format == "markdown":
            from .answer_tables import GrowingValue

            self._growing = GrowingValue(schema)
        elif self._growing.text:
            from langswarm_nb.render.growing import GrowingReply

            self._growing = GrowingReply(self._format)

    def update(self, delta: str) -> None:
        self._growing.feed(delta)
        had_status, self._status = bool(self._status), ""
        self._output.refresh(is_urgent=had_status)

    def status(self, text: str) -> None:
        self._status = text
        self._output.refresh(is_urgent=True)

    def tick(self) -> None:
        self._output.refresh()

    def finish(
        self,
        text: str | None = None,
        *,
        format: Format | None = None,
        markdown: str | None = None,
        footer: str = "",
        column: Column | None = None,
        details: Sequence[tuple[str, str]] = (),
        provenance: Mapping[str, Any] | None = None,
        carried: Carried | None = None,
        answer: ShownAnswer | None = None,
    ) -> None:
        from langswarm_nb.render.page import ReplyPart

        arrived = self._growing.text
        self._text = arrived if text is None else text
        self.carried, self.answer = carried, answer
        if markdown is None and (format or self._format) == "markdown" and carried is not None:
            markdown = carried.marked
        if answer is not None:
            body = answer.html
        elif markdown is not None:
            body = render_html(markdown)
        elif self._text == arrived and format in {None, self._format}:
            body = self._growing.finish()
        else:
            body = render_html(self._text, format=format or self._format)
        self.provenance = provenance
        beside = {"footer": footer} if column is None else asdict(column)
        self._final = ReplyPart(_around(body, carried), self._title, details=details, **beside)
        self._output.end()

    def discard(self) -> None:
        self.is_discarded = True
        self._output.end()

    def part(self) -> ReplyPart:
        """Return how the reply looks now."""
        from langswarm_nb.render.page import ReplyPart

        if self._final is not None:
            return self._final
        status = self._status or _ARRIVING
        return ReplyPart(self._growing.html(), self._title, footer=status, is_live=not self.is_discarded)

    def plain_text(self) -> str:
        """Return the reply as ``text/plain``."""
        text = plain_text(self._text, self.carried) if self.answer is None else self.answer.text
        return f"{visible_controls(self._title)}:\n{text}" if self._title else text


def _is_captured(shell: Any) -> bool:
    from IPython.core.displaypub import CapturingDisplayPublisher

    return isinstance(shell.display_pub, CapturingDisplayPublisher)
