"""From a prompt with its options to a reply that is shown: what ``%%langswarm`` and the commands that ask share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from .asking import open_question
from .cells import running_cell
from .exchange import Exchange, Opened, TellRetry
from .interpolate import Prompt, interpolate
from .options import CellOptions
from .view import open_view

if TYPE_CHECKING:
    from .reply import Reply
    from .workspace import Workspace


def prompt_of(workspace: Workspace, text: str, options: CellOptions) -> Prompt:
    """Return what was typed with its fields filled in.

    Raises
    ------
    UsageError
        It is blank, or a field cannot be filled in.
    """
    if not text.strip():
        raise UsageError("There is no prompt: write it into the lines below the first.")
    if options.raw or not workspace.config.interpolate:
        return Prompt(text)
    return interpolate(text, workspace.shell.user_ns)


def converse(workspace: Workspace, prompt: Prompt, options: CellOptions) -> Reply:
    """Send a prompt, show the reply while it arrives, and return it.

    Raises
    ------
    UsageError, SessionError
        It was not sent, or failed.
    KeyboardInterrupt
        The user stopped it; what had arrived is kept.
    """
    cell = running_cell(workspace.shell)
    view = open_view(workspace, options, prompt)
    exchange = Exchange(
        view,
        lambda tell_retry: open_question(workspace, prompt, options, cell, tell_retry),
        extract=options.extract,
    )
    return exchange.complete()


def ask_again(workspace: Workspace, *, model: str | None = None) -> Reply:
    """Answer the last question of the current session once more, and show and return the reply.

    Raises
    ------
    SessionError
        There is no question yet, or the send failed.
    KeyboardInterrupt
        The user stopped it; what had arrived is kept.
    """

    async def open_again(_tell_retry: TellRetry) -> Opened:
        session = await workspace.current()
        wanted = None if model is None else workspace.model_id(model, session=session)
        return Opened(session, await session.stream_regenerate(model=wanted))

    return Exchange(open_view(workspace), open_again).complete()
