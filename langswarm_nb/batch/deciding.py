"""Questions about many texts: one request for each different text, some at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

from langswarm_nb.analysis.prices import cost_of
from langswarm_nb.core.session.answers.questions import Question
from langswarm_nb.core.session.answers.schema_errors import AnswerError, SchemaRouteError
from langswarm_nb.core.session.errors import (
    ProviderAuthenticationError,
    ProviderConnectionError,
    ProviderNotFoundError,
    ProviderQuotaError,
    SessionError,
    SessionValueError,
)
from langswarm_nb.core.session.interfaces import IProviderSession
from langswarm_nb.core.session.messages import RequestFacts, SessionMessage, Usage
from langswarm_nb.core.session.provider_events import Decision, DecisionRequest, ProviderRequest, ReplyInfo
from langswarm_nb.core.session.values import check_utf8

RETRIES = 5
"""How often a request is repeated that a service refuses for a while: many at a time meet its limits."""
_FOR_ALL = (ProviderAuthenticationError, ProviderNotFoundError, ProviderQuotaError, SchemaRouteError)
"""What goes wrong with one request goes wrong with all."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of the questions about one text."""

    decision: Decision | None
    error: Exception | None = None
    """What went wrong; then there is no decision."""
    cost_usd: float | None = None
    """US dollars; None when they are not known."""
    usage: Usage = field(default_factory=Usage)
    """Tokens, also of an answer that is none."""

    @property
    def was_answered(self) -> bool:
        """Whether the service may have worked, and charge, for it."""
        is_answer = self.error is None or isinstance(self.error, AnswerError)
        return is_answer or getattr(self.error, "maybe_processed", False)


class OutOfBudgetError(SessionValueError):
    """No more may be asked: the budget leaves too little."""


Allow: TypeAlias = Callable[[str], None]
"""Raises `OutOfBudgetError` when a text may no longer be sent."""
Count: TypeAlias = Callable[[str, Decided | None], None]
"""Takes note of what came of a text that `Allow` has let through; None when it was stopped."""


@dataclass
class Deciding:
    """One run over texts; what it has decided stays in `found`, also when it is stopped.

    Parameters
    ----------
    provider
        Whom it asks; a `Decider` also asks models that do not decide.
    model
        Name of the model, without its provider.
    questions
        What is asked about each text.
    concurrency
        How many requests may be under way at a time.
    timeout_s
        Time limit for each request, in seconds.
    allow, count
        Called before and after each request.
    """

    provider: IProviderSession
    model: str
    questions: tuple[Question, ...]
    concurrency: int = 8
    timeout_s: float = 600.0
    allow: Allow = lambda _: None
    count: Count = lambda _, __: None
    found: dict[str, Decided] = field(default_factory=dict)
    """Text -> what came of it."""
    stopped_by: SessionError | None = None
    """What kept it from asking about the rest."""

    async def run(self, texts: Iterable[str]) -> None:
        """Ask about texts, each different one once.

        What fails for one text is noted with it. What would fail for all of them, such as a key that is refused, a
        service that is not there or a budget that is used up, ends the run; the first text goes alone, so that nothing
        more is sent then.

        Raises
        ------
        SessionError
            The run was ended before anything was decided.
        """
        waiting = iter(dict.fromkeys(texts))
        await self._work(waiting, most=1)
        if self.stopped_by is None:
            async with asyncio.TaskGroup() as workers:
                for _ in range(self.concurrency):
                    workers.create_task(self._work(waiting))
        if self.stopped_by is not None and not self._has_decided:
            raise self.stopped_by

    @property
    def _has_decided(self) -> bool:
        return any(one.decision is not None for one in self.found.values())

    async def _work(self, waiting: Iterator[str], most: int | None = None) -> None:
        for done, text in enumerate(waiting, 1):
            if self.stopped_by is not None:
                return
            try:
                self.allow(text)
            except OutOfBudgetError as error:
                self.stopped_by = error
                return
            await self._ask(text)
            if done == most:
                return

    async def _ask(self, text: str) -> None:
        decided: Decided | None = None
        try:
            decided = self.found[text] = await self._decided(text)
            if isinstance(decided.error, ProviderConnectionError) and not self._has_decided:
                self.stopped_by = decided.error
        except _FOR_ALL as error:
            decided = self.found[text] = Decided(None, error)
            self.stopped_by = error
        finally:
            self.count(text, decided)

    async def _decided(self, text: str) -> Decided:
        started_at = datetime.now(UTC)
        message = SessionMessage(content=text)
        request = ProviderRequest(
            self.model, (message,), timeout_s=self.timeout_s, retries=RETRIES, stream=False
        )
        try:
            check_utf8("text", text)
            decision = await self.provider.decide(DecisionRequest(self.questions, request))
        except _FOR_ALL:
            raise
        except AnswerError as error:  # it came, and it was paid for
            usage, info = error.usage or Usage(), error.info or ReplyInfo()
            return Decided(None, error, self._cost_usd(usage, info, started_at), usage)
        except Exception as error:  # noqa: BLE001 - a provider of another package may raise anything
            return Decided(None, error)
        cost_usd = self._cost_usd(decision.usage, decision.info, started_at)
        return Decided(decision, None, cost_usd, decision.usage)

    def _cost_usd(self, usage: Usage, info: ReplyInfo, started_at: datetime) -> float | None:
        facts = RequestFacts(
            self.provider.name,
            self.model,
            info.model,
            started_at,
            usage=usage,
            cost_usd=info.cost_usd,
            details=info.details,
        )
        cost = cost_of(facts)
        return None if cost is None else cost[0]
