"""What every storage promises about the tree: turns, versions, the active path, and where a reply goes."""

from __future__ import annotations

import asyncio

import pytest

from langswarm_nb.core.session import MessageRole, SessionMessage, SessionNotFoundError
from langswarm_nb.core.session.conversation.nodes import Node
from tests.support.storages import answer, places, question, record, system, talk, texts


def tool(content="42"):
    return SessionMessage(role=MessageRole.TOOL, content=content)


def addresses(messages):
    """Return turn and version of each message."""
    return [(m.turn, m.version) for m in messages]


# -- turns and versions -----------------------------------------------------------------------------------------


async def test_messages_hang_on_each_other(storage):
    """A plain conversation is one path whose turns are counted from the first question."""
    await storage.create_session(record())
    returned = await storage.append_messages("s", [question("1"), answer("1")])
    returned += await storage.append_messages("s", [question("2"), answer("2"), question("3")])
    expected = [
        (0, None, 0, 1, True),
        (1, 0, 0, 1, True),
        (2, 1, 1, 1, True),
        (3, 2, 1, 1, True),
        (4, 3, 2, 1, True),
    ]
    assert places(returned) == expected
    assert places(await storage.get_messages("s")) == expected


async def test_system_messages_stored_with_a_question_belong_to_its_turn(storage):
    """Those right before it in one chain have its turn and version; one alone has those of what it follows."""
    await storage.create_session(record())
    alone = await storage.append_messages("s", [system("waits")])
    first = await storage.append_messages("s", [system("a"), system("b"), question(), answer()])
    late = await storage.append_messages("s", [system("late")])
    second = await storage.append_messages("s", [system("c"), question("again")], parent=0, turn=0)
    assert addresses([*alone, *first, *late]) == [(None, 1), *[(0, 1)] * 5]
    assert addresses(second) == [(0, 2), (0, 2)]


async def test_the_number_of_a_turn_is_given_once_in_a_session(storage):
    """Undone, on another branch, at another root, beside the path: no turn gets a number that one had before."""
    await talk(storage, "a", "b")
    await storage.set_tip("s", 1)
    undone = await storage.append_messages("s", [question("c?")])
    await storage.set_tip("s", 1, branch="try")
    branched = await storage.append_messages("s", [question("d?")])
    rooted = await storage.append_messages("s", [question("e?")], parent=None)
    beside = await storage.append_messages("s", [question("f?")], parent=1, activate=False)
    assert addresses([*undone, *branched, *rooted, *beside]) == [(2, 1), (3, 1), (4, 1), (5, 1)]


async def test_a_further_version_of_a_turn_has_its_number(storage, reopen):
    """``turn`` numbers a question as the next version, wherever it hangs; what followed is kept, off the path."""
    await talk(storage, "a", "b", "c")
    (again,) = await storage.append_messages("s", [question("b2?")], parent=1, turn=1)
    assert places([again]) == [(6, 1, 1, 2, True)]
    await storage.append_messages("s", [answer("b2!")])
    storage = await reopen()
    third, fourth = await storage.append_messages("s", [question("b3?"), question("d?")], turn=1)
    assert addresses([third, fourth]) == [(1, 3), (3, 1)], "the first question alone is the version"
    assert texts(await storage.get_messages("s")) == "a? a! b2? b2! b3? d?"
    assert texts(await storage.get_messages("s", branch="all")) == "a? a! b? b! c? c! b2? b2! b3? d?"
    assert (await storage.load_session("s")).tip_seq == 9


async def test_what_follows_an_answer_goes_on_with_its_turn_and_version(storage):
    """Tool rounds and further answers in a row are not versions."""
    await talk(storage, "a")
    await storage.append_messages("s", [question("a2?")], parent=None, turn=0)
    rounds = await storage.append_messages("s", [answer("I look."), tool(), answer("So.")])
    assert addresses(rounds) == [(0, 2)] * 3


@pytest.mark.parametrize("where", [{"parent": 0}, {"reply_to": 0}, {"reply_to": 0, "activate": False}])
async def test_a_further_answer_to_a_question_is_the_next_version(storage, where):
    """Whether it takes over the path or stays beside it; the first has the version of its question."""
    await talk(storage, "a")
    await storage.append_messages("s", [question("a2?")], parent=None, turn=0)
    (first,) = await storage.append_messages("s", [answer("a2!")])
    (further,) = await storage.append_messages("s", [answer("a!!")], **where)
    assert addresses([first, further]) == [(0, 2), (0, 3)]
    assert further.parent_seq == 0


