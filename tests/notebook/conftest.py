"""Kernels and notebooks for the tests of the notebook layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from langswarm_nb.analysis import prices
from tests.support.kernels import Kernel, running_kernel
from tests.support.sent import Notebook
from tests.support.shells import running_shell

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    """Yield a kernel of this test alone."""
    with running_kernel() as kernel:
        yield kernel


@pytest.fixture(scope="module")
def shared_kernel() -> Iterator[Kernel]:
    """Yield the kernel that the tests of a module share; its variables stay from test to test."""
    with running_kernel() as kernel:
        yield kernel


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """Yield a notebook in this process, on a store of its own, with no prices but those that a test sets."""
    monkeypatch.setattr(prices, "_own", {})
    with running_shell() as shell:
        yield Notebook(shell)
