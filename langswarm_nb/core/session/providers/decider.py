"""`Decider`: questions to a model, as a provider; so a decision is sent, stored and shown like any other reply."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from langswarm_nb.core.session.answers.decided import record_of
from langswarm_nb.core.session.interfaces import IProviderSession
from langswarm_nb.core.session.messages import FinishReason
from langswarm_nb.core.session.provider_events import Decision, DecisionRequest, Delta, Finish

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from langswarm_nb.core.session.answers.decided import DecisionAnswer
    from langswarm_nb.core.session.answers.questions import Question
    from langswarm_nb.core.session.provider_events import (
        Intake,
        ModelInfo,
        ProviderEvent,
        ProviderRequest,
    )

DECISIONS = "decisions"
"""Value of the detail ``processing``, by which such requests are priced."""


class Decider(IProviderSession):
    """A provider that answers each request with the decisions on some questions, as JSON.

    Parameters
    ----------
    provider : IProviderSession
        Whom it asks; it stays the caller's to close.
    questions : sequence of Question
        What is decided about the messages of each request.

    Examples
    --------
    >>> questions = questions_of({"spam": bool})
    >>> await session.send_message(
    ...     text,
    ...     provider_session=Decider(provider, questions),
    ...     schema=decision_schema(questions),
    ...     history=False,
    ... )
    """

    def __init__(self, provider: IProviderSession, questions: Sequence[Question]) -> None:
        self.name = provider.name
        self._provider = provider
        self._questions = tuple(questions)

    async def stream(self, request: ProviderRequest) -> AsyncIterator[ProviderEvent]:
        """Yield the decisions, as the JSON of `decision_schema`."""
        decision = await self.decide(DecisionRequest(self._questions, request))
        yield replace(decision.info, details={**decision.info.details, **_details(decision.answers)})
        yield Delta(json.dumps(record_of(decision.answers, self._questions), ensure_ascii=False))
        yield decision.usage
        yield Finish(FinishReason.STOP, decision.blocked)

    async def decide(self, request: DecisionRequest) -> Decision:
        """Answer the questions of a request."""
        return await self._provider.decide(request)

    async def intake(self, model: str, *, native: bool = False) -> Intake:
        """Return what the model takes; its answer always has the schema of the decisions."""
        known = await self._provider.intake(model, native=native)
        return replace(known, routes=("strict",), schema_form="plain", is_told_schema=False, tools=())

    async def list_models(self) -> list[ModelInfo]:
        """Return the models that the service offers."""
        return await self._provider.list_models()


def _details(answers: Iterable[DecisionAnswer]) -> dict[str, object]:
    """Return what is kept beside the answers: all probabilities, and that they were decisions."""
    told = {answer.name: [list(pair) for pair in answer.probabilities] for answer in answers}
    return {"processing": DECISIONS, "probabilities": {name: pairs for name, pairs in told.items() if pairs}}
