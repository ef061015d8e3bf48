"""What every storage promises about the tree: versions, branches, the active path, and several writers on it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from langswarm_nb.core.session import MessageRole, SessionMessage, SessionValueError
from langswarm_nb.core.session.storage.memory import InMemorySessionStorage
from tests.support.storages import answer, places, question, record, system, texts


async def talk(storage, *contents):
    """Store a session with a question and an answer for each text."""
    await storage.create_session(record())
    for content in contents:
        await storage.append_messages("s", [question(f"{content}?"), answer(f"{content}!")])


async def test_messages_hang_on_each_other(storage):
    """A plain conversation is one path whose turns are counted from the first question."""
    await storage.create_session(record())
    returned = await storage.append_messages("s", [system(), question("1"), answer("1")])
    returned += await storage.append_messages(
        "s", [question("2"), answer("2"), system("also"), question("3")]
    )
    expected = [
        (0, None, None, 1, True),
        (1, 0, 0, 1, True),
        (2, 1, 0, 1, True),
        (3, 2, 1, 1, True),
        (4, 3, 1, 1, True),
        (5, 4, 1, 1, True),
        (6, 5, 2, 1, True),
    ]
    assert places(returned) == expected
    assert places(await storage.get_messages("s")) == expected


async def test_a_question_asked_anew_is_a_new_version(storage, reopen):
    """Below the same parent a message is version 2, 3, ...; what followed the old one is kept, off the path."""
    await talk(storage, "a", "b", "c")
    (again,) = await storage.append_messages("s", [question("b2?")], parent=1)
    assert places([again]) == [(6, 1, 1, 2, True)]
    await storage.append_messages("s", [answer("b2!")])
    (third,) = await storage.append_messages("s", [question("b3?")], parent=1)
    assert (third.version, third.turn) == (3, 1)
    storage = await reopen()
    assert texts(await storage.get_messages("s")) == "a? a! b3?"
    assert texts(await storage.get_messages("s", branch="all")) == "a? a! b? b! c? c! b2? b2! b3?"
    assert (await storage.load_session("s")).tip_seq == 8


async def test_the_first_message_has_versions_too(storage):
    """A parent of None starts a new root, beside the first."""
    await talk(storage, "a")
    (root,) = await storage.append_messages("s", [question("A?")], parent=None)
    assert places([root]) == [(2, None, 0, 2, True)]
    assert texts(await storage.get_messages("s")) == "A?"


async def test_an_answer_generated_anew_is_a_version_of_the_answer(storage):
    """A second answer below the same question shares its turn."""
    await talk(storage, "a")
    (second,) = await storage.append_messages("s", [answer("a!!")], parent=0)
    assert places([second]) == [(2, 0, 0, 2, True)]
    assert texts(await storage.get_messages("s")) == "a? a!!"


async def test_an_append_beside_the_path_leaves_it(storage):
    """With ``activate=False`` the message hangs where it is told, and the tip stays."""
    await talk(storage, "a", "b")
    (beside,) = await storage.append_messages("s", [answer("other")], parent=2, activate=False)
    (root,) = await storage.append_messages("s", [question("root")], parent=None, activate=False)
    (below,) = await storage.append_messages("s", [question("below")], parent=4, activate=False)
    assert places([beside, root, below]) == [(4, 2, 1, 2, False), (5, None, 0, 2, False), (6, 4, 2, 1, False)]
    assert texts(await storage.get_messages("s")) == "a? a! b? b!"
    assert (await storage.load_session("s")).tip_seq == 3


async def test_the_tip_moves_back_and_forth(storage, reopen):
    """Undo, redo and clearing move the tip; nothing is deleted, and writing goes on where it is."""
    await talk(storage, "a", "b", "c")
    assert (await storage.set_tip("s", 1)).tip_seq == 1
    assert texts(await storage.get_messages("s")) == "a? a!"
    await storage.set_tip("s", 5)
    assert texts(await storage.get_messages("s")) == "a? a! b? b! c? c!"
    await storage.set_tip("s", None)
    assert await storage.get_messages("s") == []
    assert (await storage.load_session("s")).message_count == 6
    await storage.append_messages("s", [question("new")])
    storage = await reopen()
    assert texts(await storage.get_messages("s")) == "new"
    await storage.set_tip("s", 3)
    (next_,) = await storage.append_messages("s", [question("d?")])
    assert places([next_]) == [(7, 3, 2, 2, True)]
    assert texts(await storage.get_messages("s")) == "a? a! b? b! d?"


async def test_branches_keep_their_tips(storage, reopen):
    """A session that goes on under another name finds the branch it left as it was."""
    await talk(storage, "a", "b")
    forked = await storage.set_tip("s", 1, branch="try")
    assert (forked.branch, forked.tip_seq) == ("try", 1)
    await storage.append_messages("s", [question("t?")])
    storage = await reopen()
    assert await storage.list_branches("s") == {"main": 3, "try": 4}
    back = await storage.set_tip("s", 3, branch="main")
    assert back.branch == "main"
    assert texts(await storage.get_messages("s")) == "a? a! b? b!"
    assert await storage.list_branches("s") == {"main": 3, "try": 4}
    await storage.append_messages("s", [question("c?")])
    assert await storage.list_branches("s") == {"main": 5, "try": 4}


async def test_moving_within_a_branch_keeps_its_name(storage):
    """Naming the branch that is active only moves its tip."""
    await talk(storage, "a", "b")
    moved = await storage.set_tip("s", 1, branch="main")
    assert (moved.branch, moved.tip_seq) == ("main", 1)
    assert await storage.list_branches("s") == {"main": 1}


@pytest.mark.parametrize("name", ["", "  ", "\ud800"])
async def test_a_branch_needs_a_name(storage, name):
    """A blank name is refused."""
    await talk(storage, "a")
    with pytest.raises(SessionValueError, match="branch"):
        await storage.set_tip("s", 0, branch=name)


async def test_replies_go_where_their_questions_are(storage):
    """Two writers on one path: each reply goes to the end and belongs to its own question's turn."""
    await storage.create_session(record())
    await storage.append_messages("s", [question("1?")])
    await storage.append_messages("s", [question("2?")])
    (first,) = await storage.append_messages("s", [answer("1!")], reply_to=0)
    (second,) = await storage.append_messages("s", [answer("2!")], reply_to=1)
    assert places([first, second]) == [(2, 1, 0, 1, True), (3, 2, 1, 1, True)]
    (late,) = await storage.append_messages("s", [question("3?")])
    assert late.turn == 2
    (third,) = await storage.append_messages("s", [answer("3!")], reply_to=4)
    assert places([third]) == [(5, 4, 2, 1, True)]


