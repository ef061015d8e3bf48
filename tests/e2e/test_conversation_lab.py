"""What JupyterLab makes of a conversation: run all in order and out of order, copied, renamed, made anew."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conversation.kernel_side import DOES, requests
from tests.conversation.written import Messages, sent
from tests.support.lab import JupyterServer, NotebookPage, write_notebook

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
SETUP = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
%load_ext langswarm_nb
%config LangSwarmMagics.model = "openai:a"
from tests.conversation.kernel_side import prepare
prepare(get_ipython().magics_manager.registry["LangSwarmMagics"].workspace, Path({folder!r}))
""".strip()


class Log:
    """What the models of a test were sent."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen = 0
        (folder / DOES).write_text("{}", "utf-8")
        self.setup = SETUP.format(root=str(ROOT), folder=str(folder))
        """The first cell of each notebook."""

    def new(self) -> list[Messages]:
        """Return what was sent since the last look."""
        found = requests(self._folder)[self._seen :]
        self._seen += len(found)
        return [tuple((role, text) for role, text in entry["messages"]) for entry in found]


@pytest.fixture
def log(tmp_path) -> Log:
    """Return an empty log."""
    return Log(tmp_path)


def ask(text: str) -> str:
    return f"%%langswarm\n{text}"


def run_all(book: NotebookPage) -> None:
    book.command("notebook:run-all-cells")
    book.wait_done()


def test_restart_and_run_all(open_notebook, page, log):
    """In order each turn gets a version; a deleted cell drops out; out of order nothing that was asked is dropped."""
    book = open_notebook([log.setup, ask("one"), ask("two"), ask("three")])
    run_all(book)
    assert log.new() == [sent("one"), sent("two", "one"), sent("three", "one", "two")]
    book.save()
    book.restart_kernel()
    run_all(book)
    again = ["one -> a: one #2", "two -> a: two #2"]
    assert log.new() == [sent("one"), sent("two", again[0]), sent("three", *again)]
    assert "2 later turns stay with 0.1" in book.text(1) + page.locator(".lsnb-footer").first.inner_text()

    page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 2; }")
    book.command("notebook:delete-cell")
    book.save()
    book.restart_kernel()
    run_all(book)
    assert log.new() == [sent("one"), sent("three", "one -> a: one #3")]

    book.restart_kernel()
    for number in (0, 2, 1):
        book.run_cell(number)
    three = "three -> a: three #4"
    assert log.new() == [sent("three", "one -> a: one #3"), sent("one", three)]
    assert "turn 0 is hidden, asked again at the end" in page.locator(".lsnb-footer").first.inner_text()


@pytest.fixture
def open_file(page, watched, server: JupyterServer) -> Callable[[Path], NotebookPage]:
    """Return a function that ends all kernels and opens a file in JupyterLab."""

    def opener(path: Path) -> NotebookPage:
        page.evaluate("() => window.jupyterapp.serviceManager.sessions.shutdownAll()")
        page.goto(server.page_url(path.name, "lab"))
        book = NotebookPage(page, path, watched)
        book.wait_ready()
        return book

    return opener


def test_copied_renamed_and_made_anew(open_notebook, open_file, log):
    """A copy begins anew, a renamed notebook goes on, and a new one at an old path has nothing of the old one."""
    book = open_notebook([log.setup, ask("one"), ask("two")])
    book.run_cell(0)
    book.run_cell(1)
    book.save()
    assert log.new() == [sent("one")]

    original, copy = book.path, book.path.with_name(f"copy-{book.path.name}")
    shutil.copyfile(original, copy)
    book = open_file(copy)
    book.run_cell(0)
    assert f"copy of {original.name}" in book.text(0)
    book.run_cell(2)
    assert log.new() == [sent("two")]

    renamed = original.rename(original.with_name(f"renamed-{original.name}"))
    book = open_file(renamed)
    book.run_cell(0)
    assert f"this notebook was {original.name}" in book.text(0)
    book.run_cell(2)
    assert log.new() == [sent("two", "one")]

    renamed.unlink()
    book = open_file(write_notebook(renamed.parent, [log.setup, ask("three")], renamed.stem))
    book.run_cell(0)
    assert "another notebook" in book.text(0)
    book.run_cell(1)
    assert log.new() == [sent("three")]
