"""Answers that are values in a real browser: a table that grows in a cell and in the panel, in both themes, narrow."""

from __future__ import annotations

import json

import pytest

from tests.support.axe import findings

pytestmark = pytest.mark.e2e

ROWS = [
    {"name": f"Ann {n} <b>bold</b>", "age": n, "tags": ["tea", "rain"], "note": "words " * (60 * (n == 1))}
    for n in range(14)
]
SCHEMA = "[name, age int, tags [str], note]"
SETUP = f"""%load_ext langswarm_nb
import asyncio
import langswarm_nb as ls
from langswarm_nb.core.session.providers.mock import MockProviderSession
text = {json.dumps({"items": ROWS})!r}
manager = ls.session().manager
manager.add_provider_session("lmstudio", MockProviderSession(replies=[text] * 9, delay_s=0.03, chunk_chars=40))
manager.add_provider_session("ollama", MockProviderSession(replies=['{{"items": [{{"name": 1}}]}}'] * 9))"""
CELL = f'%%langswarm lmstudio:house --schema "{SCHEMA}"\nWho?'
PANEL = f"""session = ls.session()
await session.update_settings(provider="lmstudio", model="house", schema="{SCHEMA}")
ls.chat(session)"""
GROWING = "() => document.querySelectorAll('{where} .lsnb-value tbody tr').length"


def rows(page, where, count):
    """Wait until a table has so many rows, or more."""
    page.wait_for_function(f"(count) => ({GROWING.format(where=where)})() >= count", arg=count)
    return page.locator(f"{where} .lsnb-value tbody tr").count()


def test_a_table_grows_in_a_cell(open_notebook, page, watched):
    """Rows appear while the answer arrives; the end is a table and no tree of JSON; the file has all of the data."""
    book = open_notebook([SETUP, CELL, f'%%langswarm ollama:house --schema "{SCHEMA}" --repair 0\nWho?'])
    book.run_cell(0)
    book.start_cell(1)
    first = rows(page, ".jp-OutputArea-output .lsnb-reply", 2)
    assert first < len(ROWS)
    book.wait_done()
    assert rows(page, ".jp-OutputArea-output .lsnb-reply", len(ROWS)) == len(ROWS)
    cells = page.locator(".lsnb-value tbody tr").nth(1).locator("td").all_inner_texts()
    assert cells[:3] == ["Ann 1 <b>bold</b>", "1", "tea, rain"]
    assert cells[3].endswith("…")
    [saved] = book.save().cells[1].outputs
    assert saved.data["application/vnd.langswarm.answer+json"] == ROWS
    book.run_cell(2)
    problems = page.locator(".lsnb-problems")
    problems.get_by_text("It does not fit the schema").wait_for()
    assert problems.locator("li").count() >= 1
    for theme in ("Dark", "Light"):
        book.command("apputils:change-theme", {"theme": f"JupyterLab {theme}"})
        page.evaluate("() => { document.querySelector('.lsnb-reply').id = 'shown'; }")
        assert findings(page, "#shown") == []
    assert watched.errors == []
    assert watched.foreign == []


def test_a_table_grows_in_the_panel(open_notebook, page, watched):
    """A session that asks for values shows tables, growing and whole, also when the panel is narrow."""
    book = open_notebook([SETUP, PANEL])
    book.run_cell(0)
    book.run_cell(1)
    box = page.get_by_role("textbox", name="Message", exact=True)
    box.fill("Who?")
    box.press("Enter")
    first = rows(page, ".lsnb-panel .lsnb-live", 2)
    assert first < len(ROWS)
    whole = ".lsnb-panel .lsnb-assistant:not(.lsnb-live)"
    assert rows(page, whole, len(ROWS)) == len(ROWS)
    table = page.locator(f"{whole} .lsnb-table")
    assert "Ann 1 <b>bold</b>" in table.inner_text()
    page.set_viewport_size({"width": 520, "height": 850})
    panel = page.locator(".lsnb-panel")
    assert panel.evaluate("(box) => box.scrollWidth <= box.clientWidth")
    assert table.evaluate("(box) => box.scrollWidth > box.clientWidth")
    assert findings(page, ".lsnb-panel") == []
    assert watched.errors == []
