"""Which tests count for the coverage of lines: tracing doubles what a test computes, and many only vary the data.

What a test that is left out runs is not counted, so the percentage can only come out too low.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections import defaultdict
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import coverage
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

LEFT_OUT = ("kernel", "slow", "unmeasured")
"""Marks of tests that run the package in other processes, or do at length what others do too."""


class Measured:
    """Chooses tests in the order in which they are written: no random order changes the choice."""

    def __init__(self) -> None:
        self._tests: set[str] = set()
        self._values: defaultdict[str, set[tuple[str, int]]] = defaultdict(set)
        """Test without its variation -> the values of its parameters that a chosen one has."""

    def choose(self, test: pytest.Item) -> None:
        """Take a test, but of the variations of one only those with a value that none before them had."""
        if any(test.get_closest_marker(mark) for mark in LEFT_OUT):
            return
        parameters = test.callspec.params if hasattr(test, "callspec") else {}
        values = {(name, id(value)) for name, value in parameters.items()}
        known = self._values[test.nodeid.partition("[")[0]]
        if not values or not values <= known:
            self._tests.add(test.nodeid)
            known |= values

    def __contains__(self, test: pytest.Item) -> bool:
        return test.nodeid in self._tests


MEASURED = Measured()


def load(package: ModuleType) -> None:
    """Import all modules of a package, so that what runs at their import is counted, if anything is."""
    if coverage.Coverage.current() is None:
        return
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        with suppress(ImportError):  # an extra that is not installed
            importlib.import_module(module.name)


@contextmanager
def unmeasured() -> Iterator[None]:
    """Count no line that runs in the block."""
    stopped = []
    while (
        running := coverage.Coverage.current()
    ):  # in a worker pytest-cov starts a second one above the first
        running.stop()
        stopped.append(running)
    try:
        yield
    finally:
        for one in reversed(stopped):
            one.start()
