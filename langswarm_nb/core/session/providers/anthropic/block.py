"""`Block`: one content block of a message, whose pieces are still coming."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.providers._dialect.history import arguments_text
from langswarm_nb.core.session.providers._dialect.reasoning_order import (
    call_item,
    raw_item,
    text_item,
    vendor_item,
)
from langswarm_nb.core.session.providers._dialect.vendor_items import vendor_part
from langswarm_nb.core.session.providers._dialect.wire import fold

from .described import detail_of, line_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langswarm_nb.core.session.parts.vocabulary import Part

THINKING = {"thinking", "redacted_thinking"}
"""Types of blocks that hold thinking."""
_OURS = {"text", "tool_use", *THINKING}
_FREE = ("tool_use", "_tool_result")
"""Ends of the types of blocks that each model of the service takes; others may belong to the one that made them."""


class Block:
    """One content block, whose pieces are still coming."""

    __slots__ = ("pieces", "signature", "start")

    def __init__(self, start: Mapping[str, Any]) -> None:
        self.start = dict(start)
        self.pieces: list[str] = []
        self.signature = str(start.get("signature") or "")

    @property
    def kind(self) -> str:
        """Its type."""
        return str(self.start.get("type"))

    @property
    def text(self) -> str:
        """What has come of it."""
        return "".join(self.pieces)

    def item(self, n_vendors: int) -> dict[str, Any] | None:
        """Return the block as an item of the reply's outline; None for thinking that would be refused.

        Parameters
        ----------
        n_vendors
            How many blocks of the service's own came before it.
        """
        if self.kind == "text":
            return text_item(len(self.text), citations=self.start.get("citations") or None)
        if self.kind == "tool_use":
            return call_item(str(self.start["id"]), caller=_other_caller(self.start.get("caller")))
        if self.kind == "thinking" and self.signature:
            return raw_item({"type": "thinking", "thinking": self.text, "signature": self.signature})
        if self.kind == "thinking":
            return None
        if self.is_vendors:
            return vendor_item(n_vendors, is_bound=None if self.kind.endswith(_FREE) else True)
        return {"raw": self._whole()}

    @property
    def is_vendors(self) -> bool:
        """Whether only the service understands it."""
        return self.kind not in _OURS

    def vendor(self) -> Part:
        """Return a block of the service's own as a part."""
        whole = self._whole()
        return vendor_part(self.kind, whole, line_of(whole), detail_of(whole))

    def add(self, delta: Mapping[str, Any]) -> None:
        """Take a delta that is not text, thinking or input of ours."""
        if delta["type"] == "citations_delta":
            self.start.setdefault("citations", []).append(delta["citation"])
        else:
            fold(self.start, {name: value for name, value in delta.items() if name != "type"})

    def _whole(self) -> dict[str, Any]:
        """Return a block of the service's own as it would have come in one piece."""
        if not self.text.strip():
            return self.start
        try:
            return {**self.start, "input": json.loads(self.text)}
        except ValueError:
            return {**self.start, "input": {}}

    def tool_call(self) -> dict[str, Any]:
        """Return a call of one of our tools as a part."""
        whole = self.start.get("input")
        arguments = self.text if self.text.strip() or not whole else arguments_text(whole)
        return {
            "type": "tool_call",
            "id": str(self.start["id"]),
            "name": str(self.start["name"]),
            "arguments": arguments if arguments.strip() else "{}",
        }


def _other_caller(caller: object) -> object:
    """Return who called a tool, when it was not the model itself: the service wants that back."""
    return caller if isinstance(caller, dict) and caller.get("type") != "direct" else None
