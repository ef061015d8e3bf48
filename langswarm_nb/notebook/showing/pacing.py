"""When the next update of a growing output is worth its bytes.

An output of a cell can only be replaced as a whole, so each update costs at least a message and what is shown.
The bytes come out of a bucket that fills fast at first, where most replies end, with the text and for slow models
with the time, and then slowly, with the text alone. With the final output counted, a cell stays below half a
megabyte for 96 kB of text, and in proportion beyond: the cost grows with the text and not with its square.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Pacer"]

_SHORTEST_S = 0.05
"""At most 20 updates a second."""
_LIMIT_BYTES = 440_000
_LIMIT_TEXT_BYTES = 96_000
"""The promise: so much text within so many bytes, with some room for the cell's other messages."""
_FIRST_BYTES = 20_000
"""What is in the bucket before the first word, so that this is shown at once."""
_LEAST_BYTES = 34_000
"""For the updates of a text whose final output, full of markup, takes nearly all."""
_FREE_WITHIN_BYTES = 4_000
_FREE_WITHIN_S = 150.0
"""Text, or time, over which the free part of the bucket is spread: after it, 63 % are given out."""
_EVEN_BYTES = 0.35
"""Bytes that each byte of text adds to the bucket, however long the text is; fewer when little is left."""
_URGENT_BYTES = 20_000
MESSAGE_BYTES = 800
"""What a message weighs besides its HTML: headers, signature, ids, escapes."""


class Pacer:
    """Spends the bytes of one output.

    Parameters
    ----------
    clock
        Tells the time in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._started_at = clock()
        self._updated_at = -math.inf
        self._spent_bytes = 0
        self._last_bytes = MESSAGE_BYTES
        self._shown_bytes = 0

    def may_update(self, *, text_bytes: int, html_ratio: float, is_urgent: bool = False) -> bool:
        """Tell whether an update may be sent now.

        Parameters
        ----------
        text_bytes
            Size of the text that has arrived.
        html_ratio
            Size of its HTML relative to it.
        is_urgent
            Whether there is news besides text, which does not wait.
        """
        now = self._clock()
        new_bytes = text_bytes - self._shown_bytes
        is_early = now - self._updated_at < _SHORTEST_S
        if not is_urgent and (is_early or not new_bytes):
            return False
        final_bytes = _LIMIT_TEXT_BYTES * (1.03 + html_ratio)
        later_bytes = max(_LIMIT_BYTES - final_bytes, _LEAST_BYTES) - _FIRST_BYTES
        even = min(_EVEN_BYTES, later_bytes / 2 / _LIMIT_TEXT_BYTES)
        free_bytes = later_bytes - even * _LIMIT_TEXT_BYTES
        progress = text_bytes / _FREE_WITHIN_BYTES + (now - self._started_at) / _FREE_WITHIN_S
        bucket = _FIRST_BYTES + free_bytes * -math.expm1(-progress) + even * text_bytes
        return self._spent_bytes + self._last_bytes <= bucket + _URGENT_BYTES * is_urgent

    def record(self, *, text_bytes: int, html_bytes: int) -> None:
        """Note that an update was sent."""
        self._updated_at = self._clock()
        self._last_bytes = html_bytes + MESSAGE_BYTES
        self._spent_bytes += self._last_bytes
        self._shown_bytes = text_bytes
