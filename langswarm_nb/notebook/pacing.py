"""When the next update of a growing reply is worth its bytes.

Every update sends the whole reply so far, because a cell output can only be replaced. So updates get rarer as they
get dearer: the new text must be a share of what is shown that grows with the square root of an update's bytes. Of
all rules with the same total this one keeps the page closest behind the reply over all lengths. A slow model is shown
each second as long as that stays cheap. And whatever happens, the bytes stay below a line: a constant, plus a
multiple of the text.

Measured for 96 kB of prose in 4,000 deltas, kernel to server, the final output included: see
``tests/notebook/test_display_traffic.py``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Pacer"]

SHORTEST_S = 0.05
"""At most 20 updates a second."""
_PATIENCE_S = 1.0
_PATIENCE_BYTES = 100_000
_SHARE = 1 / 350
"""Share of the shown text that must be new, for an update of one byte."""
_MESSAGE_BYTES = 800
"""What a message weighs besides its HTML: headers, signature, ids."""
_FREE_BYTES = 150_000
_BYTES_PER_BYTE = 3.55
"""All of the cell's traffic stays below the free bytes and this much for each byte of text."""


class Pacer:
    """Spends the bytes of one reply; times come from ``clock``, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._updated_at = -math.inf
        self._spent = 0
        self._last_cost = _MESSAGE_BYTES

    def may_update(self, *, new_chars: int, shown_chars: int) -> bool:
        """Tell whether an update is worth preparing; `allow` then looks at its exact size."""
        waited_s = self._clock() - self._updated_at
        if not new_chars or waited_s < SHORTEST_S:
            return False
        is_worth_it = new_chars >= shown_chars * math.sqrt(self._last_cost) * _SHARE
        return is_worth_it or (waited_s >= _PATIENCE_S and self._spent < _PATIENCE_BYTES)

    def allow(self, *, html_bytes: int, text_bytes: int) -> bool:
        """Tell whether an update of this size fits, with the final output still to come; counts it if so."""
        cost = html_bytes + _MESSAGE_BYTES
        final = html_bytes + text_bytes + 2 * _MESSAGE_BYTES
        if self._spent + cost + final > _FREE_BYTES + _BYTES_PER_BYTE * text_bytes:
            return False
        self._spent += cost
        self._last_cost = cost
        self._updated_at = self._clock()
        return True
