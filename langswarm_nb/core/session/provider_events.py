"""What goes to a provider (`ProviderRequest`) and what comes back, piece by piece."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from .messages import FinishReason, SessionMessage, Usage
from .parts.media_types import fits, is_text, media_type_of
from .parts.vocabulary import Part

if TYPE_CHECKING:
    from .answers.decided import DecisionAnswer
    from .answers.questions import Question

TextKind = Literal["text", "reasoning", "refusal"]
Route = Literal["strict", "tool", "prompt"]
"""How a model is brought to answer with a value: its service holds it to the schema, it is made to call a tool whose
arguments are the value, or it is told so in words."""

DECISIONS = "decisions"
"""Value of the detail ``processing`` of requests that were decisions: they have prices of their own, and no output."""


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a reply as it streams in."""

    text: str
    kind: TextKind = "text"


@dataclass(frozen=True, slots=True)
class ThoughtSoFar:
    """All of the answer's text so far was thinking: its end was marked, but not its beginning."""


@dataclass(frozen=True, slots=True)
class PartDone:
    """A whole part of the reply that is not answer text: a tool call, opaque reasoning, an image."""

    part: Part


@dataclass(frozen=True, slots=True)
class ReplyInfo:
    """What the provider says about the reply, as soon as it is known; None keeps the earlier value."""

    model: str | None = None
    provider_message_id: str | None = None
    request_id: str | None = None
    native_id: str | None = None
    """Id of the conversation that the provider holds, only if it really holds one."""
    cost_usd: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    """Rate-limit state, service tier, ...: JSON."""
    raw: Mapping[str, Any] = field(default_factory=dict)
    """For `ProviderRequest.keep_raw`: ``headers`` (by name), and the ``body`` of a whole answer or the ``events`` of a
    stream (a list of the new ones), as the service sent them; JSON."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The API's own end mark was seen: the reply is whole. Always the last event."""

    reason: FinishReason
    provider_reason: str | None = None


ProviderEvent: TypeAlias = Delta | ThoughtSoFar | PartDone | ReplyInfo | Usage | Finish


@dataclass(frozen=True, slots=True)
class RetryNotice:
    """A request failed in a way that allows a retry; it is retried after `wait_s` seconds."""

    attempt: int
    """Number of the attempt that failed, from 1."""
    wait_s: float
    reason: str

    @property
    def text(self) -> str:
        """The reason, which attempt is next, and when, in one line."""
        return f"{self.reason}; attempt {self.attempt + 1} in {self.wait_s:.0f} s"


Held: TypeAlias = Callable[[], Iterable[PartDone]]
"""Returns what has arrived of a reply and would come only at its end."""


async def _ignore(notice: RetryNotice) -> None:
    """Take a notice that nobody asked for."""


def _hold(held: Held) -> None:
    """Take what nobody asked for."""


