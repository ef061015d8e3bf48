"""`SQLStorage`: the storage contract in SQL; a subclass says where the statements run and what makes them last."""

from __future__ import annotations

import sqlite3
from abc import abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Literal, TypeVar, Unpack

from langswarm_nb.core.session import checks
from langswarm_nb.core.session.answers.definition import Definition
from langswarm_nb.core.session.conversation.nodes import Stamp, TreeRows
from langswarm_nb.core.session.conversation.steps import Done, Step
from langswarm_nb.core.session.errors import SessionStorageError, SessionValueError
from langswarm_nb.core.session.interfaces import ChainPlace, ISessionStorage, SearchHit
from langswarm_nb.core.session.messages import MessageRole, SessionMessage, as_role
from langswarm_nb.core.session.settings import SessionKey, SessionRecord, SessionStatus
from langswarm_nb.core.session.storage import arguments as _arguments
from langswarm_nb.core.session.storage.bounded import check_message, check_session
from langswarm_nb.core.session.storage.carried import as_json, definitions_of, unloaded
from langswarm_nb.core.session.storage.records import decode_record, encode_changes, encode_record
from langswarm_nb.core.session.storage.rows import (
    PLACE_COLUMNS,
    Row,
    decode_message,
    decode_messages,
    decode_sent,
    encode_message,
)
from langswarm_nb.core.session.values import (
    filled_text,
    from_us,
    member,
    optional_text,
    optional_whole,
    text,
    to_us,
    whole,
)

from . import carried as _carried
from . import leases as _leases
from . import partials as _partials
from . import reading as _reading
from . import restore as _restore
from . import sessions as _sessions
from . import tree as _tree
from .head import head_of, key_of, session_key

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]
_NOTHING = Stamp()


