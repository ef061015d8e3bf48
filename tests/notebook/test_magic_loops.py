"""`%%langswarm` on each kind of event loop: it streams, is interrupted, and keeps the part, all the same."""

from __future__ import annotations

import importlib.util
import json

import pytest

from tests.support.counting import counting
from tests.support.kernels import running_kernel

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

UVLOOP = "import asyncio, uvloop; asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())"
KINDS = {
    "nested": ("", ""),
    "old nest-asyncio": ("", "import nest_asyncio; nest_asyncio.apply()"),
    "uvloop": (UVLOOP, ""),
}


@pytest.fixture(params=KINDS, scope="module")
def kernel(request):
    """Yield a kernel of each kind, with the extension."""
    if request.param == "uvloop" and importlib.util.find_spec("uvloop") is None:
        pytest.skip("uvloop is not installed")
    before_start, first_cell = KINDS[request.param]
    with running_kernel(before_start=before_start) as kernel:
        kernel.run(first_cell)
        kernel.run("%load_ext langswarm_nb")
        yield kernel


def test_an_answer_arrives_in_its_cell(kernel):
    """The output is the cell's own, and its value is the reply."""
    cell = kernel.run("%%langswarm -m mock:slow --new -o reply 'one two three'\nHi")
    assert cell.displays[0]["data"]["text/plain"] == "one two three"
    assert kernel.run("_.status").result == "'ok'"


def test_an_interrupt_keeps_the_part(kernel):
    """■ ends the cell in short form; the part is shown and stored, and the next cell works."""
    kernel.run(counting(provider="groq"))
    cell = kernel.send("%%langswarm groq:counts\nCount")
    kernel.wait_for(cell, lambda: "2 3" in json.dumps(cell.outputs))
    kernel.interrupt()
    kernel.wait(cell)
    assert cell.ename == "KeyboardInterrupt"
    assert "■ stopped" in json.dumps(cell.outputs, ensure_ascii=False)
    assert kernel.run("%%langswarm -m mock:echo\nStill there?").status == "ok"
    assert (
        "'interrupted'"
        in kernel.run(
            "import langswarm_nb; [f for f in langswarm_nb.messages_df().finish_reason if f == f]"
        ).result
    )


def test_queued_cells_keep_their_order(kernel):
    """Run All loses no cell and mixes no answers."""
    cells = [kernel.send(f"%%langswarm -m mock:echo\nq{n}") for n in range(3)]
    kernel.wait(*cells)
    for n, cell in enumerate(cells):
        assert cell.displays[0]["data"]["text/plain"].endswith(f"You said: q{n}")


def test_it_works_inside_of_async_code(kernel):
    """A cell that awaits may call the magic in between."""
    ask = "get_ipython().run_cell_magic('langswarm', '-q -m mock:echo', 'In between').text"
    assert "In between" in kernel.run(f"import asyncio\nawait asyncio.sleep(0)\n{ask}").result
