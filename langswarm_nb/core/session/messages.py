"""The values of a conversation: `SessionMessage` with its `Usage` and `RequestFacts`."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import repeat
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

from .answers.definition import Definition
from .errors import SessionTypeError, SessionValueError
from .parts.tokens import CHARS_PER_TOKEN, tokens_of
from .parts.twins import searched
from .parts.vocabulary import ATTACHED, Part
from .text import one_line
from .values import member

JSON: TypeAlias = "dict[str, JSON] | list[JSON] | str | int | float | bool | None"
RAW = "raw"
"""Key in `RequestFacts.details` under which ``keep_raw`` keeps what the service sent."""
Status = Literal["ok", "stopped", "error"]
RoleName = Literal["system", "user", "assistant", "tool"]
"""The names of `MessageRole`."""
QuestionRole = Literal["user", "tool"]
"""The names of the roles that can be sent."""

_REPR_CHARS = 60
_MESSAGE_TOKENS = 4  # what roles and separators cost, about


class MessageRole(StrEnum):
    """Who a message is from."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class FinishReason(StrEnum):
    """Why a reply ended, in one vocabulary for all providers."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"
    ERROR = "error"
    INTERRUPTED = "interrupted"


def utc_now() -> datetime:
    """Return the present moment, time-zone aware."""
    return datetime.now(UTC)


def new_id() -> str:
    """Return a new random id: 32 hexadecimal digits."""
    return os.urandom(16).hex()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one reply as its provider counted them; an unknown count is None, never 0."""

    input_tokens: int | None = None
    """All input, cached input included."""
    cached_input_tokens: int | None = None
    """The part of the input read from a cache."""
    cache_write_tokens: int | None = None
    """The part of the input written to a cache."""
    output_tokens: int | None = None
    """All output, reasoning included."""
    reasoning_tokens: int | None = None
    """The part of the output that was reasoning."""

    @property
    def total_tokens(self) -> int | None:
        """Input and output together; None when both are unknown."""
        if self.input_tokens is None and self.output_tokens is None:
            return None
        return (self.input_tokens or 0) + (self.output_tokens or 0)

    def updated(self, newer: Usage) -> Usage:
        """Return these counts, replaced by those that ``newer`` knows: counts in streams are cumulative."""
        pairs = ((name, getattr(newer, name)) for name in Usage.__slots__)
        return Usage(**{name: getattr(self, name) if value is None else value for name, value in pairs})


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """Facts about the request that an assistant message answers; its id is the message's id."""

    provider: str
    request_model: str
    model: str | None = None
    """The model that answered, as the provider names it."""
    started_at: datetime | None = None
    """The moment just before the first byte was sent; UTC."""
    duration_s: float | None = None
    """Seconds from start to the last byte; waits between retries are not included."""
    time_to_first_chunk_s: float | None = None
    """Seconds from start to the first piece; None when the reply was not streamed."""
    queued_s: float = 0.0
    """Seconds spent waiting for rate limits and between retries."""
    usage: Usage = field(default_factory=Usage)
    tokens_source: Literal["provider", "estimate"] | None = None
    cost_usd: float | None = None
    """US dollars, only when the provider reported it; computing a cost is up to the analysis."""
    cost_source: Literal["provider", "table", "override"] | None = None
    status: Status = "ok"
    error_type: str | None = None
    error_message: str | None = None
    attempts: int = 1
    """How often the request was attempted; 0 for a copied answer, whose request counts where it was made."""
    streamed: bool = True
    compare_id: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    """What was sent besides the messages: temperature, max_tokens, ..."""
    provider_finish_reason: str | None = None
    """The provider's own word for `SessionMessage.finish_reason`."""
    provider_request_id: str | None = None
    """The provider's id of the request, to quote to its support."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What else the provider reported: rate-limit state, service tier, ..."""
    schema_hash: str | None = None
    """Of the schema that the answer was asked for, see `Definition.hash`."""
    data_json: str | None = None
    """The value that the answer holds, checked, as JSON; None when it fits no schema, or none was asked for."""
    definition: Definition | None = field(default=None, compare=False, repr=False)
    """The schema that was asked for, on the way into a storage, which keeps it apart from the message: see
    `ISessionStorage.read_definitions`."""

    @property
    def raw(self) -> Mapping[str, Any]:
        """What the service sent, kept with ``keep_raw=True``; otherwise empty.

        ``headers`` of the answer by their names in lower case, and ``events`` of a stream in order, or the ``body`` of
        a whole answer: JSON, including what this library has no name for, such as ``logprobs``. Keys are masked.
        """
        raw = self.details.get(RAW)
        return raw if isinstance(raw, Mapping) else {}

    @property
    def model_id(self) -> str:
        """``provider:model`` that answered; the one that was asked if the provider does not name the model."""
        return f"{self.provider}:{self.model or self.request_model}"


