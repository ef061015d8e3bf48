"""Colours in code: what they tell apart, what they cost, and that they change no character."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.render import render_html
from langswarm_nb.render.colours import KINDS, coloured_html
from langswarm_nb.render.escaping import MAX_COLOURED_CHARS
from langswarm_nb.render.languages import LANGUAGES, NAMES
from langswarm_nb.render.sheet import CODE_COLOURS, HUE_SHARE
from tests.support.hostile import TEXTS
from tests.support.html import assert_safe, text_of

SAMPLES = {
    "python": (
        '@cached\ndef f(x: int = 1):\n    """Text."""\n    return x + 0.5  # why\n',
        'm@cached kdef ff bint n1 s"""Text.""" kreturn n0.5 c#·why',
    ),
    "javascript": (
        "const f = (a) => `x ${a}`; // no\nfunction g() { return null }",
        "kconst s`x·${a}` c//·no kfunction fg kreturn bnull",
    ),
    "bash": (
        'for f in $FILES; do  # all\n  grep -n "a b" "$f"\ndone',
        'kfor kin m$FILES kdo c#·all bgrep m-n s"a·b"·"$f" kdone',
    ),
    "sql": ("SELECT count(*) FROM t WHERE a = 'it''s' -- x", "kSELECT bcount kFROM kWHERE s'it''s' c--·x"),
    "json": ('{"a": [1, true, "b"]}', 'f"a" n1 btrue s"b"'),
    "yaml": ("a: 1\nb:\n  - c: 'd' # e\n", "fa n1 fb f··-·c s'd' c#·e"),
    "html": ('<!-- a --><p class="b">x &amp; y</p>', 'c<!--·a·--> k<p fclass s"b" m&amp; k</p'),
    "css": (".a { color: #fff; } /* b */", "k.a fcolor c/*·b·*/"),
    "c": ("#include <a.h>\nint main(void) { return 0; } /* x */", "m#include bint bvoid kreturn n0 c/*·x·*/"),
    "rust": ("fn main() { println!(\"{}\", 'a'); }", "kfn fmain mprintln! s\"{}\" s'a'"),
    "go": ("func f() error { return nil } // x", "kfunc ff berror kreturn bnil c//·x"),
    "diff": ("@@ -1 +1 @@\n-old\n+new\n same", "m@@·-1·+1·@@ s-old n+new"),
    "docker": ("FROM python:3.12 AS base\nRUN pip install x", "kFROM bpython n3.12 kAS kRUN bpip"),
    "toml": ('[a.b]\nc = "d" # e', 'm[a.b] fc s"d" c#·e'),
    "latex": ("\\begin{a} $x$ % y", "k\\begin s$x$ c%·y"),
    "r": ("f <- function(x) mean(x, na.rm = TRUE)", "kfunction bmean bTRUE"),
}


def spans(html: str) -> str:
    found = re.findall(r'<span class="lsnb-(\w)">(.*?)</span>', html, re.DOTALL)
    return " ".join(kind + text_of(text).replace(" ", "·") for kind, text in found)


@pytest.mark.parametrize("language", SAMPLES)
def test_comments_strings_and_words_are_told_apart(language: str):
    """Each language has its own."""
    code, expected = SAMPLES[language]
    assert spans(coloured_html(code, language)) == expected


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("name", TEXTS)
def test_hostile_text_stays_text_in_any_language(language: str, name: str):
    """No lexer lets markup through, loses a character, or shows what hides."""
    html = render_html(f"~~~~~~~~{language}\n{TEXTS[name]}\n~~~~~~~~")
    assert_safe(html)
    plain = render_html(f"~~~~~~~~\n{TEXTS[name]}\n~~~~~~~~")
    assert text_of(html).strip().removeprefix(language) == text_of(plain).rstrip()


@given(
    st.sampled_from(sorted(NAMES)),
    st.lists(
        st.sampled_from([*"\"'`\\/*#-<>!&={}()[]@$:. \n\t", "a", "é", "0x1", "def", "'''", '"""', "--[["])
    ),
)
def test_no_character_is_lost(language: str, pieces: list[str]):
    """Code reads the same with colours, and no span is empty or stands in another."""
    code = "".join(pieces)
    html = coloured_html(code, language)
    assert text_of(f"<pre><code>{html}</code></pre>") == code
    tags = re.findall(r"</?span", html)
    assert all(before != after for before, after in pairwise(tags))
    assert '"></span>' not in html


@pytest.mark.parametrize("language", ["", "no-such", "PYTHON", "{.python}", "py3", "C++", "c#"])
def test_names_of_languages_come_in_many_forms(language: str):
    """Other names, capitals and braces mean the same; an unknown language has no colours."""
    html = render_html(f"```{language}\nreturn 1\n```")
    assert ("<span class" in html) == (language not in {"", "no-such"})


def test_long_code_has_colours_up_to_a_limit():
    """The limit holds over all blocks of a reply, and ends at a line; the text goes on."""
    lines = 'x = function(1, "a") + [2, 3]\n' * 2_000
    html = render_html(f"```python\n{lines}```\n\nand\n\n```python\nreturn 1\n```")
    coloured, _, plain = html.rpartition("</span>")
    assert 0.9 * MAX_COLOURED_CHARS < len(text_of(coloured)) <= MAX_COLOURED_CHARS + 10
    assert plain.startswith("]\n")
    assert text_of(html).count("x = function") == 2_000


@pytest.mark.parametrize(
    "ink, ground",
    [
        ("212121", "ffffff"),  # JupyterLab, nbconvert
        ("3b3b3b", "ffffff"),  # VS Code
        ("ffffff", "212121"),
        ("ffffff", "111111"),
        ("cccccc", "1f1f1f"),
    ],
)
def test_every_colour_of_code_is_readable(ink: str, ground: str):
    """Contrast with the ground of the block is at least 4.5, in light and dark themes."""
    box = _mixed("888888", ground, 0x11 / 255)
    for kind, (*_, hue) in CODE_COLOURS.items():
        assert _contrast(_mixed(hue.removeprefix("#"), ink, HUE_SHARE), box) >= 4.5, kind
    assert set(KINDS.values()) == set(CODE_COLOURS)


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[n : n + 2], 16) / 255 for n in (0, 2, 4))
    return red, green, blue


def _mixed(colour: str, other: str, share: float) -> tuple[float, ...]:
    return tuple(share * a + (1 - share) * b for a, b in zip(_rgb(colour), _rgb(other), strict=True))


def _contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    dark, light = sorted(map(_luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: tuple[float, ...]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
