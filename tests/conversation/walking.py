"""Doing random walks of a product: how many, how long, and which."""

from __future__ import annotations

import os
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conversation.driver import Product
from tests.conversation.machine import Walk

IS_LONG = os.environ.get("LONG_WALKS") == "1"
"""Whether to do all; `make walks` sets it."""


def walks(product: Callable[[], Product]) -> type[Walk]:
    """Return the walks of a product, of which each walk makes a new one."""
    return type("Walks", (Walk,), {"product_type": staticmethod(product)})


def do_walks(kind: type[Walk], count: int, part: int = 0) -> None:
    """Do walks of 30 steps, the same ones each time; stop at the first that finds a difference.

    Parts of a large number may be done at once: each has walks of its own.
    """
    run_state_machine_as_test(
        seed(part)(kind),
        settings=settings(
            max_examples=count,
            stateful_step_count=30,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
