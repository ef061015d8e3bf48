"""What is left of saved outputs where another program shows them: a code host, a LaTeX or Markdown document."""

from __future__ import annotations

import re

import nbformat
import nh3
import pytest
from markdown_it import MarkdownIt
from nbconvert import LatexExporter, MarkdownExporter

from langswarm_nb.core.session import MessageRole, SessionMessage
from langswarm_nb.core.session.answers.schema_errors import AnswerInvalidError
from langswarm_nb.notebook.commands.results import Facts, Listing
from langswarm_nb.notebook.panel.static_twin import twin_bundle
from langswarm_nb.notebook.showing.answer_tables import MIME, shown_answer, shown_problem
from langswarm_nb.notebook.showing.column import Column
from langswarm_nb.notebook.showing.display import reply_bundle
from langswarm_nb.notebook.showing.transcript import messages_html
from langswarm_nb.render import render_html
from langswarm_nb.render.page import ReplyPart, page_html
from langswarm_nb.render.tables import Code, Marked, facts_html
from tests.support.html import text_of

ANSWER = """# Sums

A **long** answer with `code`, $a^2$ and [a link](https://example.org/page).

| city | price |
|---|--:|
| Lisbon | 120 € |

```python
def f(x):
    return x
```

- [x] done
- [ ] open
"""
SPOKEN = [
    "Sums",
    "A long answer with code, $a^2$ and a link (example.org).",
    "city",
    "price",
    "Lisbon",
    "120 €",
    "python",
    "def f(x):",
    "    return x",
    "☑ done",
    "☐ open",
]
"""What a reader of the answer sees, in order."""
TALK = [
    SessionMessage(role=MessageRole.USER, content="What is a sum?", turn=0, version=1),
    SessionMessage(role=MessageRole.ASSISTANT, content=ANSWER, turn=0, version=1),
]
TABLE = Listing(
    ("", "session", "text"), [("→", Code("maths"), Marked("the sum of two", ("sum",)))], caption="1 message"
)
FOOTER = "openai:gpt-6-luna · 412→128 tok · 2.1 s · turn 0.1"


PEOPLE = [{"name": "Ann", "tags": ["tea", "rain"]}, {"name": "Bo", "tags": None}]


def misfit() -> AnswerInvalidError:
    """Return what is wrong with an answer."""
    error = AnswerInvalidError("It does not fit.")
    error.problems = ("$.name: not text",)
    return error


def compared() -> str:
    """Return the page of a comparison."""
    step = ("Go on with this one:", "%langswarm use 0.1")
    sides = [Column(took, "412→128 tok · turn 0.1", step) for took in ("2.1 s", "3.4 s")]
    return page_html(
        [
            ReplyPart(
                render_html(ANSWER),
                name,
                subtitle=side.subtitle,
                footer=side.footer,
                next_step=side.next_step,
            )
            for name, side in zip(("one:a", "two:b"), sides, strict=True)
        ]
    )


PAGES = {
    "an answer": (reply_bundle(ANSWER, footer=FOOTER)["text/html"], [*SPOKEN, FOOTER]),
    "a comparison": (
        compared(),
        [
            word
            for name, took in (("one:a", "2.1 s"), ("two:b", "3.4 s"))
            for word in (
                f"{name} {took}",
                *SPOKEN,
                "412→128 tok · turn 0.1",
                "Go on with this one: %langswarm use 0.1",
            )
        ],
    ),
    "an answer that is a value": (
        reply_bundle("", answer=shown_answer(PEOPLE, ["name", "tags"]), footer=FOOTER)["text/html"],
        ["name", "tags", "0", "Ann", "tea, rain", "1", "Bo", "null", FOOTER],
    ),
    "an answer that does not fit": (
        reply_bundle("", answer=shown_problem(misfit(), '{"name": 1}'), footer=FOOTER)["text/html"],
        ['"name": 1', "It does not fit the schema: 1 problem", "$.name: not text", FOOTER],
    ),
    "a list": (TABLE._html(), ["1 message", "session", "text", "→", "maths", "the sum of two"]),
    "facts": (facts_html(Facts(model="one:a", store="here")), ["model", "one:a", "store", "here"]),
    "a conversation": (
        messages_html("Maths · 2 messages", TALK),
        ["Maths · 2 messages", "You · 0.1", "What is a sum?", "Model · 0.1", *SPOKEN],
    ),
    "a panel's twin": (
        twin_bundle("id", "Maths", TALK)["text/html"],
        ["You · 0.1", "What is a sum?", "Model · 0.1", *SPOKEN],
    ),
}


