"""The chat panel where it lives: JupyterLab and Notebook 7, a real kernel, a real browser."""

from __future__ import annotations

import pytest

PANEL = "import langswarm_nb as ls\npanel = ls.chat(model='mock:slow')\npanel"


def box(page):
    return page.get_by_role("textbox", name="Message", exact=True)


@pytest.mark.parametrize("front_end", ["lab", "notebook"])
def test_send_stream_stop(open_notebook, page, watched, front_end):
    """Enter sends, Shift+Enter breaks the line, text streams in, Stop keeps what had arrived."""
    notebook = open_notebook([PANEL], front_end=front_end)
    notebook.start_cell(0)
    box(page).wait_for()
    box(page).fill("first")
    box(page).press("Shift+Enter")
    box(page).type("second")
    box(page).press("Enter")
    page.locator(".lsnb-live").get_by_text("1 2 3").wait_for()
    page.screenshot(path=f"/tmp/shot-{front_end}.png")
    page.get_by_role("button", name="Stop").click()
    page.locator(".lsnb-assistant:not(.lsnb-live)").wait_for()
    page.screenshot(path=f"/tmp/shot2-{front_end}.png")
    assert watched.errors == [] and watched.foreign == []
