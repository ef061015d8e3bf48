"""What every storage promises about a whole session that comes from elsewhere: it is the same here, or not here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from langswarm_nb.core.session import SessionExistsError, SessionMessage, SessionTypeError, SessionValueError
from langswarm_nb.core.session.conversation.nodes import TreeRows
from langswarm_nb.core.session.storage.memory import InMemorySessionStorage
from tests.support.storages import answer, question, record, system, talk, texts


@pytest.fixture
async def other():
    """Return another storage, with a session that has all that a tree can have."""
    storage = InMemorySessionStorage()
    await talk(storage, "a", "b")
    await storage.append_messages("s", [system("rule"), question("b2?"), answer("b2!")], parent=1, turn=1)
    await storage.append_messages("s", [answer("b2!!")], reply_to=5)
    await storage.append_messages(
        "s", [question("n?", beside="aside"), answer("n!")], parent=6, activate=False
    )
    await storage.set_hidden("s", 0, 1, hidden=True)
    await storage.set_tip("s", 1, branch="try")
    await storage.append_messages("s", [question("t?"), answer("t!")], hides=[(1, 2)])
    await storage.set_tip("s", None)
    await storage.set_tip("s", 3, branch="main")
    await storage.set_tip("s", 1, branch="third")
    yield storage
    await storage.close()


async def whole(storage, session_id="s"):
    """Return all that is known of a session."""
    messages = await storage.get_messages(session_id, branch="all")
    places = [(m.seq, m.parent_seq, m.turn, m.version, m.is_active, m.is_hidden) for m in messages]
    rows = await storage.read_tree(session_id)
    loaded = await storage.load_session(session_id)
    counts = (loaded.message_count, loaded.token_count, loaded.branch, loaded.tip_seq)
    return messages, places, rows._replace(hidden=sorted(rows.hidden)), counts


async def restore(storage, other, **changes):
    """Store the session of another storage, as it is there or with other messages or another tree."""
    messages = await other.get_messages("s", branch="all")
    tree = await other.read_tree("s")
    await storage.restore_session(
        replace(record(), title="from elsewhere"),
        changes.pop("messages", messages),
        tree._replace(**changes),
    )


async def test_a_session_is_the_same_as_elsewhere(storage, other, reopen):
    """Messages, numbers, branches, where they have been, what they hide, counters: all of it, and it goes on so."""
    await restore(storage, other)
    storage = await reopen()
    assert await whole(storage) == await whole(other)
    assert (await storage.load_session("s")).title == "from elsewhere"
    for place in ({}, {"branch": "main"}, {"parent": 0}, {"parent": 6, "turn": 1}):
        for one in (storage, other):
            await one.append_messages("s", [question("more?")], **place)
        assert (await whole(storage))[1:] == (await whole(other))[1:]


async def test_an_empty_session_can_be_restored(storage):
    """It is as one that was made here."""
    await storage.restore_session(record(), [], TreeRows([], None, "main", [], [], [], 0))
    await storage.create_session(record("made"))
    assert await whole(storage) == await whole(storage, "made")


async def test_numbers_that_are_not_told_are_not_given_twice(storage, other):
    """The next turn comes after all that are there."""
    await restore(storage, other, next_turn=0)
    (stored,) = await storage.append_messages("s", [question("next?")])
    assert stored.turn == 4


async def test_a_session_that_is_there_stays_as_it_is(storage, other):
    """Its id is taken."""
    await talk(storage, "mine")
    with pytest.raises(SessionExistsError, match="'s'"):
        await restore(storage, other)
    assert texts(await storage.get_messages("s", branch="all")) == "mine? mine!"


def said(seq: int, parent: int | None, **fields: Any) -> SessionMessage:
    return question(seq=seq, parent_seq=parent, **fields)


@pytest.mark.parametrize(
    "changes, error",
    [
        ({"messages": [said(0, None), said(2, 0)], "tip": 0}, SessionValueError),
        ({"messages": [said(0, None), said(1, 1)], "tip": 0}, SessionValueError),
        ({"messages": [said(0, None), said(1, -1)], "tip": 0}, SessionValueError),
        ({"tip": 99}, SessionValueError),
        ({"tip": -1}, SessionValueError),
        ({"others": [("try", 99)]}, SessionValueError),
        ({"former": [("try", 99)]}, SessionValueError),
        ({"messages": [said(0, None, metadata={"x": float("nan")})], "tip": 0}, SessionValueError),
        ({"messages": [said(0, None, turn="1")], "tip": 0}, SessionTypeError),
        ({"messages": [said(0, None, version=1.5)], "tip": 0}, SessionTypeError),
        ({"messages": ["text"], "tip": None}, SessionTypeError),
    ],
)
async def test_what_is_no_tree_is_refused(storage, other, changes, error):
    """Nothing of it is stored."""
    changes = {"others": [], "former": [], "hidden": [], **changes}
    with pytest.raises(error):
        await restore(storage, other, **changes)
    assert await storage.list_sessions() == []
