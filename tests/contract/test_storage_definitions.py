"""What every storage promises about the schemas of answers: each once, for the sessions that asked for it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from langswarm_nb.core.session import ISessionStorage, RequestFacts, SessionMessage, SessionNotFoundError
from langswarm_nb.core.session.answers.definition import Definition
from langswarm_nb.core.session.conversation.nodes import TreeRows
from langswarm_nb.core.session.conversation.steps import Step
from langswarm_nb.core.session.storage.carried import loaded
from langswarm_nb.core.session.storage.memory import InMemorySessionStorage
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage
from langswarm_nb.core.session.storage.unlogged import UnloggedStorage
from tests.support.storages import Reopen, answer, question, record

PERSON = Definition("schema", "person", '{"type":"object","properties":{"name":{"type":"string"}}}')
PLACE = Definition("schema", "place", '{"type":"object","properties":{"Ort":{"type":"string"}}}')


def fitting(definition: Definition = PERSON, **fields: Any) -> SessionMessage:
    facts = RequestFacts(
        "mock", "echo", schema_hash=definition.hash, data_json='{"name":"Ada"}', definition=definition
    )
    return answer('{"name": "Ada"}', request=facts, **fields)


def held(storage: ISessionStorage) -> int:
    """Return how many schemas a storage holds."""
    if isinstance(storage, UnloggedStorage):
        assert held(storage.inner) == 0
        return sum(map(len, storage._bytes._definitions.values()))
    assert isinstance(storage, (InMemorySessionStorage, SQLiteSessionStorage))
    db = (
        storage.snapshot()
        if isinstance(storage, InMemorySessionStorage)
        else sqlite3.connect(storage.db_path)
    )
    with closing(db):
        return int(db.execute("SELECT count(*) FROM definitions").fetchone()[0])


@pytest.fixture
async def opened(storage: ISessionStorage) -> ISessionStorage:
    """Return each storage with the sessions ``s`` and ``t``."""
    for session_id in "st":
        await storage.create_session(record(session_id))
    return storage


@pytest.mark.parametrize("door", ["append", "ask", "restore"])
async def test_a_schema_is_kept_apart(opened: ISessionStorage, reopen: Reopen, door: str) -> None:
    """However an answer came in, it names its schema, which is read by that name; the rest of it is unchanged."""
    chain = [question("Who?"), fitting()]
    if door == "append":
        stored = await opened.append_messages("s", chain)
    elif door == "ask":
        stored = (await opened.ask("s", lambda _: Step(chain, {}, []))).stored
    else:
        placed = [replace(one, seq=n, parent_seq=n - 1 if n else None, turn=0) for n, one in enumerate(chain)]
        await opened.restore_session(record("r"), placed, TreeRows((), 1, "main", (), (), (), 0))
        stored = await opened.get_messages("r")
    where = "r" if door == "restore" else "s"
    storage = await reopen()
    again = await storage.get_messages(where)
    assert again == stored == chain
    assert again[1].request is not None
    assert (again[1].request.schema_hash, again[1].request.data_json) == (PERSON.hash, '{"name":"Ada"}')
    assert again[1].request.definition is None
    assert await storage.read_definitions(where) == {PERSON.hash: PERSON}
    assert await storage.read_definitions(where, [PERSON.hash, PLACE.hash, ""]) == {PERSON.hash: PERSON}
    assert await storage.read_definitions(where, []) == {}
    assert await storage.read_definitions("t") == {}


async def test_a_schema_is_kept_once_as_long_as_a_session_has_it(opened: ISessionStorage) -> None:
    """Many answers of two sessions share it; it goes with the last of them, and others stay."""
    for number in range(10):
        await opened.append_messages("st"[number % 2], [question("Who?"), fitting()])
    await opened.append_messages("t", [question("Where?"), fitting(PLACE)])
    assert held(opened) == (3 if isinstance(opened, UnloggedStorage) else 2)
    await opened.delete_session("s")
    assert await opened.read_definitions("t") == {PERSON.hash: PERSON, PLACE.hash: PLACE}
    await opened.delete_session("t")
    assert held(opened) == 0
    with pytest.raises(SessionNotFoundError):
        await opened.read_definitions("t")


async def test_a_schema_comes_along_into_another_store(opened: ISessionStorage) -> None:
    """What is read to be stored elsewhere brings its schema, where it names one that is known."""
    unknown = replace(fitting(), request=RequestFacts("mock", "echo", schema_hash=PLACE.hash))
    await opened.append_messages("s", [question("Who?"), fitting(), question("And?"), unknown])
    messages = await loaded(opened, "s", await opened.get_messages("s"))
    assert [one.request and one.request.definition for one in messages] == [None, PERSON, None, None]
    other = InMemorySessionStorage()
    await other.create_session(record("new"))
    await other.append_messages("new", messages)
    assert await other.read_definitions("new") == {PERSON.hash: PERSON}
    await other.close()


async def test_a_reply_that_is_still_written_has_its_schema(opened: ISessionStorage) -> None:
    """It is there before the reply is: a kernel that dies leaves what the next one needs to ask again."""
    [asked] = await opened.append_messages("s", [question("Who?")])
    await opened.save_partial("s", fitting(), reply_to=asked.seq or 0)
    if isinstance(opened, UnloggedStorage):
        assert held(opened) == 0  # no words of what may never be an answer
    else:
        assert await opened.read_definitions("s") == {PERSON.hash: PERSON}
