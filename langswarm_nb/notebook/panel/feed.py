"""`Feed`: one session as all its panels see it, kept up to date whoever writes to it.

Everything here runs on the I/O thread; other threads only call `Feed.notice`.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import weakref
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from langswarm_nb.core.session import (
    BaseSession,
    ISession,
    ISessionLifecycleHook,
    MessageRole,
    MessageStream,
    RetryNotice,
    SessionBusyError,
    SessionError,
    SessionManager,
    SessionMessage,
    SessionNotFoundError,
)
from langswarm_nb.core.session.errors import in_words
from langswarm_nb.notebook.bridge import io_loop, kernel_shell
from langswarm_nb.render import render_html

from .live import LiveReply
from .message_items import Family, message_item

if TYPE_CHECKING:
    from collections.abc import Callable

TICK_S = 0.05
"""How often a growing reply is looked at: at most 20 updates a second."""
_SLACK = 8
_LONG_CHARS = 4000
"""A longer text is rendered on a thread, so that replies go on arriving meanwhile."""

logger: logging.Logger = logging.getLogger(__name__)


class Viewer(Protocol):
    """A panel, as its feed sees it."""

    async def show(self, streamed: LiveReply | None = None) -> None:
        """The path, the live reply or the facts changed."""

    def extend(self, delta: dict[str, Any]) -> None:
        """The live reply grew."""

    def fail(self, text: str) -> None:
        """Something went wrong that no message of the session tells."""


class Feed:
    """What is on screen of one session."""

    def __init__(self, session: BaseSession) -> None:
        self.session = session
        self.path: list[SessionMessage] = []
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
        """What readers are told of replies that came while it was here, by their ids."""
        self._thinking: dict[str, str] = {}
        self._runs: dict[asyncio.Task[None], MessageStream] = {}
        self._streams: set[MessageStream] = set()
        self._following = asyncio.Lock()
        self._background: set[asyncio.Task[Any]] = set()
        self._lock = asyncio.Lock()

    # Reading

    async def refresh(self, streamed: LiveReply | None = None) -> None:
        """Read the session anew and show it in all panels."""
        async with self._lock:
            await self.read()
            for viewer in list(self.viewers):
                await viewer.show(streamed)

    async def read(self) -> None:
        """Read the session anew: of all branches what is new, and the path."""
        try:
            await self._read_new()
            self.path = await self.session.get_messages()
            self.branches = list(await self.session.branches())
        except SessionNotFoundError:
            self.is_deleted, self.path = True, []

    async def _read_new(self) -> None:
        known = self.family.next_seq
        count = (await self.session.refresh()).message_count
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
        if message.id not in self.html:
            is_plain = message.role is MessageRole.USER or message.role is MessageRole.TOOL
            self.html[message.id] = None if is_plain else await _render(message.content)
        if message.parts and message.id not in self._thinking:
            self._thinking[message.id] = await _render(message.reasoning)
        thinking = self._thinking.get(message.id, "")
        place, told = self.family.place(message), self.told.get(message.id, ())
        return message_item(message, place, self.html[message.id], thinking, told)

    # Running

    @property
    def is_busy(self) -> bool:
        """Whether a panel waits for a reply."""
        return bool(self._runs)

    async def run(self, stream: MessageStream, then: Callable[[MessageStream], None]) -> None:
        """Start to read a stream, for all panels to see, and return when its question is stored.

        Parameters
        ----------
        stream : MessageStream
            Not begun yet; it is read to its end in the background.
        then : callable
            Gets the stream when its reply is stored.

        Raises
        ------
        SessionBusyError
            A reply to a panel is arriving, or the question was taken back.
        SessionError
            The question could not be stored.
        """
        if self._runs:
            raise SessionBusyError("A reply is arriving in this session. Stop it, or wait for its end.")
        task = asyncio.get_running_loop().create_task(self._run(stream, then))
        self._runs[task] = stream
        task.add_done_callback(lambda done: self._runs.pop(done, None))
        while stream.question is None and not task.done():
            await asyncio.wait([task], timeout=TICK_S)
        if stream.question is None:
            task.result()
            raise SessionBusyError("It was stopped before it was stored, so nothing was sent.")

    async def stop(self) -> None:
        """Stop what panels have asked; what had arrived is kept."""
        runs = dict(self._runs)
        for task, stream in runs.items():
            # A question that is just being stored could be there or not; it is waited for.
            while self.session.turnstile.holder is stream and stream.question is None and not task.done():
                await asyncio.wait([task], timeout=TICK_S)
            task.cancel()
        await asyncio.gather(*runs, return_exceptions=True)

    async def _run(self, stream: MessageStream, then: Callable[[MessageStream], None]) -> None:
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
            if stream.reply is not None:
                then(stream)
        await self._guarded(self._show_end(follower))
        if problem is None:
            return
        if stream.question is None:
            raise problem  # `run` tells who asked
        if stream.reply is None or stream.reply.request is None or stream.reply.request.status != "error":
            self.fail(in_words(problem))  # else the reply tells

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
            self.fail(in_words(error))
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
                if stream.reply is not None:
                    self.told[stream.reply.id] = stream.notes
                live, self.live, self.waits = self.live, None, ""
                self._streams.discard(stream)
            await self.refresh(live)

    async def _show_growing(self, stream: MessageStream, *, foreign: bool) -> None:
        self.live = live = LiveReply(foreign=foreign)
        live.note = self.waits
        await self.refresh()
        while stream.reply is None and self._is_on_its_way(stream):
            await self._take(live, stream)
            await asyncio.sleep(TICK_S)
        if live.id:
            await self._take_rest(live, stream)

    async def _take_rest(self, live: LiveReply, stream: MessageStream) -> None:
        while await self._take(live, stream):  # noqa: ASYNC110 - at most so many updates a second
            await asyncio.sleep(TICK_S)
        if (reply := stream.reply) is not None and (html := live.html(reply.content)) is not None:
            self.html[reply.id] = html

    async def _take(self, live: LiveReply, stream: MessageStream) -> bool:
        """Pass on what came; False when nothing did."""
        partial = stream.partial
        if partial is None:
            return False
        if live.id != partial.id:
            live.id = partial.id
            await self.refresh()
        delta = live.take(partial)
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


async def _render(text: str) -> str:
    return await asyncio.to_thread(render_html, text) if len(text) > _LONG_CHARS else render_html(text)


class Hub(ISessionLifecycleHook):
    """The feeds of one manager; a hook of it for as long as there are any."""

    def __init__(self, manager: SessionManager) -> None:
        self._manager = weakref.ref(manager)
        self.feeds: dict[str, Feed] = {}

    async def join(self, session: BaseSession, viewer: Viewer) -> Feed:
        """Return the feed of a session, with this viewer on it."""
        feed = self.feeds.get(session.session_id)
        if feed is None:
            feed = self.feeds[session.session_id] = Feed(session)
            if len(self.feeds) == 1:
                self._listen()
        feed.viewers.append(viewer)
        try:
            await feed.read()
        except BaseException:
            await self.leave(feed, viewer)
            raise
        return feed

    async def leave(self, feed: Feed, viewer: Viewer) -> None:
        """Take a viewer off its feed; a feed without viewers ends."""
        if viewer in feed.viewers:
            feed.viewers.remove(viewer)
        if feed.viewers or self.feeds.get(feed.session.session_id) is not feed:
            return
        del self.feeds[feed.session.session_id]
        if not self.feeds:
            self._stop_listening()
        await feed.close()

    def _listen(self) -> None:
        manager, shell = self._manager(), kernel_shell()
        if manager is not None:
            manager.add_global_hook(self)
        if shell is not None:
            shell.events.register("post_run_cell", self._after_cell)

    def _stop_listening(self) -> None:
        manager, shell = self._manager(), kernel_shell()
        if manager is not None and self in manager.hooks:
            manager.hooks.remove(self)
        if shell is not None:
            shell.events.unregister("post_run_cell", self._after_cell)

    def _after_cell(self, _result: object) -> None:
        for feed in list(self.feeds.values()):
            self._later(functools.partial(_catch_up, feed))

    async def on_message_sent(self, session: ISession, message: SessionMessage) -> None:
        feed = self.feeds.get(session.session_id)
        if feed is None or not message.is_active:
            return
        holder = feed.session.turnstile.holder
        stream = holder if isinstance(holder, MessageStream) else None
        self._later(lambda: feed.notice(stream))

    async def on_message_received(self, session: ISession, message: SessionMessage) -> None:
        if (feed := self.feeds.get(session.session_id)) is not None:
            self._later(lambda: feed.notice(None))

    async def on_error(self, session: ISession, error: Exception) -> None:
        if (feed := self.feeds.get(session.session_id)) is not None:
            self._later(lambda: feed.notice(None))

    async def on_retry(self, session: ISession, notice: RetryNotice) -> None:
        feed = self.feeds.get(session.session_id)
        if feed is not None:
            self._later(lambda: feed.start(_waiting(feed, notice)))

    def _later(self, call: Callable[[], None]) -> None:
        io_loop().call_soon_threadsafe(call)


def _catch_up(feed: Feed) -> None:
    feed.start(feed.catch_up())


async def _waiting(feed: Feed, notice: RetryNotice) -> None:
    feed.waits = notice.text
    if feed.live is not None:
        feed.live.note = feed.waits
        await feed.refresh()


_hubs: weakref.WeakKeyDictionary[SessionManager, Hub] = weakref.WeakKeyDictionary()


def hub_of(manager: SessionManager) -> Hub:
    """Return the hub of a manager."""
    if manager not in _hubs:
        _hubs[manager] = Hub(manager)
    return _hubs[manager]
