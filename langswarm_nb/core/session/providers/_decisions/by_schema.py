"""The same questions to a model that tells no probabilities: it answers with values of a schema."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.answers.decided import DecisionAnswer, answers_of, value_schema
from langswarm_nb.core.session.answers.schema_errors import (
    AnswerError,
    AnswerInvalidError,
    AnswerTruncatedError,
    SchemaRouteError,
)
from langswarm_nb.core.session.answers.strict import strict_form
from langswarm_nb.core.session.answers.telling import told, told_wrong
from langswarm_nb.core.session.messages import FinishReason, MessageRole, SessionMessage, Usage
from langswarm_nb.core.session.provider_events import (
    AskedSchema,
    Decision,
    Delta,
    Finish,
    ProviderRequest,
    ReplyInfo,
)

from .reader import joined

if TYPE_CHECKING:
    from langswarm_nb.core.session.answers.answer_schema import AnswerSchema
    from langswarm_nb.core.session.interfaces import IProviderSession
    from langswarm_nb.core.session.provider_events import DecisionRequest, Intake


@dataclass
class _Came:
    """What came of a request, and what all requests so far took."""

    text: str = ""
    is_refusal: bool = False
    finish: Finish = field(default_factory=lambda: Finish(FinishReason.INTERRUPTED))
    usage: Usage = field(default_factory=Usage)
    info: ReplyInfo = field(default_factory=ReplyInfo)


async def decide_by_schema(provider: IProviderSession, request: DecisionRequest, intake: Intake) -> Decision:
    """Ask for values, once more if they do not fit; there are no probabilities.

    Raises
    ------
    SchemaRouteError
        The model cannot be asked for values; nothing was sent.
    AnswerTruncatedError, AnswerInvalidError
        The answer was cut at a limit, or did not fit, by most routes twice; the error tells what it took.
    ProviderSessionError
        As from the provider.
    """
    schema = value_schema(request.questions)
    asked, restored = _asked(schema, intake, provider.name)
    ask = _with_schema(request.request, schema, asked, intake)
    came = await _answer(provider, ask)
    try:
        return _decision(came, schema, restored, request, asked)
    except AnswerInvalidError as error:
        if asked.route == "strict":
            raise
        said = SessionMessage(role=MessageRole.ASSISTANT, content=came.text or "(nothing)")
        wrong = SessionMessage(content=told_wrong(error.problems))
    ask = replace(ask, messages=(*ask.messages, said, wrong), idempotency_key=None)
    again = await _answer(provider, ask)
    again.usage = added(came.usage, again.usage)
    again.info = replace(again.info, cost_usd=_sum(came.info.cost_usd, again.info.cost_usd))
    return _decision(again, schema, restored, request, asked)


def _asked(
    schema: AnswerSchema, intake: Intake, provider: str
) -> tuple[AskedSchema, Callable[[Any], Any] | None]:
    """Return the schema in the form for the surest route that it fits, and the way back from that form."""
    why = ""
    for route in intake.routes:
        if route != "strict":
            return AskedSchema(schema.name, schema.asked, route), None
        try:
            form = strict_form(schema, intake.schema_form or "plain")
        except SchemaRouteError as error:
            why = f" ({error})"
        else:
            return AskedSchema(schema.name, form.schema, route), form.restored
    raise SchemaRouteError(f"This model of {provider} can be asked for no values{why}. Choose another model.")


def _with_schema(
    request: ProviderRequest, schema: AnswerSchema, asked: AskedSchema, intake: Intake
) -> ProviderRequest:
    messages = request.messages
    if asked.route == "prompt" or (asked.route == "strict" and intake.is_told_schema):
        messages = (SessionMessage(role=MessageRole.SYSTEM, content=told(schema)), *messages)
    return replace(request, messages=messages, schema=asked, tools=(), stream=False)


async def _answer(provider: IProviderSession, request: ProviderRequest) -> _Came:
    came, texts = _Came(), []
    async for event in provider.stream(request):
        if isinstance(event, Delta) and event.kind != "reasoning":
            texts.append(event.text)
            came.is_refusal = came.is_refusal or event.kind == "refusal"
        elif isinstance(event, Usage):
            came.usage = came.usage.updated(event)
        elif isinstance(event, ReplyInfo):
            came.info = joined(came.info, event)
        elif isinstance(event, Finish):
            came.finish = event
    came.text = "".join(texts)
    return came


def _decision(
    came: _Came,
    schema: AnswerSchema,
    restored: Callable[[Any], Any] | None,
    request: DecisionRequest,
    asked: AskedSchema,
) -> Decision:
    """Return the answers; raises `AnswerError` for what is none, with all that came."""
    info = replace(came.info, details={**came.info.details, "route": asked.route})
    try:
        return _read(came, info, schema, restored, request)
    except AnswerError as error:
        error.text, error.usage, error.info = came.text, came.usage, info
        raise


def _read(
    came: _Came,
    info: ReplyInfo,
    schema: AnswerSchema,
    restored: Callable[[Any], Any] | None,
    request: DecisionRequest,
) -> Decision:
    if came.is_refusal or came.finish.reason is FinishReason.CONTENT_FILTER:
        refused = tuple(map(DecisionAnswer.refused, request.questions))
        return Decision(refused, came.usage, info, came.finish.provider_reason or "refusal")
    if came.finish.reason is FinishReason.LENGTH:
        raise AnswerTruncatedError("The answer was cut at a limit before it was whole. Raise max_tokens.")
    data = schema.read(came.text, restored)
    return Decision(answers_of(data, request.questions), came.usage, info)


def added(one: Usage, other: Usage) -> Usage:
    """Return the counts of two requests together; a count that one of them does not tell is not known."""
    return Usage(**{name: _sum(getattr(one, name), getattr(other, name)) for name in Usage.__slots__})


def _sum(one: Any, other: Any) -> Any:
    return None if one is None or other is None else one + other