class Lazy:
    """Decodes attributes from a stored row when they are first asked for.

    Ten thousand messages are loaded far more often than all their fields are read, so what a storage makes holds its
    row and a decoder; see ``storage/rows.py`` and ``storage/records.py``.
    """

    __slots__ = ("_decode", "_row")
    _decode: Callable[[tuple[Any, ...], str], Any]
    _row: tuple[Any, ...]

    if not TYPE_CHECKING:  # a type checker would take any name for a field

        def __getattr__(self, name: str) -> Any:  # only called for a slot that is still empty
            if name.startswith("_"):
                raise AttributeError(name)
            value = self._decode(self._row, name)
            object.__setattr__(self, name, value)
            return value

    @classmethod
    def from_row(cls, row: tuple[Any, ...], decode: Callable[[tuple[Any, ...], str], Any]) -> Self:
        """Return what decodes its fields from ``row`` on first use (for storages)."""
        made = cls.__new__(cls)
        _set_row(made, row)
        _set_decode(made, decode)
        return made

    @classmethod
    def from_rows(
        cls, rows: Sequence[tuple[Any, ...]], decode: Callable[[tuple[Any, ...], str], Any]
    ) -> list[Self]:
        """Return the same for each row, without a step of Python for each."""
        made = list(map(cls.__new__, repeat(cls, len(rows))))
        deque(map(_set_row, made, rows), maxlen=0)
        deque(map(_set_decode, made, repeat(decode)), maxlen=0)
        return made


