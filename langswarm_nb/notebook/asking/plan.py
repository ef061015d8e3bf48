"""`Plan`: where a prompt goes and with what, found by reading alone, so that it can be shown before it is sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from IPython.core.error import UsageError

from langswarm_nb.core.session import BaseSession, MessageRole, SessionSettings
from langswarm_nb.core.session.conversation import moves
from langswarm_nb.core.session.conversation.asks import CellAsk, CellRun, KernelMemory, Rerun
from langswarm_nb.core.session.message_tree import free_branch
from langswarm_nb.core.session.sending.ask import Ask, SendPlan, plan
from langswarm_nb.core.session.sending.options import SendOptions, make_ask, settings_of
from langswarm_nb.core.session.settings import GENERATION_OPTIONS, SETTING_DEFAULTS, told_defaults
from langswarm_nb.core.session.text import did_you_mean

if TYPE_CHECKING:
    from langswarm_nb.notebook.config import NotebookConfig
    from langswarm_nb.notebook.running_cell import Cell
    from langswarm_nb.notebook.workspace import Workspace

    from .interpolate import Prompt
    from .options import CellOptions

_TRAITS_THAT_ARE_SETTINGS = ("timeout_s", "retries", "max_context_tokens")
_FLAGS_THAT_ARE_SETTINGS = ("temperature", "max_tokens", "timeout_s", "retries")
_KEY_NAME = re.compile(
    r"api[-_]?key|authorization|secret|password|(access|auth|bearer)[-_]?token", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What sending a prompt will do."""

    opening: Literal["current", "named", "new"]
    session: BaseSession | None
    """None when it is made first."""
    session_name: str | None
    models: tuple[str, ...]
    """``provider:model`` of the model that answers."""
    changes: Mapping[str, Any]
    """Settings of this send alone."""
    base: SessionSettings
    """The session's settings."""
    asks: tuple[Ask, ...]
    """What each of the models is asked."""
    send: SendPlan | None
    """What the first of the models would get; None when nobody asked for it."""
    options: SendOptions
    """What goes with the prompt, and where it goes; without what its cell asked before."""
    asked: CellAsk | None
    """How its cell asks."""
    names_model: bool = False
    """Whether the cell names models; a session without a model keeps the first of them that answers."""

    @property
    def makes_session(self) -> bool:
        """Whether the cell asked for a session that is not there yet."""
        return self.session is None and self.opening != "current"

    def settings(self, model: str) -> SessionSettings:
        """Return what one model is asked with."""
        return settings_of(self.base, model, self.changes)


async def make_plan(
    workspace: Workspace, prompt: Prompt, options: CellOptions, cell: Cell, *, reads: bool
) -> Plan:
    """Find out where a prompt goes; nothing is changed.

    With ``reads``, and where a limit may refuse it, what would be sent is read as well: that takes as long as the
    conversation.

    Raises
    ------
    UsageError
        A branch, turn or file does not exist.
    SessionError
        A model or setting is not allowed, or the store cannot be read.
    """
    opening, session = await _session(workspace, options)
    base = workspace.new_settings() if session is None else session.settings
    default = "openai-compatible" if options.api_base is not None else None
    models = tuple(workspace.model_id(model, session=session, default=default) for model in options.models)
    changes = request_changes(workspace.config, options, session, base)
    asked = await _asked(workspace, session, options, cell)
    send = _send_options(prompt, options, cell, compares=len(models) > 1)
    if session is not None and session.record.home is not None:
        home = await workspace.home()
        if home != session.record.home:  # by its cells a notebook is known again: not by those of another
            send["metadata"] = {"asked_in": home}
    models_asked = models or (f"{base.provider}:{base.model}",)
    given = {**send, **changes, "asked": asked}
    # What is not allowed is refused here: before a session is made, or another one becomes the current.
    asks = tuple(_ask(prompt, base, model, given) for model in models_asked)
    sending = None
    if reads or may_refuse(base, changes):
        sending = await plan(asks[0], session)
    return Plan(
        opening,
        session,
        (options.new or None) if opening == "new" else options.session,
        models_asked,
        changes,
        base,
        asks,
        sending,
        send,
        asked,
        # What is reached only with the flags of this cell is not a model for the cells after it.
        names_model=bool(models) and not (options.api_base or options.api_key_name),
    )


def may_refuse(settings: SessionSettings, changes: Mapping[str, Any]) -> bool:
    """Tell whether a limit on what is sent may refuse a send, which then leaves no trace."""
    limits = ("max_messages", "max_context_tokens")
    return any(changes.get(name, getattr(settings, name)) is not None for name in limits)


