"""Undo, restart, fork and `use` (rule 3.3 of the model), on trees without a storage."""

from __future__ import annotations

import pytest

from langswarm_nb.core.session import SessionNotFoundError
from langswarm_nb.core.session.conversation.moves import Move, asked_last, fork, restart, undo, use
from tests.support.trees import Grown


@pytest.fixture
def grown() -> Grown:
    """Return a session of three turns, the second of which has two versions."""
    grown = Grown()
    for text in "ABC":
        grown.ask(text)
    grown.ask("B2", parent=1, turn=1)
    return grown


def do(grown: Grown, move: Move) -> str:
    """Make a move and return what is told and where it leads."""
    if move.branch is not None or move.tip != grown.tip:
        grown.go(move.tip, move.branch)
    return f"{move.note} | {grown.branch}: {grown.path}"


# -- use --------------------------------------------------------------------------------------------------------


def test_use_makes_a_version_current_and_what_stood_behind_it_comes_back(grown: Grown) -> None:
    """By its address, as often as one likes."""
    assert do(grown, use(grown.tree(), 1, 1)) == "1 later turn comes back | main: A a B b C c"
    assert do(grown, use(grown.tree(), 1, 2)) == " | main: A a B2 b2"
    assert do(grown, use(grown.tree(), 2)) == " | main: A a B b C c"


def test_a_version_without_a_number_is_the_newest(grown: Grown) -> None:
    """`use 1` after `use 1.1`."""
    grown.go(5)
    assert do(grown, use(grown.tree(), 1)) == " | main: A a B2 b2"


def test_a_version_on_the_path_is_current_already(grown: Grown) -> None:
    """Nothing moves, and that is said; so it is also when turns stand behind it."""
    assert do(grown, use(grown.tree(), 1, 2)) == "1.2 is already current | main: A a B2 b2"
    assert do(grown, use(grown.tree(), 0)) == "0.1 is already current | main: A a B2 b2"


def test_of_several_paths_the_newest_comes_back(grown: Grown) -> None:
    """That on which this branch has been last."""
    grown.go(3)
    grown.ask("D")
    grown.ask("E")
    grown.go(None)
    assert do(grown, use(grown.tree(), 1, 1)) == "2 later turns come back | main: A a B b D d E e"


def test_an_answer_is_a_version_of_its_own(grown: Grown) -> None:
    """Answers to one question are gone back to like questions."""
    grown.answer_again(6, "b!")
    assert do(grown, use(grown.tree(), 1, 2)) == " | main: A a B2 b2"
    assert do(grown, use(grown.tree(), 1, 3)) == " | main: A a B2 b!"


def test_a_version_on_another_branch_is_used_there(grown: Grown) -> None:
    """It says so and switches; it never moves turns between branches."""
    grown.go(1, "try")
    grown.ask("T")
    grown.go(7, "main")
    assert do(grown, use(grown.tree(), 3)) == "switched to branch try | try: A a T t"
    assert do(grown, use(grown.tree(), 1, 2)) == "switched to branch main | main: A a B2 b2"
    assert grown.tips == {"try": 9, "main": 7}


def test_this_branch_comes_before_others(grown: Grown) -> None:
    """A version where this branch has been is used here, although another goes through it now."""
    grown.go(5, "try")
    grown.go(7, "main")
    assert do(grown, use(grown.tree(), 1, 1)) == "1 later turn comes back | main: A a B b C c"


def test_of_other_branches_the_one_used_last_comes_first(grown: Grown) -> None:
    """Those that end behind the version before those that have only been there."""
    grown.go(1, "one")
    grown.ask("T")
    grown.go(9, "two")
    grown.go(1)
    grown.go(9, "three")
    grown.go(7, "main")
    assert use(grown.tree(), 3).branch == "three"
    grown.go(1, "three")
    grown.go(7, "main")
    assert use(grown.tree(), 3).branch == "one"
    grown.go(1, "one")
    grown.go(7, "main")
    move = use(grown.tree(), 3)
    assert (move.tip, move.branch) == (9, "one"), "the last that has left it"


def test_an_aside_is_adopted_by_its_name(grown: Grown) -> None:
    """After the turn where it was asked; what was asked meanwhile stays, with the way back."""
    grown.ask("N", beside="aside")
    assert do(grown, use(grown.tree(), 3)) == "aside, adopted after 1.2 | main: A a B2 b2 N n"
    grown.go(7)
    grown.ask("N2", turn=3, beside="aside")
    grown.ask("D")
    grown.ask("E")
    told = "aside, adopted after 1.2 · 2 later turns stay, `use 5.1` goes back"
    assert do(grown, use(grown.tree(), 3, 2)) == f"{told} | main: A a B2 b2 N2 n2"
    assert do(grown, use(grown.tree(), 5, 1)) == " | main: A a B2 b2 D d E e"


