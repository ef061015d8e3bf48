"""`ISessionStorage`: the contract of an object that keeps sessions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Literal

from langswarm_nb.core.session.answers.definition import Definition
from langswarm_nb.core.session.conversation.nodes import Stamp, TreeRows
from langswarm_nb.core.session.conversation.steps import Done, Step
from langswarm_nb.core.session.messages import MessageRole, SearchHit, SessionMessage
from langswarm_nb.core.session.settings import SessionRecord, SessionStatus

from .bounds import Bounds

_NOTHING = Stamp()


class ISessionStorage(ABC):
    """Where sessions are kept; one storage serves many sessions, tasks, event loops and processes at once.

    It can be made with no event loop running and opens on first use. What it returns is a copy.
    Messages are only ever added: a session is a tree of messages, of which one path from the root to the tip is
    active. All methods raise `SessionStorageError` when the place of storage fails (nothing is then half-written),
    `SessionNotFoundError` for a session id that is not stored, and `SessionClosedError` after `close`; the storages of
    the library raise `SessionError` in a trio task, as they work on asyncio.
    Where a ``session_id`` is the `key` of a record, exactly that session is meant: a session created later under the
    id of a deleted one is a different session, so it is not found.
    """

    name: str
    """How error texts call this storage, e.g. ``SQLite file '…'``."""
    bounds: Bounds = Bounds()
    """Limits on what is stored; anything longer is refused with a `SessionValueError`, and nothing is stored."""

    @abstractmethod
    async def create_session(self, record: SessionRecord) -> SessionRecord:
        """Store a new session, and return it with its `number`.

        Raises
        ------
        SessionExistsError
            The id is taken; what is stored was not changed.
        SessionValueError, SessionTypeError
            Something in the record cannot be stored (text that is not UTF-8, metadata that is not JSON).
        """

    @abstractmethod
    async def restore_session(
        self, record: SessionRecord, messages: Sequence[SessionMessage], tree: TreeRows
    ) -> None:
        """Store a whole session just as it is elsewhere, with its numbers: all of it or nothing.

        Parameters
        ----------
        record : SessionRecord
            As for `create_session`.
        messages : sequence of SessionMessage
            All its messages in order of `seq`, which counts from 0 without gaps; `turn` and `version` are kept.
        tree : TreeRows
            Its branches, their former tips, and what they hide; its nodes are ignored.

        Raises
        ------
        SessionExistsError
            The id is taken; what is stored was not changed.
        SessionValueError, SessionTypeError
            Something cannot be stored unchanged, or the messages do not form a tree.
        """

    @abstractmethod
    async def load_session(self, session_id: str) -> SessionRecord:
        """Return the record of a session; replies that a dead process left unfinished are closed first."""

    @abstractmethod
    async def update_session(self, session_id: str, **changes: Any) -> SessionRecord:
        """Change ``settings, status, title, native, metadata, home`` or ``main_at``; return the new record."""

    @abstractmethod
    async def list_sessions(
        self,
        *,
        user_id: str | None = None,
        status: SessionStatus | None = None,
        updated_before: datetime | None = None,
        home: str | None = None,
        title: str | None = None,
        labels: Collection[str] | None = None,
        id_begins: str | None = None,
        is_main: bool | None = None,
        noting: str | None = None,
        limit: int | None = None,
        before: datetime | None = None,
    ) -> list[SessionRecord]:
        """Return the sessions that meet all given conditions, most recently used first.

        Parameters
        ----------
        user_id, status, title : str, optional
            Their user, status or title.
        home : str, optional
            The notebook that they belong to; empty for none.
        updated_before : datetime, optional
            They have not changed since then.
        is_main : bool, optional
            Whether they have a `main_at`.
        labels : collection of str, optional
            Their title is one of these, in normal form C and without blanks around it; "" means no title.
        id_begins : str, optional
            The beginning of their id.
        noting : str, optional
            A name that their metadata contain, made of letters, digits and ``_``.
        limit : int, optional
            How many at most.
        before : datetime, optional
            They come after the session with this `used_at`. No two sessions of a user share one, so pages have no
            gaps.

        Notes
        -----
        No more is read than is returned. For one user, the time to find a few sessions by home, labels, id, `main_at`
        or ``noting`` does not grow with the number of sessions.
        """

    @abstractmethod
    async def archive_inactive(self, before: datetime) -> list[SessionRecord]:
        """Archive the active sessions that were last used before a moment, and return them as archived.

        It is one step: a session that is used meanwhile, or in which a message is being answered, stays active.
        Archiving does not count as use.
        """

    async def list_homes(self, *, user_id: str) -> list[str]:
        """Return the notebooks that sessions of a user belong to, each once."""
        records = await self.list_sessions(user_id=user_id)
        return sorted({record.home for record in records if record.home is not None})

    async def list_first_questions(
        self, *, user_id: str, chars: int = 600, among: Collection[str] | None = None
    ) -> dict[str, str]:
        """Return the beginning of the first question of each session of a user, by session id, in one query.

        With ``among``, only those sessions. Sessions in which nothing was asked are left out. A storage that cannot
        read them all at once leaves out more.
        """
        return {}

    @abstractmethod
    async def list_cells(
        self, *, user_id: str, home: str | None = None, among: Collection[str] | None = None
    ) -> dict[str, dict[str, datetime]]:
        """Return, for each home of a user's sessions, the cells that asked there and when each first did.

        Parameters
        ----------
        home : str, optional
            Only that home.
        among : collection of str, optional
            Only those cells.

        Notes
        -----
        Imported messages (``source`` is "import") do not count, nor do messages asked by cells of another notebook
        (``asked_in`` in their ``metadata``).
        """

    @abstractmethod
    async def delete_session(self, session_id: str) -> bool:
        """Delete a session and its messages for good, text included; False when there is none."""

    @abstractmethod
    async def append_messages(
        self,
        session_id: str,
        messages: Sequence[SessionMessage],
        *,
        parent: int | Literal["tip"] | None = "tip",
        reply_to: int | None = None,
        question_id: str | None = None,
        turn: int | None = None,
        activate: bool = True,
        branch: str | None = None,
        hides: Sequence[tuple[int, int]] = (),
        lease: str | None = None,
        expected_tip: str | None = None,
        once: bool = False,
    ) -> list[SessionMessage]:
        """Add messages as a chain: all of them or none. The cost grows with ``messages``, not with the history.

        A question begins a turn, whose number is assigned here, once; system messages right before it in the chain
        belong to it, and a question that `is_hidden` is hidden on the branch. A later message gets the turn and version
        of the one before it, but a further answer to the same message is a version of its own. When the path moves
        from its tip to another place, the old tip is kept as a former tip of the branch, unless one beyond it is. An
        empty chain only moves the tip to ``parent``.

        A question makes an archived session active again; so does the lease for a further answer.

        Parameters
        ----------
        parent : int, "tip" or None
            Where the chain is attached: after the tip; or, as a new version, below the message with this `seq`, with
            the tip moved there (None: a new root).
        reply_to : int, optional
            `seq` of the question that the first message answers; ``parent`` is then ignored. The reply goes directly
            below the question, as a version of its turn, and is on the active path only if that still ends with the
            question; branches and former tips that end there lead to the reply.
        question_id : str, optional
            Id of the message at ``reply_to``. If another message is there, this is not the store that the question went
            to (it was replaced by a copy), and the reply is refused because its question is missing.
        turn : int, optional
            Number of the turn that the first question is a further version of; by default it begins a new turn.
        activate : bool
            False adds the chain below ``parent`` (a `seq` or None) and leaves the active path as it is.
        branch : str, optional
            First switch to this branch, as `set_tip` does, with ``parent`` as its tip; an existing branch keeps its own
            tip when nothing is activated.
        hides : sequence of tuple, optional
            Turn and version of what the branch no longer sends.
        lease : str, optional
            Id of the reply that will answer: until it is appended, no other writer gets the lease of this session.
            The id of one of ``messages`` only makes sure that no other message is being answered. When one of them is
            the reply that holds the lease, it goes on to this one.
        expected_tip : str, optional
            Id of the message that the caller saw at the end of the active path; empty for an empty path.
        once : bool
            True refuses the chain when a message of the session has the id of one of ``messages``, before any other
            reason to refuse it. The check takes longer the more messages the session has.

        Returns
        -------
        list of SessionMessage
            Copies with `seq`, `parent_seq`, `turn`, `version`, `is_active` filled in.

        Raises
        ------
        SessionNotFoundError
            No session has this id, no message this `seq`, no turn this number.
        SessionExistsError
            With ``once``: one of the ids exists already.
        SessionMovedError
            The path does not end with ``expected_tip``.
        SessionLeasedError
            Another writer holds the lease; the error says who, and since when.
        SessionValueError, SessionTypeError
            A message cannot be stored unchanged.

        Notes
        -----
        A caller that is cancelled while it waits cannot know whether its messages were stored; look for their ids.
        Appending a message whose id has a partial (`save_partial`) removes the partial in the same transaction.
        """

    @abstractmethod
    async def ask(
        self,
        session_id: str,
        decide: Callable[[TreeRows], Step],
        *,
        known: Callable[[], Stamp] = Stamp.of_nothing,
        dry_run: bool = False,
    ) -> Done:
        """Let a function decide about a session as it is at this moment, and do what it decides, in one transaction.

        Parameters
        ----------
        decide : callable
            Gets what `read_tree` returns. It may be called in another thread, and more than once, so it must not change
            anything. What it raises is raised here, with nothing stored.
        known : callable
            Returns the stamp for `read_tree`. It is called right before ``decide``: when many ask at once, the caller
            knows by then what the earlier ones have added.
        dry_run : bool
            True only reads.

        Returns
        -------
        Done
            Its messages to send have all that a request needs, and no more: see `ProviderRequest.messages`. A dry run
            reads them whole.

        Raises
        ------
        SessionError
            As `append_messages`, and what ``decide`` raises.
        """

    @abstractmethod
    async def keep_lease(self, session_id: str, lease: str) -> None:
        """Report that the holder of a lease is alive: a lease is free after 15 s without a report."""

    @abstractmethod
    async def queue_lease(self, session_id: str, lease: str) -> bool:
        """Return whether a lease can be taken now; if another holds it, ask to be next, unless somebody already is.

        When it ends, it is reserved for the next for a few seconds, so that one who asks again and again cannot keep
        others waiting forever.
        """

    @abstractmethod
    async def leave_lease(self, session_id: str, lease: str) -> None:
        """Give back a lease whose answer could not be stored, or the place as next; otherwise do nothing."""

    @abstractmethod
    async def read_tree(self, session_id: str, *, known: Stamp = _NOTHING) -> TreeRows:
        """Return the shape of a session without its text: all messages, branches, former tips, hidden versions.

        If the caller knows the shape at a stamp, and no message has changed since, only the new messages are returned.
        """

    @abstractmethod
    async def pick_messages(self, session_id: str, seqs: Sequence[int]) -> list[SessionMessage]:
        """Return the messages with these ascending ``seqs``; missing ones are left out."""

    @abstractmethod
    async def get_messages(
        self,
        session_id: str,
        *,
        limit: int | None = None,
        role: MessageRole | None = None,
        since: datetime | None = None,
        branch: Literal["active", "all"] = "active",
        before_seq: int | None = None,
    ) -> list[SessionMessage]:
        """Return the active path, or all messages, in order of `seq`; with ``limit``, only the last of these.

        With ``before_seq``, those before that `seq`; no more is read than is returned.
        """

    @abstractmethod
    async def get_message(self, session_id: str, message_id: str) -> SessionMessage | None:
        """Return the message with this id, on whatever branch; None when there is none."""

    async def read_blobs(self, session_id: str, hashes: Collection[str]) -> dict[str, bytes]:
        """Return the bytes of a session's attachments by hash; those that none of its messages has are left out.

        A storage that leaves ``data`` in the parts of its messages has none.
        """
        return {}

    async def read_definitions(
        self, session_id: str, hashes: Collection[str] | None = None
    ) -> dict[str, Definition]:
        """Return the schemas that messages of a session were asked for, by hash; all, or those with these hashes.

        A message brings its schema with it (`RequestFacts.definition`); a storage keeps each once, as long as a session
        has it. One that keeps none has none.
        """
        return {}

    @abstractmethod
    async def set_tip(self, session_id: str, seq: int | None, *, branch: str | None = None) -> SessionRecord:
        """Make the path from the root to ``seq`` the active one (None: the empty path).

        With ``branch`` the session continues on that branch; the branch it leaves keeps its own tip.
        """

    @abstractmethod
    async def list_branches(self, session_id: str) -> dict[str, int | None]:
        """Return the tip of each branch by name, the active branch included."""

    @abstractmethod
    async def set_hidden(
        self, session_id: str, turn: int, version: int, *, hidden: bool, branch: str | None = None
    ) -> None:
        """Mark a version of a turn as kept but not sent on a branch, by default the active one; or remove the mark.

        A branch made from another starts with the other's marks.
        """

    @abstractmethod
    async def save_partial(
        self, session_id: str, message: SessionMessage, *, reply_to: int, question_id: str | None = None
    ) -> None:
        """Store what has arrived of a reply, replacing what was stored of it before (same ``message.id``).

        ``reply_to`` and ``question_id`` are those of `append_messages`.

        If the writing process is gone, the next open or `load_session` appends it as an interrupted reply.
        """

    @abstractmethod
    async def search_messages(
        self, text: str, *, user_id: str | None = None, session_id: str | None = None, limit: int | None = 20
    ) -> list[SearchHit]:
        """Return messages that contain all words of ``text``, newest first; no text has a special meaning.

        With ``limit`` None, all of them. With ``user_id``, sessions of other users are not found.
        """

    @abstractmethod
    async def health_check(self) -> dict[str, Any]:
        """Return facts about the storage for diagnostics: place, versions, sizes in bytes, counts."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what was accepted and free everything; may be called twice."""