async def test_a_further_answer_to_a_tool_is_the_next_version(storage):
    """What a tool returned can be answered again, too."""
    await storage.create_session(record())
    await storage.append_messages("s", [question(), answer("I look."), tool(), answer("So.")])
    (further,) = await storage.append_messages("s", [answer("Or so.")], reply_to=2)
    assert addresses([further]) == [(0, 2)]


async def test_a_session_may_begin_with_an_answer(storage):
    """What stands before the first question belongs to no turn."""
    await storage.create_session(record())
    stored = await storage.append_messages("s", [answer("Hello!"), system(), answer("Ask me."), question()])
    more = await storage.append_messages("s", [answer("Hi.")], parent=0)
    assert addresses([*stored, *more]) == [(None, 1), (None, 1), (None, 1), (0, 1), (None, 1)]


async def test_a_version_of_a_turn_that_is_not_there_is_refused(storage):
    """With it goes all that came with it: a branch, marks, the lease."""
    await talk(storage, "a")
    with pytest.raises(SessionNotFoundError, match="No turn 1 in session 's'"):
        await storage.append_messages("s", [question()], turn=1, branch="try", hides=[(0, 1)], lease="r")
    await storage.append_messages("s", [question()], lease="other")
    assert await storage.list_branches("s") == {"main": 2}
    assert (await storage.read_tree("s")).hidden == []


# -- the path ---------------------------------------------------------------------------------------------------


async def test_a_new_root_begins_a_new_path(storage):
    """A parent of None starts beside the first message."""
    await talk(storage, "a")
    (root,) = await storage.append_messages("s", [question("A?")], parent=None, turn=0)
    assert places([root]) == [(2, None, 0, 2, True)]
    assert texts(await storage.get_messages("s")) == "A?"


async def test_an_append_beside_the_path_leaves_it(storage):
    """With ``activate=False`` the message hangs where it is told, and the tip stays."""
    await talk(storage, "a", "b")
    (beside,) = await storage.append_messages("s", [answer("other")], parent=2, activate=False)
    (root,) = await storage.append_messages("s", [question("root")], parent=None, activate=False)
    (below,) = await storage.append_messages("s", [question("below")], parent=4, activate=False)
    assert places([beside, root, below]) == [(4, 2, 1, 2, False), (5, None, 2, 1, False), (6, 4, 3, 1, False)]
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
    assert places([next_]) == [(7, 3, 4, 1, True)]
    assert texts(await storage.get_messages("s")) == "a? a! b? b! d?"


async def test_an_empty_chain_moves_the_tip(storage):
    """To ``parent``, as `set_tip` does; beside the path, or without a parent, it does nothing."""
    await talk(storage, "a", "b")
    assert await storage.append_messages("s", []) == []
    assert await storage.append_messages("s", [], parent=0, activate=False) == []
    assert (await storage.load_session("s")).tip_seq == 3
    assert await storage.append_messages("s", [], parent=0) == []
    assert texts(await storage.get_messages("s")) == "a?"
    assert (await storage.read_tree("s")).former == [("main", 3)]


# -- replies ----------------------------------------------------------------------------------------------------


async def test_a_reply_goes_directly_below_its_question(storage):
    """The path goes on with it while it still ends in the question; of two questions in a row, with the last's."""
    await storage.create_session(record())
    await storage.append_messages("s", [question("1?"), question("2?")])
    (first,) = await storage.append_messages("s", [answer("1!")], reply_to=0)
    second, _ = await storage.append_messages("s", [answer("2!"), tool()], reply_to=1)
    assert places([first, second]) == [(2, 0, 0, 1, False), (3, 1, 1, 1, True)]
    assert texts(await storage.get_messages("s")) == "1? 2? 2! 42"


async def test_a_reply_to_a_question_left_behind_stays_with_it(storage):
    """The path stays where it went meanwhile; gone back to, the question has its answer."""
    await talk(storage, "a")
    await storage.append_messages("s", [question("b?")])
    await storage.set_tip("s", 1)
    await storage.append_messages("s", [question("c?")])
    (late,) = await storage.append_messages("s", [answer("b!")], reply_to=2)
    assert places([late]) == [(4, 2, 1, 1, False)]
    assert texts(await storage.get_messages("s")) == "a? a! c?"
    assert (await storage.read_tree("s")).former == [("main", 4)], "the path that was left leads to the reply"


