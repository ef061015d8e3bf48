"""Sources of a reply: marks behind what they stand for, which change nothing else, and one list below."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.analysis.sources import footnotes
from langswarm_nb.notebook.showing.carried import with_footnotes, with_footnotes_text
from langswarm_nb.render import render_html
from langswarm_nb.render.source_marks import SOURCE_MARK
from tests.support.hostile import TEXTS
from tests.support.html import assert_safe, elements, text_of

MARK = SOURCE_MARK.pattern.replace("?P<number>", "?:").replace("?P<address>", "?:")
TAKEN_OUT = re.compile(rf"\n\n(?:{MARK})+\n|{MARK}")
SHOWN_MARK = re.compile(r'<sup class="lsnb-cite">.*?</sup>')
SHOWN_ALONE = re.compile(r'<p>(?:<sup class="lsnb-cite">[^\n]*?</sup>)+</p>\n')
PIECES = (
    *(
        "word",
        "**",
        "*",
        "_",
        "`",
        "``",
        "~~",
        "```py\n",
        "```\n",
        "\n",
        "\n\n",
        "- ",
        "> ",
        "# ",
        "1. ",
        "[x] ",
    ),
    *(
        "| a | b |\n|---|---|\n| c | d |\n",
        "$x$",
        "$$\ny\n$$\n",
        "[l](https://a.b)",
        "![i](https://x)",
        "\r\n",
        "\x00",
    ),
    *(
        "<https://a.b>",
        "\\",
        "\\*",
        "&amp;",
        "!",
        " ",
        "  \n",
        "你好",
        "👩‍💻",
        "🇩🇪",
        "e\u0301",
        "\ud800",
        "\t",
        "$5",
    ),
    *(
        "    code\n",
        "|",
        "[1]",
        "[",
        "]",
        "(",
        "===\n",
        "snake_case",
        "<br>",
        "***",
        "https://u.v/w",
        "【1†a】",
        "---\n",
    ),
)
URLS = ("https://a.b/1", "https://c.d/2", "javascript:x", "https://e.f/(a)|$b`*_?[x]", None)


def cited(text: str, *ends: int, url: str | None = "https://a.b/{}") -> list[dict[str, object]]:
    return [
        {"type": "citation", "title": f"T{n}", "start": 0, "end": end}
        | ({} if url is None else {"url": url.format(n)})
        for n, end in enumerate(ends)
    ]


def marked(text: str, part: str, **more: object) -> str:
    """Return the text, in which the first ``part`` has a source, with its mark as ``^``."""
    ends = text.index(part) + len(part)
    result = with_footnotes(text, cited(text, ends))[0]
    return SOURCE_MARK.sub("^", result)


@given(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=25).map("".join),
    st.lists(
        st.tuples(st.sampled_from(URLS), st.integers(0, 90), st.integers(0, 90)), min_size=1, max_size=5
    ),
)
def test_marks_change_nothing_else(text: str, places: list[tuple[str | None, int, int]]):
    """Without its marks the Markdown is the text, and the page what it is without sources, wherever they point."""
    sources = [
        {"type": "citation", "title": "T", "start": start, "end": end} | ({"url": url} if url else {})
        for url, start, end in places
    ]
    result, listed = with_footnotes(text, sources)
    assert TAKEN_OUT.sub("", result) == text
    html = render_html(result)
    assert SHOWN_MARK.sub("", SHOWN_ALONE.sub("", html)) == render_html(text)
    assert_safe(html + listed)


@pytest.mark.parametrize(
    "text, part, result",
    [
        ("The tower is high. It", "high", "The tower is high^. It"),
        ("The tower is high. It", "high.", "The tower is high.^ It"),
        ("The tower is high. It", "high. ", "The tower is high.^ It"),
        ("The tower is", "tow", "The tower^ is"),
        ("a **bold** b", "bold", "a **bold**^ b"),
        ("a **bold** b", "a ", "a^ **bold** b"),
        ("call `f(x)` now", "f(", "call `f(x)`^ now"),
        ("so $x^2$ is", "$x", "so $x^2$^ is"),
        ("a [page](https://x.y/z) b", "pa", "a [page](https://x.y/z)^ b"),
        ("wow! really", "wow!", "wow^! really"),
        ("你好世界。再见", "你好世界", "你好世界^。再见"),
        ("a 👩‍💻 b", "👩", "a 👩‍💻^ b"),
        ("a 🇩🇪 b", "🇩", "a 🇩🇪^ b"),
        ("cafe\u0301 b", "cafe", "cafe\u0301^ b"),
        ("# Title ##\n\ntext", "Title ##", "# Title^ ##\n\ntext"),
        ("# # #", "# # #", "# #^ #"),
        ("> ## # ##", "# ##", "> ## #^ ##"),
        ("> one\n> two", "one\n>", "> one^\n> two"),
        ("- one\n- two", "one\n- ", "- one^\n- two"),
        ("| a | b |\n|---|---|\n| c | d |", "c ", "| a | b |\n|---|---|\n| c^ | d |"),
        ("| a | b |\n|---|---|\n| c | d |", "d |", "| a | b |\n|---|---|\n| c | d^ |"),
        ("| a | b |\n|---|---|\n| c | d |", "|--", "| a | b^ |\n|---|---|\n| c | d |"),
        ("x\n\n```py\na = 1\n```\n\ny", "a =", "x\n\n```py\na = 1\n```\n\n^\n\n\ny"),
        ("$$\nx\n$$\ny", "x", "$$\nx\n$$\n\n^\n\ny"),
        ("- do\n\n  ```\n  code\n  ```", "code", "- do^\n\n  ```\n  code\n  ```"),
        ("x\n\n```\ncut", "cut", "x^\n\n```\ncut"),
        ("a\\* b", "a\\", "a\\*^ b"),
        ("R&amp;D", "R&", "R&amp;^D"),
    ],
)
def test_a_mark_stands_behind_what_it_is_for(text: str, part: str, result: str):
    """Behind whole words, characters, code, formulas, links and cells, and never inside of them."""
    assert marked(text, part) == result


@pytest.mark.parametrize(
    "text",
    [
        "It is high [1].",
        "It is high[^1].",
        "It is high 【4†source】.",
        "It is high ([a.b](https://a.b/0?utm_source=openai)).",
        "It is high https://a.b/0/.",
        "It is high [[1]](https://other.invalid).",
    ],
)
def test_a_text_with_marks_of_its_own_gets_no_second(text: str):
    """Where the model wrote a mark, or the link itself, that is enough; the list is there."""
    for end in (len(text), len(text) - 1, text.index("high") + 4):
        result, listed = with_footnotes(text, cited(text, end))
        assert (result, text_of(listed)) == (text, "SourcesT0 (a.b)\n")


def test_sources_are_numbered_as_they_appear():
    """One number for each source, by its first place in the text; those without a place come last, once each."""
    text = "One. Two. Three."
    parts: list[dict[str, object]] = [
        {"type": "citation", "url": "https://x.y/late", "title": "late"},
        {"type": "citation", "url": "https://x.y/2", "end": 8},
        {"type": "citation", "url": "https://x.y/1", "title": "first", "end": 3},
        {"type": "citation", "url": "https://x.y/1/", "end": 8},
        {"type": "citation", "title": "A book", "end": 15},
    ]
    result, listed = with_footnotes_text(text, parts)
    assert result == "One[1]. Two[1][2]. Three[3]."
    assert (
        listed
        == "Sources:\n[1] first https://x.y/1\n[2] https://x.y/2\n[3] A book\n[4] late https://x.y/late"
    )
    html = render_html(with_footnotes(text, parts)[0])
    assert [(link.text, link.get("href")) for link in elements(html) if link.tag.endswith("}a")] == [
        ("[1]", "https://x.y/1"),
        ("[1]", "https://x.y/1/"),
        ("[2]", "https://x.y/2"),
    ]


def test_a_text_that_has_no_marks_has_its_claims_in_the_list():
    """Where a source stands first, by the beginning of its words, on one bounded line; and how often else."""
    text = "The tower is high.\nIt is old \u202e too. " + "So it " * 40
    parts: list[dict[str, object]] = [
        {"type": "citation", "url": "https://x.y/1", "start": 19, "end": 36},
        {"type": "citation", "url": "https://x.y/1", "start": 0, "end": 18},
        {"type": "citation", "url": "https://x.y/2", "start": 36, "end": len(text)},
        {"type": "citation", "title": "A book", "end": len(text)},
        {"type": "citation", "title": "Late"},
    ]
    assert footnotes(text, parts).claims_text.splitlines() == [
        "Sources:",
        "[1] https://x.y/1 for “The tower is high.” and 1 more",
        f"[2] https://x.y/2 for “{('So it ' * 40)[:59]}…”",
        f"[3] A book for “{('So it ' * 10).strip()}”",
        "[4] Late",
    ]
    hidden = footnotes(text, parts[:1]).claims_text
    assert hidden.endswith("for “It is old \\u{202e} too.”")


@pytest.mark.parametrize("end", [None, 0])
@pytest.mark.parametrize("more", [{}, {"start": 3}])
def test_a_source_without_a_place_is_only_listed(end: int | None, more: dict[str, int]):
    """No end, or one before the start, is no place."""
    part = {"type": "citation", "url": "https://x.y", "end": end, **more}
    result, listed = with_footnotes("Some text.", [part])
    assert (result, text_of(listed)) == ("Some text.", "Sourceshttps://x.y (x.y)\n")


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_hostile_texts_and_titles_stay_text(text: str):
    """Whatever a page is called, and whatever the reply says around its mark."""
    parts = [
        {"type": "citation", "url": url, "title": text, "end": len(text) // 2}
        for url in (text, "https://a.b/c")
    ]
    result, listed = with_footnotes(text, parts)
    assert_safe(render_html(result) + listed)
    assert "\n" not in with_footnotes_text(text, parts)[1].removeprefix("Sources:\n[1] ").replace(
        "\n[2] ", ""
    )


@pytest.mark.parametrize(
    "url",
    [
        *(
            "javascript:window.pwned=1",
            "data:text/html,x",
            "//evil.invalid",
            "https://",
            "http://a b.c",
            "ftp://x.y",
        ),
        *(
            'https://a.b/"onclick=x',
            "https://a.b/)[x](https://evil.invalid",
            "https://a.b/\u202e",
            "file:///etc/passwd",
        ),
        *("https://[::1", "https://a.b:99999999/", "HTTPS://A.B/x y", "https://例え.jp/道"),
    ],
)
def test_links_lead_where_they_say_or_nowhere(url: str):
    """Only whole addresses of http and https are links; all else is text in the list."""
    result, listed = with_footnotes(
        "Some text here.", [{"type": "citation", "url": url, "title": "T", "end": 9}]
    )
    page = render_html(result) + listed
    assert_safe(page)
    hrefs = {link.get("href", "") for link in elements(page) if link.tag.endswith("}a")}
    assert all(
        href.lower().startswith(("http://", "https://")) and "evil" not in href.split("/")[2]
        for href in hrefs
    )
    assert text_of(render_html(result)) == "Some text[1] here.\n"


def test_a_thousand_sources_are_few_marks_and_a_folded_list():
    """At one place stand eight marks at most; ten sources are listed at once, the rest unfolds."""
    text = "word " * 100
    result, listed = with_footnotes(text, cited(text, *(n // 100 * 5 + 4 for n in range(1_200))))
    assert len(SOURCE_MARK.findall(result)) == 10 * 8
    assert "1,190 more" in text_of(listed)
    assert text_of(listed).count("(a.b)") == 1_000
    assert with_footnotes(text, cited(text, *(n // 100 * 5 + 4 for n in range(1_200)))) == (result, listed)


def test_a_link_in_a_link_is_no_link():
    """Of a mark that a model puts into the text of a link the mark is the link, as Markdown has it of links."""
    html = render_html("[see [[^1]](https://evil.invalid) this](https://a.b)")
    assert_safe(html)
    assert [link.get("href") for link in elements(html) if link.tag.endswith("}a")] == [
        "https://evil.invalid"
    ]
    assert text_of(html) == "[see [1] this](https://a.b)\n"