class SQLStorage(ISessionStorage):
    """The contract over SQLite's tables, wherever they are.

    A subclass runs jobs: plain functions that get the connection.
    """

    @abstractmethod
    async def _write(self, job: Job[T]) -> T:
        """Run a job in a transaction that is durable when this returns.

        A job may run twice; one that raises a `SessionError` has changed nothing before.
        """

    @abstractmethod
    async def _read(self, job: Job[T]) -> T:
        """Run a job that changes nothing."""

    async def create_session(self, record: SessionRecord) -> SessionRecord:
        columns = encode_record(record)
        check_session(self.bounds, columns)
        return decode_record(await self._write(lambda db: _sessions.create(db, self.name, columns)))

    async def restore_session(
        self, record: SessionRecord, messages: Sequence[SessionMessage], tree: TreeRows
    ) -> None:
        columns = encode_record(record)
        messages, load = unloaded(messages, self.bounds)
        rows = _restore.rows_of(messages, tree)
        check_session(self.bounds, columns)
        for row in rows:
            check_message(self.bounds, row[len(PLACE_COLUMNS) :])
        await self._write(lambda db: _restore.restore(db, self.name, columns, rows, load, tree))

    async def load_session(self, session_id: str) -> SessionRecord:
        key = key_of(session_id)
        row, orphans = await self._read(
            lambda db: (_sessions.load(db, self.name, key), _partials.orphans(db, key))
        )
        if orphans:
            row = await self._write(lambda db: self._recover(db, key))
        return decode_record(row)

    def _recover(self, db: sqlite3.Connection, session_id: str) -> Any:
        _partials.recover(db, name=self.name, session_id=session_id)
        return _sessions.load(db, self.name, session_id)

    async def update_session(self, session_id: str, **changes: Any) -> SessionRecord:
        columns = encode_changes(changes)
        check_session(self.bounds, columns)
        key = key_of(session_id)
        return decode_record(await self._write(lambda db: _sessions.update(db, self.name, key, columns)))

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
        select = partial(
            _sessions.select,
            user_id=None if user_id is None else text("user_id", user_id),
            status=None if status is None else member("status", status, SessionStatus),
            home=optional_text("home", home),
            title=optional_text("title", title),
            labels=None if labels is None else _arguments.texts("labels", labels),
            id_begins=optional_text("id_begins", id_begins),
            is_main=None if is_main is None else checks.flag("is_main", is_main),
            noting=_arguments.name("noting", noting),
            updated_before_us=None if updated_before is None else to_us("updated_before", updated_before),
            before_us=None if before is None else to_us("before", before),
            limit=_arguments.count("limit", limit),
        )
        return await self._read(lambda db: [decode_record(row) for row in select(db)])

    async def archive_inactive(self, before: datetime) -> list[SessionRecord]:
        before_us = to_us("before", before)
        rows = await self._write(lambda db: _sessions.archive_inactive(db, before_us))
        return [replace(decode_record(row), status=SessionStatus.ARCHIVED) for row in rows]

    async def list_homes(self, *, user_id: str) -> list[str]:
        user = text("user_id", user_id)
        return await self._read(lambda db: _sessions.homes(db, user))

    async def list_first_questions(
        self, *, user_id: str, chars: int = 600, among: Collection[str] | None = None
    ) -> dict[str, str]:
        select = partial(
            _sessions.first_questions,
            user_id=text("user_id", user_id),
            chars=whole("chars", chars),
            among=_arguments.ids(among, "sessions"),
        )
        return dict(await self._read(select))

    async def list_cells(
        self, *, user_id: str, home: str | None = None, among: Collection[str] | None = None
    ) -> dict[str, dict[str, datetime]]:
        select = partial(
            _sessions.cells,
            user_id=text("user_id", user_id),
            home=optional_text("home", home),
            among=_arguments.ids(among, "cells"),
        )
        found: dict[str, dict[str, datetime]] = {}
        for place, cell_id, first_us in await self._read(select):
            found.setdefault(place, {})[cell_id] = from_us(first_us)
        return found

    async def append_messages(
        self, session_id: str, messages: Sequence[SessionMessage], **place: Unpack[ChainPlace]
    ) -> list[SessionMessage]:
        key, append = key_of(session_id), self._appending(messages, **place)
        return decode_messages(await self._write(lambda db: append(db, self.name, key)))

    def _appending(
        self,
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
    ) -> partial[list[Row]]:
        """Return the append of messages with all that is known about it before, checked."""
        checks.listed("messages", messages, SessionMessage, "a list of messages (SessionMessage)")
        messages, load = unloaded(messages, self.bounds)
        payloads = [encode_message(message) for message in messages]
        for payload in payloads:
            check_message(self.bounds, payload)
        if parent != "tip" and parent is not None:
            _arguments.seq("parent", parent)
        if reply_to is not None:
            _arguments.seq("reply_to", reply_to)
        return partial(
            _tree.append,
            payloads=payloads,
            parent=parent,
            reply_to=reply_to,
            question_id=optional_text("question_id", question_id),
            turn=optional_whole("turn", turn),
            activate=activate,
            branch=self._branch(branch),
            hides=[(whole("turn", number), whole("version", version)) for number, version in hides],
            lease=optional_text("lease", lease),
            expected_tip=optional_text("expected_tip", expected_tip),
            once=checks.flag("once", once),
            load=load,
        )

    async def ask(
        self,
        session_id: str,
        decide: Callable[[TreeRows], Step],
        *,
        known: Callable[[], Stamp] = Stamp.of_nothing,
        dry_run: bool = False,
    ) -> Done:
        key = key_of(session_id)
        checks.function("decide", decide)
        checks.function("known", known)
        checks.flag("dry_run", dry_run)

        def job(db: sqlite3.Connection) -> Done:
            head = head_of(db, key, self.name)
            messages, place, reads = decide(_reading.tree(db, self.name, key, known(), head))
            if dry_run:
                return Done([], decode_messages(_reading.pick(db, head, reads)))
            stored = self._appending(messages, **place)(db, self.name, key, head=head)
            return Done(decode_messages(stored), decode_sent(_reading.said(db, head, reads)))

        return await self._go_through(key, job, writes=not dry_run)

    async def _go_through(self, session_id: SessionKey, job: Job[T], *, writes: bool) -> T:
        """Run a job that looks at a whole session."""
        return await (self._write(job) if writes else self._read(job))

    async def keep_lease(self, session_id: str, lease: str) -> None:
        key, held = key_of(session_id), text("lease", lease)
        await self._write(lambda db: _leases.keep(db, session_key(db, key, self.name), held))

    async def queue_lease(self, session_id: str, lease: str) -> bool:
        key, wanted = key_of(session_id), text("lease", lease)
        is_free, may_queue = await self._read(
            lambda db: _leases.look(db, session_key(db, key, self.name), wanted)
        )
        if may_queue:
            await self._write(lambda db: _leases.queue(db, session_key(db, key, self.name), wanted))
        return is_free

    async def leave_lease(self, session_id: str, lease: str) -> None:
        key, held = key_of(session_id), text("lease", lease)
        await self._write(lambda db: _leases.leave(db, session_key(db, key, self.name), held))

    async def read_tree(self, session_id: str, *, known: Stamp = _NOTHING) -> TreeRows:
        key = key_of(session_id)
        checks.instance("known", known, Stamp)
        return await self._go_through(key, lambda db: _reading.tree(db, self.name, key, known), writes=False)

    async def pick_messages(self, session_id: str, seqs: Sequence[int]) -> list[SessionMessage]:
        key = key_of(session_id)
        checks.listed("seqs", seqs, int, "a list of whole numbers")
        return decode_messages(
            await self._read(lambda db: _reading.pick(db, head_of(db, key, self.name), seqs))
        )

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
        if branch not in ("active", "all"):
            raise SessionValueError.of("branch", branch, ["active", "all"])
        key = key_of(session_id)
        read = partial(
            _reading.read,
            active=branch == "active",
            limit=_arguments.count("limit", limit),
            before=_arguments.count("before_seq", before_seq),
            role=None if role is None else as_role(role),
            since_us=None if since is None else to_us("since", since),
        )
        return await self._read(lambda db: decode_messages(read(db, self.name, key)))

    async def get_message(self, session_id: str, message_id: str) -> SessionMessage | None:
        key, wanted = key_of(session_id), text("message_id", message_id)
        row = await self._read(lambda db: _reading.find(db, self.name, key, wanted))
        return None if row is None else decode_message(row)

    async def read_blobs(self, session_id: str, hashes: Collection[str]) -> dict[str, bytes]:
        key, wanted = key_of(session_id), _arguments.texts("hashes", hashes)
        return await self._read(lambda db: _carried.read(db, session_key(db, key, self.name), wanted))

    async def read_definitions(
        self, session_id: str, hashes: Collection[str] | None = None
    ) -> dict[str, Definition]:
        key = key_of(session_id)
        wanted = None if hashes is None else _arguments.texts("hashes", hashes)
        return await self._read(
            lambda db: _carried.read_definitions(db, session_key(db, key, self.name), wanted)
        )

    async def set_tip(self, session_id: str, seq: int | None, *, branch: str | None = None) -> SessionRecord:
        key = key_of(session_id)
        if seq is not None:
            _arguments.seq("seq", seq)
        named = self._branch(branch)

        def job(db: sqlite3.Connection) -> Any:
            _tree.set_tip(db, self.name, key, seq, named)
            return _sessions.load(db, self.name, key)

        return decode_record(await self._write(job))

    def _branch(self, name: str | None) -> str | None:
        if name is not None:
            self.bounds.check("max_id_chars", "branch", filled_text("branch", name))
        return name

    async def list_branches(self, session_id: str) -> dict[str, int | None]:
        key = key_of(session_id)
        return await self._read(lambda db: _reading.branches(db, self.name, key))

    async def set_hidden(
        self, session_id: str, turn: int, version: int, *, hidden: bool, branch: str | None = None
    ) -> None:
        key = key_of(session_id)
        _arguments.seq("turn", turn)
        _arguments.seq("version", version)
        on = None if branch is None else filled_text("branch", branch)
        await self._write(
            lambda db: _tree.set_hidden(db, self.name, key, turn, version, hidden=bool(hidden), branch=on)
        )

    async def save_partial(
        self, session_id: str, message: SessionMessage, *, reply_to: int, question_id: str | None = None
    ) -> None:
        key = key_of(session_id)
        payload = encode_message(as_json(message))
        _arguments.seq("reply_to", reply_to)
        asked = optional_text("question_id", question_id)
        schemas = definitions_of([message])
        await self._write(lambda db: _partials.save(db, self.name, key, payload, reply_to, asked, schemas))

    async def delete_session(self, session_id: str) -> bool:
        key = key_of(session_id)
        return await self._write(lambda db: _sessions.delete(db, key))

    async def search_messages(
        self, text: str, *, user_id: str | None = None, session_id: str | None = None, limit: int | None = 20
    ) -> list[SearchHit]:
        from . import search  # few sessions ever need it

        query = search.Query.of(text, user_id, session_id, _arguments.count("limit", limit))
        if query.uses_index:
            try:
                while await self._read(search.is_behind):
                    await self._write(search.catch_up)
            except SessionStorageError:  # read-only, locked, full: reading all messages finds the same
                query = replace(query, may_index=False)
        rows = await self._read(lambda db: search.find(db, self.name, query))
        return [
            SearchHit(found, message := decode_message(row), query.snippet(message.full_text))
            for found, row in rows
        ]


def counts(db: sqlite3.Connection) -> dict[str, int]:
    """Return how many sessions and messages there are."""
    sessions, messages = db.execute("SELECT count(*), ifnull(sum(message_count), 0) FROM sessions").fetchone()
    return {"sessions": sessions, "messages": messages}
