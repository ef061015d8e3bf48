"""What is about to be stored, held against the bounds of its storage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langswarm_nb.core.session.errors import SessionTypeError
from langswarm_nb.core.session.interfaces import Bounds

from .rows import MESSAGE_COLUMNS, Row, mark_of

_OF_SESSIONS = {
    "session_id": "max_id_chars",
    "user_id": "max_id_chars",
    "branch": "max_id_chars",
    "home": "max_id_chars",
    "title": "max_title_chars",
    "metadata": "max_metadata_chars",
}
_ID, _ROLE, _CONTENT, _PARTS, _METADATA = map(
    MESSAGE_COLUMNS.index, ("key", "role", "content", "parts", "metadata")
)


def bounds_of(value: Bounds | None) -> Bounds:
    """Return the bounds that a storage is made with.

    Raises
    ------
    SessionTypeError
        It is something else.
    """
    if value is None:
        return Bounds()
    if not isinstance(value, Bounds):
        raise SessionTypeError.of("bounds", value, "Bounds")
    return value


def check_session(bounds: Bounds, columns: Mapping[str, Any]) -> None:
    """Check the columns of a session that is made or changed.

    Raises
    ------
    SessionValueError
        One is too long.
    """
    for name, bound in _OF_SESSIONS.items():
        bounds.check(bound, name, columns.get(name))


def check_message(bounds: Bounds, payload: Row) -> None:
    """Check the payload of a message; what a model answered is kept as it is.

    Raises
    ------
    SessionValueError
        Something in it is too long.
    """
    bounds.check("max_id_chars", "id", payload[_ID])
    if payload[_ROLE] == "assistant":
        return
    bounds.check("max_message_chars", "content", payload[_CONTENT], payload[_PARTS])
    bounds.check("max_id_chars", "cell_id", mark_of(payload, "cell_id"))
    bounds.check("max_metadata_chars", "metadata", payload[_METADATA])
