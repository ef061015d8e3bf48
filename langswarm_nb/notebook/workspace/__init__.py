"""`Workspace`: what the magics of one kernel work with: the store, the models, the sessions, and what was spent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session import SessionMessage
from langswarm_nb.notebook.bridge import run_sync
from langswarm_nb.notebook.running_cell import running_cell

from .cell_output import OutputWatch
from .current_session import KernelSessions
from .last_failure import FailureWatch
from .model_choice import DEFAULT_MODEL

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from langswarm_nb.notebook.config import NotebookConfig

__all__ = ["DEFAULT_MODEL", "Workspace"]


class Workspace(KernelSessions):
    """The store and the current session of a kernel; nothing is opened before it is needed."""

    def __init__(self, shell: InteractiveShell, config: NotebookConfig) -> None:
        super().__init__(shell, config)
        self.failures: FailureWatch = FailureWatch(lambda: running_cell(shell).cell_id)
        self.outputs: OutputWatch = OutputWatch(shell)
        self.addresses: dict[str, tuple[str | None, str | None]] = {}
        """Address and variable of the key of answers that came through these, by id."""
        self.last_answer: SessionMessage | None = None
        """The answer that was shown last, by a cell or a panel."""
        self.announced: set[tuple[str, str]] = set()
        """Providers and addresses that the user knows about."""
        self.spent_usd: float = 0.0
        """What the replies of this kernel cost, as far as it is known."""
        config.observe(self._reopen_store, ["log_content"])

    @property
    def budget_left_usd(self) -> float | None:
        """What is left of the budget of this kernel; None when there is none."""
        budget = self.config.budget_usd
        return None if budget is None else budget - self.spent_usd

    def _reopen_store(self, change: Mapping[str, Any]) -> None:
        """Go on in the same session with another way of keeping it."""

        async def reopen() -> None:
            session_id, kept = (
                self._session and self._session.session_id,
                (
                    self._home,
                    self._found,
                    self._memories,
                ),
            )
            try:
                await self.close()
            finally:
                self._home, self._found, self._memories = kept
                self._move_to(await self.manager.get_session(session_id) if session_id else None)

        if self._manager is not None and self.config.store != "memory":
            run_sync(reopen())
