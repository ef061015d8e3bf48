"""What callers pass to a storage, checked."""

from __future__ import annotations

from collections.abc import Collection

from langswarm_nb.core.session.errors import SessionTypeError, SessionValueError
from langswarm_nb.core.session.values import optional_text, text, to_json


def seq(name: str, value: object) -> None:
    """Check the seq of a message.

    Raises
    ------
    SessionTypeError
        It is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise SessionTypeError.of(name, value, "the seq of a message (a whole number)")


def count(name: str, value: object) -> int | None:
    """Return a count as SQLite takes it; None for all.

    Raises
    ------
    SessionTypeError, SessionValueError
        It is something else.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise SessionTypeError.of(name, value, "a whole number, or None for all")
    if value < 0:
        raise SessionValueError.of(name, value, "0 or more, or None for all")
    return min(value, 2**62)


def ids(among: object, of: str) -> str | None:
    """Return ids as a JSON list.

    Raises
    ------
    SessionTypeError, SessionValueError
        It is something else.
    """
    return None if among is None else to_json("among", texts("among", among, f"several ids of {of} (texts)"))


def texts(name: str, value: object, form: str = "several texts") -> list[str]:
    """Return several texts in their order.

    Raises
    ------
    SessionTypeError, SessionValueError
        It is something else.
    """
    if isinstance(value, (str, bytes)) or not isinstance(value, Collection):
        raise SessionTypeError.of(name, value, form)
    return sorted(text(name, each) for each in value)


def name(name: str, value: object) -> str | None:
    """Return a name that may stand in SQL as it is.

    Raises
    ------
    SessionTypeError, SessionValueError
        It is something else.
    """
    found = optional_text(name, value)
    if found is not None and not found.isidentifier():
        raise SessionValueError.of(name, value, "a name of letters, digits and _")
    return found
