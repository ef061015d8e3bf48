"""Homes in real kernels: requests with cell ids, VS Code's variable, and kernels that inherit a notebook's name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.kernels import Cell, Kernel, running_kernel
from tests.support.notebooks import save

pytestmark = pytest.mark.kernel

LOAD = "%load_ext langswarm_nb"
PROMPTS = "import langswarm_nb as ls; f = ls.messages_df(); print(*f.content[f.role == 'user'])"


@pytest.fixture
def hw(tmp_path) -> Path:
    """Return the path of a saved notebook."""
    return save(tmp_path / "hw.ipynb", "load", "1", "2")


@contextlib.contextmanager
def jupyter(path: Path) -> Iterator[tuple[Kernel, str]]:
    """Yield a kernel as Jupyter's server starts it for a notebook, with what loading the extension prints."""
    with running_kernel(env={"JPY_SESSION_NAME": str(path)}, cwd=path.parent) as kernel:
        yield kernel, kernel.run(LOAD, cell_id="load").stdout


def ask(kernel: Kernel, text: str, *, cell_id: str | None = None, line: str = "") -> Cell:
    return kernel.run(f"%%langswarm {line}\n{text}", cell_id=cell_id)


def test_jupyter_tells_the_notebook_and_its_cells(hw):
    """A restart goes on in the notebook's session; renamed it is found again, copied it is not."""
    with jupyter(hw) as (kernel, greeting):
        assert "session hw (new)" in greeting
        ask(kernel, "One", cell_id="1")
        kernel.restart()
        assert "session hw “One” (resumed)" in kernel.run(LOAD, cell_id="load").stdout
        ask(kernel, "Uno", cell_id="1")
        assert kernel.run(PROMPTS).stdout == "Uno\n"
    copy = hw.with_name("copy.ipynb")
    copy.write_bytes(hw.read_bytes())
    with jupyter(copy) as (kernel, greeting):
        assert "session copy (new)" in greeting
        assert "this is a copy of hw.ipynb" in greeting
        ask(kernel, "Two", cell_id="2")
        assert kernel.run(PROMPTS).stdout == "Two\n"
    hw.rename(renamed := hw.with_name("homework.ipynb"))
    with jupyter(renamed) as (_kernel, greeting):
        assert "session hw (resumed)" in greeting
        assert "this notebook was hw.ipynb, its conversations moved with it" in greeting
    save(hw, "else")
    with jupyter(hw) as (_kernel, greeting):
        assert "session hw (new)" in greeting


def test_code_tells_the_notebook_in_a_variable(tmp_path):
    """Its cells are numbered anew with each kernel, and Run All after a restart asks the same turns again."""
    path = save(tmp_path / "hw.ipynb", "a", "b")
    for number in range(2):
        with running_kernel() as kernel:
            kernel.run(f"__vsc_ipynb_file__ = {str(path)!r}")
            assert ("(resumed)" in kernel.run(LOAD).stdout) == bool(number)
            for cell, text in enumerate(("One", "Two")):
                ask(kernel, text, cell_id=f"vscode-notebook-cell:{path}#{number}{cell}")
            frame = kernel.run(PROMPTS).stdout
    assert frame == "One Two\n"


def test_a_notebook_that_is_run_from_a_cell_writes_into_no_conversation_of_the_cells(hw):
    """The kernels of nbclient inherit the parent's name, and their requests tell of no cell."""
    child = """
import nbclient, nbformat
cells = [nbformat.v4.new_code_cell(code) for code in ("%load_ext langswarm_nb", "%%langswarm -q\\nAlone")]
done = nbclient.NotebookClient(nbformat.v4.new_notebook(cells=cells), kernel_name="python3").execute()
print(done.cells[0].outputs[0]["text"])
"""
    with jupyter(hw) as (kernel, _greeting):
        ask(kernel, "One", cell_id="1")
        printed = kernel.execute(child, cell_id="2", timeout_s=90)
        assert printed.status == "ok", printed.evalue
        assert "session hw" not in printed.stdout
        assert "(new)" in printed.stdout
        ask(kernel, "Two", cell_id="2")
        listed = kernel.run(
            "[(row['session'], row['messages']) for row in get_ipython().run_line_magic('langswarm', 'sessions')]"
        )
        assert "('hw', 4)" in listed.result


def test_a_kernel_without_a_name_has_a_session_of_its_own(tmp_path):
    """Terminals and scripts: each kernel begins anew, and tells of the last."""
    with running_kernel(cwd=tmp_path) as kernel:
        kernel.run(LOAD)
        ask(kernel, "One")
        kernel.restart()
        assert "The last session without a notebook was" in kernel.run(LOAD).stdout
        ask(kernel, "Two")
        assert kernel.run(PROMPTS + "; print(ls.session().record.message_count)").stdout.endswith("2\n")
