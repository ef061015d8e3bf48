"""What a send takes beside its text, by name: a misspelt one is an error, for type checkers too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, TypedDict

from langswarm_nb.core.session import checks
from langswarm_nb.core.session.conversation.asks import AskFacts, CellAsk
from langswarm_nb.core.session.interfaces import IProviderSession
from langswarm_nb.core.session.messages import MessageRole, Part
from langswarm_nb.core.session.provider_events import RetryNotice
from langswarm_nb.core.session.providers import parse_model_id
from langswarm_nb.core.session.settings import SessionBackend, SessionSettings
from langswarm_nb.core.session.values import optional_mapping

from .ask import Ask


class SettingOptions(TypedDict, total=False):
    """Settings of one send, as in `SessionSettings`; what is not given is the session's."""

    provider: str
    backend: SessionBackend | str
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


class PlaceOptions(SettingOptions, total=False):
    """What goes with a message, and where it goes."""

    parts: Sequence[Part]
    """Images and tool results beside the text."""
    metadata: Mapping[str, Any] | None
    """JSON of the caller's own, kept with the message."""
    system: str | None
    """System text that comes with the message and takes the place of what was before; empty takes that away."""
    version_of: str | None
    """Id of a message: this one becomes a further version of its turn, in its place."""
    parent: int | Literal["tip"] | None
    """`seq` of the message to go on from, as a turn of its own; None starts a new root."""
    history: bool
    """False sends the system text and this message alone, beside the active path."""
    activate: bool
    """False leaves the active path as it is; several such sends may run at once."""
    source: str
    cell_id: str | None
    compare_id: str | None
    """Where it came from, for the record."""
    asked: CellAsk | None
    """How a cell asks, and what its kernel asked before."""


class SendOptions(PlaceOptions, total=False):
    """All that a send takes."""

    provider_session: IProviderSession | None
    """What to send through this once, e.g. to another address; by default the manager's."""
    on_retry: Callable[[RetryNotice], Awaitable[None] | None] | None
    """Told before each wait for a repeat; may be async."""
    on_wait: Callable[[str], None] | None
    """Told when another message of the session is still being answered elsewhere."""


SETTINGS = frozenset(SettingOptions.__annotations__)


def make_ask(
    content: str,
    role: MessageRole | str,
    settings: Callable[[Mapping[str, Any]], SessionSettings],
    options: Mapping[str, Any],
) -> Ask:
    """Return what one send asks for, checked.

    Parameters
    ----------
    content, role
        The question.
    settings : callable
        Returns the settings of the send for those that were given.
    options : mapping
        `SendOptions`.

    Raises
    ------
    SessionValueError, SessionTypeError
        Something is misspelt or not allowed.
    """
    given = {name: value for name, value in options.items() if name in _ASKED}
    message = checks.question(
        content,
        role,
        given.get("parts", ()),
        given.get("metadata"),
        given.get("source", "api"),
        given.get("cell_id"),
    )
    compare_id = given.get("compare_id")
    provider_session, on_retry, on_wait = map(given.get, ("provider_session", "on_retry", "on_wait"))
    return Ask(
        message,
        settings({name: value for name, value in options.items() if name not in _ASKED}),
        AskFacts(
            text=message.content,
            parent=checks.parent(given.get("parent", "tip")),
            beside=_beside(given),
            asked=given.get("asked"),
        ),
        system=None if given.get("system") is None else checks.system_text(given["system"]),
        version_of=given.get("version_of"),
        compare_id=None if compare_id is None else checks.text("compare_id", compare_id),
        provider_session=provider_session
        and checks.instance("provider_session", provider_session, IProviderSession),
        on_retry=on_retry and checks.function("on_retry", on_retry),
        on_wait=on_wait and checks.function("on_wait", on_wait),
    )


def settings_of(settings: SessionSettings, model: str | None, changes: Mapping[str, Any]) -> SessionSettings:
    """Return the settings of one send: a session's, with its changes.

    Raises
    ------
    SessionValueError, SessionTypeError
        A name is misspelt, or a value not allowed.
    """
    if model is not None:
        provider, name = parse_model_id(model, default_provider=changes.get("provider") or settings.provider)
        changes = {**changes, "provider": provider, "model": name}
    changed = settings.updated(**changes) if changes else settings
    optional_mapping("options", changed.options)  # they are kept with the reply, so they have to be JSON
    return changed


_ASKED = frozenset(SendOptions.__annotations__) - SETTINGS
"""Options that are no settings."""


def _beside(given: Mapping[str, Any]) -> Literal["aside", "comparison"] | None:
    if not checks.flag("history", given.get("history", True)):
        return "aside"
    return None if checks.flag("activate", given.get("activate", True)) else "comparison"
