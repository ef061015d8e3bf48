"""The open end of Markdown: nothing that is half written is seen as marks."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings

from langswarm_nb.render import render_html
from langswarm_nb.render.colours import without_colours
from langswarm_nb.render.incremental import StreamRenderer
from langswarm_nb.render.open_end import completed

from .test_render_stream import documents

REPLY = """# A *first* heading

Some **bold and *italic* words**, `code`, ~~gone~~ and [a link](https://example.org/a_b*c) to it.

1. **Item**: text with `a * b` and $x_1 + y$.
   - nested __strong__ item
2. Second \\(z\\) item

| city | *flight* |
|---|--:|
| Lisbon | **2 h** 50 min |
| Porto | `2 h` 40 min |

```python
def f(x):
    return x ** 2  # `[not a link](`
```

$$
x = \\frac{1}{2}
$$

> A **quoted** line
> and another.

![a picture](https://example.org/a.png) and the end.
"""
MARKS = re.compile(r"[*~|]{1,3}|`|\]\(|!\[|\$|^#|-{3}|\\", re.MULTILINE)


def words(html: str) -> str:
    """Return what a reader sees, code and formulas left out."""
    bare = re.sub(r"(?s)<(pre|code)[ >].*?</\1>|<(span|div) class=\"lsnb-math\">.*?</\2>", "", html)
    return re.sub(r"<[^>]*>", "", bare)


def test_no_half_of_a_mark_is_seen():
    """At every character of a reply with a bit of everything."""
    assert not MARKS.search(words(render_html(REPLY)))
    seen = {end: words(render_html(completed(REPLY[:end]))) for end in range(len(REPLY))}
    assert {end: found[0] for end, text in seen.items() if (found := MARKS.search(text))} == {}


def test_what_is_shown_grows():
    """Text that was shown is not taken back but for a few characters whose meaning was open."""
    longest = 0
    for end in range(len(REPLY)):
        shown = len(words(render_html(completed(REPLY[:end]))))
        assert shown > longest - 20
        longest = max(longest, shown)


@pytest.mark.parametrize(
    "source, shown",
    [
        ("A **bold wo", "A **bold wo**"),
        ("A **bold wo*", "A **bold wo**"),
        ("***both", "***both***"),
        ("x *it **bo", "x *it **bo***"),
        ("a ``co`", "a ``co``"),
        ("a `", "a "),
        ("2*3 and snake_case", "2*3 and snake_case"),
        ("$5 and", "$5 and"),
        ("$x", ""),
        ("see [the docs](http", "see the docs"),
        ("a [b] c", "a [b] c"),
        ("![alt](ht", ""),
        ("| a | b |\n|--", ""),
        ("| a | b |\n|---|---|\n| **x", "| a | b |\n|---|---|\n| **x**"),
        ("text\n-", "text\n"),
        ("```py", ""),
        ("```py\nx\n``", "```py\nx\n"),
        ("```py\nx\n```\nmore **x", "```py\nx\n```\nmore **x**"),
        ("x < 3", "x < 3"),
        ("a <br", "a "),
        ("你**好", "你**好**"),
    ],
)
def test_the_open_end_is_closed_or_held_back(source, shown):
    """One by one; what is no mark stays."""
    assert completed(source) == shown


@given(documents)
@settings(max_examples=200)
def test_nothing_is_invented(text):
    """What is shown holds the text's own characters in their order, and marks that close."""
    shown = iter(text)
    rest = [char for char in completed(text) if char not in "*_~`" and char not in shown]
    assert rest == []


def test_a_long_block_of_code_is_shown_to_its_last_line():
    """Code is not rendered anew with each line, and is there all the same, until its fence closes."""
    renderer = StreamRenderer()
    renderer.feed("```python\n" + "x = '<b>'\n" * 600)
    renderer.tail_html()
    renderer.feed("last = 1\nhalf")
    assert without_colours(renderer.tail_html()).count("x = '&lt;b&gt;'") == 600
    assert "last = 1\n</code></pre>" in renderer.tail_html()
    renderer.feed("\n```\n**after**")
    assert "```" not in renderer.tail_html()
    assert "half</code>" in renderer.tail_html()
    assert renderer.finish().endswith("<p><strong>after</strong></p>\n")