def on_a_code_host(html: str) -> str:
    """Return what a host leaves of HTML that takes styles, scripts, classes and controls away."""
    tags = nh3.ALLOWED_TAGS - {"button", "style", "script", "iframe"} | {"details", "summary"}
    return nh3.clean(
        html,
        tags=tags,
        clean_content_tags={"style", "script"},
        attributes={"a": {"href"}, "td": {"align"}, "th": {"align"}, "ol": {"start"}},
    )


@pytest.mark.parametrize("name", PAGES)
def test_outputs_read_well_without_styles(name):
    """All words stay, each where it stood, in elements that mean something; nothing of style or script is read."""
    page, words = PAGES[name]
    left = on_a_code_host(page)
    assert "class=" not in left
    text = text_of(left)
    at = 0
    for word in words:
        assert word in text[at:]
        at = text.index(word, at) + len(word)
    assert not re.search(r"lsnb|onclick|overflow|clipboard|\bCopy\b", text)


def in_latex(text: str) -> str:
    """Return the body of the LaTeX document that nbconvert makes of a notebook with this answer and this error."""
    cell = nbformat.v4.new_code_cell("%%langswarm\nHi")
    cell.outputs = [
        nbformat.v4.new_output("display_data", data=reply_bundle(text, footer=FOOTER)),
        nbformat.v4.new_output("error", ename="E", evalue=text, traceback=[f"E: {text}"]),
    ]
    made, _ = LatexExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    _, _, document = str(made).partition(r"\begin{document}")
    return document[document.index("Hi") :]


@pytest.mark.parametrize(
    "text",
    [
        ANSWER,
        r"\input{/etc/passwd} \write18{ls} \end{Verbatim} \catcode`\%=12",
        "100 % of $5_000 & #1 {braces} ~ ^ \\",
        "^^5cinput{x} ^^M",
        "$$\\input{x}$$ and `\\end{Verbatim}`",
    ],
)
def test_latex_shows_an_answer_as_text(text):
    """A document has the answer's words as they are, and no command, comment or formula of the model's."""
    body = in_latex(text)
    ours = re.sub(r"\\(?:begin|end)\{(?:Verbatim|tcolorbox|document)\}(?:\[.*\])?", "", body)
    ours = re.sub(r"\\(?:textbackslash|textasciitilde|\^)(?:\{\})?|\\(?:PY\w*|prompt|boxspacing)\b", "", ours)
    assert not re.search(r"(?<!\\)[%#&$_^~]", re.sub(r"%=+|% .*", "", ours))
    assert not re.search(r"\\(?:input|write|catcode)", body)
    assert (
        body.count(r"\end{Verbatim}") == body.count(r"\begin{Verbatim}") + 1
    )  # that of the code stands before


@pytest.mark.parametrize("around", ["```python\n{}\n```", "```\n{}\n```", "    {}", "<pre>{}</pre>"])
@pytest.mark.parametrize("gap", ["\n\n", "\n \t\n\n    ", "\n\n\n\n", "\n>\n\n"])
@pytest.mark.parametrize("form", ["markdown", "text", "code", "json"])
def test_markdown_of_a_notebook_shows_an_answer_as_it_was(around, gap, form):
    """No blank line of a code block or a text lets what follows it become Markdown, such as an image of the model's."""
    answer = around.format(f"x = 1{gap}![x](https://host/a.png) *a* <https://host>{gap}# y")
    page = reply_bundle(answer, format=form, footer=FOOTER)["text/html"]
    cell = nbformat.v4.new_code_cell("%%langswarm\nHi")
    cell.outputs = [nbformat.v4.new_output("display_data", data={"text/html": page, "text/plain": answer})]
    made, _ = MarkdownExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    read = MarkdownIt("commonmark").render(str(made))
    assert page.strip() in read
    assert not re.search("<img|<em>|<h1|href", read.replace(page.strip(), ""))


def test_neither_markdown_nor_latex_is_offered_to_a_page():
    """Front ends may run what is in Markdown, and some prefer either to the page when a screen reader is on."""
    assert set(reply_bundle(ANSWER)) == {"text/html", "text/plain"}
    bundle = reply_bundle("", answer=shown_answer(PEOPLE))
    assert set(bundle) == {
        "text/html",
        "text/plain",
        MIME,
    }  # of application/json front ends show a tree instead
    assert set(twin_bundle("id", "Maths", TALK)) == {"text/html", "text/plain"}
