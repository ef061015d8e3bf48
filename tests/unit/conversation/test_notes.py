"""The words in which views tell what became of turns."""

from __future__ import annotations

import pytest

from langswarm_nb.core.session.conversation import notes


@pytest.mark.parametrize(
    "told, said",
    [
        (notes.turns(1), "1 turn"),
        (notes.turns(2, "later"), "2 later turns"),
        (notes.stay_with(1, "3.1"), "1 later turn stays with 3.1"),
        (notes.stay_with(2, "3.1"), "2 later turns stay with 3.1"),
        (notes.left_out(1), "1 earlier turn left out"),
        (notes.left_out(3), "3 earlier turns left out"),
        (notes.asked_at_end(3), "turn 3 is hidden, asked again at the end"),
        (notes.falls_back("7.1"), "the choice falls back to 7.1"),
        (notes.is_current("7.2"), "7.2 is already current"),
        (notes.come_back(1), "1 later turn comes back"),
        (notes.come_back(2), "2 later turns come back"),
        (notes.switched("try"), "switched to branch try"),
        (notes.adopted("8.1"), "aside, adopted after 8.1"),
        (notes.adopted(None), "aside, adopted as the first turn"),
        (notes.goes_on_from("7.2"), "goes on from 7.2"),
        (notes.left_behind(1, "8.1"), "1 later turn stays, `use 8.1` goes back"),
        (notes.left_behind(2, "8.1"), "2 later turns stay, `use 8.1` goes back"),
        (notes.undone(0, None), "there is nothing to undo; the conversation is empty"),
        (notes.undone(1, "8.1"), "1 turn undone and kept; the last turn is 8.1"),
        (notes.undone(2, None), "2 turns undone and kept; the conversation is empty"),
        (notes.restarted(0), "the conversation is empty, so there is nothing to start over"),
        (notes.restarted(1), "the conversation starts over; 1 turn stays as earlier versions"),
        (notes.restarted(2), "the conversation starts over; 2 turns stay as earlier versions"),
        (notes.elsewhere("7.1"), "the answer is at 7.1, the path has moved on"),
    ],
)
def test_one_vocabulary(told: str, said: str) -> None:
    """Cells, panel, dry run and commands say the same in the same words, in singular and plural."""
    assert told == said
