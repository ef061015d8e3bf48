"""Where a reply is shown while it arrives, and what stays of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from langswarm_nb.core.session import Delta

from .reply import Reply

if TYPE_CHECKING:
    from .interpolate import Prompt
    from .options import CellOptions
    from .workspace import Workspace


class View(Protocol):
    """Shows one reply."""

    def add(self, delta: Delta) -> None:
        """Take in a piece."""

    def status(self, text: str) -> None:
        """Say what is being waited for."""

    def finish(self, reply: Reply) -> None:
        """Show the reply as it is to be saved."""

    def discard(self) -> None:
        """Leave nothing: there is no reply."""


class NoView:
    """Shows nothing: ``--quiet``, ``NAME <<``."""

    def add(self, delta: Delta) -> None:
        pass

    def status(self, text: str) -> None:
        pass

    def finish(self, reply: Reply) -> None:
        pass

    def discard(self) -> None:
        pass


def open_view(
    _workspace: Workspace, _options: CellOptions | None = None, _prompt: Prompt | None = None
) -> View:
    """Return where the reply to a prompt is shown."""
    return NoView()


def open_views(
    _workspace: Workspace, _options: CellOptions, _prompt: Prompt, models: Sequence[str]
) -> list[View]:
    """Return where the replies of several models are shown, side by side."""
    return [NoView() for _ in models]
