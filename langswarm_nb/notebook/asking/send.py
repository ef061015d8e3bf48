"""From a prompt with its options to what the cell returns: what ``%%langswarm`` and the commands that ask share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from IPython.core.error import UsageError

from langswarm_nb.core.session import SessionNotFoundError
from langswarm_nb.notebook.bridge import run_sync
from langswarm_nb.notebook.running_cell import running_cell

from .asked_before import last_comparison
from .compare import compare, compare_again
from .interpolate import Prompt, interpolate
from .model_hints import nearest_model_named
from .opened import Opened, TellRetry, TellWait
from .options import CellOptions
from .preview import Preview
from .sender import Sender
from .show_stream import Exchange, look_of

if TYPE_CHECKING:
    from langswarm_nb.notebook.showing.reply import Reply
    from langswarm_nb.notebook.workspace import Workspace

    from .compare import Comparison

    Answer: TypeAlias = Reply | Comparison | Preview


def prompt_of(workspace: Workspace, text: str, options: CellOptions) -> Prompt:
    """Return what was typed, and the system text that goes with it, with their fields filled in.

    Raises
    ------
    UsageError
        It is blank, or a field cannot be filled in.
    AttachmentError
        Something cannot be attached.
    SchemaError
        What the answer has to be cannot be asked for.
    """
    if not text.strip():
        raise UsageError("There is no prompt. Write it below the first line of the cell.")
    prompt = _texts(workspace, text, options)
    if options.schema is not None or options.decide is not None or options.repair is not None:
        from .structured import with_answer  # most answers are text

        prompt = with_answer(prompt, options, workspace.shell.user_ns)
    if not options.attachments:
        return prompt
    from .attached import carried  # few prompts carry something

    return replace(prompt, parts=carried(workspace, options))


def _texts(workspace: Workspace, text: str, options: CellOptions) -> Prompt:
    system = _system_text(options)
    if options.raw or not workspace.config.interpolate:
        return Prompt(text, system=system)
    names = workspace.shell.user_ns
    prompt = interpolate(text, names)
    if system is None:
        return prompt
    filled = interpolate(system, names)
    return Prompt(prompt.text, (*prompt.fields, *filled.fields), filled.text)


def _system_text(options: CellOptions) -> str | None:
    if options.system_file is None:
        return options.system
    try:
        return Path(options.system_file).expanduser().read_text("utf-8-sig")
    except (OSError, ValueError) as error:
        raise UsageError(f"--system-file {options.system_file!r} could not be read: {error}.") from error


def converse(workspace: Workspace, prompt: Prompt, options: CellOptions) -> Answer:
    """Send a prompt, show what comes while it arrives, and return it.

    Raises
    ------
    UsageError, SessionError
        It was not sent, or failed.
    KeyboardInterrupt
        The user stopped it; what had arrived is kept.
    """
    cell, sender = running_cell(workspace.shell), Sender(workspace)
    if options.dry_run:
        return Preview(run_sync(sender.plan(prompt, options, cell)), prompt)
    look = look_of(workspace.config, options, prompt)
    if options.compares:
        comparison = compare(sender, look, prompt, options, cell)
        comparison.mark_shown(cell)
        return comparison

    async def open_stream(tell_retry: TellRetry, tell_wait: TellWait) -> Opened:
        return await sender.open(prompt, options, cell, tell_retry, tell_wait)

    [display] = look.open()
    with nearest_model_named(workspace):
        reply = Exchange(sender, look, display, open_stream, extract=options.extract).complete()
    reply.mark_shown(cell)
    if options.format == "code" and reply.code is not None:
        workspace.shell.set_next_input(reply.code_of_one_language)
    return reply


def ask_again(workspace: Workspace, *, model: str | None = None) -> Reply | Comparison:
    """Ask the last turn of the current session once more, with what it was asked with; show and return the answer.

    Raises
    ------
    SessionError
        There is no question yet, or the send failed.
    KeyboardInterrupt
        The user stopped it; what had arrived is kept.
    """
    cell, sender = running_cell(workspace.shell), Sender(workspace)
    look = look_of(workspace.config, CellOptions(), Prompt(""))
    session = run_sync(workspace.peek())
    if session is None:
        raise SessionNotFoundError("There is no question to answer again yet. Ask one first.")
    last = run_sync(last_comparison(session))
    if last is not None and model is not None:
        last = None if last.is_chosen else replace(last, models=(workspace.model_id(model, session=session),))
    if last is not None:
        comparison = compare_again(sender, look, session, last)
        comparison.mark_shown(cell)
        return comparison

    async def open_again(tell_retry: TellRetry, tell_wait: TellWait) -> Opened:
        return await sender.open_again(session, model=model, tell_retry=tell_retry, tell_wait=tell_wait)

    [display] = look.open()
    with nearest_model_named(workspace):
        reply = Exchange(sender, look, display, open_again).complete()
    reply.mark_shown(cell)
    return reply
