"""Questions about many texts: what is sent, how much at a time, what ends a run, and the frame that comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from langswarm_nb.analysis import texts as text_arrays
from langswarm_nb.batch.deciding import Deciding, OutOfBudgetError
from langswarm_nb.batch.decision_frame import check_columns, decision_frame
from langswarm_nb.batch.row_texts import rows_of
from langswarm_nb.core.session import (
    ProviderAuthenticationError,
    ProviderConnectionError,
    ProviderNotFoundError,
    ProviderQuotaError,
    ProviderServerError,
    SchemaRouteError,
    SessionTypeError,
    SessionValueError,
    Usage,
)
from langswarm_nb.core.session.answers.decided import DecisionAnswer
from langswarm_nb.core.session.answers.questions import levels, questions_of
from langswarm_nb.core.session.answers.schema_errors import (
    AnswerInvalidError,
    SchemaChoiceError,
    SchemaNameError,
)
from langswarm_nb.core.session.interfaces import IProviderSession
from langswarm_nb.core.session.provider_events import (
    Decision,
    DecisionRequest,
    ProviderEvent,
    ProviderRequest,
    ReplyInfo,
)
from tests.support.waits import PATIENCE_S

QUESTIONS = questions_of(
    {"spam": bool, "topic": ["billing", "bug"], "anger": levels("calm", "furious"), "reply": [True, False]}
)


class Service(IProviderSession):
    """Decides by the first letter of a text, and does for some texts what it is told."""

    name = "service"

    def __init__(self, **does: Callable[[], Any]) -> None:
        self.texts: list[str] = []
        self.at_once = self.most_at_once = 0
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self._does = does

    def stream(self, request: ProviderRequest) -> AsyncIterator[ProviderEvent]:
        raise AssertionError("only decisions are asked for")

    async def decide(self, request: DecisionRequest) -> Decision:
        [message] = request.request.messages
        self.texts.append(message.content)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0)
            if message.content in self._does:
                self._does[message.content]()
            await self.goes_on.wait()
        finally:
            self.at_once -= 1
        is_a = message.content.startswith("a")
        spam, topic, anger, reply = request.questions
        answers = (
            DecisionAnswer.predicate(spam, 0.9 if is_a else 0.2),
            DecisionAnswer(topic.name, topic.kind, "bug" if is_a else "billing", 0.7),
            DecisionAnswer.refused(anger) if is_a else DecisionAnswer(anger.name, anger.kind, 0.25, 0.8),
            DecisionAnswer(reply.name, reply.kind, False, 0.6),
        )
        return Decision(answers, Usage(input_tokens=10, output_tokens=0), ReplyInfo(cost_usd=0.5))


def fails(kind: type[Exception]) -> Callable[[], None]:
    def fail() -> None:
        raise kind("It failed.")

    return fail


async def run(service: Service, data: Any, **how: Any) -> tuple[Deciding, pd.DataFrame]:
    deciding = Deciding(service, "m", QUESTIONS, **how)
    rows = rows_of(data)
    await deciding.run([text for text in rows.texts if text is not None])
    return deciding, decision_frame(rows, QUESTIONS, deciding.found, deciding.stopped_by)


async def test_a_frame_has_a_row_for_each_row_with_its_index() -> None:
    """Order and index are those of the data, also with labels that repeat; NA and blanks are error rows."""
    data = pd.Series(["ab", None, "b", "ab", "  "], index=["x", "y", "x", "z", "x"])
    service = Service()
    _, frame = await run(service, data)
    assert frame.index.equals(data.index)
    assert service.texts == ["ab", "b"]
    assert frame["spam"].round(2).tolist()[::2] == [0.9, 0.2, pytest.approx(np.nan, nan_ok=True)]
    assert frame["spam_value"].tolist() == [True, pd.NA, False, True, pd.NA]
    assert frame["topic"].astype(object).tolist()[:1] == ["bug"]
    assert frame["anger_refused"].tolist() == [True, pd.NA, False, True, pd.NA]
    assert frame["anger"].isna().tolist() == [True, True, False, True, True]
    assert frame["reply"].tolist() == [False, pd.NA, False, False, pd.NA]
    # The request that two rows share counts once.
    assert frame["input_tokens"].tolist() == [10, pd.NA, 10, 0, pd.NA]
    assert frame["cost_usd"].sum() == 1.0
    assert frame["error_type"].isna().tolist() == [True, False, True, True, False]
    assert set(frame["error_type"].dropna()) == {"NoTextError"}


DTYPES = {
    "spam": "float64",
    "spam_value": "boolean",
    "spam_refused": "boolean",
    "topic": "category",
    "topic_p": "float64",
    "topic_refused": "boolean",
    "anger": "float64",
    "anger_p": "float64",
    "anger_refused": "boolean",
    "reply": "boolean",
    "reply_p": "float64",
    "reply_refused": "boolean",
    "input_tokens": "Int64",
    "cost_usd": "float64",
    "error_type": text_arrays.TEXT_DTYPE,
    "error_message": text_arrays.TEXT_DTYPE,
}


@pytest.mark.parametrize(
    "data", [[], ["a"], [None], ["a", None, "b"]], ids=["none", "one", "no text", "some"]
)
async def test_columns_and_dtypes_are_always_the_same(data: list[str | None]) -> None:
    """Without rows, and where all rows failed, the frame has the same columns of the same dtypes."""
    _, frame = await run(Service(), data)
    assert list(frame.columns) == list(DTYPES)
    assert {name: dtype for name, dtype in frame.dtypes.items() if dtype != DTYPES[str(name)]} == {}
    categories = frame["topic"].cat.categories
    assert (list(categories), categories.dtype) == (["billing", "bug"], text_arrays.TEXT_DTYPE)


async def test_only_so_many_requests_are_under_way() -> None:
    """The limit is reached and not passed; the first text goes alone."""
    service = Service()
    await run(service, [f"a{number}" for number in range(40)], concurrency=5)
    assert (service.most_at_once, len(service.texts)) == (5, 40)


async def test_what_fails_for_a_text_is_told_in_its_rows() -> None:
    """The others are decided; an error of another package's provider is a row too."""
    _, frame = await run(
        Service(b=fails(ProviderServerError), c=fails(ZeroDivisionError)), ["a", "b", "c", "d", "b"]
    )
    assert frame["error_type"].fillna("").tolist() == [
        "", "ProviderServerError", "ZeroDivisionError", "", "ProviderServerError",
    ]  # fmt: skip
    assert frame["error_message"].dropna().unique().tolist() == ["It failed."]
    assert frame["spam"].notna().tolist() == [True, False, False, True, False]
    assert frame["cost_usd"].sum() == 1.0


