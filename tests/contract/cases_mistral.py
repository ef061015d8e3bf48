"""Mistral's two APIs for the provider suite."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from langswarm_nb.core.session.provider_events import ProviderEvent, ProviderRequest
from langswarm_nb.core.session.providers.mistral import MistralProviderSession
from tests.contract.provider_cases import (
    CANARY,
    CHAT,
    PIECES,
    TEXT,
    Dialect,
    RecordedApi,
    ends_with,
    event,
    expected_chat,
)


class _NativeMistral(MistralProviderSession):
    """Asks for conversations that Mistral holds, whatever the request says."""

    def stream(self, request: ProviderRequest) -> AsyncIterator[ProviderEvent]:
        return super().stream(replace(request, native=True))


MISTRAL = replace(CHAT, name="mistral", create=lambda url: MistralProviderSession(CANARY, base_url=url))


def _message_delta(text: str, **how: Any) -> bytes:
    about = {
        "id": "msg_1",
        "model": "test-model-1",
        "role": "assistant",
        "output_index": 0,
        "content_index": 0,
    }
    kind = "message.output.delta"
    return event({"type": kind, **about, "content": text}, kind, **how)


_MISTRAL_USAGE = {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9}
CONVERSATIONS = Dialect(
    name="mistral-conversations",
    create=lambda url: _NativeMistral(CANARY, base_url=url),
    stream=event({"type": "conversation.response.started", "conversation_id": "conv_1"})
    + b"".join(map(_message_delta, PIECES))
    + event({"type": "conversation.response.done", "usage": _MISTRAL_USAGE}, "conversation.response.done"),
    whole={
        "object": "conversation.response",
        "conversation_id": "conv_1",
        "outputs": [{"type": "message.output", "id": "msg_1", "model": "test-model-1", "content": TEXT}],
        "usage": _MISTRAL_USAGE,
    },
    error_event=event({"type": "conversation.response.error", "message": "too busy", "code": 503}),
    bad_event=event({"type": "message.output.delta", "content": 7}),
    text_event=lambda text: _message_delta(text, ascii_only=True),
    is_whole=ends_with(lambda body: body.get("type") == "conversation.response.done"),
)

RECORDED_CHAT = RecordedApi(MISTRAL, expected_chat)
