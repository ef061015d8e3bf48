"""`Decider`: questions to a model, as a provider; so a decision is sent, stored and shown like any other reply.

A model that does not decide is asked for values of a schema: its answers have no probabilities.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from langswarm_nb.core.session.answers.decided import record_of
from langswarm_nb.core.session.answers.schema_errors import AnswerError
from langswarm_nb.core.session.interfaces import IProviderSession
from langswarm_nb.core.session.messages import FinishReason
from langswarm_nb.core.session.provider_events import DECISIONS, Decision, DecisionRequest, Delta, Finish

from .deciders import looks_at

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


class Decider(IProviderSession):
    """A provider that answers each request with the decisions on some questions, as JSON.

    Parameters
    ----------
    provider : IProviderSession
        Whom it asks; it stays the caller's to close.
    questions : sequence of Question
        What is decided about the messages of each request.
    decides : bool, optional
        Whether the models answer with probabilities; by default what is known of each (`Intake.decides`). Others are
        asked for values.

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

    def __init__(
        self, provider: IProviderSession, questions: Sequence[Question], *, decides: bool | None = None
    ) -> None:
        self.name: str = provider.name
        self._provider = provider
        self._questions = tuple(questions)
        self._decides = decides

    async def stream(self, request: ProviderRequest) -> AsyncIterator[ProviderEvent]:
        """Yield the decisions, as the JSON of `decision_schema`."""
        try:
            decision = await self.decide(DecisionRequest(self._questions, request))
        except AnswerError as error:
            for event in (error.info, Delta(error.text) if error.text else None, error.usage):
                if event is not None:  # what came was paid for: it is kept with the error
                    yield event
            raise
        probabilities = _probabilities(decision.answers)
        told = {"probabilities": probabilities} if probabilities else {}
        yield replace(decision.info, details={**decision.info.details, **told})
        yield Delta(json.dumps(record_of(decision.answers, self._questions), ensure_ascii=False))
        yield decision.usage
        yield Finish(FinishReason.STOP, decision.blocked)

    async def decide(self, request: DecisionRequest) -> Decision:
        """Answer the questions of a request, with probabilities where the model has them.

        Raises
        ------
        SchemaRouteError
            The model cannot be asked; nothing was sent.
        AnswerError
            The model answered with something else.
        ProviderSessionError
            As from `stream`.
        """
        intake = None if self._decides else await self._provider.intake(request.request.model)
        if intake is not None and not (intake.decides and self._decides is None):
            from ._decisions.by_schema import decide_by_schema  # most models that are asked decide

            return await decide_by_schema(self._provider, request, intake)
        decision = await self._provider.decide(request)
        return replace(
            decision,
            info=replace(decision.info, details={**decision.info.details, "processing": DECISIONS}),
        )

    async def intake(self, model: str, *, native: bool = False) -> Intake:
        """Return what the model decides about; its answer always has the schema of the decisions."""
        known = await self._provider.intake(model, native=native)
        if known.decides if self._decides is None else self._decides:
            known = replace(known, media_types=looks_at(self.name, known.media_types), addresses=())
        return replace(known, routes=("strict",), schema_form="plain", is_told_schema=False, tools=())

    async def list_models(self) -> list[ModelInfo]:
        """Return the models that the service offers."""
        return await self._provider.list_models()


def _probabilities(answers: Iterable[DecisionAnswer]) -> dict[str, list[list[object]]]:
    """Return all that was reported of choices and levels, to be kept beside the answers."""
    return {
        answer.name: [list(pair) for pair in answer.probabilities]
        for answer in answers
        if answer.probabilities
    }