@pytest.mark.parametrize(
    "kind",
    [
        ProviderAuthenticationError,
        ProviderNotFoundError,
        ProviderQuotaError,
        ProviderConnectionError,
        SchemaRouteError,
    ],
)
async def test_what_fails_for_all_ends_the_run_after_one_answer(kind: type[Exception]) -> None:
    """Nothing more is sent, and the error is raised: no row is worth a frame."""
    service = Service(a0=fails(kind))
    with pytest.raises(kind, match="It failed"):
        await run(service, [f"a{number}" for number in range(20)])
    assert service.texts == ["a0"]


async def test_a_key_that_is_refused_later_keeps_what_was_decided() -> None:
    """The rows that were not asked about have the same error."""
    service = Service(b=fails(ProviderAuthenticationError))
    deciding, frame = await run(service, ["a", "b", *(f"c{number}" for number in range(20))], concurrency=2)
    assert isinstance(deciding.stopped_by, ProviderAuthenticationError)
    assert len(service.texts) < 6
    assert frame["spam"].notna()[0]
    assert frame["error_type"].tolist()[-1] == "ProviderAuthenticationError"


async def test_a_budget_that_is_used_up_ends_the_run() -> None:
    """Each request is allowed before it and counted after it; the rest of the rows say why they are empty."""
    left = 2.0

    def allow(text: str) -> None:
        nonlocal left
        left -= 0.5
        if left < 0:
            raise OutOfBudgetError("The budget is used up.")

    counted: list[str] = []
    service = Service()
    _, frame = await run(
        service, ["a", "b", "c", "d", "e", "f"], allow=allow, count=lambda text, _: counted.append(text)
    )
    assert service.texts == counted == ["a", "b", "c", "d"]
    assert frame["error_type"].tolist()[4:] == ["OutOfBudgetError"] * 2


async def test_an_error_with_half_of_a_character_does_not_cost_the_frame() -> None:
    """What a service wrote into it is no text that a column can hold; the rows are there all the same."""

    def fail() -> None:
        raise ProviderServerError("It failed: \ud800")

    _, frame = await run(Service(x=fail), ["a", "x"])
    assert frame["error_message"].tolist()[1] == "It failed: \ufffd"
    assert frame["spam"].notna().tolist() == [True, False]


async def test_an_answer_that_is_none_has_its_tokens_and_price() -> None:
    """It was paid for, and its row says so; half of a character is not sent at all."""

    def fail() -> None:
        error = AnswerInvalidError("It does not fit.")
        error.usage, error.info = Usage(input_tokens=7, output_tokens=3), ReplyInfo(cost_usd=0.125)
        raise error

    counted: list[Any] = []
    service = Service(x=fail)
    _, frame = await run(
        service, ["x", "x", "a", "\ud800"], concurrency=1, count=lambda _, one: counted.append(one)
    )
    assert frame["error_type"].fillna("").tolist() == ["AnswerInvalidError"] * 2 + ["", "SessionValueError"]
    assert frame["input_tokens"].tolist() == [7, 0, 10, pd.NA]
    assert frame["cost_usd"].tolist()[:3] == [0.125, 0.0, 0.5]
    assert [one.was_answered for one in counted] == [True, True, False]
    assert service.texts == ["x", "a"]


