"""`UnloggedStorage`: keeps sizes and usage on disk, and the texts in memory alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from langswarm_nb.core.session import checks
from langswarm_nb.core.session.answers.definition import Definition
from langswarm_nb.core.session.conversation.nodes import Node, Stamp, TreeRows, chars_of_message
from langswarm_nb.core.session.conversation.steps import Done, Step
from langswarm_nb.core.session.errors import SessionError, SessionNotFoundError
from langswarm_nb.core.session.interfaces import ISessionStorage
from langswarm_nb.core.session.messages import MessageRole, SearchHit, SessionMessage
from langswarm_nb.core.session.settings import SessionRecord, SessionStatus
from langswarm_nb.core.session.storage.bounded import check_message
from langswarm_nb.core.session.storage.bytes_in_memory import BytesInMemory
from langswarm_nb.core.session.storage.carried import NotHereError, as_json, unloaded
from langswarm_nb.core.session.storage.rows import PLACE_COLUMNS, Row, as_read, decode_message, encode_message

_NOTHING = Stamp()
_NO_PLACE = (None,) * len(PLACE_COLUMNS)


class UnloggedStorage(ISessionStorage):
    """A storage around another one; what passes through it is stored without its words.

    The conversation goes on as usual while this object lives; afterwards its messages are empty, with their
    length in ``metadata["content_chars"]``. Where they stand and what they are is stored as ever: branches, versions,
    hidden ones, asides, comparisons. No search finds them.
    """

    def __init__(self, inner: ISessionStorage) -> None:
        self.inner = inner
        self.bounds = inner.bounds
        self.name: str = inner.name
        self.db_path: Path | None = getattr(inner, "db_path", None)
        self._whole: dict[tuple[str, str], Row] = {}
        self._seqs: dict[tuple[str, int | None], str] = {}
        self._storing: set[tuple[str, object]] = set()
        """Session and a mark of what is under way: which words belong to which message is not known yet."""
        self._bytes = BytesInMemory(inner)

    async def append_messages(
        self,
        session_id: str,
        messages: Sequence[SessionMessage],
        *,
        parent: int | Literal["tip"] | None = "tip",
        **place: Any,
    ) -> list[SessionMessage]:
        messages, load = unloaded(messages, self.bounds)
        await self._bytes.fetch(session_id, load.named)
        self._bytes.check(session_id, load)
        new = self._kept(session_id, messages)
        with self._under_way((session_id, object())):
            self._bytes.keep(session_id, load)
            stored = await self.inner.append_messages(
                session_id, [_without_words(m) for m in messages], parent=parent, **place
            )
            return self._stored(session_id, stored, new)

    async def ask(
        self,
        session_id: str,
        decide: Callable[[TreeRows], Step],
        *,
        known: Callable[[], Stamp] = Stamp.of_nothing,
        dry_run: bool = False,
    ) -> Done:
        checks.function("decide", decide)
        new: dict[tuple[str, str], Row] = {}
        own = (session_id, object())

        def decide_without_words(rows: TreeRows) -> Step:
            step = decide(self._with_words(session_id, rows, own))
            if dry_run:
                return step
            new.clear()
            messages, load = unloaded(step.messages, self.bounds)
            self._bytes.check(session_id, load)
            new.update(self._kept(session_id, messages))
            self._bytes.keep(session_id, load)
            return step._replace(messages=[_without_words(m) for m in messages])

        with self._under_way(own):
            try:
                done = await self.inner.ask(session_id, decide_without_words, known=known, dry_run=dry_run)
            except NotHereError as missing:
                await self._bytes.fetch(session_id, missing.hashes)
                done = await self.inner.ask(session_id, decide_without_words, known=known, dry_run=dry_run)
            stored, read = done
            return Done(
                self._stored(session_id, stored, new),
                [self._restored(session_id, message) for message in read],
            )

    @contextmanager
    def _under_way(self, mark: tuple[str, object]) -> Iterator[None]:
        """Mark that something is being stored; who is cancelled does not know whether it was, so the mark stays."""
        self._storing.add(mark)
        try:
            yield
        except SessionError:  # nothing was
            self._storing.discard(mark)
            raise
        self._storing.discard(mark)

    def _kept(self, session_id: str, messages: Sequence[SessionMessage]) -> dict[tuple[str, str], Row]:
        """Keep the words of messages that are about to be stored."""
        payloads = self._payloads(messages)
        new = {(session_id, message.id): payload for message, payload in zip(messages, payloads, strict=True)}
        for key, payload in new.items():  # what is refused takes no words from what has its id
            self._whole.setdefault(key, payload)
        return new

    def _stored(
        self, session_id: str, messages: Sequence[SessionMessage], new: Mapping[tuple[str, str], Row]
    ) -> list[SessionMessage]:
        """Remember which words belong to which message, and return them together."""
        self._whole |= new
        for message in messages:
            self._seqs[session_id, message.seq] = message.id
        return [self._restored(session_id, message) for message in messages]

    async def read_tree(self, session_id: str, *, known: Stamp = _NOTHING) -> TreeRows:
        return self._with_words(session_id, await self.inner.read_tree(session_id, known=known))

    def _with_words(self, session_id: str, rows: TreeRows, own: tuple[str, object] | None = None) -> TreeRows:
        """Return what stands for the words in memory; all is read again the next time where some may be missing."""
        others = any(mark[0] == session_id and mark != own for mark in tuple(self._storing))
        stamp = _NOTHING if others else rows.stamp
        nodes = [self._node(session_id, Node._make(row)) for row in rows.nodes]
        return rows._replace(nodes=nodes, stamp=stamp)

    def _node(self, session_id: str, node: Node) -> Node:
        """Return a node that stands for the words in memory."""
        whole = self._known(session_id, self._seqs.get((session_id, node.seq), ""))
        if whole is None:
            return node
        chars = chars_of_message(whole)
        return node._replace(says=2 if chars else 1 if whole.parts else 0, chars=chars)

    async def pick_messages(self, session_id: str, seqs: Sequence[int]) -> list[SessionMessage]:
        found = await self.inner.pick_messages(session_id, seqs)
        return [self._restored(session_id, message) for message in found]

    async def keep_lease(self, session_id: str, lease: str) -> None:
        await self.inner.keep_lease(session_id, lease)

    async def queue_lease(self, session_id: str, lease: str) -> bool:
        return await self.inner.queue_lease(session_id, lease)

    async def leave_lease(self, session_id: str, lease: str) -> None:
        await self.inner.leave_lease(session_id, lease)

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
        found = await self.inner.get_messages(
            session_id, limit=limit, role=role, since=since, branch=branch, before_seq=before_seq
        )
        return [self._restored(session_id, message) for message in found]

    async def get_message(self, session_id: str, message_id: str) -> SessionMessage | None:
        found = await self.inner.get_message(session_id, message_id)
        return None if found is None else self._restored(session_id, found)

    async def read_blobs(self, session_id: str, hashes: Collection[str]) -> dict[str, bytes]:
        return {**await self.inner.read_blobs(session_id, hashes), **self._bytes.of(session_id, hashes)}

    async def read_definitions(
        self, session_id: str, hashes: Collection[str] | None = None
    ) -> dict[str, Definition]:
        found = await self.inner.read_definitions(session_id, hashes)
        return {**found, **self._bytes.definitions_of(session_id, hashes)}

    async def save_partial(
        self, session_id: str, message: SessionMessage, *, reply_to: int, question_id: str | None = None
    ) -> None:
        encode_message(as_json(message))
        await self.inner.save_partial(
            session_id, _without_words(message), reply_to=reply_to, question_id=question_id
        )

    async def delete_session(self, session_id: str) -> bool:
        deleted = await self.inner.delete_session(session_id)
        self._whole = {key: payload for key, payload in self._whole.items() if key[0] != session_id}
        self._seqs = {key: message_id for key, message_id in self._seqs.items() if key[0] != session_id}
        self._bytes.forget(session_id)
        return deleted

    async def create_session(self, record: SessionRecord) -> SessionRecord:
        return await self.inner.create_session(record)

    async def restore_session(
        self, record: SessionRecord, messages: Sequence[SessionMessage], tree: TreeRows
    ) -> None:
        messages, load = unloaded(messages, self.bounds)
        payloads = self._payloads(messages)
        await self._bytes.fetch_for(record.user_id, record.session_id, load.named)
        self._bytes.check(record.session_id, load)
        await self.inner.restore_session(record, [_without_words(m) for m in messages], tree)
        for message, payload in zip(messages, payloads, strict=True):
            self._whole[record.session_id, message.id] = payload
            self._seqs[record.session_id, message.seq] = message.id
        self._bytes.keep(record.session_id, load)

    async def load_session(self, session_id: str) -> SessionRecord:
        return await self.inner.load_session(session_id)

    async def update_session(self, session_id: str, **changes: Any) -> SessionRecord:
        return await self.inner.update_session(session_id, **changes)

    async def list_sessions(
        self,
        *,
        user_id: str | None = None,
        status: SessionStatus | None = None,
        **filters: Any,
    ) -> list[SessionRecord]:
        return await self.inner.list_sessions(user_id=user_id, status=status, **filters)

    async def archive_inactive(self, before: datetime) -> list[SessionRecord]:
        return await self.inner.archive_inactive(before)

    async def list_homes(self, *, user_id: str) -> list[str]:
        return await self.inner.list_homes(user_id=user_id)

    async def list_first_questions(
        self, *, user_id: str, chars: int = 600, among: Collection[str] | None = None
    ) -> dict[str, str]:
        found = await self.inner.list_first_questions(user_id=user_id, chars=chars, among=among)
        known = {str(session_id) for session_id, _ in self._whole}
        for session_id in known if among is None else known.intersection(among):
            with suppress(SessionNotFoundError):  # deleted elsewhere
                record = await self.inner.load_session(session_id)
                asked = await self._first_question(session_id) if record.user_id == user_id else ""
                found |= {session_id: asked[:chars]} if asked else {}
        return found

    async def _first_question(self, session_id: str) -> str:
        nodes = map(Node._make, (await self.inner.read_tree(session_id)).nodes)
        first = [node.seq for node in nodes if node.role == "user"][:1]
        return "".join(message.content for message in await self.pick_messages(session_id, first))

    async def list_cells(
        self, *, user_id: str, home: str | None = None, among: Collection[str] | None = None
    ) -> dict[str, dict[str, datetime]]:
        return await self.inner.list_cells(user_id=user_id, home=home, among=among)

    async def set_tip(self, session_id: str, seq: int | None, *, branch: str | None = None) -> SessionRecord:
        return await self.inner.set_tip(session_id, seq, branch=branch)

    async def list_branches(self, session_id: str) -> dict[str, int | None]:
        return await self.inner.list_branches(session_id)

    async def set_hidden(
        self, session_id: str, turn: int, version: int, *, hidden: bool, branch: str | None = None
    ) -> None:
        await self.inner.set_hidden(session_id, turn, version, hidden=hidden, branch=branch)

    async def search_messages(
        self, text: str, *, user_id: str | None = None, session_id: str | None = None, limit: int | None = 20
    ) -> list[SearchHit]:
        return await self.inner.search_messages(text, user_id=user_id, session_id=session_id, limit=limit)

    async def health_check(self) -> dict[str, Any]:
        return {**await self.inner.health_check(), "keeps_content": False}

    async def close(self) -> None:
        await self.inner.close()
        self._whole.clear()
        self._bytes.clear()

    def _payloads(self, messages: Sequence[SessionMessage]) -> list[Row]:
        """Return what is to be kept in memory, checked here: what the inner storage sees is not all of it."""
        payloads = [encode_message(message) for message in messages]
        for payload in payloads:
            check_message(self.bounds, payload)
        return payloads

    def _known(self, session_id: str, message_id: str) -> SessionMessage | None:
        """Return the words of a message, and what else is not stored of it."""
        payload = self._whole.get((session_id, message_id))
        return None if payload is None else decode_message(as_read((*_NO_PLACE, *payload)))

    def _restored(self, session_id: str, message: SessionMessage) -> SessionMessage:
        whole = self._known(session_id, message.id)
        if whole is None:
            return message
        return replace(
            message, content=whole.content, parts=whole.parts, metadata=whole.metadata, request=whole.request
        )


def _without_words(message: SessionMessage) -> SessionMessage:
    """Return the message with what was said left out: text, parts, the caller's metadata, the words of an error."""
    facts = message.request
    return replace(
        message,
        content="",
        parts=(),
        metadata={"content_chars": len(message.content)},
        request=facts
        and replace(facts, error_message=None, params={}, details={}, data_json=None, definition=None),
    )
