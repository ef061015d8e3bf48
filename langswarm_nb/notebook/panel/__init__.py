"""The chat panel: a conversation in the output of a cell, on the same sessions as the magics.

The widget is loaded when it is first asked for; the static form of a conversation, `static_twin`, does not need it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .widget import ChatPanel

__all__ = ["ChatPanel"]


if not TYPE_CHECKING:  # a type checker would take any name for one of ours

    def __getattr__(name: str) -> Any:
        if name != "ChatPanel":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from .widget import ChatPanel

        return ChatPanel
