"""What a cell takes of its kernel's CPU, whatever library runs in it."""

from __future__ import annotations

from statistics import median
from uuid import uuid4

from tests.bench.measuring import cpu_clock
from tests.support.kernels import Kernel

CELLS = 20


def cost_ms(made: Kernel, *cells: str) -> float:
    """Return the CPU that cells take together; each is a cell of its own in the notebook."""
    clock = cpu_clock(made.manager.provisioner.pid)  # type: ignore[union-attr]
    start = clock()
    for code in cells:
        made.run(code, cell_id=uuid4().hex)
    return (clock() - start) * 1000


def above_empty_ms(made: Kernel, code: str) -> float:
    """Return what a cell takes more than an empty one, both in turns."""
    costs = [(cost_ms(made, "pass"), cost_ms(made, code)) for _ in range(CELLS)]
    return median(ours for _, ours in costs) - median(empty for empty, _ in costs)
