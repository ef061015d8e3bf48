"""`Tree` and `PathTurn`: turns as they stand on a path, versions, and what a branch sees."""

from __future__ import annotations

import pytest

from langswarm_nb.core.session.conversation.tree import Tree
from tests.support.trees import Grown


@pytest.fixture
def grown() -> Grown:
    """Return a session of two turns, with all that can stand around a question."""
    grown = Grown()
    grown.system("came", "session")
    grown.ask("A", system="own")
    grown.system("waits", "add")
    grown.ask("B", "look", system="own")
    grown.say("tool", "42")
    grown.say("assistant", "so")
    return grown


def test_a_turn_is_a_question_with_all_that_belongs_to_it(grown: Grown) -> None:
    """What waited for it, what came with it, and what answers it, in order."""
    first, second = grown.tree().turns
    texts = [
        grown.said(node.seq for node in nodes) for nodes in (second.pending, second.given, second.answers)
    ]
    assert texts == [["waits"], ["own"], ["look", "42", "so"]]
    assert [(turn.number, turn.version, turn.key, turn.address) for turn in (first, second)] == [
        (0, 1, (0, 1), "0.1"),
        (1, 1, (1, 1), "1.1"),
    ]
    came, first_answer, waits = 0, 3, 4
    assert (first.place, first.before) == (came, came)
    assert (second.place, second.before) == (waits, first_answer)
    assert grown.said([first.last.seq, second.last.seq]) == ["a", "so"]


def test_what_was_given_with_another_version_waits(grown: Grown) -> None:
    """System text that stands before a question, but came with another, belongs to the next question of the path."""
    question = grown.tree().questions(1)[0]
    given = question.parent
    grown.ask("B2", parent=given, turn=1)
    turn = grown.tree().turns[-1]
    assert (grown.said(node.seq for node in turn.pending), turn.given) == (["waits", "own"], [])


def test_the_version_of_a_turn_is_that_of_its_last_answer(grown: Grown) -> None:
    """A question may have several, and what a tool returned, too."""
    grown.answer_again(grown.tree().questions(0)[0].seq, "a!")
    assert grown.addresses == "0.2"
    grown.go(7)
    grown.answer_again(7, "or so")
    assert grown.addresses == "0.1 1.2"
    assert list(grown.tree().versions(1)) == [1, 2]


@pytest.mark.parametrize(
    "answer, status, is_answered",
    [
        ("text", "ok", True),
        ("text", "error", True),
        ("text", "stopped", True),
        ("", "ok", True),
        ("", "error", False),
        ("", "stopped", False),
        (None, "ok", False),
    ],
)
def test_an_error_or_a_stop_before_any_text_is_no_answer(
    answer: str | None, status: str, is_answered: bool
) -> None:
    """All else is one."""
    grown = Grown()
    grown.ask("A", answer, status=status)
    assert grown.tree().turns[0].is_answered is is_answered


def test_a_comparison_is_known_by_its_answers() -> None:
    """When one of them is on the path."""
    grown = Grown()
    grown.ask("A")
    grown.ask("K", beside="comparison")
    grown.go(3)
    assert [turn.is_comparison for turn in grown.tree().turns] == [False, True]


def test_turns_are_found_on_the_path(grown: Grown) -> None:
    """With those behind them; a turn that is not there has none."""
    tree = grown.tree()
    here = tree.turn_on_path(0)
    assert here is not None
    assert here.address == "0.1"
    assert [turn.number for turn in tree.behind(0)] == [1]
    assert (tree.turn_on_path(7), tree.turn_on_path(None), tree.behind(7)) == (None, None, [])


def test_all_of_a_turn_is_found_wherever_it_stands(grown: Grown) -> None:
    """All messages, its questions, and the end of each version; of what is not a turn, nothing."""
    grown.ask("A2", parent=0, turn=0)
    tree = grown.tree()
    assert grown.said(node.seq for node in tree.questions(0)) == ["A", "A2"]
    assert {version: grown.texts[node.seq] for version, node in tree.versions(0).items()} == {1: "a", 2: "a2"}
    assert grown.said(node.seq for node in tree.of_turn(0)) == ["own", "A", "a", "waits", "A2", "a2"]
    assert (tree.questions(9), tree.versions(9), list(tree.of_turn(None))) == ([], {}, [])


def test_a_message_knows_its_question(grown: Grown) -> None:
    """Through tool rounds; what stands before all questions is its own."""
    tree = grown.tree()
    assert grown.texts[tree.question_of(tree.nodes[8]).seq] == "B"
    assert grown.texts[tree.question_of(tree.nodes[2]).seq] == "A"
    assert grown.texts[tree.question_of(tree.nodes[0]).seq] == "came"


def test_a_path_goes_through_its_messages(grown: Grown) -> None:
    """And through no others."""
    tree = grown.tree()
    assert [tree.goes_through(3, seq) for seq in range(5)] == [True, True, True, True, False]
    assert not tree.goes_through(None, 0)


def test_an_aside_is_one_while_a_version_of_it_is_beside_the_path() -> None:
    """One that is taken onto a path does not change what its cell asks again."""
    grown = Grown()
    grown.ask("A")
    grown.ask("N", beside="aside")
    grown.ask("N2", turn=1, beside="aside")
    grown.ask("K", beside="comparison")
    assert [grown.tree().is_aside(number) for number in (0, 1, 2, 9)] == [False, True, False, False]
    grown.go(3)
    assert grown.tree().is_aside(1)


def test_a_tree_is_seen_from_a_branch(grown: Grown) -> None:
    """With that branch's path and marks; from a new one with the marks of the branch that it leaves."""
    grown.hide(0)
    grown.go(1, "third")
    grown.go(8, "main")
    grown.go(9)
    grown.go(3, "try")
    grown.hide(1)
    tree = grown.tree()
    main = tree.on_branch("main")
    assert (main.branch, main.tip, main.hidden) == ("main", 9, frozenset([(0, 1)]))
    assert main.others == [("try", 3), ("third", 1)]
    assert tree.on_branch("try") is tree
    new = tree.seen_from(1, "new")
    assert (new.branch, new.tip, new.hidden) == ("new", 1, frozenset([(0, 1), (1, 1)]))
    assert main.hidden_on("try") == tree.hidden


def test_an_empty_tree_has_nothing() -> None:
    """No turn, no path, its first branch."""
    tree = Tree.empty()
    assert (tree.path, tree.turns, tree.branch, tree.tip, tree.hidden) == ([], [], "main", None, frozenset())


def test_the_turns_of_any_path_can_be_read(grown: Grown) -> None:
    """Not only those of the active one."""
    grown.ask("A2", parent=0, turn=0)
    assert [turn.address for turn in grown.tree().turns_to(9)] == ["0.1", "1.1"]
    assert grown.tree().turns_to(None) == []
