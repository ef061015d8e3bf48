"""The contracts: session, manager, storage, provider, hook, middleware; with the values they exchange."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .messages import FinishReason, MessageRole, Part, RequestFacts, SearchHit, SessionMessage, Usage
from .provider_events import (
    Delta,
    Finish,
    ModelInfo,
    PartDone,
    ProviderEvent,
    ProviderRequest,
    ReplyInfo,
    RetryNotice,
)
from .settings import SessionBackend, SessionMetrics, SessionRecord, SessionSettings, SessionStatus

if TYPE_CHECKING:
    from .sending.stream import MessageStream

__all__ = [
    "Delta",
    "Finish",
    "FinishReason",
    "IProviderSession",
    "ISession",
    "ISessionLifecycleHook",
    "ISessionManager",
    "ISessionMiddleware",
    "ISessionStorage",
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
    "Usage",
]


class ISessionStorage(ABC):
    """Where sessions are kept; one storage serves many sessions, tasks, event loops and processes at once.

    It can be made with no event loop running and opens on first use. What it returns is a copy.
    Messages are only ever added: a session is a tree of messages, of which one path from the root to the tip is
    active. All methods raise `SessionStorageError` when the place of storage fails (nothing is then half-written),
    `SessionNotFoundError` for a session id that is not stored, and `SessionClosedError` after `close`.
    """

    name: str
    """How error texts call this storage, e.g. ``SQLite file '…'``."""

    @abstractmethod
    async def create_session(self, record: SessionRecord) -> None:
        """Store a new session.

        Raises
        ------
        SessionExistsError
            The id is taken; what is stored was not changed.
        SessionValueError, SessionTypeError
            Something in the record cannot be kept (text that is not UTF-8, metadata that is not JSON).
        """

    @abstractmethod
    async def load_session(self, session_id: str) -> SessionRecord:
        """Return what is stored of a session; replies that a dead process left unfinished are closed first."""

    @abstractmethod
    async def update_session(self, session_id: str, **changes: Any) -> SessionRecord:
        """Change ``settings``, ``status``, ``title``, ``native`` or ``metadata``; return the new record."""

    @abstractmethod
    async def list_sessions(
        self,
        *,
        user_id: str | None = None,
        status: SessionStatus | None = None,
        updated_before: datetime | None = None,
        limit: int | None = None,
    ) -> list[SessionRecord]:
        """Return sessions, the last used first."""

    @abstractmethod
    async def delete_session(self, session_id: str) -> bool:
        """Delete a session and its messages for good, text included; False when there is none."""

    @abstractmethod
    async def append_messages(
        self,
        session_id: str,
        messages: Sequence[SessionMessage],
        *,
        parent: int | Literal["tip"] | None = "tip",
        reply_to: int | None = None,
        activate: bool = True,
    ) -> list[SessionMessage]:
        """Add messages as a chain: all of them or none. Cost grows with ``messages``, not with the history.

        Parameters
        ----------
        parent : int, "tip" or None
            Where the chain hangs: after the tip; below the message with this `seq` as a new version, with the tip
            moved there (None: a new root).
        reply_to : int, optional
            `seq` of the question that the first message answers; ``parent`` is then not looked at. The reply goes
            after the tip while the question is on the active path (other writers may have added in between);
            else directly below the question, inactive. It belongs to the question's turn.
        activate : bool
            False adds below ``parent`` (a `seq` or None) and leaves the active path as it is.

        Returns
        -------
        list of SessionMessage
            Copies with `seq`, `parent_seq`, `turn`, `version`, `is_active` filled in.

        Raises
        ------
        SessionNotFoundError
            No session has this id, or no message this `seq`.
        SessionValueError, SessionTypeError
            A message cannot be kept unchanged.

        Notes
        -----
        A caller cancelled while it waits does not know whether its messages were stored; their ids tell.
        An append of a message whose id has a partial (`save_partial`) removes the partial in the same transaction.
        """

    @abstractmethod
    async def get_messages(
        self,
        session_id: str,
        *,
        limit: int | None = None,
        role: MessageRole | None = None,
        since: datetime | None = None,
        branch: Literal["active", "all"] = "active",
    ) -> list[SessionMessage]:
        """Return the active path, or all messages, in order of `seq`; with ``limit`` the last of those that fit."""

    @abstractmethod
    async def get_message(self, session_id: str, message_id: str) -> SessionMessage | None:
        """Return the message with this id, on whatever branch; None when there is none."""

    @abstractmethod
    async def set_tip(self, session_id: str, seq: int | None, *, branch: str | None = None) -> SessionRecord:
        """Make the path from the root to ``seq`` the active one (None: the empty path).

        With ``branch`` the session goes on under this branch name; the branch it leaves keeps its own tip.
        """

    @abstractmethod
    async def list_branches(self, session_id: str) -> dict[str, int | None]:
        """Return the tip of each branch by name, the active branch included."""

    @abstractmethod
    async def set_hidden(self, session_id: str, seq: int, *, hidden: bool) -> None:
        """Mark a message as kept but not sent, or take the mark back."""

    @abstractmethod
    async def save_partial(self, session_id: str, message: SessionMessage, *, reply_to: int) -> None:
        """Keep what has arrived of a reply, replacing what was kept of it before (same ``message.id``).

        When the writing process is gone, the next open or `load_session` appends it as an interrupted reply.
        """

    @abstractmethod
    async def search_messages(
        self, text: str, *, user_id: str | None = None, session_id: str | None = None, limit: int | None = 20
    ) -> list[SearchHit]:
        """Return messages that hold all words of ``text``, newest first; any text is allowed, none is syntax.

        With ``limit`` None all of them.
        """

    @abstractmethod
    async def health_check(self) -> dict[str, Any]:
        """Return facts about the storage for diagnostics: place, versions, sizes in bytes, counts."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what was accepted and free everything; may be called twice."""