async def test_a_run_that_is_cancelled_keeps_what_it_has() -> None:
    """What was decided stays in the run; what was under way is told to who counts."""
    reached = asyncio.Event()

    def stall() -> None:
        service.goes_on.clear()
        reached.set()

    service = Service(a5=stall)
    counted: dict[str, Any] = {}
    deciding = Deciding(service, "m", QUESTIONS, concurrency=1, count=counted.__setitem__)
    task = asyncio.create_task(deciding.run([f"a{number}" for number in range(20)]))
    await asyncio.wait_for(reached.wait(), PATIENCE_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(deciding.found) == [f"a{number}" for number in range(5)]
    assert counted["a5"] is None
    frame = decision_frame(rows_of(["a1", "a5", "a19"]), QUESTIONS, deciding.found)
    assert frame["error_type"].fillna("").tolist() == ["", "NotAskedError", "NotAskedError"]


# What data is read as

FRAME = pd.DataFrame({"title": ["One", None], "body": ["1 {x}", "2"], "stars": [4.26, 3.0]}, index=["p", "q"])


def test_data_is_read_as_texts() -> None:
    """A text, a list, a Series and a frame; a template is filled in as it stands, and NA in a field is no text."""
    assert rows_of("hello").texts == ["hello"]
    assert rows_of(["a", None, float("nan"), pd.NA, ""]).texts == ["a", None, None, None, None]
    assert rows_of(FRAME, column="title").texts == ["One", None]
    rows = rows_of(FRAME, template="{title}: {body} ({stars:.1f}) {{}}")
    assert rows.texts == ["One: 1 {x} (4.3) {}", None]
    assert list(rows.index) == ["p", "q"]
    only = rows_of(FRAME[["body", "stars"]])
    assert only.texts == ["1 {x}", "2"]
    assert rows_of(pd.Series(["a", "b"], dtype="category")).texts == ["a", "b"]
    numbered = pd.DataFrame([["a", "b"]])
    assert rows_of(numbered, column="1").texts == rows_of(numbered, template="{1}").texts == ["b"]


@pytest.mark.parametrize("dtype", [object, "str", "float64"])
def test_a_frame_of_which_no_row_is_left_is_one_without_texts(dtype: Any) -> None:
    """Where all rows were filtered away, or all texts are NA, there is nothing to ask, and nothing wrong."""
    empty = pd.DataFrame({"title": pd.Series([], dtype=dtype), "body": pd.Series([], dtype=dtype)})
    assert rows_of(empty).texts == []
    unknown = pd.DataFrame(
        {"text": pd.Series([None, None], dtype="str" if dtype == "str" else object), "n": [1, 2]}
    )
    assert rows_of(unknown).texts == [None, None]


@pytest.mark.parametrize(
    "data, how, kind, words",
    [
        (FRAME, {}, SessionValueError, "2 columns of texts"),
        (FRAME[["stars"]], {}, SessionValueError, "0 columns of texts"),
        (FRAME, {"column": "text"}, SessionValueError, "'body'"),
        (FRAME, {"template": "{titel}"}, SessionValueError, "titel"),
        (FRAME, {"template": "{title.__class__}"}, SessionValueError, "title.__class__"),
        (FRAME, {"template": "{}"}, SessionValueError, "a field of the template"),
        (FRAME, {"template": "{title"}, SessionValueError, "braces"),
        (FRAME, {"template": "{title:.2f}"}, SessionValueError, "row 'p'"),
        (FRAME, {"template": "{title!z}"}, SessionValueError, "row 'p'"),
        (FRAME, {"column": ["title"]}, SessionValueError, "'title'"),
        (FRAME, {"template": "no field"}, SessionValueError, "columns in braces"),
        (FRAME, {"template": "{title}", "column": "body"}, SessionValueError, "column"),
        (["a"], {"template": "{title}"}, SessionValueError, "not a DataFrame"),
        (["a", 3], {}, SessionTypeError, "row 1"),
        (pd.Series([1, 2]), {}, SessionTypeError, "row 0"),
        (b"a", {}, SessionTypeError, "a Series or a DataFrame"),
        (3, {}, SessionTypeError, "a Series or a DataFrame"),
    ],
    ids=str,
)
def test_data_that_cannot_be_read_says_why(data: Any, how: Any, kind: Any, words: str) -> None:
    """Nothing is guessed: the error says what is there and how to say what is meant."""
    with pytest.raises(kind) as caught:
        rows_of(data, **how)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "questions, kind",
    [
        ({"cost_usd": bool}, SchemaNameError),
        ({"a": bool, "a_value": bool}, SchemaNameError),
        ({"a": [True, "yes"]}, SchemaChoiceError),
    ],
    ids=str,
)
def test_questions_that_make_no_columns_are_refused(questions: Any, kind: Any) -> None:
    """Two columns of one name, and one with texts and bools, are none."""
    with pytest.raises(kind):
        check_columns(questions_of(questions))
