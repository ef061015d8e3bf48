"""`leased`: what who may not ask is told, where the question is on its way in another process or in this one."""

from __future__ import annotations

from datetime import datetime

from langswarm_nb.core.session.errors import SessionLeasedError


def leased(session: str, process: str, since: datetime) -> SessionLeasedError:
    """Return the error for a session, as it is called, that somebody is being answered in."""
    error = SessionLeasedError(
        f"Another message of {session} is being answered (by {process}, since {since:%Y-%m-%d %H:%M:%S} UTC), so "
        "nothing was stored or sent. Send again later, or with when_busy='wait', which waits for that answer; a "
        "process that is gone, or silent for 15 s, does not hold up others."
    )
    error.process, error.since = process, since
    return error