def test_the_first_turn_may_be_an_aside() -> None:
    """There is none that it is adopted after."""
    grown = Grown()
    grown.ask("N", beside="aside", parent=None)
    assert use(grown.tree(), 0) == Move(1, note="aside, adopted as the first turn")


def test_an_aside_is_never_adopted_by_being_a_sibling(grown: Grown) -> None:
    """The newest version of a turn next to it is none of its own."""
    grown.ask("N", parent=1, beside="aside")
    grown.go(3)
    assert do(grown, use(grown.tree(), 1)) == " | main: A a B2 b2"


def test_an_answer_of_a_comparison_is_gone_on_from(grown: Grown) -> None:
    """By its address; another answer of it stays where it is."""
    grown.ask("K", beside="comparison")
    grown.ask("K", "k!", turn=3, parent=7, beside="comparison")
    assert do(grown, use(grown.tree(), 3, 2)) == "goes on from 3.2 | main: A a B2 b2 K k!"
    assert do(grown, use(grown.tree(), 3, 1)) == "goes on from 3.1 | main: A a B2 b2 K k"
    grown.ask("D")
    assert do(grown, use(grown.tree(), 3, 2)) == " | main: A a B2 b2 K k!"


def test_an_answer_of_an_old_comparison_leaves_what_followed(grown: Grown) -> None:
    """How many turns stay is told."""
    grown.ask("K", parent=1, beside="comparison")
    told = "goes on from 3.1 · 1 later turn stays, `use 1.2` goes back"
    assert do(grown, use(grown.tree(), 3)) == f"{told} | main: A a K k"


@pytest.mark.parametrize(
    "turn, version, said",
    [
        (7, None, r"No turn 7 in this session: it has the turns 0 to 2\."),
        (1, 3, r"Turn 1 has no version 3; it has 1\.1, 1\.2\."),
        (1, 0, r"Turn 1 has no version 0; it has 1\.1, 1\.2\."),
    ],
)
def test_a_version_that_is_not_there_cannot_be_used(
    grown: Grown, turn: int, version: int | None, said: str
) -> None:
    """The error tells which there are."""
    with pytest.raises(SessionNotFoundError, match=said):
        use(grown.tree(), turn, version)


def test_where_nothing_was_asked_there_is_nothing_to_use() -> None:
    """And that is said."""
    with pytest.raises(SessionNotFoundError, match="nothing has been asked yet"):
        use(Grown().tree(), 0)


# -- undo, restart, fork ----------------------------------------------------------------------------------------


def test_undo_goes_before_the_last_turns(grown: Grown) -> None:
    """Whole ones, hidden and unanswered ones too; no more than there are."""
    grown.ask("D", "", status="error")
    grown.hide(1, 2)
    assert undo(grown.tree(), 1) == (Move(7), 1)
    assert undo(grown.tree(), 2) == (Move(1), 2)
    assert undo(grown.tree(), 9) == (Move(None), 3)
    assert undo(Grown().tree(), 1) == (Move(None), 0)


def test_undo_takes_system_messages_along(grown: Grown) -> None:
    """Those that were given with the turn, and those that waited for it; what came with the session stays."""
    waits = grown.system("waits", "add")
    grown.ask("D", system="own")
    assert undo(grown.tree(), 1) == (Move(waits - 1), 1)
    session = Grown()
    came = session.system("came", "session")
    session.ask("A", system="own")
    assert undo(session.tree(), 1) == (Move(came), 1)
    assert restart(session.tree()) == Move(came)


def test_restart_goes_before_the_first_turn(grown: Grown) -> None:
    """Where nothing was asked, it moves nothing."""
    assert restart(grown.tree()) == Move(None)
    assert restart(Grown().tree()) == Move(None)


def test_a_fork_begins_after_a_turn_of_the_path_or_after_any_version(grown: Grown) -> None:
    """After its last message."""
    grown.say("tool", "42")
    assert fork(grown.tree(), 0) == Move(1)
    assert fork(grown.tree(), 1) == Move(8)
    assert fork(grown.tree(), 1, 1) == Move(3)


@pytest.mark.parametrize(
    "turn, said",
    [
        (2, r"No turn 2 on the current path: its turns are 0, 1\."),
        (9, r"No turn 9 on the current path: its turns are 0, 1\."),
    ],
)
def test_a_fork_needs_a_turn_of_the_path(grown: Grown, turn: int, said: str) -> None:
    """The error tells which there are."""
    with pytest.raises(SessionNotFoundError, match=said):
        fork(grown.tree(), turn)
    with pytest.raises(SessionNotFoundError, match="it has none yet"):
        fork(Grown().tree(), turn)


def test_the_turn_asked_last_may_stand_anywhere(grown: Grown) -> None:
    """On whatever branch, and as a comparison; asides are left out."""
    assert asked_last(grown.tree()) == 1
    grown.ask("K", None, beside="comparison")
    grown.ask("N", beside="aside")
    assert asked_last(grown.tree()) == 3
    assert asked_last(Grown().tree()) is None
