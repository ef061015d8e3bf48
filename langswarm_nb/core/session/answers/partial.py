"""`GrowingJson`: the best value of a JSON text that is still being written."""

from __future__ import annotations

from typing import Any


class GrowingJson:
    """Reads a JSON text as it grows; what is cut is completed, or left out where nothing of it is certain."""

    def __init__(self) -> None:
        self.value: Any = None
        """The value so far; None while there is nothing."""

    def feed(self, text: str) -> None:
        """Read the next piece of the text."""
