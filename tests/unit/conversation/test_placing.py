"""Where a question goes when cells are run again (section 4 of the model): each of its sentences."""

from __future__ import annotations

import pytest

from langswarm_nb.core.session import SessionNotFoundError
from langswarm_nb.core.session.conversation.asks import AskFacts, CellRun
from langswarm_nb.core.session.conversation.placing import Place, answered_again, place
from tests.support.trees import Grown, Kernel


@pytest.fixture
def grown() -> Grown:
    return Grown()


@pytest.fixture
def kernel(grown: Grown) -> Kernel:
    """Return a kernel that has run the cells a, b and c."""
    kernel = Kernel(grown)
    for cell in "abc":
        kernel.run(cell, cell.upper())
    return kernel


# -- programs and panels ----------------------------------------------------------------------------------------


def test_a_program_asks_at_the_tip_or_where_it_wants(kernel: Kernel) -> None:
    """As a turn of its own."""
    tree = kernel.grown.tree()
    assert place(tree, AskFacts()) == Place(5)
    assert place(tree, AskFacts(parent=1)) == Place(1)
    assert place(tree, AskFacts(parent=None)) == Place(None)
    for seq in (6, -1):
        with pytest.raises(
            SessionNotFoundError, match=f"No message with seq {seq} in this session: it has 6"
        ):
            place(tree, AskFacts(parent=seq))


def test_a_panel_edits_a_question_in_its_place(kernel: Kernel) -> None:
    """As a further version; what stands behind it stays with the old one, told."""
    tree = kernel.grown.tree()
    assert place(tree, AskFacts(version_of=2)) == Place(1, 1, note="1 later turn stays with 1.1")
    assert place(tree, AskFacts(version_of=0)) == Place(None, 0, note="2 later turns stay with 0.1")
    assert place(tree, AskFacts(version_of=4)) == Place(3, 2)


def test_an_edit_leaves_out_what_was_given_with_the_old_version(grown: Grown) -> None:
    """System text of a panel stands before the place and stays; of a version off the path, too."""
    waits = grown.system("waits", "add")
    grown.ask("A", system="own")
    grown.ask("A2", parent=waits, turn=0)
    for question in grown.tree().questions(0):
        assert place(grown.tree(), AskFacts(version_of=question.seq)) == Place(waits, 0)


def test_a_further_answer_goes_below_its_question(kernel: Kernel) -> None:
    """The turns behind it stay with the old answer, told; below a question off the path, nothing stands behind."""
    kernel.run("b", "B2")
    tree = kernel.grown.tree()
    assert answered_again(tree, tree.nodes[0]) == Place(0, 0, note="1 later turn stays with 0.1")
    assert answered_again(tree, tree.nodes[6]) == Place(6, 1)
    kernel.run("c", "C2")
    tree = kernel.grown.tree()
    assert answered_again(tree, tree.nodes[2]) == Place(2, 1)
    assert answered_again(tree, tree.nodes[6]) == Place(6, 1, note="1 later turn stays with 1.2")


def test_the_models_of_a_comparison_share_turn_and_place(kernel: Kernel) -> None:
    """All questions but the first join it."""
    assert place(kernel.grown.tree(), AskFacts(joins=(1, 5), ask=2, beside="comparison")) == Place(5, 1, 2)


# -- 4: the key of an ask ---------------------------------------------------------------------------------------


def test_the_key_of_an_ask_is_which_ask_of_its_cell_it_is(grown: Grown) -> None:
    """The first ask of a run is a version of the first, the second of the second: a loop keeps its turns."""
    kernel = Kernel(grown)
    kernel.run("loop", "A", "B")
    kernel.run("loop", "A2", "B2")
    assert (grown.path, grown.addresses) == ("A2 a2 B2 b2", "0.2 1.2")
    kernel.run("loop", "A3", "B3", "C")
    assert grown.addresses == "0.3 1.3 2.1"


def test_a_run_that_asks_less_leaves_the_rest_behind(grown: Grown) -> None:
    """As what stands behind any turn that is asked again."""
    kernel = Kernel(grown)
    kernel.run("loop", "A", "B", "C")
    assert kernel.run("loop", "A2").place.note == "2 later turns stay with 0.1"
    assert grown.addresses == "0.2"


def test_an_ask_that_was_not_stored_does_not_count(kernel: Kernel) -> None:
    """What was refused leaves no trace in the numbering: the next ask of the run is the same one."""
    run = CellRun("a", "a run")
    kernel.memory.give_back(run, kernel.memory.take(run))
    assert kernel.ask(run, "A2").address == "0.2"


