"""What every storage promises about bytes that messages carry: each content once, for those who carry it alone."""

from __future__ import annotations

import base64
import hashlib
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from langswarm_nb.analysis import attachments_df, messages_df
from langswarm_nb.core.session import (
    Bounds,
    ISessionStorage,
    SessionMessage,
    SessionStorageError,
    SessionValueError,
    create_session_manager,
)
from langswarm_nb.core.session.conversation.nodes import TreeRows
from langswarm_nb.core.session.conversation.steps import Step
from langswarm_nb.core.session.parts.twins import searched
from langswarm_nb.core.session.parts.vocabulary import PART_KEYS
from langswarm_nb.core.session.storage import create_storage
from langswarm_nb.core.session.storage.memory import InMemorySessionStorage
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage
from langswarm_nb.core.session.storage.unlogged import UnloggedStorage
from tests.support.storages import Reopen, answer, question, record, talk

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
PDF = b"%PDF-1.7 " + bytes(range(255, -1, -1)) * 30
HASH, OTHER = (hashlib.sha256(data).hexdigest() for data in (PNG, PDF))
STORED = {"type": "image", "media_type": "image/png", "name": "a.png", "blob": HASH, "size": len(PNG)}
NAMED = {"type": "image", "media_type": "image/png", "blob": HASH}


def image(data: object = PNG, **told: object) -> dict[str, object]:
    return {"type": "image", "media_type": "image/png", "name": "a.png", "data": data, **told}


def carrying(*parts: object, **fields: Any) -> SessionMessage:
    return question("Look.", parts=parts, **fields)


def held(storage: ISessionStorage) -> dict[bytes, int]:
    """Return the contents that a storage holds, with how many messages carry each."""
    if isinstance(storage, UnloggedStorage):
        assert held(storage.inner) == {}
        found = [one.data for kept in storage._bytes._kept.values() for one in kept.values()]
        return {data: found.count(data) for data in found}
    query = "SELECT data, (SELECT count(*) FROM message_blobs l WHERE l.blob = b.id) FROM blobs b"
    if isinstance(storage, InMemorySessionStorage):
        with closing(storage.snapshot()) as db:
            return dict(db.execute(query))
    assert isinstance(storage, SQLiteSessionStorage)
    with closing(sqlite3.connect(storage.db_path)) as db:
        return dict(db.execute(query))


async def appended(
    storage: ISessionStorage, *messages: SessionMessage, to: str = "s"
) -> list[SessionMessage]:
    return await storage.append_messages(to, messages)


@pytest.fixture
async def opened(storage: ISessionStorage) -> ISessionStorage:
    """Return each storage with the sessions ``s`` and ``t`` of Ada, and ``b`` of Bob."""
    for session_id, user_id in (("s", "ada"), ("t", "ada"), ("b", "bob")):
        await storage.create_session(record(session_id, user_id))
    return storage


async def through(storage: ISessionStorage, door: str, *messages: SessionMessage) -> list[SessionMessage]:
    """Return messages as they are stored: as a chain in ``s``, or as all of a session that is restored."""
    if door == "append":
        return await appended(storage, *messages)
    if door == "ask":
        return list((await storage.ask("s", lambda _: Step(list(messages), {}, []))).stored)
    tree = TreeRows((), len(messages) - 1, "main", (), (), (), 0)
    rows = [
        replace(one, seq=seq, turn=0, parent_seq=seq - 1 if seq else None) for seq, one in enumerate(messages)
    ]
    await storage.restore_session(record("r"), rows, tree)
    return await storage.get_messages("r")


ADDRESS = "data:image/png;base64," + base64.b64encode(PNG).decode()


@pytest.mark.parametrize(
    "part",
    [
        image(),
        image(base64.b64encode(PNG).decode()),
        image(blob="0" * 64, size=1),
        {"type": "image", "name": "a.png", "url": ADDRESS},
    ],
    ids=["bytes", "base64", "a wrong hash beside", "data address"],
)
@pytest.mark.parametrize("door", ["append", "ask", "restore"])
async def test_bytes_are_taken_out(opened, reopen: Reopen, part, door) -> None:
    """However they came in, the part names them, and they are read by that name, by those alone who ask for them."""
    [stored] = await through(opened, door, carrying(part))
    assert stored.parts == (STORED,)
    where = "r" if door == "restore" else "s"
    storage = await reopen()
    [again] = await storage.get_messages(where)
    assert again == stored
    assert await storage.read_blobs(where, [HASH, OTHER, "", "zz", "0" * 64]) == {HASH: PNG}


