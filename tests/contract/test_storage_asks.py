"""What every storage promises of `ask`: a function decides about a session as it is, and that is done, in one step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from langswarm_nb.core.session.conversation.nodes import Stamp, TreeRows
from langswarm_nb.core.session.conversation.steps import Step
from langswarm_nb.core.session.errors import (
    ContextLengthError,
    SessionExistsError,
    SessionLeasedError,
    SessionMovedError,
    SessionTypeError,
    SessionValueError,
)
from langswarm_nb.core.session.messages import SessionMessage
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage
from langswarm_nb.core.session.storage.unlogged import UnloggedStorage
from tests.support.storages import answer, question, record, system, talk, texts

PARTS = ({"type": "tool_call", "id": "1", "name": "look", "arguments": "{}"},)


def decided(
    *messages: SessionMessage, reads: tuple[int, ...] = (), **place: Any
) -> Callable[[TreeRows], Step]:
    """Return a decision that is the same whatever there is."""
    return lambda _: Step(messages, place, reads)  # type: ignore[arg-type]


async def all_of(storage):
    """Return the texts of all messages."""
    return texts(await storage.get_messages("s", branch="all"))


async def test_the_decision_sees_the_session_and_its_words_are_read_as_it_is_stored(storage):
    """It is told what `read_tree` tells; what is stored comes with its numbers, what is read with its words."""
    await talk(storage, "a", "b")
    seen = []

    def decide(rows):
        seen.append(rows)
        return Step([system(), question("c?")], {"parent": rows.tip, "lease": "r"}, [0, 1, 3])

    before = await storage.read_tree("s")
    done = await storage.ask("s", decide)
    assert seen[-1] == before
    assert done.stored == await storage.pick_messages("s", [4, 5])
    assert [(m.seq, m.parent_seq, m.turn) for m in done.stored] == [(4, 3, 2), (5, 4, 2)]
    assert (texts(done.read), [m.seq for m in done.read]) == ("a? a! b!", [0, 1, 3])
    with pytest.raises(SessionLeasedError):
        await storage.append_messages("s", [question("d?")], lease="other")
    await storage.append_messages("s", [answer("c!", id="r")], reply_to=5)


async def test_a_question_is_asked_again_by_storing_nothing(storage):
    """The lease is taken, the tip moves, and what is sent is read."""
    await talk(storage, "a", "b")
    done = await storage.ask("s", decided(reads=(0,), parent=0, turn=0, lease="r"))
    assert (done.stored, texts(done.read)) == ([], "a?")
    assert (await storage.load_session("s")).tip_seq == 0
    [again] = await storage.append_messages("s", [answer("a!!", id="r")], reply_to=0)
    assert again.address == "0.2"


async def test_what_is_read_to_be_sent_holds_what_a_request_needs(storage):
    """All but its place, the caller's metadata, and of one without parts who answered."""
    await storage.create_session(record())
    stored = await storage.append_messages(
        "s",
        [
            question("a?", metadata={"tag": 1}, cell_id="c"),
            answer("", parts=PARTS, provider_message_id="p"),
            answer("a!"),
        ],
    )
    read = (await storage.ask("s", decided(reads=(0, 1, 2), parent=2, activate=False))).read
    assert read[1] == stored[1]
    if not isinstance(storage, UnloggedStorage):  # which has the whole message in memory
        assert [m.request for m in (read[0], read[2])] == [None, None]
        assert read == [replace(m, metadata={}, request=m.request if m.parts else None) for m in stored]
    assert [m.seq for m in read] == [0, 1, 2]


async def test_a_dry_run_only_reads(storage):
    """It decides as an ask does, refuses as the decision does, and reads whole messages."""
    await talk(storage, "a", "b")
    before = await storage.read_tree("s"), await storage.load_session("s")
    done = await storage.ask("s", decided(question("c?"), reads=(0, 3), parent=3, lease="r"), dry_run=True)
    assert done.stored == []
    assert done.read == await storage.pick_messages("s", [0, 3])
    assert (await storage.read_tree("s"), await storage.load_session("s")) == before
    await storage.append_messages("s", [question("free?")], lease="other")


@pytest.mark.parametrize("dry_run", [True, False])
async def test_a_decision_that_refuses_leaves_no_trace(storage, dry_run):
    """Its error is the caller's, and others who store at that moment are not held up."""
    await talk(storage, "a")

    def refuse(_):
        raise ContextLengthError("too long", provider="mock", model="echo")

    others = [storage.append_messages("s", [question(f"{n}?")], parent=1, activate=False) for n in range(5)]
    refused, *stored = await asyncio.gather(
        storage.ask("s", refuse, dry_run=dry_run), *others, return_exceptions=True
    )
    assert isinstance(refused, ContextLengthError)
    assert sorted(texts(each) for each in stored if isinstance(each, list)) == [f"{n}?" for n in range(5)]
    assert len(await storage.get_messages("s", branch="all")) == 7


