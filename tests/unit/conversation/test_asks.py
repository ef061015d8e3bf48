"""What a kernel remembers of its asks, and what it has still to repeat."""

from __future__ import annotations

from langswarm_nb.core.session.conversation.asks import (
    Asked,
    AskFacts,
    CellAsk,
    CellRun,
    KernelMemory,
    Replay,
)
from tests.support.trees import Grown

FIRST, SECOND = CellRun("a", "run 1"), CellRun("a", "run 2")


def test_asks_of_a_run_are_counted_from_zero() -> None:
    """Each run anew; looking at the next one counts nothing."""
    memory = KernelMemory()
    assert [memory.next_ask("run 1"), memory.take(FIRST), memory.take(FIRST), memory.next_ask("run 1")] == [
        0,
        0,
        1,
        2,
    ]
    assert (memory.next_ask("run 2"), memory.take(SECOND)) == (0, 0)


def test_asks_that_are_under_way_at_once_have_numbers_of_their_own() -> None:
    """A number is taken before its question is stored; given back, it is the next one's, unless others came after."""
    memory = KernelMemory()
    first, second = memory.take(FIRST), memory.take(FIRST)
    memory.give_back(FIRST, first)
    assert memory.next_ask("run 1") == 2
    memory.give_back(FIRST, second)
    assert memory.next_ask("run 1") == 1
    memory.give_back(SECOND, 0)
    assert memory.next_ask("run 1") == 1


def test_a_cell_is_new_until_a_question_of_it_is_stored() -> None:
    """For the whole of its first run."""
    memory = KernelMemory()
    assert memory.is_new(FIRST)
    memory.take(FIRST)
    memory.note((0, 1), "a")
    assert memory.is_new(FIRST)
    assert not memory.is_new(SECOND)
    assert memory.is_new(CellRun("b", "run 2"))
    assert memory.asked == {(0, 1): "a"}


def test_a_cell_is_known_that_the_session_or_this_kernel_has_asked_from() -> None:
    """Before the run; one without an id is never known."""
    grown = Grown()
    grown.ask("A", cell_id="a")
    memory = KernelMemory(replay=Replay.over(grown.tree(), {}))
    assert memory.has_known(FIRST)
    assert not memory.has_known(CellRun("b", "run 1"))
    assert not memory.has_known(CellRun(None, "run 1"))
    memory.note((1, 1), "b")
    assert memory.has_known(CellRun("b", "run 3"))


def test_a_replay_is_the_path_with_its_texts() -> None:
    """Numbers and words of its turns, and whether they were compared, in whatever version."""
    grown = Grown()
    grown.ask("A", cell_id="a")
    grown.ask("B", cell_id="b")
    grown.ask("B2", turn=1, parent=1, cell_id="b", beside="comparison")
    grown.ask("N", beside="aside", cell_id="n")
    replay = Replay.over(grown.tree(), {0: "A", 2: "B"})
    assert replay.turns == [Asked(0, "A", False), Asked(1, "B", True)]
    assert replay.cells == {"a", "b", "n"}


def test_a_replay_finds_what_is_next() -> None:
    """By turn or by text, the nearest at or after the cursor; a comparison finds comparisons only."""
    turns = [Asked(number, text, number == 2) for number, text in enumerate("ABAB")]
    replay = Replay(turns, frozenset())
    assert [replay.find(number) for number in (0, 3, 9, None)] == [0, 3, None, None]
    assert (replay.find_text("B", compares=False), replay.find_text("A", compares=True)) == (1, 2)
    replay.at = 1
    assert (replay.find(0), replay.find_text("A", compares=False)) == (None, 2)
    assert replay.find_text("B", compares=True) is None


def test_a_replay_goes_on_behind_what_is_repeated_and_ends_with_what_is_not() -> None:
    """Asides change nothing; comparisons that repeat nothing do not end it."""
    memory = KernelMemory(replay=Replay([], frozenset()))
    memory.go_on("aside", None)
    memory.go_on("comparison", None)
    memory.go_on(None, 2)
    assert memory.replay is not None
    assert memory.replay.at == 3
    memory.go_on("comparison", 4)
    assert memory.replay.at == 5
    for _ in range(2):
        memory.go_on(None, None)
    ended: Replay | None = memory.replay
    assert ended is None


def test_an_ask_knows_its_number() -> None:
    """The one it has taken, else the next of its run; an ask of no cell has none."""
    memory = KernelMemory()
    memory.take(FIRST)
    asked = CellAsk(FIRST, memory)
    assert [AskFacts().number, AskFacts(asked=asked).number, AskFacts(asked=asked, ask=7).number] == [
        None,
        1,
        7,
    ]
