"""Files of version 1 of the tables, made by the code of that time: everything is kept, and sent as before."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from langswarm_nb.analysis import messages_df, sessions_df, turns_df
from langswarm_nb.core.session import (
    BaseSession,
    MessageRole,
    SessionManager,
    SessionStorageError,
    create_session_manager,
)
from langswarm_nb.core.session.conversation.tree import Tree
from langswarm_nb.core.session.storage._sqlite import schema
from langswarm_nb.core.session.storage._sqlite.former import bringing_over
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage
from tests.support.storages import answer, check_sound, go_on, question, record, texts, wait_ready, worker
from tests.support.waits import PATIENCE_S

DATA = Path(__file__).parent / "data"
SHOWN: dict[str, dict[str, Any]] = json.loads((DATA / "version_1.json").read_text("utf-8"))
"""What the code of version 1 showed of each session, by its title."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a file of version 1."""
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript((DATA / "version_1.sql").read_text("utf-8"))
    return path


@pytest.fixture
async def manager(old: Path) -> AsyncIterator[SessionManager]:
    async with create_session_manager("sqlite", {"db_path": str(old)}) as manager:
        yield manager


async def opened(manager: SessionManager, title: str) -> BaseSession:
    session = await manager.get_session(SHOWN[title]["id"])
    assert session is not None
    return session


async def tree_of(manager: SessionManager, title: str) -> Tree:
    return await (await opened(manager, title)).tree()


