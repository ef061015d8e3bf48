"""What a streamed reply costs on the wire, measured in a real kernel with a clock that the test sets."""

from __future__ import annotations

import itertools
import json

import pytest

from tests.support.html import text_of
from tests.support.kernels import Cell, Kernel, running_kernel

pytestmark = pytest.mark.kernel

DELTAS, DELTA_CHARS = 4_000, 24
PROSE = (
    "A paragraph of **words** about `code` and *things*, as models write them, with some length to it. "
    "It goes on for a while, because most of what models write is prose, and prose is long.\n\n"
    "- first item of a list\n- second item of it\n\n"
    '```python\nfor i in range(10):\n    print(i, "x < y")\n```\n\n'
)
TEXTS = {
    "prose": PROSE,
    "one paragraph": "token ",
    "code": "```python\n" + 'x = function(1, "a") + [2, 3]\n' * 5_000,
    "tables": "| a | b | c |\n|---|---|---|\n" + "| 1 | 2 | 3 |\n" * 20 + "\n",
    "list": "- an item of a list that never ends\n",
}
SETUP = """
from langswarm_nb.core.session.answers.answer_schema import schema_of
from langswarm_nb.notebook.showing.answer_tables import shown_answer
from langswarm_nb.notebook.showing.display import open_reply_displays

def stream(text, size, seconds_each, schema=None):
    now = 0.0
    [display] = open_reply_displays([""], format="markdown", stream=True, clock=lambda: now)
    answer = None
    if schema is not None:
        schema = schema_of(schema)
        display.begin(schema)
        answer = shown_answer(schema.read(text), [column.name for column in schema.columns])
    for start in range(0, len(text), size):
        now += seconds_each
        display.update(text[start:start + size])
    display.finish(footer="openai:gpt · 412→24000 tok", provenance={"model": "openai:gpt"}, answer=answer)
"""


@pytest.fixture(scope="module")
def kernel():
    with running_kernel() as kernel:
        kernel.run(SETUP)
        yield kernel


def stream(
    kernel: Kernel,
    text: str,
    *,
    chars_each: int = DELTA_CHARS,
    seconds_each: float,
    schema: str | None = None,
) -> Cell:
    kernel.run(f"text = {text!r}")
    return kernel.run(f"stream(text, {chars_each}, {seconds_each}, {schema!r})")


@pytest.mark.parametrize("seconds_each", [0.0001, 0.01, 0.06, 0.5])
@pytest.mark.parametrize("name", TEXTS)
def test_a_long_reply_stays_within_half_a_megabyte(kernel: Kernel, name: str, seconds_each: float):
    """4,000 deltas with 96 kB, from a fast or a slow model, cost at most 0.5 MB and 400 messages in one output."""
    text = (TEXTS[name] * (DELTAS * DELTA_CHARS // len(TEXTS[name]) + 1))[: DELTAS * DELTA_CHARS]
    cell = stream(kernel, text, seconds_each=seconds_each)
    print(f"{name}, {seconds_each} s a delta: {len(cell.messages)} messages, {cell.size_bytes:,} bytes")
    assert cell.size_bytes <= 500_000
    assert len(cell.messages) <= 400
    assert [output["output_type"] for output in cell.outputs] == ["display_data"]
    assert cell.outputs[0]["data"]["text/plain"] == text
    assert cell.outputs[0]["metadata"] == {"langswarm": {"model": "openai:gpt"}}


VALUES = {
    "many rows": ("[name, age int, note]", {"name": "Ann", "age": 3, "note": "short"}),
    "wide rows": (
        f"[{', '.join(f'c{n}' for n in range(12))}]",
        {f"c{n}": "words of some length, " * 7 for n in range(12)},
    ),
    "nested rows": ("[name, parts [{a, b int}]]", {"name": "x", "parts": [{"a": "part", "b": 1}] * 9}),
    "one object": ("name, text, tags [str]", None),
}
"""Name -> schema, and an element of the list; the object is one text of all that size."""


@pytest.mark.parametrize("seconds_each", [0.0001, 0.06])
@pytest.mark.parametrize("name", VALUES)
def test_a_table_that_grows_stays_within_half_a_megabyte(kernel: Kernel, name: str, seconds_each: float):
    """4,000 deltas with 96 kB of JSON, shown as a table while they come, in the same bounds as other replies.

    The saved output has the table, bounded, and all of the data.
    """
    schema, row = VALUES[name]
    size = DELTAS * DELTA_CHARS
    data: object = {"name": "x", "text": "word " * (size // 5 - 20), "tags": ["a"]}
    if row is not None:
        data = {"items": [row] * (size // (len(json.dumps(row)) + 2))}
    cell = stream(kernel, json.dumps(data), seconds_each=seconds_each, schema=schema)
    print(f"{name}, {seconds_each} s a delta: {len(cell.messages)} messages, {cell.size_bytes:,} bytes")
    assert cell.size_bytes <= 500_000
    assert 10 <= len(cell.messages) <= 400
    [output] = cell.outputs
    shown = output["data"]["application/vnd.langswarm.answer+json"]
    assert shown == (data["items"] if isinstance(data, dict) and "items" in data else data)
    assert len(output["data"]["text/html"]) < 200_000


def test_the_cost_grows_with_the_text(kernel: Kernel):
    """Twice the text costs at most about twice the bytes, at every length."""
    sizes = [
        stream(kernel, PROSE * count, seconds_each=0.06).size_bytes for count in (50, 100, 200, 400, 800)
    ]
    print(f"{len(PROSE) * 50:,} characters and its doubles: {sizes} bytes")
    assert all(double <= 2.2 * single for single, double in itertools.pairwise(sizes))


@pytest.mark.parametrize("seconds_each", [0.02, 0.06, 0.3])
def test_a_usual_reply_is_shown_soon(kernel: Kernel, seconds_each: float):
    """While a reply of 2,400 characters arrives, what is shown lags no more than a few lines behind."""
    cell = stream(kernel, (PROSE * 9)[:2_400], seconds_each=seconds_each)
    pages = [m["content"]["data"]["text/html"] for m in cell.messages if "data" in m["content"]]
    shown = [len(text_of(page.partition("</style>")[2])) for page in pages]
    steps = [later - earlier for earlier, later in itertools.pairwise(shown)]
    print(
        f"{seconds_each} s a delta: {len(pages)} updates, {cell.size_bytes:,} bytes, {max(steps)} characters at most"
    )
    assert max(steps) < 500
    assert len(shown) >= 15


def test_the_updates_say_no_more_than_needed(kernel: Kernel):
    """An update holds HTML and a few words of plain text; metadata come with the last one."""
    cell = stream(kernel, PROSE, seconds_each=0.06)
    *updates, last = [m["content"] for m in cell.messages if "data" in m["content"]]
    assert all(set(update["data"]) == {"text/html", "text/plain"} for update in updates)
    assert max(len(json.dumps(update["data"]["text/plain"])) for update in updates) < 50
    assert not any(update["metadata"] for update in updates)
    assert last["data"]["text/plain"] == PROSE
