"""The stream renderer: in pieces as at once, and what is settled stays."""

from __future__ import annotations

import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from langswarm_nb.render import render_html
from langswarm_nb.render.incremental import StreamRenderer
from tests.support.html import assert_safe

BLOCKS = [
    "A paragraph of words.\n\n",
    "one line\nand another\n",
    "# Heading\n",
    "Setext\n===\n",
    "---\n",
    "- item\n",
    "- item\n\n",
    "  continued\n\n",
    "  - nested\n",
    "1. one\n",
    "* other list\n",
    "> quote\n",
    "> quote\n\n",
    "lazy\n",
    "```python\ncode\n\nmore\n```\n",
    "```\n",
    "~~~\n",
    "    indented\n\n",
    "| a | b |\n|---|---|\n| 1 | 2 |\n",
    "| a | b |\n",
    "|---|---|\n",
    "$$\nx\n$$\n",
    "$$\n",
    "\\[\na\n- b\n\\]\n",
    "\\[\n",
    "\\]\n",
    "\n",
    "\n\n",
    "   \n",
    "\r\n\r\n",
    "[a](https://example.com) $x$ `c`\n",
    "[a]: https://example.com\n",
    "[a]\n",
    "\t\n",
    "\u202e\n",
    "<div>\n\n</div>\n",
    "a *b\n\nc* d\n",
]
documents = st.lists(st.sampled_from(BLOCKS) | st.text("ab \n`*-|$>#\\[]", max_size=6), max_size=40).map(
    "".join
)


def pieces_of(text: str, sizes: list[int]) -> list[str]:
    pieces = []
    for size in sizes:
        pieces.append(text[:size])
        text = text[size:]
    return [*pieces, text]


@given(documents, st.lists(st.integers(1, 90), max_size=60))
@example("- a\n" * 20 + "\n" + "$$\n- b\n" * 9 + "\nc $$\n" * 9, [7] * 60)
@settings(max_examples=400)
def test_pieces_become_what_the_whole_becomes(text: str, sizes: list[int]):
    """However a reply was split, its final HTML is the same; what was settled is the beginning of it."""
    renderer, settled = StreamRenderer(), ""
    for piece in pieces_of(text, sizes):
        renderer.feed(piece)
        settled += renderer.take_settled()
        assert renderer.html() == settled + renderer.tail_html()
    assert renderer.finish() == render_html(text)
    assert render_html(text).startswith(settled)


@given(documents)
@settings(max_examples=100)
def test_at_any_moment_the_page_is_whole(text: str):
    """While it streams, what is shown is balanced and on the list."""
    renderer = StreamRenderer()
    for start in range(0, len(text), 17):
        renderer.feed(text[start : start + 17])
        assert_safe(renderer.html())


def test_settled_blocks_are_given_once():
    """A panel appends them; only the open end is replaced."""
    renderer = StreamRenderer()
    renderer.feed("First paragraph, long enough to be worth a look at its end.\n\nSecond\n\nthi")
    assert renderer.take_settled().count("<p") == 1
    assert renderer.take_settled() == ""
    assert renderer.tail_html().count("<p") == 2


def test_the_limit_falls_on_the_same_character_however_it_was_split():
    """The note and the rest are the same in pieces."""
    text = "para *graph*\n\n" + "word " * 25_000
    renderer = StreamRenderer()
    for start in range(0, len(text), 997):
        renderer.feed(text[start : start + 997])
    assert renderer.finish() == render_html(text)
    assert len(renderer.html()) > len(text)


@pytest.mark.unmeasured
@pytest.mark.parametrize("unit", ["word ", "A paragraph of words.\n\n", "- item\n\n", "```\ncode\n\n", "[a"])
def test_the_cost_grows_with_the_length(unit: str):
    """Four times the text takes four times the work, not sixteen; counted in calls, not seconds."""
    small, large = (calls_to_render(unit, chars) for chars in (3_000, 12_000))
    assert large < 8 * small


def calls_to_render(unit: str, chars: int) -> int:
    text = unit * (chars // len(unit))
    renderer, calls = StreamRenderer(), 0

    def count(_frame: object, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        for start in range(0, len(text), 24):
            renderer.feed(text[start : start + 24])
            renderer.take_settled()
            if start % 960 == 0:
                renderer.tail_html()
        renderer.finish()
    finally:
        sys.setprofile(None)
    return calls
