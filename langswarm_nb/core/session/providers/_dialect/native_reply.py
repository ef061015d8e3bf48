"""Conversations that a service holds: continued while it knows them, started again when it has lost them."""

from __future__ import annotations

import logging
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from langswarm_nb.core.session.closing import EventStream
from langswarm_nb.core.session.errors import ProviderNotFoundError, ProviderSessionError
from langswarm_nb.core.session.messages import Usage
from langswarm_nb.core.session.provider_events import ProviderRequest, ReplyInfo
from langswarm_nb.core.session.text import one_line

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from langswarm_nb.core.session.provider_events import ProviderEvent
    from langswarm_nb.core.session.providers._http.client import HttpClient

_log = logging.getLogger(__name__)


def native_reply(
    provider: str,
    request: ProviderRequest,
    send: Callable[[ProviderRequest], EventStream[ProviderEvent] | AsyncGenerator[ProviderEvent, None]],
    *,
    is_lost: Callable[[ProviderSessionError], bool] = lambda error: isinstance(error, ProviderNotFoundError),
) -> EventStream[ProviderEvent]:
    """Return the events of a request to a conversation; one that is lost is started again, once, with the whole path.

    Parameters
    ----------
    send
        Sends a request and returns its events.
    is_lost
        Whether an error means that the conversation cannot be gone on with.

    Raises
    ------
    ProviderSessionError
        While reading: what ``send`` raises.
    """
    return EventStream(_native_events(provider, request, send, is_lost))


async def _native_events(
    provider: str,
    request: ProviderRequest,
    send: Callable[[ProviderRequest], EventStream[ProviderEvent] | AsyncGenerator[ProviderEvent, None]],
    is_lost: Callable[[ProviderSessionError], bool],
) -> AsyncGenerator[ProviderEvent, None]:
    may_begin_anew = request.native_id is not None
    while True:
        try:
            async with aclosing(send(request)) as events:
                async for event in events:
                    may_begin_anew = may_begin_anew and not is_output(event)
                    yield event
        except ProviderSessionError as error:
            if not (may_begin_anew and is_lost(error)):
                raise
            _log.warning(
                "%s has lost the conversation %s (%s) It is started again with everything stored here.",
                provider,
                one_line(request.native_id or "", 100),
                error,
            )
        else:
            return
        may_begin_anew = False
        request = as_new(request)


def is_output(event: ProviderEvent) -> bool:
    """Return whether something of a reply has come with an event: not what is only told of it."""
    return not isinstance(event, (ReplyInfo, Usage))


def as_new(request: ProviderRequest) -> ProviderRequest:
    """Return a request that begins a conversation with the whole path; it is another request to the service."""
    key = request.idempotency_key and f"{request.idempotency_key}-new"
    return replace(request, native_id=None, new_from=0, idempotency_key=key)


async def delete_at(http: HttpClient, path: str) -> bool:
    """Delete what a service holds at a path; what is gone already counts as deleted.

    Raises
    ------
    ProviderSessionError
        The service refused, failed, or could not be reached.
    """
    request = ProviderRequest("", (), stream=False, timeout_s=30.0)
    try:
        async with http.open("DELETE", path, request=request) as answer:
            await answer.drain()
    except ProviderNotFoundError:
        _log.debug("%s: %s was gone before it was deleted.", http.provider, one_line(path, 100))
    return True
