"""`MetricsHook` counts what happens in sessions; `LoggingMiddleware` logs messages without their contents."""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from . import checks
from .frame_methods import frame_of
from .interfaces import ISession, ISessionLifecycleHook, ISessionMiddleware
from .messages import SessionMessage, utc_now
from .provider_events import RetryNotice
from .text import as_logged

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COUNTERS", "LoggingMiddleware", "MetricsEvent", "MetricsHook"]

EventKind = Literal["created", "archived", "deleted", "messages_sent", "messages_received", "error", "retry"]
COUNTERS: tuple[EventKind, ...] = ("created", "archived", "deleted", "messages_sent", "messages_received")


@dataclass(frozen=True, slots=True)
class MetricsEvent:
    """One thing that a `MetricsHook` saw."""

    at: datetime
    event: EventKind
    session_id: str
    user_id: str
    value: float | None = None
    """Seconds of a wait, or tokens of a reply; None for other events."""
    detail: str | None = None
    """Type of an error, reason for a wait, or id of a message."""


class MetricsHook(ISessionLifecycleHook):
    """Counts and remembers what happens in the sessions it watches.

    Parameters
    ----------
    max_events : int
        How many events to remember for `to_frame`; older ones are dropped, and counted in `dropped`.

    Attributes
    ----------
    events : deque of MetricsEvent
        The remembered events, oldest first.
    dropped : int
        How many events were dropped.
    """

    def __init__(self, max_events: int = 100_000) -> None:
        checks.whole("max_events", max_events, at_least=1)
        self.events: deque[MetricsEvent] = deque(maxlen=max_events)
        self.dropped: int = 0
        self._counts: dict[str, int] = dict.fromkeys(COUNTERS, 0)
        self._lock = threading.Lock()

    def get_metrics(self) -> dict[str, int]:
        """Return the counters ``created, archived, deleted, messages_sent, messages_received``."""
        with self._lock:
            return dict(self._counts)

    def to_frame(self, freq: str | None = None) -> pd.DataFrame:
        """Return the events as a frame, one row per event; with ``freq``, counts per bin, one column per kind.

        Parameters
        ----------
        freq : str, optional
            Width of a bin as pandas writes it, e.g. ``"1min"``.

        Returns
        -------
        pandas.DataFrame
            Columns and dtypes as in `langswarm_nb.analysis.events_df`, the same when empty.
        """
        return frame_of("events_df", self, freq=freq)

    async def on_session_created(self, session: ISession) -> None:
        self._count(session, "created")

    async def on_session_archived(self, session: ISession) -> None:
        self._count(session, "archived")

    async def on_session_deleted(self, session: ISession) -> None:
        self._count(session, "deleted")

    async def on_message_sent(self, session: ISession, message: SessionMessage) -> None:
        self._count(session, "messages_sent", detail=message.id)

    async def on_message_received(self, session: ISession, message: SessionMessage) -> None:
        self._count(session, "messages_received", value=message.token_count, detail=message.id)

    async def on_error(self, session: ISession, error: Exception) -> None:
        self._note(session, "error", detail=type(error).__name__)

    async def on_retry(self, session: ISession, notice: RetryNotice) -> None:
        self._note(session, "retry", value=notice.wait_s, detail=notice.reason)

    def _count(
        self, session: ISession, event: EventKind, *, value: float | None = None, detail: str | None = None
    ) -> None:
        with self._lock:
            self._counts[event] += 1
        self._note(session, event, value=value, detail=detail)

    def _note(
        self, session: ISession, event: EventKind, *, value: float | None = None, detail: str | None = None
    ) -> None:
        with self._lock:
            if len(self.events) == self.events.maxlen:
                self.dropped += 1
            self.events.append(
                MetricsEvent(utc_now(), event, session.session_id, session.user_id, value, detail)
            )


class LoggingMiddleware(ISessionMiddleware):
    """Logs ids and roles of messages that are sent and received, never their contents.

    Each record also has them as attributes, for handlers that write JSON: ``session_id, role, message_id``, ``way``
    ("to" or "from"), ``provider, model``.

    Parameters
    ----------
    logger : logging.Logger, optional
        The logger to write to; by default ``langswarm_nb.session``.
    level : int
        The level to log at.
    """

    def __init__(self, logger: logging.Logger | None = None, level: int = logging.INFO) -> None:
        self._logger = logger or logging.getLogger("langswarm_nb.session")
        self._level = level

    async def process_outgoing_message(self, session: ISession, message: SessionMessage) -> SessionMessage:
        self._log("to", session, message)
        return message

    async def process_incoming_message(self, session: ISession, message: SessionMessage) -> SessionMessage:
        self._log("from", session, message)
        return message

    def _log(self, way: str, session: ISession, message: SessionMessage) -> None:
        settings = session.settings
        facts = {
            "session_id": as_logged(session.session_id),
            "role": message.role.value,
            "message_id": as_logged(message.id),
            "way": way,
            "provider": as_logged(settings.provider),
            "model": as_logged(settings.model),
        }
        self._logger.log(
            self._level,
            "session %(session_id)s: %(role)s message %(message_id)s %(way)s %(provider)s:%(model)s",
            facts,
            extra=facts,
        )
