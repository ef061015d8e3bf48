"""Replies that could not be stored when they came: each is kept in memory until writing works again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from langswarm_nb.core.session.errors import SessionError, SessionNotFoundError, SessionStorageError

if TYPE_CHECKING:
    from langswarm_nb.core.session.messages import SessionMessage
    from langswarm_nb.core.session.session import BaseSession

logger: logging.Logger = logging.getLogger(__name__)


class LateReply(NamedTuple):
    """A reply, and where it belongs."""

    session: BaseSession
    message: SessionMessage
    question_id: str
    """By its id, as the file may be another one by then."""
    hides: Sequence[tuple[int, int]] = ()
    """Turn and version of earlier answers that it takes the place of."""

    def is_of(self, session: BaseSession) -> bool:
        """Return whether it belongs to that very session, not to one that has its id now."""
        mine, other = self.session.key, session.key
        return (mine, mine.number) == (other, other.number)

    async def store(self) -> None:
        """Store it under its question.

        Raises
        ------
        SessionNotFoundError
            The question is no longer there.
        SessionStorageError
            It still cannot be stored.
        """
        question = await self.session.get_message(self.question_id)
        if question is None:
            raise SessionNotFoundError(f"Its question is no longer in session {self.session.session_id!r}.")
        before = await self.session.get_message(self.message.id)
        if before is not None and before.finish_reason == self.message.finish_reason:
            return  # it was stored after all; a remnant that another process found is replaced
        await self.session.append_at_once(
            [self.message],
            reply_to=question.seq,
            question_id=question.id,
            activate=self.message.beside is None,
            hides=self.hides,
        )


class LateReplies:
    """The late replies of all sessions of one manager."""

    def __init__(self) -> None:
        self._waiting: list[LateReply] = []

    def keep(self, late: LateReply) -> None:
        """Keep a reply until it can be stored."""
        self._waiting = [each for each in self._waiting if each.message.id != late.message.id] + [late]

    def of(self, session: BaseSession) -> list[SessionMessage]:
        """Return the replies of a session that wait."""
        return [late.message for late in self._waiting if late.is_of(session)]

    def forget(self, session: BaseSession) -> None:
        """Let go of the replies of a session that is deleted."""
        self._waiting = [late for late in self._waiting if not late.is_of(session)]

    async def store(self, session: BaseSession | None = None) -> None:
        """Store what waits, of one session or of all; what comes after a reply in its session has to wait for it.

        Raises
        ------
        SessionStorageError
            One still cannot be stored; it goes on waiting, and is the error's ``reply``.
        """
        if not self._waiting:  # as good as always, and asked with each message that is stored
            return
        for late in [late for late in self._waiting if session is None or late.is_of(session)]:
            if late not in self._waiting:  # another task has taken it meanwhile
                continue
            self._waiting.remove(late)
            try:
                await late.store()
            except SessionNotFoundError as error:
                logger.warning(
                    "A reply that could not be stored when it arrived no longer has a place. %s", error
                )
            except BaseException as error:  # cancelled, too: it may not have been stored
                self._waiting.append(late)
                if isinstance(error, SessionStorageError):
                    error.reply = late.message
                    error.args = (
                        f"A reply that came before still cannot be stored, so it goes first. {error}",
                    )
                raise

    async def try_to_store(self) -> None:
        """Store what waits, as far as it goes: something else was stored just now."""
        try:
            await self.store()
        except SessionError:
            logger.debug("A reply that came before still cannot be stored.", exc_info=True)


def hand_over(reply: SessionMessage, error: SessionError, late: LateReply) -> None:
    """Let an error carry the reply that could not be stored; it is kept where it may still be."""
    error.reply = reply
    then = "it can no longer be stored; the error has it as `error.reply`"
    if isinstance(error, SessionStorageError):
        late.session.manager.late_replies.keep(late)
        then = "it is kept in memory, and stored with whatever is stored next; the error has it as `error.reply` too"
    error.args = (f"{error} The reply is not lost: {then}.",)
