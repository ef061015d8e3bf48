"""`Feed`: one session as all its panels see it, kept up to date whoever writes to it.

Everything here runs on the I/O thread; other threads only call `Feed.notice`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from langswarm_nb.core.session import (
    BaseSession,
    MessageRole,
    MessageStream,
    SessionBusyError,
    SessionError,
    SessionMessage,
    SessionNotFoundError,
)
from langswarm_nb.core.session.conversation.notes import NOT_STORED
from langswarm_nb.core.session.errors import in_words
from langswarm_nb.notebook.cell_errors import cell_words
from langswarm_nb.notebook.showing.answer_tables import answer_html
from langswarm_nb.notebook.showing.carried import vendor_html, with_footnotes
from langswarm_nb.render import render_html

from .live import LiveReply
from .message_items import Family, message_item
from .system_text import system_text

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
TICK_S = 0.05
"""How often a growing reply is looked at: at most 20 updates a second."""
_SLACK = 8
_LONG_CHARS = 4000
"""A longer text is rendered beside the loop."""

logger: logging.Logger = logging.getLogger(__name__)


class Viewer(Protocol):
    """A panel, as its feed sees it."""

    async def show(self, streamed: LiveReply | None = None) -> None:
        """The path, the live reply or the facts changed."""

    def extend(self, delta: dict[str, Any]) -> None:
        """The live reply grew."""

    def fail(self, text: str) -> None:
        """Something went wrong that no message of the session shows."""


@dataclass(slots=True)
class _Asked:
    """What a panel has asked for."""

    stream: MessageStream | None = None
    """None until it is known that it can be sent."""

    @property
    def is_stored(self) -> bool:
        """Whether the question is stored."""
        return self.stream is not None and self.stream.question is not None


class Feed:
    """What is on screen of one session."""

    def __init__(self, session: BaseSession) -> None:
        self.session = session
        self.path: list[SessionMessage] = []
        self.system: str = ""
        """The system text that the next question goes with."""
        self._stored: list[SessionMessage] = []
        self._seen: object = None
        self.branches: list[str] = []
        self.live: LiveReply | None = None
        self.viewers: list[Viewer] = []
        self.family: Family = Family()
        self.is_deleted: bool = False
        self.waits: str = ""
        """What the reply on its way is waiting for."""
        self.html: dict[str, str | None] = {}
        """What the renderer made of messages, by their ids; None for those shown as plain text."""
        self.told: dict[str, tuple[str, ...]] = {}
        """What to show readers about replies that came while it was here, by their ids."""
        self._thinking: dict[str, str] = {}
        self._carried: dict[str, str] = {}
        self._runs: dict[asyncio.Task[None], _Asked] = {}
        self._streams: set[MessageStream] = set()
        self._following = asyncio.Lock()
        self._background: set[asyncio.Task[Any]] = set()
        self._lock = asyncio.Lock()

    # Reading

    async def refresh(self, streamed: LiveReply | None = None) -> None:
        """Read the session again and show it in all panels."""
        async with self._lock:
            await self.read()
            for viewer in list(self.viewers):
                await viewer.show(streamed)

    async def read(self) -> None:
        """Read the session again, where something was stored since: of all branches what is new, and the path."""
        try:
            record = await self.session.refresh()
            if (record, record.used_at) != self._seen:
                await self._read_new(record.message_count)
                self._stored = await self.session.get_messages()
                self.branches = list(await self.session.branches())
                self._seen = record, record.used_at  # as it was before: what came meanwhile is read again
            self.path = _with_unstored(self._stored, self.session.unstored_replies)
            self.system = system_text(self.path)
        except SessionNotFoundError:
            self.is_deleted, self.path = True, []

    async def _read_new(self, count: int) -> None:
        known = self.family.next_seq
        # Others may store between two reads, so a few more are read, and what came is looked at.
        latest = await self.session.get_messages(limit=max(0, count - known) + _SLACK, branch="all")
        new = [message for message in latest if (message.seq or 0) >= known]
        if new and new[0].seq != known:
            everything = await self.session.get_messages(branch="all")
            new = [message for message in everything if (message.seq or 0) >= known]
        self.family.add(new)

    async def catch_up(self) -> None:
        """Show what was done to the session without a hook being told: undo, rename, another kernel."""
        if not self._streams and not self.is_deleted:
            await self.refresh()

    async def items(self, messages: Sequence[SessionMessage]) -> list[dict[str, Any]]:
        """Return messages for the page; each is rendered once."""
        return [await self._item(message) for message in messages]

    async def _item(self, message: SessionMessage) -> dict[str, Any]:
        if message.parts and message.id not in self._carried:
            await self._take_carried(message)
        if message.id not in self.html:
            is_plain = message.role is MessageRole.USER or message.role is MessageRole.TOOL
            self.html[message.id] = (
                None if is_plain else answer_html(message) or await _render(message.content)
            )
        if message.parts and message.id not in self._thinking:
            self._thinking[message.id] = await _render(message.reasoning)
        thinking = self._thinking.get(message.id, "")
        place = self.family.place(message)
        told = [
            note
            for note in self.told.get(message.id, ())
            if note != NOT_STORED or message.seq is None  # it has been stored since
        ]
        carried = self._carried.get(message.id, "")
        return message_item(message, place, self.html[message.id], thinking, told, carried)

    async def _take_carried(self, message: SessionMessage) -> None:
        """Render what a service did for a message, and its sources, of which the text gets marks."""
        sources = ""
        if message.citations:
            text, sources = with_footnotes(message.content, message.citations)
            self.html[message.id] = await _render(text)
        self._carried[message.id] = vendor_html(message.parts) + sources

    # Running

    @property
    def is_busy(self) -> bool:
        """Whether a panel waits for a reply."""
        return bool(self._runs)

    async def run(
        self, opening: Coroutine[Any, Any, MessageStream], then: Callable[[MessageStream], None]
    ) -> None:
        """Ask, for all panels to see, and return when the question is stored.

        Parameters
        ----------
        opening : coroutine
            Returns a stream that is not begun yet; it is read to its end in the background.
        then : callable
            Gets the stream when its reply is stored.

        Raises
        ------
        SessionBusyError
            A reply to a panel is arriving, or the question was taken back.
        SessionError
            It cannot be sent as it is, or the question could not be stored.
        """
        if self._runs:
            opening.close()
            raise SessionBusyError("A reply is arriving in this session. Stop it, or wait for its end.")
        asked = _Asked()
        task = asyncio.get_running_loop().create_task(self._run(asked, opening, then))
        self._runs[task] = asked
        task.add_done_callback(lambda done: self._runs.pop(done, None))
        while not asked.is_stored and not task.done():
            await asyncio.wait([task], timeout=TICK_S)
        if not asked.is_stored:
            if task.cancelled():
                opening.close()
            else:
                task.result()
            raise SessionBusyError("It was stopped before it was stored, so nothing was sent.")

    async def stop(self) -> None:
        """Stop what panels have asked; what had arrived is kept."""
        runs = dict(self._runs)
        for task, asked in runs.items():
            # A question that is just being stored could be there or not; it is waited for.
            while self._is_being_stored(asked) and not task.done():
                await asyncio.wait([task], timeout=TICK_S)
            task.cancel()
        await asyncio.gather(*runs, return_exceptions=True)

    async def stop_all(self) -> None:
        """Stop also the answer to a cell or other code that is shown: whoever reads it comes to its end."""
        shown = self.session.turnstile.holder
        await self.stop()
        if self.live is not None and self.live.foreign and isinstance(shown, MessageStream):
            await shown.aclose()

    def _is_being_stored(self, asked: _Asked) -> bool:
        stream = asked.stream
        return stream is not None and self.session.turnstile.holder is stream and not asked.is_stored

    async def _run(
        self,
        asked: _Asked,
        opening: Coroutine[Any, Any, MessageStream],
        then: Callable[[MessageStream], None],
    ) -> None:
        try:
            asked.stream = stream = await opening
        except BaseException:
            self._runs.clear()
            self.start(self.refresh())  # it is no longer busy
            raise
        self._streams.add(stream)
        follower = asyncio.get_running_loop().create_task(self._follow(stream, foreign=False))
        problem: Exception | None = None
        try:
            await stream.read()
        except asyncio.CancelledError:
            logger.debug("A panel stopped a reply in session %s.", self.session.session_id)
        except SessionError as error:
            problem = error
        except Exception as error:
            logger.exception("A reply in a panel failed.")
            problem = error
        finally:
            self._runs.clear()
            if stream.reply is not None or stream.unstored is not None:
                then(stream)
        if problem is not None and asked.is_stored and not _tells_itself(stream.reply):
            self.fail(cell_words(problem) if isinstance(problem, SessionError) else in_words(problem))
        await self._guarded(self._show_end(follower))
        if problem is not None and not asked.is_stored:
            raise problem  # `run` raises it for whoever asked

    async def _show_end(self, follower: asyncio.Task[None]) -> None:
        await follower
        await self.refresh()

    def fail(self, text: str) -> None:
        """Tell all panels what went wrong."""
        for viewer in self.viewers:
            viewer.fail(text)

    # Following

    def notice(self, stream: MessageStream | None) -> None:
        """Follow a stream that somebody else reads; without one, look at the session again."""
        if stream is not None and stream not in self._streams:
            self._streams.add(stream)
            self.start(self._follow(stream, foreign=True))
        elif not self._streams:
            self.start(self.refresh())

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something in the background; a failure is shown."""
        task = asyncio.get_running_loop().create_task(self._guarded(work))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except SessionError as error:
            self.fail(cell_words(error))
        except Exception as error:
            logger.exception("A panel could not be brought up to date.")
            self.fail(in_words(error))

    async def _follow(self, stream: MessageStream, *, foreign: bool) -> None:
        """Show a reply while it arrives, whoever reads it; one after the other, as the session sends."""
        async with self._following:
            try:
                while stream.question is None and self._is_on_its_way(stream):  # noqa: ASYNC110
                    await asyncio.sleep(TICK_S)
                if stream.question is not None:
                    await self._show_growing(stream, foreign=foreign)
            finally:
                if (reply := stream.reply or stream.unstored) is not None:
                    self.told[reply.id] = stream.notes
                live, self.live, self.waits = self.live, None, ""
                self._streams.discard(stream)
            await self.refresh(live)

    async def _show_growing(self, stream: MessageStream, *, foreign: bool) -> None:
        self.live = live = LiveReply(foreign=foreign, schema=stream.schema)
        live.note = self.waits
        await self.refresh()
        while stream.reply is None and self._is_on_its_way(stream):
            await self._take(live, stream)
            await asyncio.sleep(TICK_S)
        if live.id:
            await self._take_rest(live, stream)

    async def _take_rest(self, live: LiveReply, stream: MessageStream) -> None:
        while await self._take(live, stream):  # noqa: ASYNC110 - at most this many updates a second
            await asyncio.sleep(TICK_S)
        if (reply := stream.reply) is not None and not reply.citations:
            html = await _aside(live.html, reply.content, is_long=live.is_long)
            if html is not None:
                self.html[reply.id] = html

    async def _take(self, live: LiveReply, stream: MessageStream) -> bool:
        """Pass on what came; False when nothing did."""
        partial = stream.partial
        if partial is None:
            return False
        if not live.goes_on_in(partial):
            live.start(partial.id)
            await self.refresh()
        fresh = live.look(partial)
        if fresh is None:
            return False
        text, thinking = fresh
        html = await _aside(live.render, text, is_long=live.is_long)
        delta = live.grow(text, thinking, html)
        if delta is not None:
            for viewer in self.viewers:
                viewer.extend(delta)
        return delta is not None

    def _is_on_its_way(self, stream: MessageStream) -> bool:
        return self.session.turnstile.holder is stream or (bool(self._runs) and stream.question is None)

    # Ending

    async def close(self) -> None:
        """Stop everything that runs for the panels."""
        await self.stop()
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)


def _with_unstored(path: list[SessionMessage], unstored: list[SessionMessage]) -> list[SessionMessage]:
    """Return a path that goes on with the reply to its last question, though that is not stored yet."""
    tip = path[-1].seq if path else None
    return path + [reply for reply in unstored if reply.parent_seq == tip and reply.beside is None]


def _tells_itself(reply: SessionMessage | None) -> bool:
    """Return whether a reply that failed is shown with the reason."""
    return reply is not None and reply.request is not None and reply.request.status == "error"


async def _render(text: str) -> str:
    return await _aside(render_html, text, is_long=len(text) > _LONG_CHARS)


async def _aside(render: Callable[[str], T], text: str, *, is_long: bool) -> T:
    """Render a text; a long one on a thread, so that other replies go on arriving and the kernel answers."""
    return await asyncio.to_thread(render, text) if is_long else render(text)
