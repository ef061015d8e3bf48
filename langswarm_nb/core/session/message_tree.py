"""The tree of a session's messages: read it, branch it, choose its active path."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeVar, Unpack

from . import checks
from .conversation import moves
from .conversation.beside_the_loop import decided
from .conversation.copies import copy_of, origin_of
from .conversation.nodes import Stamp, TreeRows
from .conversation.steps import Done, Step
from .conversation.tree import Tree
from .errors import SessionNotFoundError, SessionValueError, shown
from .interfaces import (
    ChainPlace,
    ISession,
    ISessionStorage,
    MessageRole,
    SessionMessage,
    SessionRecord,
)
from .messages import RoleName, as_role, utc_now
from .settings import SessionKey, SessionStatus

if TYPE_CHECKING:
    from .conversation.syncing import Line, SavedCell


T = TypeVar("T")


class MessageTree(ISession):
    """What a session can do with its tree; nothing here deletes or rewrites a message."""

    record: SessionRecord
    storage: ISessionStorage
    _seen: Tree = Tree.empty()
    """The session as this object last read it; after that, only what is new is read."""

    @property
    def key(self) -> SessionKey:
        """The key by which the storage finds this session, and no other with its id."""
        return self.record.key

    async def get_messages(
        self,
        limit: int | None = None,
        role: MessageRole | RoleName | None = None,
        since: datetime | None = None,
        *,
        branch: Literal["active", "all"] = "active",
        before_seq: int | None = None,
    ) -> list[SessionMessage]:
        checks.limit(limit)
        if before_seq is not None:
            checks.whole("before_seq", before_seq, at_least=0)
        checks.branch(branch)
        checks.moment("since", since)
        wanted = None if role is None else as_role(role)
        return await self.storage.get_messages(
            self.key, limit=limit, role=wanted, since=since, branch=branch, before_seq=before_seq
        )

    async def get_message(self, message_id: str) -> SessionMessage | None:
        checks.text("message_id", message_id)
        return await self.storage.get_message(self.key, message_id)

    async def read_attachment(self, blob: str) -> bytes:
        """Return the bytes of an attachment of this session.

        Parameters
        ----------
        blob : str
            The hash in the attachment's part, see `SessionMessage.attachments`.

        Raises
        ------
        SessionNotFoundError
            No message of this session carries it.
        """
        found = await self.storage.read_blobs(self.key, [checks.text("blob", blob)])
        if blob not in found:
            raise SessionNotFoundError(
                f"No message of session {shown(self.session_id)} carries the attachment {shown(blob)}. "
                "A message's `attachments` have their hashes."
            )
        return found[blob]

    async def tree(self) -> Tree:
        """Return the shape of the session: turns, versions, branches."""
        seen = self._seen
        rows = await self.storage.read_tree(self.key, known=seen.stamp)
        self._seen = tree = await decided(rows.nodes, lambda: seen.grown(rows))
        return tree

    async def ask(self, decide: Callable[[Tree], tuple[T, Step]], *, dry_run: bool = False) -> tuple[T, Done]:
        """Let a function decide about the session as it is now, and do that, in one step; see `ISessionStorage.ask`.

        The function also returns a value of its own, which is returned here too.
        """
        seen, last = self._seen, list[tuple[T, Step]]()

        def known() -> Stamp:
            nonlocal seen
            seen = self._seen
            return seen.stamp

        def decide_now(rows: TreeRows) -> Step:
            # Set at once, for the next ask. If this one is rolled back, the id of the last message shows it.
            self._seen = tree = seen.grown(rows)
            last[:] = [decide(tree)]
            return last[0][1]

        done = await self.storage.ask(self.key, decide_now, known=known, dry_run=dry_run)
        [(found, step)] = last
        if not dry_run:
            await self._note(done.stored, step.place)
        return found, done

    async def append(
        self, messages: Sequence[SessionMessage], **place: Unpack[ChainPlace]
    ) -> list[SessionMessage]:
        """Store messages as a chain and count them; ``place`` as for `ISessionStorage.append_messages`."""
        stored = await self.storage.append_messages(self.key, messages, **place)
        await self._note(stored, place)
        return stored

    async def _note(self, stored: Sequence[SessionMessage], place: ChainPlace) -> None:
        """Count what was stored."""
        record = self.record
        active = [message.seq for message in stored if message.is_active]
        parent = place.get("parent", "tip")
        if not stored and place.get("activate", True) and not isinstance(parent, str):
            active = [parent]
        self.record = replace(
            record,
            message_count=record.message_count + len(stored),
            token_count=record.token_count + sum(message.token_count or 0 for message in stored),
            tip_seq=active[-1] if active else record.tip_seq,
            branch=place.get("branch") or record.branch,
            updated_at=utc_now(),
        )
        if record.status is SessionStatus.ARCHIVED:  # what is asked makes it active again
            self.record = await self.storage.load_session(self.key)

    async def pick_messages(self, seqs: Sequence[int]) -> list[SessionMessage]:
        """Return the messages with these seqs, which ascend.

        Raises
        ------
        SessionTypeError
            ``seqs`` is not a list of whole numbers.
        """
        return await self.storage.pick_messages(self.key, seqs)

    async def clear_messages(self) -> bool:
        had = bool(await self.storage.get_messages(self.key, limit=1))
        if had:
            await self.set_tip(None)
        return had

    async def fork(self, at: str | int | None = None, name: str | None = None) -> str:
        """Continue from an earlier place, on a new branch.

        Parameters
        ----------
        at : str, int, optional
            Id of the message to go on after, number of the turn on the path, or ``"TURN.VERSION"``; by default the tip.
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
        branches = await self.storage.list_branches(self.key)
        name = (
            free_branch(branches) if name is None else unicodedata.normalize("NFC", checks.text("name", name))
        )
        if any(unicodedata.normalize("NFC", branch) == name for branch in branches):
            raise SessionValueError.of(
                "name", name, f"new; the session has the branches {', '.join(branches)}"
            )
        await self.set_tip(await self.seq_at(at), branch=name)
        return name

    async def line_of(self, cells: Iterable[SavedCell]) -> Line:
        """Return the path that follows the given cells of a notebook, in their order; see `follow`."""
        from .conversation.syncing import line_up  # few sessions ever need it

        tree = await self.tree()
        messages = await self.pick_messages([node.seq for node in tree.nodes if node.role != "system"])
        seqs = {message.id: message.seq for message in messages}
        origins = {message.seq: seqs.get(origin_of(message) or "") for message in messages}
        return line_up(
            tree,
            cells,
            {message.seq: message.content for message in messages if message.seq is not None},
            {seq: origin for seq, origin in origins.items() if seq is not None and origin is not None},
        )

    async def follow(self, line: Line, branch: str) -> None:
        """Continue along a line, on a new branch; no question is asked again.

        Messages from other branches are copied, as further versions of their turns; an answer that had other turns
        before it says so in its metadata.

        Raises
        ------
        SessionStorageError
            It could not be stored; the path is then unchanged.
        """
        place, hidden = line.start, []
        for step in line.steps:
            if step.is_there:
                place = step.seqs[-1]
                continue
            copies = [
                copy_of(message, self.session_id, knew_other=step.knew_other and message.request is not None)
                for message in await self.pick_messages(step.seqs)
            ]
            for chain in (copies[: step.waiting], copies[step.waiting :]):
                if chain:
                    stored = await self.append(chain, parent=place, turn=step.turn, activate=False)
                    place = stored[-1].seq
            if step.is_hidden:
                hidden.append((step.turn, stored[-1].version))
        await self.set_tip(place, branch=branch)
        await self.hide_versions(hidden)

    async def switch_branch(self, name: str) -> None:
        """Make another branch the active one.

        Raises
        ------
        SessionValueError
            The session has no branch of this name.
        SessionTypeError
            The name is not text.
        """
        branches = await self.storage.list_branches(self.key)
        wanted = unicodedata.normalize("NFC", checks.text("name", name))
        found = next((branch for branch in branches if unicodedata.normalize("NFC", branch) == wanted), None)
        if found is None:
            raise SessionValueError.of("name", name, branches)
        await self.set_tip(branches[found], branch=found)

    async def branches(self) -> dict[str, int | None]:
        """Return the `seq` of the last message of each branch, by name."""
        return await self.storage.list_branches(self.key)

    async def undo(self, turns: int = 1) -> int:
        checks.whole("turns", turns, at_least=1)
        move, undone = moves.undo(await self.tree(), turns)
        if undone:
            await self.set_tip(move.tip)
        return undone

    async def restart(self) -> None:
        """Go back to before the first turn: the next question starts over, and earlier messages stay as versions."""
        await self.set_tip(moves.restart(await self.tree()).tip)

    async def versions(self, message_id: str) -> list[SessionMessage]:
        message = await self._existing(message_id)
        nodes = (await self.tree()).of_turn(message.turn)
        alike = [node.seq for node in nodes if node.role == message.role.value]
        return await self.pick_messages(alike) if alike else [message]

    async def use_version(self, message_id: str) -> str:
        """Make the version of a turn that a message belongs to the current one, on the branch that holds it.

        Returns
        -------
        str
            What to show the user: a change of branch, turns that come back, an aside that joined the path.

        Raises
        ------
        SessionNotFoundError
            There is no such message.
        """
        message = await self._existing(message_id)
        if message.turn is None:
            await self.set_tip(message.seq)
            return ""
        return await self.use(message.turn, message.version)

    async def use(self, turn: int, version: int | None = None) -> str:
        """Make a version of a turn the current one, as `use_version` does; by default its newest.

        Raises
        ------
        SessionNotFoundError
            There is no such turn or version.
        SessionTypeError, SessionValueError
            The turn or the version is not a valid number.
        """
        checks.whole("turn", turn, at_least=0)
        if version is not None:
            checks.whole("version", version, at_least=1)
        tree = await self.tree()
        move = moves.use(tree, turn, version)
        if move.tip != tree.tip or move.branch is not None:
            await self.set_tip(move.tip, branch=move.branch)
        return move.note

    async def hide(self, message_id: str, *, hidden: bool = True) -> None:
        """Keep a turn but no longer send it on this branch; ``hidden=False`` undoes that.

        The whole turn is hidden, in the version that the message belongs to.

        Raises
        ------
        SessionNotFoundError
            There is no such message, or it belongs to no turn.
        """
        message = await self._existing(message_id)
        if message.turn is None:
            raise SessionNotFoundError(
                f"The message {shown(message_id)} belongs to no turn, so none can be hidden."
            )
        here = (await self.tree()).turn_on_path(message.turn)
        on_path = here is not None and message.is_active
        version = here.version if here is not None and on_path else message.version
        await self.storage.set_hidden(self.key, message.turn, version, hidden=hidden)

    async def hide_versions(self, versions: Sequence[tuple[int, int]], *, branch: str | None = None) -> None:
        """Stop sending some versions of turns on a branch, by default on this one."""
        for turn, version in versions:
            await self.storage.set_hidden(self.key, turn, version, hidden=True, branch=branch)

    async def set_tip(self, seq: int | None, *, branch: str | None = None) -> None:
        """Make the path to ``seq`` the active one."""
        self.record = await self.storage.set_tip(self.key, seq, branch=branch)

    async def question_of(self, message_id: str | None) -> SessionMessage:
        """Return the last question of the active path, or the one that a message belongs to.

        Raises
        ------
        SessionNotFoundError
            There is no such message, or there is no question.
        """
        tree = await self.tree()
        seq = tree.tip if message_id is None else (await self._existing(message_id)).seq
        found = [node.seq for node in tree.path_to(seq) if node.role in ("user", "tool")]
        if not found:
            raise SessionNotFoundError(
                f"Session {self.session_id!r} has no question to answer again. Send a message first."
            )
        return (await self.pick_messages(found[-1:]))[0]

    async def _existing(self, message_id: str) -> SessionMessage:
        message = await self.get_message(message_id)
        if message is None:
            raise SessionNotFoundError(
                f"No message {shown(message_id)} in session {self.session_id!r}. "
                "List the ids with `await session.get_messages(branch='all')`."
            )
        return message

    async def seq_at(self, at: str | int | None) -> int | None:
        """Return the `seq` to continue after, from a message's id, ``TURN.VERSION``, a turn's number or the tip.

        Raises
        ------
        SessionNotFoundError
            There is no such place.
        """
        tree = await self.tree()
        if at is None:
            return tree.tip
        if isinstance(at, str):
            turn, dot, version = at.partition(".")
            if dot and turn.isdecimal() and version.isdecimal():
                return moves.fork(tree, int(turn), int(version)).tip
            return (await self._existing(at)).seq
        return moves.fork(tree, checks.whole("at", at, at_least=0)).tip


def free_branch(branches: Collection[str]) -> str:
    """Return a name that no branch has: ``branch-2``, ``branch-3``, …."""
    return next(f"branch-{n}" for n in range(2, len(branches) + 3) if f"branch-{n}" not in branches)
