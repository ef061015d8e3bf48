"""`Workspace`: what the magics of one kernel work with: the store, the current session, and its names."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from langswarm_nb.core.session import (
    BaseSession,
    IProviderSession,
    MetricsHook,
    SessionManager,
    SessionMessage,
    SessionNotFoundError,
    SessionSettings,
    SessionStatus,
    SessionValueError,
    get_session_manager,
    parse_model_id,
    provider_names,
    set_session_manager,
)
from langswarm_nb.core.session.closing import close_each
from langswarm_nb.core.session.conversation.asks import KernelMemory
from langswarm_nb.core.session.providers.catalogue import OFFLINE_PROVIDERS
from langswarm_nb.core.session.storage import create_storage
from langswarm_nb.core.session.storage.unlogged import UnloggedStorage
from langswarm_nb.core.session.text import did_you_mean
from langswarm_nb.notebook.bridge import run_sync
from langswarm_nb.notebook.running_cell import running_cell

from .aliases import alias_file, read_aliases, write_aliases
from .identity import notebook_key, notebook_name, short_path, user_id
from .keys import provider_ready
from .last_failure import FailureWatch

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from langswarm_nb.notebook.config import NotebookConfig

DEFAULT_MODEL = "mock:echo"
DEFAULT_SESSION = "default"
_ID_CHARS = 6
"""So many characters of an id are enough to name a session."""


class Workspace:
    """The store and the current session of a kernel; nothing is opened before it is needed."""

    def __init__(self, shell: InteractiveShell, config: NotebookConfig) -> None:
        self.shell = shell
        self.config = config
        self.user_id: str = user_id()
        self.failures: FailureWatch = FailureWatch(lambda: running_cell(shell).cell_id)
        self.metrics: MetricsHook = MetricsHook()
        self.other_providers: dict[tuple[str, str | None, str | None], IProviderSession] = {}
        """Those that ``--api-base`` and ``--api-key-name`` made."""
        self.addresses: dict[str, tuple[str | None, str | None]] = {}
        """Address and variable of the key of answers that came through these, by id."""
        self.announced: set[tuple[str, str]] = set()
        """Providers and addresses that the user was told of."""
        self.seen_models: set[str] = set()
        """Models that a provider has listed, for completion."""
        self.last_answer: SessionMessage | None = None
        """The answer that was shown last, by a cell or a panel."""
        self.spent_usd: float = 0.0
        """What the replies of this kernel cost, as far as it is known."""
        self._aliases: dict[str, str] | None = None
        self._manager: SessionManager | None = None
        self._session: BaseSession | None = None
        self._memories: dict[str, KernelMemory] = {}
        self._moves = 0
        """How often `_session` was chosen, and not just found."""
        config.observe(self._forget_store, ["store", "db_path"])
        config.observe(self._reopen_store, ["log_content"])
        config.observe(self._forget_session, ["session"])
        config.observe(self._forget_model, ["model"])
        self._model_applies = bool(config.model)

    # The store

    @property
    def manager(self) -> SessionManager:
        """The manager over the configured store.

        Raises
        ------
        SessionError
            The store's name or file is not allowed.
        """
        if self._manager is None:
            store, path = self.config.store, self.config.db_path
            storage = create_storage(store, {"db_path": path} if path and store == "sqlite" else None)
            keeps_words = self.config.log_content or store == "memory"  # which no disk has
            self._manager = SessionManager(storage if keeps_words else UnloggedStorage(storage))
            self._manager.add_global_hook(self.metrics)
            set_session_manager(self._manager)  # frames without a source are of this store
        return self._manager

    @property
    def place(self) -> str:
        """Where the store is, for people."""
        path = self._db_path
        return self.manager.storage.name if path is None else short_path(path)

    @property
    def full_place(self) -> str:
        """The store's file, or what it is when it is none."""
        path = self._db_path
        return self.manager.storage.name if path is None else str(path)

    @property
    def _db_path(self) -> Path | None:
        path = getattr(self.manager.storage, "db_path", None)
        return None if path is None else Path(path)

    async def close(self) -> None:
        """Free connections; what was open is kept."""
        manager, self._manager, self._aliases = self._manager, None, None
        self._move_to(None)
        others, self.other_providers = self.other_providers, {}
        closings = [provider.close for provider in others.values()]
        if manager is not None:
            if get_session_manager() is manager:
                set_session_manager(None)
            closings.append(manager.close)
        await close_each(closings)

    @property
    def budget_left_usd(self) -> float | None:
        """What is left of the budget of this kernel; None when there is none."""
        budget = self.config.budget_usd
        return None if budget is None else budget - self.spent_usd

    # Names

    @property
    def session_name(self) -> str:
        """Name of the current session, whether or not it exists yet."""
        if self._session is not None:
            return self.name_of(self._session)
        return str(self.config.session) or notebook_name(self.shell) or DEFAULT_SESSION

    def name_of(self, session: BaseSession) -> str:
        """Return what people call a session."""
        return session.title or session.session_id[: _ID_CHARS + 2]

    def model_id(self, model: str, *, session: BaseSession | None = None, default: str | None = None) -> str:
        """Return ``provider:model`` for what the user typed: an alias, with or without a provider.

        Raises
        ------
        SessionValueError
            It is no model of a known provider.
        """
        model = self.aliases.get(model, model)
        if session is not None and session.provider not in OFFLINE_PROVIDERS:
            default = session.provider
        head = model.partition(":")[0] if ":" in model else model.partition("/")[0]
        near = did_you_mean(head.lower(), provider_names()) if head != model else ""
        try:
            provider, name = parse_model_id(model, default_provider=None if near else default)
        except SessionValueError as error:
            if model in provider_names():
                raise SessionValueError(
                    f"{model!r} is a provider, and which of its models is not said: write {model}:MODEL. "
                    f"`%langswarm models {model}` lists them."
                ) from error
            if not near:
                raise
            raise SessionValueError(
                f"model={model!r} is not known{near} Providers: {', '.join(provider_names())}."
            ) from error
        return f"{provider}:{name}"

    @property
    def aliases(self) -> dict[str, str]:
        """Short names of models."""
        if self._aliases is None:
            self._aliases = read_aliases(alias_file(self._db_path))
        return self._aliases

    def set_aliases(self, aliases: Mapping[str, str]) -> None:
        """Keep other short names, on disk when the store is."""
        if (path := alias_file(self._db_path)) is not None:
            write_aliases(path, aliases)
        self._aliases = dict(aliases)

    # Sessions

    async def current(self) -> BaseSession:
        """Return the session that cells without ``-S`` talk to; made at first use."""
        return await self.peek() or await self.make("current")

    async def peek(self) -> BaseSession | None:
        """Return the current session; None when it is not made yet."""
        moves = self._moves
        found = await self._still_there() or await self._find_default()
        if self._moves == moves:  # else somebody has moved on while we looked
            self._session = found
        session = self._session
        if session is not None and self._model_applies:
            await self._apply_model(session)
        return session

    async def _apply_model(self, session: BaseSession) -> None:
        """Let a session go on with the model of the settings, once."""
        self._model_applies = False
        wanted = self.model_id(self.config.model)
        if wanted == f"{session.provider}:{session.model}":
            return
        try:
            await session.update_settings(model=wanted)
        except asyncio.CancelledError:
            self._model_applies = True
            raise

    def _move_to(self, session: BaseSession | None) -> None:
        """Stay in a session from now on, whatever a look that is under way finds."""
        self._session = session
        self._moves += 1

    async def _still_there(self) -> BaseSession | None:
        """Return the session we are in, as it is now; None when another kernel has deleted it."""
        session = self._session
        if session is None:
            return None
        try:
            await session.refresh()
        except SessionNotFoundError:
            return None
        return session

    async def make(
        self, opening: Literal["current", "named", "new"], name: str | None = None, model: str | None = None
    ) -> BaseSession:
        """Make a session, and stay in it unless it is one that a cell named."""
        if opening == "new":
            return await self.start(name, model)
        if opening == "named" and name is not None:
            return await self._create(name, model=model)
        name = self.session_name
        session = await self._create(name, model=model, by_notebook=not self.config.session)
        self._move_to(session)
        return session

    def new_settings(self) -> SessionSettings:
        """Return what a new session works with: the model of the session we are in, else that of the settings.

        Raises
        ------
        SessionValueError
            The setting ``model`` is no model.
        """
        here = self._session
        if here is not None and not self._model_applies:
            return SessionSettings(here.provider, here.model)
        provider, model = parse_model_id(self.model_id(self.config.model or DEFAULT_MODEL))
        return SessionSettings(provider, model)

    async def find(self, name: str) -> BaseSession | None:
        """Return the session with this title or id (its first characters do), the last used first."""
        sessions = await self.manager.list_user_sessions(self.user_id, limit=None)
        fits = [session for session in sessions if session.title == name]
        if len(name) >= _ID_CHARS:
            fits += [session for session in sessions if session.session_id.startswith(name)]
        fits.sort(key=lambda session: session.status is SessionStatus.ARCHIVED)
        return next(iter(fits), None)

    async def get(self, name: str | None) -> BaseSession:
        """Return the session of this name, or the current one.

        Raises
        ------
        SessionNotFoundError
            There is none; names the nearest.
        """
        if name is None:
            return await self.current()
        session = await self.find(name)
        if session is None:
            names = [
                self.name_of(known)
                for known in await self.manager.list_user_sessions(self.user_id, limit=None)
            ]
            raise SessionNotFoundError(
                f"There is no session {name!r} in {self.place}{did_you_mean(name, names) or '.'} "
                "`%langswarm sessions` lists them, `%langswarm new NAME` starts one."
            )
        return session

    async def start(self, name: str | None = None, model: str | None = None) -> BaseSession:
        """Make a session and stay in it; one that has the name already keeps its messages as ``name~1``."""
        if name is None:
            name = await self._free_name(self.session_name)
        elif (old := await self.find(name)) is not None and old.title == name:
            await old.rename(await self._free_name(name, "~"))
        session = await self._create(name, model=model, by_notebook=True)
        self._move_to(session)
        return session

    async def switch(self, name: str) -> BaseSession:
        """Stay in another session.

        Raises
        ------
        SessionNotFoundError
            There is none of this name.
        """
        session = await self.get(name)
        self._move_to(session)
        return session

    def is_current(self, session: BaseSession) -> bool:
        """Tell whether cells without ``-S`` talk to this session."""
        return self._session is session

    def leave(self, session: BaseSession) -> None:
        """Be in no session, when it is the current one."""
        if self._session is session:
            self._move_to(None)

    async def _create(self, name: str, *, model: str | None = None, by_notebook: bool = False) -> BaseSession:
        settings = self.new_settings()
        provider, model = parse_model_id(model or f"{settings.provider}:{settings.model}")
        provider_ready(self.manager, provider)
        key = notebook_key(self.shell) if by_notebook else None
        return await self.manager.create_session(
            self.user_id, provider, model, title=name, metadata={} if key is None else {"notebook": key}
        )

    async def _find_default(self) -> BaseSession | None:
        if self.config.session:
            return await self.find(self.config.session)
        key = notebook_key(self.shell)
        sessions = await self.manager.list_user_sessions(
            self.user_id, limit=None, status=SessionStatus.ACTIVE
        )
        if key is None:
            return next((session for session in sessions if session.title == self.session_name), None)
        return next((session for session in sessions if session.record.metadata.get("notebook") == key), None)

    async def free_name(self, name: str, *, besides: BaseSession) -> str:
        """Return the name, or one like it that no other session has."""
        sessions = await self.manager.list_user_sessions(self.user_id, limit=None)
        is_taken = any(session.title == name for session in sessions if session is not besides)
        return await self._free_name(name) if is_taken else name

    async def _free_name(self, name: str, mark: str = "-") -> str:
        titles = {
            session.title for session in await self.manager.list_user_sessions(self.user_id, limit=None)
        }
        number = 1 if mark == "~" else 2
        while f"{name}{mark}{number}" in titles:
            number += 1
        return f"{name}{mark}{number}"

    async def memory(self, session: BaseSession) -> KernelMemory:
        """Return what this kernel has asked of a session."""
        return self._memories.setdefault(session.session_id, KernelMemory())

    def ends_replay(self, session: BaseSession) -> None:
        """Ask no turn again by its place: somebody has moved in the tree."""
        memory = self._memories.get(session.session_id)
        if memory is not None:
            memory.replay = None

    def _forget_store(self, change: Mapping[str, Any]) -> None:
        run_sync(self.close())

    def _reopen_store(self, change: Mapping[str, Any]) -> None:
        """Go on in the same session with another way of keeping it."""

        async def reopen() -> None:
            session_id = self._session and self._session.session_id
            try:
                await self.close()
            finally:
                self._move_to(await self.manager.get_session(session_id) if session_id else None)

        if self._manager is not None and self.config.store != "memory":
            run_sync(reopen())

    def _forget_session(self, change: Mapping[str, Any]) -> None:
        self._move_to(None)

    def _forget_model(self, change: Mapping[str, Any]) -> None:
        self._model_applies = bool(change["new"])
