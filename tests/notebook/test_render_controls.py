"""Control characters: shown as codes in pages, terminals and reprs, however they arrive."""

from __future__ import annotations

import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.render import TerminalEscaper, plain_repr, visible_controls

nasty = st.text(
    st.sampled_from(
        "ab\n\t \r\x00\x08\x1b[0m\x7f\x9b\u202e\u200d\u200b\ufe0f\ufe00\u2028\ufeff☀🏴👩\U000e0067\U000e007f\ud800葛"
    )
    | st.characters(),
    max_size=60,
)


@pytest.mark.parametrize(
    "text, shown",
    [
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x9b2J \x85 \x7f \x00", "\\x9b2J \\x85 \\x7f \\x00"),
        ("100%\r  0%", "100%\\x0d  0%"),
        ("secret\b\b\b\b\b\bpublic", "secret" + "\\x08" * 6 + "public"),
        ("line\r\nline\n\ttab", "line\nline\n\ttab"),
        (
            "\u202eabc\u202c \u2067x\u2069 \u200e\u200f\u061c",
            "\\u202eabc\\u202c \\u2067x\\u2069 \\u200e\\u200f\\u061c",
        ),
        ("a\U000e0041\U000e0042", "a\\U000e0041\\U000e0042"),
        ("🏴\U000e0075\U000e0073\U000e007f", "🏴\\U000e0075\\U000e0073\\U000e007f"),
        ("a\ufe00\ufe01\ufe02", "a\\ufe00\\ufe01\\ufe02"),
        ("a\ufe0f \U000e0100", "a\\ufe0f \\U000e0100"),
        ("a\u200b\u200c\u200db", "a\\u200b\\u200c\\u200db"),
        ("\ud800x\udfff", "\\ud800x\\udfff"),
        ("a\u2028b", "a\\u2028b"),
    ],
)
def test_what_hides_moves_or_overwrites_is_shown(text: str, shown: str):
    """Escape sequences, carriage returns, bidi controls, tags and runs of selectors become visible codes."""
    assert visible_controls(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "👩‍💻 👨‍👩‍👧‍👦 🏳️‍🌈 🏴‍☠️ 👁️‍🗨️ 1️⃣ #️⃣ ☀️ ☀︎ ℹ️ ©️ Ⓜ️ 🇩🇪 👍🏽",  # noqa: RUF001
        "🏴󠁧󠁢󠁥󠁮󠁧󠁿🏴󠁧󠁢󠁳󠁣󠁴󠁿🏴󠁧󠁢󠁷󠁬󠁳󠁿",
        "می‌خواهم क्‍ष ไทย\u200bไทย 葛󠄀 ᠠ᠋ ≨︀",
        "שלום مرحبا 한국어 日本語 Zalg̈o a\u00a0b",
    ],
)
def test_scripts_and_emoji_stay(text: str):
    """Single joiners and selectors with a meaning are left alone."""
    assert visible_controls(text) == text


@given(nasty)
def test_nothing_dangerous_is_left(text: str):
    """The result can be encoded and holds no control, bidi control or surrogate; showing it twice changes nothing."""
    shown = visible_controls(text)
    shown.encode()
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} and c not in "\n\t"]
    assert not [
        c
        for c in shown
        if unicodedata.bidirectional(c) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    ]
    assert visible_controls(shown) == shown


@given(nasty, st.lists(st.integers(0, 60)))
def test_pieces_show_what_the_whole_shows(text: str, cuts: list[int]):
    """A sequence split between two pieces is as visible as in one."""
    edges = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    escaper = TerminalEscaper()
    shown = "".join(escaper.feed(text[a:b]) for a, b in itertools.pairwise(edges)) + escaper.finish()
    assert shown == visible_controls(text)


def test_a_stream_of_invisible_characters_is_not_held_back():
    """Memory stays bounded, and the reader sees that something arrives."""
    escaper = TerminalEscaper()
    pieces = [escaper.feed("\u200b" * 50) for _ in range(20)]
    assert len("".join(pieces)) > 5000
    assert "".join(pieces) + escaper.finish() == "\\u200b" * 1000


@given(nasty, st.integers(8, 100))
def test_a_plain_repr_is_one_bounded_line(text: str, limit: int):
    """It fits the limit, has no newline, and is a short text itself, quoted."""
    line = plain_repr(text, limit)
    assert len(line) <= limit
    assert "\n" not in line
    assert line == visible_controls(line)


@pytest.mark.parametrize(
    "text, shown",
    [
        ("hello", "'hello'"),
        ("it's", '"it\'s"'),
        ("a\nb\\n", "'a\\nb\\\\n'"),
        ("", "''"),
        ("x" * 99, "'" + "x" * 17 + "…'"),
    ],
)
def test_a_plain_repr_reads_like_a_string(text: str, shown: str):
    """Quotes, newlines and the cut are shown as Python would."""
    assert plain_repr(text, 20) == shown
