"""`Memory`: conversations that a service keeps: begun, looked for, forgotten, and whether it keeps any at all."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from langswarm_nb.core.session.errors import ProviderSessionError, SessionError
from langswarm_nb.core.session.provider_events import ProviderRequest
from langswarm_nb.core.session.providers._http.address import segment
from langswarm_nb.core.session.text import one_line

if TYPE_CHECKING:
    from langswarm_nb.core.session.providers._http.client import HttpClient

_log = logging.getLogger(__name__)
_NO_CONVERSATIONS = {404, 405, 501}
"""How servers answer that speak Responses and keep no conversations."""
_FORGET_S, _ASK_S = 2.0, 10.0


class Memory:
    """The conversations of one service.

    Attributes
    ----------
    state : str or None
        ``told``: its replies name their conversation. ``untold``: it keeps them and its replies do not say so.
        ``none``: it keeps none. None before that is known.
    """

    def __init__(self, http: HttpClient) -> None:
        self.state: Literal["told", "untold", "none"] | None = None
        self._http = http

    async def begin(self, request: ProviderRequest) -> str | None:
        """Begin a conversation and return its id; None where the service keeps none.

        Raises
        ------
        ProviderSessionError
            The service refused, failed, or could not be reached.
        """
        if self.state == "none":
            return None
        try:
            body, _ = await self._http.request_json(
                "POST", "/conversations", {}, request=replace(request, idempotency_key=None)
            )
        except ProviderSessionError as error:
            if error.status not in _NO_CONVERSATIONS:
                raise
            body = None
        conversation = body.get("id") if isinstance(body, dict) else None
        if isinstance(conversation, str) and conversation:
            return conversation
        self._note_none()
        return None

    async def is_kept(self, conversation: str) -> bool:
        """Return whether a conversation holds a reply that did not name it; a service is asked once, then believed."""
        if self.state is None:
            request = ProviderRequest("", (), timeout_s=_ASK_S, retries=0)
            path = f"/conversations/{segment(conversation)}/items"
            try:
                held = await self._http.get_json(path, lambda body: body["data"], request=request)
            except ProviderSessionError as error:
                _log.debug("What conversation %s holds is not told: %s", one_line(conversation, 100), error)
                held = []
            if held:
                self.state = "untold"
            else:
                self._note_none()
        return self.state == "untold"

    async def forget(self, conversation: str) -> None:
        """Delete a conversation that was begun and came to nothing."""
        request = ProviderRequest("", (), timeout_s=_FORGET_S, retries=0)
        path = f"/conversations/{segment(conversation)}"
        try:
            await self._http.request_json("DELETE", path, request=request)
        except SessionError as error:
            shown, kind = one_line(conversation, 100), type(error).__name__
            _log.warning("%s may keep the unused conversation %s (%s).", self._http.provider, shown, kind)

    def _note_none(self) -> None:
        self.state = "none"
        _log.warning(
            "%s keeps no conversations at %s; the whole path is sent.",
            self._http.provider,
            self._http.address.origin,
        )
