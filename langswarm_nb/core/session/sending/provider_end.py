"""How a provider's stream ends: it is closed, and what it raised becomes one of our errors."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from types import TracebackType

from langswarm_nb.core.session.errors import ProviderSessionError, SessionError, shown
from langswarm_nb.core.session.provider_events import ProviderEvent

from .reply_builder import ReplyBuilder

logger: logging.Logger = logging.getLogger(__name__)


class Closing:
    """Closes a provider's iterator at the end of the block; one that is not a generator has nothing to close."""

    def __init__(self, events: AsyncIterator[ProviderEvent]) -> None:
        self._events = events

    async def __aenter__(self) -> AsyncIterator[ProviderEvent]:
        return self._events

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        close = getattr(self._events, "aclose", None)
        if close is None or getattr(
            self._events, "ag_running", False
        ):  # a loop that shuts down closes it itself
            return
        try:
            await close()
        except Exception:
            # What arrived is not less true because the connection could not be closed cleanly.
            logger.debug("Closing the stream of a provider failed.", exc_info=True)


def as_session_error(error: Exception, provider: str, model: str, builder: ReplyBuilder) -> SessionError:
    """Return the error as one of ours, with the part that had arrived."""
    if isinstance(error, ProviderSessionError):
        error.partial_text = error.partial_text or builder.text
        error.provider, error.model = error.provider or provider, error.model or model
        return error
    if isinstance(error, SessionError):
        return error
    return ProviderSessionError(
        f"Provider {provider!r} failed with {type(error).__name__}: {shown(str(error))}. "
        "That is an error inside the provider, not an answer of the service; its traceback is chained.",
        provider=provider,
        model=model,
        maybe_processed=True,
        partial_text=builder.text,
    )