@dataclass(frozen=True, slots=True)
class AskedSchema:
    """The schema of the answer that a request asks for, in the form that its service takes."""

    name: str
    """Letters, digits, ``_`` and ``-``, at most 64."""
    schema: Mapping[str, Any]
    """JSON schema, of an object."""
    route: Route


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """One request to a model: the active path as it is to be sent, with its options and limits."""

    model: str
    messages: tuple[SessionMessage, ...]
    """The path: system messages in their places, empty and hidden messages left out, roles alternating.

    Only attachments that the model takes are among the parts: with ``url``, or with ``media_type`` and ``data`` as
    base64 text. Others are replaced by a text, and so is a ``context`` part.

    What no service needs is not read for messages stored earlier: their places (``turn``, ``version``), ``metadata``,
    and the ``request`` of a message without parts.
    """
    options: Mapping[str, Any] = field(default_factory=dict)
    """`settings.GENERATION_OPTIONS` under their common names; all other options are passed through as they are."""
    tools: tuple[str, ...] = ()
    """Names of the service's own tools that the model may use, from those in its `Intake`."""
    schema: AskedSchema | None = None
    """What the answer has to be: JSON, which comes as text (`Delta`) by every route. With the route ``prompt`` the
    messages say it already, and a service that can be held to JSON alone is held to that."""
    stream: bool = True
    timeout_s: float = 600.0
    """Time limit for the whole call."""
    retries: int = 2
    started: float = field(default_factory=time.monotonic)
    """Value of the monotonic clock when the call began."""
    idempotency_key: str | None = None
    user_id: str | None = None
    native: bool = False
    """Whether the provider keeps the conversation (`SessionBackend.PROVIDER_NATIVE`)."""
    native_id: str | None = None
    """The conversation that the provider holds; None to start one with all `messages`."""
    new_from: int = 0
    """With `native_id`: index of the first of `messages` that the provider has not seen."""
    keep_raw: bool = False
    """Whether to report in `ReplyInfo.raw` what the service sends."""
    on_retry: Callable[[RetryNotice], Awaitable[None]] = _ignore
    on_answer: Callable[[Held], None] = _hold
    """Called when an answer begins, with a way to ask for what would be lost when it breaks off: sources, mostly,
    are in order only at its end."""

    @property
    def remaining_s(self) -> float:
        """Seconds left for the whole call."""
        return self.started + self.timeout_s - time.monotonic()


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """Questions to be decided, all about the same."""

    questions: tuple[Question, ...]
    request: ProviderRequest
    """The messages that they are about, with model and limits; its tools, schema and conversation do not count."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a service decided."""

    answers: tuple[DecisionAnswer, ...]
    """One for each question, in their order."""
    usage: Usage = field(default_factory=Usage)
    info: ReplyInfo = field(default_factory=ReplyInfo)
    """Model, id of the request, cost, details, as for a reply."""
    blocked: str | None = None
    """The service's own word for why it took none of the input; all questions are then refused."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What a model takes besides text, and which tools its service has for it.

    A file that is text (`is_text`) can be sent to every model.
    """

    media_types: tuple[str, ...] = ("*/*",)
    """Media types of attachments: ``image/png``, or ``image/*`` for all images; by default everything is allowed."""
    addresses: tuple[str, ...] = ("image", "file", "audio")
    """Types of parts, or media types, that may be sent as an address; for others the library fetches the bytes."""
    max_bytes: int | None = None
    """Limit on the size of a request, in bytes; an attachment counts as its base64 text."""
    max_images: int | None = None
    """How many images a request may have at most."""
    tools: tuple[str, ...] = ()
    """Names of the service's own tools, such as ``web_search``."""
    routes: tuple[Route, ...] = ("prompt",)
    """How it can be asked for an answer of a schema, the surest first; empty when it cannot."""
    routes_with_tools: tuple[Route, ...] | None = None
    """The same where tools of the service are asked for as well; None: no other than without."""
    schema_form: str = ""
    """Whose rules a schema has to keep with the route ``strict``: a name of `answers.strict.FORMS`."""
    is_told_schema: bool = False
    """Whether the messages say the schema with the route ``strict`` too: the service masks words, and tells its model
    nothing."""
    decides: bool = False
    """Whether it answers questions with probabilities (`IProviderSession.decide`)."""

    def routes_for(self, tools: Collection[str] = ()) -> tuple[Route, ...]:
        """Return how it can be asked for an answer of a schema in a request that names these tools of the service."""
        return self.routes if not tools or self.routes_with_tools is None else self.routes_with_tools

    def takes(self, media_type: str) -> bool:
        """Return whether attachments of this type can be sent."""
        return is_text(media_type) or any(fits(media_type, known) for known in self.media_types)

    def takes_address(self, part: Part) -> bool:
        """Return whether an attachment that is an address can be sent as one."""
        if part["type"] in self.addresses:
            return True
        media_type = media_type_of(part)
        return "/" in media_type and any(fits(media_type, known) for known in self.addresses)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that a provider offers; what the provider does not report is None."""

    id: str
    name: str | None = None
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    created_at: str | None = None
    owned_by: str | None = None
