"""Carry out a plan: prepare the session, and open the streams that answer a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session import BaseSession, MessageRole, MessageStream, SessionMessage, parse_model_id
from langswarm_nb.core.session.messages import new_id

from .provider_choice import provider_for
from .show_stream import Opened, TellRetry
from .versions import ASIDE

if TYPE_CHECKING:
    from langswarm_nb.notebook.running_cell import Cell
    from langswarm_nb.notebook.workspace import Workspace

    from .interpolate import Prompt
    from .options import CellOptions
    from .plan import Plan


class Asking:
    """A prompt with its plan; opens one stream, or one a model to compare them."""

    def __init__(
        self, workspace: Workspace, prompt: Prompt, options: CellOptions, cell: Cell, plan: Plan
    ) -> None:
        self._workspace, self._prompt, self._options = workspace, prompt, options
        self._cell, self._plan = cell, plan
        self._compare_id = new_id()

    async def open(self, tell_retry: TellRetry) -> Opened:
        """Return the stream of a single answer, which the conversation goes on from."""
        plan, workspace = self._plan, self._workspace
        session = await prepare(workspace, plan)
        earlier, behind = plan.earlier, plan.left_behind
        notes = [f"new session {workspace.name_of(session)}"] if plan.makes_session else []
        notes += [f"{behind} later turn{'s' * (behind > 1)} kept aside"] if behind else []
        replaces = earlier is not None and (self._options.rerun or workspace.config.rerun) == "replace"
        return Opened(
            session,
            self._stream(session, plan.models[0], tell_retry, version_of=self._version_of),
            name=workspace.name_of(session) if plan.opening == "named" else "",
            note=" · ".join(notes),
            replaces=earlier if replaces else None,
        )

    def open_beside(self, session: BaseSession, model: str, tell_retry: TellRetry) -> Opened:
        """Return the stream of one answer of several, each a branch of its own."""
        beside = {"activate": False, "compare_id": self._compare_id, "version_of": self._version_of}
        number = self._plan.models.index(model) + 1
        return Opened(
            session,
            self._stream(session, model, tell_retry, **beside),
            note=f"%langswarm use v{number} goes on from here" if self._options.history else "",
        )

    @property
    def _version_of(self) -> str | None:
        plan = self._plan
        # Below a new system message the prompt is the first of its kind.
        return plan.earlier.id if plan.earlier is not None and plan.new_system is None else None

    def _stream(self, session: BaseSession, model: str, tell_retry: TellRetry, **place: Any) -> MessageStream:
        options = self._options
        return session.stream_message(
            self._prompt.text,
            model=model,
            history=options.history,
            metadata=None if options.history else ASIDE,
            source="magic",
            cell_id=self._cell.cell_id,
            provider_session=provider_for(self._workspace, parse_model_id(model)[0], options),
            on_retry=tell_retry,
            **place,
            **self._plan.changes,
        )


async def prepare(workspace: Workspace, plan: Plan) -> BaseSession:
    """Make what a plan needs: the session, its branch, its system prompt."""
    session = plan.session
    if session is None:
        session = await workspace.make(plan.opening, plan.session_name, plan.first_model)
    if plan.branching is not None and plan.branching.at is None and plan.branching.name is not None:
        await session.switch_branch(plan.branching.name)
    elif plan.branching is not None:
        await session.fork(plan.branching.at, plan.branching.name)
    for message_id in plan.hides:
        await session.hide(message_id)
    if plan.new_system is not None:
        message = SessionMessage(role=MessageRole.SYSTEM, content=plan.new_system, source="magic")
        await session.append(message, parent="tip" if plan.earlier is None else plan.earlier.parent_seq)
    return session
