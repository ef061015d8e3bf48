"""The contracts (session, manager, storage, provider, hook, middleware) and the values they exchange."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack

from langswarm_nb.core.session.conversation.steps import ChainPlace
from langswarm_nb.core.session.messages import (
    FinishReason,
    MessageRole,
    QuestionRole,
    RequestFacts,
    RoleName,
    SearchHit,
    SessionMessage,
    Usage,
)
from langswarm_nb.core.session.parts.vocabulary import Part
from langswarm_nb.core.session.provider_events import (
    Decision,
    DecisionRequest,
    Delta,
    Finish,
    Intake,
    ModelInfo,
    PartDone,
    ProviderEvent,
    ProviderRequest,
    ReplyInfo,
    RetryNotice,
    ThoughtSoFar,
)
from langswarm_nb.core.session.settings import (
    BackendName,
    SessionBackend,
    SessionMetrics,
    SessionRecord,
    SessionSettings,
    SessionStatus,
    SettingChanges,
    SettingValues,
    StatusName,
)

from .bounds import Bounds
from .providers import IProviderSession
from .storages import ISessionStorage

if TYPE_CHECKING:
    from langswarm_nb.core.session.sending.options import AnswerOptions, SendOptions, WhenBusy
    from langswarm_nb.core.session.sending.stream import MessageStream

__all__ = [
    "Bounds",
    "ChainPlace",
    "Decision",
    "DecisionRequest",
    "Delta",
    "Finish",
    "FinishReason",
    "IProviderSession",
    "ISession",
    "ISessionLifecycleHook",
    "ISessionManager",
    "ISessionMiddleware",
    "ISessionStorage",
    "Intake",
    "MessageRole",
    "ModelInfo",
    "Part",
    "PartDone",
    "ProviderEvent",
    "ProviderRequest",
    "ReplyInfo",
    "RequestFacts",
    "RetryNotice",
    "SearchHit",
    "SessionBackend",
    "SessionMessage",
    "SessionMetrics",
    "SessionRecord",
    "SessionSettings",
    "SessionStatus",
    "SettingChanges",
    "SettingValues",
    "ThoughtSoFar",
    "Usage",
]

ExportFormat = Literal["jsonl", "json", "md"]
"""Formats in which a session can be written."""


class ISession(ABC):
    """One conversation with its settings; made by a manager."""

    @property
    @abstractmethod
    def session_id(self) -> str:
        """Unique id, which never changes."""

    @property
    @abstractmethod
    def user_id(self) -> str:
        """User that the session belongs to."""

    @property
    @abstractmethod
    def status(self) -> SessionStatus:
        """Active, archived or deleted, as last read."""

    @property
    @abstractmethod
    def settings(self) -> SessionSettings:
        """The settings it works with."""

    @property
    @abstractmethod
    def provider(self) -> str:
        """Name of the provider."""

    @property
    @abstractmethod
    def model(self) -> str:
        """Name of the model, without its provider."""

    @property
    @abstractmethod
    def title(self) -> str | None:
        """Name given by the user."""

    @property
    @abstractmethod
    def metrics(self) -> SessionMetrics:
        """Totals as last read or written by this object; `refresh` reads them again."""

    @abstractmethod
    async def send_message(
        self,
        content: str,
        role: MessageRole | QuestionRole = MessageRole.USER,
        *,
        model: str | None = None,
        **options: Unpack[SendOptions],
    ) -> SessionMessage:
        """Send a message and return the whole reply; options as in `stream_message`."""

    @abstractmethod
    def stream_message(
        self,
        content: str,
        role: MessageRole | QuestionRole = MessageRole.USER,
        *,
        model: str | None = None,
        **options: Unpack[SendOptions],
    ) -> MessageStream:
        """Send a message and return its reply as an async iterator of `Delta`."""

    @abstractmethod
    async def regenerate(
        self, message_id: str | None = None, *, model: str | None = None, **options: Unpack[AnswerOptions]
    ) -> SessionMessage:
        """Answer a question again, by default the last one; the reply is a new version beside the old ones."""

    @abstractmethod
    def stream_regenerate(
        self, message_id: str | None = None, *, model: str | None = None, **options: Unpack[AnswerOptions]
    ) -> MessageStream:
        """Answer a question again and return the reply as an async iterator of `Delta`."""

    @abstractmethod
    async def add_system_message(
        self,
        content: str,
        *,
        scope: Literal["add", "replace"] = "add",
        metadata: Mapping[str, Any] | None = None,
        when_busy: WhenBusy = "wait",
        expected_tip: str | None = None,
    ) -> SessionMessage:
        """Add a system message at the end of the active path; it is sent with the next question."""

    @abstractmethod
    async def get_messages(
        self,
        limit: int | None = None,
        role: MessageRole | RoleName | None = None,
        since: datetime | None = None,
        *,
        branch: Literal["active", "all"] = "active",
        before_seq: int | None = None,
    ) -> list[SessionMessage]:
        """Return the active path in order, or all branches; with ``limit``, only the last of the matching messages.

        For the page before this one, pass the `seq` of its first message as ``before_seq``.
        """

    @abstractmethod
    async def get_message(self, message_id: str) -> SessionMessage | None:
        """Return the message with this id, on whatever branch; None when there is none."""

    @abstractmethod
    async def read_attachment(self, blob: str) -> bytes:
        """Return the bytes of an attachment of this session; ``blob`` is the hash in its part."""

    @abstractmethod
    async def append(
        self, messages: Sequence[SessionMessage], **place: Unpack[ChainPlace]
    ) -> list[SessionMessage]:
        """Store messages as a chain, without sending anything; by default at the end of the active path."""

    @abstractmethod
    async def import_messages(
        self, messages: Sequence[SessionMessage | Mapping[str, Any]]
    ) -> list[SessionMessage]:
        """Add messages from elsewhere at the end of the active path, without sending anything."""

    @abstractmethod
    async def clear_messages(self) -> bool:
        """Empty the active path; its messages stay stored, and `versions` finds them. False when it was empty."""

    @abstractmethod
    async def fork(self, at: str | int | None = None, name: str | None = None) -> str:
        """Continue from an earlier message or turn on a new branch; return its name."""

    @abstractmethod
    async def undo(self, turns: int = 1) -> int:
        """Move the tip back by whole turns, deleting nothing; return how many were undone."""

    @abstractmethod
    async def versions(self, message_id: str) -> list[SessionMessage]:
        """Return the message and its siblings, oldest first."""

    @abstractmethod
    async def refresh(self) -> SessionRecord:
        """Read the stored session again: another process may have changed it."""

    @abstractmethod
    async def update_settings(self, **changes: Unpack[SettingChanges]) -> SessionSettings:
        """Change settings for messages sent from now on; a misspelt name is an error."""

    @abstractmethod
    async def rename(self, title: str | None) -> None:
        """Give the session a title, or remove it."""

    @abstractmethod
    async def archive(self) -> bool:
        """Archive the session; False when it was archived already."""

    @abstractmethod
    async def delete(self) -> bool:
        """Delete the session for good; False when it was gone already."""

    @abstractmethod
    async def export(self, path: str | Path | None = None, *, format: ExportFormat = "jsonl") -> str:
        """Return the session as text, and write it to ``path`` if given."""


class ISessionManager(ABC):
    """Makes, finds and ends sessions over one storage and several providers."""

    @abstractmethod
    async def create_session(
        self,
        user_id: str,
        provider: str,
        model: str,
        backend: SessionBackend | BackendName = SessionBackend.LOCAL,
        *,
        session_id: str | None = None,
        title: str | None = None,
        system: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        **settings: Unpack[SettingValues],
    ) -> ISession:
        """Create and store a session."""

    @abstractmethod
    async def get_session(self, session_id: str, *, user_id: str | None = None) -> ISession | None:
        """Return the session with this id; None when there is none, or it belongs to another user than ``user_id``."""

    @abstractmethod
    async def list_user_sessions(
        self,
        user_id: str,
        limit: int | None = 100,
        *,
        status: SessionStatus | StatusName | None = None,
        before: datetime | None = None,
        home: str | None = None,
    ) -> Sequence[ISession]:
        """Return a user's sessions, most recently used first; with ``before``, those after the one with that `used_at`.

        With ``home``, only those of that notebook; with an empty one, those that belong to no notebook.
        """

    @abstractmethod
    async def search_messages(
        self, text: str, *, user_id: str | None = None, session_id: str | None = None, limit: int | None = 20
    ) -> list[SearchHit]:
        """Return messages that contain all words of ``text``, newest first."""

    @abstractmethod
    async def archive_session(self, session_id: str, *, user_id: str | None = None) -> bool:
        """Archive a session; False when there is none (see `get_session`) or it was archived already."""

    @abstractmethod
    async def delete_session(self, session_id: str, *, user_id: str | None = None) -> bool:
        """Delete a session for good; False when there is none (see `get_session`)."""

    @abstractmethod
    async def delete_user(self, user_id: str) -> int:
        """Delete all sessions of a user for good; return how many there were."""

    @abstractmethod
    async def cleanup_inactive_sessions(self, max_inactive_hours: float = 24) -> int:
        """Archive active sessions that were not used for this long, deleting nothing; return how many there were."""

    @abstractmethod
    async def health_check(self) -> dict[str, Any]:
        """Return facts for diagnostics; never raises."""

    @abstractmethod
    async def close(self) -> None:
        """Store what open streams have received, and free connections; may be called twice."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class ISessionLifecycleHook(ABC):  # noqa: B024 - every method may be left out
    """Watches sessions; override what you need. A hook that fails is logged, and nothing is lost."""

    async def on_session_created(self, session: ISession) -> None:
        """A session was stored."""

    async def on_message_sent(self, session: ISession, message: SessionMessage) -> None:
        """A user's message was stored and is about to be sent; a send in the same session is refused here."""

    async def on_message_received(self, session: ISession, message: SessionMessage) -> None:
        """A reply was stored, whole or cut short; the next send may begin, even from here.

        Answers that did not fit their schema come first, each as it is stored: failed, and beside the path.
        """

    async def on_session_archived(self, session: ISession) -> None:
        """A session was archived."""

    async def on_session_deleted(self, session: ISession) -> None:
        """A session was deleted."""

    async def on_error(self, session: ISession, error: Exception) -> None:
        """A send failed; the error goes on to the caller."""

    async def on_retry(self, session: ISession, notice: RetryNotice) -> None:
        """A request failed and will be retried after a wait."""


class ISessionMiddleware(ABC):
    """May change anything in a message but its role and id; a failure stops the send with `SessionMiddlewareError`."""

    @abstractmethod
    async def process_outgoing_message(self, session: ISession, message: SessionMessage) -> SessionMessage:
        """Return the message to store and send."""

    @abstractmethod
    async def process_incoming_message(self, session: ISession, message: SessionMessage) -> SessionMessage:
        """Return the reply to store and pass on; its deltas have been streamed already."""
