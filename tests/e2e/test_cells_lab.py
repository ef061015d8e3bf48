"""What cells show, in a real JupyterLab: readable for all, in both themes; a Copy button where it can work only."""

from __future__ import annotations

import nbformat
import pytest

from scripts.pictures import MEAN, MEDIAN, RUNNING_MEAN, setup
from tests.support.axe import findings

CELLS = (
    setup("Looks", [RUNNING_MEAN, MEAN, MEDIAN]),
    "%%langswarm\nHow?",
    "%%langswarm -m mock:a,mock:b\nMean or median?",
    "%%langswarm --dry-run -s 'Be brief.'\nWhy?",
    "%langswarm status",
    "%langswarm sessions",
    "%langswarm search mean",
    "%langswarm tree",
    "%langswarm show",
    "%langswarm config",
)


@pytest.fixture
def notebook(open_notebook):
    notebook = open_notebook(CELLS)
    notebook.page.set_viewport_size({"width": 1100, "height": 6000})  # so that every cell is in the page
    for number in range(len(CELLS)):
        notebook.run_cell(number)
    notebook.page.locator(".lsnb-reply").nth(len(CELLS) - 2).wait_for()
    return notebook


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_no_serious_finding(notebook, theme):
    """axe-core finds nothing serious or critical in answers, comparisons and tables, in JupyterLab's two themes."""
    notebook.command("apputils:change-theme", {"theme": f"JupyterLab {theme}"})
    try:
        page = notebook.page
        page.evaluate(
            "() => document.querySelectorAll('.lsnb-reply').forEach((e, n) => { e.id = `shown-${n}`; })"
        )
        found = [
            problem
            for n in range(page.locator(".lsnb-reply").count())
            for problem in findings(page, f"#shown-{n}")
        ]
        assert found == []
    finally:
        notebook.command("apputils:change-theme", {"theme": "JupyterLab Light"})


def test_code_is_copied_where_it_can_be(notebook):
    """In an output of this kernel the button copies the block beside it; opened again untrusted, there is none."""
    page = notebook.page
    block = page.locator(".lsnb-code").first
    copy = block.get_by_role("button", name="Copy")
    copy.click()
    page.locator(".lsnb-copy[data-done]").first.wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == block.locator("code").text_content()
    page.locator(".lsnb-next").nth(1).get_by_role("button", name="Copy").click()
    page.locator(".lsnb-next .lsnb-copy[data-done]").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").startswith("%langswarm use 1.")


def test_an_untrusted_notebook_shows_no_button(notebook):
    """JupyterLab takes styles and handlers away from what somebody else has sent; the answer is read all the same."""
    saved = notebook.save()
    saved.cells[1].outputs[0]["data"]["text/html"] += "<!-- changed, so that its signature does not hold -->"
    sent = notebook.path.with_name("sent.ipynb")
    nbformat.write(saved, sent)
    page = notebook.page
    notebook.command("docmanager:open", {"path": sent.name})
    page.locator(".jp-NotebookPanel:visible .lsnb-reply").first.wait_for()
    page = page.locator(".jp-NotebookPanel:visible")
    code = page.locator(".lsnb-code pre").first
    code.wait_for()
    assert code.text_content() is not None
    assert page.locator(".lsnb-reply style").count() == 0
    assert page.locator(".lsnb-copy").count()
    assert page.locator(".lsnb-copy:visible").count() == 0


def test_long_lines_of_code_scroll(notebook):
    """No line is broken; the block scrolls, by keyboard too, and the page does not."""
    code = notebook.page.locator(".lsnb-code pre").nth(1)
    assert code.evaluate("(pre) => pre.scrollWidth > pre.clientWidth")
    assert code.evaluate("(pre) => getComputedStyle(pre.firstElementChild).whiteSpace") == "pre"
    assert code.get_attribute("tabindex") == "0"
    reply = notebook.page.locator(".lsnb-reply").first
    assert reply.evaluate("(box) => box.scrollWidth <= box.clientWidth")


def test_lines_of_plain_text_break_between_words(notebook):
    """No word of a question in a transcript or a dry run is cut."""
    texts = notebook.page.locator(".lsnb-text")
    assert texts.count()
    breaks = texts.evaluate_all("(all) => all.map((text) => getComputedStyle(text).wordBreak)")
    assert set(breaks) == {"normal"}