async def test_a_content_is_kept_once(opened) -> None:
    """A hundred messages of two sessions that carry the same image share it, and each can be read."""
    for number in range(100):
        await appended(opened, carrying(image()), answer(), to="st"[number % 2])
    assert list(held(opened)) == [PNG]
    for session_id in "st":
        assert await opened.read_blobs(session_id, [HASH]) == {HASH: PNG}


async def test_one_message_carries_several(opened) -> None:
    """Of two that are alike one is kept; others each."""
    [stored] = await appended(opened, carrying(image(), image(name="b.png"), image(PDF, type="file")))
    assert [part["blob"] for part in stored.parts] == [HASH, HASH, OTHER]
    assert set(held(opened)) == {PNG, PDF}
    assert await opened.read_blobs("s", [OTHER, HASH]) == {HASH: PNG, OTHER: PDF}


@pytest.mark.parametrize("door", ["append", "ask"])
async def test_what_a_user_has_can_be_named(opened, door) -> None:
    """A message names what another one of the same user carries, in its session or another, without the bytes."""
    await appended(opened, carrying(image()))
    for place in "st":
        if door == "append":
            await appended(opened, carrying(NAMED), to=place)
        else:
            await opened.ask(place, lambda _: Step([carrying(NAMED)], {}, []))
    await opened.delete_session("s")
    assert await opened.read_blobs("t", [HASH]) == {HASH: PNG}
    assert await opened.delete_session("t")
    assert held(opened) == {}


@pytest.mark.parametrize("door", ["append", "ask", "restore"])
@pytest.mark.parametrize("key", [HASH, HASH.upper(), OTHER, "no hash"])
async def test_what_others_have_cannot_be_had_by_its_hash(opened, door, key) -> None:
    """Another user who names it is told as one who names nothing that there is, and stores nothing."""
    await appended(opened, carrying(image()))
    message = carrying({**NAMED, "blob": key})
    with pytest.raises(SessionValueError, match=r"no message of this user has.*`data`"):  # noqa: PT012
        if door == "append":
            await appended(opened, message, to="b")
        elif door == "ask":
            await opened.ask("b", lambda _: Step([message], {}, []))
        else:
            tree = TreeRows((), 0, "main", (), (), (), 0)
            await opened.restore_session(record("r", "bob"), [replace(message, seq=0, turn=0)], tree)
    assert await opened.get_messages("b") == []
    assert await opened.read_blobs("b", [HASH]) == {}
    assert len(await opened.list_sessions()) == 3


LIES = [{"size": 1}, {"media_type": "image/jpeg"}, {"media_type": "application/pdf", "size": len(PNG)}]


@pytest.mark.parametrize("door", ["append", "ask", "restore"])
@pytest.mark.parametrize("lie", LIES, ids=str)
async def test_a_part_that_names_bytes_says_what_they_are(opened, door, lie) -> None:
    """One that says another type or size is refused with what is so; also within the chain that brings the bytes."""
    truth = rf"and it is 'image/png' of {len(PNG):,} bytes. Nothing was stored"
    with pytest.raises(SessionValueError, match=truth):
        await through(opened, door, carrying(image()), carrying({**NAMED, **lie}))
    assert held(opened) == {}
    await appended(opened, carrying(image()))
    with pytest.raises(SessionValueError, match=truth) as caught:
        await through(opened, door, carrying({**NAMED, **lie}))
    assert caught.value.parameter == "parts"
    assert len(await opened.get_messages("s")) == 1
    assert await through(opened, door, carrying({**NAMED, "size": len(PNG)}))


async def test_what_is_attached_as_two_things_may_be_named_as_both(opened) -> None:
    """A text may be a table; each message that carries it so goes on to be repeated, in another session too."""
    table = {"type": "file", "media_type": "text/csv", "data": b"a,b"}
    plain = {**table, "media_type": "text/plain"}
    for part in (table, plain):
        [stored] = await appended(opened, carrying(part))
        for session_id in "st":
            assert await appended(opened, carrying(*stored.parts), to=session_id)
    assert len(held(opened)) == 1


async def test_a_refused_chain_leaves_no_bytes(opened) -> None:
    """All of a chain is stored, or none of what it carries."""
    with pytest.raises(SessionValueError):
        await appended(opened, carrying(image()), carrying({**NAMED, "blob": OTHER}))
    with pytest.raises(SessionValueError, match="base64"):
        await appended(opened, carrying(image(PDF)), carrying(image("not base64!")))
    assert held(opened) == {}


async def test_deletion_frees_what_nobody_uses(opened) -> None:
    """What another session carries stays; what none carries goes, and is asked for in vain."""
    await appended(opened, carrying(image(), image(PDF)))
    await appended(opened, carrying(image()), to="b")
    await opened.delete_session("s")
    assert set(held(opened)) == {PNG}
    assert await opened.read_blobs("b", [HASH, OTHER]) == {HASH: PNG}
    await opened.delete_session("b")
    assert held(opened) == {}


@pytest.mark.parametrize(
    "bound, message, words",
    [
        ({"max_attachment_bytes": 99}, carrying(image(b"x" * 100)), "100 B are more than the 99 B"),
        (
            {"max_message_bytes": 150},
            carrying(image(b"x" * 80), image(b"y" * 80)),
            "160 B are more than the 150 B",
        ),
    ],
)
async def test_bytes_are_bounded(storage, bound, message, words) -> None:
    """What is too large is refused by its name, with both sizes and the bound; what a model sends is kept."""
    inner = storage.inner if isinstance(storage, UnloggedStorage) else storage
    storage.bounds = inner.bounds = Bounds(**bound)
    await storage.create_session(record())
    with pytest.raises(SessionValueError, match=rf"{words}.*Bounds\({next(iter(bound))}=") as caught:
        await storage.append_messages("s", [message])
    assert caught.value.parameter == "attachments"
    assert held(storage) == {}
    reply = answer(parts=message.parts)
    await storage.append_messages("s", [question(), reply])
    assert held(storage)


async def test_the_words_of_a_message_are_bounded_without_its_bytes(storage) -> None:
    """A bound on characters tells of text: base64 is none."""
    inner = storage.inner if isinstance(storage, UnloggedStorage) else storage
    storage.bounds = inner.bounds = Bounds(max_message_chars=300)
    await talk(storage, "a")
    await storage.append_messages("s", [carrying(image(base64.b64encode(PNG).decode()))])
    assert len(base64.b64encode(PNG)) > 300
    assert held(storage) == {PNG: 1}
    with pytest.raises(SessionValueError):
        await storage.append_messages("s", [question("x" * 301)])


async def test_what_arrived_of_a_reply_keeps_its_bytes(opened, monkeypatch) -> None:
    """A reply whose writer is gone is closed with the image that it had; unlogged ones keep no parts."""
    await appended(opened, question())
    await opened.save_partial("s", answer("Here", id="r", parts=(image(),)), reply_to=0)
    assert await opened.read_blobs("s", [HASH]) == {}
    monkeypatch.setattr("langswarm_nb.core.session.storage._sqlite.owner.is_gone", lambda *_: True)
    await opened.load_session("s")
    _, reply = await opened.get_messages("s")
    assert reply.finish_reason == "interrupted"
    if not isinstance(opened, UnloggedStorage):
        assert reply.parts == (STORED,)
        assert await opened.read_blobs("s", [HASH]) == {HASH: PNG}


WORDS: dict[str, dict[str, Any]] = {
    "text": {"text": "never"},
    "image": {"url": "https://e.org/plum.png", "name": "figure plum"},
    "file": {"url": "https://e.org/file"},
    "audio": {"media_type": "audio/wav", "data": b"wave", "name": "voice"},
    "tool_call": {"id": "1", "name": "look", "arguments": "{}"},
    "tool_result": {"tool_call_id": "1", "content": "found it"},
    "reasoning": {"text": "hm"},
    "refusal": {"text": "I will not"},
    "citation": {"title": "Fruit", "url": "https://e.org/fruit"},
    "vendor": {"provider": "p", "kind": "k", "opaque": {}, "text": "searched plums", "detail": "2 found"},
    "context": {"text": "x = 1", "name": "cell 3"},
}


@pytest.mark.parametrize("content", ["", "Both"])
async def test_sql_reads_the_words_that_messages_have(tmp_path, content) -> None:
    """What a search looks through in a file is the text of the message as Python gives it, for each type of part."""
    from langswarm_nb.core.session.storage.part_texts import full_text

    assert WORDS.keys() == PART_KEYS.keys()
    parts: list[dict[str, Any]] = [{"type": kind, **told} for kind, told in WORDS.items()]
    bare: list[dict[str, Any]] = [
        {"type": "image", "media_type": "image/png", "data": b"x"},
        {"type": "citation", "title": "only"},
        {"type": "vendor", "provider": "p", "kind": "k", "opaque": 1, "detail": "printed", "text": ""},
        {"type": "tool_result", "tool_call_id": "1", "content": ""},
    ]
    sets: list[list[dict[str, Any]]] = [
        *([part] for part in (*parts, *bare)),
        parts,
        parts[::-1] + bare,
        bare,
    ]
    storage = SQLiteSessionStorage(tmp_path / "s.db")
    await storage.create_session(record())
    stored = await storage.append_messages("s", [question(content, parts=tuple(each)) for each in sets])
    await storage.close()
    with closing(sqlite3.connect(storage.db_path)) as db:
        query = f"SELECT {full_text('messages')} FROM messages ORDER BY id"  # noqa: S608 - our own
        texts = [text for (text,) in db.execute(query)]
    assert texts == [message.full_text for message in stored]
    assert all(searched(each) or each[0]["type"] in ("text", "tool_call", "reasoning") for each in sets[:11])


