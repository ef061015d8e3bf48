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
from .versions import versions_of

if TYPE_CHECKING:
    from .view import View
    from .workspace import Workspace

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
    workspace : Workspace
        Keeps count of what it costs.
    view : View
        Where the reply is shown.
    opening : callable
        Prepares everything and returns the stream; gets a function that tells of waits between attempts.
    extract : {"first", "last"}, optional
        See `Reply`.
    """

    def __init__(
        self, workspace: Workspace, view: View, opening: Open, *, extract: Extract | None = None
    ) -> None:
        self._workspace = workspace
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
        reply, opened = self.reply, self._opened
        if reply is None or opened is None:
            return False
        number = run_sync(_version_number(reply)) if reply.is_version else 1
        self._view.finish(reply, footer_line(reply, place=place_text(reply, opened, number)))
        self._workspace.spent_usd += reply.cost_usd or 0.0
        return True

    def _tell_retry(self, notice: RetryNotice) -> None:
        self._view.status(f"{notice.reason}; attempt {notice.attempt + 1} in {notice.wait_s:.0f} s")


async def _hide_others(reply: Reply, question: SessionMessage) -> None:
    for version in await reply.session.versions(question.id):
        if version.id != reply.question.id:
            await reply.session.hide(version.id)


async def _version_number(reply: Reply) -> int:
    versions = await versions_of(reply.session, reply.question)
    return next((version.number for version in versions if version.last.id == reply.message.id), 1)


def place_text(reply: Reply, opened: Opened, version: int) -> str:
    """Return where a turn is: ``main#7 v2``."""
    branch = reply.session.record.branch
    name = f"{opened.name}/{branch}" if opened.name else branch
    if reply.message.is_active:
        place = f"{name}#{reply.turn}{f' v{version}' * (version > 1)}"
    elif reply.is_version:
        place = f"v{version} beside {name}#{reply.turn}"
    else:
        place = f"beside {name}"
    return " · ".join(part for part in (place, opened.note) if part)