def test_an_aside_has_a_key_of_its_own(kernel: Kernel) -> None:
    """An aside of a cell is a version of its asides, another ask of its other asks; the path stays as it is."""
    first = kernel.run("n", "N", beside="aside")
    again = kernel.run("n", "N2", beside="aside")
    assert (first.address, again.address) == ("3.1", "3.2")
    assert kernel.grown.addresses == "0.1 1.1 2.1"
    assert kernel.run("n", "N3").address == "4.1"
    assert kernel.run("n", "N4", beside="aside").address == "3.3"
    assert kernel.run("n", "N5").address == "4.2"


def test_an_aside_is_asked_where_the_conversation_is(kernel: Kernel) -> None:
    """Not in the place where it was asked before."""
    kernel.run("n", "N", beside="aside")
    kernel.run("d", "D")
    assert kernel.run("n", "N2", beside="aside").place.parent == kernel.grown.tip


def test_cells_without_an_id_are_never_asked_again(grown: Grown) -> None:
    """Each of their asks is a turn at the tip."""
    kernel = Kernel(grown)
    for text in "AAB":
        kernel.run(None, text)
    assert grown.addresses == "0.1 1.1 2.1"


def test_a_cell_that_has_several_turns_means_its_newest(kernel: Kernel) -> None:
    """After `--append`."""
    assert kernel.run("b", "B2", rerun="append").address == "3.1"
    assert kernel.run("b", "B3").address == "3.2"
    assert kernel.grown.addresses == "0.1 1.1 2.1 3.2"


def test_a_turn_that_is_not_on_the_path_is_asked_at_the_tip(kernel: Kernel) -> None:
    """As a further version of it."""
    kernel.grown.go(1)
    again = kernel.run("c", "C2")
    assert (again.place, kernel.grown.path) == (Place(1, 2, 0), "A a C2 c2")
    kernel.grown.go(1)
    assert kernel.run("b", "B2").address == "1.2"


def test_the_new_version_of_a_hidden_turn_is_not_hidden(kernel: Kernel) -> None:
    """The mark is on the version that was hidden."""
    kernel.grown.hide(2)
    kernel.run("c", "C2")
    tree = kernel.grown.tree()
    assert tree.turns[-1].key not in tree.hidden


# -- 4.1: the same cell again -----------------------------------------------------------------------------------


def test_a_cell_run_again_is_a_new_version_at_its_place(kernel: Kernel) -> None:
    """What stood behind it stays with the old version, told."""
    again = kernel.run("b", "B2")
    assert again == (Place(1, 1, 0, note="1 later turn stays with 1.1"), "1.2")
    assert kernel.grown.path == "A a B2 b2"
    assert kernel.run("b", "B3").place.note == ""


@pytest.mark.parametrize("door", ["panel", "retried", "used"])
def test_whatever_door_made_the_newest_version(kernel: Kernel, door: str) -> None:
    """The versions of one turn stay together: edited in the panel, answered again, chosen with `use`."""
    grown = kernel.grown
    if door == "panel":
        grown.ask("B in the panel", parent=1, turn=1)
    elif door == "retried":
        grown.answer_again(2, "b again")
    else:
        kernel.run("b", "B2")
        grown.go(3)
    again = kernel.run("b", "B3")
    assert (again.place.parent, again.place.turn) == (1, 1)
    assert grown.path == "A a B3 b3"


def test_a_question_that_failed_is_asked_again_in_its_place(kernel: Kernel) -> None:
    """And one that was given up before its answer."""
    kernel.run("d", "D", answers=False)
    assert kernel.run("d", "D2").place == Place(5, 3, 0)


def test_a_prompt_that_is_edited_later_does_not_know_the_turns_that_followed(kernel: Kernel) -> None:
    """In the kernel that asked it: whatever was asked behind it meanwhile."""
    assert kernel.run("a", "A2").place == Place(None, 0, 0, note="2 later turns stay with 0.1")
    assert kernel.grown.path == "A2 a2"


# -- 4.2: a cell that this kernel has not asked before ----------------------------------------------------------


def test_a_cell_run_out_of_order_is_asked_at_the_end(kernel: Kernel) -> None:
    """When this kernel asked something behind its turn; the old turn is hidden, told, and nothing is dropped."""
    other = Kernel(kernel.grown)
    other.run("b", "B2")
    other.run("c", "C2")
    again = other.run("a", "A2")
    told = "turn 0 is hidden, asked again at the end"
    assert again.place == Place(9, ask=0, hides=((0, 1),), note=told)
    assert (again.address, kernel.grown.addresses) == ("3.1", "0.1 1.2 2.2 3.1")
    assert other.run("a", "A3").address == "3.2", "from now on that is its turn"


def test_only_what_other_cells_of_this_kernel_asked_counts(kernel: Kernel) -> None:
    """Not what other kernels, a panel, or the cell itself asked, nor asides or another branch."""
    other = Kernel(kernel.grown)
    kernel.grown.ask("panel")
    assert other.look("a", "A2").hides == ()
    other.run("n", "N", beside="aside")
    other.run("n", "N", beside="comparison")
    assert other.look("a", "A2").hides == ()
    kernel.grown.go(1, "try")
    other.run("t", "T")
    assert other.look("a", "A2").hides == ((0, 1),)
    kernel.grown.go(5, "main")
    assert other.look("a", "A2").hides == ()


