"""What the provider suite needs to know of each dialect: how to make a session, a reply on the wire, its end mark.

`provider_dialects` lists the dialects that take part.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.messages import FinishReason, SessionMessage, Usage
from langswarm_nb.core.session.provider_events import (
    Delta,
    Finish,
    PartDone,
    ProviderEvent,
    ProviderRequest,
    ReplyInfo,
    ThoughtSoFar,
)
from langswarm_nb.core.session.providers.chat import ChatProviderSession

CANARY = "sk-canary-7Xb2+Q/9zLw4TqYv8RmN3"
"""The key of every session in the suite; it must turn up nowhere but in the requests. Its form needs escaping."""
TEXT = "Grüße, 世界 🎉"
"""What the reply of every dialect's sample says."""
PIECES = ("Grü", "ße, ", "世界", " 🎉")
"""The same in pieces."""


@dataclass
class Outcome:
    """What a reply came to."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    tool_calls: list[tuple[str, str, str]] = field(default_factory=list)
    usage: Usage | None = None
    finish: Finish | None = None
    model: str | None = None
    message_id: str | None = None
    request_id: str | None = None
    cost_usd: float | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def take(self, event: ProviderEvent) -> None:
        """Take an event in."""
        assert self.finish is None, "an event after the end"
        if isinstance(event, Delta):
            assert event.text, "an empty delta"
            event.text.encode()
            setattr(self, event.kind, getattr(self, event.kind) + event.text)
        elif isinstance(event, ThoughtSoFar):
            self.reasoning, self.text = self.reasoning + self.text.strip(), ""
        elif isinstance(event, PartDone):
            if event.part["type"] == "tool_call":
                self.tool_calls.append((event.part["id"], event.part["name"], event.part["arguments"]))
        elif isinstance(event, ReplyInfo):
            self.model = event.model or self.model
            self.message_id = event.provider_message_id or self.message_id
            self.request_id = event.request_id or self.request_id
            self.cost_usd = self.cost_usd if event.cost_usd is None else event.cost_usd
            self.details |= event.details
        elif isinstance(event, Finish):
            self.finish = event
        else:
            self.usage = event


def ask(text: str = "Hi", **how: Any) -> ProviderRequest:
    """Return a request with one question."""
    return ProviderRequest(how.pop("model", "test-model"), (SessionMessage(content=text),), **how)


async def read(events: AsyncIterator[ProviderEvent], outcome: Outcome | None = None) -> Outcome:
    """Read a reply to its end; ``outcome`` keeps what came, also when it fails."""
    outcome = outcome or Outcome()
    async for event in events:
        outcome.take(event)
    assert outcome.finish is not None, "no end, and no error"
    return outcome


@dataclass(frozen=True)
class Dialect:
    """One way to speak to services."""

    name: str
    create: Callable[[str], Any]
    """Makes a session for an address, with the key `CANARY`."""
    stream: bytes
    """A reply of several events that says `TEXT`."""
    whole: Mapping[str, Any]
    """The same reply in one piece."""
    error_event: bytes
    """An error inside a stream, with the words ``too busy``."""
    bad_event: bytes
    """An event whose JSON has the wrong shape."""
    text_event: Callable[[str], bytes]
    """Makes an event with a piece of text, in ASCII: it may hold half a character."""
    is_whole: Callable[[bytes], bool]
    """Whether the beginning of a stream holds the end mark."""
    error_kind: type[errors.ProviderSessionError] = errors.ProviderOverloadedError
    """What `error_event` is to us; some dialects have words only."""
    is_lines: bool = False
    """Whether its streams are lines of JSON, not server-sent events."""

    @property
    def boundary(self) -> bytes:
        """Pattern for what stands between two events."""
        return rb"\n" if self.is_lines else rb"\r\n\r\n|\n\n|\r\r"

    @property
    def filler(self) -> bytes:
        """What a server may send to keep a stream alive."""
        return b"\n" if self.is_lines else b": still here\n\n"


def event(body: object, name: str = "", *, ascii_only: bool = False) -> bytes:
    """Return a server-sent event."""
    data = body if isinstance(body, str) else json.dumps(body, ensure_ascii=ascii_only, separators=(",", ":"))
    return (f"event: {name}\n" if name else "").encode() + f"data: {data}\n\n".encode()


def ends_with(is_end: Callable[[Any], object]) -> Callable[[bytes], bool]:
    """Return a test for whether an event, or a line, is in the beginning of a stream."""

    def is_in(beginning: bytes) -> bool:
        for line in re.split(rb"\r\n|\n|\r", beginning):
            try:
                body = json.loads(line.removeprefix(b"data:"))
            except ValueError:
                continue
            if isinstance(body, dict) and is_end(body):
                return True
        return False

    return is_in


# Chat Completions


def _chunk(delta: Mapping[str, Any], finish: str | None = None, **how: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return event({"id": "chatcmpl-1", "model": "test-model-1", "choices": [choice]}, **how)


def chat_is_whole(beginning: bytes) -> bool:
    """Return whether every choice has its finish reason."""
    open_choices: dict[int, bool] = {}
    for line in re.split(rb"\r\n|\n|\r", beginning):
        try:
            body = json.loads(line.removeprefix(b"data:"))
        except ValueError:
            continue
        for choice in body.get("choices", ()):
            index = choice.get("index", 0)
            open_choices[index] = open_choices.get(index, True) and not choice.get("finish_reason")
    return bool(open_choices) and not any(open_choices.values())


CHAT = Dialect(
    name="chat",
    create=lambda url: ChatProviderSession("openai-compatible", CANARY, base_url=url),
    stream=b": keep-alive\n\n"
    + _chunk({"role": "assistant", "content": ""})
    + b"".join(_chunk({"content": piece}) for piece in ("Grü", "ße, ", "世界", " 🎉"))
    + _chunk({}, "stop")
    + event({"id": "chatcmpl-1", "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 4}})
    + event("[DONE]"),
    whole={
        "id": "chatcmpl-1",
        "model": "test-model-1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 4},
    },
    error_event=event({"error": {"message": "too busy", "code": 503, "type": "overloaded_error"}}),
    bad_event=event({"choices": [{"index": 0, "delta": "text where an object should be"}]}),
    text_event=lambda text: _chunk({"content": text}, ascii_only=True),
    is_whole=chat_is_whole,
)

# Recordings


class Raised(NamedTuple):
    """An error as it is to be."""

    kind: type[errors.ProviderSessionError]
    status: int
    code: str | None = None
    param: str = ""
    request_id: str | None = None


@dataclass(frozen=True)
class RecordedApi:
    """How to read the recordings of one API."""

    dialect: Dialect
    expected: Callable[[Mapping[str, Any]], Outcome]
    """Turns what a vendor's SDK read into our words."""
    path: str = ""
    """End of the path of requests for a reply; others (deleting, counting, …) are left out."""
    raised: Callable[[Mapping[str, Any]], Raised | None] = lambda told: sdk_error(told)  # noqa: PLW0108
    """Turns what a vendor's SDK raised into what we raise; None when it read a reply."""


