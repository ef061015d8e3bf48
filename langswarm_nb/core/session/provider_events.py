"""What goes to a provider (`ProviderRequest`) and what comes back, piece by piece."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from .messages import FinishReason, SessionMessage, Usage
from .parts.media_types import fits, is_text, media_type_of
from .parts.vocabulary import Part

TextKind = Literal["text", "reasoning", "refusal"]


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a reply as it streams in."""

    text: str
    kind: TextKind = "text"


@dataclass(frozen=True, slots=True)
class ThoughtSoFar:
    """All the answer's text that has come so far was thinking: its end was marked, its beginning was not."""


@dataclass(frozen=True, slots=True)
class PartDone:
    """A whole part of the reply that is not answer text: a tool call, opaque reasoning, an image."""

    part: Part


@dataclass(frozen=True, slots=True)
class ReplyInfo:
    """What the provider says about the reply, as soon as it is known; None leaves what was known before."""

    model: str | None = None
    provider_message_id: str | None = None
    request_id: str | None = None
    native_id: str | None = None
    """Id of the conversation that the provider holds, when it really holds one."""
    cost_usd: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    """Rate-limit state, service tier, ...: JSON."""
    raw: Mapping[str, Any] = field(default_factory=dict)
    """For `ProviderRequest.keep_raw`: ``headers`` (by name), ``body`` of a whole answer, or ``events`` (a list of those
    that have come since) of a stream, as the service sent them; JSON."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The API's own end mark was seen: the reply is whole. Always the last event."""

    reason: FinishReason
    provider_reason: str | None = None


ProviderEvent: TypeAlias = Delta | ThoughtSoFar | PartDone | ReplyInfo | Usage | Finish


@dataclass(frozen=True, slots=True)
class RetryNotice:
    """A request failed in a way that allows a repeat; it is repeated after `wait_s` seconds."""

    attempt: int
    """Number of the attempt that failed, from 1."""
    wait_s: float
    reason: str

    @property
    def text(self) -> str:
        """Why, which attempt is next, and when, in one line."""
        return f"{self.reason}; attempt {self.attempt + 1} in {self.wait_s:.0f} s"


async def _ignore(notice: RetryNotice) -> None:
    """Take a notice that nobody asked for."""


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """One request to a model: the active path as it is to be sent, with its options and limits."""

    model: str
    messages: tuple[SessionMessage, ...]
    """The path, system messages in their places, empty and hidden ones left out, roles alternating.

    Of attachments only those come that the model takes: with ``url``, or with ``media_type`` and ``data`` as base64
    text. In the place of others stands a text, and so it does for a ``context``.

    Of those that were stored before, what no service asks for is not read: their places (``turn``, ``version``),
    ``metadata``, and the ``request`` of one without parts.
    """
    options: Mapping[str, Any] = field(default_factory=dict)
    """`settings.GENERATION_OPTIONS` under their common names; all others pass through as they are."""
    tools: tuple[str, ...] = ()
    """Names of the service's own tools that the model may use: of those in its `Intake`."""
    stream: bool = True
    timeout_s: float = 600.0
    """Longest time of the whole call."""
    retries: int = 2
    started: float = field(default_factory=time.monotonic)
    """Reading of the monotonic clock when the call began."""
    idempotency_key: str | None = None
    user_id: str | None = None
    native: bool = False
    """Keep the conversation with the provider (`SessionBackend.PROVIDER_NATIVE`)."""
    native_id: str | None = None
    """The conversation that the provider holds; None to start one with all `messages`."""
    new_from: int = 0
    """With `native_id`: index of the first of `messages` that the provider has not seen."""
    keep_raw: bool = False
    """Tell in `ReplyInfo.raw` what the service sends."""
    on_retry: Callable[[RetryNotice], Awaitable[None]] = _ignore

    @property
    def remaining_s(self) -> float:
        """Seconds left of the whole call."""
        return self.started + self.timeout_s - time.monotonic()


@dataclass(frozen=True, slots=True)
class Intake:
    """What a model takes beside text, and which tools its service has for it.

    A file that is text (`is_text`) goes to every model.
    """

    media_types: tuple[str, ...] = ("*/*",)
    """Of attachments: ``image/png``, or ``image/*`` for all images; by default none is known to be refused."""
    addresses: tuple[str, ...] = ("image", "file", "audio")
    """Types of parts, or media types, that may be sent as an address; of others the bytes are fetched here."""
    max_bytes: int | None = None
    """Largest request, in bytes; an attachment counts as its base64 text."""
    max_images: int | None = None
    """Most images of a request."""
    tools: tuple[str, ...] = ()
    """Names of the service's own tools, such as ``web_search``."""

    def takes(self, media_type: str) -> bool:
        """Tell whether attachments of this type can be sent."""
        return is_text(media_type) or any(fits(media_type, known) for known in self.media_types)

    def takes_address(self, part: Part) -> bool:
        """Tell whether an attachment can be sent as the address that it is."""
        if part["type"] in self.addresses:
            return True
        media_type = media_type_of(part)
        return "/" in media_type and any(fits(media_type, known) for known in self.addresses)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that a provider offers; what the provider does not tell is None."""

    id: str
    name: str | None = None
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    created_at: str | None = None
    owned_by: str | None = None