async def test_turns_are_counted_on_the_path_whatever_the_order_of_replies(storage):
    """After replies that came in the wrong order the next question still starts a new turn."""
    await storage.create_session(record())
    await storage.append_messages("s", [question("1?"), question("2?")])
    await storage.append_messages("s", [answer("2!")], reply_to=1)
    await storage.append_messages("s", [answer("1!")], reply_to=0)
    (third,) = await storage.append_messages("s", [question("3?")])
    assert [m.turn for m in await storage.get_messages("s")] == [0, 1, 1, 0, 2]
    assert third.turn == 2


async def test_a_reply_to_a_question_left_behind_stays_with_it(storage):
    """When the path has moved elsewhere meanwhile, the reply hangs below its question and the path stays."""
    await talk(storage, "a")
    await storage.append_messages("s", [question("b?")])
    await storage.set_tip("s", 1)
    await storage.append_messages("s", [question("c?")])
    (late,) = await storage.append_messages("s", [answer("b!")], reply_to=2)
    assert places([late]) == [(4, 2, 1, 1, False)]
    assert texts(await storage.get_messages("s")) == "a? a! c?"
    await storage.set_tip("s", 4)
    assert texts(await storage.get_messages("s")) == "a? a! b? b!"


async def test_a_reply_beside_the_path_hangs_below_its_question(storage):
    """``reply_to`` with ``activate=False`` adds another answer to the question."""
    await talk(storage, "a")
    (other,) = await storage.append_messages("s", [answer("a!!")], reply_to=0, activate=False)
    assert places([other]) == [(2, 0, 0, 2, False)]


