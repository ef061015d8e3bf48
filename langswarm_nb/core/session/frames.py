"""`HasFrames`: what a session and a manager can show as DataFrames.

The one door from the library up to `langswarm_nb.analysis`, open only while a frame is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


class HasFrames:
    """Frames of one session, or of all sessions of a manager; the arguments are those of the functions named."""

    def messages_df(self, **filters: Any) -> pd.DataFrame:
        """Return the messages, one row each; see `langswarm_nb.analysis.messages_df`."""
        return frame_of("messages_df", self, filters)

    def turns_df(self, **filters: Any) -> pd.DataFrame:
        """Return the requests to models, one row each; see `langswarm_nb.analysis.turns_df`."""
        return frame_of("turns_df", self, filters)

    def sessions_df(self, **filters: Any) -> pd.DataFrame:
        """Return the sessions, one row each; see `langswarm_nb.analysis.sessions_df`."""
        return frame_of("sessions_df", self, filters)

    def events_df(self, **filters: Any) -> pd.DataFrame:
        """Return what the manager's `MetricsHook` saw, one row an event; see `langswarm_nb.analysis.events_df`."""
        return frame_of("events_df", self, filters)


def frame_of(name: str, source: object, filters: dict[str, Any]) -> pd.DataFrame:
    """Return the frame that a function of `langswarm_nb.analysis` makes of a source."""
    from langswarm_nb import analysis

    frame: pd.DataFrame = getattr(analysis, name)(source, **filters)
    return frame
