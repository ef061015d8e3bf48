"""`Step`: a step of an interaction, and what one that Google did itself says to somebody who reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.provider_events import Delta
from langswarm_nb.core.session.providers._dialect.history import CallIds, arguments_text
from langswarm_nb.core.session.providers._dialect.vendor_items import (
    as_words,
    fetched,
    first_text,
    found,
    lines,
    searched,
    texts,
    vendor_part,
)
from langswarm_nb.core.session.providers._dialect.wire import fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.core.session.provider_events import ProviderEvent

THOUGHT = "gemini_thought"
"""Key, in ``opaque``, of the signature of a thought; it goes back when the conversation is started again."""
SAID = {"text", "image"}
"""Pieces of the model's output; an older form of the API has them beside the steps."""
_OWN = {"model_output", "function_call", "thought", None, *SAID}
_PLACES = {
    "google_search": "the web",
    "google_maps": "maps",
    "file_search": "files",
    "retrieval": "documents",
    "tool_search": "for tools",
}


class Step:
    """A step of an interaction whose pieces are still coming."""

    def __init__(self, step: Mapping[str, Any]) -> None:
        self._type = step.get("type")
        self._step = dict(step)
        self._id = str(step.get("id") or "")
        self._name = str(step.get("name") or "")
        self._whole_arguments = step.get("arguments")
        self.arguments: list[str] = []
        self.signature = str(step.get("signature") or "")
        self._summary: list[str] = []

    def think(self, item: Mapping[str, Any]) -> Iterator[ProviderEvent]:
        """Take a piece of the thought's summary."""
        if item.get("text"):
            self._summary.append(item["text"])
            yield Delta(item["text"], "reasoning")

    def add(self, delta: Mapping[str, Any]) -> None:
        """Take a delta of a kind that is not ours."""
        fold(self._step, {name: value for name, value in delta.items() if name != "type"})

    @property
    def is_call(self) -> bool:
        """Whether it is a call that waits for our answer."""
        return self._type == "function_call"

    def call(self, ids: CallIds) -> Part:
        """Return the call that it is."""
        arguments = "".join(self.arguments) or arguments_text(self._whole_arguments)
        return {
            "type": "tool_call",
            "id": self._id or ids.next(),
            "name": self._name,
            "arguments": arguments,
        }

    def thought(self) -> Part | None:
        """Return what has come of a thought, without its signature; None for another step."""
        if self._type != "thought" or not self._summary:
            return None
        return {"type": "reasoning", "text": "".join(self._summary)}

    def part(self) -> Part | None:
        """Return what is kept of the step beside its text; None when there is nothing."""
        if self._type == "thought" and self.signature:
            return {"type": "reasoning", "text": "".join(self._summary), "opaque": {THOUGHT: self.signature}}
        if self._type not in _OWN:
            told = {"arguments": "".join(self.arguments), "signature": self.signature}
            whole = {**self._step, **{name: value for name, value in told.items() if value}}
            return _vendor(whole)
        return self.thought()


def _vendor(step: Mapping[str, Any]) -> Part:
    kind = str(step.get("type"))
    told = step.get("arguments")
    return vendor_part(kind, step, _line(kind, step, told if isinstance(told, dict) else {}), _detail(step))


def _line(kind: str, step: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    name, _, end = kind.rpartition("_")
    if end == "result":
        return f"{name.replace('_', ' ')} {'failed' if step.get('is_error') else 'answered'}"
    if name in _PLACES:
        return searched([*(told.get("queries") or ()), told.get("query")], _PLACES[name])
    if name == "url_context":
        return fetched(*(told.get("urls") or ()))
    if name == "code_execution":
        return "ran code"
    if name == "mcp_server_tool":
        return f"called {first_text(step, 'name')} of {first_text(step, 'server_name')} (MCP)"
    return kind.replace("_", " ")


def _detail(step: Mapping[str, Any]) -> str:
    told, result = step.get("arguments"), step.get("result")
    return lines(
        texts(told, "code") or [as_words(told)],
        [
            result
            if isinstance(result, str)
            else found(result, "title", "url", "status", "text") or as_words(result)
        ],
    )
