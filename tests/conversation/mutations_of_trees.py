"""Reference models that are wrong in one way each: what is sent, and where an answer goes."""

from __future__ import annotations

from tests.conversation.driver import Ask, Fork, Hide, Note, Outcome, Request, Undo, Use
from tests.conversation.moves import Move, move
from tests.conversation.reference import Reference
from tests.conversation.tree import (
    Asked,
    Branch,
    Message,
    Path,
    PathTurn,
    Tree,
    Version,
)

# -------------------------------------------------------------------- what is sent


class FailedQuestionsAreSent(Tree):
    """A question that nobody answered is sent."""

    def is_sent(self, on_path: PathTurn, hidden: set[tuple[int, int]]) -> bool:
        return (on_path.version.turn, on_path.version.number) not in hidden


class CutAnswersAreLeftOut(Tree):
    """An answer that was stopped after some text is not sent."""

    def is_sent(self, on_path: PathTurn, hidden: set[tuple[int, int]]) -> bool:
        return on_path.version.status == "ok" and super().is_sent(on_path, hidden)


class SystemStaysWithoutItsTurn(Tree):
    """The system message of a hidden or failed turn is sent."""

    def systems(self, before: Path, sent: list[PathTurn]) -> list[Message]:
        return super().systems(before, before.turns)


class WaitingSystemIsLost(Tree):
    """A panel's system prompt is sent from the question after the next on."""

    def systems(self, before: Path, sent: list[PathTurn]) -> list[Message]:
        return super().systems(before._replace(waiting=[]), sent)


class NothingIsTrimmed(Tree):
    """`max_messages` is ignored."""

    def trimmed(self, sent: list[PathTurn]) -> list[PathTurn]:
        return sent


class AsidesGetTheHistory(Tree):
    """An aside is sent with the conversation."""

    def request(
        self, before: Path, hidden: set[tuple[int, int]], system: str | None, question: str, asked: Asked
    ) -> tuple[Request, int]:
        return super().request(before, hidden, system, question, asked._replace(alone=False))


# -------------------------------------------------------------------- where an answer goes


class AnswersMoveTheTip(Tree):
    """An answer goes on the current path, although the tip is not its question any more."""

    def land(self, version: Version, outcome: Outcome) -> None:
        super().land(version, outcome)
        if not version.is_beside:
            self.branch.tip = version.answer


class NumbersByPlace(Tree):
    """A version is counted among those at its place, so that two share a number."""

    def store(
        self,
        turn: int | None,
        place: Message | None,
        text: str,
        system: str | None,
        asked: Asked,
        *,
        beside: bool,
    ) -> Version:
        version = super().store(turn, place, text, system, asked, beside=beside)
        version.number = sum(other.place is place for other in self.turns[version.turn])
        return version


class WhatStoodBehindIsForgotten(Tree):
    """A branch forgets the tips that it leaves, so that `use` brings nothing back."""

    def move(self, branch: Branch, tip: Message | None) -> None:
        branch.tip = tip


class UseMovesTurns(Reference):
    """`use` takes a version onto the current branch, wherever it is."""

    @staticmethod
    def move(tree: Tree, command: Move) -> set[Note]:
        if isinstance(command, Use):
            tree.take(tree.version(command.version))
            return set()
        return move(tree, command)


class UseGoesToASibling(Reference):
    """`use 7.2` means the second message at the place of 7.1, whatever turn that is."""

    @staticmethod
    def move(tree: Tree, command: Move) -> set[Note]:
        if isinstance(command, Use):
            meant = tree.version(command.version)
            siblings = [v for turn in tree.turns for v in turn if v.place is meant.place]
            command = Use(siblings[min(meant.number, len(siblings)) - 1].address)
        return move(tree, command)


class HideIsForAllBranches(Reference):
    """Hiding holds on every branch."""

    @staticmethod
    def move(tree: Tree, command: Move) -> set[Note]:
        told = move(tree, command)
        if isinstance(command, Hide):
            for branch in tree.branches.values():
                branch.hidden = tree.branch.hidden
        return told


class ForkShowsWhatWasHidden(Reference):
    """A new branch sends what was hidden on the old one."""

    @staticmethod
    def move(tree: Tree, command: Move) -> set[Note]:
        told = move(tree, command)
        if isinstance(command, Fork):
            tree.branch.hidden.clear()
        return told


class UndoLeavesSystem(Reference):
    """The system message of an undone turn stays."""

    @staticmethod
    def move(tree: Tree, command: Move) -> set[Note]:
        turns = tree.path().turns
        told = move(tree, command)
        if isinstance(command, Undo):
            tree.branch.tip = turns[-min(command.turns, len(turns))].version.question.parent
        return told


class SendsInterleave(Reference):
    """A second kernel does not wait for the answer that is under way."""

    def begin(self, kernel: str, cell: str, ask: Ask) -> None:
        super().begin(kernel, cell, ask)
        ticket = self._tickets[kernel]
        if ticket.plan is None:
            self._lines[ticket.session].remove(ticket)
            self._start(ticket)
