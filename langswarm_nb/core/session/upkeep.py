"""`Upkeep`: what a manager does with many sessions of its storage at once, or with one that comes from elsewhere."""

from __future__ import annotations

import asyncio
import os
from abc import abstractmethod
from datetime import timedelta
from typing import TYPE_CHECKING

from langswarm_nb.core.session import checks
from langswarm_nb.core.session.messages import utc_now

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from langswarm_nb.core.session.imports.kinds import FileFormat
    from langswarm_nb.core.session.interfaces import ISessionStorage
    from langswarm_nb.core.session.session import BaseSession
    from langswarm_nb.core.session.settings import SessionRecord

_AT_ONCE = 100
"""So many sessions are read at a time."""


class Upkeep:
    """Brings sessions in, and takes those out that nobody uses, or that belonged to somebody."""

    storage: ISessionStorage
    _sessions: MutableMapping[str, BaseSession]

    @abstractmethod
    def check_open(self) -> None:
        """Raise when the manager was closed."""

    @abstractmethod
    def session_of(self, record: SessionRecord) -> BaseSession: ...

    async def import_session(
        self,
        user_id: str,
        path: str | os.PathLike[str] | None = None,
        *,
        text: str | None = None,
        format: FileFormat | None = None,
        provider: str = "mock",
        model: str = "echo",
    ) -> BaseSession:
        """Store the conversation of a file, or of a text, as a new session: the way back of `BaseSession.export`.

        Parameters
        ----------
        user_id : str
            Whose the session is from now on, whatever the file says.
        path, text : str, optional
            The file, or what it holds: our ``jsonl``, ``json`` or ``ipynb``, or a chat line in the style of OpenAI.
        format, provider, model : str
            As in `langswarm_nb.analysis.import_sessions`, which takes files with several sessions.

        Raises
        ------
        SessionValueError, SessionTypeError
            It is of another kind, damaged, or holds several sessions; nothing was stored.
        SessionStorageError
            It cannot be read or stored.
        """
        from langswarm_nb.core.session.imports.kinds import read_one  # few ever need it
        from langswarm_nb.core.session.imports.restoring import import_one

        self.check_open()
        checks.text("user_id", user_id)
        found = await asyncio.to_thread(read_one, path, text, format, provider, model)
        session_id = await import_one(self.storage, found.owned_by(user_id))
        session = self.session_of(await self.storage.load_session(session_id))
        await session.run_hooks("on_session_created")
        return session

    async def delete_user(self, user_id: str) -> int:
        """Delete all sessions of a user for good, as `BaseSession.delete`; return how many there were.

        Raises
        ------
        SessionStorageError
            One could not be deleted; those before it are gone. Call it again for the others.
        """
        self.check_open()
        checks.text("user_id", user_id)
        deleted = 0
        while records := await self.storage.list_sessions(user_id=user_id, limit=_AT_ONCE):
            for record in records:
                deleted += await self.session_of(record).delete()
                self._sessions.pop(record.session_id, None)
        return deleted

    async def cleanup_inactive_sessions(self, max_inactive_hours: float = 24) -> int:
        """Archive active sessions that were not used for this long, and return how many. Nothing is deleted.

        One that is used meanwhile, here or in another program, stays active, and so does one that is being answered.
        What is asked in an archived session makes it active again.
        """
        self.check_open()
        checks.number("max_inactive_hours", max_inactive_hours, at_least=0)
        try:
            before = utc_now() - timedelta(hours=max_inactive_hours)
        except OverflowError:  # nothing is as old as that
            return 0
        records = await self.storage.archive_inactive(before)
        for record in records:
            await self.session_of(record).run_hooks("on_session_archived")
        return len(records)
