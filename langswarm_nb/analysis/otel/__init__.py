"""`OTelHook`: a span and measurements for each request, through the OpenTelemetry API (extra ``otel``)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from langswarm_nb.analysis import otel_names as names
from langswarm_nb.core.session.errors import MissingExtraError, SessionNotFoundError
from langswarm_nb.core.session.interfaces import ISession, ISessionLifecycleHook
from langswarm_nb.core.session.messages import MessageRole, RequestFacts, SessionMessage
from langswarm_nb.core.session.providers.catalogue import otel_name
from langswarm_nb.core.session.values import to_us

from .contents import contents


class OTelHook(ISessionLifecycleHook):
    """Reports each request to OpenTelemetry: a span ``chat {model}``, its duration, its tokens.

    If the program has not set up an OpenTelemetry SDK, nothing is sent and a turn costs some ten microseconds.

    Parameters
    ----------
    content : bool
        Put what was sent, the system text apart, and the answer into the span. By default no text is sent: ids, models,
        numbers and types of errors only.

    Raises
    ------
    MissingExtraError
        The OpenTelemetry API is not installed.

    Examples
    --------
    ::

        manager.add_global_hook(OTelHook())
    """

    def __init__(self, *, content: bool = False) -> None:
        try:
            from opentelemetry import metrics, trace
        except ImportError as error:
            raise MissingExtraError(
                "OTelHook needs the OpenTelemetry API. Install it with `pip install 'langswarm-nb[otel]'`."
            ) from error
        self._content = content
        self._trace = trace
        self._tracer = trace.get_tracer("langswarm_nb")
        meter = metrics.get_meter("langswarm_nb")
        self._duration = meter.create_histogram(
            names.DURATION, "s", explicit_bucket_boundaries_advisory=names.DURATION_BUCKETS_S
        )
        self._first_chunk = meter.create_histogram(
            names.TIME_TO_FIRST_CHUNK, "s", explicit_bucket_boundaries_advisory=names.FIRST_CHUNK_BUCKETS_S
        )
        self._tokens = meter.create_histogram(
            names.TOKEN_USAGE, "{token}", explicit_bucket_boundaries_advisory=names.TOKEN_BUCKETS
        )

    async def on_message_received(self, session: ISession, message: SessionMessage) -> None:
        await self._tell(session, message)

    async def on_error(self, session: ISession, error: Exception) -> None:
        # The failed request was stored before the hooks are called, as the newest reply.
        try:
            newest = await session.get_messages(1, MessageRole.ASSISTANT, branch="all")
        except SessionNotFoundError:  # deleted while it was answered, and with it what the request was
            return
        if newest and newest[0].request is not None and newest[0].request.error_type == type(error).__name__:
            await self._tell(session, newest[0])

    async def _tell(self, session: ISession, message: SessionMessage) -> None:
        facts = message.request
        if facts is None:
            return
        self._measure(facts)
        end_us = to_us("timestamp", message.timestamp)
        texts = await contents(session, message) if self._content else {}
        start = facts.started_at or message.timestamp - timedelta(seconds=facts.duration_s or 0)
        span = self._tracer.start_span(
            f"chat {facts.request_model}",
            kind=self._trace.SpanKind.CLIENT,
            attributes={**self._attributes(session, message, facts), **texts},
            start_time=to_us("started_at", start) * 1000,
        )
        if facts.status == "error":
            span.set_status(self._trace.Status(self._trace.StatusCode.ERROR, facts.error_type))
        span.end(end_us * 1000)

    def _measure(self, facts: RequestFacts) -> None:
        labels = _known({name: value for name, value in _facts(facts).items() if name in _LABELS})
        if facts.duration_s is not None:
            self._duration.record(facts.duration_s, labels)
        if facts.time_to_first_chunk_s is not None:
            self._first_chunk.record(facts.time_to_first_chunk_s, labels)
        for kind, count in (("input", facts.usage.input_tokens), ("output", facts.usage.output_tokens)):
            if count is not None:
                self._tokens.record(count, {**labels, names.TOKEN_TYPE: kind})

    def _attributes(self, session: ISession, message: SessionMessage, facts: RequestFacts) -> dict[str, Any]:
        own = {
            "session_id": session.session_id,
            "request_id": message.id,
            "turn": message.turn,
            "version": message.version,
        }
        told = {**own, **_facts(facts)}
        if message.finish_reason is not None:
            told["finish_reason"] = [message.finish_reason]
        asked = {
            names.PARAM_ATTRIBUTES[name]: value
            for name, value in facts.params.items()
            if name in names.PARAM_ATTRIBUTES
        }
        answered = (
            {} if message.provider_message_id is None else {names.RESPONSE_ID: message.provider_message_id}
        )
        return {**_known(told), **answered, **asked}


_LABELS = ("operation", "provider", "request_model", "model", "error_type")


def _facts(facts: RequestFacts) -> dict[str, Any]:
    """Return the facts of a request under the names that `turns_df` has for them."""
    usage = facts.usage
    return {
        "operation": "chat",
        "provider": otel_name(facts.provider),
        "request_model": facts.request_model,
        "model": facts.model,
        "time_to_first_chunk_s": facts.time_to_first_chunk_s,
        "input_tokens": usage.input_tokens,
        "cache_read_input_tokens": usage.cached_input_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_output_tokens": usage.reasoning_tokens,
        "error_type": facts.error_type,
        "streamed": facts.streamed,
    }


def _known(values: dict[str, Any]) -> dict[str, Any]:
    """Return attributes by OpenTelemetry's names; what is not known is left out."""
    return {names.TURN_ATTRIBUTES[name]: value for name, value in values.items() if value is not None}
