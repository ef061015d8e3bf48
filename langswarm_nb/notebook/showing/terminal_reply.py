"""A reply as text, and in a terminal or a script: as it arrives when it is alone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from langswarm_nb.render import Format, TerminalEscaper, visible_controls

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langswarm_nb.core.session.answers.answer_schema import AnswerSchema

    from .answer_tables import ShownAnswer
    from .carried import Carried
    from .column import Column

__all__ = ["TerminalReply", "plain_text"]


def plain_text(text: str, carried: Carried | None) -> str:
    """Return a reply as text for a terminal, with the marks of its sources and what belongs to it."""
    if carried is None:
        return visible_controls(text)
    return carried.around_text(visible_controls(text if carried.marked_text is None else carried.marked_text))


class TerminalReply:
    """A reply in a terminal or a script: its text, as it arrives when it is alone; a `ReplyDisplay`.

    Parameters
    ----------
    title
        Stands above it.
    is_live
        Whether it is printed while it arrives.
    told
        What was said of the question that several replies answer; shared by them.
    """

    def __init__(self, title: str, *, is_live: bool, told: set[str]) -> None:
        self._title = title
        self._is_live = is_live
        self._told = told
        self._escaper = TerminalEscaper()
        self._pieces: list[str] = []

    def begin(self, schema: AnswerSchema | None) -> None:
        self._pieces.clear()
        # A table is printed once it is whole.
        self._is_live = self._is_live and schema is None

    def update(self, delta: str) -> None:
        self._pieces.append(delta)
        if self._is_live:
            _write(self._escaper.feed(delta))

    def status(self, text: str) -> None:
        _write(f"\n{visible_controls(text)}\n" if self._pieces else f"{visible_controls(text)}\n")

    def tick(self) -> None:
        """Do nothing: all that has arrived is shown."""

    def finish(
        self,
        text: str | None = None,
        *,
        format: Format | None = None,
        markdown: str | None = None,
        footer: str = "",
        column: Column | None = None,
        details: Sequence[tuple[str, str]] = (),
        provenance: Mapping[str, Any] | None = None,
        carried: Carried | None = None,
        answer: ShownAnswer | None = None,
    ) -> None:
        if answer is not None:
            text = answer.text
        arrived = "".join(self._pieces)
        if self._is_live:
            _write(self._escaper.finish() + "\n" * bool(arrived))
        if carried is not None and carried.asked_text not in {"", *self._told}:
            self._told.add(carried.asked_text)
            _write(visible_controls(carried.asked_text) + "\n")
        if not self._is_live or text not in {None, arrived}:
            heading = f"{visible_controls(self._title)}:\n" if self._title else ""
            _write(f"{heading}{plain_text(arrived if text is None else text, carried)}\n")
        elif carried is not None:
            # The marks of sources are known when the words are printed: each source names its place instead.
            beside = "\n\n".join(filter(None, [carried.above_text, carried.below_bare_text]))
            _write(visible_controls(beside) + "\n" * bool(beside))
        if footer:
            _write(visible_controls(footer) + "\n")

    def discard(self) -> None:
        if self._is_live and self._pieces:
            _write(self._escaper.finish() + "\n")


def _write(text: str) -> None:
    """Print, also to a terminal whose encoding lacks some of the characters."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), end="", flush=True)  # noqa: T201
