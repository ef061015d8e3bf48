"""The conversation that a provider holds, kept in step with the active path.

Our storage is the truth. The record says which conversation the provider holds and up to which message. As soon as
that is not certain (a cut reply, an ambiguous failure, another branch), a new conversation is started from the
storage with the next request, so no turn can be in it twice.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.errors import SessionError
from langswarm_nb.core.session.messages import SessionMessage
from langswarm_nb.core.session.settings import SessionBackend, SessionSettings
from langswarm_nb.core.session.text import as_logged

from .context_window import messages_to_send

if TYPE_CHECKING:
    from langswarm_nb.core.session.session import BaseSession

logger: logging.Logger = logging.getLogger(__name__)


class NativeConversation:
    """What the provider holds of one session: ``{"id", "upto", "sent", "left": [ids]}`` in the record."""

    def __init__(self, session: BaseSession) -> None:
        self._session = session
        self._untold: tuple[SessionSettings, str | None] | None = None

    async def plan(
        self, messages: Sequence[SessionMessage], settings: SessionSettings, *, goes_on: bool = True
    ) -> dict[str, Any]:
        """Return the part of a request that says what is new: ``messages, native, native_id, new_from``.

        The provider's conversation goes on only where it holds exactly what would be sent before the new messages:
        a path that left it, a turn that was hidden, another system text begin a new one. So does a request with
        messages that are not on the path (``goes_on=False``): what it holds then, nothing goes on with.
        """
        held = (await self._session.refresh()).native
        if self._untold is not None:
            await self.settle(*self._untold, None)
            held, self._untold = self._session.record.native, None
        at = next((n for n, message in enumerate(messages, 1) if message.seq == held.get("upto")), None)
        is_same = at is not None and held.get("sent") == fingerprint([m.seq for m in messages[:at]])
        if not goes_on or not held.get("id") or not is_same or held.get("provider") != settings.provider:
            await self._leave()
            return {"messages": messages_to_send(messages), "native": True}
        known, new = messages_to_send(messages[:at], messages), messages_to_send(messages[at:])
        return {"messages": (*known, *new), "native": True, "native_id": held["id"], "new_from": len(known)}

    async def settle(
        self, settings: SessionSettings, native_id: str | None, seqs: Sequence[int] | None
    ) -> None:
        """Note what the provider holds after a request: the messages ``seqs``, or None when that is not certain."""
        if settings.backend is not SessionBackend.PROVIDER_NATIVE:
            return
        held = self._session.record.native
        left = list(held.get("left", ()))
        if held.get("id") and held["id"] != native_id:
            left.append([held.get("provider"), held["id"]])
        if native_id is not None and seqs is None:
            left.append([settings.provider, native_id])
        if native_id is None or seqs is None:
            await self._note({"left": left})
        else:
            now = {
                "provider": settings.provider,
                "id": native_id,
                "upto": seqs[-1],
                "sent": fingerprint(seqs),
            }
            await self._note({**now, "left": left})

    def lose_track(self, settings: SessionSettings, native_id: str | None) -> None:
        """Take what the provider holds for uncertain after a request whose reply could not be stored."""
        self._untold = settings, native_id

    async def delete(self) -> list[str]:
        """Delete all that providers hold of the session; return the ids that could not be deleted."""
        held = self._session.record.native
        owned = [*map(tuple, held.get("left", ())), (held.get("provider"), held.get("id"))]
        return [
            native_id
            for provider, native_id in owned
            if native_id and not await self._delete(provider, native_id)
        ]

    async def _delete(self, provider: str, native_id: str) -> bool:
        try:
            return await self._session.provider_session(provider).delete_conversation(native_id)
        except SessionError:
            logger.warning(
                "Conversation %s at %s could not be deleted.",
                as_logged(native_id),
                as_logged(provider),
                exc_info=True,
                extra={"session_id": as_logged(self._session.session_id)},
            )
            return False

    async def _leave(self) -> None:
        held = self._session.record.native
        if held.get("id"):
            await self._note({"left": [*held.get("left", ()), [held.get("provider"), held["id"]]]})

    async def _note(self, native: dict[str, Any]) -> None:
        if native != self._session.record.native:
            await self._session.change(native=native)


def fingerprint(seqs: Sequence[int | None]) -> str:
    """Return what shows whether the same messages stand before."""
    import hashlib  # it loads OpenSSL

    return hashlib.sha256(",".join(map(str, seqs)).encode()).hexdigest()[:16]
