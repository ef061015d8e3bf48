"""The renderer and innocent text: what a model writes is read as it was meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.render import render_html
from tests.support.html import assert_safe, elements, text_of

FILLERS = "\u115f\u1160\u3164\uffa0"  # letters that nobody sees: shown where two stand together


@pytest.mark.parametrize(
    "text",
    [
        "if a < b and c > d: pass",
        "List<String> and Map<K, V>, std::vector<int>, <stdin>, <T>, <b>no markup</b>",
        "R&D, AT&T, a && b, x &= y, a&b=c",
        "costs $5 and $10, or US$ 7 and CA$8; $HOME/$USER; a $ or two $$ signs, 100% sure",
        "C:\\Users\\me, \\n is a newline, \\begin{document} \\ref{x} \\alpha",
        "2 * 3 * 4 = 24, snake_case_name, 5^2, f(x) = y_1, a|b, ~20, 1~2, #tag, +1, e.g. :-)",
        "你好，世界。これは例です。 한국어 문장.",  # noqa: RUF001
        "שלום עולם (כן), مرحبا بالعالم، می‌خواهم",
        "👩‍💻 👨‍👩‍👧‍👦 🏳️‍🌈 🏴‍☠️ 👁️‍🗨️ 1️⃣ ☀️ ℹ️ 🇩🇪 🏴󠁧󠁢󠁳󠁣󠁴󠁿 👍🏽",  # noqa: RUF001
        "葛󠄀城市, naïve café, Zalg̈o, ﷽, ∀x ≤ 5, soft\u00adhyphen, non\u00a0breaking",
        "me at example.com, [1] is not a footnote, [x] a box, ![no image, a](b, <not a tag",
        "[name]: value is not a definition here",
    ],
)
def test_innocent_text_keeps_every_character(text: str):
    """Comparisons, generics, prices, paths, all scripts and emoji look as they were written."""
    html = render_html(text)
    assert_safe(html)
    assert text_of(html).strip() == text


@given(st.text(st.characters(categories=["L", "N"], exclude_characters=FILLERS), min_size=1))
def test_letters_of_all_scripts_stay(text: str):
    """No letter or digit of Unicode is lost or changed."""
    assert text_of(render_html(text)).strip() == text


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters=FILLERS)))
def test_code_keeps_every_character(text: str):
    """Code is shown as it is, with all its spaces, marks and newlines."""
    code = text + "\n    indented\n\n<tag> &amp; `tick`\n"
    assert text_of(render_html(code, format="code")).removesuffix("\n") == code
    assert text_of(render_html(f"~~~~~\n{code}~~~~~")).strip("\n") == code.strip("\n") or "~~~~~" in text


@pytest.mark.parametrize(
    "markdown, html",
    [
        ("*a* **b** ~~c~~ `d`", "<em>a</em> <strong>b</strong> <s>c</s> <code>d</code>"),
        ("# Title", "<h1>Title</h1>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("3. a", '<ol start="3">\n<li>a</li>\n</ol>'),
        ("> a", "<blockquote>\n<p>a</p>\n</blockquote>"),
        ("a  \nb", "a<br>\nb"),
        ("---", "<hr>"),
        ("|a|b|\n|-|-:|\n|1|2|", '<th align="right">b</th>'),
        (
            "```python\nx < y\n```",
            '<div class="lsnb-lang">python</div><pre dir="ltr"><code>x &lt; y\n</code></pre>',
        ),
        ("```\nx\n```", '<pre dir="ltr"><code>x\n</code></pre>'),
    ],
)
def test_markdown_is_rendered(markdown: str, html: str):
    """Emphasis, headings, lists, quotes, tables with alignment and code with its language."""
    assert html in render_html(markdown)


@pytest.mark.parametrize(
    "markdown, text",
    [
        ("[docs](https://example.com/a/b)", "docs (example.com)"),
        ("[google.com](https://google.com@evil.invalid/)", "google.com (evil.invalid)"),
        ("[https://bank.invalid](https://evil.invalid)", "https://bank.invalid (evil.invalid)"),
        ("[bänk](https://b\u0430nk.invalid)", "bänk (xn--bnk-6cd.invalid)"),
        ("[write](mailto:a@example.com?subject=x)", "write (mailto:a@example.com)"),
        ("<https://example.com/a>", "https://example.com/a"),
        ("[example.com/a](https://example.com/a)", "example.com/a"),
        ("<a@example.com>", "a@example.com"),
        ("[see <https://a.invalid> there](https://b.invalid)", "see https://a.invalid there (b.invalid)"),
        ("[](https://example.com)", "https://example.com"),
        ("![a cat](https://example.com/cat.png)", "a cat (image: example.com)"),
        ("![](https://example.com/cat.png)", "image (image: example.com)"),
        ("[![logo](https://a.invalid/i)](https://b.invalid)", "logo (image: a.invalid) (b.invalid)"),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
        ("![x](data:image/png;base64,AAAA)", "![x](data:image/png;base64,AAAA)"),
    ],
)
def test_links_say_where_they_lead(markdown: str, text: str):
    """The host stands behind a link that does not show its address; images are links; other schemes are text."""
    html = render_html(markdown)
    assert_safe(html)
    assert text_of(html).strip() == text


def test_a_link_has_its_whole_address_as_title():
    """The host is shown, the rest of the address on demand; a title of the model comes second."""
    (link,) = [e for e in elements(render_html('[a](https://example.com/b?c "Safe!")')) if "href" in e.attrib]
    assert link.attrib["href"] == "https://example.com/b?c"
    assert link.attrib["title"] == "https://example.com/b?c (Safe!)"


@pytest.mark.parametrize(
    "formula",
    [
        "$x^2 + y_1$",
        "$$\\int_0^1 f(x)\\,dx$$",
        "\\(a*b*c\\)",
        "\\[\\frac{a}{b} < \\sqrt{2}\\]",
        "$$\n\\begin{aligned}\na &= b \\\\\n- c\n\\end{aligned}\n$$",
        "\\[\n\\sum_{i=1}^{n} i = \\frac{n(n+1)}{2}\n\\]",
        "$\\{x \\mid x > 0\\}$",
    ],
)
def test_plain_formulas_are_left_to_the_page(formula: str):
    """Their source stands whole and alone in an element, where MathJax finds it and a reader can read it."""
    html = render_html(f"So {formula} holds." if "\n" not in formula else formula)
    (math,) = [e for e in elements(html) if e.get("class") == "lsnb-math"]
    assert "".join(math.itertext()) == formula
    assert len(math) == 0


@pytest.mark.parametrize(
    "formula",
    [
        "$\\href{https://evil.invalid}{x}$",
        "$\\unicode{x202e}$",
        "$\\require{html} x$",
        "$\\class{jp-mod}{x}$",
        "$\\def\\x{\\x\\x}\\x$",
        "$\\newcommand{\\x}{1}$",
        "$\\phantom{hidden}$",
        "$\\color{white}{hidden}$",
        "$\\kern-90em x$",
        "$\\raise90em{x}$",
        "$a \\\\[-90em] b$",
        "$" + "\\!" * 20 + "x$",
        "$\\rule{90em}{90em}$",
        "$\\label{x}$",
        "$\\begin{html}x\\end{html}$",
        "$\\begin {html}x$",
        "$a % hidden$",
        "$" + "{" * 30 + "}" * 30 + "$",
        "$a } b { c$",
        "$a\\\n\\href{x}{y}$",
        "$\\hreF{x}{y}$",
    ],
)
def test_other_formulas_are_shown_as_code(formula: str):
    """TeX that links, defines, loads, hides or moves is read, not typeset."""
    html = render_html(f"So {formula} holds.")
    assert 'class="lsnb-math"' not in html
    assert " ".join(formula.split()) in " ".join(text_of(html).split())
    assert_safe(html)


@given(
    st.text("$\\()[] a1\n", max_size=40)
    | st.lists(
        st.sampled_from(["$", "\\(", "\\)", "$$", "\\[", "\\begin{a}", "\\ref{a}", "x", " ", "*", "`"])
    ).map("".join)
)
def test_mathjax_finds_formulas_only_in_our_elements(text: str):
    """Text outside of formulas and code holds no delimiter beside other text: prices are not typeset."""
    for element in elements(render_html(text)):
        if element.get("class") == "lsnb-math" or element.tag.endswith(("code", "pre")):
            continue
        for piece in [element.text, *(child.tail for child in element)]:
            assert piece in {"$", "\\"} or not any(
                mark in (piece or "") for mark in ("$", "\\(", "\\[", "\\begin", "\\ref")
            )


def test_only_so_many_formulas_are_typeset():
    """The browser is not kept busy for minutes by one reply."""
    html = render_html("$x$ " * 1000 + "\n\n" + "$y$ " * 1000)
    assert html.count('class="lsnb-math"') == 200
    assert html.count('class="lsnb-tex"') == 1800


def test_what_markdown_would_swallow_is_shown():
    """Link definitions and what is nested too deep stay visible."""
    assert "hidden words" in text_of(render_html("[//]: # (hidden words)"))
    assert "deep words" in text_of(render_html("> " * 90 + "deep words"))
    assert "deep words" in text_of(render_html("- " * 90 + "deep words"))
    assert text_of(render_html("*a " * 90 + "b" + " a*" * 90)).count("*") > 100


@pytest.mark.parametrize("unit", ["word ", "<a", "```\n"])
def test_a_long_reply_is_shown_whole(unit: str):
    """Beyond the limit the text follows unrendered, with a note; nothing is lost."""
    text = unit * (130_000 // len(unit)) + "the end"
    html = render_html(text)
    assert html.count('class="lsnb-note"') == 1
    assert html.rstrip().endswith("the end</pre>")


def test_json_is_indented_and_anything_else_is_text():
    """Format json shows JSON readably, and what is none as it is."""
    assert '"a": [\n    1,\n    "é<"' in text_of(render_html('{"a":[1,"é<"]}', format="json"))
    assert text_of(render_html("{'a': 1}", format="json")).strip() == "{'a': 1}"
    assert text_of(render_html("[" * 100_000, format="json")).strip() == "[" * 100_000


def test_an_unknown_format_is_named():
    """The error tells what can be asked for."""
    with pytest.raises(ValueError, match=r"'xml' is not known\. It can be one of markdown, text"):
        render_html("x", format="xml")  # type: ignore[arg-type]


def test_html_is_shown_in_a_frame_that_can_do_nothing():
    """The frame has no permissions, a policy against fetching, and no element that fetches without it."""
    html = render_html(
        "<h1 onclick=x>Hi</h1><script>alert(1)</script><link rel=preconnect href=//evil.invalid><base href=x>"
        "<meta http-equiv=refresh content=0><img src=data:image/png;base64,AA><a href='data:text/html,x'>l</a>"
        '</iframe>"><script>alert(2)</script><form action=x><iframe src=x>',
        format="html",
    )
    frame, *rest = elements(html)
    assert frame.attrib["sandbox"] == ""
    page = frame.attrib["srcdoc"]
    assert page.startswith('<meta http-equiv="Content-Security-Policy" content="default-src \'none\';')
    assert "<h1>Hi</h1>" in page
    assert '<img src="data:image/png;base64,AA">' in page
    for word in ("script", "onclick", "link", "base ", "refresh", "form", "iframe", "data:text"):
        assert word not in page.split('no-referrer">')[1], word
    assert {e.tag.rpartition("}")[2] for e in rest} == {"details", "summary", "div", "pre", "code", "span"}


@pytest.mark.parametrize(
    "html",
    [
        '<img src="http://evil.invalid/a.png" alt="a">',
        "<img src=//evil.invalid/a.png alt=a>",
        '<style title="a>b">@import "http://evil.invalid/a.css";</style>',
        "<style>b{background:u\\72l(//evil.invalid/a)}</style>",
        "<b style=\"background:image-set('//evil.invalid/a' 1x)\">b</b>",
        '<b style="background:url( //evil.invalid/a )">b</b>',
    ],
)
def test_html_in_a_frame_names_no_address_to_fetch_from(html):
    """Nothing is even asked for and then refused by the policy: pictures and styles of other hosts are taken out."""
    assert "evil" not in next(elements(render_html(html, format="html"))).attrib["srcdoc"]
