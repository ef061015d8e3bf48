"""Jupyter: the magics, the panel, and what shows a reply in a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """Register the magics and print one line."""
    from .shell.extension import load_ipython_extension as load

    load(ipython)


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """Take the magics away."""
    from .shell.extension import unload_ipython_extension as unload

    unload(ipython)
