"""What a session was created with (`SessionSettings`) and what is stored of it (`SessionRecord`)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Literal, TypedDict, Unpack

from .errors import SessionTypeError, SessionValueError, shown
from .messages import Lazy, utc_now
from .text import nearest
from .values import check_utf8

_MOST = 2**53
"""Numbers up to here are exact in JSON, in floating point and in every database."""


StatusName = Literal["active", "paused", "completed", "archived", "error"]
"""The names of `SessionStatus`."""
BackendName = Literal["local", "provider_native"]
"""The names of `SessionBackend`."""


class SettingValues(TypedDict, total=False):
    """Settings by name, without provider and model; `SessionSettings` explains each."""

    max_messages: int | None
    max_context_tokens: int | None
    trim: Literal["oldest", "error"]
    temperature: float | None
    max_tokens: int | None
    top_p: float | None
    stop: str | Sequence[str] | None
    seed: int | None
    reasoning_effort: str | None
    options: Mapping[str, Any]
    timeout_s: float
    retries: int
    stream: bool
    keep_raw: bool
    schema: object
    repair: int | None


class SettingOptions(SettingValues, total=False):
    """Settings of one send; those that are not given come from the session."""

    provider: str
    backend: SessionBackend | BackendName


class SettingChanges(SettingOptions, total=False):
    """All settings by name, including the model."""

    model: str


class SessionStatus(StrEnum):
    """The state of a session: active, archived or deleted."""

    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    ARCHIVED = "archived"
    ERROR = "error"


class SessionBackend(StrEnum):
    """Who keeps the conversation for the model."""

    LOCAL = "local"
    """The library sends the active path each time; works with every provider."""
    PROVIDER_NATIVE = "provider_native"
    """The provider holds the conversation; only new messages are sent, and every message is also stored here."""


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What a session was created with; its limits apply to what is sent, never to what is kept.

    Parameters
    ----------
    provider : str
        The service that answers: one of `provider_names`.
    model : str
        Name of the model, as its provider writes it.
    backend : SessionBackend or str, default "local"
        Who keeps the conversation for the model.
    max_messages : int or None, default None
        How many messages to send with one request at most, not counting system messages; None for all.
    max_context_tokens : int or None, default None
        How many tokens to send with one request at most, estimated at 4 characters per token; None for no limit.
    trim : {"oldest", "error"}, default "oldest"
        What happens when a limit is exceeded: the oldest turns are left out, or the send is refused.
    temperature : float or None, default None
        How random the choice of words is, from 0; None leaves it to the provider, here and below.
    max_tokens : int or None, default None
        How many tokens a reply may have at most.
    top_p : float or None, default None
        Share of the probability from which words are chosen, from 0 to 1.
    stop : tuple of str or None, default None
        Texts at which a reply ends.
    seed : int or None, default None
        Makes replies repeatable, where the provider supports it.
    reasoning_effort : str or None, default None
        How much a model thinks, in its provider's terms, such as "low".
    options : mapping, default {}
        Any other options of the provider, as JSON, passed through under their own names.
    timeout_s : float, default 600.0
        Time limit for one call in seconds, waits and retries included.
    retries : int, default 2
        Repeats after the first attempt, where a repeat is safe.
    stream : bool, default True
        Whether to ask the provider to stream; False asks for whole replies.
    keep_raw : bool, default False
        Whether to keep with each reply exactly what the service sent: see `RequestFacts.raw`.
    schema : mapping, str or None, default None
        What answers have to be: a JSON schema, or a text such as ``"name, age int"``. A type may be given too; of it
        the JSON schema is kept, so that answers are JSON. In a send, `SessionMessage.data_as` and
        `MessageStream.value` give instances of it.
    repair : int or None, default None
        How often an answer that does not fit its schema is asked for once more; None for once, and for never where
        the service itself holds its model to the schema.

    Raises
    ------
    SessionValueError, SessionTypeError
        A setting is outside its range or of the wrong type.
    """

    provider: str
    model: str
    backend: SessionBackend = SessionBackend.LOCAL
    max_messages: int | None = None
    max_context_tokens: int | None = None
    trim: Literal["oldest", "error"] = "oldest"
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    stop: tuple[str, ...] | None = None
    seed: int | None = None
    reasoning_effort: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float = 600.0
    retries: int = 2
    stream: bool = True
    keep_raw: bool = False
    schema: Mapping[str, Any] | str | None = None
    repair: int | None = None

    def __post_init__(self) -> None:
        _check_text("provider", self.provider)
        _check_text("model", self.model)
        try:
            object.__setattr__(self, "backend", SessionBackend(self.backend))
        except ValueError:
            raise SessionValueError.of(
                "backend", self.backend, [str(known) for known in SessionBackend]
            ) from None
        for name in ("max_messages", "max_context_tokens", "max_tokens"):
            _check_number(name, getattr(self, name), 1, whole=True)
        _check_number("seed", self.seed, -_MOST, whole=True)
        _check_number("temperature", self.temperature, 0)
        _check_number("top_p", self.top_p, 0, 1)
        _check_number("timeout_s", self.timeout_s, 0.001, optional=False)
        _check_number("retries", self.retries, 0, whole=True, optional=False)
        if self.trim not in ("oldest", "error"):
            raise SessionValueError.of("trim", self.trim, ["oldest", "error"])
        if self.stop is not None:
            object.__setattr__(self, "stop", _as_stop(self.stop))
        if self.reasoning_effort is not None:
            _check_text("reasoning_effort", self.reasoning_effort)
        if not isinstance(self.options, Mapping):
            raise SessionTypeError.of("options", self.options, "a mapping of option names to JSON values")
        for name in ("stream", "keep_raw"):
            if not isinstance(getattr(self, name), bool):
                raise SessionTypeError.of(name, getattr(self, name), "True or False")
        if self.schema is not None or self.repair is not None:
            object.__setattr__(self, "schema", _as_schema(self.schema))
            _check_number("repair", self.repair, 0, whole=True)

    def updated(self, **changes: Unpack[SettingChanges]) -> SessionSettings:
        """Return a copy with some settings changed; a misspelt name is an error.

        Raises
        ------
        SessionValueError, SessionTypeError
            No setting has this name, or its value is not allowed.
        """
        check_setting_names(changes)
        values: Mapping[str, Any] = changes  # checked and brought into form when the copy is made
        return replace(self, **values)

    @property
    def request_options(self) -> dict[str, Any]:
        """The options that go with a request, as JSON: those that were set, under their common names."""
        named = {name: getattr(self, name) for name in GENERATION_OPTIONS}
        named["stop"] = None if self.stop is None else list(self.stop)
        return {**{name: value for name, value in named.items() if value is not None}, **self.options}


