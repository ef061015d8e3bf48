"""A session as a file holds it, and the way back into a storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from langswarm_nb.core.session.conversation.copies import copy_of
from langswarm_nb.core.session.conversation.nodes import TreeRows
from langswarm_nb.core.session.errors import SessionExistsError, SessionNotFoundError
from langswarm_nb.core.session.interfaces import ISessionStorage
from langswarm_nb.core.session.messages import SessionMessage, new_id
from langswarm_nb.core.session.settings import SessionRecord


@dataclass(frozen=True, slots=True)
class Exported:
    """A session as a file holds it."""

    record: SessionRecord
    """With counts and tip of a new session."""
    messages: tuple[SessionMessage, ...]
    """All branches, in order of `seq`."""
    tree: TreeRows
    """Its branches, where they have been, and what they hide."""
    left_out: tuple[str, ...] = ()
    """What the file has of it that is not taken over."""

    def owned_by(self, user_id: str) -> Exported:
        """Return it as somebody's."""
        return replace(self, record=replace(self.record, user_id=user_id))

    def packed(self) -> Exported:
        """Return it with messages that are numbered from 0 without gaps."""
        seqs = {message.seq: n for n, message in enumerate(self.messages)}
        tree = self.tree
        return replace(
            self,
            messages=tuple(
                replace(message, seq=n, parent_seq=seqs.get(message.parent_seq))
                for n, message in enumerate(self.messages)
            ),
            tree=tree._replace(
                tip=seqs.get(tree.tip),
                others=[(name, seqs.get(tip)) for name, tip in tree.others],
                former=[(name, seqs[tip]) for name, tip in tree.former],
            ),
        )


def why(error: Exception) -> str:
    """Return what an error in a file's values says; of a missing one the name alone would be its text."""
    return f"{error.args[0]!r} is missing" if type(error) is KeyError and error.args else str(error)


def counted_once(messages: Sequence[SessionMessage], counted: Mapping[str, str]) -> list[SessionMessage]:
    """Return messages in which the answers that are counted in a session of the store already are copies of those.

    Parameters
    ----------
    messages : sequence of SessionMessage
        As the file has them.
    counted : mapping of str to str
        The ids of messages that count, with their sessions.
    """
    return [
        copy_of(message, counted[message.id], keeps_id=True) if message.id in counted else message
        for message in messages
    ]


async def store_session(storage: ISessionStorage, session: Exported) -> str:
    """Store a session with all that the file says of it and return its id; all of it or nothing.

    Raises
    ------
    SessionValueError, SessionTypeError
        The storage cannot keep something in it.
    SessionStorageError
        It could not be stored.
    """
    record = session.record
    try:
        await storage.restore_session(record, session.messages, session.tree)
    except SessionExistsError:
        record = replace(record, session_id=new_id())
        await storage.restore_session(record, session.messages, session.tree)
    return record.session_id


def counts(message: SessionMessage) -> bool:
    """Tell whether a message is an answer whose request counts here: one that is not a copy."""
    return message.request is not None and message.request.attempts > 0


async def import_one(storage: ISessionStorage, session: Exported) -> str:
    """Store a session, as `store_session`; the answers of its original, where that is still there, become copies.

    Raises
    ------
    SessionValueError, SessionTypeError
        The storage cannot keep something in it.
    SessionStorageError
        It could not be stored.
    """
    session_id = session.record.session_id
    try:
        there = await storage.get_messages(session_id, branch="all")
    except SessionNotFoundError:
        there = []
    counted = {message.id: session_id for message in there if counts(message)}
    return await store_session(
        storage, replace(session, messages=tuple(counted_once(session.messages, counted)))
    )
