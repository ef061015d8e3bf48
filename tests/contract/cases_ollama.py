"""Ollama, whose streams are lines of JSON, for the provider suite."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.messages import FinishReason, Usage
from langswarm_nb.core.session.provider_events import Finish
from langswarm_nb.core.session.providers.ollama import OllamaProviderSession
from tests.contract.provider_cases import CANARY, PIECES, TEXT, Dialect, Outcome, RecordedApi, ends_with


def _line(text: str, *, ascii_only: bool = False, **more: Any) -> bytes:
    message = {"role": "assistant", "content": text}
    body = {"model": "test-model-1", "created_at": "2026-11-24T12:00:00Z", "message": message, "done": False}
    return (json.dumps({**body, **more}, ensure_ascii=ascii_only) + "\n").encode()


_OLLAMA_END: dict[str, Any] = {"done": True, "done_reason": "stop", "prompt_eval_count": 5, "eval_count": 4}
OLLAMA = Dialect(
    name="ollama",
    create=lambda url: OllamaProviderSession(CANARY, base_url=url),
    stream=b"".join(map(_line, PIECES)) + _line("", **_OLLAMA_END),
    whole=json.loads(_line(TEXT, **_OLLAMA_END)),
    error_event=b'{"error": "too busy"}\n',
    error_kind=errors.ProviderServerError,
    bad_event=b'{"message": "text where an object should be"}\n',
    text_event=lambda text: _line(text, ascii_only=True),
    is_whole=ends_with(lambda body: body.get("done")),
    is_lines=True,
)


def _expected_ollama(told: Mapping[str, Any]) -> Outcome:
    return Outcome(
        text=told["text"],
        usage=Usage(input_tokens=told["prompt_eval_count"], output_tokens=told["eval_count"]),
        finish=Finish(FinishReason.STOP, told["done_reason"]),
        model=told["model"],
    )


RECORDED = RecordedApi(OLLAMA, _expected_ollama)
