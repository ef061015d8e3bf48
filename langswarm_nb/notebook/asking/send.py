"""From a prompt with its options to what the cell returns: what ``%%langswarm`` and the commands that ask share."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from IPython.core.error import UsageError

from langswarm_nb.notebook.bridge import run_sync
from langswarm_nb.notebook.running_cell import running_cell

from .budget import check_budget
from .compare import compare
from .interpolate import Prompt, interpolate
from .model_hints import nearest_model_named
from .open_streams import Asking
from .options import CellOptions
from .plan import make_plan
from .preview import Preview
from .show_stream import Exchange, Opened, TellRetry, look_of

if TYPE_CHECKING:
    from langswarm_nb.notebook.showing.reply import Reply
    from langswarm_nb.notebook.workspace import Workspace

    from .compare import Comparison

    Answer: TypeAlias = Reply | Comparison | Preview


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


def converse(workspace: Workspace, prompt: Prompt, options: CellOptions) -> Answer:
    """Send a prompt, show what comes while it arrives, and return it.

    Raises
    ------
    UsageError, SessionError
        It was not sent, or failed.
    KeyboardInterrupt
        The user stopped it; what had arrived is kept.
    """
    cell = running_cell(workspace.shell)
    if options.dry_run:
        return Preview(run_sync(make_plan(workspace, options, cell)), prompt)
    if options.compares:
        comparison = compare(workspace, prompt, options, cell)
        comparison.mark_shown(cell)
        return comparison

    async def open_stream(tell_retry: TellRetry) -> Opened:
        plan = await make_plan(workspace, options, cell)
        check_budget(workspace, plan, prompt, options)
        return await Asking(workspace, prompt, options, cell, plan).open(tell_retry)

    look = look_of(workspace.config, options, prompt)
    [display] = look.open()
    exchange = Exchange(workspace, look, display, open_stream, extract=options.extract)
    with nearest_model_named(workspace):
        reply = exchange.complete()
    reply.mark_shown(cell)
    if options.format == "code" and reply.code is not None:
        workspace.shell.set_next_input("\n\n".join(reply.codes))
    return reply


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

    look = look_of(workspace.config, CellOptions(), Prompt(""))
    [display] = look.open()
    with nearest_model_named(workspace):
        reply = Exchange(workspace, look, display, open_again).complete()
    reply.mark_shown(running_cell(workspace.shell))
    return reply
