"""Thinking that a model writes into its answer, between tags: told apart where the service does not do it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from langswarm_nb.core.session.provider_events import Delta, ThoughtSoFar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langswarm_nb.core.session.provider_events import ProviderEvent

_OPEN, _CLOSE = "<think>", "</think>"
_CLOSES = re.compile(r"^</think>[ \t]*\n", re.MULTILINE)
_MAY_CLOSE = re.compile(r"^<(?:/(?:t(?:h(?:i(?:n(?:k(?:>[ \t]*)?)?)?)?)?)?)?\Z", re.MULTILINE)
"""A line that may turn out to be the closing tag."""
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)


class ThinkTags:
    """Splits an answer that begins with ``<think>``; tags elsewhere are text like any other.

    Some servers write the opening tag into the prompt, so that the reply holds the closing one alone: on a line of its
    own, outside of code, the first of them makes thinking of what stands before it.
    """

    def __init__(self) -> None:
        self._is_begun = False
        """Whether it is known how the answer begins."""
        self._is_thinking = False
        self._has_thought = False
        self._held = ""  # what may turn out to be a tag, or blanks beside one
        self._said: list[str] | None = []  # the answer so far, as long as it may turn out to be thinking

    def take(self, text: str) -> list[ProviderEvent]:
        """Take a piece of the answer and return what is sure to be thinking or answer."""
        if self._is_begun:
            if self._said is not None and (self._held or "<" in text):
                return list(self._go_on(text))
            if self._said is not None:
                self._said.append(text)
            return [Delta(text)]
        self._held += text
        if not self._is_thinking and not self._has_thought:
            start = self._held.lstrip()
            if start != _OPEN and _OPEN.startswith(start):
                return []
            if not start.startswith(_OPEN):
                return self._begin()
            self._is_thinking, self._held = True, start.removeprefix(_OPEN)
        return self._thinking() if self._is_thinking else self._answer()

    def rest(self) -> list[ProviderEvent]:
        """Return what was still held back; all that follows is answer."""
        self._said = None
        return self._begin()

    def _begin(self) -> list[ProviderEvent]:
        self._is_begun = True
        held, self._held = self._held, ""
        if self._has_thought:
            held = held.lstrip()
        if self._has_thought or self._is_thinking:
            self._said = None
        if self._is_thinking:
            return [Delta(held, "reasoning")] if held else []
        return list(self._go_on(held))

    def _go_on(self, text: str) -> Iterator[ProviderEvent]:
        """Yield a piece of an answer that has begun; a closing tag in it may make thinking of what came before."""
        said = self._said
        if said is not None and (self._held or "<" in text):
            text, self._held = self._held + text, ""
            before = "" if not said or said[-1].endswith("\n") else "."  # whether the text begins a line
            line = _CLOSES.search(before + text)
            if line is not None:
                self._said = None
                thought, answer = text[: line.start() - len(before)], text[line.end() - len(before) :]
                if _is_outside_of_code("".join(said) + thought):
                    yield from [Delta(thought)] if thought else []
                    yield ThoughtSoFar()
                    self._is_begun, self._has_thought, self._held = False, True, answer
                    yield from self._answer()
                    return
            elif open_line := _MAY_CLOSE.search(before + text):
                text, self._held = (
                    text[: open_line.start() - len(before)],
                    text[open_line.start() - len(before) :],
                )
        if text:
            if said is not None:
                said.append(text)
            yield Delta(text)

    def _thinking(self) -> list[ProviderEvent]:
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
        deltas: list[ProviderEvent] = [Delta(thought, "reasoning")] if thought else []
        return [*deltas, *self._answer()] if found else deltas

    def _answer(self) -> list[ProviderEvent]:
        return self._begin() if self._held.strip() else []


def _open_end(text: str) -> int:
    """Return how many characters at the end of a text may belong to what follows: blanks, a tag that has begun."""
    size = next((size for size in range(len(_CLOSE) - 1, 0, -1) if text.endswith(_CLOSE[:size])), 0)
    before = text[: len(text) - size]
    return size + len(before) - len(before.rstrip())


def _is_outside_of_code(text: str) -> bool:
    return len(_FENCE.findall(text)) % 2 == 0
