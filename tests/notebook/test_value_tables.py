"""JSON values as tables: what stands in them, what is cut and counted, and that nothing in them can do harm."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.core.session.answers.answer_schema import schema_of
from langswarm_nb.core.session.answers.questions import questions_of
from langswarm_nb.notebook.showing import decision_rows
from langswarm_nb.notebook.showing.answer_tables import GrowingValue
from langswarm_nb.render.page import ReplyPart, page_html
from langswarm_nb.render.value_tables import (
    MAX_ROWS,
    growing_value_html,
    problems_html,
    value_html,
    value_text,
)
from tests.support.hostile import TEXTS
from tests.support.html import assert_safe, elements, text_of

PEOPLE = [
    {"name": "Ann", "age": 34, "tags": ["tea", "rain"], "bio": None},
    {"name": "Bo", "age": 7, "tags": [], "bio": "x" * 400},
]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def cells(html: str) -> list[list[str]]:
    """Return what stands in the rows of the table."""
    rows = [row for row in elements(html) if row.tag.endswith("}tr")]
    return [["".join(cell.itertext()) for cell in row] for row in rows]


def test_a_list_of_objects_has_a_row_for_each():
    """Columns in the order of the schema, rows numbered as in the frame; null, empty and plain lists can be told."""
    assert cells(value_html(PEOPLE, ["age", "name"])) == [
        ["", "age", "name", "tags", "bio"],
        ["0", "34", "Ann", "tea, rain", "null"],
        ["1", "7", "Bo", "[]", f"{'x' * 159}…"],
    ]


def test_an_object_has_two_columns():
    """Names beside values; true is not text, a year has no comma."""
    data = {"title": "A", "year": 2026, "ok": True, "none": None}
    assert cells(value_html(data)) == [["title", "A"], ["year", "2026"], ["ok", "true"], ["none", "null"]]
    assert value_text(data) == "title  A\nyear   2026\nok     true\nnone   "


@pytest.mark.parametrize("data", [True, "yes", 3, ["a", "b"], [1, {"a": 2}]])
def test_what_has_no_names_stands_under_value(data):
    """As in the frame of such answers."""
    head, *rows = cells(value_html(data))
    assert next(name for name in head if name) == "value"
    assert len(rows) == (len(data) if isinstance(data, list) else 1)


def test_what_is_nested_unfolds():
    """Tables within tables, and beyond three of them JSON."""
    data = {"a": {"b": {"c": {"d": {"long": "x" * 60, "e": [{"f": "y" * 60}]}}}}}
    html = value_html(data)
    assert html.count("<details") == 3
    assert '"f"' in text_of(html)


def test_long_cells_show_the_whole_when_pointed_at():
    """A cell is cut, its whole text is its title; of many only as many as a page can bear."""
    html = value_html(PEOPLE)
    assert f'title="{"x" * 400}"' in html
    many = value_html([{"a": "y" * 1900}] * MAX_ROWS)
    assert 5 <= many.count(" title=") < MAX_ROWS


def test_a_long_list_is_told_and_not_shown():
    """So many rows, and where the others are."""
    html = value_html([{"n": n} for n in range(120)], more="reply.data_df() has all")
    assert len(cells(html)) == 1 + MAX_ROWS
    assert "+70 rows, reply.data_df() has all" in text_of(html)
    assert value_text([{"n": n} for n in range(51)]).endswith("+1 row")
    assert "+9 columns" in text_of(value_html([{str(n): n for n in range(39)}]))


def test_a_table_of_no_rows_keeps_its_columns():
    """As its frame does."""
    html = value_html([], ["name", "age"])
    assert cells(html) == [["", "name", "age"]]
    assert "no rows" in text_of(html)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_hostile_answers_do_no_harm(text):
    """Names and values, shown, cut, nested and in titles, whole and growing."""
    data = [{text: text, "long": text * 20, "in": {text: [{"x": text * 3}]}}]
    for shown in (data, data[0], text, [text]):
        assert_safe(value_html(shown))
        assert_safe(growing_value_html(shown))
    assert_safe(problems_html([text], text))


@given(JSON_VALUES)
def test_any_value_has_a_table(data):
    """Whatever JSON it is, as a safe table, as one that grows, and as text."""
    assert_safe(value_html(data))
    assert_safe(growing_value_html(data))
    assert isinstance(value_text(data), str)


def test_a_growing_table_costs_the_same_at_any_length():
    """The beginning and the end of a long list, what is between told by its number."""
    rows = [{"n": n, "text": f"row {n}"} for n in range(5000)]
    html = growing_value_html(rows)
    assert [row[0] for row in cells(html)] == [
        "",
        *map(str, range(5)),
        "…",
        *map(str, range(4990, 5000)),
    ]
    assert '<td colspan="2" class="lsnb-short">4,985 rows</td>' in html
    assert len(html) < 3_000
    assert len(growing_value_html({str(n): n for n in range(500)})) < 3_000


def test_a_reply_grows_into_its_table():
    """Each piece of the JSON shows what it adds; the key that a list is handed over under is not shown."""
    row = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
    }
    growing = GrowingValue(schema_of({"type": "array", "items": row}))
    assert growing.html() == ""
    shown = []
    for piece in ('{"items": [{"name": "A', 'nn", "age": 3}, {"na', 'me": "Bo"', ', "age": 4}]}'):
        growing.feed(piece)
        shown.append([row[1:] for row in cells(growing.html())[1:]])
    assert shown[0] == [["A", ""]]
    assert shown[1][0] == ["Ann", "3"]
    assert shown[2][1] == ["Bo", ""]
    assert shown[3] == [["Ann", "3"], ["Bo", "4"]]
    assert json.loads(growing.text)["items"][1] == {"name": "Bo", "age": 4}


def test_a_page_takes_the_styles_of_its_table_alone():
    """The rules for tables of values go out with such a page only, and those for code do not."""
    page = page_html([ReplyPart(value_html(PEOPLE))])
    assert ".lsnb-value" in page.partition("</style>")[0]
    assert "--c:" not in page
    assert ".lsnb-value" not in page_html([ReplyPart("<p>Hi</p>")])


def test_decisions_have_a_row_for_each_question():
    """The answer in words, with its probability: of a statement that is false, that it is."""
    data = {
        "spam": 0.2,
        "spam_value": False,
        "spam_refused": False,
        "topic": "bug",
        "topic_p": 0.71234,
        "topic_refused": False,
        "anger": None,
        "anger_p": None,
        "anger_refused": True,
    }
    assert [tuple(row.values()) for row in decision_rows.rows(data)] == [
        ("spam", False, 0.8),
        ("topic", "bug", 0.712),
        ("anger", "refused", None),
    ]
    anger = questions_of("anger calm<annoyed<furious")
    rated = {"anger": 1.21, "anger_p": 0.6, "anger_refused": False}
    assert decision_rows.rows(rated, anger)[0]["answer"] == "annoyed (1.21)"
