"""Anthropic's Messages for the provider suite."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from langswarm_nb.core.session.messages import FinishReason, Usage
from langswarm_nb.core.session.provider_events import Finish
from langswarm_nb.core.session.providers.anthropic import AnthropicProviderSession
from tests.contract.provider_cases import CANARY, TEXT, Dialect, Outcome, RecordedApi, event

_FINISH = {
    "end_turn": FinishReason.STOP,
    "tool_use": FinishReason.TOOL_CALLS,
    "refusal": FinishReason.CONTENT_FILTER,
}


def _message(**more: Any) -> dict[str, Any]:
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": "test-model-1", **more}


def _event(kind: str, *, ascii_only: bool = False, **body: Any) -> bytes:
    return event({"type": kind, **body}, kind, ascii_only=ascii_only)


def _delta(text: str, *, ascii_only: bool = False) -> bytes:
    delta = {"type": "text_delta", "text": text}
    return _event("content_block_delta", index=0, delta=delta, ascii_only=ascii_only)


def is_whole(beginning: bytes) -> bool:
    """Return whether the message has stopped."""
    for line in beginning.splitlines():
        try:
            body = json.loads(line.removeprefix(b"data:"))
        except ValueError:
            continue
        if body.get("type") == "message_stop":
            return True
    return False


MESSAGES = Dialect(
    name="messages",
    create=lambda url: AnthropicProviderSession(CANARY, base_url=url),
    stream=_event(
        "message_start", message=_message(content=[], usage={"input_tokens": 5, "output_tokens": 1})
    )
    + _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    + _event("ping")
    + b"".join(_delta(piece) for piece in ("Grü", "ße, ", "世界", " 🎉"))
    + _event("content_block_stop", index=0)
    + _event(
        "message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 4}
    )
    + _event("message_stop"),
    whole=_message(
        content=[{"type": "text", "text": TEXT}],
        stop_reason="end_turn",
        usage={"input_tokens": 5, "output_tokens": 4},
    ),
    error_event=_event("error", error={"type": "overloaded_error", "message": "too busy"}),
    bad_event=_event("content_block_delta", index=0, delta="text where an object should be"),
    text_event=lambda text: _delta(text, ascii_only=True),
    is_whole=is_whole,
)


def expected(told: Mapping[str, Any]) -> Outcome:
    """Return what the Anthropic SDK read as an outcome."""
    calls, usage = told["tool_calls"], told["usage"]
    written, read = usage.get("cache_creation_input_tokens"), usage.get("cache_read_input_tokens")
    return Outcome(
        text=told["text"],
        reasoning=told["thinking"],
        tool_calls=[
            (call["id"], call["name"], json.dumps(call["input"], ensure_ascii=False)) for call in calls
        ],
        usage=Usage(
            input_tokens=usage["input_tokens"] + (written or 0) + (read or 0),
            cached_input_tokens=read,
            cache_write_tokens=written,
            output_tokens=usage["output_tokens"],
            reasoning_tokens=(usage.get("output_tokens_details") or {}).get("thinking_tokens"),
        ),
        finish=Finish(_FINISH[told["stop_reason"]], told["stop_reason"]),
        model=told["model"],
        message_id=told["id"],
    )


RECORDED = RecordedApi(MESSAGES, expected, "/messages")