GENERATION_OPTIONS = ("temperature", "max_tokens", "top_p", "stop", "seed", "reasoning_effort")
SETTING_NAMES = tuple(f.name for f in fields(SessionSettings))
SETTING_DEFAULTS: Mapping[str, Any] = {f.name: f.default for f in fields(SessionSettings)}
TOLD_DEFAULTS = "told_defaults"
"""Key in a session's metadata: settings that were explicitly set to their defaults, which their values cannot show."""


def told_defaults(metadata: Mapping[str, Any]) -> frozenset[str]:
    """Return the settings of a session that were explicitly set to their defaults."""
    found = metadata.get(TOLD_DEFAULTS)
    return (
        frozenset(name for name in found if isinstance(name, str)) if isinstance(found, list) else frozenset()
    )


def with_told(metadata: Mapping[str, Any], changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a session's metadata after some settings are set; options of a request have no other defaults."""
    known = told_defaults(metadata)
    told = known | {
        name
        for name, value in changes.items()
        if name not in GENERATION_OPTIONS and value == SETTING_DEFAULTS.get(name, ...)
    }
    return metadata if told == known else {**metadata, TOLD_DEFAULTS: sorted(told)}


class SessionKey(str):
    """A session's id that means exactly one session, not one created later under the id of a deleted one."""

    __slots__ = ("number",)
    number: int | None

    @classmethod
    def of(cls, session_id: str, number: int | None) -> SessionKey:
        """Return the key of a session; without a number it means whatever session has the id."""
        key = cls(session_id)
        key.number = number
        return key

    def __reduce__(self) -> tuple[Any, ...]:
        return SessionKey.of, (str(self), self.number)


@dataclass(frozen=True, slots=True)
class SessionRecord(Lazy):
    """What a storage keeps about a session besides its messages."""

    session_id: str
    user_id: str
    settings: SessionSettings
    status: SessionStatus = SessionStatus.ACTIVE
    title: str | None = None
    created_at: datetime = field(default_factory=utc_now)
    updated_at: datetime = field(default_factory=utc_now)
    message_count: int = 0
    """How many messages are stored, on all branches."""
    token_count: int = 0
    """Sum of the known `token_count` of all messages."""
    branch: str = "main"
    """Name of the branch whose path is active."""
    tip_seq: int | None = None
    """`seq` of the last message of the active path; None when it is empty."""
    home: str | None = None
    """The notebook that the session belongs to, as the front end names it; None when it belongs to none."""
    main_at: datetime | None = None
    """When a cell of the home that names no session last used this one; UTC."""
    native: Mapping[str, Any] = field(default_factory=dict)
    """State of the conversation that the provider holds; empty with `SessionBackend.LOCAL`."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    number: int | None = field(default=None, compare=False, repr=False)
    """Assigned by the storage and never reused: distinguishes it from a session created later under the same id."""
    used_at: datetime | None = field(default=None, compare=False, repr=False)
    """Its place in lists, assigned by the storage: `updated_at`, or slightly later where two sessions of a user would
    share it, or the clock was set back; UTC."""

    @property
    def key(self) -> SessionKey:
        """The key by which a storage finds this session, and no other with its id."""
        return SessionKey.of(self.session_id, self.number)


@dataclass(frozen=True, slots=True)
class SessionMetrics:
    """Totals over a session's messages, on all branches."""

    message_count: int
    total_tokens: int
    created_at: datetime
    last_activity: datetime

    @property
    def session_duration_s(self) -> float:
        """Seconds from creation to the last activity."""
        return max(0.0, (self.last_activity - self.created_at).total_seconds())


def check_setting_names(changes: Mapping[str, Any], known: Collection[str] = SETTING_NAMES) -> None:
    """Raise an error for a name that is not a setting.

    Parameters
    ----------
    known : collection of str
        What is allowed; by default all settings.

    Raises
    ------
    SessionValueError
        A name is not a setting; the error gives the nearest match and says where options of a provider go.
    """
    for name in changes:
        if name not in known:
            near = nearest(name, known)
            hint = f"Did you mean {near!r}? " if near else ""
            hint += f"An option of the provider's own goes in options={{{shown(name)}: …}}."
            raise SessionValueError.of("setting", name, known, hint=hint)


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise SessionTypeError.of(name, value, "text (str)")
    if not value.strip():
        raise SessionValueError.of(name, value, "not empty")
    check_utf8(name, value)


def _check_number(
    name: str,
    value: object,
    low: float,
    high: float = _MOST,
    *,
    whole: bool = False,
    optional: bool = True,
) -> None:
    if value is None and optional:
        return
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise SessionTypeError.of(name, value, "a whole number" if whole else "a number")
    if not low <= value <= high:  # NaN is neither
        limits = f"at least {low}" if value < low else f"a number from {low} to {high}"
        raise SessionValueError.of(name, value, limits)


def _as_schema(value: object) -> Mapping[str, Any] | str | None:
    """Return what describes an answer in a form that can be stored; None is for words.

    Raises
    ------
    SchemaDefinitionError, SessionTypeError
        It describes nothing that can be asked for.
    """
    if value is None:
        return None
    if isinstance(value, str):
        _check_described(value)
        return value
    from .answers.answer_schema import AnswerSchema, schema_of  # few sessions have one

    if isinstance(value, AnswerSchema):  # of a send, which has it itself
        return value.json_schema
    schema: Mapping[str, Any] = value if type(value) is dict else schema_of(value).json_schema
    try:
        text = json.dumps(schema, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return schema_of(schema).json_schema  # tells what is not JSON in it
    _check_described(text, is_json=True)
    return json.loads(text)  # type: ignore[no-any-return]  # a copy of its own


@lru_cache(maxsize=64)
def _check_described(text: str, *, is_json: bool = False) -> None:
    """Make sure that a text describes an answer, in one line or as a JSON schema; one that was met costs nothing."""
    from .answers.answer_schema import schema_of

    schema_of(json.loads(text) if is_json else text)


def _as_stop(value: object) -> tuple[str, ...]:
    words = (value,) if isinstance(value, str) else value
    if not isinstance(words, (tuple, list)) or not all(isinstance(word, str) and word for word in words):
        raise SessionTypeError.of("stop", value, "text, or a list of texts that are not empty")
    for word in words:
        check_utf8("stop", word)
    return tuple(words)
