"""`KernelStore`: the store that the magics of one kernel work with; nothing is opened before it is needed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.base import SessionManager
from langswarm_nb.core.session.closing import close_each
from langswarm_nb.core.session.default import get_session_manager, set_session_manager
from langswarm_nb.core.session.hooks import MetricsHook
from langswarm_nb.core.session.storage import create_storage
from langswarm_nb.core.session.storage.unlogged import UnloggedStorage
from langswarm_nb.notebook.bridge import run_sync

from .identity import short_path, user_id

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from langswarm_nb.core.session.interfaces import IProviderSession
    from langswarm_nb.notebook.config import NotebookConfig


class KernelStore(ABC):
    """The manager over the configured store, where that is, and whose sessions they are."""

    def __init__(self, shell: InteractiveShell, config: NotebookConfig) -> None:
        self.shell = shell
        self.config = config
        self.user_id: str = user_id()
        self.metrics: MetricsHook = MetricsHook()
        self.other_providers: dict[tuple[str, str | None, str | None], IProviderSession] = {}
        """Those that ``--api-base`` and ``--api-key-name`` made."""
        self._manager: SessionManager | None = None
        config.observe(self._forget_store, ["store", "db_path"])

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
            self._manager.here = self.here
            set_session_manager(
                self._manager
            )  # frames without a source are of this store, and of this notebook
        return self._manager

    @abstractmethod
    def here(self) -> str | None:
        """Return the notebook that this kernel belongs to; None when it has none."""

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
        manager, self._manager = self._manager, None
        others, self.other_providers = self.other_providers, {}
        closings = [provider.close for provider in others.values()]
        if manager is not None:
            if get_session_manager() is manager:
                set_session_manager(None)
            closings.append(manager.close)
        await close_each(closings)

    def _forget_store(self, change: Mapping[str, Any]) -> None:
        run_sync(self.close())