async def test_writers_at_once_make_one_path(storage):
    """Many tasks ask and answer in one session: one line, no version but the first, every reply in its turn."""
    await storage.create_session(record())

    async def converse(name: int) -> None:
        for step in range(5):
            (asked,) = await storage.append_messages("s", [question(f"{name}.{step}")])
            (told,) = await storage.append_messages("s", [answer(f"{name}.{step}")], reply_to=asked.seq)
            assert told.turn == asked.turn

    await asyncio.gather(*(converse(name) for name in range(12)))
    messages = await storage.get_messages("s")
    assert [m.seq for m in messages] == list(range(120))
    assert [m.parent_seq for m in messages] == [None, *range(119)]
    assert {m.version for m in messages} == {1}
    asked = [m for m in messages if m.role == "user"]
    assert [m.turn for m in asked] == list(range(60))
    turns = {m.content: m.turn for m in asked}
    assert all(turns[m.content] == m.turn for m in messages)


class Model:
    """The tree as a list of nodes: what a storage has to agree with."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.tip: int | None = None
        self.branch = "main"
        self.tips: dict[str, int | None] = {}

    def path(self, seq: int | None) -> list[int]:
        """Return the seqs from the root to a message."""
        steps: list[int] = []
        while seq is not None:
            steps.insert(0, seq)
            seq = self.nodes[seq]["parent"]
        return steps

    def append(self, roles, parent, reply_to, activate) -> None:
        """Add a chain as the contract says."""
        turn_of_first: list[Any] = []
        if reply_to is not None:
            turn_of_first = [self.nodes[reply_to]["turn"]]
            on_path = reply_to in self.path(self.tip)
            parent, activate = (self.tip, True) if on_path and activate else (reply_to, False)
        elif parent == "tip":
            parent = self.tip
        for role in roles:
            siblings = [node for node in self.nodes if node["parent"] == parent]
            users = [seq for seq in self.path(parent) if self.nodes[seq]["role"] == "user"]
            above = None if parent is None else self.nodes[parent]["turn"]
            turn = len(users) if role == "user" else turn_of_first.pop() if turn_of_first else above
            self.nodes.append({"role": role, "parent": parent, "turn": turn, "version": len(siblings) + 1})
            parent = len(self.nodes) - 1
        if activate:
            self.tip = parent

    def set_tip(self, seq, branch) -> None:
        """Move the tip, under another name if one is given."""
        if branch not in (None, self.branch):
            self.tips[self.branch] = self.tip
            self.tips.pop(branch, None)
            self.branch = branch
        self.tip = seq


ROLES = st.lists(st.sampled_from(["user", "assistant", "system", "tool"]), min_size=1, max_size=3)
WHERE = st.sampled_from(["tip", None]) | st.integers(0, 30)
STEPS = st.lists(
    st.tuples(st.just("append"), ROLES, WHERE, st.booleans())
    | st.tuples(
        st.just("reply"),
        ROLES.map(lambda roles: ["assistant", *roles[1:]]),
        st.integers(0, 30),
        st.booleans(),
    )
    | st.tuples(
        st.just("tip"), st.none() | st.integers(0, 30), st.sampled_from([None, None, "main", "b", "c"])
    ),
    max_size=20,
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_any_history_of_changes_agrees_with_the_model(steps):
    """Whatever the order of appends, replies and moves, the tree is the one the contract describes."""
    storage, model = InMemorySessionStorage(), Model()
    await storage.create_session(record())
    for kind, *arguments in steps:
        size = len(model.nodes)
        if kind == "tip":
            seq, branch = arguments
            seq = None if seq is None or not size else seq % size
            await storage.set_tip("s", seq, branch=branch)
            model.set_tip(seq, branch)
            continue
        roles, where, activate = arguments
        messages = [SessionMessage(role=MessageRole(role), content=role) for role in roles]
        if isinstance(where, int):
            where = where % size if size else "tip"
        if kind == "reply" and where != "tip":
            await storage.append_messages("s", messages, reply_to=where, activate=activate)
            model.append(roles, "tip", where, activate)
        else:
            await storage.append_messages("s", messages, parent=where, activate=activate)
            model.append(roles, where, None, activate)
    everything = await storage.get_messages("s", branch="all")
    on_path = model.path(model.tip)
    assert places(everything) == [
        (seq, node["parent"], node["turn"], node["version"], seq in on_path)
        for seq, node in enumerate(model.nodes)
    ]
    assert [m.seq for m in await storage.get_messages("s")] == on_path
    loaded = await storage.load_session("s")
    assert (loaded.tip_seq, loaded.branch) == (model.tip, model.branch)
    assert loaded.message_count == len(model.nodes)
    assert await storage.list_branches("s") == {**model.tips, model.branch: model.tip}