def _ask(prompt: Prompt, base: SessionSettings, model: str, given: Mapping[str, Any]) -> Ask:
    """Return what one model is asked."""
    return make_ask(prompt.text, MessageRole.USER, lambda changes: settings_of(base, model, changes), given)


def request_changes(
    config: NotebookConfig, options: CellOptions, session: BaseSession | None, base: SessionSettings
) -> dict[str, Any]:
    """Return the settings of one send: flags before ``-o`` before what the session was set to before the traits.

    ``base`` are the settings of the session, or of the one that will be made.
    """
    told = frozenset[str]() if session is None else told_defaults(session.record.metadata)
    changes = {
        name: getattr(config, name)
        for name in _TRAITS_THAT_ARE_SETTINGS
        if name not in told and getattr(base, name) == SETTING_DEFAULTS[name]
    }
    changes["trim"] = None if changes.get("max_context_tokens") is None else config.trim
    extra = dict(options.options)
    _check_no_key(extra)
    changes |= {name: extra.pop(name) for name in GENERATION_OPTIONS if name in extra}
    given = {name: getattr(options, name) for name in _FLAGS_THAT_ARE_SETTINGS}
    changes |= {name: value for name, value in given.items() if value is not None}
    changes["options"] = {**base.options, **extra} if extra else None
    changes["stream"] = False if options.stream is False else None
    return {name: value for name, value in changes.items() if value is not None}


async def for_session(workspace: Workspace, found: Plan, session: BaseSession) -> SendOptions:
    """Return the options of the send itself, in the session that it goes to."""
    asked = found.asked
    if asked is not None and found.session is None:  # it was made meanwhile
        asked = replace(asked, memory=await workspace.memory(session))
    return {**found.options, **found.changes, "asked": asked}  # type: ignore[typeddict-item]  # checked when sent


def _send_options(prompt: Prompt, options: CellOptions, cell: Cell, *, compares: bool) -> SendOptions:
    sent: SendOptions = {
        "source": "magic",
        "cell_id": cell.cell_id,
        "history": options.history and not prompt.questions,
        "system": prompt.system,
        "parts": prompt.parts,
        "tools": options.tools,
    }
    if prompt.schema is not None:
        sent["schema"] = prompt.schema
    elif prompt.questions:
        from langswarm_nb.core.session.answers.decided import decision_schema

        sent["schema"] = decision_schema(prompt.questions)
    if options.repair is not None:
        sent["repair"] = options.repair
    if compares:
        sent["activate"] = False
    return sent


async def _asked(
    workspace: Workspace, session: BaseSession | None, options: CellOptions, cell: Cell
) -> CellAsk | None:
    """Return how a cell asks: its branch, what a repeated ask becomes, what this kernel asked before."""
    run = CellRun(cell.cell_id, cell.run)
    rerun: Rerun = options.rerun or workspace.config.rerun  # type: ignore[assignment]  # a trait of these values
    if session is None:
        if options.branch not in (None, "main") or options.from_turn is not None:
            raise UsageError("The session is new: there is no branch or turn to go on from yet.")
        return CellAsk(run, KernelMemory(), rerun)
    asked = CellAsk(run, await workspace.memory(session), rerun)
    if options.branch is None and options.from_turn is None:
        return asked
    branches = await session.branches()
    if options.branch in branches:
        if options.from_turn is None:
            return replace(asked, branch=options.branch)
        there = (await session.tree()).on_branch(str(options.branch))
        turn, _, version = options.from_turn.partition(".")
        after = moves.fork(there, int(turn), int(version) if version else None).tip
        return replace(asked, branch=options.branch, after=after, forks=True)
    if options.from_turn is None:
        raise UsageError(
            f"The session has no branch {options.branch!r}, its branches are {', '.join(branches)}"
            f"{did_you_mean(str(options.branch), branches) or '.'} `--branch {options.branch} --from TURN` forks one."
        )
    after = await session.seq_at(options.place)
    return replace(asked, branch=options.branch or free_branch(branches), after=after, forks=True)


def _check_no_key(names: Iterable[str]) -> None:
    """Options are stored and sent; a key among them would be in the store, and in the body of the request."""
    for name in names:
        if _KEY_NAME.search(name):
            raise UsageError(
                f"The option {name!r} would hold a key, and options are stored with the conversation. Name the "
                "variable that holds it with `--api-key-name ENV`, or give it with `%langswarm key PROVIDER`."
            )


async def _session(
    workspace: Workspace, options: CellOptions
) -> tuple[Literal["current", "named", "new"], BaseSession | None]:
    if options.stay and options.session is None:
        raise UsageError("--stay makes the session that -S names the current one: write -S NAME --stay.")
    if options.new is not None:
        return "new", None
    if options.session is not None:
        return "named", await workspace.find(options.session)
    return "current", await workspace.peek()
