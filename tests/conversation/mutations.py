"""Reference models that are wrong in one way each, which the walks have to find.

Most are ways in which a product was seen to be wrong; their docstrings say what goes wrong.
"""

from __future__ import annotations

from tests.conversation import mutations_of_asks, mutations_of_trees
from tests.conversation.asking import Deciding
from tests.conversation.homes import Homes
from tests.conversation.reference import Reference
from tests.conversation.tree import Tree

Part = type[Tree | Deciding | Homes | Reference]

MUTATIONS: list[Part] = [
    kind
    for module in (mutations_of_trees, mutations_of_asks)
    for kind in vars(module).values()
    if isinstance(kind, type) and kind.__module__ == module.__name__
]


def mutated(kind: Part) -> type[Reference]:
    """Return the reference model with one part replaced by a mutation of it."""
    if issubclass(kind, Reference):
        return kind
    if issubclass(kind, Tree):
        return type(kind.__name__, (Reference,), {"tree_type": kind})
    if issubclass(kind, Homes):
        return type(kind.__name__, (Reference,), {"world_type": kind})
    return type(kind.__name__, (Reference,), {"deciding": kind()})