class IProviderSession(ABC):
    """Our object speaking to a model service; one serves many sessions, tasks and event loops at once.

    To add a provider, write `stream` and set `name`.
    """

    name: str
    """Name of the provider, as in ``openai:gpt-…``."""
    supports_native: bool = False
    """Whether it can hold a conversation (`SessionBackend.PROVIDER_NATIVE`)."""

    @abstractmethod
    def stream(self, request: ProviderRequest) -> AsyncIterator[ProviderEvent]:
        """Send a request and yield the reply as it arrives; the last event is a `Finish`.

        The iterator may be closed at any time; the connection is then closed at once.

        Raises
        ------
        ProviderSessionError
            The service refused or failed; the subclass says how. `StreamInterruptedError` when the stream ended
            without its end mark. ``maybe_processed`` says whether a repeat may be paid twice.
        """

    async def list_models(self) -> list[ModelInfo]:
        """Return the models on offer; empty when the service has no such list."""
        return []

    async def delete_conversation(self, native_id: str) -> bool:
        """Delete a conversation that the provider holds; False when the service cannot."""
        return False

    async def close(self) -> None:
        """Free connections; may be called twice."""


class ISession(ABC):
    """One conversation with its settings; made by a manager."""

    @property
    @abstractmethod
    def session_id(self) -> str:
        """Unique id, kept for ever."""

    @property
    @abstractmethod
    def user_id(self) -> str:
        """Whose session it is."""

    @property
    @abstractmethod
    def status(self) -> SessionStatus:
        """Where the session is in its life, as last read."""

    @property
    @abstractmethod
    def settings(self) -> SessionSettings:
        """What the session works with."""

    @property
    @abstractmethod
    def metrics(self) -> SessionMetrics:
        """Totals as last read or written by this object; `refresh` reads them anew."""

    @abstractmethod
    async def send_message(
        self, content: str, role: MessageRole = MessageRole.USER, **options: Any
    ) -> SessionMessage:
        """Send a message and return the whole reply; options as in `stream_message`."""

    @abstractmethod
    def stream_message(
        self, content: str, role: MessageRole = MessageRole.USER, **options: Any
    ) -> MessageStream:
        """Send a message and return its reply as an async iterator of `Delta`."""

    @abstractmethod
    async def add_system_message(
        self, content: str, *, metadata: Mapping[str, Any] | None = None
    ) -> SessionMessage:
        """Add a system message at the end of the active path."""

    @abstractmethod
    async def get_messages(
        self,
        limit: int | None = None,
        role: MessageRole | str | None = None,
        since: datetime | None = None,
        *,
        branch: Literal["active", "all"] = "active",
    ) -> list[SessionMessage]:
        """Return the active path in order, or all branches; with ``limit`` the last ones of those that fit."""

    @abstractmethod
    async def get_message(self, message_id: str) -> SessionMessage | None:
        """Return the message with this id, on whatever branch; None when there is none."""

    @abstractmethod
    async def clear_messages(self) -> bool:
        """Empty the active path; the messages stay stored and `versions` finds them. False when it was empty."""

    @abstractmethod
    async def fork(self, at: str | int | None = None, name: str | None = None) -> str:
        """Go on from an earlier message or turn under a new branch name; return the name."""

    @abstractmethod
    async def undo(self, turns: int = 1) -> int:
        """Move the tip back by whole turns; nothing is deleted. Return how many were undone."""

    @abstractmethod
    async def versions(self, message_id: str) -> list[SessionMessage]:
        """Return the message and its siblings, oldest first."""

    @abstractmethod
    async def update_settings(self, **changes: Any) -> SessionSettings:
        """Change settings for what is sent from now on; a misspelt name is an error."""

    @abstractmethod
    async def archive(self) -> bool:
        """Archive the session; False when it was archived before."""

    @abstractmethod
    async def delete(self) -> bool:
        """Delete the session for good; False when it was gone."""

    @abstractmethod
    async def export(self, path: str | Path | None = None, *, format: str = "jsonl") -> str:
        """Return the session as text, and write it to ``path`` when given."""


