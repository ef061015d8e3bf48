"""Checks of what callers pass in: each raises before anything is stored or sent."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypeVar

from .errors import SessionTypeError, SessionValueError
from .messages import MessageRole, SessionMessage, as_role
from .parts.checking import checked_parts
from .parts.vocabulary import Part
from .settings import SessionBackend, SessionStatus
from .values import check_utf8, member

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

SOURCES = ("magic", "panel", "api", "batch", "compare", "import")


def text(parameter: str, value: object) -> str:
    """Return text that is not blank and can be written as UTF-8.

    Raises
    ------
    SessionTypeError
        It is not text.
    SessionValueError
        It is empty or blank, or has half of a character.
    """
    if not isinstance(value, str):
        raise SessionTypeError.of(parameter, value, "text (str)")
    if not value.strip():
        raise SessionValueError.of(parameter, value, "text that is not empty or blank")
    check_utf8(parameter, value)
    return value


def system_text(value: object) -> str:
    """Return the text of a system message that comes with a question; empty takes away what was before.

    Raises
    ------
    SessionTypeError
        It is not text.
    SessionValueError
        It cannot be written as UTF-8.
    """
    if not isinstance(value, str):
        raise SessionTypeError.of("system", value, "text (str)")
    check_utf8("system", value)
    return value


def question(
    content: object,
    role: object,
    parts: Sequence[Part],
    metadata: Mapping[str, Any] | None,
    source: str,
    cell_id: str | None,
) -> SessionMessage:
    """Return the message to send.

    Raises
    ------
    SessionTypeError
        A part of it has the wrong type.
    SessionValueError
        ``role`` is neither user nor tool, ``source`` is none of `SOURCES`, or nothing is in it.
    """
    known = as_role(role)
    if known not in (MessageRole.USER, MessageRole.TOOL):
        hint = "A system message is added with `add_system_message`." if known is MessageRole.SYSTEM else ""
        raise SessionValueError.of(
            "role", known.value, "'user' or 'tool' for a message that is sent", hint=hint
        )
    if source not in SOURCES:
        raise SessionValueError.of("source", source, SOURCES)
    if cell_id is not None:
        text("cell_id", cell_id)
    return message(content, known, metadata, parts=parts, source=source, cell_id=cell_id)


def message(
    content: object,
    role: MessageRole,
    metadata: Mapping[str, Any] | None,
    *,
    parts: Sequence[Part] = (),
    **origin: Any,
) -> SessionMessage:
    """Return a new message; without parts its text may not be empty.

    Raises
    ------
    SessionTypeError
        The text, the metadata or a part has another type.
    SessionValueError
        The text is blank and there are no parts, it has half of a character, or a part is not complete.
    """
    if not isinstance(content, str):
        raise SessionTypeError.of("content", content, "text (str)")
    if not parts:
        text("content", content)
    check_utf8("content", content)
    return SessionMessage(
        role=role, content=content, metadata=_metadata(metadata), parts=checked_parts(parts), **origin
    )


def system_message(content: object, scope: object, metadata: Mapping[str, Any] | None) -> SessionMessage:
    """Return a new system message; one that takes the place of others may be empty.

    Raises
    ------
    SessionTypeError
        A part of it has the wrong type.
    SessionValueError
        An unknown scope, an empty text that adds nothing, or text that cannot be written as UTF-8.
    """
    if scope not in ("add", "replace"):
        raise SessionValueError.of("scope", scope, ["add", "replace"])
    text_of = system_text(content) if scope == "replace" else text("content", content)
    return SessionMessage(
        role=MessageRole.SYSTEM, content=text_of, metadata=_metadata(metadata), scope=scope, source="api"
    )


def metadata(value: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return metadata as a dict; the storage checks that it is JSON.

    Raises
    ------
    SessionTypeError
        It is not a mapping.
    """
    return _metadata(value)


def mapping(parameter: str, value: object) -> Mapping[str, Any]:
    """Return a mapping.

    Raises
    ------
    SessionTypeError
        It is none.
    """
    if not isinstance(value, Mapping):
        raise SessionTypeError.of(parameter, value, "a mapping of names to values")
    return value


def limit(value: object) -> None:
    """Check a number of rows: at least 1, or None for all.

    Raises
    ------
    SessionTypeError
        It is not a whole number.
    SessionValueError
        It is below 1.
    """
    if value is not None:
        whole("limit", value, at_least=1)


def flag(parameter: str, value: object) -> bool:
    """Return True or False.

    Raises
    ------
    SessionTypeError
        It is something else, such as 1 or "yes".
    """
    if not isinstance(value, bool):
        raise SessionTypeError.of(parameter, value, "True or False")
    return value


