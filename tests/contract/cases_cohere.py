"""Cohere for the provider suite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.messages import FinishReason, Usage
from langswarm_nb.core.session.provider_events import Finish
from langswarm_nb.core.session.providers.cohere import CohereProviderSession
from tests.contract.provider_cases import (
    CANARY,
    PIECES,
    TEXT,
    Dialect,
    Outcome,
    RecordedApi,
    ends_with,
    event,
)


def _cohere(kind: str, delta: Mapping[str, Any] | None = None, **how: Any) -> bytes:
    ascii_only = how.pop("ascii_only", False)
    body = {"type": kind, **how, **({"delta": delta} if delta else {})}
    return event(body, kind, ascii_only=ascii_only)


def _cohere_text(text: str, **how: Any) -> bytes:
    return _cohere("content-delta", {"message": {"content": {"text": text}}}, index=0, **how)


_COHERE_USAGE = {
    "billed_units": {"input_tokens": 2, "output_tokens": 4},
    "tokens": {"input_tokens": 5, "output_tokens": 4},
}
COHERE = Dialect(
    name="cohere",
    create=lambda url: CohereProviderSession(CANARY, base_url=url),
    stream=_cohere("message-start", {"message": {"role": "assistant", "content": []}}, id="reply-1")
    + _cohere("content-start", {"message": {"content": {"type": "text", "text": ""}}}, index=0)
    + b"".join(map(_cohere_text, PIECES))
    + _cohere("content-end", index=0)
    + _cohere("message-end", {"finish_reason": "COMPLETE", "usage": _COHERE_USAGE})
    + event("[DONE]"),
    whole={
        "id": "reply-1",
        "finish_reason": "COMPLETE",
        "message": {"role": "assistant", "content": [{"type": "text", "text": TEXT}]},
        "usage": _COHERE_USAGE,
    },
    error_event=_cohere("message-end", {"finish_reason": "ERROR", "error": "too busy"}),
    error_kind=errors.ProviderServerError,
    bad_event=_cohere("content-delta", {"message": {"content": "text where an object should be"}}),
    text_event=lambda text: _cohere_text(text, ascii_only=True),
    is_whole=ends_with(lambda body: body.get("type") == "message-end"),
)


def _expected_cohere(told: Mapping[str, Any]) -> Outcome:
    tokens, word = told["usage"]["tokens"], told["finish_reason"]
    calls = [(call["id"], call["name"], call["arguments"]) for call in told["tool_calls"]]
    cached = told["usage"].get("cached_tokens")
    return Outcome(
        text=told["text"],
        tool_calls=calls,
        usage=Usage(
            input_tokens=int(tokens["input_tokens"]),
            cached_input_tokens=None if cached is None else int(cached),
            output_tokens=int(tokens["output_tokens"]),
        ),
        finish=Finish(FinishReason.TOOL_CALLS if calls else FinishReason.STOP, word),
        model="test-model",  # the one that was asked: Cohere does not tell
        message_id=told["id"],
    )


RECORDED = RecordedApi(COHERE, _expected_cohere)
