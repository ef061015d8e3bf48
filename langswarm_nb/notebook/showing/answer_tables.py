"""Answers that are values, as their cell shows them: a table that grows, the whole, and what did not fit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.answers.partial import GrowingJson
from langswarm_nb.core.session.answers.schema_errors import AnswerTruncatedError
from langswarm_nb.render import render_html, visible_controls
from langswarm_nb.render.value_tables import growing_value_html, problems_html, value_html, value_text

from . import decision_rows

if TYPE_CHECKING:
    from langswarm_nb.core.session import SessionMessage
    from langswarm_nb.core.session.answers.answer_schema import AnswerSchema
    from langswarm_nb.core.session.answers.questions import Question
    from langswarm_nb.core.session.answers.schema_errors import AnswerError

__all__ = [
    "MIME",
    "GrowingValue",
    "ShownAnswer",
    "answer_html",
    "data_of",
    "shown_answer",
    "shown_beginning",
    "shown_problem",
]

MIME = "application/vnd.langswarm.answer+json"
"""What holds the data in an output. Front ends would show ``application/json`` instead of the table."""
_MORE = "reply.data_df() has all"
_PROBLEMS = 5
_HTML_RATIO = 1.1
"""Bytes of the final table and its data for one of the text, at most about that."""


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """What an output shows of an answer instead of its text."""

    html: str
    text: str
    data: Any = None
    """The data, as JSON; None where there is none."""


def shown_answer(data: Any, columns: Sequence[str] = (), questions: Sequence[Question] = ()) -> ShownAnswer:
    """Return an answer's data as a table.

    Parameters
    ----------
    data : JSON
        What was answered, checked.
    columns : sequence of str
        The names of its columns, as far as they are known.
    questions : sequence of Question
        Those that were decided, where it holds decisions.
    """
    if not questions:
        return ShownAnswer(value_html(data, columns, more=_MORE), value_text(data, columns, more=_MORE), data)
    data = decision_rows.record(data, questions)
    rows = decision_rows.rows(data, questions)
    return ShownAnswer(value_html(rows, decision_rows.COLUMNS), value_text(rows, decision_rows.COLUMNS), data)


def shown_problem(error: AnswerError, text: str, schema: AnswerSchema | None = None) -> ShownAnswer:
    """Return what came instead of an answer, and what is wrong with it; of one that was cut, as much of its table."""
    if isinstance(error, AnswerTruncatedError) and schema is not None:
        return shown_beginning(text, schema)
    html, words = render_html(text, format="json"), [text]
    if error.problems:
        count = len(error.problems)
        head = f"It does not fit the schema: {count} problem{'s' * (count != 1)}"
        listed = [f"- {problem}" for problem in error.problems[:_PROBLEMS]]
        more = [f"- and {count - _PROBLEMS} more"] if count > _PROBLEMS else []
        html += problems_html(error.problems, head, most=_PROBLEMS)
        words.append("\n".join([head, *listed, *more]))
    return ShownAnswer(html, visible_controls("\n\n".join(words)))


def shown_beginning(text: str, schema: AnswerSchema) -> ShownAnswer:
    """Return as much of an answer's table as came, of one that was cut or stopped."""
    growing = GrowingValue(schema)
    growing.feed(text)
    return ShownAnswer(growing.html() or growing.finish(), visible_controls(text))


def data_of(message: SessionMessage) -> tuple[Any, bool]:
    """Return the data of an answer, and whether it has any."""
    facts = message.request
    if facts is None or facts.data_json is None:
        return None, False
    return json.loads(facts.data_json), True


def answer_html(message: SessionMessage) -> str | None:
    """Return an answer that was asked to be a value as a table, for use in a page; as it is where it does not fit.

    None when it is an ordinary message.
    """
    data, is_there = data_of(message)
    if is_there:
        return value_html(decision_rows.rows(data) if decision_rows.is_decision(message) else data)
    facts = message.request
    is_answer = facts is not None and facts.schema_hash is not None and message.content
    return render_html(message.content, format="json") if is_answer else None


class GrowingValue:
    """Gives the table of an answer at any moment; used as `langswarm_nb.render.growing.GrowingReply`.

    Parameters
    ----------
    schema : AnswerSchema
        What the answer will be.
    """

    html_ratio = _HTML_RATIO

    def __init__(self, schema: AnswerSchema) -> None:
        self._key = schema.key
        self._columns = tuple(column.name for column in schema.columns) if _is_of_rows(schema) else ()
        self._json = GrowingJson()
        self._pieces: list[str] = []
        self.size_bytes: int = 0
        """Of the text, as JSON in UTF-8: what it weighs in a message."""

    @property
    def text(self) -> str:
        """What has arrived."""
        return "".join(self._pieces)

    def feed(self, delta: str) -> None:
        """Take in the next piece."""
        self._pieces.append(delta)
        self.size_bytes += len(json.dumps(delta, ensure_ascii=False).encode(errors="surrogatepass")) - 2
        self._json.feed(delta)

    def html(self) -> str:
        """Return what to show now."""
        value = self._json.value
        if self._key and isinstance(value, dict):
            value = value.get(self._key)
        return "" if value in (None, {}, []) else growing_value_html(value, self._columns)

    def finish(self) -> str:
        """Return the text that came, as it is shown where it does not fit."""
        return render_html(self.text, format="json")

    # What a panel reads of a reply that grows: a table is its open end until it is whole.

    open_chars = 0

    def take_settled(self) -> str:
        """Return what changes no more."""
        return ""

    def tail_html(self, *, is_urgent: bool = False) -> str:
        """Return what may still change."""
        return self.html()


def _is_of_rows(schema: AnswerSchema) -> bool:
    return schema.key == "items"
