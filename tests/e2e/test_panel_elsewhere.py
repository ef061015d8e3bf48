"""The chat panel outside of JupyterLab and Notebook: Voilà with a real kernel, and what VS Code does otherwise."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys

import pytest

from tests.support.isolation import home_variables
from tests.support.lab import write_notebook
from tests.support.panel_page import PanelPage, item, transcript
from tests.support.waits import PATIENCE_S

CELL = """import langswarm_nb as ls
from langswarm_nb.core.session.providers.mock import MockProviderSession
panel = ls.chat(model="mock:echo")
replies = ["```python\\nx = 1\\n```", "Two.", " ".join(map(str, range(1, 2000)))]
panel.manager.add_provider_session("mock", MockProviderSession(replies=replies, delay_s=0.05))
panel"""


@contextlib.contextmanager
def running_voila(home):
    """Serve a notebook with a panel and yield its address."""
    pytest.importorskip("voila")
    path = write_notebook(home, [CELL])
    process = subprocess.Popen(
        [sys.executable, "-m", "voila", str(path), "--no-browser", "--Voila.ip=127.0.0.1"],
        env={**os.environ, **home_variables(home)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = ""
    try:
        for line in process.stderr:
            said += line
            if address := re.search(r"http://\S+:\d+/", line):
                break
        else:
            pytest.fail(f"Voilà did not start:\n{said}")
        yield address[0]
    finally:
        process.terminate()  # ends the kernel too
        process.communicate(timeout=PATIENCE_S)


def test_voila(page, watched, tmp_path):
    """In Voilà the panel sends, streams, stops, keeps versions and switches sessions; new cells go to the clipboard."""
    with running_voila(tmp_path) as address:
        page.goto(address)
        root = page.locator(".lsnb-panel")
        box = root.get_by_role("textbox", name="Message", exact=True)
        answers = root.locator(".lsnb-assistant:not(.lsnb-live)")
        questions = root.locator(".lsnb-user")
        box.wait_for()

        box.fill("first question")
        box.press("Enter")
        answers.filter(has_text="x = 1").hover()
        root.get_by_role("button", name="Insert as cell").click()
        root.get_by_text("paste it into a cell").wait_for()
        assert page.evaluate("() => navigator.clipboard.readText()") == "x = 1\n"

        questions.hover()
        root.get_by_role("button", name="Edit", exact=True).click()
        root.get_by_role("textbox", name="Edit message").fill("better question")
        page.keyboard.press("Enter")
        answers.filter(has_text="Two.").wait_for()
        root.get_by_role("button", name="Earlier version").click()
        questions.filter(has_text="first question").wait_for()

        box.fill("count")
        box.press("Enter")
        root.locator(".lsnb-live").filter(has_text="1 2 3").wait_for()
        root.get_by_role("button", name="Stop").click()
        answers.filter(has_text="stopped").wait_for()

        root.get_by_role("button", name="Session: ").click()
        page.keyboard.type("second talk")
        root.get_by_role("button", name="New “second talk”").click()
        root.get_by_text("What would you like to know?").wait_for()
        root.get_by_role("button", name="Session: second talk").click()
        root.get_by_role("option").filter(has_not_text="second talk").click()
        answers.filter(has_text="stopped").wait_for()
        assert page.locator(".lsnb-twin:visible").count() == 0
    assert watched.errors == []


def test_a_notebook_that_nobody_sees_gets_no_cell(blank):
    """VS Code hands over an empty notebook of its own; a cell in there would be lost, so the text is copied."""
    page = blank.page
    PanelPage(page, {"transcript": transcript(item(1, "```python\nx = 1\n```"))})
    page.evaluate(
        """() => {
          window.notebook = { cells: [], insertCell(at, cell) { this.cells.splice(at, 0, cell); } };
          model.widget_manager = { context: { model: { sharedModel: notebook } } };
        }"""
    )
    page.locator("[data-id=m1]").hover()
    page.get_by_role("button", name="Insert as cell").click()
    page.get_by_text("paste it into a cell").wait_for()
    assert page.evaluate("() => notebook.cells") == []
    assert page.evaluate("() => navigator.clipboard.readText()") == "x = 1\n"


def test_dialogs_open_over_the_panel(blank):
    """VS Code shows a part of a page that is thousands of pixels tall; a dialog in its middle would not be seen."""
    page = blank.page
    PanelPage(page)
    size = page.viewport_size
    page.set_viewport_size({"width": 1000, "height": 8000})
    try:
        page.get_by_role("button", name="More").click()
        page.get_by_role("menuitem", name="System prompt").click()
        dialog, panel = page.locator("dialog").bounding_box(), page.locator(".lsnb-panel").bounding_box()
    finally:
        page.set_viewport_size(size)
    assert panel["y"] <= dialog["y"]
    assert dialog["y"] + dialog["height"] <= panel["y"] + panel["height"]


def test_colab_names_both_colours(blank):
    """Colab's widgets bring JupyterLab's white and Colab's light text; the panel takes both colours from Colab."""
    page = blank.page
    colab = "--colab-primary-surface-color: #383838; --colab-primary-text-color: #e3e3e3"
    lab = "--jp-layout-color1: white; --jp-ui-font-color1: var(--colab-primary-text-color)"
    PanelPage(page, head=f"<style>:root {{ {colab}; {lab} }}</style>")
    style = "(panel) => [getComputedStyle(panel).backgroundColor, getComputedStyle(panel).color]"
    assert page.locator(".lsnb-panel").evaluate(style) == ["rgb(56, 56, 56)", "rgb(227, 227, 227)"]