def version_in(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return schema.version_of(db)


TITLES = sorted(SHOWN)
SENT_AS_BEFORE = [title for title in TITLES if title not in ("failed", "raced", "cut")]
"""The others have questions without an answer, which are not sent any more."""


@pytest.mark.parametrize("title", TITLES)
async def test_names_branches_and_paths_are_as_they_were(manager: SessionManager, title: str) -> None:
    """Each session keeps id, title and branches; its path has the same messages, and its turns their numbers."""
    session, shown = await opened(manager, title), SHOWN[title]
    assert (session.title, session.record.branch) == (title, shown["branch"])
    path = await session.get_messages()
    asked = [(m.content, m.turn) for m in path if m.role is MessageRole.USER]
    assert asked == [(text, turn) for role, text, turn, _ in shown["path"] if role == "user"]
    recovered = [["assistant", "re"]] if title == "cut" else []
    assert [[m.role, m.content] for m in path] == [said[:2] for said in shown["path"]] + recovered
    if title != "cut":
        assert await session.branches() == shown["branches"]


@pytest.mark.parametrize("title", TITLES)
async def test_sessions_are_found_by_their_titles(manager: SessionManager, title: str) -> None:
    """What names of sessions are compared with is there for those of before."""
    found = await manager.storage.list_sessions(labels=[title])
    assert [record.title for record in found] == [title]


@pytest.mark.parametrize("title", SENT_AS_BEFORE)
async def test_what_is_sent_is_what_was_sent(manager: SessionManager, title: str) -> None:
    """The next question goes with the same system text and the same turns."""
    session, shown = await opened(manager, title), SHOWN[title]
    plan = await session.plan_message("next")
    system = [m.content for m in plan.messages if m.role is MessageRole.SYSTEM]
    assert system == shown["system"]
    assert [[m.role, m.content] for m in plan.messages if m.role is not MessageRole.SYSTEM] == shown["sent"]


async def test_questions_that_nobody_answered_are_not_sent_any_more(manager: SessionManager) -> None:
    """They are kept where they were, and counted; that is how new ones are treated, too."""
    for title, sent in (
        ("failed", "A re A C re C next"),
        ("raced", "two re two\n\nre one three re three next"),
        ("cut", "A re A B re next"),
    ):
        session = await opened(manager, title)
        assert texts((await session.plan_message("next")).messages) == sent


@pytest.mark.parametrize("title", TITLES)
async def test_numbers_are_unique_and_go_on(manager: SessionManager, title: str) -> None:
    """No two turns have one number, no two ends of a turn one address, and the next turn gets the next number."""
    session = await opened(manager, title)
    tree = await session.tree()
    questions = [node for node in tree.nodes if node.role == "user"]
    addresses = [(node.turn, node.version) for node in questions]
    assert len(set(addresses)) == len(addresses)
    assert {turn for turn, _ in addresses} == set(range(tree.next_turn))
    for number in range(tree.next_turn):
        assert list(tree.versions(number)) == list(range(1, len(tree.versions(number)) + 1))
    reply = await session.send_message("next")
    assert (reply.turn, reply.version) == (tree.next_turn, 1)


@pytest.mark.parametrize("title", TITLES)
async def test_versions_keep_their_order_and_can_be_used(manager: SessionManager, title: str) -> None:
    """What was version 1, 2, 3 of a turn on the path is so still, and `use` finds each of them."""
    session = await opened(manager, title)
    for turn, versions in SHOWN[title]["versions"].items():
        if title in ("cut", "raced", "tools"):  # what was a version then, and what is now, differ
            continue
        tree = await session.tree()
        found = tree.versions(int(turn))
        said = await session.pick_messages(sorted(node.seq for node in found.values()))
        assert [m.content for m in said if m.content] == [told or asked for asked, told in versions if told]
        for version in found:
            await session.use(int(turn), version)
            here = (await session.tree()).turn_on_path(int(turn))
            assert here is not None
            assert here.version == version


async def test_turns_that_were_left_behind_come_back(manager: SessionManager) -> None:
    """The ends of paths that were left are remembered: `use` brings back what stood behind a version."""
    session = await opened(manager, "rerun")
    assert await session.use(1, 1) == "1 later turn comes back"
    assert texts(await session.get_messages()) == "A re A B re B C re C"
    assert await session.use(1, 2) == "3 later turns come back"
    assert texts(await session.get_messages()) == "A re A B2 re B2 C2 re C2 D re D E re E"
    undone = await opened(manager, "undone")
    assert await undone.use(1) == "1 later turn comes back"
    assert texts(await undone.get_messages()) == "A re A B re B C re C"


async def test_hidden_turns_stay_hidden_on_every_branch(manager: SessionManager) -> None:
    """Until now a message was hidden wherever it stood; what was replaced is hidden, too."""
    session = await opened(manager, "hidden")
    for branch in ("try", "main"):
        await session.switch_branch(branch)
        hidden = [m.content for m in await session.get_messages() if m.is_hidden]
        assert (session.record.branch, hidden) == (branch, ["B", "re B"])
        assert "B" not in texts((await session.plan_message("next")).messages).split()
    replaced = await opened(manager, "replaced")
    shown = await replaced.get_messages(branch="all")
    assert [m.content for m in shown if m.is_hidden] == ["B", "re B"]
    await replaced.hide(shown[2].id, hidden=False)
    assert not any(m.is_hidden for m in await replaced.get_messages(branch="all"))


async def test_asides_and_comparisons_are_what_they_were(manager: SessionManager) -> None:
    """What is beside every path is known as such; a chosen answer is on the path like any other."""
    asides = await tree_of(manager, "asides")
    assert [asides.is_aside(number) for number in range(asides.next_turn)] == [False, False, True]
    assert list(asides.versions(2)) == [1, 2]
    compared = await tree_of(manager, "compared")
    beside = [(node.turn, node.version) for node in compared.nodes if node.beside == "comparison"]
    assert sorted(set(beside)) == [(1, 1), (3, 1), (3, 2)]
    assert compared.turns[1].address == "1.2"


async def test_cells_find_their_turns(manager: SessionManager) -> None:
    """Each question knows which ask of its cell it was: a loop's are counted, an aside's is the first."""
    asks: dict[str, dict[str, tuple[str | None, int | None]]] = {"rerun": {}, "asides": {}}
    for title, found in asks.items():
        session = await opened(manager, title)
        for message in await session.get_messages(branch="all"):
            if message.role is MessageRole.USER:
                found[message.content] = (message.cell_id, message.ask)
    assert (asks["rerun"]["D"], asks["rerun"]["E"]) == (("d", 0), ("d", 1))
    assert asks["rerun"]["B3"] == asks["rerun"]["B"] == ("b", 0)
    assert asks["asides"]["N2"] == ("n", 0)


async def test_a_reply_that_was_being_written_is_recovered(manager: SessionManager) -> None:
    """What a process of that time left unfinished is closed, in the turn of its question."""
    session = await opened(manager, "cut")
    reply = (await session.get_messages())[-1]
    assert (reply.id, reply.content, reply.finish_reason, reply.address) == (
        "cut-reply",
        "re",
        "interrupted",
        "1.1",
    )


async def test_what_was_stored_can_be_searched_and_deleted(manager: SessionManager, old: Path) -> None:
    """All of it is found; a deleted session takes its words along, also those of its marks and branches."""
    hits = await manager.search_messages("B2")
    assert sorted(hit.message.content for hit in hits) == ["B2", "B2", "B2", "re B2", "re B2", "re B2"]
    for title in TITLES:
        assert await manager.delete_session(SHOWN[title]["id"]) is True
    await manager.close()
    assert b"re B2" not in old.read_bytes()  # noqa: ASYNC240 - nothing else runs
    with closing(sqlite3.connect(old)) as db:
        for table in (
            "messages",
            "branches",
            "partials",
            "former_tips",
            "hides",
            "message_blobs",
            "session_definitions",
        ):
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)  # noqa: S608 - our own names
    check_sound(old)


