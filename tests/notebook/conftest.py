"""Kernels for the tests of the notebook layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.kernels import Kernel, running_kernel

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
