"""`make_request`: what a send asks of its provider."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from langswarm_nb.core.session.provider_events import ProviderRequest, RetryNotice

from .ask import Ask
from .reply_builder import ReplyBuilder


def make_request(
    ask: Ask,
    builder: ReplyBuilder,
    user_id: str,
    on_retry: Callable[[RetryNotice], Awaitable[None]],
    **seen: Any,
) -> ProviderRequest:
    """Return the request of an ask.

    Parameters
    ----------
    builder
        Gets the reply.
    user_id
        Whose session it is.
    on_retry
        Told before each wait for a repeat.
    **seen
        What the model is to see: ``messages``, and where a conversation at the service goes on.
    """
    settings = ask.settings
    return ProviderRequest(
        model=settings.model,
        options=settings.request_options,
        tools=ask.tools,
        stream=settings.stream,
        timeout_s=settings.timeout_s,
        retries=settings.retries,
        idempotency_key=builder.id,
        user_id=user_id,
        keep_raw=settings.keep_raw,
        on_retry=on_retry,
        on_answer=builder.hold,
        **seen,
    )
