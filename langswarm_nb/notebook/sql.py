"""`query`: SQL over the frames, in a database of its own that is thrown away; the store is never touched."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from IPython.core.error import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from langswarm_nb.core.session import SessionManager

TABLES = ("messages", "turns", "sessions")
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}


def query(manager: SessionManager, text: str) -> pd.DataFrame:
    """Return the rows of a query over the tables messages, turns and sessions.

    Each has the columns of the frame of its name; a table is made when the query names it.

    Raises
    ------
    UsageError
        The query is wrong, or would do more than read.
    """
    import pandas as pd

    from langswarm_nb import analysis

    builders = {
        "messages": analysis.messages_df,
        "turns": analysis.turns_df,
        "sessions": analysis.sessions_df,
    }
    with closing(sqlite3.connect(":memory:")) as db:
        for name, build in builders.items():
            if name in text.casefold():
                frame = build(manager) if name == "sessions" else build(manager, branch="all")
                _plain(frame).to_sql(name, db, index=False)
        db.set_authorizer(_only_reading)
        try:
            cursor = db.execute(text)
            columns = [column[0] for column in cursor.description or ()]
            return pd.DataFrame(cursor.fetchall(), columns=columns)
        except sqlite3.Error as error:
            raise UsageError(
                f"%langswarm sql: {error}. It reads the tables {', '.join(TABLES)}; their columns are those of "
                "`%langswarm df`."
            ) from error


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with moments as ISO text, which SQL can compare."""
    moments = frame.select_dtypes("datetimetz")
    texts = {str(name): moments[name].map(lambda at: at.isoformat(), na_action="ignore") for name in moments}
    return frame.assign(**texts)


def _only_reading(action: int, *_details: object) -> int:
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY
