"""Gemini's two APIs for the provider suite."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.messages import FinishReason, Usage
from langswarm_nb.core.session.provider_events import Finish, ProviderEvent, ProviderRequest
from langswarm_nb.core.session.providers.gemini import GeminiProviderSession
from tests.contract.provider_cases import (
    CANARY,
    PIECES,
    TEXT,
    Dialect,
    Outcome,
    Raised,
    RecordedApi,
    ends_with,
    event,
)


class _Native(GeminiProviderSession):
    """Asks for conversations that Gemini holds, whatever the request says."""

    def stream(self, request: ProviderRequest) -> AsyncIterator[ProviderEvent]:
        return super().stream(replace(request, native=True))


def _generated(text: str, finish: str | None = None, **how: Any) -> bytes:
    parts = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    candidate = {**parts, "finishReason": finish} if finish else parts
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 4, "totalTokenCount": 9}
    about = {"usageMetadata": usage, "modelVersion": "test-model-1", "responseId": "resp-1"}
    return event({"candidates": [candidate], **about}, **how)


GEMINI = Dialect(
    name="gemini",
    create=lambda url: GeminiProviderSession(CANARY, base_url=url),
    stream=b"".join(map(_generated, PIECES)) + _generated("", "STOP"),
    whole=json.loads(_generated(TEXT, "STOP").removeprefix(b"data: ")),
    error_event=event({"error": {"code": 503, "message": "too busy", "status": "UNAVAILABLE"}}),
    bad_event=event({"candidates": [{"content": "text where an object should be"}]}),
    text_event=lambda text: _generated(text, ascii_only=True),
    is_whole=ends_with(lambda body: any(c.get("finishReason") for c in body.get("candidates", ()))),
)


def _step(kind: str, **how: Any) -> bytes:
    ascii_only = how.pop("ascii_only", False)
    return event({"event_type": f"step.{kind}", "index": 0, **how}, f"step.{kind}", ascii_only=ascii_only)


def _text_step(text: str, **how: Any) -> bytes:
    return _step("delta", delta={"type": "text", "text": text}, **how)


_INTERACTION = {"id": "v1_1", "object": "interaction", "model": "test-model-1"}
_INTERACTION_WHOLE = {
    **_INTERACTION,
    "status": "completed",
    "usage": {"total_input_tokens": 5, "total_output_tokens": 4, "total_tokens": 9},
}
INTERACTIONS = Dialect(
    name="gemini-interactions",
    create=lambda url: _Native(CANARY, base_url=url),
    stream=b": keep-alive\n\n"
    + event({"event_type": "interaction.created", "interaction": _INTERACTION}, "interaction.created")
    + _step("start", step={"type": "model_output"})
    + b"".join(map(_text_step, PIECES))
    + _step("stop")
    + event(
        {"event_type": "interaction.completed", "interaction": _INTERACTION_WHOLE}, "interaction.completed"
    )
    + b"event: done\ndata: [DONE]\n\n",
    whole={
        **_INTERACTION_WHOLE,
        "steps": [{"type": "model_output", "content": [{"type": "text", "text": TEXT}]}],
    },
    error_event=event(
        {"event_type": "error", "error": {"code": "service_unavailable", "message": "too busy"}}, "error"
    ),
    bad_event=event({"event_type": "step.delta", "index": 0, "delta": "text where an object should be"}),
    text_event=lambda text: _text_step(text, ascii_only=True),
    is_whole=ends_with(lambda body: body.get("event_type") == "interaction.completed"),
)


def _expected_gemini(told: Mapping[str, Any]) -> Outcome:
    usage = told["usage"]
    thoughts, answer = usage.get("thoughts_token_count"), usage.get("candidates_token_count")
    calls = [(f"call_{n}", call["name"], call["args"]) for n, call in enumerate(told["tool_calls"])]
    word = told["finish_reason"]
    reasons = {
        "STOP": FinishReason.STOP,
        "MAX_TOKENS": FinishReason.LENGTH,
        "SAFETY": FinishReason.CONTENT_FILTER,
    }
    return Outcome(
        text=told["text"],
        reasoning=told["thoughts"],
        tool_calls=[(call_id, name, json.dumps(arguments)) for call_id, name, arguments in calls],
        usage=Usage(
            input_tokens=usage["prompt_token_count"],
            cached_input_tokens=usage.get("cached_content_token_count"),
            output_tokens=None if thoughts is answer is None else (thoughts or 0) + (answer or 0),
            reasoning_tokens=thoughts,
        ),
        finish=Finish(FinishReason.TOOL_CALLS if calls else reasons[word], word),
        model=told["model"],
        message_id=told["id"],
    )


def _expected_interaction(told: Mapping[str, Any]) -> Outcome:
    usage = told["usage"]
    reasons = {"completed": FinishReason.STOP, "failed": FinishReason.ERROR}
    return Outcome(
        text=told["text"],
        usage=Usage(
            input_tokens=usage["total_input_tokens"],
            cached_input_tokens=usage["total_cached_tokens"],
            output_tokens=usage["total_output_tokens"] + usage["total_thought_tokens"],
            reasoning_tokens=usage["total_thought_tokens"],
        ),
        finish=Finish(reasons[told["status"]], told["status"]),
        model=told["model"],
        message_id=told["id"],
    )


def _google_error(told: Mapping[str, Any]) -> Raised | None:
    """Return our error; an interaction that Google does not know is a 400 to it and not found to us."""
    if told.get("status") == "in_progress":  # asked for in the background: there is no reply to read yet
        return Raised(errors.ProviderResponseError, 200)
    if "raises" not in told:
        return None
    status = told.get("status_code", told.get("code", 0))
    return Raised(errors.ProviderNotFoundError, status, "NOT_FOUND" if status == 404 else "invalid_request")


RECORDED_GENERATE = RecordedApi(GEMINI, _expected_gemini, raised=_google_error)
RECORDED_INTERACTIONS = RecordedApi(INTERACTIONS, _expected_interaction, raised=_google_error)