def test_a_run_of_several_asks_is_out_of_order_as_a_whole(grown: Grown) -> None:
    """The first ask makes the cell no less new to the second."""
    Kernel(grown).run("loop", "A", "B")
    kernel = Kernel(grown)
    grown.ask("panel")
    kernel.run("x", "X")
    kernel.run("loop", "A2", "B2")
    assert grown.addresses == "0.1 1.1 2.1 3.1 4.1 5.1"
    assert [mark[1:] for mark in grown.hidden] == [(0, 1), (1, 1)]


# -- 4.3: comparisons -------------------------------------------------------------------------------------------


def test_a_comparison_that_was_not_chosen_is_asked_again_beside_the_path(kernel: Kernel) -> None:
    """As further versions of its turn, where the conversation is now."""
    kernel.run("k", "K", beside="comparison")
    kernel.run("d", "D")
    again = kernel.run("k", "K2", beside="comparison")
    assert (again.place, again.address) == (Place(9, 3, 0), "3.2")


@pytest.mark.parametrize("how", ["on the path", "undone"])
def test_a_chosen_comparison_falls_back_to_its_first_answer(kernel: Kernel, how: str) -> None:
    """It is asked again as a comparison; the path goes on with the first answer of the new ones."""
    kernel.run("k", "K", beside="comparison")
    kernel.grown.go(7)
    if how == "undone":
        kernel.grown.go(5)
    again = kernel.run("k", "K2", beside="comparison")
    assert (again.place.parent, again.place.turn, again.place.chooses) == (5, 3, True)
    assert kernel.grown.addresses == "0.1 1.1 2.1 3.2"


def test_a_turn_that_was_never_compared_has_no_choice_to_fall_back_to(kernel: Kernel) -> None:
    """Undone, and asked again as a comparison, it stays beside the path."""
    kernel.grown.go(3)
    assert kernel.run("c", "C2", beside="comparison").place == Place(3, 2, 0)


def test_a_cell_may_become_a_comparison(kernel: Kernel) -> None:
    """In the place of its turn, and the path goes on with the first answer."""
    again = kernel.run("b", "B2", beside="comparison")
    assert again.place == Place(1, 1, 0, chooses=True, note="1 later turn stays with 1.1")


# -- 4.4: --append, --replace -----------------------------------------------------------------------------------


def test_append_adds(kernel: Kernel) -> None:
    """A turn at the tip, always."""
    assert kernel.run("a", "A2", rerun="append") == (Place(5, ask=0), "3.1")


def test_replace_hides_the_other_versions_of_this_turn_in_this_place(kernel: Kernel) -> None:
    """And nothing else: neither versions that stand elsewhere, nor other turns there."""
    kernel.run("b", "B2")
    kernel.grown.go(None)
    kernel.run("b", "B3")
    kernel.grown.go(3)
    kernel.grown.ask("another", parent=1, beside="aside")
    replaced = kernel.run("b", "B4", rerun="replace")
    assert (replaced.address, replaced.place.replaces) == ("1.4", ((1, 1), (1, 2)))


def test_replace_counts_further_answers_as_versions(kernel: Kernel) -> None:
    """They stand in the same place."""
    kernel.grown.answer_again(4, "c!")
    assert kernel.run("c", "C2", rerun="replace").place.replaces == ((2, 1), (2, 2))


# -- branches of a cell -----------------------------------------------------------------------------------------


def test_a_cell_goes_on_with_a_branch(kernel: Kernel) -> None:
    """By the same rules as on the current one."""
    grown = kernel.grown
    grown.go(1, "try")
    kernel.run("t", "T")
    grown.go(5, "main")
    assert kernel.run("d", "D", branch="try").place == Place(7, ask=0, branch="try")
    assert (grown.branch, grown.path) == ("try", "A a T t D d")
    assert kernel.run("b", "B2", branch="main").place == Place(
        1, 1, 0, branch="main", note="1 later turn stays with 1.1"
    )


def test_a_cell_forks(kernel: Kernel) -> None:
    """A new branch begins after a turn, with the question as its first; run again there, it is a version."""
    forked = kernel.run("f", "F", branch="try", after=1, forks=True)
    assert forked == (Place(1, ask=0, branch="try"), "3.1")
    assert (kernel.grown.path, kernel.grown.tips["main"]) == ("A a F f", 5)
    assert kernel.run("f", "F2", branch="try").place == Place(1, 3, 0, branch="try")


