"""What every storage promises about branches: their tips, where they have been, and what is hidden on them."""

from __future__ import annotations

import pytest

from langswarm_nb.core.session import SessionNotFoundError, SessionTypeError, SessionValueError
from tests.support.storages import answer, question, record, system, talk, texts


async def former(storage):
    return (await storage.read_tree("s")).former


async def hidden(storage):
    """Return what is marked as hidden on any branch, and the texts of messages that show it."""
    marks = (await storage.read_tree("s")).hidden
    return sorted(marks), texts(m for m in await storage.get_messages("s", branch="all") if m.is_hidden)


# -- tips -------------------------------------------------------------------------------------------------------


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
    with pytest.raises(SessionValueError, match="branch"):
        await storage.append_messages("s", [question()], branch=name)
    assert await storage.list_branches("s") == {"main": 1}


async def test_an_append_may_go_on_under_another_branch(storage):
    """``branch`` makes it or goes back to it, with ``parent`` as its tip, in the same step as the message."""
    await talk(storage, "a", "b")
    (forked,) = await storage.append_messages("s", [question("t?")], branch="try", parent=1)
    assert (forked.parent_seq, forked.is_active) == (1, True)
    assert await storage.list_branches("s") == {"main": 3, "try": 4}
    (back,) = await storage.append_messages("s", [question("c?")], branch="main", parent=3)
    assert (back.parent_seq, back.is_active) == (3, True)
    assert await storage.list_branches("s") == {"main": 5, "try": 4}
    assert texts(await storage.get_messages("s")) == "a? a! b? b! c?"
    (tip,) = await storage.append_messages("s", [question("here?")], branch="copy")
    assert tip.parent_seq == 5, "a new branch without a parent begins at the tip"


async def test_an_append_beside_the_path_of_another_branch_keeps_its_tip(storage):
    """The session goes on under that name; the branch ends where it ended."""
    await talk(storage, "a", "b")
    await storage.set_tip("s", 1, branch="try")
    await storage.append_messages("s", [question("aside?")], branch="main", parent=0, activate=False)
    assert texts(await storage.get_messages("s")) == "a? a! b? b!"
    await storage.append_messages("s", [question("aside?")], branch="new", parent=0, activate=False)
    assert await storage.list_branches("s") == {"main": 3, "new": 0, "try": 1}


async def test_the_branch_left_last_comes_first(storage):
    """`read_tree` lists the other branches in the order they were last used."""
    await talk(storage, "a")
    for name in ("b", "c", "d", "b"):
        await storage.set_tip("s", 1, branch=name)
    assert (await storage.read_tree("s")).others == [("d", 1), ("c", 1), ("main", 1)]


# -- where a branch has been ------------------------------------------------------------------------------------


async def test_the_end_of_a_path_that_is_left_is_remembered(storage, reopen):
    """By whatever the tip moves: `set_tip`, a new version, a new root; the last one left stands last."""
    await talk(storage, "a", "b")
    await storage.append_messages("s", [question("b2?")], parent=1, turn=1)
    await storage.append_messages("s", [question("A?")], parent=None)
    await storage.set_tip("s", None)
    assert await former(await reopen()) == [("main", 3), ("main", 4), ("main", 5)]


async def test_going_on_leaves_nothing(storage):
    """Neither a message at the tip, nor a tip that moves on below it, nor a fork leaves a path."""
    await talk(storage, "a", "b")
    await storage.set_tip("s", None)
    await storage.set_tip("s", 1)
    await storage.set_tip("s", 3)
    await storage.append_messages("s", [question("c?")])
    await storage.set_tip("s", 1, branch="try")
    assert await former(storage) == [("main", 3)], "of the first move alone"


async def test_of_a_path_the_farthest_end_is_remembered(storage):
    """Going back in two steps, or trying something in between, leaves the one end from which all comes back."""
    await talk(storage, "a", "b", "c")
    await storage.set_tip("s", 3)
    await storage.set_tip("s", 1)
    assert await former(storage) == [("main", 5)]
    await storage.append_messages("s", [question("aside?")], parent=1, activate=False)
    await storage.append_messages("s", [question("A?")], parent=None)
    assert await former(storage) == [("main", 5)]
    await storage.set_tip("s", 5)
    await storage.set_tip("s", None)
    assert await former(storage) == [("main", 7), ("main", 5)], "left again, it is the last one"


