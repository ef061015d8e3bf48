"""`SessionManager`: makes, finds and ends sessions over one storage and several providers."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Self, Unpack

from . import checks
from .closing import close_each
from .conversation.on_asyncio import check_loop
from .errors import (
    ProviderAuthenticationError,
    SessionClosedError,
    SessionError,
    SessionNotFoundError,
    SessionValueError,
)
from .frame_methods import HasFrames
from .interfaces import (
    IProviderSession,
    ISessionLifecycleHook,
    ISessionManager,
    ISessionMiddleware,
    ISessionStorage,
    MessageRole,
    SearchHit,
    SessionBackend,
    SessionRecord,
    SessionSettings,
    SessionStatus,
)
from .messages import new_id
from .providers import create_provider, is_provider, provider_names
from .providers.catalogue import PROVIDERS
from .sending.late_replies import LateReplies
from .session import BaseSession
from .settings import BackendName, SettingValues, StatusName, check_setting_names
from .text import one_line
from .upkeep import Upkeep

__all__ = ["BaseSession", "SessionManager"]


class SessionManager(HasFrames, Upkeep, ISessionManager):
    """Makes, finds and ends sessions; it can be made with no event loop running, and used from any.

    Parameters
    ----------
    storage : ISessionStorage
        Where sessions are kept; the manager closes it.
    providers : mapping of str to IProviderSession, optional
        Objects that speak to providers, by name. Others are made when they are first needed, with the key in the
        provider's environment variable.
    defaults : mapping, optional
        Settings of new sessions, by name (`SettingValues`), unless `create_session` is given others.

    Raises
    ------
    SessionValueError, SessionTypeError
        One of these has the wrong type, or a value that is not allowed.

    Examples
    --------
    ::

        async with create_session_manager(storage="memory") as manager:
            session = await manager.create_session("ada", "mock", "echo")
            print((await session.send_message("Hello!")).content)
    """

    def __init__(
        self,
        storage: ISessionStorage,
        providers: Mapping[str, IProviderSession] | None = None,
        *,
        defaults: SettingValues | None = None,
    ) -> None:
        self.storage: ISessionStorage = checks.instance("storage", storage, ISessionStorage)
        self.here: Callable[[], str | None] = _nowhere
        """Tells which notebook asks: frames without a source are of its sessions. By default none does."""
        self.hooks: list[ISessionLifecycleHook] = []
        self.middleware: list[ISessionMiddleware] = []
        self.late_replies: LateReplies = LateReplies()
        self._providers: dict[str, IProviderSession] = {}
        self._sessions: weakref.WeakValueDictionary[str, BaseSession] = weakref.WeakValueDictionary()
        self._closed = False
        self._defaults: SettingValues = {}
        self.defaults = defaults or {}
        for name, provider in (providers or {}).items():
            self.add_provider_session(name, provider)

    @property
    def defaults(self) -> SettingValues:
        """Settings of new sessions, unless `create_session` is given others; assign a new mapping to change them."""
        return self._defaults.copy()

    @defaults.setter
    def defaults(self, defaults: SettingValues) -> None:
        values: Mapping[str, Any] = checks.mapping("defaults", defaults)
        check_setting_names(values, SettingValues.__annotations__)
        SessionSettings("any", "any", **values)  # raises for a value that is not allowed
        self._defaults = defaults.copy()

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
        home: str | None = None,
        **settings: Unpack[SettingValues],
    ) -> BaseSession:
        """Create and store a session.

        Parameters
        ----------
        user_id : str
            User that the session belongs to.
        provider, model : str
            The service and the model that answer, e.g. ``"openai"`` and ``"gpt-6-luna"``.
        backend : {"local", "provider_native"}
            Who keeps the conversation for the model.
        session_id : str, optional
            Your own id for it; by default a random one.
        title : str, optional
            A name for people to read.
        system : str, optional
            Text of a first system message.
        metadata : mapping, optional
            JSON of your own.
        home : str, optional
            The notebook that the session belongs to, as the front end names it.
        **settings
            Any field of `SessionSettings`; a field that is not given comes from the manager's `defaults`, else from the
            defaults of `SessionSettings`.

        Raises
        ------
        SessionValueError, SessionTypeError
            A value is not allowed; nothing was stored.
        ProviderAuthenticationError
            The provider needs a key and there is none; the message names the environment variable.
        SessionExistsError
            The id is taken.
        SessionStorageError
            The session could not be stored.
        """
        self.check_open()
        checks.text("user_id", user_id)
        check_setting_names(settings, SettingValues.__annotations__)
        values: Mapping[str, Any] = {**self._defaults, **settings}  # checked when the settings are made
        wanted = SessionSettings(provider=provider, model=model, backend=checks.backend(backend), **values)
        record = SessionRecord(
            session_id=new_id() if session_id is None else checks.text("session_id", session_id),
            user_id=user_id,
            settings=wanted,
            title=None if title is None else checks.text("title", title),
            metadata=checks.metadata(metadata),
            home=home,
        )
        first = None if system is None else checks.message(system, MessageRole.SYSTEM, None, scope="session")
        if first is not None:
            self.storage.bounds.check("max_message_chars", "system", first.content)
        self._check_provider(wanted)
        record = await self.storage.create_session(record)
        await self.late_replies.try_to_store()
        session = self.session_of(record)
        if first is not None:
            await session.append([first])
        await session.run_hooks("on_session_created")
        return session

    async def get_session(self, session_id: str, *, user_id: str | None = None) -> BaseSession | None:
        """Return the session with this id; None when there is none.

        With ``user_id``, a session of another user counts as missing: pass the user who asks wherever the id comes from
        outside.
        """
        self.check_open()
        if user_id is not None:
            checks.text("user_id", user_id)
        try:
            record = await self.storage.load_session(checks.text("session_id", session_id))
        except SessionNotFoundError:
            self._sessions.pop(session_id, None)
            return None
        return self.session_of(record) if user_id in (None, record.user_id) else None

    async def list_user_sessions(
        self,
        user_id: str,
        limit: int | None = 100,
        *,
        status: SessionStatus | StatusName | None = None,
        before: datetime | None = None,
        home: str | None = None,
    ) -> list[BaseSession]:
        """Return a user's sessions, the most recently used first; archived ones too, unless ``status`` is given.

        With ``home``, only those of that notebook; with an empty one, those that belong to no notebook. For the next
        page, pass the `used_at` of the last session of this page as ``before``. A session used meanwhile moves to the
        front.
        """
        self.check_open()
        checks.text("user_id", user_id)
        checks.limit(limit)
        checks.moment("before", before)
        wanted = None if status is None else checks.status(status)
        records = await self.storage.list_sessions(
            user_id=user_id,
            status=wanted,
            limit=limit,
            before=before,
            home=home,
        )
        return [self.session_of(record) for record in records]

    async def search_messages(
        self, text: str, *, user_id: str | None = None, session_id: str | None = None, limit: int | None = 20
    ) -> list[SearchHit]:
        """Return messages that contain all words of ``text``, newest first.

        Raises
        ------
        SessionNotFoundError
            There is no session ``session_id``, or it belongs to another user than ``user_id``.
        """
        self.check_open()
        checks.text("text", text)
        checks.limit(limit)
        return await self.storage.search_messages(text, user_id=user_id, session_id=session_id, limit=limit)

    async def archive_session(self, session_id: str, *, user_id: str | None = None) -> bool:
        """Archive a session; False when there is none (see `get_session`) or it was archived already."""
        session = await self.get_session(session_id, user_id=user_id)
        try:
            return session is not None and await session.archive()
        except SessionNotFoundError:  # deleted meanwhile
            return False

    async def delete_session(self, session_id: str, *, user_id: str | None = None) -> bool:
        """Delete a session for good, as `BaseSession.delete` does; False when there is none (see `get_session`)."""
        session = await self.get_session(session_id, user_id=user_id)
        if session is None:
            return False
        self._sessions.pop(session_id, None)
        return await session.delete()

    def add_provider_session(self, provider: str, provider_session: IProviderSession) -> None:
        """Use this object for the provider of this name, in all sessions, from now on."""
        checks.text("provider", provider)
        self._providers[provider] = checks.instance("provider_session", provider_session, IProviderSession)

    def add_global_hook(self, hook: ISessionLifecycleHook) -> None:
        """Add a hook that watches all sessions of this manager."""
        self.hooks.append(checks.instance("hook", hook, ISessionLifecycleHook))

    def add_global_middleware(self, middleware: ISessionMiddleware) -> None:
        """Add a middleware to all sessions of this manager."""
        self.middleware.append(checks.instance("middleware", middleware, ISessionMiddleware))

    async def health_check(self) -> dict[str, Any]:
        """Return facts for diagnostics; never raises.

        Returns
        -------
        dict
            ``status`` ("ok" or "error"), ``storage`` (facts of the storage, or its ``error``), ``providers`` (names
            of those in use). It contains no key.
        """
        try:
            storage = await self.storage.health_check()
        except SessionError as error:
            return {"status": "error", "storage": {"error": str(error)}, "providers": sorted(self._providers)}
        return {"status": "ok", "storage": storage, "providers": sorted(self._providers)}

    async def close(self) -> None:
        """Store what open streams have received, and free connections; may be called twice.

        Everything is closed, even when closing one part raises.

        Raises
        ------
        Exception
            Whatever a stream, a provider or the storage raised; an `ExceptionGroup` when several did.
        SessionError
            The running event loop is not asyncio's; nothing was closed.
        """
        check_loop()
        if self._closed:
            return
        self._closed = True
        ended = SessionClosedError(
            f"The session manager on {self.storage.name} was closed; what had arrived of the reply is kept. "
            "Open the session with a new manager."
        )
        streams = [stream for session in list(self._sessions.values()) for stream in list(session.streams)]
        await close_each(
            [
                *(partial(stream.end, ended) for stream in streams),
                *(provider.close for provider in self._providers.values()),
                self.late_replies.store,
                self.storage.close,
            ]
        )

    async def __aenter__(self) -> Self:
        self.check_open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<SessionManager on {one_line(self.storage.name)}{', closed' if self._closed else ''}>"

    def check_open(self) -> None:
        """Raise when the manager was closed, or is used where it cannot work.

        Raises
        ------
        SessionClosedError
            It was closed.
        SessionError
            The running event loop is not asyncio's.
        """
        check_loop()
        if self._closed:
            raise SessionClosedError(
                f"The session manager on {self.storage.name} is closed. Create a new one."
            )

    def provider_session(self, name: str) -> IProviderSession:
        """Return the object that speaks to a provider; made on first use.

        Raises
        ------
        SessionValueError, SessionTypeError
            No provider has this name, or it is not text.
        ProviderAuthenticationError
            It needs a key and there is none.
        """
        checks.text("provider", name)
        if name not in self._providers:
            if not is_provider(name):
                raise SessionValueError.of("provider", name, {*provider_names(), *self._providers})
            self._providers[name] = create_provider(name)
        return self._providers[name]

    def providers_here(self) -> set[str]:
        """Return the names of its providers, and of those whose key or address is in the environment."""
        return {*self._providers, *(name for name, row in PROVIDERS.items() if row.prepared_by(os.environ))}

    def session_of(self, record: SessionRecord) -> BaseSession:
        """Return the session for a record that the storage has just returned."""
        session = self._sessions.get(record.session_id)
        if (
            session is None or session.record.number != record.number
        ):  # made again under the id of a deleted one
            session = self._sessions[record.session_id] = BaseSession(self, record)
        session.record = record
        return session

    def check_change(self, settings: SessionSettings) -> None:
        """Raise when settings name a provider that is missing or cannot do what they ask; a missing key is allowed."""
        with suppress(ProviderAuthenticationError):
            self._check_provider(settings)

    def _check_provider(self, settings: SessionSettings) -> None:
        provider = self.provider_session(settings.provider)
        if settings.backend is SessionBackend.PROVIDER_NATIVE and not provider.supports_native:
            raise SessionValueError(
                f"backend='provider_native' is not possible: {settings.provider!r} keeps no conversations. "
                "Use backend='local', which keeps the history here."
            )


def _nowhere() -> None:
    """Tell that no notebook asks."""
