"""The columns and rows that answers make, and the words that ask for them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any, Literal

import pytest

from langswarm_nb.core.session import schema_of
from langswarm_nb.core.session.answers.columns import Column
from langswarm_nb.core.session.answers.telling import told, told_wrong


class Mood(Enum):
    CALM = "calm"
    ANGRY = "angry"


@dataclass
class Review:
    text: str
    stars: int
    share: float
    bought: bool
    mood: Mood
    size: Literal["s", "m"] | None
    day: date
    tags: list[str]
    note: str | None = None
    either: int | float = 0
    mixed: int | str = 0


COLUMNS: list[tuple[Any, list[Column]]] = [
    (
        "name, age int, share float, ok bool, size s|m, born date, seen datetime, tags [str], who {a}, bio?",
        [
            Column("name", "string"),
            Column("age", "integer"),
            Column("share", "number"),
            Column("ok", "boolean"),
            Column("size", "choice", ("s", "m")),
            Column("born", "date"),
            Column("seen", "datetime"),
            Column("tags", "json"),
            Column("who", "json"),
            Column("bio", "string", nullable=True),
        ],
    ),
    (
        list[Review],
        [
            Column("text", "string"),
            Column("stars", "integer"),
            Column("share", "number"),
            Column("bought", "boolean"),
            Column("mood", "choice", ("calm", "angry")),
            Column("size", "choice", ("s", "m"), nullable=True),
            Column("day", "date"),
            Column("tags", "json"),
            Column("note", "string", nullable=True),
            Column("either", "number", nullable=True),
            Column("mixed", "json", nullable=True),
        ],
    ),
    ("[good|bad]", [Column("value", "choice", ("good", "bad"))]),
    (list[int | None], [Column("value", "integer", nullable=True)]),
    (bool, [Column("value", "boolean")]),
    (dict[str, int], [Column("value", "json")]),
    ({"enum": [1, None]}, [Column("value", "integer", nullable=True)]),
    ({"enum": [1, "a"]}, [Column("value", "json")]),
    ({"type": ["number", "integer", "null"]}, [Column("value", "number", nullable=True)]),
    (
        {"items": {"$ref": "#/$defs/a"}, "type": "array", "$defs": {"a": {"const": "x"}}},
        [Column("value", "choice", ("x",))],
    ),
]  # fmt: skip


@pytest.mark.parametrize("given, columns", COLUMNS, ids=lambda one: str(one)[:20])
def test_a_schema_says_which_columns_its_answers_make(given, columns):
    """Of the elements of a list, or of the value itself; known before there is any answer."""
    assert list(schema_of(given).columns) == columns


@pytest.mark.parametrize(
    "given, data, rows",
    [
        ("name, age? int", {"name": "Ada"}, [{"name": "Ada"}]),
        ("[name]", [{"name": "Ada"}, {"name": "Bo"}], [{"name": "Ada"}, {"name": "Bo"}]),
        ("[name]", [], []),
        ("good|bad", "good", [{"value": "good"}]),
        (list[int], [1, 2], [{"value": 1}, {"value": 2}]),
        (dict[str, int], {"a": 1}, [{"value": {"a": 1}}]),
        (int | None, None, [{"value": None}]),
    ],
)
def test_data_is_rows(given, data, rows):
    """One of an object or a scalar, as many as it has elements of a list."""
    assert schema_of(given).records(data) == rows


def test_a_model_is_told_the_schema():
    """As it is asked for, in one line that is the JSON schema."""
    schema = schema_of("[name: größe, size s|m]")
    assert json.loads(told(schema).splitlines()[-1]) == schema.asked
    assert "größe" in told(schema)


def test_a_model_is_told_what_was_wrong():
    """Each problem on a line of its own; of very many the first."""
    assert "- $.a: must be integer\n- $.b: must be string" in told_wrong(
        ["$.a: must be integer", "$.b: must be string"]
    )
    many = told_wrong([f"$[{number}]: wrong" for number in range(50)])
    assert "- $[19]: wrong\n- and 30 more" in many
    assert "$[20]" not in many
