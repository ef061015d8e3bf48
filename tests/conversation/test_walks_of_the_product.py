"""On random walks the product is what the model of a conversation says it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from langswarm_nb.core.session.sending import lease
from tests.conversation.hearing import Hearing
from tests.conversation.product import InProcess
from tests.conversation.walking import IS_LONG, do_walks, walks
from tests.support.measured import uncounted_threads

COUNT = int(os.environ.get("WALKS", "0"))
"""How many walks to do instead; more find more."""
IN_MEMORY, ON_A_FILE = (2000, 200) if IS_LONG else (200, 16)
PARTS = 8
"""Each may be done in a process of its own; a walk takes a sixth of a second, on a file two."""


class Products:
    """Makes the product of each walk, and ends that of the walk before."""

    def __init__(self, hearing: Hearing, folder: Path, store: str) -> None:
        self._hearing, self._folder, self._store = hearing, folder, store
        self._made: list[InProcess] = []

    def __call__(self) -> InProcess:
        self.close()
        folder = self._folder / str(len(self._made))
        folder.mkdir()
        self._made.append(InProcess(self._hearing, folder, store=self._store))
        return self._made[-1]

    def close(self) -> None:
        """End the last one."""
        for product in self._made[-1:]:
            product.close()


@pytest.fixture(autouse=True)
def _uncounted_threads() -> Iterator[None]:
    """Do the work of the product, which is done in threads, without counting its lines either."""
    with uncounted_threads():
        yield


@pytest.fixture
def hearing(monkeypatch, home) -> Hearing:
    """Return what hears the footers of this test."""
    monkeypatch.setenv("JPY_SESSION_NAME", "")
    # Who waits for another need not wait long.
    monkeypatch.setattr(lease, "_WAITS_S", (0.001, 0.001, 0.001))
    monkeypatch.setattr(lease, "_LOOK_S", 0.001)
    return Hearing(monkeypatch)


@pytest.fixture
def make(hearing, tmp_path, request) -> Iterator[Products]:
    """Yield what makes products with a store of the wanted kind."""
    products = Products(hearing, tmp_path.resolve(), request.param)
    yield products
    products.close()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("make", ["memory"], indirect=True)
def test_walks_of_kernels_on_one_store(make, part):
    """What is sent, told and stored is what the model says, with all kernels on one store in memory."""
    do_walks(walks(make), (COUNT or IN_MEMORY) // PARTS, part)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(PARTS, 2 * PARTS))
@pytest.mark.parametrize("make", ["sqlite"], indirect=True)
def test_walks_of_kernels_on_one_file(make, part):
    """The same holds when each kernel has a manager of its own on one file."""
    do_walks(walks(make), (COUNT or ON_A_FILE) // PARTS, part)