@pytest.mark.parametrize("within", [None, "s"], ids=["all", "one"])
async def test_a_search_finds_what_parts_say(opened, within) -> None:
    """Names of attachments, sources, what a service did, and context are found as words of their message."""
    parts = [{"type": kind, **told} for kind, told in WORDS.items() if kind != "text"]
    await appended(opened, question("Look.", parts=tuple(parts)))
    for words in ("figure plum", "voice", "Fruit", "searched", "cell 3", "will not", "found it"):
        hits = await opened.search_messages(words, session_id=within)
        assert [hit.message.seq for hit in hits] == ([] if isinstance(opened, UnloggedStorage) else [0])


# -- the file -------------------------------------------------------------------------------------------------------


def size_of(path: Path) -> int:
    return sum(part.stat().st_size for part in path.parent.glob(f"{path.name}*"))


async def test_the_same_image_a_hundred_times_costs_one(tmp_path) -> None:
    """A file with it grows by less than 1.1 of its size beside one with the same messages and no image."""
    data = os.urandom(300_000)
    sizes = []
    for name, parts in (("without", ()), ("with", (image(data),))):
        storage = create_storage("sqlite", {"db_path": tmp_path / name / "s.db"})
        await storage.create_session(record())
        for _ in range(100):
            await storage.append_messages("s", [carrying(*parts), answer()])
        await storage.close()
        sizes.append(size_of(tmp_path / name / "s.db"))
    assert sizes[1] - sizes[0] < 1.1 * len(data)


async def test_deleted_bytes_are_gone_from_the_file_and_give_their_room_back(tmp_path) -> None:
    """They are overwritten as text is, and the file is as small as before when they were most of it."""
    storage = SQLiteSessionStorage(tmp_path / "s.db")
    data = os.urandom(1000) * 6000
    await talk(storage, "a", session_id="stays")
    before = size_of(tmp_path / "s.db")
    await storage.create_session(record())
    await storage.append_messages("s", [carrying(image(data))])
    assert size_of(tmp_path / "s.db") > before + len(data)
    await storage.delete_session("s")
    assert size_of(tmp_path / "s.db") < before + 200_000
    assert await storage.get_messages("stays")
    await storage.close()
    assert data[:1000] not in (tmp_path / "s.db").read_bytes()


async def test_bytes_are_read_by_those_alone_who_ask(tmp_path) -> None:
    """Opening, reading, searching and framing a session with attachments does not touch the table of their bytes."""
    storage = SQLiteSessionStorage(tmp_path / "s.db")
    await storage.create_session(record())
    await storage.append_messages("s", [carrying(image())])
    await storage.close()
    with closing(sqlite3.connect(storage.db_path)) as db, db:
        db.execute("ALTER TABLE blobs RENAME TO away")
    async with create_session_manager("sqlite", {"db_path": storage.db_path}) as manager:
        session = await manager.get_session("s")
        assert session is not None
        [message] = await session.get_messages()
        assert message.attachments == (STORED,)
        await session.tree()
        assert await manager.search_messages("a.png")
        assert messages_df(manager)["n_attachments"].tolist() == [1]
        assert attachments_df(manager)["hash"].tolist() == [HASH]
        with pytest.raises(SessionStorageError):
            await session.read_attachment(HASH)


async def test_a_file_whose_bytes_are_missing_says_so(tmp_path) -> None:
    """What another program took out is left out of what is read; nothing else is in the way."""
    storage = SQLiteSessionStorage(tmp_path / "s.db")
    await storage.create_session(record())
    await storage.append_messages("s", [carrying(image())])
    with closing(sqlite3.connect(storage.db_path)) as db, db:
        db.execute("DELETE FROM blobs")
    assert await storage.read_blobs("s", [HASH]) == {}
    with pytest.raises((SessionValueError, SessionStorageError)):
        await storage.append_messages("s", [carrying(NAMED)])
    await storage.append_messages("s", [carrying(image())])
    assert await storage.read_blobs("s", [HASH]) == {HASH: PNG}
    await storage.close()
