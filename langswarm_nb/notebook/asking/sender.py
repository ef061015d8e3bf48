"""`Sender`: the rules of a send in a notebook, the same whatever door it comes through.

A cell, a command, a function and the panel all send through it: which model is meant, with which settings, whether
its key is there, where the prompt goes, what the budget allows before, and what is counted after.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session import (
    BaseSession,
    IProviderSession,
    MessageStream,
    RetryNotice,
    SessionMessage,
    SessionNotFoundError,
    parse_model_id,
)
from langswarm_nb.core.session.conversation.tree import PathTurn, Tree
from langswarm_nb.core.session.sending.options import SendOptions
from langswarm_nb.core.session.settings import GENERATION_OPTIONS, SessionSettings
from langswarm_nb.notebook.showing.amounts import cost_usd

from .budget import check_cost
from .options import CellOptions
from .plan import Plan, for_session, make_plan, request_changes
from .provider_choice import destination_once, provider_for

if TYPE_CHECKING:
    from langswarm_nb.notebook.running_cell import Cell
    from langswarm_nb.notebook.workspace import Workspace

    from .interpolate import Prompt

TellRetry = Callable[[RetryNotice], None]
TellWait = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Opened:
    """A stream that is about to be read, with what is to be told of it."""

    session: BaseSession
    stream: MessageStream
    name: str = ""
    """Name of the session, when it is not the current one."""
    notes: tuple[str, ...] = ()
    """What else the reader should know."""


@dataclass(frozen=True, slots=True)
class LastComparison:
    """A comparison that can be asked once more."""

    turn: int
    text: str
    models: tuple[str, ...]
    changes: Mapping[str, Any]
    """Settings that it was asked with."""
    is_chosen: bool
    """Whether the conversation goes on with one of its answers."""


class Sender:
    """Sends for one workspace.

    Parameters
    ----------
    workspace : Workspace
        Whose settings, keys and budget hold.
    tell : callable
        Told, once in a kernel for each service, where prompts go.
    """

    def __init__(self, workspace: Workspace, tell: Callable[[str], None] = print) -> None:
        self._workspace, self._tell = workspace, tell

    async def plan(self, prompt: Prompt, options: CellOptions, cell: Cell) -> Plan:
        """Find out where a prompt goes, and that the budget allows it; nothing is changed.

        Raises
        ------
        UsageError, SessionError
            It cannot be sent as it is.
        """
        plan = await make_plan(self._workspace, prompt, options, cell)
        if not options.dry_run:
            self._check_budget(options, [(plan.settings(model), plan.send.messages) for model in plan.models])
        return plan

    async def open(
        self, prompt: Prompt, options: CellOptions, cell: Cell, tell_retry: TellRetry, tell_wait: TellWait
    ) -> Opened:
        """Return the stream of a single answer, which the conversation goes on from.

        Raises
        ------
        UsageError, SessionError
            It cannot be sent as it is; nothing was stored.
        """
        plan = await self.plan(prompt, options, cell)
        [model] = plan.models
        provider_session = self._through(model, options)
        session, notes = await self._prepare(plan, options)
        sent = await for_session(self._workspace, plan, session)
        sent |= {"provider_session": provider_session, "on_retry": tell_retry, "on_wait": tell_wait}
        stream = session.stream_message(prompt.text, model=model, **sent)
        return Opened(session, stream, self._name(plan, session), notes)

    async def open_comparison(
        self, prompt: Prompt, options: CellOptions, cell: Cell, tell_retry: Callable[[str], TellRetry]
    ) -> list[Opened]:
        """Return the streams of several answers side by side, in the order of the models.

        Raises
        ------
        UsageError, SessionError
            It cannot be sent as it is; nothing was stored.
        """
        plan = await self.plan(prompt, options, cell)
        through = {model: self._through(model, options) for model in plan.models}
        session, notes = await self._prepare(plan, options)

        def own(model: str) -> SendOptions:
            return {"provider_session": through[model], "on_retry": tell_retry(model)}

        streams = await session.stream_comparison(
            prompt.text, plan.models, own, **await for_session(self._workspace, plan, session)
        )
        return [Opened(session, stream, self._name(plan, session), notes) for stream in streams]

    async def open_plain(
        self, session: BaseSession, text: str, *, version_of: str | None = None, source: str = "panel"
    ) -> MessageStream:
        """Return the stream of an answer in a session, to a message that comes from no cell.

        Raises
        ------
        SessionError
            It cannot be sent as it is; nothing was stored.
        """
        options = CellOptions()
        changes = request_changes(self._workspace.config, options, session.settings)
        sent: SendOptions = {"version_of": version_of, "source": source, **changes}  # type: ignore[typeddict-item]
        plan = await session.plan_message(text, **sent)
        self._check_budget(options, [(plan.settings, plan.messages)])
        model = f"{session.provider}:{session.model}"
        sent["provider_session"] = self._through(model, options)
        return session.stream_message(text, **sent)

    async def open_again(
        self,
        session: BaseSession,
        message_id: str | None = None,
        *,
        model: str | None = None,
        tell_retry: TellRetry | None = None,
        **changes: Any,
    ) -> MessageStream:
        """Return the stream of one more answer to a question, asked with what it was asked with.

        Parameters
        ----------
        message_id : str, optional
            The question or an answer to it; by default the last question of the path.
        model : str, optional
            Another model.
        **changes
            Other settings for this send.

        Raises
        ------
        SessionError
            There is no question, or it cannot be sent as it is.
        """
        turn, before = await _asked_before(session, message_id)
        settings = {**request_changes(self._workspace.config, CellOptions(), session.settings), **before}
        asked = settings.pop("model", f"{session.provider}:{session.model}")
        wanted = asked if model is None else self._workspace.model_id(model, session=session)
        settings |= changes
        [question] = await session.pick_messages([turn.question.seq])
        plan = await session.plan_regenerate(question.id, model=wanted, **settings)
        self._check_budget(CellOptions(), [(plan.settings, plan.messages)])
        through = self._through(wanted, CellOptions())
        return await session.stream_regenerate(
            question.id, model=wanted, provider_session=through, on_retry=tell_retry, **settings
        )

    async def last_comparison(self, session: BaseSession) -> LastComparison | None:
        """Return the comparison that was asked last in a session; None when something else was."""
        tree = await session.tree()
        last = tree.turns[-1].number if tree.turns else None
        turns = [node.turn for node in tree.nodes if node.beside == "comparison" and node.turn is not None]
        number = max([*turns, -1 if last is None else last])
        nodes = [node for node in tree.of_turn(number) if node.compare_id is not None]
        if not nodes:
            return None
        newest = [node.seq for node in nodes if node.compare_id == nodes[-1].compare_id]
        replies = await session.pick_messages(newest)
        [question] = await session.pick_messages([tree.questions(number)[-1].seq])
        asked = [_asked_with(reply) for reply in replies]
        models = tuple(dict.fromkeys(str(asks["model"]) for asks in asked if "model" in asks))
        changes = {name: value for name, value in asked[0].items() if name != "model"}
        return LastComparison(number, question.content, models, changes, is_chosen=number == last)

    async def open_comparison_again(
        self, session: BaseSession, last: LastComparison, tell_retry: Callable[[str], TellRetry]
    ) -> list[Opened]:
        """Return the streams of a comparison that is asked once more, as further versions of its turn.

        Raises
        ------
        SessionError
            It cannot be sent as it is; nothing was stored.
        """
        options = CellOptions()
        changes = {**request_changes(self._workspace.config, options, session.settings), **last.changes}
        plans = [await session.plan_message(last.text, model=model, **changes) for model in last.models]
        self._check_budget(options, [(plan.settings, plan.messages) for plan in plans])
        through = {model: self._through(model, options) for model in last.models}

        def own(model: str) -> SendOptions:
            return {"provider_session": through[model], "on_retry": tell_retry(model)}

        streams = await session.stream_comparison(
            last.text, last.models, own, again=last.turn, source="magic", **changes
        )
        return [Opened(session, stream) for stream in streams]

    def count(self, reply: SessionMessage | None) -> None:
        """Take note of a reply, and of what it cost."""
        if reply is not None:
            self._workspace.last_answer = reply
        if reply is not None and reply.request is not None:
            self._workspace.spent_usd += cost_usd(reply.request) or 0.0

    def _through(self, model: str, options: CellOptions) -> IProviderSession:
        provider = parse_model_id(model)[0]
        found = provider_for(self._workspace, provider, options)
        if text := destination_once(self._workspace, provider, found):
            self._tell(text)
        return found

    def _check_budget(
        self, options: CellOptions, requests: Sequence[tuple[SessionSettings, Sequence[SessionMessage]]]
    ) -> None:
        limits = [options.budget_usd, self._workspace.budget_left_usd]
        known = [limit for limit in limits if limit is not None]
        if known:
            check_cost(min(known), requests)

    async def _prepare(self, plan: Plan, options: CellOptions) -> tuple[BaseSession, tuple[str, ...]]:
        """Return the session that a plan goes to, made where it is not there; with what is told of it."""
        workspace, session = self._workspace, plan.session
        if session is None:
            session = await workspace.make(plan.opening, plan.session_name)
        if plan.opening != "named":
            await workspace.uses(session)
        elif options.stay:
            workspace.stay_in(session)
        told = [f"new session {workspace.name_of(session)}"] if plan.makes_session else []
        told += [*workspace.take_notes(), await workspace.names_model(session, plan.named_model)]
        return session, tuple(note for note in told if note)

    def _name(self, plan: Plan, session: BaseSession) -> str:
        return self._workspace.name_of(session) if plan.opening == "named" else ""


async def _asked_before(session: BaseSession, message_id: str | None) -> tuple[PathTurn, Mapping[str, Any]]:
    """Return the turn to ask again, and the model and options that it was asked with."""
    tree = await session.tree()
    turn = await _turn_of(session, tree, message_id)
    answer = next((node.seq for node in reversed(turn.answers) if node.role == "assistant"), None)
    if answer is None:
        return turn, {}
    [reply] = await session.pick_messages([answer])
    return turn, _asked_with(reply)


def _asked_with(reply: SessionMessage) -> dict[str, Any]:
    """Return the model and the options that an answer was asked with."""
    facts = reply.request
    if facts is None:
        return {}
    named = {name: value for name, value in facts.params.items() if name in GENERATION_OPTIONS}
    rest = {name: value for name, value in facts.params.items() if name not in GENERATION_OPTIONS}
    asked = {**named, "options": rest} if rest else named
    return {**asked, "model": f"{facts.provider}:{facts.request_model}"}


async def _turn_of(session: BaseSession, tree: Tree, message_id: str | None) -> PathTurn:
    path = tree.turns
    if message_id is not None:
        message = await session.get_message(message_id)
        if message is None or message.seq is None:
            raise SessionNotFoundError("The message to answer again is not stored any more.")
        path = tree.turns_to(message.seq)
    if not path:
        raise SessionNotFoundError("There is no question to answer again on this path yet. Ask one first.")
    return path[-1]
