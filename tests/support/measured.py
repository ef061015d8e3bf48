"""Which tests count for the coverage of lines: tracing doubles what a test computes, and many only vary the data.

What a test that is left out runs is not counted, so the percentage can only come out too low.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import threading
from collections import defaultdict
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def load(name: str) -> None:
    """Import all modules of a package, so that what runs at their import is counted, if anything is."""
    if not _is_counting():
        return
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        with suppress(ImportError):  # an extra that is not installed
            importlib.import_module(module.name)


@contextmanager
def unmeasured() -> Iterator[None]:
    """Count no line that this thread runs in the block; other threads are counted from their start to their end."""
    if not _is_counting():
        yield
        return
    counter = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(counter)


@contextmanager
def uncounted_threads() -> Iterator[None]:
    """Count no line of threads that start in the block; the bridge's thread is another one in it."""
    counter = threading.gettrace()
    threading.settrace(None)
    _end_io_thread()
    try:
        yield
    finally:
        threading.settrace(counter)
        _end_io_thread()


def _end_io_thread() -> None:
    from langswarm_nb.notebook import bridge

    if bridge._io is not None:
        bridge._shut_down(bridge._io)


def _is_counting() -> bool:
    return type(sys.gettrace()).__module__.partition(".")[0] == "coverage"  # not a debugger
