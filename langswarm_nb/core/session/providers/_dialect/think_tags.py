"""Thinking that a model writes into its answer, between tags: told apart where the service does not do it."""

from __future__ import annotations

from langswarm_nb.core.session.provider_events import Delta

_OPEN, _CLOSE = "<think>", "</think>"


class ThinkTags:
    """Splits an answer that begins with ``<think>``; tags elsewhere are text like any other."""

    def __init__(self) -> None:
        self.is_done: bool = False
        """Whether all that follows is answer."""
        self._is_thinking = False
        self._has_thought = False
        self._held = ""  # what may turn out to be a tag, or blanks beside one

    def take(self, text: str) -> list[Delta]:
        """Take a piece of the answer and return what is sure to be thinking or answer."""
        self._held += text
        if not self._is_thinking and not self._has_thought:
            start = self._held.lstrip()
            if start != _OPEN and _OPEN.startswith(start):
                return []
            if not start.startswith(_OPEN):
                return self.rest()
            self._is_thinking, self._held = True, start.removeprefix(_OPEN)
        return self._thinking() if self._is_thinking else self._answer()

    def rest(self) -> list[Delta]:
        """Return what was still held back; all that follows is answer."""
        self.is_done = True
        held, self._held = self._held, ""
        if self._has_thought:
            held = held.lstrip()
        return [Delta(held, "reasoning" if self._is_thinking else "text")] if held else []

    def _thinking(self) -> list[Delta]:
        thought, found, rest = self._held.partition(_CLOSE)
        if found:
            self._is_thinking, self._held = False, rest
            thought = thought.rstrip()
        else:
            sure = len(thought) - _open_end(thought)
            thought, self._held = thought[:sure], thought[sure:]
        if not self._has_thought:
            thought = thought.lstrip()
        self._has_thought = self._has_thought or bool(thought) or bool(found)
        deltas = [Delta(thought, "reasoning")] if thought else []
        return [*deltas, *self._answer()] if found else deltas

    def _answer(self) -> list[Delta]:
        return self.rest() if self._held.strip() else []


def _open_end(text: str) -> int:
    """Return how many characters at the end of a text may belong to what follows: blanks, a tag that has begun."""
    size = next((size for size in range(len(_CLOSE) - 1, 0, -1) if text.endswith(_CLOSE[:size])), 0)
    before = text[: len(text) - size]
    return size + len(before) - len(before.rstrip())