def expected_chat(told: Mapping[str, Any]) -> Outcome:
    """Return what the OpenAI or Mistral SDK read as an outcome."""
    choice = told["choices"][0] if "choices" in told else told
    usage = told.get("usage")
    return Outcome(
        text=choice["text"] or "",
        reasoning=choice.get("reasoning", choice.get("thinking", "")),
        tool_calls=[(call["id"], call["name"], call["arguments"]) for call in choice["tool_calls"]],
        usage=None if usage is None else _chat_usage(usage),
        finish=Finish(_FINISH[choice["finish_reason"]], choice["finish_reason"]),
        model=told["model"],
        message_id=told["id"],
        cost_usd=(usage or {}).get("cost"),
    )


_FINISH = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
}
_SDK_ERRORS: dict[str, type[errors.ProviderSessionError]] = {
    "BadRequestError": errors.ProviderRequestError,
    "AuthenticationError": errors.ProviderAuthenticationError,
    "NotFoundError": errors.ProviderNotFoundError,
    "RateLimitError": errors.ProviderRateLimitError,
    "APIError": errors.ProviderRequestError,
}


def sdk_error(told: Mapping[str, Any]) -> Raised | None:
    """Return our error for the one that a vendor's SDK raised; those go by the status alone."""
    if "raises" not in told:
        return None
    kind = _SDK_ERRORS[told["raises"].rpartition(".")[2]]
    if told.get("code") == "model_not_found":
        kind = errors.ProviderNotFoundError
    code = told.get("code", told.get("type"))
    return Raised(kind, told.get("status_code", 200), code, told.get("param") or "", told.get("request_id"))


def _chat_usage(told: Mapping[str, Any]) -> Usage:
    prompt, completion = told.get("prompt_tokens_details") or {}, told.get("completion_tokens_details") or {}
    return Usage(
        input_tokens=told["prompt_tokens"],
        cached_input_tokens=prompt.get("cached_tokens", told.get("num_cached_tokens")),
        cache_write_tokens=prompt.get("cache_write_tokens"),
        output_tokens=told["completion_tokens"],
        reasoning_tokens=completion.get("reasoning_tokens"),
    )


RECORDED_CHAT = RecordedApi(CHAT, expected_chat)


def impatient(dialect: Dialect, url: str) -> Any:
    """Return a session that does not wait between attempts, but notes the seconds in ``waits``."""
    provider = dialect.create(url)
    provider.waits = []

    async def note(seconds: float) -> None:
        provider.waits.append(seconds)

    provider.http.sleep, provider.http.jitter = note, lambda: 0.0
    return provider


async def fails(
    provider: Any, kind: type[errors.SessionError], request: ProviderRequest | None = None
) -> Any:
    """Return the error that a request ends in."""
    with pytest.raises(kind) as caught:
        await read(provider.stream(request or ask()))
    return caught.value
