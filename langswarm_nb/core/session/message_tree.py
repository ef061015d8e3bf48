"""The tree of a session's messages: read it, branch it, choose its active path."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from . import checks
from .errors import SessionNotFoundError, SessionValueError, shown
from .interfaces import ISession, ISessionStorage, MessageRole, SessionMessage, SessionRecord
from .messages import as_role


class MessageTree(ISession):
    """What a session can do with its tree; nothing here deletes or rewrites a message."""

    record: SessionRecord
    storage: ISessionStorage

    async def get_messages(
        self,
        limit: int | None = None,
        role: MessageRole | str | None = None,
        since: datetime | None = None,
        *,
        branch: Literal["active", "all"] = "active",
    ) -> list[SessionMessage]:
        checks.limit(limit)
        checks.branch(branch)
        checks.moment("since", since)
        wanted = None if role is None else as_role(role)
        return await self.storage.get_messages(
            self.session_id, limit=limit, role=wanted, since=since, branch=branch
        )

    async def get_message(self, message_id: str) -> SessionMessage | None:
        checks.text("message_id", message_id)
        return await self.storage.get_message(self.session_id, message_id)

    async def path_to(self, message: SessionMessage) -> list[SessionMessage]:
        """Return the messages from the root to a stored message."""
        path = await self.storage.get_messages(self.session_id)
        at = next((n for n, known in enumerate(path, 1) if known.seq == message.seq), None)
        if at is not None:
            return path[:at]
        by_seq = {
            known.seq: known for known in await self.storage.get_messages(self.session_id, branch="all")
        }
        found: list[SessionMessage] = []
        step: SessionMessage | None = message
        while step is not None:
            found.append(step)
            step = by_seq.get(step.parent_seq) if step.parent_seq is not None else None
        return found[::-1]

    async def clear_messages(self) -> bool:
        had = bool(await self.storage.get_messages(self.session_id, limit=1))
        if had:
            await self.set_tip(None)
        return had

    async def fork(self, at: str | int | None = None, name: str | None = None) -> str:
        """Go on from an earlier place under a new branch name.

        Parameters
        ----------
        at : str, int, optional
            Id of the message to go on after, or number of the turn to go on after; by default the tip.
        name : str, optional
            Name of the branch; by default ``branch-2``, ``branch-3``, …

        Returns
        -------
        str
            The name.

        Raises
        ------
        SessionNotFoundError
            No such message or turn.
        SessionValueError
            The name is taken or empty.
        """
        branches = await self.storage.list_branches(self.session_id)
        if name is None:
            name = next(f"branch-{n}" for n in range(2, len(branches) + 3) if f"branch-{n}" not in branches)
        checks.text("name", name)
        if name in branches:
            raise SessionValueError.of(
                "name", name, f"new; the session has the branches {', '.join(branches)}"
            )
        await self.set_tip(await self._seq_at(at), branch=name)
        return name

    async def switch_branch(self, name: str) -> None:
        """Make another branch the active one.

        Raises
        ------
        SessionValueError
            The session has no branch of this name.
        """
        branches = await self.storage.list_branches(self.session_id)
        if name not in branches:
            raise SessionValueError.of("name", name, branches)
        await self.set_tip(branches[name], branch=name)

    async def branches(self) -> dict[str, int | None]:
        """Return the `seq` of the last message of each branch, by name."""
        return await self.storage.list_branches(self.session_id)

    async def undo(self, turns: int = 1) -> int:
        checks.whole("turns", turns, at_least=1)
        path = await self.storage.get_messages(self.session_id)
        starts = [n for n, message in enumerate(path) if message.role is MessageRole.USER]
        undone = min(turns, len(starts))
        if undone:
            at = starts[-undone]
            await self.set_tip(path[at - 1].seq if at else None)
        return undone

    async def versions(self, message_id: str) -> list[SessionMessage]:
        message = await self._existing(message_id)
        everything = await self.storage.get_messages(self.session_id, branch="all")
        return [
            other
            for other in everything
            if other.parent_seq == message.parent_seq and other.role == message.role
        ]

    async def use_version(self, message_id: str) -> None:
        """Make the path through this message, and on to the newest message below it, the active one."""
        message = await self._existing(message_id)
        everything = await self.storage.get_messages(self.session_id, branch="all")
        newest_child = {other.parent_seq: other for other in everything}
        while (below := newest_child.get(message.seq)) is not None:
            message = below
        await self.set_tip(message.seq)

    async def hide(self, message_id: str, *, hidden: bool = True) -> None:
        """Keep a message but send it no more; ``hidden=False`` takes that back."""
        message = await self._existing(message_id)
        if message.seq is not None:
            await self.storage.set_hidden(self.session_id, message.seq, hidden=hidden)

    async def set_tip(self, seq: int | None, *, branch: str | None = None) -> None:
        """Make the path to ``seq`` the active one."""
        self.record = await self.storage.set_tip(self.session_id, seq, branch=branch)

    async def question_of(self, message_id: str | None) -> SessionMessage:
        """Return the last question of the active path, or the one that a message belongs to."""
        if message_id is None:
            path = await self.storage.get_messages(self.session_id)
        else:
            path = await self.path_to(await self._existing(message_id))
        for message in reversed(path):
            if message.role in (MessageRole.USER, MessageRole.TOOL):
                return message
        raise SessionNotFoundError(
            f"Session {self.session_id!r} has no question to answer again. Send a message first."
        )

    async def _existing(self, message_id: str) -> SessionMessage:
        message = await self.get_message(message_id)
        if message is None:
            raise SessionNotFoundError(
                f"No message {shown(message_id)} in session {self.session_id!r}. "
                "List the ids with `await session.get_messages(branch='all')`."
            )
        return message

    async def _seq_at(self, at: str | int | None) -> int | None:
        path = await self.storage.get_messages(self.session_id)
        if at is None:
            return path[-1].seq if path else None
        if isinstance(at, str):
            return (await self._existing(at)).seq
        checks.whole("at", at, at_least=0)
        of_turn = [message for message in path if message.turn == at]
        if not of_turn:
            turns = sorted({message.turn for message in path if message.turn is not None})
            raise SessionNotFoundError(
                f"No turn {shown(at)} on the active path of session {self.session_id!r}: "
                + (f"its turns are {turns[0]} to {turns[-1]}." if turns else "it has none yet.")
            )
        return of_turn[-1].seq
