"""A session as a file holds it, and the way back into a storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from langswarm_nb.core.session.errors import SessionExistsError
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
    tips: Mapping[str, int | None] = field(default_factory=dict)
    """The last message of each branch by name; the active branch stands last."""


async def store_session(storage: ISessionStorage, session: Exported) -> str:
    """Store a session with all its branches and return its id; all of it or nothing.

    Raises
    ------
    SessionValueError, SessionTypeError
        The storage cannot keep something in it.
    SessionStorageError
        It could not be stored.
    """
    first, *_ = [*session.tips, session.record.branch]
    record = replace(session.record, branch=first)
    try:
        await storage.create_session(record)
    except SessionExistsError:
        record = replace(record, session_id=new_id())
        await storage.create_session(record)
    try:
        seqs: dict[int | None, int | None] = {None: None}
        for chain in _chains(session.messages):
            stored = await storage.append_messages(
                record.session_id, chain, parent=seqs[chain[0].parent_seq], activate=False
            )
            seqs.update((old.seq, new.seq) for old, new in zip(chain, stored, strict=True))
        for name, tip in session.tips.items():
            await storage.set_tip(record.session_id, seqs[tip], branch=name)
    except BaseException:
        await storage.delete_session(record.session_id)
        raise
    return record.session_id


def _chains(messages: Sequence[SessionMessage]) -> list[list[SessionMessage]]:
    """Group messages that hang one below the other, so that each group is stored at once."""
    chains: list[list[SessionMessage]] = []
    for message in messages:
        if chains and message.parent_seq is not None and message.parent_seq == chains[-1][-1].seq:
            chains[-1].append(message)
        else:
            chains.append([message])
    return chains
