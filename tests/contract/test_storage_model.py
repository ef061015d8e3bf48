"""A session's tree beside a model of it, written as plainly as the contract: any history of changes agrees."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langswarm_nb.core.session import ISessionStorage, MessageRole, SessionMessage
from langswarm_nb.core.session.conversation.steps import Step
from langswarm_nb.core.session.conversation.tree import Tree
from langswarm_nb.core.session.storage.memory import InMemorySessionStorage
from tests.support.storages import record
from tests.support.trees import everything_of


@dataclass(slots=True)
class Said:
    """A message of the model."""

    role: str
    parent: int | None
    turn: int | None
    version: int


@dataclass
class Model:
    """What a storage has to agree with."""

    said: list[Said] = field(default_factory=list)
    tips: dict[str, int | None] = field(default_factory=lambda: {"main": None})
    branch: str = "main"
    former: dict[str, list[int]] = field(default_factory=dict)
    marks: dict[str, set[tuple[int, int]]] = field(default_factory=dict)
    turns: int = 0

    def path(self, seq: int | None) -> list[int]:
        """Return the seqs from the root to a message."""
        steps: list[int] = []
        while seq is not None:
            steps.insert(0, seq)
            seq = self.said[seq].parent
        return steps

    @property
    def active(self) -> list[int]:
        """The active path."""
        return self.path(self.tips[self.branch])

    def versions(self, turn: int | None) -> set[int]:
        """Return the versions of a turn."""
        return {one.version for one in self.said if one.turn == turn}

    def append(
        self,
        roles: list[str],
        parent: Any,
        *,
        activate: bool,
        turn: int | None = None,
        branch: str | None = None,
    ) -> None:
        """Add a chain."""
        tip = self.tips[self.branch]
        start = tip if parent == "tip" else parent
        if branch is not None and branch != self.branch:
            self.go(start if activate or branch not in self.tips else self.tips[branch], branch)
        if activate:
            self.go(start)
        self._chain(roles, start, wanted=turn)
        if activate:
            self.go(len(self.said) - 1)

    def reply(self, roles: list[str], question: int, *, activate: bool) -> None:
        """Add a reply."""
        self._chain(roles, question, wanted=None)
        last = len(self.said) - 1
        if activate:
            self.tips = {name: last if tip == question else tip for name, tip in self.tips.items()}
            self.former = {
                name: [last if tip == question else tip for tip in tips] for name, tips in self.former.items()
            }

    def _chain(self, roles: list[str], parent: int | None, *, wanted: int | None) -> None:
        above = None if parent is None else self.said[parent]
        turn, version = (None, 1) if above is None else (above.turn, above.version)
        if roles[0] == "assistant" and turn is not None:
            answered = any(one.parent == parent and one.role == "assistant" for one in self.said)
            version = max(self.versions(turn)) + 1 if answered else version
        for n, role in enumerate(roles):
            rest = [other for other in roles[n:] if other != "system"]
            begins = (
                role in ("user", "system") and rest[:1] == ["user"] and (n == 0 or roles[n - 1] != "system")
            )
            if begins and wanted is not None:
                turn, version, wanted = wanted, max(self.versions(wanted)) + 1, None
            elif begins:
                turn, version, self.turns = self.turns, 1, self.turns + 1
            self.said.append(Said(role, parent, turn, version))
            parent = len(self.said) - 1

    def go(self, seq: int | None, branch: str | None = None) -> None:
        """Move the tip, under another name if one is given."""
        if branch is not None and branch not in self.tips:
            self.marks[branch] = set(self.marks.get(self.branch, ()))
            self.tips[branch] = seq
        self.branch = branch or self.branch
        left, self.tips[self.branch] = self.tips[self.branch], seq
        known = self.former.setdefault(self.branch, [])
        if left is None or left in self.active:
            return
        if all(left not in self.path(tip)[:-1] for tip in known):
            self.former[self.branch] = [tip for tip in known if tip != left] + [left]

    def hide(self, turn: int, version: int, *, hidden: bool) -> None:
        """Mark a version of a turn on this branch, or take the mark back."""
        marks = self.marks.setdefault(self.branch, set())
        (marks.add if hidden else marks.discard)((turn, version))

    def hidden(self) -> list[int]:
        """Return the messages that show as hidden: of a turn on the path, the version of what stands there last."""
        here = {
            self.said[seq].turn: self.said[seq].version for seq in self.active if self._role(seq) != "system"
        }
        marks = self.marks.get(self.branch, set())
        found = []
        for seq, one in enumerate(self.said):
            version = here.get(one.turn, one.version) if seq in self.active else one.version
            if (one.turn, version) in marks and (one.role != "system" or self._is_given(seq)):
                found.append(seq)
        return found

    def _role(self, seq: int) -> str:
        return self.said[seq].role

    def _is_given(self, seq: int) -> bool:
        """Whether a system message was stored with a question that follows."""
        one = self.said[seq]
        return any(
            (other.role, other.turn, other.version) == ("user", one.turn, one.version)
            for other in self.said[seq:]
        )


ROLES = st.lists(st.sampled_from(["user", "assistant", "system", "tool"]), min_size=1, max_size=4)
REPLIES = ROLES.map(lambda roles: ["assistant", *roles[1:]])
SEQS = st.integers(0, 30)
BRANCHES = st.sampled_from([None, None, None, "main", "b", "c"])
STEPS = st.lists(
    st.tuples(
        st.just("append"),
        ROLES,
        st.sampled_from(["tip", "tip", None]) | SEQS,
        st.booleans(),
        st.none() | st.integers(0, 9),
        BRANCHES,
    )
    | st.tuples(st.just("reply"), REPLIES, SEQS, st.booleans())
    | st.tuples(st.just("tip"), st.none() | SEQS, BRANCHES)
    | st.tuples(st.just("hide"), SEQS, st.booleans()),
    max_size=20,
)


async def add(storage: ISessionStorage, door: str, roles: list[str], place: Any) -> None:
    """Append messages through one door or the other."""
    if door == "append":
        await storage.append_messages("s", messages(roles), **place)
    else:
        await storage.ask("s", lambda _: Step(messages(roles), place))


async def change(storage: ISessionStorage, model: Model, step: tuple[Any, ...], door: str) -> None:
    """Do one step to both, if there is anything to do it to."""
    kind, *arguments = step
    size = len(model.said)
    if kind == "append":
        roles, where, activate, turn, branch = arguments
        where = where if not isinstance(where, int) else where % size if size else None
        place = {
            "activate": activate,
            "turn": turn % model.turns if turn is not None and model.turns else None,
        }
        await add(storage, door, roles, {"parent": where, "branch": branch, **place})
        model.append(roles, where, branch=branch, **place)
    elif kind == "tip":
        seq, branch = arguments
        seq = None if seq is None or not size else seq % size
        await storage.set_tip("s", seq, branch=branch)
        model.go(seq, branch)
    elif size and kind == "reply":
        roles, question, activate = arguments
        await add(storage, door, roles, {"reply_to": question % size, "activate": activate})
        model.reply(roles, question % size, activate=activate)
    elif size and (turn := model.said[arguments[0] % size].turn) is not None:
        version = model.said[arguments[0] % size].version
        await storage.set_hidden("s", turn, version, hidden=arguments[1])
        model.hide(turn, version, hidden=arguments[1])


def messages(roles: list[str]) -> list[SessionMessage]:
    return [SessionMessage(role=MessageRole(role), content=role) for role in roles]


@pytest.mark.unmeasured
@settings(max_examples=250, deadline=None)
@pytest.mark.parametrize("door", ["append", "ask"])
@given(steps=STEPS)
async def test_any_history_of_changes_agrees_with_the_model(steps, door):
    """Whatever the order of appends, replies, moves and marks, the tree is the one the contract describes."""
    storage, model = InMemorySessionStorage(), Model()
    await storage.create_session(record())
    for step in steps:
        await change(storage, model, step, door)
    everything = await storage.get_messages("s", branch="all")
    assert [(m.parent_seq, m.turn, m.version) for m in everything] == [
        (one.parent, one.turn, one.version) for one in model.said
    ]
    assert [m.seq for m in await storage.get_messages("s")] == model.active
    assert [m.seq for m in everything if m.is_active] == model.active
    assert [m.seq for m in everything if m.is_hidden] == model.hidden()
    rows = await storage.read_tree("s")
    assert (rows.tip, rows.branch, rows.next_turn) == (model.tips[model.branch], model.branch, model.turns)
    assert await storage.list_branches("s") == model.tips
    assert {**dict(rows.others), rows.branch: rows.tip} == model.tips
    for name in model.tips:
        assert [seq for branch, seq in rows.former if branch == name] == model.former.get(name, [])
        assert {mark[1:] for mark in rows.hidden if mark[0] == name} == model.marks.get(name, set())
    assert (await storage.load_session("s")).message_count == len(model.said)
    await storage.close()


@pytest.mark.unmeasured
@settings(max_examples=250, deadline=None)
@given(steps=STEPS, looks=st.sets(st.integers(0, 20)))
async def test_a_tree_that_grows_is_the_tree_that_is_read(steps, looks):
    """After any history of changes, looked at now and then, all that it tells is as if it were read from the start."""
    storage, model = InMemorySessionStorage(), Model()
    await storage.create_session(record())
    seen = Tree.empty()
    for n, step in enumerate(steps):
        await change(storage, model, step, "ask")
        if n in looks:
            continue
        before, was = seen, repr(everything_of(seen))
        seen = seen.grown(await storage.read_tree("s", known=seen.stamp))
        assert everything_of(seen) == everything_of(Tree(await storage.read_tree("s")))
        assert repr(everything_of(before)) == was, "one that was handed out stays as it is"
    await storage.close()