class ISessionManager(ABC):
    """Makes, finds and ends sessions over one storage and several providers."""

    @abstractmethod
    async def create_session(
        self,
        user_id: str,
        provider: str,
        model: str,
        backend: SessionBackend | str = SessionBackend.LOCAL,
        **settings: Any,
    ) -> ISession:
        """Create and store a session."""

    @abstractmethod
    async def get_session(self, session_id: str) -> ISession | None:
        """Return the session with this id; None when there is none."""

    @abstractmethod
    async def list_user_sessions(self, user_id: str, limit: int | None = 100) -> Sequence[ISession]:
        """Return a user's sessions, the last used first."""

    @abstractmethod
    async def archive_session(self, session_id: str) -> bool:
        """Archive a session; False when there is none, or it was archived before."""

    @abstractmethod
    async def delete_session(self, session_id: str) -> bool:
        """Delete a session for good; False when there is none."""


class ISessionLifecycleHook(ABC):  # noqa: B024 - every method may be left out
    """Watches sessions; override what you need. A hook that fails is logged and loses nothing."""

    async def on_session_created(self, session: ISession) -> None:
        """A session was stored."""

    async def on_message_sent(self, session: ISession, message: SessionMessage) -> None:
        """A message of the user was stored and is about to be sent; a send in the same session is refused here."""

    async def on_message_received(self, session: ISession, message: SessionMessage) -> None:
        """A reply was stored, whole or cut short; the next send may begin, from here too."""

    async def on_session_archived(self, session: ISession) -> None:
        """A session was archived."""

    async def on_session_deleted(self, session: ISession) -> None:
        """A session was deleted."""

    async def on_error(self, session: ISession, error: Exception) -> None:
        """A send failed; the error goes on to the caller."""

    async def on_retry(self, session: ISession, notice: RetryNotice) -> None:
        """A request failed and is repeated after a wait."""


class ISessionMiddleware(ABC):
    """May change all of a message but role and id; one that fails stops the send with a `SessionMiddlewareError`."""

    @abstractmethod
    async def process_outgoing_message(self, session: ISession, message: SessionMessage) -> SessionMessage:
        """Return the message to store and send."""

    @abstractmethod
    async def process_incoming_message(self, session: ISession, message: SessionMessage) -> SessionMessage:
        """Return the reply to store and hand on; the streamed deltas were seen before."""
