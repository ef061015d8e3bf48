"""Trees of conversations that grow in memory, as a storage would tell them: no database, no session."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from langswarm_nb.core.session import SessionSettings
from langswarm_nb.core.session.conversation.asks import (
    AskFacts,
    Beside,
    CellAsk,
    CellRun,
    KernelMemory,
    Replay,
    Rerun,
)
from langswarm_nb.core.session.conversation.nodes import Node, TreeRows
from langswarm_nb.core.session.conversation.placing import Place, place
from langswarm_nb.core.session.conversation.sent_context import Context, choose
from langswarm_nb.core.session.conversation.tree import Tree

Tip = Literal["tip"]


@dataclass
class Grown:
    """A session without a storage; what is said has a text, by which tests know it again."""

    nodes: list[Node] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    branch: str = "main"
    tips: dict[str, int | None] = field(default_factory=lambda: {"main": None})
    """The branches, the one used last last."""
    former: list[tuple[str, int]] = field(default_factory=list)
    hidden: list[tuple[str, int, int]] = field(default_factory=list)
    next_turn: int = 0

    @property
    def tip(self) -> int | None:
        """The end of the active path."""
        return self.tips[self.branch]

    def tree(self) -> Tree:
        """Return what the decisions see of it."""
        others = [(name, tip) for name, tip in reversed(self.tips.items()) if name != self.branch]
        return Tree(
            TreeRows(self.nodes, self.tip, self.branch, others, self.former, self.hidden, self.next_turn)
        )

    def copy(self) -> Grown:
        """Return one that grows by itself."""
        return replace(
            self,
            nodes=[*self.nodes],
            texts=[*self.texts],
            tips={**self.tips},
            former=[*self.former],
            hidden=[*self.hidden],
        )

    def say(
        self, role: str, text: str, parent: int | Tip | None = "tip", *, moves: bool = True, **facts: Any
    ) -> int:
        """Add a message and return its seq; ``turn`` and ``version`` are those of what it follows by default."""
        above = self.tip if parent == "tip" else parent
        before = None if above is None else self.nodes[above]
        found = {
            "turn": None if before is None else before.turn,
            "version": 1 if before is None else before.version,
            "says": 2 if text else 0,
            "status": "ok" if role == "assistant" else None,
            **dict.fromkeys(("cell_id", "ask", "scope", "beside", "compare_id")),
            **facts,
        }
        seq = len(self.nodes)
        self.nodes.append(Node(seq, above, role=role, active=int(moves), chars=len(text), **found))
        self.texts.append(text)
        if moves and above == self.tip:
            self.tips[self.branch] = seq
        elif moves:
            self.go(seq)
        return seq

    def system(self, text: str, scope: str = "replace", **place: Any) -> int:
        """Add a system message that waits for the next question, as a panel or a program does."""
        return self.say("system", text, scope=scope, **place)

    def ask(
        self,
        text: str,
        answer: str | None = "…",
        *,
        status: str = "ok",
        parent: int | Tip | None = "tip",
        turn: int | None = None,
        system: str | None = None,
        beside: Beside | None = None,
        **facts: Any,
    ) -> int:
        """Add a question, with what is given with it, and its answer (None: it has none); return the question's seq.

        ``…`` answers in small letters.
        """
        number = self.next_turn if turn is None else turn
        self.next_turn = max(self.next_turn, number + 1)
        version = 1 + max((node.version for node in self.nodes if node.turn == number), default=0)
        at: dict[str, Any] = {"turn": number, "version": version, "beside": beside, "moves": beside is None}
        compare_id = "compared" if beside == "comparison" else None
        if system is not None:
            parent = self.say("system", system, parent, scope="replace", **at)
        asked = self.say("user", text, parent, **at, **facts)
        if answer is not None:
            told = text.lower() if answer == "…" else answer
            self.say("assistant", told, asked, status=status, compare_id=compare_id, **at)
        return asked

    def answer_again(self, question: int, text: str) -> int:
        """Add one more answer to a question, on the path."""
        turn = self.nodes[question].turn
        version = 1 + max(node.version for node in self.nodes if node.turn == turn)
        return self.say("assistant", text, question, version=version)

    def go(self, seq: int | None, branch: str | None = None) -> None:
        """Move the tip, under another name if one is given; a branch that is made begins with the same marks."""
        if branch is not None and branch not in self.tips:
            self.hidden += [(branch, *mark[1:]) for mark in self.hidden if mark[0] == self.branch]
            self.tips[branch] = seq
        self.branch = branch or self.branch
        left = self.tips.pop(self.branch)
        self.tips[self.branch] = seq
        path = {node.seq for node in self.tree().path}
        if left is not None and left not in path:
            self.former = [one for one in self.former if one != (self.branch, left)] + [(self.branch, left)]
        self.nodes = [
            node._replace(active=int(node.seq in path), beside=None if node.seq in path else node.beside)
            for node in self.nodes
        ]

    def hide(self, turn: int, version: int = 1, *, branch: str | None = None) -> None:
        """Send a version of a turn no more on a branch."""
        self.hidden.append((branch or self.branch, turn, version))

    def said(self, seqs: Iterable[int]) -> list[str]:
        """Return the texts of some messages."""
        return [self.texts[seq] for seq in seqs]

    @property
    def path(self) -> str:
        """Texts of the active path."""
        return " ".join(self.said(node.seq for node in self.tree().path))

    @property
    def addresses(self) -> str:
        """Addresses of the turns on the active path."""
        return " ".join(turn.address for turn in self.tree().turns)


def everything_of(tree: Tree) -> dict[str, Any]:
    """Return all that a tree tells of itself, found out now if it was not before."""
    branches = [tree.branch, *(name for name, _ in tree.others)]
    found = {name: getattr(tree, name) for name in ("active", "index", "path", "turns")}
    hidden = {name: tree.hidden_on(name) for name in branches}
    return {**vars(tree), **found, "hidden": hidden, "_hidden": set(tree._hidden)}


def context(
    grown: Grown,
    *,
    parent: int | Tip | None = "tip",
    system: str | None = None,
    alone: bool = False,
    **limits: Any,
) -> Context:
    """Return what is sent with a question ``?`` that is asked now."""
    after = grown.copy()
    asked = after.ask("?", None, parent=parent, system=system)
    tree = after.tree()
    return choose(tree.way_to(asked), tree.hidden, SessionSettings("mock", "echo", **limits), alone=alone)


def sent(grown: Grown, **how: Any) -> str:
    """Return the texts that are sent with a question ``?`` that is asked now, or with its own system text."""
    own = [how["system"]] if how.get("system") is not None else []
    texts = [*grown.texts, *own, "?"]
    return " ".join(filter(None, (texts[seq] for seq in context(grown, **how).seqs)))


class Asked(NamedTuple):
    """An ask of a cell, stored and answered."""

    place: Place
    address: str


@dataclass
class Kernel:
    """Runs cells in a session, and remembers what a kernel remembers."""

    grown: Grown
    memory: KernelMemory = field(default_factory=KernelMemory)
    runs: int = 0

    @classmethod
    def restarted(cls, grown: Grown) -> Kernel:
        """Return a new kernel on a notebook whose session is there."""
        return cls(grown, KernelMemory(replay=Replay.over(grown.tree(), dict(enumerate(grown.texts)))))

    def run(self, cell: str | None, *texts: str, **how: Any) -> Asked:
        """Run a cell that asks these, one after the other; return the last."""
        self.runs += 1
        found = [self.ask(CellRun(cell, f"run {self.runs}"), text, **how) for text in texts]
        return found[-1]

    def look(self, cell: str | None, text: str, **how: Any) -> Place:
        """Return where a question would go, as a dry run does."""
        return place(self.grown.tree(), self._facts(CellRun(cell, "dry"), text, **how))

    def ask(
        self, cell: CellRun, text: str, *, answers: bool = True, system: str | None = None, **how: Any
    ) -> Asked:
        """Ask once in a run of a cell."""
        grown = self.grown
        facts = replace(self._facts(cell, text, **how), ask=self.memory.take(cell))
        where = place(grown.tree(), facts)
        if where.branch is not None:
            tip = (
                where.parent
                if facts.beside is None or where.branch not in grown.tips
                else grown.tips[where.branch]
            )
            grown.go(tip, where.branch)
        for mark in where.hides:
            grown.hide(*mark)
        asked = grown.ask(
            text,
            "…" if answers else None,
            parent=where.parent,
            turn=where.turn,
            system=system,
            beside=facts.beside,
            cell_id=cell.cell_id,
            ask=where.ask,
        )
        for mark in where.replaces:
            grown.hide(*mark)
        question = grown.nodes[asked]
        self.memory.note((question.turn, question.version), cell.cell_id)
        self.memory.go_on(facts.beside, where.replayed)
        if where.chooses:
            grown.go(len(grown.nodes) - 1)
        return Asked(where, f"{question.turn}.{question.version}")

    def _facts(
        self,
        cell: CellRun,
        text: str,
        *,
        beside: Beside | None = None,
        rerun: Rerun = "version",
        branch: str | None = None,
        after: int | None = None,
        forks: bool = False,
    ) -> AskFacts:
        asked = CellAsk(cell, self.memory, rerun, branch, after, forks)
        return AskFacts(text=text, beside=beside, asked=asked)