async def test_a_decision_that_fails_takes_nothing_with_it(storage):
    """A mistake in it is told to its caller alone, also when it shares a transaction with others."""
    await talk(storage, "a")

    def mistaken(_):
        raise ZeroDivisionError

    asks = [storage.ask("s", mistaken if n == 2 else decided(question(f"{n}?"))) for n in range(5)]
    done = await asyncio.gather(*asks, return_exceptions=True)
    assert [type(each).__name__ for each in done] == ["Done", "Done", "ZeroDivisionError", "Done", "Done"]
    assert await all_of(storage) == "a? a! 0? 1? 3? 4?"


async def test_an_ask_keeps_the_conditions_of_an_append(storage):
    """Who is being answered, where the path ends, whether the message is there: nothing is stored then."""
    await talk(storage, "a")
    await storage.append_messages("s", [question("b?", id="b")], lease="r")
    refusals: dict[type[Exception], dict[str, Any]] = {
        SessionLeasedError: {"lease": "other"},
        SessionMovedError: {"expected_tip": "nobody"},
        SessionExistsError: {"once": True},
    }
    for error, place in refusals.items():
        with pytest.raises(error):
            await storage.ask("s", decided(question("c?", id="b"), reads=(0,), **place))
    assert await all_of(storage) == "a? a! b?"


async def test_what_is_decided_is_checked(storage):
    """As what is passed to `append_messages` is."""
    await talk(storage, "a")
    with pytest.raises(SessionValueError, match="surrogate"):
        await storage.ask("s", decided(question("\ud800")))
    with pytest.raises(SessionTypeError, match="decide must be a function"):
        await storage.ask("s", None)
    with pytest.raises(SessionTypeError, match="known"):
        await storage.read_tree("s", known=3)
    assert await all_of(storage) == "a? a!"


async def test_decisions_at_once_see_each_other(storage):
    """Each is about the session as the one before it left it: what goes after the tip makes one path."""
    await talk(storage, "a")

    def next_one(rows):
        return Step([question(f"{len(rows.nodes)}?")], {"parent": rows.tip}, range(len(rows.nodes)))

    done = await asyncio.gather(*(storage.ask("s", next_one) for _ in range(20)))
    path = await storage.get_messages("s")
    assert texts(path) == "a? a! " + " ".join(f"{n}?" for n in range(2, 22))
    assert {len(each.read) for each in done} == set(range(2, 22))


async def test_two_storages_on_one_file_decide_one_after_the_other(tmp_path):
    """The decision is a part of the transaction: nobody else stores anything between the two."""
    first, second = (SQLiteSessionStorage(tmp_path / "s.db", durability="fast") for _ in range(2))
    await talk(first, "a")
    stamps: dict[SQLiteSessionStorage, Stamp] = {first: Stamp(), second: Stamp()}

    async def ask(storage):
        def next_one(rows):
            stamps[storage] = rows.stamp
            return Step([question(f"{rows.stamp.messages}?")], {"parent": rows.tip})

        await storage.ask("s", next_one, known=lambda: stamps[storage])

    await asyncio.gather(*(ask(storage) for _ in range(15) for storage in (first, second)))
    assert texts(await first.get_messages("s")) == "a? a! " + " ".join(f"{n}?" for n in range(2, 32))
    await first.close()
    await second.close()


# -- what is known already --------------------------------------------------------------------------------------


async def test_of_what_is_known_nothing_is_read_again(storage):
    """Messages that were there at the stamp are left out, while none of them has changed."""
    await talk(storage, "a", "b")
    known = (await storage.read_tree("s")).stamp
    rows = await storage.read_tree("s", known=known)
    assert (rows.nodes, rows.since, rows.stamp) == ([], 4, known)
    await storage.append_messages("s", [question("c?"), answer("c!")])
    await storage.set_hidden("s", 0, 1, hidden=True)
    rows, whole = await storage.read_tree("s", known=known), await storage.read_tree("s")
    assert (rows.since, list(rows.nodes)) == (4, list(whole.nodes[4:]))
    assert rows._replace(nodes=(), since=0) == whole._replace(nodes=())


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.set_tip("s", 1),
        lambda s: s.set_tip("s", 1, branch="try"),
        lambda s: s.append_messages("s", [question("B?")], parent=1, turn=1),
        lambda s: s.append_messages("s", [], parent=None),
    ],
)
async def test_what_has_changed_is_read_again(storage, change):
    """Who is on the path is known of each message, so a path that moves makes all of it new."""
    await talk(storage, "a", "b")
    known = (await storage.read_tree("s")).stamp
    await change(storage)
    assert await storage.read_tree("s", known=known) == await storage.read_tree("s")
    assert (await storage.read_tree("s")).stamp != known


async def test_another_copy_of_the_store_is_read_from_the_start(storage):
    """Where another message stands at the end of what is known, nothing of it is taken for granted."""
    await talk(storage, "a", "b")
    known = (await storage.read_tree("s")).stamp
    whole = await storage.read_tree("s")
    for other in (known._replace(last_id="other"), known._replace(messages=3), known._replace(messages=9)):
        assert await storage.read_tree("s", known=other) == whole
