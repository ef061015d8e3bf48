"""`HasFrames`: what a session and a manager can show as DataFrames.

The one door from the library up to `langswarm_nb.analysis`, open only while a frame is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from langswarm_nb.analysis.filters import Branch, Moment


class HasFrames:
    """Frames of one session, or of all sessions of a manager; the arguments are those of the functions named."""

    def messages_df(
        self,
        *,
        since: Moment = None,
        until: Moment = None,
        user_id: str | None = None,
        columns: Sequence[str] | None = None,
        branch: Branch = "active",
    ) -> pd.DataFrame:
        """Return the messages, one row each; see `langswarm_nb.analysis.messages_df`."""
        return frame_of(
            "messages_df", self, since=since, until=until, user_id=user_id, columns=columns, branch=branch
        )

    def turns_df(
        self,
        *,
        since: Moment = None,
        until: Moment = None,
        user_id: str | None = None,
        columns: Sequence[str] | None = None,
        branch: Branch = "active",
        estimate: bool = False,
    ) -> pd.DataFrame:
        """Return the requests to models, one row each; see `langswarm_nb.analysis.turns_df`."""
        return frame_of(
            "turns_df",
            self,
            since=since,
            until=until,
            user_id=user_id,
            columns=columns,
            branch=branch,
            estimate=estimate,
        )

    def sessions_df(
        self,
        *,
        since: Moment = None,
        until: Moment = None,
        user_id: str | None = None,
        columns: Sequence[str] | None = None,
        branch: Branch = "active",
    ) -> pd.DataFrame:
        """Return the sessions, one row each; see `langswarm_nb.analysis.sessions_df`."""
        return frame_of(
            "sessions_df", self, since=since, until=until, user_id=user_id, columns=columns, branch=branch
        )

    def attachments_df(
        self,
        *,
        since: Moment = None,
        until: Moment = None,
        user_id: str | None = None,
        columns: Sequence[str] | None = None,
        branch: Branch = "active",
    ) -> pd.DataFrame:
        """Return what messages carry, one row each; see `langswarm_nb.analysis.attachments_df`."""
        return frame_of(
            "attachments_df", self, since=since, until=until, user_id=user_id, columns=columns, branch=branch
        )

    def data_df(
        self,
        schema: object,
        *,
        since: Moment = None,
        until: Moment = None,
        user_id: str | None = None,
        branch: Branch = "active",
    ) -> pd.DataFrame:
        """Return the answers of a schema, a row for each object; see `langswarm_nb.analysis.data_df`."""
        return frame_of(
            "data_df", schema, source=self, since=since, until=until, user_id=user_id, branch=branch
        )

    def events_df(
        self,
        freq: str | None = None,
        *,
        since: Moment = None,
        until: Moment = None,
        user_id: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Return what the manager's `MetricsHook` saw, one row per event; see `langswarm_nb.analysis.events_df`."""
        return frame_of(
            "events_df", self, freq=freq, since=since, until=until, user_id=user_id, columns=columns
        )


def frame_of(name: str, of: object, **arguments: Any) -> pd.DataFrame:
    """Return the frame that a function of `langswarm_nb.analysis` makes of a source, or of what it gets first."""
    from langswarm_nb import analysis

    frame: pd.DataFrame = getattr(analysis, name)(of, **arguments)
    return frame
