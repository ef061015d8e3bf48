"""`Look`: how the replies of a cell are shown, from its flags and the settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.parts.vocabulary import ATTACHED

from .code_blocks import code_markdown
from .display import METADATA_KEY, ReplyDisplay, open_reply_displays, reply_bundle
from .footer import column, details

if TYPE_CHECKING:
    from langswarm_nb.core.session.answers.answer_schema import AnswerSchema
    from langswarm_nb.core.session.answers.schema_errors import AnswerError
    from langswarm_nb.notebook.config import Format

    from .answer_tables import ShownAnswer
    from .carried import Carried
    from .reply import Reply

_MAX_FIELD_CHARS = 2000
_SHOWN = (*ATTACHED, "vendor", "citation")
"""Parts of an answer that are shown beside its words."""


@dataclass(frozen=True, slots=True)
class Filled:
    """One field and what stands in its place."""

    expression: str
    kind: str
    """Type of the value."""
    text: str


@dataclass(frozen=True, slots=True)
class Look:
    """What is shown of a reply."""

    format: Format = "markdown"
    is_live: bool = True
    is_silent: bool = False
    """Nothing at all: ``--quiet``, ``NAME <<``, ``-f none``."""
    has_footer: bool = True
    is_full: bool = False
    """The footer unfolds to all that is known."""
    filled: tuple[Filled, ...] = ()

    def open(self, titles: Sequence[str] = ("",)) -> list[ReplyDisplay]:
        """Return where replies are shown, one per title, side by side."""
        if self.is_silent or self.format == "none":
            return [Silent() for _ in titles]
        # Of -x and -f code the code alone is shown, and it is known at the end.
        is_live = self.is_live and self.format != "code"
        return open_reply_displays(titles, format=self.format, stream=is_live)

    def finish(self, display: ReplyDisplay, reply: Reply, problem: AnswerError | None = None) -> None:
        """Show a reply as it is to be saved; with a problem, what is wrong with it."""
        reply.view = self
        display.finish(
            self.text(reply),
            format=self.form,
            markdown=self.markdown(reply),
            footer=reply.footer if self.has_footer else "",
            column=column(reply) if self.has_footer and _is_compared(reply) else None,
            details=self.details(reply),
            provenance=reply.provenance,
            carried=self.carried(reply),
            answer=self.answer(reply, problem),
        )

    def bundle(self, reply: Reply) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return a reply as MIME data with its metadata."""
        data = reply_bundle(
            self.text(reply),
            format=self.form,
            markdown=self.markdown(reply),
            footer=reply.footer,
            details=self.details(reply),
            carried=self.carried(reply),
            answer=self.answer(reply),
        )
        return data, {METADATA_KEY: reply.provenance}

    @property
    def form(self) -> Any:
        """The format as the renderer knows it."""
        return "markdown" if self.format == "none" else self.format

    def text(self, reply: Reply) -> str:
        """Return what is shown of a reply's text."""
        if self._is_of_blocks(reply):
            return reply.code_of_one_language
        return reply.text or reply.refusal

    def carried(self, reply: Reply) -> Carried | None:
        """Return what stands around that text; of a part of it, or without anything, None."""
        parts = reply.message.parts
        asked = reply.question.attachments
        if (
            not reply.is_whole
            or self._is_of_blocks(reply)
            or not (asked or any(part["type"] in _SHOWN for part in parts))
        ):
            return None
        from .carried import carried_by

        return carried_by(self.text(reply), asked, parts, reply.seen)

    def answer(self, reply: Reply, problem: AnswerError | None = None) -> ShownAnswer | None:
        """Return what is shown instead of that text: of an answer that is a value, its table."""
        facts = reply.message.request
        if self.format not in ("markdown", "none") or facts is None or not reply.is_whole:
            return None
        if problem is not None and reply.text:
            from .answer_tables import shown_problem

            return shown_problem(problem, reply.text, reply.schema)
        if facts.data_json is None and reply.status == "stopped" and reply.schema is not None:
            from .answer_tables import shown_beginning

            return shown_beginning(reply.text, reply.schema)
        if facts.data_json is None:
            return None
        from .answer_tables import data_of, shown_answer

        return shown_answer(data_of(reply.message)[0], reply.columns, reply.questions)

    def markdown(self, reply: Reply) -> str | None:
        """Return what a page shows instead of that text: of ``-f code``, the other blocks too."""
        return code_markdown(reply.blocks) if self._is_of_blocks(reply) else None

    def _is_of_blocks(self, reply: Reply) -> bool:
        return self.format == "code" and bool(reply.codes) and reply.text == reply.message.content

    def details(self, reply: Reply) -> list[tuple[str, str]]:
        """Return what unfolds below the footer."""
        filled = [
            (
                f"{{{{ {field.expression} }}}}",
                f"{field.kind}, {characters(field.text)}\n{_cut(field.text)}",
            )
            for field in self.filled
        ]
        thinking = [("thinking", reply.message.reasoning)] if reply.message.reasoning else []
        return [*filled, *thinking, *(details(reply) if self.is_full else [])]


class Silent:
    """A `ReplyDisplay` that shows nothing."""

    def begin(self, schema: AnswerSchema | None) -> None:
        """Start over."""

    def update(self, delta: str) -> None:
        """Take in a piece."""

    def status(self, text: str) -> None:
        """Take in what is waited for."""

    def tick(self) -> None:
        """Let time pass."""

    def finish(self, text: str | None = None, **_: Any) -> None:
        """Take in the whole."""

    def discard(self) -> None:
        """Take in that there is none."""


def characters(text: str) -> str:
    """Return the length of a text in words."""
    return f"{len(text):,} character{'s' * (len(text) != 1)}"


def _is_compared(reply: Reply) -> bool:
    return reply.message.request is not None and reply.message.request.compare_id is not None


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_FIELD_CHARS else f"{text[:_MAX_FIELD_CHARS]}…"
