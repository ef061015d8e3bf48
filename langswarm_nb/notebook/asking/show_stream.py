"""`Exchange`: one prompt and the reply to it, shown while it arrives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from langswarm_nb.core.session import BaseSession, MessageStream, RetryNotice, SessionError, SessionMessage
from langswarm_nb.notebook.bridge import run_sync
from langswarm_nb.notebook.cell_errors import stopped
from langswarm_nb.notebook.showing.footer import footer_line
from langswarm_nb.notebook.showing.reply import Extract, Reply
from langswarm_nb.notebook.showing.reply_view import Look

from .versions import versions_of

if TYPE_CHECKING:
    from langswarm_nb.notebook.config import Format, NotebookConfig
    from langswarm_nb.notebook.showing.display import ReplyDisplay
    from langswarm_nb.notebook.workspace import Workspace

    from .interpolate import Prompt
    from .options import CellOptions


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


def look_of(config: NotebookConfig, options: CellOptions, prompt: Prompt) -> Look:
    """Return how a cell asks for its replies to be shown."""
    form: Format = options.format or config.format
    return Look(
        format="code" if options.extract is not None and options.format is None else form,
        is_live=config.stream and options.stream is not False,
        is_silent=not options.shows or form == "none",
        has_footer=options.usage or config.footer != "off",
        is_full=options.usage or config.footer == "full",
        filled=prompt.fields,
    )


class Exchange:
    """Runs one stream; what arrived stays readable when it is interrupted or fails.

    Parameters
    ----------
    workspace : Workspace
        Keeps count of what it costs.
    look : Look
        How the reply is shown.
    display : ReplyDisplay
        Where the reply is shown.
    opening : callable
        Prepares everything and returns the stream; gets a function that tells of waits between attempts.
    extract : {"first", "last"}, optional
        See `Reply`.
    """

    def __init__(
        self,
        workspace: Workspace,
        look: Look,
        display: ReplyDisplay,
        opening: Open,
        *,
        extract: Extract | None = None,
    ) -> None:
        self._workspace, self._look = workspace, look
        self._display, self._opening, self._extract = display, opening, extract
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
            run_sync(self.run())
        except KeyboardInterrupt as error:
            kept = self.finish() is not None
            text = "stopped; what had arrived is kept" if kept else "stopped before anything was sent"
            raise stopped(f"{text}. Run the cell again to ask again.") from error
        except Exception:
            self.finish()
            raise
        reply = self.finish()
        if reply is None:
            raise AssertionError("a stream that was read to its end has a reply")
        return reply

    async def run(self) -> None:
        """Read the stream to its end."""
        from langswarm_nb.notebook.showing.display import ticking

        self._opened = opened = await self._opening(self._tell_retry)
        async with ticking(self._display):
            await self._show(opened.stream)
        if opened.replaces is not None:
            await _hide_others(opened)

    async def _show(self, stream: MessageStream) -> None:
        is_thinking = False
        async for delta in stream:
            if delta.kind != "reasoning":
                self._display.update(delta.text)
            elif not is_thinking:
                is_thinking = True
                self._display.status("thinking …")

    def finish(self) -> Reply | None:
        """Show the reply as it is to be saved and return it; None when nothing of it is stored."""
        opened = self._opened
        if opened is None or opened.stream.reply is None or opened.stream.question is None:
            self._display.discard()
            return None
        reply = Reply(opened.stream.reply, opened.stream.question, opened.session, extract=self._extract)
        number = run_sync(_version_number(reply)) if reply.is_version else 1
        reply.footer = footer_line(reply, place=place_text(reply, opened, number))
        if reply.text or reply.status != "error":
            self._look.finish(self._display, reply)
        else:
            self._display.discard()  # the error says it all
        self._workspace.spent_usd += reply.cost_usd or 0.0
        return reply

    def fail(self, error: SessionError) -> None:
        """Show in the reply's place that there is none."""
        self._display.finish(f"{type(error).__name__}: {error}", format="text", footer="✗ failed")

    def _tell_retry(self, notice: RetryNotice) -> None:
        self._display.status(notice.text)


async def _hide_others(opened: Opened) -> None:
    kept = opened.stream.question
    if opened.replaces is not None and kept is not None:
        for version in await opened.session.versions(opened.replaces.id):
            if version.id != kept.id:
                await opened.session.hide(version.id)


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
