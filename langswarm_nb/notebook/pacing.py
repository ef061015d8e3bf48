"""When the next update of a growing reply is worth its bytes.

An update sends the whole reply so far, because an output of a cell can only be replaced. So updates get rarer as
they get dearer: the share of new text that makes one worth it grows with the square root of its bytes, which of all
rules with the same total keeps the page closest behind the reply, at all lengths. A slow model is shown every second
as long as that is cheap. And all updates with the final output stay below a line: a constant and a multiple of the
text's bytes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Pacer"]

_SHORTEST_S = 0.05
"""At most 20 updates a second."""
_PATIENCE_S = 1.0
_PATIENCE_BYTES = 100_000
_SHARE = 1 / 350
"""Share of the shown text that must be new for an update of one byte."""
_MESSAGE_BYTES = 800
"""What a message weighs besides its HTML: headers, signature, ids."""
_FREE_BYTES = 140_000
_BYTES_PER_BYTE = 3.6


class Pacer:
    """Spends the bytes of one output of a cell.

    Parameters
    ----------
    clock
        Tells the time in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._updated_at = -math.inf
        self._spent_bytes = 0
        self._html_bytes_per_char = 2.0
        self._shown_chars = 0

    def may_update(self, *, chars: int, text_bytes: int, is_urgent: bool = False) -> bool:
        """Tell whether an update is worth it now.

        Parameters
        ----------
        chars, text_bytes
            Length of the reply so far.
        is_urgent
            Whether there is news other than text, which does not wait for more of it.
        """
        waited_s = self._clock() - self._updated_at
        new_chars = chars - self._shown_chars
        if waited_s < _SHORTEST_S or not (new_chars or is_urgent):
            return False
        html_bytes = chars * self._html_bytes_per_char
        cost = html_bytes + _MESSAGE_BYTES
        final = html_bytes + text_bytes + 2 * _MESSAGE_BYTES
        if self._spent_bytes + cost + final > _FREE_BYTES + _BYTES_PER_BYTE * text_bytes:
            return False
        is_patient = waited_s < _PATIENCE_S or self._spent_bytes > _PATIENCE_BYTES
        return is_urgent or not is_patient or new_chars >= self._shown_chars * math.sqrt(cost) * _SHARE

    def record(self, *, chars: int, html_bytes: int) -> None:
        """Note that an update with ``chars`` of the reply was sent."""
        self._updated_at = self._clock()
        self._spent_bytes += html_bytes + _MESSAGE_BYTES
        self._shown_chars = chars
        self._html_bytes_per_char = html_bytes / max(chars, 200)
