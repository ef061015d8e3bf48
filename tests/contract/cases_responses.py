"""OpenAI's Responses for the provider suite."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from langswarm_nb.core.session.messages import FinishReason, Usage
from langswarm_nb.core.session.provider_events import Finish
from langswarm_nb.core.session.providers.openai import OpenAIProviderSession
from tests.contract.provider_cases import CANARY, TEXT, Dialect, Outcome, RecordedApi, event

_USAGE = {"input_tokens": 5, "output_tokens": 4, "total_tokens": 9}
_ENDS = {"response.completed", "response.incomplete", "response.failed"}


def _response(status: str, **more: Any) -> dict[str, Any]:
    return {"id": "resp_1", "object": "response", "model": "test-model-1", "status": status, **more}


def _message(text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}


def _event(kind: str, *, ascii_only: bool = False, **body: Any) -> bytes:
    return event({"type": kind, **body}, kind, ascii_only=ascii_only)


def _delta(text: str, *, ascii_only: bool = False) -> bytes:
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    return _event("response.output_text.delta", delta=text, **place, ascii_only=ascii_only)


def is_whole(beginning: bytes) -> bool:
    """Return whether the response has ended."""
    for line in beginning.splitlines():
        try:
            body = json.loads(line.removeprefix(b"data:"))
        except ValueError:
            continue
        if body.get("type") in _ENDS:
            return True
    return False


RESPONSES = Dialect(
    name="responses",
    create=lambda url: OpenAIProviderSession(CANARY, base_url=url),
    stream=_event("response.created", response=_response("in_progress", usage=None))
    + _event("response.output_item.added", output_index=0, item={**_message(""), "content": []})
    + b"".join(_delta(piece) for piece in ("Grü", "ße, ", "世界", " 🎉"))
    + _event("response.output_item.done", output_index=0, item=_message(TEXT))
    + _event("response.completed", response=_response("completed", output=[_message(TEXT)], usage=_USAGE)),
    whole=_response("completed", output=[_message(TEXT)], usage=_USAGE),
    error_event=_event("error", message="too busy", code="overloaded_error", param=None),
    bad_event=_event("response.output_item.done", item="text where an object should be"),
    text_event=lambda text: _delta(text, ascii_only=True),
    is_whole=is_whole,
)


def expected(told: Mapping[str, Any]) -> Outcome:
    """Return what the OpenAI SDK read as an outcome."""
    incomplete, calls = told["incomplete_details"], told["tool_calls"]
    word = incomplete["reason"] if incomplete else told["status"]
    reason = FinishReason.LENGTH if incomplete else FinishReason.TOOL_CALLS if calls else FinishReason.STOP
    of_input, of_output = told["usage"]["input_tokens_details"], told["usage"]["output_tokens_details"]
    return Outcome(
        text=told["text"],
        reasoning=told["reasoning_summary"],
        tool_calls=[(call["call_id"], call["name"], call["arguments"]) for call in calls],
        usage=Usage(
            input_tokens=told["usage"]["input_tokens"],
            cached_input_tokens=of_input["cached_tokens"],
            cache_write_tokens=of_input.get("cache_write_tokens"),
            output_tokens=told["usage"]["output_tokens"],
            reasoning_tokens=of_output["reasoning_tokens"],
        ),
        finish=Finish(reason, word),
        model=told["model"],
        message_id=told["id"],
    )


RECORDED = RecordedApi(RESPONSES, expected, "/responses")
