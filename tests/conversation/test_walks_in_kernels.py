"""What the written walks say is what real kernels do, with cell ids, with VS Code's, and without any."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conversation.driver import FrontEnd
from tests.conversation.in_kernels import InKernels
from tests.conversation.written import Sees, Written
from tests.conversation.written_walks import WALKS
from tests.support.kernels import Kernel, running_kernel

pytestmark = pytest.mark.kernel

RUNS = [(walk, front_end) for walk in WALKS for front_end in sorted(walk.holds, key=lambda found: found.name)]


class Pool:
    """Kernels that walk after walk is done in."""

    def __init__(self) -> None:
        self._running = ExitStack()
        self._kernels: list[Kernel] = []

    def take(self, number: int, folder: Path) -> Kernel:
        """Return a kernel as good as new."""
        while len(self._kernels) <= number:
            self._kernels.append(self._running.enter_context(running_kernel()))
        self._kernels[number].renew(folder)
        return self._kernels[number]

    def drop(self) -> None:
        """End them all."""
        self._kernels.clear()
        self._running.close()


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """Yield kernels for all walks of this process."""
    kept = Pool()
    yield kept
    kept.drop()


def _id(value: object) -> str:
    return value.sentence if isinstance(value, Written) else getattr(value, "name", "").lower()


@pytest.mark.parametrize("walk, front_end", RUNS, ids=_id)
def test_a_written_walk_holds_in_real_kernels(
    walk: Written, front_end: FrontEnd, home: Path, tmp_path: Path, pool: Pool
):
    """Each expectation of a walk is met where it says that it holds."""
    reading = InKernels(walk, front_end, tmp_path, pool.take)
    try:
        for step in walk.steps:
            reading.do(step)
            if isinstance(step, Sees):
                reading.check(step)
    except BaseException:
        pool.drop()
        raise
    finally:
        reading.close()
