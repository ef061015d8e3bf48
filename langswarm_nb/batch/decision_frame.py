"""The frame of decisions: a row for each row of the data, in its order and with its index."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from langswarm_nb.analysis import texts
from langswarm_nb.core.session.answers.decided import DecisionAnswer, columns_of
from langswarm_nb.core.session.answers.schema_errors import SchemaChoiceError, SchemaNameError
from langswarm_nb.core.session.text import whole

if TYPE_CHECKING:
    from langswarm_nb.core.session.answers.questions import Question

    from .deciding import Decided
    from .row_texts import Rows

FACTS = ("input_tokens", "cost_usd", "error_type", "error_message")
"""Columns beside those of the questions."""
_NO_TEXT = ("NoTextError", "There is no text in this row; nothing was sent.")
_NOT_ASKED = ("NotAskedError", "The run ended before this row.")


def check_columns(questions: Sequence[Question]) -> None:
    """Make sure that a frame can hold the answers.

    Raises
    ------
    SchemaNameError
        Two columns would have one name.
    SchemaChoiceError
        A question has both texts and bools among its choices.
    """
    for name, question, _ in columns_of(questions):
        if name in FACTS:
            raise SchemaNameError(f"The column {name!r} of {question.name!r} has another meaning; rename it.")
        if len({type(value) for value in question.labels}) > 1:
            raise SchemaChoiceError(
                f"The question {question.name!r} has texts and bools among its choices; a column holds one of both."
            )


def decision_frame(
    rows: Rows,
    questions: Sequence[Question],
    found: Mapping[str, Decided],
    error: BaseException | None = None,
) -> pd.DataFrame:
    """Return the answers about each row.

    Parameters
    ----------
    rows : Rows
        What was asked about.
    questions : sequence of Question
        What was asked.
    found : mapping of str to Decided
        Text -> what came of it.
    error : BaseException, optional
        Why texts that are not in ``found`` were not asked about.

    Returns
    -------
    pandas.DataFrame
        Columns of the questions (`columns_of`), then `FACTS`. A request that several rows share is counted with the
        first of them.
    """
    answers = [_answers(text, found) for text in rows.texts]
    columns: dict[str, Any] = {}
    for name, question, fact in columns_of(questions):
        told = [each.get(question.name) for each in answers]
        columns[name] = _column(question, fact, told)
    first = _first_of(rows.texts, found)
    counts = [None if one is None else one.usage.input_tokens for one in first]
    repeated = [one is None and text in found for text, one in zip(rows.texts, first, strict=True)]
    columns["input_tokens"] = pd.array(
        [0 if again else count for count, again in zip(counts, repeated, strict=True)], dtype="Int64"
    )
    costs = [0.0 if again else one and one.cost_usd for one, again in zip(first, repeated, strict=True)]
    columns["cost_usd"] = np.array([np.nan if cost is None else cost for cost in costs], np.float64)
    failures = [_failure(text, found, error) for text in rows.texts]
    for name, place in (("error_type", 0), ("error_message", 1)):
        columns[name] = pd.array([failure and failure[place] for failure in failures], dtype=texts.TEXT_DTYPE)
    return pd.DataFrame(columns, index=rows.index)


def _answers(text: str | None, found: Mapping[str, Decided]) -> dict[str, DecisionAnswer]:
    decided = None if text is None else found.get(text)
    if decided is None or decided.decision is None:
        return {}
    return {answer.name: answer for answer in decided.decision.answers}


def _first_of(given: Sequence[str | None], found: Mapping[str, Decided]) -> list[Decided | None]:
    seen: set[str] = set()
    first: list[Decided | None] = []
    for text in given:
        is_new = text is not None and text not in seen
        first.append(found.get(text) if is_new and text is not None else None)
        seen.update({text} if text is not None else ())
    return first


def _column(question: Question, fact: str, told: Sequence[DecisionAnswer | None]) -> Any:
    if fact == "refused":
        return _bools([None if one is None else one.is_refused for one in told])
    if fact == "probability":
        return _floats(told, lambda one: one.probability)
    values = [None if one is None else one.value for one in told]
    if question.kind == "score":
        return _floats(told, lambda one: one.value)
    if question.kind == "predicate" or isinstance(question.labels[0], bool):
        return _bools(values)
    categories = pd.Index(pd.array(list(question.labels), dtype=texts.TEXT_DTYPE))
    codes = [-1 if value is None else question.labels.index(value) for value in values]
    return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(categories))


def _bools(values: Sequence[Any]) -> Any:
    return pd.array(list(values), dtype="boolean")


def _floats(told: Sequence[DecisionAnswer | None], value_of: Callable[[DecisionAnswer], Any]) -> Any:
    values = [None if one is None else value_of(one) for one in told]
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _failure(
    text: str | None, found: Mapping[str, Decided], error: BaseException | None
) -> tuple[str, str] | None:
    if text is None:
        return _NO_TEXT
    decided = found.get(text)
    why = error if decided is None else decided.error
    if why is not None:
        return type(why).__name__, whole(str(why))
    return _NOT_ASKED if decided is None else None
