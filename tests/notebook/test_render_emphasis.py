"""Emphasis beside Chinese, Japanese and Korean, and line breaks in tables."""

# ruff: noqa: RUF001 - the punctuation of those scripts is what this is about

from __future__ import annotations

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from langswarm_nb.render import render_html


def texts_of(tag: str, text: str) -> list[str]:
    """Return the texts of the elements of a kind in the HTML of a Markdown text."""
    page = html5lib.parseFragment(render_html(text), treebuilder="etree", namespaceHTMLElements=False)
    return ["".join(element.itertext()) for element in page.iter(tag)]


@pytest.mark.parametrize(
    "text, strong",
    [
        ("**강조(emphasis)**는", "강조(emphasis)"),
        ("한국어**(강조)**입니다", "(강조)"),
        ("これは**「重要」**です。", "「重要」"),
        ("**この文（括弧）。**次の文", "この文（括弧）。"),
        ("这是**“引用”**的", "“引用”"),
        ("中文**`code`**中文", "code"),
        ("**重要!**と", "重要!"),
        ("値は**10%**です", "10%"),
        ("葛\U000e0100**（a）**と", "（a）"),
    ],
)
def test_emphasis_needs_no_blank_beside_cjk(text, strong):
    """Where a bracket, a quotation mark or a particle stands beside the marks; so do italics and strikethrough."""
    assert texts_of("strong", text) == [strong]
    assert texts_of("em", text.replace("**", "*")) == [strong]
    assert texts_of("s", text.replace("**", "~~")) == [strong]


@pytest.mark.parametrize(
    "text", ["a**(b)**c", "😀**(a)**b", "** 강조**는", "**강조 **는", "名_前_の", "2 ** 3 ** 4"]
)
def test_other_marks_stay_text(text):
    """Without such a character beside them, with a blank on the inside, and as part of a name."""
    assert texts_of("strong", text) + texts_of("em", text) == []


@given(st.text(st.sampled_from("ab *_~().,\n\u00e9\u201c"), max_size=20))
def test_text_without_cjk_is_as_commonmark_has_it(text):
    """What has no such character is read as before."""
    plain = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable("strikethrough")
    page = html5lib.parseFragment(plain.render(text), treebuilder="etree", namespaceHTMLElements=False)
    for tag in ("strong", "em", "s"):
        assert texts_of(tag, text) == ["".join(element.itertext()) for element in page.iter(tag)]


@pytest.mark.parametrize("tag", ["<br>", "<br/>", "<br />", "<BR>"])
def test_a_bare_br_breaks_the_line_of_a_cell(tag):
    """In its head and its rows."""
    html = render_html(f"| a{tag}b | c |\n|---|---|\n| x{tag}y | {tag} |")
    assert html.count("<br>") == 3
    assert "&lt;" not in html


@pytest.mark.parametrize(
    "tag", ['<br class="x">', "<br onclick=x>", "</br>", "&lt;br&gt;", "\\<br>", "`<br>`", "<b>", "<brx>"]
)
def test_other_tags_in_cells_are_text(tag):
    """With an attribute, escaped, in code: what was written is seen."""
    html = render_html(f"| a | b |\n|---|---|\n| x{tag}y | z |")
    assert "<br>" not in html
    assert "&lt;" in html


def test_a_br_elsewhere_is_text():
    """In a paragraph, a heading, a list and the words of an image."""
    html = render_html("a<br>b\n\n# c<br>d\n\n- e<br>\n\n![f<br>g](https://x.example/a.png)")
    assert html.count("&lt;br&gt;") == 4
    assert "<br>" not in html
