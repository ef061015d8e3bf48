"""`Connection`: SQLite's, without a warning that some versions of Python give by mistake."""

from __future__ import annotations

import re
import sqlite3
import sys
from typing import Any

if sys.version_info[:2] == (3, 12) and sys.version_info < (3, 12, 4):
    # They take `?1` for a name, and warn that names need a dictionary: CPython issue 117995.
    _NUMBERS = re.compile(r"\?(\d*)")

    class Connection(sqlite3.Connection):
        """Gives numbered values as the dictionary that these versions want."""

        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
            """Run a statement."""
            if isinstance(parameters, tuple) and all(_NUMBERS.findall(sql) or [""]):
                parameters = {str(number): value for number, value in enumerate(parameters, 1)}
            return super().execute(sql, parameters)

else:
    Connection = sqlite3.Connection
