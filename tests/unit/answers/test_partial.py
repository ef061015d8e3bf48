"""JSON that is still being written: the best value so far, in linear time, whatever a model writes."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.core.session.answers.partial import MOST_LEVELS, GrowingJson

_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
)
JSON = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.lists(JSON) | st.dictionaries(st.text(max_size=4), JSON)


def grown(text: str, size: int = 1) -> Any:
    """Return the value after a text that came in pieces, looked at after each."""
    growing = GrowingJson()
    for at in range(0, len(text), size):
        growing.feed(text[at : at + size])
        json.dumps(growing.value)
    return growing.value


@given(
    value=DOCUMENTS, ascii_only=st.booleans(), indent=st.sampled_from([None, 0, 2]), size=st.integers(1, 9)
)
def test_the_whole_text_gives_the_whole_value(value, ascii_only, indent, size):
    """However it was cut into pieces, and however it is written."""
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert grown(text, size) == value


def within(part: Any, whole: Any) -> bool:
    """Return whether a value is the beginning of another one."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return list(part) == list(whole)[: len(part)] and all(
            within(part[name], whole[name]) for name in part
        )
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) <= len(whole) and all(map(within, part, whole))
    if isinstance(part, str) and isinstance(whole, str):
        return whole.startswith(part)
    return type(part) is type(whole) and part == whole


@given(value=DOCUMENTS, data=st.data())
def test_the_beginning_of_a_text_gives_the_beginning_of_the_value(value, data):
    """A text is cut, never changed; a number, word or name is shown when it is whole."""
    text = json.dumps(value)
    cut = data.draw(st.integers(0, len(text)))
    growing = GrowingJson()
    growing.feed(text[:cut])
    assert growing.value is None or within(growing.value, value)


STEPS = [
    ('{"a', {}),
    ('{"a": ', {}),
    ('{"a": "x', {"a": "x"}),
    ('{"a": 12', {}),
    ('{"a": 12,', {"a": 12}),
    ('{"a": tru', {}),
    ('{"a": true}', {"a": True}),
    ('{"a": [1, {"b": "c', {"a": [1, {"b": "c"}]}),
    ('["\\u00e', [""]),
    ('["\\u00e9', ["é"]),
    ('["\\ud83d', [""]),
    ('["\\ud83d\\ude0', [""]),
    ('["\\ud83d\\ude00', ["😀"]),
    ('["\\ud83dx', ["\ufffdx"]),
    ('["\\ude00\\ud83d"', ["\ufffd\ufffd"]),
    ('["a\\', ["a"]),
    ('["a\\n', ["a\n"]),
    ("Sure! Here it is:\n```json\n", None),
    ('Sure! Here it is:\n```json\n[{"a": 1}]\n```\nDone [1].', [{"a": 1}]),
    ('The set {x} is {"a": 1', {}),
    ('The set {x} is {"a": 1}', {"a": 1}),
    ('<think>{"a": 1} or [2]?</think>{"b": 2}', {"b": 2}),
    ('{"a": 1, "a": 2}', {"a": 2}),
    ('{"a": 1, b: 2}', {"a": 1}),
    ('{"a": 1}}}} [3]', {"a": 1}),
    ("[1, NaN, 2]", [1]),
    ("[1, 1e999, 2]", [1]),
    ("[1, 01, 2]", [1]),
    ("[1 2]", [1]),
    ("[1,]", [1]),
    ("{]", None),
    ("null", None),
]


@pytest.mark.parametrize("text, value", STEPS)
def test_what_is_cut_is_completed_or_left_out(text, value):
    """In one piece and in pieces of one character."""
    growing = GrowingJson()
    growing.feed(text)
    assert growing.value == value
    assert grown(text) == value


def calls_for(text: str) -> int:
    """Return how many calls of Python it takes to read a text that comes in pieces of three characters."""
    calls = 0

    def count(_frame: object, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    growing = GrowingJson()
    sys.setprofile(count)
    try:
        for at in range(0, len(text), 3):
            growing.feed(text[at : at + 3])
    finally:
        sys.setprofile(None)
    return calls


HOSTILE = [
    '{"items": [' + '{"a": "some text", "b": 12.5}, ' * 400,
    '{"a": "' + "x" * 12_000,
    '{"a": "' + "\\n" * 6_000,
    '{"a": "' + "\\ud83d" * 2_000,
    "{" * 12_000,
    "[" * 12_000,
    '[{"a":' * 2_000,
    "[" + "1" * 12_000,
    "{x" * 6_000,
    "]" * 12_000,
    "words " * 2_000,
    "[1]" + "</thin" * 2_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_the_work_grows_with_the_text_alone(text):
    """Twice the text is twice the work, also of what is no answer at all."""
    half, whole = calls_for(text[: len(text) // 2]), calls_for(text)
    assert whole < 2.2 * half + 100


def test_what_is_nested_too_deeply_is_left_out():
    """What is shown is never too deep to be shown."""
    value = grown('{"a": 1, "b": ' + "[" * 10_000)
    assert value["a"] == 1
    assert json.dumps(value).count("[") == MOST_LEVELS - 1


def test_a_number_of_any_length_does_no_harm():
    """It is left out; what came before stays."""
    assert grown('{"a": 1, "b": ' + "9" * 50_000 + "}", 1_000) == {"a": 1}
