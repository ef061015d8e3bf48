"""`Hearing`: what a product tells while it is driven: footers, sessions, notes."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from langswarm_nb.core.session import ISessionLifecycleHook
from langswarm_nb.notebook.asking import show_stream
from langswarm_nb.notebook.showing.footer import footer_line as line
from langswarm_nb.notebook.showing.reply import Reply
from tests.conversation.driver import Note
from tests.conversation.notes import find_notes
from tests.conversation.stored import without_time

_ADDRESS = re.compile(r"(?:^| · )turn (\d+\.\d+)(?= · | of |$)")


@dataclass
class Heard:
    """What was told of one ask, command or action."""

    footers: list[str] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)

    @property
    def session(self) -> str:
        """The session that was asked."""
        return self.sessions[0] if self.sessions else ""


class Hearing(ISessionLifecycleHook):
    """Hears the footers of a process, and which sessions are asked."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._of_thread = threading.local()

        def footer_line(reply: Reply, *, place: str) -> str:
            footer = line(reply, place=place)
            self._of_thread.heard.footers.append(footer)
            self._of_thread.heard.sessions.append(reply.session.session_id)
            return footer

        patch.setattr(show_stream, "footer_line", footer_line)

    def begin(self) -> Heard:
        """Listen to what this thread does now."""
        heard: Heard = Heard()
        self._of_thread.heard = heard
        return heard

    def notes(self, text: str, models: Mapping[str, str]) -> Iterator[Note]:
        """Yield what was told, in the words of walks."""
        for note in find_notes(text):
            yield note._replace(where=without_time(models.get(note.where, note.where)))


def address_in(footer: str) -> str:
    """Return the address in a footer."""
    found = _ADDRESS.search(footer)
    assert found, footer
    return found[1]