async def test_a_branch_remembers_for_itself(storage):
    """What another branch has left does not count, and a branch that is gone back to elsewhere leaves its tip."""
    await talk(storage, "a", "b")
    await storage.set_tip("s", 0)
    await storage.set_tip("s", 3, branch="try")
    await storage.set_tip("s", 1)
    assert await former(storage) == [("main", 3), ("try", 3)]
    await storage.append_messages("s", [question("t?")])
    await storage.set_tip("s", 3, branch="main")
    await storage.set_tip("s", 1, branch="try")
    assert await former(storage) == [("main", 3), ("try", 3), ("try", 4)]
    assert await storage.list_branches("s") == {"main": 3, "try": 1}


# -- hidden -----------------------------------------------------------------------------------------------------


async def test_a_version_of_a_turn_is_hidden_whole(storage, reopen):
    """Question, answer, tool rounds and what was given with the question; the mark can be taken back."""
    await talk(storage, "a")
    await storage.append_messages("s", [system("rule"), question("b?"), answer("b!"), system("later")])
    await storage.set_hidden("s", 1, 1, hidden=True)
    assert await hidden(storage) == ([("main", 1, 1)], "rule b? b!")
    storage = await reopen()
    await storage.set_hidden("s", 1, 1, hidden=True)
    assert await hidden(storage) == ([("main", 1, 1)], "rule b? b!")
    await storage.set_hidden("s", 1, 1, hidden=False)
    await storage.set_hidden("s", 1, 1, hidden=False)
    assert await hidden(storage) == ([], "")


async def test_of_a_turn_the_version_alone_is_hidden(storage):
    """Other versions, before and after, are not."""
    await talk(storage, "a")
    await storage.append_messages("s", [question("a2?"), answer("a2!")], parent=None, turn=0)
    await storage.set_hidden("s", 0, 1, hidden=True)
    await storage.append_messages("s", [question("a3?"), answer("a3!")], parent=None, turn=0)
    assert await hidden(storage) == ([("main", 0, 1)], "a? a!")


async def test_a_question_with_several_answers_is_hidden_as_the_one_on_the_path(storage):
    """Hidden with its first answer it is sent with the second, until that is hidden."""
    await talk(storage, "a")
    await storage.set_hidden("s", 0, 1, hidden=True)
    await storage.append_messages("s", [], parent=0)
    await storage.append_messages("s", [answer("a!!")], reply_to=0)
    assert await hidden(storage) == ([("main", 0, 1)], "a!")
    await storage.set_tip("s", 1)
    assert await hidden(storage) == ([("main", 0, 1)], "a? a!")
    await storage.set_tip("s", 2)
    await storage.set_hidden("s", 0, 2, hidden=True)
    assert await hidden(storage) == ([("main", 0, 1), ("main", 0, 2)], "a? a! a!!")


async def test_a_reply_to_a_hidden_question_is_hidden_too(storage):
    """Also one that is stored after its question was hidden."""
    await storage.create_session(record())
    await storage.append_messages("s", [question("a?")])
    await storage.set_hidden("s", 0, 1, hidden=True)
    (late,) = await storage.append_messages("s", [answer("a!")], reply_to=0)
    assert late.is_hidden
    assert await hidden(storage) == ([("main", 0, 1)], "a? a!")


async def test_a_version_is_hidden_on_a_branch_that_is_not_current(storage):
    """As one whose replacement is answered when somebody has gone to another branch."""
    await talk(storage, "a", "b")
    await storage.set_tip("s", 3, branch="try")
    await storage.set_hidden("s", 1, 1, hidden=True, branch="main")
    assert await hidden(storage) == ([("main", 1, 1)], "")
    await storage.set_tip("s", 3, branch="main")
    assert await hidden(storage) == ([("main", 1, 1)], "b? b!")
    await storage.set_tip("s", 3, branch="try")
    await storage.set_hidden("s", 1, 1, hidden=False, branch="main")
    assert await hidden(storage) == ([], "")