def test_a_fork_before_the_turn_of_its_cell_is_a_further_version(kernel: Kernel) -> None:
    """Behind it, it is another turn: the cell's old one stands before."""
    assert kernel.run("c", "C2", branch="x", after=1, forks=True).address == "2.2"
    assert kernel.run("a", "A2", branch="y", after=1, forks=True).address == "3.1"


# -- 4.5: a new kernel ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cells", ["abc", [None] * 3, "xyz"], ids=["known", "none", "new"])
def test_run_all_in_order_makes_one_version_more_of_each_turn(
    kernel: Kernel, cells: list[str | None]
) -> None:
    """By the ids of the cells, or by their texts where ids are unknown or new."""
    restarted = Kernel.restarted(kernel.grown)
    for cell, text in zip(cells, "ABC", strict=True):
        restarted.run(cell, text)
    assert kernel.grown.addresses == "0.2 1.2 2.2"


def test_edited_prompts_are_found_by_their_cells(kernel: Kernel) -> None:
    """The text need not be the same."""
    restarted = Kernel.restarted(kernel.grown)
    for cell in "abc":
        restarted.run(cell, f"{cell} edited")
    assert kernel.grown.addresses == "0.2 1.2 2.2"


def test_running_one_cell_in_the_middle_asks_that_turn_again(kernel: Kernel) -> None:
    """The cursor goes behind it."""
    restarted = Kernel.restarted(kernel.grown)
    restarted.run("x", "B")
    restarted.run("y", "C")
    assert kernel.grown.addresses == "0.1 1.2 2.2"


def test_a_replay_does_not_go_back(kernel: Kernel) -> None:
    """A text that stands before the cursor is a new turn, and ends it."""
    restarted = Kernel.restarted(kernel.grown)
    restarted.run("x", "B")
    assert restarted.run("y", "A").address == "3.1"
    assert restarted.run("z", "C").address == "4.1"


def test_a_cell_that_is_known_is_not_found_by_its_text(kernel: Kernel) -> None:
    """Its turn stands before the cursor, so it repeats nothing, whatever it asks."""
    restarted = Kernel.restarted(kernel.grown)
    restarted.run("b", "B")
    assert restarted.run("a", "C").address == "3.1", "asked again at the end"
    assert restarted.memory.replay is None


def test_the_first_ask_that_matches_nothing_ends_the_replay(kernel: Kernel) -> None:
    """Rules 1 and 2 go on, or appending."""
    restarted = Kernel.restarted(kernel.grown)
    restarted.run("a", "A")
    assert restarted.run("new", "new").address == "3.1"
    assert restarted.memory.replay is None
    assert restarted.run("b", "B").address == "1.2"
    assert kernel.grown.addresses == "0.2 3.1 1.2"


def test_asides_and_comparisons_do_not_end_a_replay(kernel: Kernel) -> None:
    """Nor do dry runs; they match nothing either."""
    restarted = Kernel.restarted(kernel.grown)
    restarted.run("n", "A", beside="aside")
    restarted.run("k", "A", beside="comparison")
    restarted.look("q", "nothing like it")
    assert restarted.run("x", "A").address == "0.2"


def test_a_chosen_comparison_is_replayed_as_one(kernel: Kernel) -> None:
    """Found by its text, too; the path goes on with the first of the new answers, and so do the cells behind it."""
    grown = kernel.grown
    kernel.run("k", "K", beside="comparison")
    grown.go(7)
    kernel.run("d", "D")
    restarted = Kernel.restarted(grown)
    for text in "ABC":
        restarted.run(None, text)
    assert restarted.run(None, "K", beside="comparison").place.chooses
    restarted.run(None, "D")
    assert grown.addresses == "0.2 1.2 2.2 3.2 4.2"


def test_a_replay_is_never_out_of_order(kernel: Kernel) -> None:
    """What this kernel asked behind a turn is what it has just asked again."""
    restarted = Kernel.restarted(kernel.grown)
    restarted.run("a", "A")
    kernel.grown.go(5)
    assert restarted.run("b", "B").place.hides == ()


@pytest.mark.parametrize("how", [{"rerun": "append"}, {"branch": "main"}])
def test_an_ask_that_says_where_it_goes_ends_a_replay(kernel: Kernel, how: dict[str, str]) -> None:
    """It repeats nothing."""
    restarted = Kernel.restarted(kernel.grown)
    restarted.run("a", "A", **how)
    assert restarted.memory.replay is None


# -- 4.6: restart -----------------------------------------------------------------------------------------------


def test_after_restart_all_is_asked_anew_in_the_order_of_running(kernel: Kernel) -> None:
    """The tip is before the first turn; the former run stays as versions."""
    kernel.grown.go(None)
    for cell in "bac":
        kernel.run(cell, cell.upper())
    assert (kernel.grown.path, kernel.grown.addresses) == ("B b A a C c", "1.2 0.2 2.2")
