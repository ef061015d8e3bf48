"""Answers that are values: a schema, its form for a service, and the check of what comes, beside `json.loads`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from tests.bench.measuring import Spent
from tests.bench.row import Measure, Row, Side

ANSWERS = 10_000
TEXT = json.dumps(
    {
        "text": "A fine book, though the end could have come a little earlier than it did.",
        "stars": 4,
        "mood": "calm",
        "tags": ["book", "long"],
        "price": 12.5,
    }
)
LINE = "text, stars int, mood calm|annoyed|furious, tags [str], price? float"


@dataclass
class Review:
    """What `LINE` says, as a type."""

    text: str
    stars: int
    mood: Literal["calm", "annoyed", "furious"]
    tags: list[str]
    price: float | None = None


@contextmanager
def _loads() -> Iterator[Measure]:
    def work() -> float:
        spent = Spent()
        for _ in range(ANSWERS):
            json.loads(TEXT)
        return spent.ms()

    yield work


def _ours(given: object) -> Side:
    @contextmanager
    def side() -> Iterator[Measure]:
        from langswarm_nb.core.session.answers.answer_schema import schema_of
        from langswarm_nb.core.session.answers.strict import strict_form

        def work() -> float:
            spent = Spent()
            schema = schema_of(given)
            form = strict_form(schema, "openai")
            for _ in range(ANSWERS):
                schema.read(TEXT, form.restored)
            return spent.ms()

        yield work

    return side


ROWS = [
    Row(
        "a schema of one line, and 10,000 answers to it checked, beside `json.loads`",
        "ms",
        4,
        _loads,
        _ours(LINE),
    ),
    Row("the same with a dataclass", "ms", 4, _loads, _ours(Review)),
]
