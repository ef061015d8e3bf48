"""Where a reply is shown while it arrives, and what stays of it."""

from __future__ import annotations

from typing import Protocol

from langswarm_nb.core.session import Delta

from .reply import Reply


class View(Protocol):
    """Shows one reply."""

    def add(self, delta: Delta) -> None:
        """Take in a piece."""

    def status(self, text: str) -> None:
        """Say what is being waited for."""

    def finish(self, reply: Reply, footer: str) -> None:
        """Show the reply as it is to be saved."""


class NoView:
    """Shows nothing: ``--quiet``, ``NAME <<``."""

    def add(self, delta: Delta) -> None:
        pass

    def status(self, text: str) -> None:
        pass

    def finish(self, reply: Reply, footer: str) -> None:
        pass
