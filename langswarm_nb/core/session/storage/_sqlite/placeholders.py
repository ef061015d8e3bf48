"""`Connection`: SQLite's, that knows when a session was last used; without a false warning of some Pythons."""

from __future__ import annotations

import re
import sqlite3
import sys
from typing import Any


class _Connection(sqlite3.Connection):
    latest_us: int | None = None
    """The latest moment at which a session was used; None before it was looked up."""


if sys.version_info[:2] == (3, 12) and sys.version_info < (3, 12, 4):
    # They take `?1` for a name, and warn that names need a dictionary: CPython issue 117995.
    _NUMBERS = re.compile(r"\?(\d*)")

    class Connection(_Connection):
        """Gives numbered values as the dictionary that these versions want."""

        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
            """Run a statement."""
            if isinstance(parameters, tuple) and all(_NUMBERS.findall(sql) or [""]):
                parameters = {str(number): value for number, value in enumerate(parameters, 1)}
            return super().execute(sql, parameters)

else:
    Connection = _Connection
