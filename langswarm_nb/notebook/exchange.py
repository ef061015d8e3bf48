"""`Exchange`: one prompt and the reply to it, shown while it arrives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from langswarm_nb.core.session import BaseSession, MessageStream, RetryNotice, SessionMessage

from .bridge import run_sync
from .errors import stopped
from .footer import footer_line
from .reply import Extract, Reply

if TYPE_CHECKING:
    from .view import View

TellRetry = Callable[[RetryNotice], None]


@dataclass(frozen=True, slots=True)
class Opened:
    """A stream that is about to be read, with what is to be told of it."""

    session: BaseSession
    stream: MessageStream
    name: str = ""
    """Name of the session, when it is not the current one."""
    note: str = ""
    """What else the reader should know."""
    replaces: SessionMessage | None = None
    """The question whose versions are hidden when the reply is there."""


Open = Callable[[TellRetry], Awaitable[Opened]]


class Exchange:
    """Runs one stream; what arrived stays readable when it is interrupted or fails.

    Parameters
    ----------
    view : View
        Where the reply is shown.
    opening : callable
        Prepares everything and returns the stream; gets a function that tells of waits between attempts.
    extract : {"first", "last"}, optional
        See `Reply`.
    """

    def __init__(self, view: View, opening: Open, *, extract: Extract | None = None) -> None:
        self._view, self._opening, self._extract = view, opening, extract
        self._opened: Opened | None = None

    def complete(self) -> Reply:
        """Run to the end, show what is to be saved, and return the reply.

        Raises
        ------
        KeyboardInterrupt
            The user stopped it; the part is kept and shown.
        SessionError
            It failed; the part is kept and shown.
        """
        try:
            reply = run_sync(self.run())
        except KeyboardInterrupt as error:
            text = (
                self.finish() and "stopped; what had arrived is kept. Run the cell again for a new version."
            )
            raise stopped(text or "stopped before an answer came.") from error
        except Exception:
            self.finish()
            raise
        self.finish()
        return reply

    async def run(self) -> Reply:
        """Read the stream to its end."""
        self._opened = await self._opening(self._tell_retry)
        async for delta in self._opened.stream:
            self._view.add(delta)
        reply = self.reply
        if reply is None:
            raise AssertionError("a stream that was read to its end has a reply")
        if self._opened.replaces is not None:
            await _hide_others(reply, self._opened.replaces)
        return reply

    @property
    def reply(self) -> Reply | None:
        """What is stored of the reply; None when nothing is."""
        opened = self._opened
        if opened is None or opened.stream.reply is None or opened.stream.question is None:
            return None
        return Reply(opened.stream.reply, opened.stream.question, opened.session, extract=self._extract)

    def finish(self) -> bool:
        """Show the reply as it is to be saved; False when there is none."""
        reply = self.reply
        if reply is None or self._opened is None:
            return False
        self._view.finish(reply, footer_line(reply, place=place_text(reply, self._opened)))
        return True

    def _tell_retry(self, notice: RetryNotice) -> None:
        self._view.status(f"{notice.reason}; attempt {notice.attempt + 1} in {notice.wait_s:.0f} s")


async def _hide_others(reply: Reply, question: SessionMessage) -> None:
    for version in await reply.session.versions(question.id):
        if version.id != reply.question.id:
            await reply.session.hide(version.id)


def place_text(reply: Reply, opened: Opened) -> str:
    """Return where a turn is: ``main#7 v2``."""
    branch = reply.session.record.branch
    name = f"{opened.name}/{branch}" if opened.name else branch
    if not reply.message.is_active:
        return f"beside {name}"
    version = f" v{reply.version}" if reply.version > 1 else ""
    return f"{name}#{reply.turn}{version}{opened.note and f' · {opened.note}'}"