def function(parameter: str, value: F) -> F:
    """Return what can be called.

    Raises
    ------
    SessionTypeError
        It cannot be called.
    """
    if not callable(value):
        raise SessionTypeError.of(parameter, value, "a function")
    return value


def listed(parameter: str, value: object, kind: type, words: str) -> Sequence[Any]:
    """Return a list or tuple whose items are all of one kind.

    Raises
    ------
    SessionTypeError
        It is something else, text too, or holds something else; ``words`` say what it should be.
    """
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise SessionTypeError.of(parameter, value, words)
    if {kind}.issuperset(map(type, value)):  # as good as always, and quick for long ones
        return value
    for item in value:
        if not isinstance(item, kind) or isinstance(item, bool):
            raise SessionTypeError.of(parameter, item, words)
    return value


def whole(parameter: str, value: object, *, at_least: int) -> int:
    """Return a whole number that is not too small.

    Raises
    ------
    SessionTypeError
        It is not a whole number; True and False are none.
    SessionValueError
        It is below ``at_least``.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise SessionTypeError.of(parameter, value, "a whole number")
    if value < at_least:
        raise SessionValueError.of(parameter, value, f"at least {at_least}")
    return value


def number(parameter: str, value: object, *, at_least: float) -> float:
    """Return a finite number that is not too small.

    Raises
    ------
    SessionTypeError
        It is not a number; True and False are none.
    SessionValueError
        It is below ``at_least``, infinite or not a number.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise SessionTypeError.of(parameter, value, "a number")
    if not at_least <= value < math.inf:  # also when it is not a number
        raise SessionValueError.of(parameter, value, f"a finite number of at least {at_least:g}")
    return value


def moment(parameter: str, value: object) -> None:
    """Check a moment: time-zone aware, or None.

    Raises
    ------
    SessionTypeError
        It is not a `datetime`.
    SessionValueError
        It has no time zone.
    """
    if value is None:
        return
    if not isinstance(value, datetime):
        raise SessionTypeError.of(parameter, value, "a datetime")
    if value.tzinfo is None:
        raise SessionValueError.of(parameter, value, "time-zone aware, such as datetime.now(UTC)")


def branch(value: object) -> None:
    """Check which messages are asked for.

    Raises
    ------
    SessionValueError
        It is neither ``"active"`` nor ``"all"``.
    """
    if value not in ("active", "all"):
        raise SessionValueError.of("branch", value, ["active", "all"])


def parent(value: object) -> int | Literal["tip"] | None:
    """Return the place where a message hangs.

    Raises
    ------
    SessionTypeError
        It is not a whole number, ``"tip"`` or None.
    SessionValueError
        It is below 0.
    """
    if value == "tip" or value is None:
        return value
    return whole("parent", value, at_least=0)


def when_busy(value: object) -> bool:
    """Return whether a send waits while its session is busy.

    Raises
    ------
    SessionValueError
        It is neither ``"wait"`` nor ``"raise"``.
    """
    if value not in ("wait", "raise"):
        raise SessionValueError.of("when_busy", value, ["raise", "wait"])
    return value == "wait"


def path_end(value: object) -> str:
    """Return the id of the message that a path has to end in; empty for a path without any.

    Raises
    ------
    SessionTypeError
        It is not text.
    SessionValueError
        It has half of a character.
    """
    if not isinstance(value, str):
        raise SessionTypeError.of("expected_tip", value, "the id of a message (str)")
    check_utf8("expected_tip", value)
    return value


def status(value: object) -> SessionStatus:
    """Return the status for its name.

    Raises
    ------
    SessionValueError
        No status has this name.
    """
    return member("status", value, SessionStatus)


def backend(value: object) -> SessionBackend:
    """Return the backend for its name.

    Raises
    ------
    SessionValueError
        No backend has this name.
    """
    return member("backend", value, SessionBackend)


def instance(parameter: str, value: T, kind: type) -> T:
    """Return the value if it is one of a kind of object.

    Raises
    ------
    SessionTypeError
        It is of another kind; a class in place of an object is named.
    """
    if not isinstance(value, kind):
        hint = " Pass an object, not its class." if isinstance(value, type) else ""
        raise SessionTypeError(
            f"{parameter} must be an instance of {kind.__name__}, not {type(value).__name__}.{hint}"
        )
    return value


def _metadata(value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise SessionTypeError.of("metadata", value, "a mapping of JSON values")
    return dict(value)
