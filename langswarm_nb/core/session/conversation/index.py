"""`Index`: the messages of a tree by their turn, and turns by the cell that asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .nodes import Node


@dataclass(frozen=True, slots=True)
class Index:
    """Where things are in a tree; a longer one is made from it, and it never changes."""

    of_turn: dict[int, tuple[Node, ...]] = field(default_factory=dict)
    """All messages of a turn, in all its versions, by its number."""
    asked_by: dict[tuple[str, int | None], tuple[int, ...]] = field(default_factory=dict)
    """The turns of the questions of each ask of a cell."""

    def extended(self, nodes: Sequence[Node]) -> Index:
        """Return the index of these messages too."""
        if not nodes:
            return self
        of_turn, asked_by = {**self.of_turn}, {**self.asked_by}
        for node in nodes:
            if node.turn is None:
                continue
            of_turn[node.turn] = (*of_turn.get(node.turn, ()), node)
            if node.role == "user" and node.cell_id is not None:
                key = (node.cell_id, node.ask)
                asked_by[key] = (*asked_by.get(key, ()), node.turn)
        return Index(of_turn, asked_by)
