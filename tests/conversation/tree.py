"""The tree of one session, by the model of a conversation: its words (section 1) and what is sent (section 2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from tests.conversation.driver import Branches, Note, Outcome, Request, Row, Status


class Refused(Exception):  # noqa: N818 - what is refused is not a failure of the model
    """What was asked for cannot be done, and nothing was."""


@dataclass(eq=False, slots=True)
class Message:
    """One message; it hangs below its parent for good."""

    role: Literal["system", "user", "assistant"]
    text: str
    parent: Message | None
    scope: Literal["replace", "add"] = "replace"
    """Of a system message."""
    version: Version | None = None
    """Which version of which turn a question or an answer is."""


class Asked(NamedTuple):
    """What a question was asked with, and by whom."""

    model: str
    cell: str | None = None
    n: int = 0
    """It was the n-th ask of the cell; without a cell it has no key."""
    kernel: int | None = None
    """None when a panel or the library asked."""
    alone: bool = False
    """Without the history."""
    comparison: tuple[str, ...] = ()
    """All models that got the question, when they were several."""


@dataclass(eq=False, slots=True)
class Version:
    """One version of a turn: a question with the system messages given with it, and its answer."""

    turn: int
    number: int
    systems: tuple[Message, ...]
    question: Message
    asked: Asked
    is_beside: bool
    """Nobody has taken it onto a branch: an aside, or an answer of a comparison that was not chosen."""
    moment: int
    """When it was stored, in the order of all."""
    status: Status = "open"
    answer: Message | None = None

    @property
    def address(self) -> str:
        """Its number in footers, tree, panel, frames and commands."""
        return f"{self.turn}.{self.number}"

    @property
    def place(self) -> Message | None:
        """What it hangs below: other versions at its place hang there too."""
        return (self.systems[0] if self.systems else self.question).parent

    @property
    def last(self) -> Message:
        """Its last message, after which a branch goes on."""
        return self.answer or self.question


class PathTurn(NamedTuple):
    """A turn as it stands on a path."""

    version: Version
    systems: list[Message]
    """All system messages that belong to the question: those given with it, and those that waited for it."""
    has_answer: bool

    @property
    def is_answered(self) -> bool:
        """Rule 2.3: a failed question, or one stopped before any text, was answered by nobody."""
        return self.has_answer and bool(self.version.last.text)


class Path(NamedTuple):
    """The turns from the root to a message, and the system messages that wait for the next question."""

    turns: list[PathTurn]
    waiting: list[Message]

    def find(self, turn: int) -> int | None:
        """Return where a turn stands on it."""
        return next((i for i, on_path in enumerate(self.turns) if on_path.version.turn == turn), None)

    def addresses(self) -> tuple[str, ...]:
        """Return what stands on it."""
        return tuple(on_path.version.address for on_path in self.turns)


@dataclass(eq=False, slots=True)
class Branch:
    """A name for a tip, with the tips it had before, and with what is hidden on it."""

    name: str
    tip: Message | None = None
    former: list[Message] = field(default_factory=list)
    """The newest last."""
    hidden: set[tuple[int, int]] = field(default_factory=set)
    """Turn and version: hiding holds on the branch where it was done."""
    used: int = 0


def ancestry(message: Message | None) -> Iterator[Message]:
    """Yield a message and all above it."""
    while message is not None:
        yield message
        message = message.parent


def path_to(tip: Message | None) -> Path:
    """Return the turns from the root to the tip; a system message belongs to the next question on the path."""
    turns: list[PathTurn] = []
    waiting: list[Message] = []
    answer: Message | None = None
    for message in ancestry(tip):
        if message.role == "assistant":
            answer = message
        elif message.role == "user":
            is_answer_to_it = answer is not None and answer.parent is message
            version = answer.version if answer is not None and is_answer_to_it else message.version
            assert version is not None
            turns.append(PathTurn(version, [], is_answer_to_it))
        else:
            (turns[-1].systems if turns else waiting).insert(0, message)
    turns.reverse()
    return Path(turns, waiting)


def system_text(messages: Iterable[Message]) -> str:
    """Rule 2.1: the last that says "replace", with those after it that say "add"."""
    texts: list[str] = []
    for message in messages:
        if message.scope == "replace":
            texts.clear()
        texts.append(message.text)
    return "\n\n".join(filter(None, texts))


class Tree:
    """The messages of one session, their turns and versions, and the branches."""

    def __init__(self) -> None:
        self.turns: list[list[Version]] = []
        self.branches = {"main": Branch("main")}
        self.branch = self.branches["main"]
        """The current one."""
        self.max_messages: int | None = None
        self._moment = 0

    # ---------------------------------------------------------------- what is sent

    def is_sent(self, on_path: PathTurn, hidden: set[tuple[int, int]]) -> bool:
        """Rules 2.2 and 2.3: hidden turns, and turns that nobody answered, are left out whole."""
        return on_path.is_answered and (on_path.version.turn, on_path.version.number) not in hidden

    def request(
        self, before: Path, hidden: set[tuple[int, int]], system: str | None, question: str, asked: Asked
    ) -> tuple[Request, int]:
        """Return what a question after this path is sent with, and how many turns trimming left out."""
        sent = [on_path for on_path in before.turns if self.is_sent(on_path, hidden)]
        systems = self.systems(before, sent)
        if system is not None:
            systems.append(Message("system", system, None))
        if asked.alone:
            sent = []
        kept = self.trimmed(sent)
        messages = [
            (message.role, message.text)
            for on_path in kept
            for message in (on_path.version.question, on_path.version.last)
        ]
        messages.append(("user", question))
        return Request(asked.model, system_text(systems), tuple(messages)), len(sent) - len(kept)

    def systems(self, before: Path, sent: list[PathTurn]) -> list[Message]:
        """Rule 2.1: a system message goes along with its question; what waits belongs to the one that is asked."""
        return [message for on_path in sent for message in on_path.systems] + before.waiting

    def trimmed(self, sent: list[PathTurn]) -> list[PathTurn]:
        """Rule 2.4: whole turns from the oldest; the question and the system text always stay."""
        if self.max_messages is None:
            return sent
        turns = max(0, (self.max_messages - 1) // 2)  # a turn is two messages, the question that is asked one
        return sent[len(sent) - turns :] if turns < len(sent) else sent

    # ---------------------------------------------------------------- storing

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
        """Hang a question below its place: a new turn, or the next version of one. Numbers never change."""
        if turn is None:
            turn = len(self.turns)
            self.turns.append([])
        above = place
        systems: tuple[Message, ...] = ()
        if system is not None:
            above = Message("system", system, place)
            systems = (above,)
        question = Message("user", text, above)
        number = len(self.turns[turn]) + 1
        version = Version(turn, number, systems, question, asked, beside, self._next_moment())
        question.version = version
        self.turns[turn].append(version)
        return version

    def store_answer_again(self, old: Version, asked: Asked) -> Version:
        """Make one more version of a turn that shares the question of another."""
        versions = self.turns[old.turn]
        number, moment = len(versions) + 1, self._next_moment()
        again = Version(old.turn, number, old.systems, old.question, asked, False, moment)
        versions.append(again)
        return again

    def land(self, version: Version, outcome: Outcome) -> None:
        """Rule 3.1: an answer goes under its question; a tip moves to it only if it still is the question."""
        question = version.question
        version.answer = Message("assistant", outcome.text, question, version=version)
        version.status = outcome.status
        for branch in self.branches.values():
            if branch.tip is question:
                branch.tip = version.answer
            branch.former = [version.answer if tip is question else tip for tip in branch.former]

    def turn_of(self, cell: str | None, n: int, *, alone: bool) -> int | None:
        """Return the newest turn with the key (session, cell, n); an ask beside the path finds asides only."""
        if cell is None:
            return None
        turns = [
            turn
            for turn, versions in enumerate(self.turns)
            if any((version.asked.cell, version.asked.n) == (cell, n) for version in versions)
        ]
        return max((turn for turn in turns if self._is_aside(turn) == alone), default=None)

    def _is_aside(self, turn: int) -> bool:
        return any(version.asked.alone and version.is_beside for version in self.turns[turn])

    def knows_cell(self, cell: str) -> bool:
        """Whether a question came from this cell."""
        return any(version.asked.cell == cell for versions in self.turns for version in versions)

    def version(self, address: str) -> Version:
        """Return a version by its address; a turn alone means its newest version."""
        turn, _, number = address.partition(".")
        try:
            versions = self.turns[int(turn)]
            return versions[int(number) - 1] if number else versions[-1]
        except IndexError:
            raise Refused(f"no version {address}") from None

    def _next_moment(self) -> int:
        self._moment += 1
        return self._moment

    # ---------------------------------------------------------------- moving

    def path(self) -> Path:
        """Return the path to the tip of the current branch."""
        return path_to(self.branch.tip)

    def enter(self, branch: Branch) -> None:
        """Make a branch current."""
        branch.used = self._next_moment()
        self.branch = branch

    def move(self, branch: Branch, tip: Message | None) -> None:
        """Move a tip; the branch remembers the one it leaves, unless it remembers one below that, or goes there."""
        left = branch.tip
        if left is not None and left not in ancestry(tip):
            below = [former for former in branch.former if former is not left and left in ancestry(former)]
            if not below:
                branch.former = [former for former in branch.former if former is not left] + [left]
        branch.tip = tip

    def take(self, version: Version) -> None:
        """Go on after a version that was beside; the answer of a comparison, or an aside, is adopted."""
        version.is_beside = False
        self.move(self.branch, version.last)

    # ---------------------------------------------------------------- what is shown

    def rows(self) -> list[Row]:
        """Return all versions as the frame of messages has them."""
        active = {id(on_path.version.last) for on_path in self.path().turns}
        if self.branch.tip is not None:
            active &= {id(message) for message in ancestry(self.branch.tip)}
        return [
            Row(
                version.address,
                version.question.text,
                version.answer.text if version.answer else "",
                version.status,
                id(version.last) in active,
                (version.turn, version.number) in self.branch.hidden,
                version.is_beside,
            )
            for versions in self.turns
            for version in versions
        ]

    def shown_branches(self) -> Branches:
        """Return the branches with their paths."""
        return Branches(
            self.branch.name,
            {name: path_to(branch.tip).addresses() for name, branch in self.branches.items()},
        )


def later_turns_stay(path: Path, index: int) -> set[Note]:
    """Tell what stood behind a turn that gets a new version at its place."""
    behind = len(path.turns) - index - 1
    return {Note("later_turns_stay", behind, path.turns[index].version.address)} if behind else set()
