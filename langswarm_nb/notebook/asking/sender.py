"""`Sender`: the rules of a send in a notebook, the same whatever door it comes through.

A cell, a command, a function and the panel all send through it: which model is meant, with which settings, whether
its key is there, where the prompt goes, what the budget allows before, and what is counted after.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session import (
    BaseSession,
    IProviderSession,
    MessageStream,
    SessionManager,
    parse_model_id,
)
from langswarm_nb.core.session.sending.ask import SendPlan
from langswarm_nb.core.session.sending.options import AnswerOptions, SendOptions
from langswarm_nb.core.session.settings import SessionSettings

from .asked_before import LastComparison, asked_before, beside_text, carried_before
from .budget import check_cost, request_tokens, spent_usd
from .opened import NO_OPTIONS, Opened, TellRetry, TellWait
from .options import CellOptions
from .plan import Plan, for_session, make_plan, may_refuse, request_changes
from .provider_choice import destination_once, provider_for

if TYPE_CHECKING:
    from langswarm_nb.core.session.answers.questions import Question
    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.notebook.running_cell import Cell
    from langswarm_nb.notebook.workspace import Workspace

    from .interpolate import Prompt


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
        limit = self._limit_usd(options)
        reads = options.dry_run or limit is not None
        plan = await make_plan(self._workspace, prompt, options, cell, reads=reads)
        if plan.send is not None and limit is not None and not options.dry_run:
            tokens = request_tokens(plan.send.messages, plan.asks[0].schema)
            check_cost(limit, [(plan.settings(model), tokens) for model in plan.models])
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
        [provider_session] = self._through(plan.models, options, self._workspace.manager)
        carried = await self._carried(plan, [provider_session])
        decided = await self._decided(plan, prompt, [provider_session])
        session, notes = await self._prepare(plan, options)
        sent = await for_session(self._workspace, plan, session)
        sent |= {
            **carried[model],
            "provider_session": provider_session,
            "on_send": partial(self._announce, model, provider_session),
            "on_retry": tell_retry,
            "on_wait": tell_wait,
            **decided[model][0],
        }
        stream = session.stream_message(prompt.text, model=model, **sent)
        told = (*notes, *_told_of(carried[model]), decided[model][1])
        return self._opened(plan, session, stream, told, options, prompt.questions)

    async def open_comparison(
        self, prompt: Prompt, options: CellOptions, cell: Cell, tell_retry: Callable[[int], TellRetry]
    ) -> list[Opened]:
        """Return the streams of several answers side by side, in the order of the models.

        Raises
        ------
        UsageError, SessionError
            It cannot be sent as it is; nothing was stored.
        """
        plan = await self.plan(prompt, options, cell)
        own = self._own(plan.models, options, self._workspace.manager, tell_retry)
        through = [each["provider_session"] for each in own]
        carried = await self._carried(plan, through)
        decided = await self._decided(plan, prompt, through)
        session, notes = await self._prepare(plan, options)
        streams = await session.stream_comparison(
            prompt.text,
            plan.models,
            _in_turn(
                [
                    {**each, **carried[model], **decided[model][0]}
                    for model, each in zip(plan.models, own, strict=True)
                ]
            ),
            **await for_session(self._workspace, plan, session),
        )
        told = {model: (*notes, *_told_of(carried[model]), decided[model][1]) for model in plan.models}
        return [
            self._opened(plan, session, stream, told[model], options, prompt.questions)
            for model, stream in zip(plan.models, streams, strict=True)
        ]

    async def open_plain(
        self,
        session: BaseSession,
        text: str,
        *,
        version_of: str | None = None,
        parts: Sequence[Part] | None = None,
        source: str = "panel",
    ) -> MessageStream:
        """Return the stream of an answer in a session, to a message that comes from no cell.

        Parameters
        ----------
        version_of : str, optional
            Id of a message that this one becomes a new version of.
        parts : sequence of Part, optional
            What goes with the text; with a new version, by default, what went with the old one.

        Raises
        ------
        SessionError
            It cannot be sent as it is; nothing was stored.
        """
        options = NO_OPTIONS
        changes = request_changes(self._workspace.config, options, session, session.settings)
        kept = SendOptions() if version_of is None else await carried_before(session, version_of)
        if parts is not None:
            kept["parts"] = parts
        sent: SendOptions = {"version_of": version_of, "source": source, **kept, **changes}  # type: ignore[typeddict-item]
        await self._check_budget(
            options, session.settings, changes, [partial(session.plan_message, text, **sent)]
        )
        model = f"{session.provider}:{session.model}"
        [through] = self._through([model], options, session.manager)
        sent |= {"provider_session": through, "on_send": partial(self._announce, model, through)}
        await self._note_use(session)
        return session.stream_message(text, **sent)

    async def open_again(
        self,
        session: BaseSession,
        message_id: str | None = None,
        *,
        model: str | None = None,
        tell_retry: TellRetry | None = None,
        tell_wait: TellWait | None = None,
        **changes: Any,
    ) -> Opened:
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
        before = await asked_before(session, message_id)
        options = NO_OPTIONS
        settings = {
            **request_changes(self._workspace.config, options, session, session.settings),
            **before.changes,
        }
        wanted = settings.pop("model", f"{session.provider}:{session.model}")
        if model is not None:
            wanted = self._workspace.model_id(model, session=session)
        elif before.answer_id is not None:
            api_base, api_key_name = self._workspace.addresses.get(before.answer_id, (None, None))
            options = CellOptions(api_base=api_base, api_key_name=api_key_name)
        settings |= changes
        await self._check_budget(
            NO_OPTIONS,
            session.settings,
            settings,
            [partial(session.plan_regenerate, before.question.id, model=wanted, **settings)],
        )
        sent: AnswerOptions = {**settings, "on_retry": tell_retry, "on_wait": tell_wait}  # type: ignore[typeddict-item]
        [through] = self._through([wanted], options, session.manager)
        sent |= {"provider_session": through, "on_send": partial(self._announce, wanted, through)}
        await self._note_use(session)
        stream = session.stream_regenerate(before.question.id, model=wanted, **sent)
        return Opened(session, stream, options=options)

    async def open_comparison_again(
        self, session: BaseSession, last: LastComparison, tell_retry: Callable[[int], TellRetry]
    ) -> list[Opened]:
        """Return the streams of a comparison that is asked once more, as further versions of its turn.

        Raises
        ------
        SessionError
            It cannot be sent as it is; nothing was stored.
        """
        options = NO_OPTIONS
        changes = {
            **request_changes(self._workspace.config, options, session, session.settings),
            **last.changes,
        }
        parts = beside_text(last.question)
        sent: SendOptions = {"source": "magic", "system": last.system, "parts": parts, **changes}  # type: ignore[typeddict-item]
        text, turn = last.question.content, last.question.turn
        there: SendOptions = {**sent, "version_of": last.question.id}
        await self._check_budget(
            options,
            session.settings,
            changes,
            [partial(session.plan_message, text, model=model, **there) for model in last.models],
        )
        own = self._own(last.models, options, session.manager, tell_retry)
        streams = await session.stream_comparison(text, last.models, _in_turn(own), again=turn, **sent)
        asked = [stream.question for stream in streams if stream.question is not None]
        self._workspace.note_again(session, last.question, asked)
        return [Opened(session, stream) for stream in streams]

    async def answered(self, opened: Opened) -> str:
        """Take note that an answer came; return what to show the reader about it."""
        return await self._workspace.names_model(opened.session, opened.named_model)

    def count(self, stream: MessageStream, options: CellOptions = NO_OPTIONS) -> None:
        """Take note of the reply of a stream, of what it cost, and of where it came from."""
        reply = stream.reply or stream.unstored
        if reply is None:
            return
        self._workspace.last_answer = reply
        answers = (*stream.attempts, reply)
        tokens = stream.input_tokens // len(answers)
        self._workspace.spent_usd += sum(spent_usd(answer, tokens) for answer in answers)
        if options.api_base is not None or options.api_key_name is not None:
            self._workspace.addresses[reply.id] = options.api_base, options.api_key_name

    async def _note_use(self, session: BaseSession) -> None:
        """Let the notebook continue its current session after a restart, also where no cell has asked in it."""
        if self._workspace.is_current(session):
            await self._workspace.uses(session)

    def _own(
        self,
        models: Sequence[str],
        options: CellOptions,
        manager: SessionManager,
        tell_retry: Callable[[int], TellRetry],
    ) -> list[SendOptions]:
        """Return the options of each of several models, of which one may be asked twice."""
        return [
            {
                "provider_session": through,
                "on_send": partial(self._announce, models[place], through),
                "on_retry": tell_retry(place),
            }
            for place, through in enumerate(self._through(models, options, manager))
        ]

    def _through(
        self, models: Sequence[str], options: CellOptions, manager: SessionManager
    ) -> list[IProviderSession]:
        """Return what each model is asked through; all are known to exist."""
        providers = [parse_model_id(model)[0] for model in models]
        return [provider_for(self._workspace, provider, options, manager) for provider in providers]

    def _announce(self, model: str, through: IProviderSession) -> None:
        """Say where prompts go, when one goes there for the first time."""
        if text := destination_once(self._workspace, parse_model_id(model)[0], through):
            self._tell(text)

    def _limit_usd(self, options: CellOptions) -> float | None:
        """Return what a send may cost; None for no limit."""
        limits = [options.budget_usd, self._workspace.budget_left_usd]
        return min((limit for limit in limits if limit is not None), default=None)

    async def _check_budget(
        self,
        options: CellOptions,
        settings: SessionSettings,
        changes: Mapping[str, Any],
        plans: Sequence[Callable[[], Awaitable[SendPlan]]],
    ) -> None:
        """Make sure that what is planned is within all limits; where there is none, nothing is read."""
        limit = self._limit_usd(options)
        if limit is None and not may_refuse(settings, changes):
            return
        found = [await read() for read in plans]
        if limit is not None:
            check_cost(limit, [(plan.settings, _tokens_of(plan)) for plan in found])

    async def _carried(
        self, plan: Plan, through: Sequence[IProviderSession | None]
    ) -> dict[str, SendOptions]:
        """Return what goes with the prompt to each model, which takes it; addresses that it does not take are fetched.

        What is refused is refused before a session is made for it.
        """
        asks_for_value = any(ask.schema is not None for ask in plan.asks)
        if not (plan.options.get("parts") or plan.options.get("tools") or asks_for_value):
            return dict.fromkeys(plan.models, SendOptions())
        from langswarm_nb.core.session.sending.fitting import checked

        found: dict[str, SendOptions] = {}
        for model, ask, provider in zip(plan.models, plan.asks, through, strict=True):
            if provider is None:
                raise AssertionError("a model is asked through something")
            question, _ = await checked(provider, ask, self._workspace.manager)
            found[model] = {"parts": question.parts}
        return found

    async def _decided(
        self, plan: Plan, prompt: Prompt, through: Sequence[IProviderSession | None]
    ) -> dict[str, tuple[SendOptions, str]]:
        """Return how each model is asked the questions of a prompt, with what to say of that."""
        if not prompt.questions:
            return dict.fromkeys(plan.models, (SendOptions(), ""))
        from .structured import deciding

        found: dict[str, tuple[SendOptions, str]] = {}
        for model, provider in zip(plan.models, through, strict=True):
            if provider is None:
                raise AssertionError("a model is asked through something")
            found[model] = await deciding(prompt.questions, model, provider)
        return found

    async def _prepare(self, plan: Plan, options: CellOptions) -> tuple[BaseSession, tuple[str, ...]]:
        """Return the session that a plan goes to, made where it is not there; with what to show about it."""
        workspace, session = self._workspace, plan.session
        if session is None:
            session = await workspace.make(plan.opening, plan.session_name)
        if plan.opening != "named":
            await workspace.uses(session)
        elif options.stay:
            workspace.stay_in(session)
        told = [f"new session {workspace.name_of(session)}"] if plan.makes_session else []
        told += workspace.take_notes()
        return session, tuple(note for note in told if note)

    def _opened(
        self,
        plan: Plan,
        session: BaseSession,
        stream: MessageStream,
        notes: tuple[str, ...],
        options: CellOptions,
        questions: tuple[Question, ...] = (),
    ) -> Opened:
        name = self._workspace.name_of(session) if plan.opening == "named" else ""
        named = f"{stream.provider}:{stream.model}" if plan.names_model else None
        return Opened(session, stream, name, notes, named, options, questions)


def _told_of(carried: SendOptions) -> list[str]:
    """Return what to show the reader about texts that go with a prompt; what is attached is shown by the reply."""
    return [f"{part['name']} sent with it" for part in carried.get("parts", ()) if part["type"] == "context"]


def _tokens_of(plan: SendPlan) -> int:
    """Return about how many tokens a planned send takes; words on a schema are among its messages."""
    asks = plan.answering
    return request_tokens(plan.messages, None if asks is None or asks.words else asks.schema)


def _in_turn(options: Sequence[SendOptions]) -> Callable[[str], SendOptions]:
    """Return what `stream_comparison` asks for the options of each model, in their order."""
    left = iter(options)
    return lambda _model: next(left)
