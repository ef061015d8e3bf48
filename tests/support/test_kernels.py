"""The kernel helper itself: what it says of a cell is what a notebook would save."""

from __future__ import annotations

import pytest

from tests.support.kernels import running_kernel

pytestmark = pytest.mark.kernel


def test_a_cell_keeps_what_a_notebook_file_would():
    """Updates, clears and stream pieces are applied; an interrupt and a restart work."""
    with running_kernel() as kernel:
        cell = kernel.send("import time; print('go', flush=True); time.sleep(60)")
        kernel.wait_for(cell, lambda: "go" in cell.stdout)
        kernel.interrupt()
        assert kernel.wait(cell).ename == "KeyboardInterrupt"

        cell = kernel.run(
            "from IPython.display import HTML, clear_output, display\n"
            "print('gone'); clear_output(wait=True)\n"
            "handle = display(HTML('first'), display_id=True); handle.update(HTML('last'))\n"
            "print('a'); print('b'); 5"
        )
        assert [output["output_type"] for output in cell.outputs] == [
            "display_data",
            "stream",
            "execute_result",
        ]
        assert (cell.displays[0]["data"]["text/html"], cell.stdout, cell.result) == ("last", "a\nb\n", "5")

        kernel.restart()
        assert kernel.execute("handle").ename == "NameError"
