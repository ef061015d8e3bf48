"""Which cell `%langswarm fix` asks about: the last that failed and did not succeed since."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from langswarm_nb.notebook.workspace.last_failure import FailureWatch


class Cells:
    """A watch, and cells that run."""

    def __init__(self):
        self.cell_id: str | None = None
        self.watch = FailureWatch(lambda: self.cell_id)

    def run(self, code: str, cell_id: str | None, error: BaseException | None = None) -> None:
        """Run a cell to its end."""
        self.cell_id = cell_id
        done: Any = SimpleNamespace(
            info=SimpleNamespace(raw_cell=code), error_before_exec=None, error_in_exec=error
        )
        self.watch.see(done)

    @property
    def failed(self) -> str | None:
        """The code of the failure."""
        return None if self.watch.last is None else self.watch.last.code


@pytest.mark.parametrize("known", [True, False])
def test_a_failure_is_over_when_its_cell_succeeds(known):
    """By the cell's id, where the front end tells it; else by its code."""
    cells = Cells()
    cells.run("1 / 0", "a" if known else None, ZeroDivisionError())
    cells.run("2", "b" if known else None)
    assert cells.failed == "1 / 0"
    cells.run("1 / 1" if known else "1 / 0", "a" if known else None)
    assert cells.failed is None


def test_cells_that_ask_and_interrupts_are_no_failures():
    """What failed is the user's code."""
    cells = Cells()
    cells.run("1 / 0", "a", ZeroDivisionError())
    cells.run("%%langswarm\nHi", "b", ValueError())
    cells.run("while True: pass", "c", KeyboardInterrupt())
    cells.watch.see(None)
    assert cells.failed == "1 / 0"
