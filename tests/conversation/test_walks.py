"""Random walks find whatever differs from the model of a conversation, and the model itself holds together."""

from __future__ import annotations

import pytest
from hypothesis.stateful import invariant

from tests.conversation.driver import Told
from tests.conversation.machine import Walk
from tests.conversation.moves import passes
from tests.conversation.mutations import MUTATIONS, mutated
from tests.conversation.notes import PATTERNS, find_notes, words
from tests.conversation.reference import Reference
from tests.conversation.side_by_side import DifferenceError
from tests.conversation.walking import IS_LONG, do_walks, walks

SEEN: set[str] = set()
"""The kinds of notes that were told on sound walks."""


class SoundWalk(Walk):
    """A walk of the model beside itself, on which what each rule promises is looked at."""

    product_type = Reference

    def __init__(self) -> None:
        super().__init__()
        self.questions: dict[tuple[str, str], str] = {}

    def see(self, model: Told, product: Told) -> None:
        """Look at what was told, too."""
        super().see(model, product)
        SEEN.update(note.kind for note in model.notes)
        for note in model.notes:
            assert set(find_notes(words(note))) == {note}
        for request in model.requests:
            roles = [role for role, _ in request.messages]
            assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]
            assert all(text for _, text in request.messages)

    @invariant()
    def addresses_stay(self) -> None:
        """An address means the same question for ever."""
        for session in self.ids:
            shown = [
                (session, row.address, row.question) for row in self.model.world.sessions[session].tree.rows()
            ]
            known = [address for of, address in self.questions if of == session]
            assert [address for _, address, _ in shown][: len(known)] or not known
            for of, address, question in shown:
                assert self.questions.setdefault((of, address), question) == question
            assert {address for _, address, _ in shown} >= set(known)

    @invariant()
    def branches_hold_what_is_not_beside(self) -> None:
        """No turn is on a path twice, and `use` can reach each version where it was."""
        for session in self.model.world.sessions.values():
            branches = session.tree.branches.values()
            for path in session.tree.shown_branches().paths.values():
                turns = [address.partition(".")[0] for address in path]
                assert len(set(turns)) == len(turns)
            for versions in session.tree.turns:
                for version in versions:
                    tips = [tip for branch in branches for tip in (branch.tip, *branch.former)]
                    assert version.is_beside is not any(passes(tip, version) for tip in tips)


@pytest.mark.slow
def test_the_model_holds_together_on_its_walks():
    """Requests alternate, addresses stay, and each kind of note is told somewhere."""
    SEEN.clear()
    do_walks(SoundWalk, 200)
    assert set(PATTERNS) == SEEN


@pytest.mark.slow
@pytest.mark.parametrize(
    "mutation", MUTATIONS if IS_LONG else MUTATIONS[::8], ids=lambda mutation: mutation.__name__
)
def test_walks_find_what_is_wrong(mutation):
    """A model that is wrong in one way is found to differ."""
    with pytest.raises(DifferenceError):
        do_walks(walks(mutated(mutation)), 1500)