async def test_a_branch_that_was_left_at_a_question_goes_on_to_its_reply(storage):
    """Who switches away while an answer is on its way finds it when they switch back."""
    await talk(storage, "a")
    await storage.append_messages("s", [question("b?")])
    await storage.set_tip("s", 1, branch="try")
    (late,) = await storage.append_messages("s", [answer("b!")], reply_to=2)
    assert not late.is_active
    assert await storage.list_branches("s") == {"main": 3, "try": 1}
    await storage.set_tip("s", 3, branch="main")
    assert texts(await storage.get_messages("s")) == "a? a! b? b!"


async def test_a_reply_beside_the_path_leaves_paths_as_they_are(storage):
    """``reply_to`` with ``activate=False`` hangs it below the question and moves nothing."""
    await talk(storage, "a")
    await storage.append_messages("s", [question("b?")])
    (reply,) = await storage.append_messages("s", [answer("b!")], reply_to=2, activate=False)
    assert places([reply]) == [(3, 2, 1, 1, False)]
    assert (await storage.load_session("s")).tip_seq == 2


async def test_writers_at_once_each_get_their_reply(storage):
    """Many tasks ask and answer in one session: every reply is below its own question, in its turn."""
    await storage.create_session(record())

    async def converse(name: int) -> None:
        for step in range(5):
            (asked,) = await storage.append_messages("s", [question(f"{name}.{step}")])
            (told,) = await storage.append_messages("s", [answer(f"{name}.{step}")], reply_to=asked.seq)
            assert (told.parent_seq, told.turn, told.version) == (asked.seq, asked.turn, 1)

    await asyncio.gather(*(converse(name) for name in range(12)))
    everything = await storage.get_messages("s", branch="all")
    assert [m.seq for m in everything] == list(range(120))
    asked = [m for m in everything if m.role == "user"]
    assert [m.turn for m in asked] == list(range(60))
    path = await storage.get_messages("s")
    assert [m.parent_seq for m in path] == [None, *(m.seq for m in path[:-1])]


# -- the shape of it all ----------------------------------------------------------------------------------------


async def test_the_tree_is_what_the_messages_are(storage):
    """`read_tree` tells of each message all but its words: whether and how much it says, a question with its load."""
    await storage.create_session(record())
    said = question("Wörter\x00, drei", cell_id="c", ask=2, beside="comparison")
    image = {"type": "image", "url": "u"}
    picture = question("", parts=(image, {**image, "detail": "low"}))
    rules = SessionMessage(role=MessageRole.SYSTEM, content="", scope="replace")
    await storage.append_messages("s", [said, answer("a"), rules, picture, answer("")])
    await storage.append_messages("s", [answer("", parts=(image,))], parent=3)
    rows = await storage.read_tree("s")
    nodes = [Node._make(row) for row in rows.nodes]
    for node, message in zip(nodes, await storage.get_messages("s", branch="all"), strict=True):
        facts = message.request
        assert node == (
            message.seq,
            message.parent_seq,
            message.turn,
            message.version,
            message.role,
            message.is_active,
            message.cell_id,
            message.ask,
            message.scope,
            message.beside,
            facts and facts.status,
            facts and facts.compare_id,
            node.says,
            node.chars,
        )
    assert [(node.says, node.chars) for node in nodes] == [(2, 13), (2, 1), (0, 0), (2, 4400), (0, 0), (1, 0)]
    assert (rows.tip, rows.branch, rows.others, rows.former) == (5, "main", [], [("main", 4)])
    assert (rows.hidden, rows.next_turn) == ([], 2)


async def test_the_tree_of_a_new_session_is_empty(storage):
    """It has no tip, no turn, and its first branch."""
    await storage.create_session(record(branch="first"))
    assert (await storage.read_tree("s"))[:7] == ([], None, "first", [], [], [], 0)


@pytest.mark.parametrize("wanted", [[], [2], [0, 1, 2, 3], [0, 9], [1, 2, 3, 8], list(range(12))])
async def test_messages_are_picked_by_their_seqs(storage, wanted):
    """In their order, from wherever in the tree; what is not there, or is another session's, is left out."""
    await talk(storage, "a", "b")
    await talk(storage, "c", "d", "e", session_id="next")
    await storage.append_messages("s", [question("A?")], parent=None)
    found = await storage.pick_messages("s", wanted)
    assert [m.seq for m in found] == [seq for seq in wanted if seq < 5]
    assert found == [m for m in await storage.get_messages("s", branch="all") if m.seq in wanted]
