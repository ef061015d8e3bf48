"""The JSON in an answer: read strictly, and found where a model put words around it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.core.session import AnswerInvalidError, schema_of
from tests.support.schemas import JSON

ONE = schema_of("name, age? int")
MANY = schema_of("[name, age? int]")
CHOICE = schema_of("good|bad")
ADA = {"name": "Ada"}
TEXT = json.dumps(ADA)

FOUND: list[tuple[Any, str, Any]] = [
    (ONE, TEXT, ADA),
    (ONE, f"\ufeff  {TEXT}\n\n", ADA),
    (ONE, f"```json\n{TEXT}\n```", ADA),
    (ONE, f"```\n{TEXT}\n```\n", ADA),
    (ONE, f"Sure! Here it is:\n\n```json\n{TEXT}\n```\n\nAnything else?", ADA),
    (ONE, f"Sure! {TEXT} Anything else?", ADA),
    (ONE, f'<think>\nMaybe {{"name": "Bo"}}?\n</think>\n{TEXT}', ADA),
    (ONE, f"<think>hm</think>```json\n{TEXT}\n```", ADA),
    (ONE, f'<thinking>{{"name": "Bo"}}</thinking>{TEXT}', ADA),
    (ONE, f'<Reasoning>{{"name": "Bo"}}</Reasoning>\n{TEXT}', ADA),
    (ONE, f"```sh\nls\n```\nSo:\n```json\n{TEXT}\n```\n```never ends\n{{", ADA),
    (ONE, f"The set {{1, 2}}, see [3]: {TEXT}", ADA),
    (ONE, '{"name": "Ada", "age": null}', ADA),
    (ONE, '{"name": "</think> ```x``` {}"}', {"name": "</think> ```x``` {}"}),
    (ONE, '{"name": "\\ud83d\\ude00 \\ud83d"}', {"name": "😀 \ufffd"}),
    (ONE, '{"name": "\ud83d"}', {"name": "\ufffd"}),
    (MANY, f'{{"items": [{TEXT}]}}', [ADA]),
    (MANY, f"[{TEXT}]", [ADA]),
    (MANY, f"They are: [{TEXT}].", [ADA]),
    (MANY, "[]", []),
    (CHOICE, '{"value": "good"}', "good"),
    (CHOICE, '"good"', "good"),
    (CHOICE, 'It is {"value": "Good"}.', "good"),
]  # fmt: skip


@pytest.mark.parametrize("schema, text, data", FOUND)
def test_the_value_is_found(schema, text, data):
    """Bare, in a code block, behind thoughts, and between words."""
    assert schema.read(text) == data


WRONG = [
    ("", "$: the answer is empty"),
    (" \n", "$: the answer is empty"),
    ("I cannot say.", "$: not JSON"),
    ('{"name": "Ada"', "$: not JSON"),
    ('{"name": "Ada", "name": "Bo"}', "$: the key 'name' is there twice"),
    ('{"name": "Ada", "x": NaN}', "$: NaN is not a number"),
    ('{"name": "Ada", "x": -Infinity}', "$: -Infinity is not a number"),
    ('{"name": "Ada", "x": 1e999}', "$: the number 1e999 is too large"),
    ('{"name": "Ada", "x": ' + "9" * 5_000 + "}", "$: Exceeds the limit"),
    ("```json\n{" * 50_000, "$: not JSON"),
    ('{"name": ' + "[" * 200_000, "$: it is nested too deeply"),
    ("[" * 200_000 + "]" * 200_000, "$: it is nested too deeply"),
    ("{" * 100_000, "$: not JSON"),
    ("null", "$: must be an object"),
    ('{"name": 3}', "$.name: must be a string"),
    ('{"age": "3"}', "$: 'name' is missing"),
]


@pytest.mark.parametrize("text, words", WRONG, ids=lambda text: text[:20])
def test_what_is_wrong_with_an_answer_is_said(text, words):
    """Nothing else is raised, and what came is kept with the error."""
    with pytest.raises(AnswerInvalidError) as caught:
        ONE.read(text)
    assert any(problem.startswith(words) for problem in caught.value.problems)
    assert caught.value.errors == caught.value.problems
    assert caught.value.text == text
    assert len(str(caught.value)) < 1_000


@given(value=JSON, ascii_only=st.booleans())
def test_any_json_comes_back_as_it_is(value, ascii_only):
    """A schema that takes anything hands over what was written."""
    anything = schema_of({"type": ["object", "array", "string", "number", "boolean", "null"]})
    assert anything.read(json.dumps({"value": value}, ensure_ascii=ascii_only)) == value


@given(text=st.text(st.sampled_from('{}[]":,a1\\u \n`</think>'), max_size=60) | st.text(max_size=40))
def test_any_text_is_a_value_or_wrong(text):
    """Whatever a model writes, there is no other error."""
    try:
        data = ONE.read(text)
    except AnswerInvalidError:
        return
    assert ONE.check(data) == data
