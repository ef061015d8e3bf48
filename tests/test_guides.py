"""Every block of the guides runs as written, in order, offline, and shows what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from langswarm_nb.notebook.asking.options import parse_cell_line, split_line
from langswarm_nb.notebook.commands import COMMANDS
from langswarm_nb.notebook.showing.reply import Reply
from scripts.site import markdown
from tests.support import pages
from tests.support.notebooks import OpenNotebook, opened, save
from tests.support.paths import REPOSITORY
from tests.support.waits import PATIENCE_S

# The guide to frames starts from a filled store; tests/analysis/test_guide.py makes one and runs it.
ALL = [page for page in sorted(pages.GUIDES.glob("*.md")) if page.stem != "analysis"]
CELLS = [page for page in ALL if "```ipython" in page.read_text("utf-8")]
"""Guides that are notebooks: their blocks are cells."""
GUIDES = [page for page in ALL if page not in CELLS and "```python" in page.read_text("utf-8")]
NEEDS = {"service": ("fastapi", "opentelemetry.sdk")}
_STEP = re.compile(
    r"^```ipython(?: (?P<cell>\w+))?\n(?P<code>.*?)^```$|^```text\n(?P<shown>.*?)^```$|^<!-- (?P<event>[^>]+) -->$",
    re.MULTILINE | re.DOTALL,
)
_SAVED_AT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_the_blocks_of_a_guide_run_in_order(guide: Path, tmp_path: Path) -> None:
    """A reader who copies the blocks one after the other sees no error and no warning."""
    if missing := [name for name in NEEDS.get(guide.stem, ()) if find_spec(name.split(".")[0]) is None]:
        pytest.skip(f"needs {missing[0]}")
    command = [sys.executable, "-W", "error", "-m", "tests.support.pages", str(guide)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        timeout=PATIENCE_S,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert pages.compiled(guide)
    assert done.stdout


@pytest.mark.parametrize("guide", ALL, ids=lambda guide: guide.stem)
def test_no_block_of_a_guide_is_left_out(guide: Path) -> None:
    """A guide is a program or a notebook, and its blocks say which; one of words and tables has none."""
    languages = {block.language for block in markdown.blocks(guide.read_text("utf-8"))}
    assert languages <= {"ipython", "python", "sh", "text", "toml"}
    assert not {"ipython", "python"} <= languages
    assert (guide in [*CELLS, *GUIDES]) == bool({"ipython", "python"} & languages)


@pytest.mark.parametrize("guide", CELLS, ids=lambda guide: guide.stem)
def test_the_cells_of_a_guide_run_in_order(tmp_path: Path, guide: Path) -> None:
    """They run as a notebook's, with restarts and saves where it says so; what the page shows below is what comes."""
    page = guide.read_text("utf-8")
    reader = _Reader(tmp_path)
    steps = [reader.read(step) for step in _STEP.finditer(page)]
    reader.close()
    assert steps.count("shown") == page.count("```text")
    assert steps.count("ran") + steps.count("read") == page.count("```ipython") >= 3


class _Reader:
    """Does what the page says, step by step."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._notebooks = folder, 0
        self._kernel = ExitStack()
        self._notebook: OpenNotebook | None = None
        self._last: Any = None
        self._only_reads = False

    def read(self, step: re.Match[str]) -> str:
        if event := step["event"]:
            self._happen(event)
            return "event"
        if step["code"] is not None:
            assert self._notebook is not None
            if self._only_reads:
                self._only_reads = False
                _can_be_read(step["code"])
                return "read"
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
        if word == "not run":  # the comment says why
            self._only_reads = True
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


def _can_be_read(code: str) -> None:
    """Read the lines of a cell that only a real service can answer: commands and flags are right."""
    for line in code.splitlines():
        if line.startswith("%%langswarm"):
            parse_cell_line(line.removeprefix("%%langswarm"))
            return
        name, _, rest = line.removeprefix("%langswarm ").partition(" ")
        COMMANDS[name].parser.parse_line(split_line(rest))