async def test_a_copy_of_the_file_as_it_was_is_kept(manager: SessionManager, old: Path) -> None:
    """Its version is the old one, and a storage that is given it brings it over like any other."""
    await opened(manager, "rerun")
    copy = old.with_name("s.db.version-1")
    assert (version_in(old), version_in(copy)) == (schema.VERSION, 1)
    again = SQLiteSessionStorage(copy)
    assert {record.title for record in await again.list_sessions()} == set(TITLES)
    await again.close()


async def test_a_step_that_fails_leaves_the_file_as_it_was(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error is told, all tables are those of version 1, and a later open makes the step."""
    bring_over = bringing_over.bring_over

    def fail(db: sqlite3.Connection, *how: Any) -> None:
        bring_over(db, *how)
        db.execute("nonsense")

    monkeypatch.setattr(bringing_over, "bring_over", fail)
    storage = SQLiteSessionStorage(old)
    with pytest.raises(SessionStorageError, match="nonsense"):
        await storage.list_sessions()
    await storage.close()
    assert version_in(old) == 1
    check_sound(old)
    monkeypatch.undo()
    storage = SQLiteSessionStorage(old)
    assert len(await storage.list_sessions()) == len(SHOWN)
    await storage.close()


async def test_a_process_killed_in_the_step_leaves_the_file_as_it_was(old: Path) -> None:
    """The next one makes the step, from the beginning, with nothing lost."""
    with worker("migrate", old) as process:
        wait_ready(process)
        process.kill()
        process.wait()
    assert version_in(old) == 1
    async with create_session_manager("sqlite", {"db_path": str(old)}) as manager:
        assert texts(await (await opened(manager, "rerun")).get_messages()) == "A re A B3 re B3"
    check_sound(old)


async def test_processes_that_open_an_old_file_at_once_make_the_step_once(old: Path) -> None:
    """One brings the file over, all work on it, and the copy is the file as it was."""
    session_id = SHOWN["rerun"]["id"]
    with ExitStack() as stack:
        writers = [stack.enter_context(worker("write", old, session_id, name, 3)) for name in "abcd"]
        for process in writers:
            wait_ready(process)
        for process in writers:
            go_on(process)
        for process in writers:
            _, said = process.communicate(timeout=PATIENCE_S)
            assert process.returncode == 0
            assert all("gets new tables" in line for line in said.splitlines()), said
    storage = SQLiteSessionStorage(old)
    assert len(await storage.get_messages(session_id, branch="all")) == 16 + 4 * 3 * 2
    assert (await storage.read_tree(session_id)).next_turn == 6 + 4 * 3
    await storage.close()
    assert version_in(old.with_name("s.db.version-1")) == 1
    check_sound(old)


async def test_a_file_whose_messages_make_no_sense_is_brought_over_all_the_same(old: Path) -> None:
    """A parent that is not there locks nobody out."""
    with closing(sqlite3.connect(old)) as db:
        db.execute("DELETE FROM messages WHERE seq = 2")
        db.execute("UPDATE messages SET parent = seq + 1 WHERE seq = 4")
        db.commit()
    storage = SQLiteSessionStorage(old)
    assert len(await storage.list_sessions()) == len(SHOWN)
    await storage.append_messages(SHOWN["hidden"]["id"], [question(), answer()])
    await storage.close()
    check_sound(old)


@pytest.mark.parametrize("is_deleted", [False, True])
async def test_an_index_of_contents_alone_is_made_anew(tmp_path, is_deleted):
    """A file that has one from before is found through all the same, and none of the old words stay in it."""
    storage = SQLiteSessionStorage(str(tmp_path / "old.db"))
    parts = ({"type": "tool_result", "tool_call_id": "1", "content": "plums"},)
    await storage.create_session(record("s", "ada"))
    await storage.append_messages(
        "s", [dataclasses.replace(question("x", parts=parts), role=MessageRole.TOOL)]
    )
    with closing(sqlite3.connect(storage.db_path)) as db:
        db.execute(
            "CREATE VIRTUAL TABLE messages_fts USING fts5(content, content='messages', content_rowid='id')"
        )
        db.execute("INSERT INTO messages_fts(rowid, content) SELECT id, content FROM messages")
        db.execute("UPDATE sessions SET fts_upto = next_seq")
        db.commit()
    if is_deleted:
        await storage.delete_session("s")
    found = await storage.search_messages("plums")
    assert [hit.message.seq for hit in found] == ([] if is_deleted else [0])
    await storage.close()
    with closing(sqlite3.connect(storage.db_path)) as db:
        assert db.execute("SELECT 1 FROM sqlite_master WHERE name = 'messages_fts'").fetchall() == []


# -- version 2: every message had a column for each fact, and leases a table ----------------------------------------

SEEN: dict[str, dict[str, list[Any]]] = json.loads((DATA / "version_2.json").read_text("utf-8"))
"""The frames that the code of version 2 made of the file, by name of the frame and of the column."""


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """Return a file of version 2, whose process ended while it was writing a reply."""
    path = tmp_path / "second.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript((DATA / "version_2.sql").read_text("utf-8"))
    return path


def plain(value: Any) -> Any:
    """Return a value of a frame as JSON has it."""
    if value is None or value is pd.NA or value is pd.NaT or value != value:  # noqa: PLR0124 - NaN
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value


@pytest.mark.parametrize("make", [messages_df, turns_df, sessions_df])
@pytest.mark.filterwarnings("ignore::langswarm_nb.analysis.prices.UnknownPriceWarning")
def test_frames_are_what_they_were(second: Path, make: Any) -> None:
    """Every value of every column, to the last digit."""
    with closing(sqlite3.connect(second, isolation_level=None)) as db:
        schema.migrate(db)
    options = {} if make is sessions_df else {"branch": "all"}
    frame = make(SQLiteSessionStorage(second), **options)
    seen = SEEN[make.__name__]
    found = {name: [plain(value) for value in frame[name].astype(object)] for name in seen}
    assert found == seen
    assert list(seen) == [name for name in frame.columns if name in seen]


async def test_what_was_being_written_is_closed(second: Path) -> None:
    """What there is of a reply is kept with its facts, its lease is free, and ids of deleted sessions stay unused."""
    async with create_session_manager("sqlite", {"db_path": str(second)}) as manager:
        session = await manager.get_session("facts-0")
        assert session is not None
        part = await session.get_message("part")
        assert part is not None
        assert (part.content, part.finish_reason, part.source, part.cell_id) == (
            "half an an",
            "interrupted",
            "magic",
            "c",
        )
        facts = part.request
        assert facts is not None
        assert (facts.provider, facts.status, facts.queued_s, facts.params) == (
            "mock",
            "stopped",
            0.5,
            {"temperature": 0.5},
        )
        await session.send_message("next", when_busy="raise")
        assert (await manager.create_session("ada", "mock", "echo")).record.number == 100
    check_sound(second)


def test_bringing_over_become_those_of_a_new_file(second: Path, old: Path, tmp_path: Path) -> None:
    """The same tables, columns and indexes, and nothing is left of the old ones."""
    shapes = []
    for path in (second, old, tmp_path / "new.db"):
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            schema.migrate(db)
            shapes.append(
                sorted(db.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
            )
    assert shapes[0] == shapes[1] == shapes[2]
