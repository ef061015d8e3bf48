"""`BaseSession`: one conversation over a storage and a provider."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from . import checks
from .errors import SessionNotFoundError
from .export import export_session
from .frame_methods import HasFrames
from .interfaces import (
    IProviderSession,
    ISessionLifecycleHook,
    ISessionMiddleware,
    ISessionStorage,
    MessageRole,
    Part,
    RetryNotice,
    SessionMessage,
    SessionMetrics,
    SessionRecord,
    SessionSettings,
    SessionStatus,
)
from .message_tree import MessageTree
from .messages import utc_now
from .providers import parse_model_id
from .sending.hook_runner import run_hooks, run_middleware
from .sending.native_conversation import NativeConversation
from .sending.stream import MessageStream
from .sending.turn import Ask, Turn
from .sending.turnstile import Turnstile
from .values import optional_mapping

if TYPE_CHECKING:
    from .base import SessionManager

logger: logging.Logger = logging.getLogger(__name__)


class BaseSession(HasFrames, MessageTree):
    """One conversation; made by a `SessionManager`, never directly."""

    def __init__(self, manager: SessionManager, record: SessionRecord) -> None:
        self._manager = manager
        self.record: SessionRecord = record  # as last read or written by this object
        self.storage: ISessionStorage = manager.storage
        self.turnstile: Turnstile = Turnstile()
        self.streams: weakref.WeakSet[MessageStream] = weakref.WeakSet()  # sends that are under way
        self.native: NativeConversation = NativeConversation(self)
        self._hooks: list[ISessionLifecycleHook] = []
        self._middleware: list[ISessionMiddleware] = []

    # What it is

    @property
    def manager(self) -> SessionManager:
        """The manager that made it."""
        return self._manager

    @property
    def session_id(self) -> str:
        return self.record.session_id

    @property
    def user_id(self) -> str:
        return self.record.user_id

    @property
    def status(self) -> SessionStatus:
        return self.record.status

    @property
    def settings(self) -> SessionSettings:
        return self.record.settings

    @property
    def provider(self) -> str:
        """Name of the provider."""
        return self.record.settings.provider

    @property
    def model(self) -> str:
        """Name of the model, without its provider."""
        return self.record.settings.model

    @property
    def title(self) -> str | None:
        """Name given by the user."""
        return self.record.title

    @property
    def metrics(self) -> SessionMetrics:
        record = self.record
        return SessionMetrics(record.message_count, record.token_count, record.created_at, record.updated_at)

    def __repr__(self) -> str:
        record = self.record
        name = f"{record.title!r}, " if record.title else ""
        return (
            f"<Session {name}{record.session_id}, {self.provider}:{self.model}, "
            f"{record.message_count} messages, {record.status}>"
        )

    # Sending

    async def send_message(
        self, content: str, role: MessageRole | str = MessageRole.USER, **options: Any
    ) -> SessionMessage:
        """Send a message and return the whole reply.

        Parameters
        ----------
        content, role, **options
            As in `stream_message`.

        Raises
        ------
        SessionError
            As in `stream_message`.
        """
        return await self.stream_message(content, role, **options).read()

    def stream_message(
        self,
        content: str,
        role: MessageRole | str = MessageRole.USER,
        *,
        parts: Sequence[Part] = (),
        metadata: Mapping[str, Any] | None = None,
        model: str | None = None,
        version_of: str | None = None,
        parent: int | Literal["tip"] | None = "tip",
        history: bool = True,
        activate: bool = True,
        source: str = "api",
        cell_id: str | None = None,
        compare_id: str | None = None,
        provider_session: IProviderSession | None = None,
        on_retry: Callable[[RetryNotice], Awaitable[None] | None] | None = None,
        **changes: Any,
    ) -> MessageStream:
        """Send a message and return its reply as an async iterator of `Delta`.

        The message is stored before anything is sent; the reply is stored, whole or cut short, before the
        iterator ends.

        Parameters
        ----------
        content : str
            The text; may be empty when there are ``parts``.
        role : MessageRole
            ``user``, or ``tool`` for the result of a tool call (with a ``tool_result`` part).
        parts : sequence of Part
            Images and tool results beside the text.
        metadata : mapping, optional
            JSON of the caller's own, kept with the message.
        model : str, optional
            Another model for this send, ``"model"`` or ``"provider:model"``.
        version_of : str, optional
            Id of a message: this one becomes a new version of it, and the path goes on here.
        parent : int, "tip" or None
            `seq` of the message to go on from as a new version; None starts a new root.
        history : bool
            False sends only system messages and this one, beside the active path.
        activate : bool
            False leaves the active path as it is: message and reply are a branch of their own, and several such
            sends may run at once.
        source, cell_id, compare_id : str, optional
            Where it came from, for the record.
        provider_session : IProviderSession, optional
            What to send through this once, e.g. to another address; by default the manager's.
        on_retry : callable, optional
            Told before each wait for a repeat; may be async.
        **changes
            Settings for this send alone: ``temperature``, ``max_tokens``, ``timeout_s``, ``options``, …

        Raises
        ------
        SessionValueError, SessionTypeError
            At once, with nothing stored or sent: something that was passed is not allowed.
        SessionClosedError, SessionNotFoundError
            The manager was closed, or the session deleted, also while reading.
        SessionMiddlewareError
            While reading: a middleware failed.
        SessionStorageError
            While reading: the message or the reply could not be stored.
        ProviderSessionError
            While reading: the provider refused or failed; the part that arrived is kept.
        """
        message = checks.question(content, role, parts, metadata, source, cell_id)
        settings = self._settings_for(model, changes)
        self._manager.check_open()
        ask = Ask(
            message,
            settings,
            parent=checks.parent(parent),
            version_of=version_of,
            history=checks.flag("history", history),
            activate=checks.flag("activate", activate),
            compare_id=compare_id if compare_id is None else checks.text("compare_id", compare_id),
            provider_session=provider_session
            and checks.instance("provider_session", provider_session, IProviderSession),
            on_retry=on_retry and checks.function("on_retry", on_retry),
        )
        return MessageStream(Turn(self, ask))

    async def regenerate(
        self, message_id: str | None = None, *, model: str | None = None, **changes: Any
    ) -> SessionMessage:
        """Answer a question once more; the reply becomes a new version beside the old ones.

        Parameters
        ----------
        message_id : str, optional
            The question or one of its replies; by default the last question of the active path.
        model : str, optional
            Another model, ``"model"`` or ``"provider:model"``.
        **changes
            Settings for this send alone.

        Raises
        ------
        SessionNotFoundError
            There is no such message, or no question yet.
        SessionError
            As in `stream_message`.
        """
        return await (await self.stream_regenerate(message_id, model=model, **changes)).read()

    async def stream_regenerate(
        self, message_id: str | None = None, *, model: str | None = None, **changes: Any
    ) -> MessageStream:
        """Answer a question once more, as in `regenerate`, and return the reply as an async iterator of `Delta`."""
        settings = self._settings_for(model, changes)
        question = await self.question_of(message_id)
        return MessageStream(Turn(self, Ask(question, settings, regenerates=True)))

    async def add_system_message(
        self, content: str, *, metadata: Mapping[str, Any] | None = None
    ) -> SessionMessage:
        message = checks.message(content, MessageRole.SYSTEM, metadata)
        return await self.append(message)

    # Its life

    async def refresh(self) -> SessionRecord:
        """Read anew what is stored of the session: another kernel may have changed it.

        Raises
        ------
        SessionNotFoundError
            It was deleted.
        """
        self.record = await self.storage.load_session(self.session_id)
        return self.record

    async def update_settings(self, **changes: Any) -> SessionSettings:
        """Change settings for what is sent from now on.

        Parameters
        ----------
        **changes
            Settings by name; ``model`` may be ``"provider:model"``.

        Raises
        ------
        SessionValueError, SessionTypeError
            A name is misspelt or a value not allowed; nothing was changed.
        """
        settings = self._settings_for(changes.pop("model", None), changes)
        self._manager.check_change(settings)
        await self.change(settings=settings)
        return settings

    async def rename(self, title: str | None) -> None:
        """Give the session a title, or take it away."""
        if title is not None:
            checks.text("title", title)
        await self.change(title=title)

    async def set_status(self, status: SessionStatus | str) -> bool:
        """Set and store the status; False when it was that already."""
        wanted = checks.status(status)
        if (await self.refresh()).status is wanted:
            return False
        await self.change(status=wanted)
        if wanted is SessionStatus.ARCHIVED:
            await self.run_hooks("on_session_archived")
        return True

    async def archive(self) -> bool:
        return await self.set_status(SessionStatus.ARCHIVED)

    async def delete(self) -> bool:
        """Delete the session and what its providers hold of it, for good; False when it was gone.

        What a provider does not delete is named in a warning on the logger ``langswarm_nb``.
        """
        try:
            await self.refresh()
        except SessionNotFoundError:
            return False
        kept = await self.native.delete()
        deleted = await self.storage.delete_session(self.session_id)
        if kept:
            logger.warning(
                "Session %s is deleted here; its provider still holds: %s", self.session_id, ", ".join(kept)
            )
        if deleted:
            await self.run_hooks("on_session_deleted")
        return deleted

    async def export(self, path: str | Path | None = None, *, format: str = "jsonl") -> str:
        """Return the session as text, and write it to ``path`` when given.

        Parameters
        ----------
        path : str or Path, optional
            File to write, readable by its owner only.
        format : {"jsonl", "json", "md"}
            ``jsonl``: all branches, one message a line; ``json``: the same as one document; ``md``: the active path.

        Raises
        ------
        SessionValueError
            Unknown format.
        SessionStorageError
            The file could not be written.
        """
        record = await self.refresh()
        messages = await self.storage.get_messages(
            self.session_id, branch="active" if format == "md" else "all"
        )
        return export_session(record, messages, path, format)

    def add_hook(self, hook: ISessionLifecycleHook) -> None:
        """Watch this session alone."""
        self._hooks.append(checks.instance("hook", hook, ISessionLifecycleHook))

    def add_middleware(self, middleware: ISessionMiddleware) -> None:
        """Put a middleware around this session alone, inside the global ones."""
        self._middleware.append(checks.instance("middleware", middleware, ISessionMiddleware))

    async def settle(self) -> None:
        """Close a stream that was left open; all that arrived is stored when this returns."""
        holder = self.turnstile.holder
        if holder is not None and holder.idle_since is not None:
            await holder.give_way()

    # What the flow of a message uses

    def provider_session(self, name: str) -> IProviderSession:
        """Return the object that speaks to the provider of this name."""
        return self._manager.provider_session(name)

    async def append(self, message: SessionMessage, **place: Any) -> SessionMessage:
        """Store one message and count it."""
        [stored] = await self.storage.append_messages(self.session_id, [message], **place)
        record = self.record
        self.record = replace(
            record,
            message_count=record.message_count + 1,
            token_count=record.token_count + (stored.token_count or 0),
            tip_seq=stored.seq if stored.is_active else record.tip_seq,
            updated_at=utc_now(),
        )
        return stored

    async def save_partial(self, message: SessionMessage, *, reply_to: int) -> None:
        """Keep what has arrived of a reply."""
        await self.storage.save_partial(self.session_id, message, reply_to=reply_to)

    async def change(self, **changes: Any) -> None:
        """Store changes of the record."""
        self.record = await self.storage.update_session(self.session_id, **changes)

    async def run_hooks(self, event: str, *about: object) -> None:
        """Tell all hooks of the manager and of this session."""
        await run_hooks((*self._manager.hooks, *self._hooks), event, self, *about)

    async def run_middleware(self, step: str, message: SessionMessage) -> SessionMessage:
        """Pass a message through all middleware; those of the manager are outside."""
        return await run_middleware((*self._manager.middleware, *self._middleware), step, self, message)

    def _settings_for(self, model: str | None, changes: Mapping[str, Any]) -> SessionSettings:
        settings = self.settings
        if model is not None:
            provider, name = parse_model_id(
                model, default_provider=changes.get("provider") or settings.provider
            )
            changes = {**changes, "provider": provider, "model": name}
        changed = settings.updated(**changes) if changes else settings
        optional_mapping("options", changed.options)  # they are kept with the reply, so they have to be JSON
        return changed
