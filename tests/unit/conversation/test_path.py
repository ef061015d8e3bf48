"""`Path`: what is asked of a path again and again; one that grows is the one that is made at once."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.core.session.conversation.path import Path
from tests.support.trees import Grown

TURNS = st.lists(
    st.tuples(
        st.sampled_from([None, "", "given"]),
        st.sampled_from([None, "add", "replace", "session"]),
        st.lists(st.sampled_from(["assistant", "tool", "error"]), max_size=3),
        st.none() | st.integers(0, 3),
    ),
    max_size=7,
)


def grow(turns: list[tuple[Any, ...]]) -> Grown:
    """Return a session of one path; a turn may stand on it more than once."""
    grown = Grown()
    for given_with, waits, answers, again in turns:
        if waits is not None:
            grown.system("waits", waits)
        turn = None if again is None or again >= grown.next_turn else again
        grown.ask("Q", None, system=given_with, turn=turn)
        for role in answers:
            is_error = role == "error"
            grown.say("assistant" if is_error else role, "" if is_error else "a", status=role)
    return grown


@given(turns=TURNS, cuts=st.lists(st.integers(0, 40), max_size=4))
def test_a_path_that_grows_is_the_path_that_is_made_at_once(
    turns: list[tuple[Any, ...]], cuts: list[int]
) -> None:
    """Wherever it was cut; and the shorter ones stay as they were."""
    nodes = grow(turns).nodes
    ends = sorted(cut % (len(nodes) + 1) for cut in cuts)
    steps = list(zip([0, *ends], [*ends, len(nodes)], strict=True))
    paths = [Path()]
    for begin, end in steps:
        paths.append(paths[-1].extended(nodes[begin:end]))
    for path, (_, end) in zip(paths[1:], steps, strict=True):
        assert path == Path.of(nodes[:end])
    assert paths[0] == Path()


@given(turns=TURNS, begin=st.integers(0, 6), unsent=st.sets(st.integers(0, 5)))
def test_what_was_said_from_a_turn_on_is_told_without_some(
    turns: list[tuple[Any, ...]], begin: int, unsent: set[int]
) -> None:
    """Their questions and answers, in order; the last turn is always among them."""
    path = Path.of(grow(turns).nodes)
    if not path.turns:
        return
    last = len(path.turns) - 1
    begin, unsent = min(begin, last), {n for n in unsent if n < last}
    expected = [
        node.seq
        for n, turn in enumerate(path.turns)
        if n >= begin and n not in unsent
        for node in (turn.question, *turn.answers)
    ]
    assert path.said_from(begin, unsent) == expected


@given(turns=TURNS, hidden=st.sets(st.tuples(st.integers(0, 6), st.integers(1, 3))))
def test_what_is_never_sent_is_hidden_or_was_not_answered(
    turns: list[tuple[Any, ...]], hidden: set[tuple[int | None, int]]
) -> None:
    """The last turn, which is asked, is neither."""
    path = Path.of(grow(turns).nodes)
    expected = {n for n, turn in enumerate(path.turns[:-1]) if turn.key in hidden or not turn.is_answered}
    assert path.unsent(hidden) == expected
