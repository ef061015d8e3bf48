"""Kernels and notebooks for the tests of the notebook layer."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from langswarm_nb.analysis import prices
from tests.support.kernels import Kernel, running_kernel
from tests.support.sent import Notebook
from tests.support.shells import running_shell

if TYPE_CHECKING:
    from collections.abc import Iterator

FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Remember whether the test failed: what it leaves in its kernel then, no other test shall find."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


class Keeper:
    """Keeps a kernel from test to test."""

    def __init__(self) -> None:
        self._running = ExitStack()
        self._kernel: Kernel | None = None

    def take(self, folder: Path) -> Kernel:
        """Return the kernel as good as new, in a folder."""
        if self._kernel is None:
            self._kernel = self._running.enter_context(running_kernel())
        self._kernel.renew(folder)
        return self._kernel

    def drop(self) -> None:
        """End the kernel; the next who takes one gets another."""
        self._kernel = None
        self._running.close()


@pytest.fixture(scope="session")
def _keeper() -> Iterator[Keeper]:
    keeper = Keeper()
    yield keeper
    keeper.drop()


@pytest.fixture
def kernel(_keeper: Keeper, home: Path, request: pytest.FixtureRequest) -> Iterator[Kernel]:
    """Yield a kernel with nothing in it; other tests have used it before, which takes a tenth of the time."""
    folder = home / "work"
    folder.mkdir()
    yield _keeper.take(folder)
    if request.node.stash.get(FAILED, True):
        _keeper.drop()


@pytest.fixture
def new_kernel() -> Iterator[Kernel]:
    """Yield a kernel of this test alone."""
    with running_kernel() as kernel:
        yield kernel


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """Yield a notebook in this process, on a store of its own, with no prices but those that a test sets."""
    monkeypatch.setattr(prices, "_own", {})
    with running_shell() as shell:
        yield Notebook(shell)
