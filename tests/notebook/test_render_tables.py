"""Tables, bubbles and the page around them: what they show, and that nothing in them is more than text."""

from __future__ import annotations

import re

import pytest

from langswarm_nb.render import render_html
from langswarm_nb.render.page import ReplyPart, bubble_html, page_html, scoped_page
from langswarm_nb.render.tables import Branch, Code, Marked, Table, facts_html, facts_text
from tests.support.hostile import TEXTS
from tests.support.html import assert_safe, elements, text_of


def body_of(page: str) -> str:
    """Return what stands in a page behind its style."""
    return page.partition("</style>")[2].removesuffix("</div>")


def cells(html: str) -> list[str]:
    return [text_of(cell) for cell in re.findall(r"<t[hd][ >].*?</t[hd]>", html)]


def test_a_table_is_html_and_text_of_one_value():
    """Columns have headers, numbers stand at the right, the current row is marked, empty columns are left out."""
    table = Table(
        ("", "session", "home", "messages"),
        [("→", "cats", "", 1200), ("", "dogs", "", None)],
        caption="Two",
        note="x",
    )
    html = table.html()
    assert cells(html) == ["", "session", "messages", "→", "cats", "1,200", "", "dogs", ""]
    assert html.count('<tr class="lsnb-here">') == 1
    assert '<td align="right">1,200</td>' in html
    assert text_of(body_of(html)).startswith("Two")
    assert table.text() == "Two\n   session  home  messages\n→  cats           1200\n   dogs\nx"


def test_cells_say_how_they_look():
    """Code, marked words and the lines of a tree; their text is the same in a terminal."""
    table = Table(
        ("a", "b", "c"), [(Code("1.2"), Marked("A mean, meaning demeaned", ("MEAN",)), Branch("├─ ", "x"))]
    )
    html = table.html()
    assert "<code>1.2</code>" in html
    assert "A <mark>mean</mark>, <mark>mean</mark>ing demeaned" in html
    assert '<div class="lsnb-branch"><span>├─ </span><span>x</span></div>' in html
    assert table.text().endswith("1.2  A mean, meaning demeaned  ├─ x")


def test_facts_have_their_names_before_them():
    """One thing, one fact a line; the names are headers of their rows."""
    facts = {"model": "mock:echo", "turns": 3}
    assert facts_text(facts) == "model  mock:echo\nturns  3"
    assert '<th scope="row">model</th><td>mock:echo</td>' in facts_html(facts)


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_text_stays_text_on_every_surface(name: str):
    """In cells, captions, marks, names, bubbles, columns and next steps nothing of a model's becomes markup."""
    text = TEXTS[name]
    table = Table(
        (text, "b"), [(text, Code(text)), (Marked(text, (text[:3], "a")), Branch(text, text))], text, text
    )
    part = ReplyPart(render_html(text), text, text, text, [(text, text)], (text, text))
    for page in (
        table.html(),
        facts_html({text: text}, text),
        scoped_page("".join(bubble_html(who, text, text) for who in ("user", "assistant", "system", "tool"))),
        scoped_page(bubble_html("assistant", text, text, format="markdown")),
        page_html([part, part]),
        page_html([ReplyPart(render_html(text), text, footer=text, is_live=True)]),
    ):
        assert_safe(body_of(page))
        assert page.count("<style>") == 1


def test_a_frame_that_was_put_into_a_question_is_folded():
    """The table stands behind its title, the words around it stay."""
    title = "DataFrame: 40 rows x 2 columns (the first 20 rows follow)\ndtypes: a: int64"
    frame = f"{title}\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"
    html = bubble_html("user", "You · 0.1", f"What is this?\n\n{frame}\n\nAnd that?\n\n{frame}")
    assert html.count("<details><summary>DataFrame: 40 rows x 2 columns") == 2
    assert html.count("<table>") == 2
    assert [text_of(pre) for pre in re.findall("<pre.*?</pre>", html)] == ["What is this?", "And that?"]
    assert bubble_html("user", "You", "| a |\n|---|").count("<details") == 0


def test_a_page_copies_its_code_with_one_handler():
    """Each block has a button that is hidden unless the page kept its handler; one that is live has none."""
    body = render_html("```python\nx\n```\n\n    y\n\n> ```\n> z\n> ```")
    page = page_html([ReplyPart(body)])
    buttons = [element for element in elements(body_of(page)) if element.tag.endswith("button")]
    assert len(buttons) == page.count("<pre ") == 3
    assert all("hidden" in button.attrib and button.attrib["aria-label"] == "Copy" for button in buttons)
    assert page.count("onclick=") == 1
    assert "<button" not in page_html([ReplyPart(body, is_live=True)])
    assert "onclick" not in page_html([ReplyPart(render_html("no code"))])


def test_a_button_stands_in_the_strip_of_its_own_block():
    """Also where a block without a language follows another box."""
    page = scoped_page(bubble_html("assistant", "Model", "    code", format="markdown"))
    who, _, rest = page.partition('<div class="lsnb-lang">')
    assert "<button" not in who.partition("</style>")[2]
    assert rest.startswith("<button")


@pytest.mark.parametrize(
    "markdown, before",
    [
        ("One.\n\nTwo", "Two"),
        ("- a\n- b", "b"),
        ("- a\n  - *b*", "</em>"),
        ("> quote", "quote"),
        ("# Head", "Head"),
        ("| a |\n|---|\n| b |", "b"),
        ("```python\nx = y", "x = y"),
        ("a [link](https://a.b)", ")</span>"),
    ],
)
def test_the_cursor_stands_behind_the_last_word(markdown: str, before: str):
    """While a reply arrives, on the line of its last word and not below it."""
    page = page_html([ReplyPart(render_html(markdown), footer="arriving …", is_live=True)])
    assert f'{before}<span class="lsnb-caret">▍</span>' in page


def test_the_style_has_only_what_a_page_needs():
    """All of it is inside of the page's own rule; a plain reply carries little."""
    plain, rich = (
        page_html([ReplyPart(render_html(text))]) for text in ("a", "# a\n\n```python\n1\n```\n\n|a|\n|-|")
    )
    assert len(plain) < 800
    for page in (plain, rich):
        style = page.partition("<style>")[2].partition("</style>")[0]
        depth, ends = 0, []
        for found in re.finditer("[{}]", style):
            depth += 1 if found[0] == "{" else -1
            ends += [found.end()] if not depth else []
        assert ends == [len(style)]
        assert style.startswith(".lsnb-reply.lsnb-reply{")
        assert not re.search(r"url\(|@import|https?:", style)


def test_tasks_have_boxes():
    """They are characters, so that they are seen without styles; other brackets stay."""
    html = render_html("- [x] done\n- [ ] open\n- [y] text\n- [ ]\n\n[x] text")
    assert text_of(html).split("\n") == ["", "☑ done", "☐ open", "[y] text", "[ ]", "", "[x] text", ""]
    assert html.count("lsnb-task") == 2