async def test_hiding_holds_on_its_branch(storage):
    """A branch made from another begins with its marks; what is hidden or shown later holds there alone."""
    await talk(storage, "a", "b")
    await storage.set_hidden("s", 0, 1, hidden=True)
    await storage.set_tip("s", 3, branch="try")
    await storage.set_hidden("s", 1, 1, hidden=True)
    await storage.set_hidden("s", 0, 1, hidden=False)
    assert await hidden(storage) == ([("main", 0, 1), ("try", 1, 1)], "b? b!")
    await storage.set_tip("s", 3, branch="main")
    assert await hidden(storage) == ([("main", 0, 1), ("try", 1, 1)], "a? a!")
    await storage.append_messages("s", [question("t?")], branch="try", parent=3)
    assert await hidden(storage) == ([("main", 0, 1), ("try", 1, 1)], "b? b!")
    await storage.append_messages("s", [question("n?")], branch="new", parent=1)
    assert await hidden(storage) == ([("main", 0, 1), ("new", 1, 1), ("try", 1, 1)], "b? b!")


async def test_an_append_may_hide(storage):
    """``hides`` marks versions in the same step, on the branch that the message goes on with."""
    await talk(storage, "a", "b")
    await storage.append_messages("s", [question("a again?")], hides=[(0, 1)])
    assert await hidden(storage) == ([("main", 0, 1)], "a? a!")
    await storage.append_messages("s", [question("t?")], branch="try", parent=1, hides=[(1, 1)])
    assert await hidden(storage) == ([("main", 0, 1), ("try", 0, 1), ("try", 1, 1)], "a? a! b? b!")
    await storage.append_messages("s", [], hides=[(2, 1)])
    assert await hidden(storage) == (
        [("main", 0, 1), ("try", 0, 1), ("try", 1, 1), ("try", 2, 1)],
        "a? a! b? b! a again?",
    )


async def test_a_question_that_is_stored_hidden_hides_its_turn(storage):
    """As from an export; of an answer alone it cannot be said."""
    await storage.create_session(record())
    messages = [system("rule"), question("a?", is_hidden=True), answer("a!"), question("b?")]
    stored = await storage.append_messages("s", [*messages, answer("b!", is_hidden=True)])
    assert [m.is_hidden for m in stored] == [True, True, True, False, False]
    assert await hidden(storage) == ([("main", 0, 1)], "rule a? a!")


async def test_an_aside_that_is_taken_onto_a_path_is_none_any_more(storage):
    """Its messages tell how it was asked until a path goes through them."""
    await talk(storage, "a")
    aside = [question("n?", beside="aside"), answer("n!", beside="aside")]
    stored = await storage.append_messages("s", aside, parent=1, activate=False)
    assert [m.is_aside for m in stored] == [True, True]
    await storage.set_tip("s", 3)
    await storage.set_tip("s", 1)
    assert [m.beside for m in await storage.get_messages("s", branch="all")] == [None] * 4


@pytest.mark.parametrize("version", [(1, 1), (0, 2), (0, 0), (-1, 1), (2**40, 1), (0, 2**40)])
async def test_a_version_that_is_not_there_cannot_be_hidden(storage, version):
    """The error names it, and what came with the mark is not stored either."""
    await talk(storage, "a")
    for call in (
        storage.set_hidden("s", *version, hidden=True),
        storage.append_messages("s", [question()], branch="try", hides=[(0, 1), version], lease="r"),
    ):
        with pytest.raises(
            SessionNotFoundError, match=f"No version {version[1]} of turn {version[0]} in session 's'"
        ):
            await call
    await storage.append_messages("s", [question()], lease="other")
    assert (await hidden(storage), await storage.list_branches("s")) == (([], ""), {"main": 2})


@pytest.mark.parametrize("wrong", ["0", 0.0, True, None])
async def test_turn_and_version_are_whole_numbers(storage, wrong):
    """Anything else is a type error."""
    await talk(storage, "a")
    for version in ((wrong, 1), (0, wrong)):
        with pytest.raises(SessionTypeError, match="whole number"):
            await storage.set_hidden("s", *version, hidden=True)
        with pytest.raises(SessionTypeError, match="whole number"):
            await storage.append_messages("s", [question()], hides=[version])
