"""Conversations as DataFrames: frames, statistics, cost, plots and exports.

All that needs pandas lives here; the session library below it does not.
"""

from .events import events_df
from .frames import messages_df

__all__ = ["events_df", "messages_df"]
