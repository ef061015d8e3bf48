"""Where the tests find files that are not part of the checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def find_shared_dir() -> Path | None:
    """Return the folder of shared reference data, or None when this machine has none.

    It is named by ``LANGSWARM_SHARED``, or is the folder ``shared`` beside the checkout.
    """
    named = os.environ.get("LANGSWARM_SHARED")
    path = Path(named) if named else REPOSITORY.parent / "shared"
    return path if path.is_dir() else None


def shared_dir() -> Path:
    """Return the folder of shared reference data; where there is none, skip the test or module that asks."""
    path = find_shared_dir()
    if path is None:
        pytest.skip(
            "needs shared reference data: name its folder in LANGSWARM_SHARED, or lay it beside the checkout",
            allow_module_level=True,
        )
    return path
