"""The width of bins of time, as a caller writes it."""

from __future__ import annotations

import pandas as pd
from pandas.tseries.frequencies import to_offset

from langswarm_nb.core.session.errors import SessionValueError


def width_of(freq: str) -> pd.Timedelta:
    """Return the width that a frequency of pandas such as ``"1min"``, ``"h"`` or ``"1D"`` stands for.

    Raises
    ------
    SessionValueError
        It is none, it is not the same at all times (a month), or it is not at least a microsecond.
    """
    try:
        width = pd.Timedelta(to_offset(freq).nanos, "ns")
    except (ValueError, TypeError, AttributeError) as error:
        raise _refused(freq) from error
    if width < pd.Timedelta(1, "us"):
        raise _refused(freq)
    return width


def _refused(freq: object) -> SessionValueError:
    return SessionValueError.of("freq", freq, "a width of time such as '1min', '15min', '1h' or '1D'")
