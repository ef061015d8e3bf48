"""Anthropic's message threads (beta): the service holds a conversation for some minutes after each reply.

A thread saves upload and time, nothing else, so it is used when it happens to fit: when the path that is to be sent
begins with what a thread holds. All else is sent whole, and that always works.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from langswarm_nb.core.session.messages import MessageRole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langswarm_nb.core.session.provider_events import ProviderRequest

BETA = "message-threads-2026-08-12"
LOST = {
    "thread_not_found",
    "thread_already_continued",
    "thread_continue_in_flight",
    "thread_fingerprint_mismatch",
}
"""Codes of refusals after which the whole path goes to a new thread."""
UNSUPPORTED = "thread_unsupported_request"
"""Code of the refusal after which it goes without one."""
_KEPT_S = 280.0
"""A little less than the five minutes that the service names."""
_MOST = 1000
_HELD = {"system", "tools", "messages"}
"""What a thread holds: it is not sent again."""


class _Held(NamedTuple):
    digest: str
    """Of all that was sent for the reply."""
    text: str
    until: float


class Threads:
    """Which replies a thread can be continued from.

    Parameters
    ----------
    clock
        Seconds; monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._unsupported: set[str] = set()

    def first(self, request: ProviderRequest, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return a body that goes on with a thread if one fits, else begins one, else does without."""
        if _digest(body, ()) in self._unsupported:
            return dict(body)
        return self._continued(request, body) or begun(body)

    def _continued(self, request: ProviderRequest, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return a body with only what is new; each reply can be continued once."""
        replies = [message for message in request.messages if message.role is MessageRole.ASSISTANT]
        turns = body["messages"]
        at = max((n for n, turn in enumerate(turns) if turn["role"] == "assistant"), default=None)
        held = self._held.pop(replies[-1].provider_message_id or "", None) if replies else None
        if (
            held is None
            or at is None
            or held.until < self._clock()
            or held.digest != _digest(body, turns[:at])
            or held.text != replies[-1].content
        ):
            return None
        fixed = {name: value for name, value in body.items() if name not in _HELD}
        thread = {"type": "continue", "previous_message_id": replies[-1].provider_message_id}
        return {**fixed, "messages": turns[at + 1 :], "thread": thread}

    def keep(self, body: Mapping[str, Any], message_id: str, text: str) -> None:
        """Note that the reply to a whole body was given in a thread."""
        self._held[message_id] = _Held(_digest(body, body["messages"]), text, self._clock() + _KEPT_S)
        while len(self._held) > _MOST:
            self._held.popitem(last=False)

    def refuse(self, body: Mapping[str, Any]) -> None:
        """Note that requests like this one are taken without a thread only."""
        self._unsupported.add(_digest(body, ()))


def begun(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body that begins a thread."""
    return {**body, "thread": {"type": "create"}}


def _digest(body: Mapping[str, Any], turns: Any) -> str:
    fixed = {name: value for name, value in body.items() if name not in {"messages", "stream", "thread"}}
    told = json.dumps([fixed, list(turns)], sort_keys=True, separators=(",", ":"), default=str)
    return sha256(told.encode()).hexdigest()
