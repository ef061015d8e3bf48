"""Every block of the guides runs as written, in order, offline, and shows what the page says."""

from __future__ import annotations

import ast
import inspect
import re
from contextlib import ExitStack
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from langswarm_nb.notebook.showing.reply import Reply
from tests.support.notebooks import OpenNotebook, opened, save
from tests.support.paths import REPOSITORY

PAGES = REPOSITORY / "docs" / "guide"
# The guide to frames starts from a filled store; tests/analysis/test_guide.py makes one and runs it.
GUIDES = [page for page in sorted(PAGES.glob("*.md")) if page.stem not in ("analysis", "conversations")]
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STEP = re.compile(
    r"^```ipython(?: (?P<cell>\w+))?\n(?P<code>.*?)^```$|^```text\n(?P<shown>.*?)^```$|^<!-- (?P<event>[^>]+) -->$",
    re.MULTILINE | re.DOTALL,
)
_SAVED_AT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
async def test_the_blocks_of_a_guide_run_in_order(guide: Path) -> None:
    """A reader who copies the blocks one after the other sees no error."""
    blocks = _compiled(guide)
    assert blocks
    names: dict[str, Any] = {"__name__": guide.stem}
    for code in blocks:
        running = eval(code, names)  # noqa: S307 - our own page
        if inspect.isawaitable(running):
            await running


def _compiled(guide: Path) -> list[CodeType]:
    text = guide.read_text(encoding="utf-8")
    blocks = []
    for block in _BLOCK.finditer(text):
        above = "\n" * text.count("\n", 0, block.start(1))  # a traceback then names the line of the page
        blocks.append(compile(above + block[1], str(guide), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))
    return blocks


def test_the_page_on_conversations_shows_what_is_drawn(tmp_path: Path) -> None:
    """Its cells run as a notebook's, with restarts and saves where it says so; each tree and line is what comes."""
    page = (PAGES / "conversations.md").read_text("utf-8")
    reader = _Reader(tmp_path)
    shown = [reader.read(step) for step in _STEP.finditer(page)].count("shown")
    reader.close()
    assert shown == page.count("```text") >= 15


class _Reader:
    """Does what the page says, step by step."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._notebooks = folder, 0
        self._kernel = ExitStack()
        self._notebook: OpenNotebook | None = None
        self._last: Any = None

    def read(self, step: re.Match[str]) -> str:
        if event := step["event"]:
            self._happen(event)
            return "event"
        if step["code"] is not None:
            assert self._notebook is not None
            self._last = self._notebook.shell.run(step["code"].rstrip("\n"), step["cell"] or "command")
            return "ran"
        expected = step["shown"].rstrip()
        if isinstance(self._last, Reply):  # the end of the line below it
            assert self._last.footer.endswith(f" · {expected}")
        else:
            assert _SAVED_AT.sub("TIME", str(self._last)) == _SAVED_AT.sub("TIME", expected)
        return "shown"

    def _happen(self, event: str) -> None:
        word, _, cells = event.partition(": ")
        if word == "saved":
            save(self._path, *cells.split())
            return
        self._kernel.close()
        if word == "new notebook":
            self._notebooks += 1
            save(self._path, "a", "b", "c", "d", "e")
        else:
            assert word == "new kernel"
        self._notebook = self._kernel.enter_context(opened(self._path, stream=False))

    @property
    def _path(self) -> Path:
        return self._folder / str(self._notebooks) / "cats.ipynb"

    def close(self) -> None:
        self._kernel.close()
