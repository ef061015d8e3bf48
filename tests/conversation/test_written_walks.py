"""What the written walks say is what the reference model says."""

from __future__ import annotations

import pytest

from tests.conversation.driver import FrontEnd
from tests.conversation.reading import OnModel
from tests.conversation.written import Sees, Written
from tests.conversation.written_walks import WALKS

FRONT_ENDS = (FrontEnd.LAB, FrontEnd.VSCODE, FrontEnd.SCRIPT)
MODELLED = [walk for walk in WALKS if walk.is_modelled]


@pytest.mark.parametrize("walk", MODELLED, ids=lambda walk: walk.sentence)
@pytest.mark.parametrize("front_end", FRONT_ENDS, ids=lambda front_end: front_end.name.lower())
def test_a_written_walk_holds_on_the_reference_model(walk: Written, front_end: FrontEnd):
    """Each expectation is met where the walk says it holds; elsewhere all of its steps can be done."""
    reading = OnModel(walk, front_end)
    for step in walk.steps:
        reading.do(step)
        if isinstance(step, Sees) and front_end in walk.holds:
            reading.check(step)


def test_no_two_walks_are_called_the_same():
    """Each walk is a sentence of its own, and there are 60 of them and more."""
    sentences = {walk.sentence for walk in WALKS}
    assert len(sentences) == len(WALKS) >= 60
