"""`Hub`: the feeds of one manager, which hear what happens in its sessions."""

from __future__ import annotations

import functools
import weakref
from typing import TYPE_CHECKING

from langswarm_nb.core.session import (
    BaseSession,
    ISession,
    ISessionLifecycleHook,
    MessageStream,
    RetryNotice,
    SessionManager,
    SessionMessage,
)
from langswarm_nb.notebook.bridge import io_loop, kernel_shell

from .feed import Feed, Viewer

if TYPE_CHECKING:
    from collections.abc import Callable


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