@dataclass(frozen=True, slots=True, repr=False)
class SessionMessage(Lazy):
    """One message of a session; never changed once made (`dataclasses.replace` makes a changed copy).

    Raises
    ------
    SessionTypeError
        ``content`` is not text, or another field has the wrong type.
    SessionValueError
        ``role`` is unknown or ``timestamp`` has no time zone.
    """

    id: str = field(default_factory=new_id)
    role: MessageRole = MessageRole.USER
    content: str = ""
    """The text; when there are `parts`, their texts joined by a blank line."""
    timestamp: datetime = field(default_factory=utc_now)
    """When it was accepted (user) or completed (assistant); UTC."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """JSON of the caller's own."""
    provider_message_id: str | None = None
    token_count: int | None = None
    """Output tokens of an assistant message as the provider counted them."""
    finish_reason: str | None = None
    parts: tuple[Part, ...] = ()
    """Attachments, tool calls and results, reasoning, sources, what a service did; empty for plain text."""
    source: str | None = None
    """Where the message came from: magic, panel, api, batch, compare, import."""
    cell_id: str | None = None
    request: RequestFacts | None = None
    """The facts of the request; assistant messages only."""
    seq: int | None = field(default=None, compare=False)
    """Position in the session, from 0 in order of storing; None until stored."""
    parent_seq: int | None = field(default=None, compare=False)
    """`seq` of the message before it on its path; None for the first."""
    turn: int | None = field(default=None, compare=False)
    """Number of the turn, from 0, never reused in its session; None before the first user message."""
    version: int = field(default=1, compare=False)
    """Number of this version of the turn, from 1, never reused."""
    is_active: bool = field(default=True, compare=False)
    """Whether it is on the active path."""
    is_hidden: bool = field(default=False, compare=False)
    """Whether it is kept but not sent on the active branch."""
    ask: int | None = None
    """Which question of one run of its cell it was, from 0."""
    scope: Literal["replace", "add", "session", "none"] | None = None
    """For a system message: whether it replaces the earlier ones on its path, joins them, came with its session (and
    so stays when the first turn is undone), or no longer applies."""
    beside: Literal["aside", "comparison"] | None = None
    """How it was asked, if it was asked beside the active path."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "role", as_role(self.role))
        if not isinstance(self.content, str):
            raise SessionTypeError.of("content", self.content, "text (str)")
        if not isinstance(self.timestamp, datetime):
            raise SessionTypeError.of("timestamp", self.timestamp, "a datetime")
        if self.timestamp.tzinfo is None:
            raise SessionValueError.of(
                "timestamp", self.timestamp, "time-zone aware, such as datetime.now(UTC)"
            )
        if not isinstance(self.metadata, Mapping):
            raise SessionTypeError.of("metadata", self.metadata, "a mapping of JSON values")
        object.__setattr__(self, "parts", tuple(self.parts))
        if texts := [part.get("text", "") for part in self.parts if part.get("type") == "text"]:
            object.__setattr__(self, "content", "\n\n".join(texts))

    def __repr__(self) -> str:
        text = self.content if len(self.content) <= _REPR_CHARS else f"{self.content[:_REPR_CHARS]}…"
        return f"SessionMessage({self.role.value}: {text!r}, id={one_line(repr(self.id), _REPR_CHARS)})"

    @property
    def all_parts(self) -> tuple[Part, ...]:
        """The whole message as parts, including its text: after the reasoning, before everything else."""
        if not self.parts:
            return ({"type": "text", "text": self.content},) if self.content else ()
        if not self.content or any(
            part["type"] in ("text", "refusal") for part in self.parts if part.get("text")
        ):
            return self.parts
        reasoning = tuple(part for part in self.parts if part["type"] == "reasoning")
        others = tuple(part for part in self.parts if part["type"] != "reasoning")
        return (*reasoning, {"type": "text", "text": self.content}, *others)

    @property
    def full_text(self) -> str:
        """All its words, for a search: its text, results of tools, names of attachments, sources."""
        words = searched(self.parts)
        return "\n\n".join([self.content, *words] if self.content else words)

    @property
    def address(self) -> str:
        """``TURN.VERSION``, as `%langswarm use` takes it; empty before the first turn."""
        return "" if self.turn is None else f"{self.turn}.{self.version}"

    @property
    def is_aside(self) -> bool:
        """Whether it was asked beside the path and has not joined it."""
        return self.beside is not None and not self.is_active

    @property
    def usage(self) -> Usage | None:
        """Token counts of the request that this message answers; None when it answers none."""
        return None if self.request is None else self.request.usage

    @property
    def reasoning(self) -> str:
        """The model's thinking, kept apart from the answer; empty when there is none."""
        return "\n\n".join(
            part["text"] for part in self.parts if part["type"] == "reasoning" and part.get("text")
        )

    @property
    def data(self) -> JSON:
        """The value of an answer that was asked for with a schema, as JSON; None when there is none, or it is null."""
        facts = self.request
        if facts is None or facts.data_json is None:
            return None
        return json.loads(facts.data_json)  # type: ignore[no-any-return]  # JSON

    def data_as(self, given: object) -> Any:
        """Return the answer as a value of a schema, checked: an instance of the type, if a type is given.

        Parameters
        ----------
        given : object
            As ``schema`` of a send: a type, a text, a JSON schema.

        Raises
        ------
        AnswerInvalidError
            The answer does not fit.
        SchemaDefinitionError, SessionTypeError
            ``given`` describes nothing that can be asked for.
        """
        from .answers.answer_schema import schema_of  # few messages hold a value

        schema = schema_of(given)
        known = self.request is not None and self.request.data_json is not None
        return schema.value_of(self.data if known else schema.read(self.content))

    @property
    def tool_calls(self) -> tuple[Part, ...]:
        """The tool calls that the model asked for."""
        return tuple(part for part in self.parts if part["type"] == "tool_call")

    @property
    def attachments(self) -> tuple[Part, ...]:
        """Its images, files and audio; read their bytes with `ISession.read_attachment`."""
        return tuple(part for part in self.parts if part["type"] in ATTACHED)

    @property
    def citations(self) -> tuple[Part, ...]:
        """The sources that the model named."""
        return tuple(part for part in self.parts if part["type"] == "citation")


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A message found by full-text search."""

    session_id: str
    message: SessionMessage
    snippet: str
    """The text around the match, on one line, at most about 200 characters."""


# The slots themselves: half the cost of object.__setattr__.
_set_row = vars(Lazy)["_row"].__set__
_set_decode = vars(Lazy)["_decode"].__set__


def as_role(role: object) -> MessageRole:
    """Return the role for its name.

    Raises
    ------
    SessionValueError
        No role has this name.
    """
    return member("role", role, MessageRole)


def estimate_tokens(messages: Sequence[SessionMessage]) -> int:
    """Return about how many tokens the messages take: 4 characters per token, 4 tokens per message, and attachments."""
    carried = sum(tokens_of(part) for message in messages for part in message.parts)
    return about_tokens(sum(len(message.content) for message in messages), len(messages)) + carried


def about_tokens(chars: int, messages: int) -> int:
    """Return about how many tokens this many characters in this many messages take."""
    return -(-chars // CHARS_PER_TOKEN) + _MESSAGE_TOKENS * messages
