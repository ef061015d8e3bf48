"""The chat panel: a conversation in the output of a cell, on the same sessions as the magics."""

from __future__ import annotations

from .opening import chat
from .widget import ChatPanel

__all__ = ["ChatPanel", "chat"]
