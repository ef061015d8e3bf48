"""`BaseSession`: one conversation over a storage and a provider."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from . import checks
from .conversation.on_asyncio import check_loop
from .conversation.steps import Done, Step
from .conversation.tree import Tree
from .errors import SessionNotFoundError
from .frame_methods import HasFrames
from .interfaces import (
    ChainPlace,
    ExportFormat,
    IProviderSession,
    ISessionLifecycleHook,
    ISessionMiddleware,
    ISessionStorage,
    SessionMessage,
    SessionMetrics,
    SessionRecord,
    SessionSettings,
    SessionStatus,
)
from .parts.blobs import hashes_in
from .sending.ask import Ask
from .sending.hook_runner import run_hooks, run_middleware
from .sending.message_sending import MessageSending
from .sending.native_conversation import NativeConversation
from .sending.stream import MessageStream
from .sending.turn import Turn
from .sending.turnstile import Turnstile
from .settings import SettingChanges, StatusName, with_told
from .text import as_logged, one_line

if TYPE_CHECKING:
    from .base import SessionManager

T = TypeVar("T")
logger: logging.Logger = logging.getLogger(__name__)
_REPR_CHARS = 80
"""Most characters of each name in a repr."""


class BaseSession(HasFrames, MessageSending):
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
        return self.record.settings.provider

    @property
    def model(self) -> str:
        return self.record.settings.model

    @property
    def title(self) -> str | None:
        return self.record.title

    @property
    def used_at(self) -> datetime:
        """When it was last used, as last read; pass it as ``before=`` to list the sessions after this one."""
        return self.record.used_at or self.record.updated_at

    @property
    def unstored_replies(self) -> list[SessionMessage]:
        """Replies that arrived but could not be stored yet; they are stored together with whatever is stored next."""
        return self._manager.late_replies.of(self)

    @property
    def metrics(self) -> SessionMetrics:
        record = self.record
        return SessionMetrics(record.message_count, record.token_count, record.created_at, record.updated_at)

    def __repr__(self) -> str:
        record = self.record
        name = f"{record.title!r}, " if record.title else ""
        # Names of models come from servers, titles and ids from anybody.
        facts = (name, record.session_id, f"{self.provider}:{self.model}")
        name, key, model = (one_line(fact, _REPR_CHARS) for fact in facts)
        return (
            f"<Session {name and name + ' '}{key}, {model}, {record.message_count} messages, {record.status}>"
        )

    # Its life

    async def refresh(self) -> SessionRecord:
        """Read the stored session again: another kernel may have changed it.

        Raises
        ------
        SessionNotFoundError
            It was deleted.
        """
        self.record = await self.storage.load_session(self.key)
        return self.record

    async def update_settings(self, **changes: Unpack[SettingChanges]) -> SessionSettings:
        """Change settings for messages sent from now on.

        Parameters
        ----------
        **changes
            Settings by name; ``model`` may be ``"provider:model"``.

        Raises
        ------
        SessionValueError, SessionTypeError
            A name is misspelt or a value not allowed; nothing was changed.
        """
        others = {name: value for name, value in changes.items() if name != "model"}
        settings = self.settings_for(changes.get("model"), others)
        self._manager.check_change(settings)
        metadata = with_told(self.record.metadata, changes)
        told = {} if metadata is self.record.metadata else {"metadata": metadata}
        await self.change(settings=settings, **told)
        return settings

    async def rename(self, title: str | None) -> None:
        if title is not None:
            checks.text("title", title)
        await self.change(title=title)

    async def set_status(self, status: SessionStatus | StatusName) -> bool:
        """Set and store the status; False when it already had that status."""
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
        """Delete the session and its copies at the providers, for good; False when it was gone already.

        A copy that a provider does not delete is named in a warning of the logger ``langswarm_nb``.
        """
        try:
            await self.refresh()
        except SessionNotFoundError:
            return False
        kept = await self.native.delete()
        deleted = await self.storage.delete_session(self.key)
        self._manager.late_replies.forget(self)
        if kept:
            logger.warning(
                "Session %s is deleted here; its provider still keeps: %s",
                as_logged(self.session_id),
                as_logged(", ".join(kept)),
                extra={"session_id": as_logged(self.session_id)},
            )
        if deleted:
            await self.run_hooks("on_session_deleted")
        return deleted

    async def export(self, path: str | Path | None = None, *, format: ExportFormat = "jsonl") -> str:
        """Return the session as text, and write it to ``path`` if given.

        Parameters
        ----------
        path : str or Path, optional
            File to write; only its owner can read it.
        format : {"jsonl", "json", "md"}
            ``jsonl``: everything, one message per line; ``json``: the same as one document; ``md``: the active path.
            The first two contain the bytes of attachments as base64; a Markdown file gets them in a folder beside it.

        Raises
        ------
        SessionValueError
            Unknown format.
        SessionStorageError
            The file could not be written.
        """
        from .export import export_session, exported, way_of  # few sessions ever need it

        record = await self.refresh()
        tree = await self.storage.read_tree(self.key)
        messages = await self.storage.get_messages(self.key, branch="all")
        blobs: dict[str, bytes] = {}
        if way_of(None, format, has_path=path is not None) != "names":
            carried = hashes_in(part for message in messages for part in message.parts)
            blobs = await self.storage.read_blobs(self.key, carried) if carried else {}
        definitions = await self.storage.read_definitions(self.key)
        # Seconds of work for a long one, in which the loop has other work.
        return await asyncio.to_thread(
            lambda: export_session(
                exported(record, messages, tree, definitions.values()), path, format, blobs
            )
        )

    def add_hook(self, hook: ISessionLifecycleHook) -> None:
        """Add a hook that watches only this session."""
        self._hooks.append(checks.instance("hook", hook, ISessionLifecycleHook))

    def add_middleware(self, middleware: ISessionMiddleware) -> None:
        """Add a middleware to this session only, inside the global ones."""
        self._middleware.append(checks.instance("middleware", middleware, ISessionMiddleware))

    async def settle(self) -> None:
        """Close a stream that was left open; all that arrived is stored when this returns."""
        check_loop()
        holder = self.turnstile.holder
        if holder is not None and holder.idle_since is not None:
            await holder.give_way()

    # What the flow of a message uses

    def _stream(self, ask: Ask) -> MessageStream:
        return MessageStream(Turn(self, ask))

    def provider_session(self, name: str) -> IProviderSession:
        """Return the object that speaks to the provider of this name."""
        return self._manager.provider_session(name)

    async def save_partial(self, message: SessionMessage, *, reply_to: int, question_id: str) -> None:
        """Store the part of a reply that has arrived."""
        await self.storage.save_partial(self.key, message, reply_to=reply_to, question_id=question_id)

    async def change(self, **changes: Any) -> None:
        """Store changes to the session's record."""
        self.record = await self.storage.update_session(self.key, **changes)
        await self._manager.late_replies.try_to_store()

    async def append(
        self, messages: Sequence[SessionMessage], **place: Unpack[ChainPlace]
    ) -> list[SessionMessage]:
        """Store messages as a chain, each below the one before it, and count them; nothing is sent.

        Parameters
        ----------
        messages : sequence of SessionMessage
            Of any role: a user message begins a turn, an assistant message answers the message before it.
        **place
            Where they go, see `ISessionStorage.append_messages`; by default at the end of the active path.

        Returns
        -------
        list of SessionMessage
            Copies of them as stored, with their numbers.

        Raises
        ------
        SessionValueError, SessionTypeError
            A message cannot be stored unchanged; nothing was stored.
        SessionNotFoundError
            The session was deleted, or the place does not exist.
        SessionLeasedError
            With ``lease``: another message of the session is being answered.
        SessionMovedError, SessionExistsError
            With ``expected_tip``: the path does not end there. With ``once``: an id exists already.
        SessionStorageError
            They could not be stored, or an earlier unstored reply, which must be stored first, still cannot be.

        Notes
        -----
        It does not wait while another message is being answered. `import_messages` does, and accepts the formats of
        other programs. To be refused instead while one is being answered, pass the id of one of the messages as
        ``lease``.
        """
        late = self._manager.late_replies
        await late.store(self)
        stored = await self.append_at_once(messages, **place)
        await late.try_to_store()
        return stored

    async def ask(self, decide: Callable[[Tree], tuple[T, Step]], *, dry_run: bool = False) -> tuple[T, Done]:
        if dry_run:
            return await super().ask(decide, dry_run=True)
        late = self._manager.late_replies
        await late.store(self)
        done = await super().ask(decide)
        await late.try_to_store()
        return done

    async def append_at_once(
        self, messages: Sequence[SessionMessage], **place: Unpack[ChainPlace]
    ) -> list[SessionMessage]:
        """Store messages, whatever else is waiting to be stored."""
        return await super().append(messages, **place)

    async def set_tip(self, seq: int | None, *, branch: str | None = None) -> None:
        await super().set_tip(seq, branch=branch)
        await self._manager.late_replies.try_to_store()

    async def run_hooks(self, event: str, *about: object) -> None:
        """Call all hooks of the manager and of this session."""
        await run_hooks((*self._manager.hooks, *self._hooks), event, self, *about)

    async def run_middleware(self, step: str, message: SessionMessage) -> SessionMessage:
        """Pass a message through all middleware, the manager's outermost."""
        return await run_middleware((*self._manager.middleware, *self._middleware), step, self, message)
