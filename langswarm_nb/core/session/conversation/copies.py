"""Copies of stored messages: with model and text, without what their requests used, which counts where it was made.

A sum over a store, in whatever view, so counts each request once and needs no rule of its own: a copied answer has
made 0 attempts, and no tokens, seconds or dollars.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from langswarm_nb.core.session.messages import RequestFacts, SessionMessage, Usage, new_id

COPY_OF = "copy_of"
"""In the metadata of a copy: session, id and address of the message that counts."""
KNEW_OTHER = "knew_other"
"""Beside them: whether other turns stood before the answer when it was given."""


def copy_of(
    message: SessionMessage, session_id: str, *, knew_other: bool = False, keeps_id: bool = False
) -> SessionMessage:
    """Return a copy of a message, to be stored in another place.

    Parameters
    ----------
    message : SessionMessage
        As it is stored.
    session_id : str
        Where it is stored.
    knew_other : bool
        Whether it answers with other turns before it than those in its new place.
    keeps_id : bool
        Whether the copy has the same id.
    """
    origin = message.metadata.get(COPY_OF)
    about = dict(origin) if isinstance(origin, dict) else _about(message, session_id)
    about.pop(KNEW_OTHER, None)
    if knew_other:
        about[KNEW_OTHER] = True
    return replace(
        message,
        id=message.id if keeps_id else new_id(),
        metadata={**message.metadata, COPY_OF: about},
        provider_message_id=None,
        token_count=None,
        request=None if message.request is None else _uncounted(message.request),
    )


def taken_over(message: SessionMessage) -> SessionMessage:
    """Return a message from elsewhere as a new one without a place; what it cost counts where it was made."""
    return SessionMessage(
        role=message.role,
        content=message.content,
        timestamp=message.timestamp,
        metadata=message.metadata,
        finish_reason=message.finish_reason,
        parts=message.parts,
        source="import",
        request=None if message.request is None else _uncounted(message.request),
    )


def origin_of(message: SessionMessage) -> str | None:
    """Return the id of the message that one is a copy of; None when it is none."""
    about = message.metadata.get(COPY_OF)
    found = about.get("message_id") if isinstance(about, dict) else None
    return found if isinstance(found, str) else None


def origin_address(message: SessionMessage) -> str:
    """Return the address of the message that one is a copy of; empty when it is none, or belonged to no turn."""
    about = message.metadata.get(COPY_OF)
    return str(about.get("address", "")) if isinstance(about, dict) else ""


def knew_other(metadata: Any) -> bool:
    """Tell of a message's metadata whether it was answered with other turns before it."""
    about = metadata.get(COPY_OF) if hasattr(metadata, "get") else None
    return isinstance(about, dict) and about.get(KNEW_OTHER) is True


def _about(message: SessionMessage, session_id: str) -> dict[str, Any]:
    return {"session_id": session_id, "message_id": message.id, "address": message.address}


def _uncounted(facts: RequestFacts) -> RequestFacts:
    return replace(
        facts,
        started_at=None,
        duration_s=None,
        time_to_first_chunk_s=None,
        queued_s=0.0,
        usage=Usage(),
        tokens_source=None,
        cost_usd=None,
        cost_source=None,
        attempts=0,
        provider_request_id=None,
    )
