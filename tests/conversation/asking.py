"""Where a question goes: running cells again (section 4), on the branch that an ask names.

Everything here looks and decides; nothing is changed until the plan is stored. So a dry run is a plan that is
thrown away, and a send that was refused leaves no trace.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from tests.conversation.driver import Ask, Note, Request
from tests.conversation.homes import Kernel, Replay, Session
from tests.conversation.tree import (
    Asked,
    Branch,
    Message,
    Path,
    Refused,
    Tree,
    Version,
    ancestry,
    later_turns_stay,
    path_to,
)


@dataclass(eq=False, slots=True)
class Execution:
    """One run of a cell: it counts its asks in each session, and knows what was there before it."""

    kernel: Kernel
    cell: str | None
    """Its id, where the front end tells one."""
    asks: dict[str, int] = field(default_factory=dict)
    """How many were stored, by session."""
    is_new: dict[str, bool] = field(default_factory=dict)
    """Whether this kernel had not asked the cell before, by session."""
    was_known: dict[str, bool] = field(default_factory=dict)
    """Whether a question from the cell was there before, by session."""

    def look(self, session: Session) -> None:
        """Remember, at its first ask in a session, what was there before."""
        if session.id not in self.is_new:
            self.is_new[session.id] = (session.id, self.cell) not in self.kernel.asked
            self.was_known[session.id] = self.cell is not None and session.tree.knows_cell(self.cell)


class Standing(NamedTuple):
    """The branch that an ask goes on with, as it will be."""

    name: str
    tip: Message | None
    hidden: set[tuple[int, int]]
    path: Path


@dataclass(slots=True)
class Plan:
    """Where the versions of one ask will hang, and what each model will be sent."""

    session: Session
    standing: Standing
    text: str
    system: str | None
    asked: list[Asked]
    turn: int | None
    """None for a new one."""
    place: Message | None
    before: Path
    is_beside: bool = False
    """The tip stays where it is."""
    falls_back: bool = False
    """The path goes on with the first answer of a comparison that had been chosen."""
    hides: list[Version] = field(default_factory=list)
    replaces: list[Version] = field(default_factory=list)
    """What is hidden once the answer is there: an answer that failed replaces nothing."""
    notes: set[Note] = field(default_factory=set)
    replay: Replay | None = None
    cursor: int | None = None
    """Where the replay goes on; None when the ask matched nothing."""
    ends_replay: bool = False
    requests: list[Request] = field(default_factory=list)


class Deciding:
    """The rules of section 4. A class, so that a test may break one of them and see it found."""

    def plan(self, session: Session, execution: Execution, ask: Ask, model: str) -> Plan:
        """Decide everything about an ask of a cell; ``model`` is the session's when it was asked."""
        execution.look(session)
        tree = session.tree
        kernel = execution.kernel
        models = ask.models or (model,)
        asked = [
            Asked(
                model,
                cell=execution.cell,
                n=execution.asks.get(session.id, 0),
                kernel=kernel.number,
                alone=not ask.history,
                comparison=models if len(models) > 1 else (),
            )
            for model in models
        ]
        standing = self.standing(tree, ask)
        plan = Plan(
            session,
            standing,
            ask.text,
            ask.system,
            asked,
            turn=None,
            place=standing.tip,
            before=standing.path,
        )
        plan.is_beside = asked[0].alone or bool(asked[0].comparison)
        self.match_replay(plan, execution, ask)
        self.choose_place(plan, execution, ask)
        self.fill_requests(plan)
        return plan

    def standing(self, tree: Tree, ask: Ask) -> Standing:
        """Return the branch of ``-b`` and ``--from``, or the current one, without making or moving it."""
        branch = tree.branch
        if ask.branch is not None:
            branch = tree.branches.get(ask.branch, branch)
            if ask.branch not in tree.branches and ask.after is None:
                raise Refused(f"no branch {ask.branch}")
        name = ask.branch or branch.name
        if ask.after is None:
            return Standing(name, branch.tip, branch.hidden, path_to(branch.tip))
        path = path_to(branch.tip)
        index = path.find(ask.after)
        if index is None:
            raise Refused(f"turn {ask.after} is not on the path")
        tip = path.turns[index].version.last
        return Standing(name, tip, branch.hidden, path_to(tip))

    # ---------------------------------------------------------------- a new kernel

    def match_replay(self, plan: Plan, execution: Execution, ask: Ask) -> None:
        """Rule 4.5: while the asks that come match the turns after the cursor, each is a re-run of that turn."""
        replay = plan.replay = self.replay(plan.session, execution.kernel)
        if replay is None or not ask.history:
            return
        is_comparison = bool(plan.asked[0].comparison)
        index = None
        if ask.rerun != "append" and ask.branch is None:
            turn = plan.session.tree.turn_of(execution.cell, plan.asked[0].n, alone=False)
            if turn is not None and turn in replay.turns[replay.cursor :]:
                index = replay.turns.index(turn)
            elif not execution.was_known[plan.session.id]:
                index = next(
                    (
                        i
                        for i in range(replay.cursor, len(replay.turns))
                        if replay.texts[i] == ask.text and (replay.comparisons[i] or not is_comparison)
                    ),
                    None,
                )
        if index is not None:
            plan.turn, plan.cursor = replay.turns[index], index + 1
        elif not is_comparison:
            plan.ends_replay = True

    def replay(self, session: Session, kernel: Kernel) -> Replay | None:
        """Return the replay of a session of the kernel's notebook; it begins when the kernel first asks there."""
        if session.id not in kernel.found:
            return None
        if session.id in kernel.replays:
            return kernel.replays[session.id]
        tree = session.tree
        turns = [on_path.version for on_path in tree.path().turns]
        return Replay(
            [version.turn for version in turns],
            [version.question.text for version in turns],
            [any(other.asked.comparison for other in tree.turns[version.turn]) for version in turns],
        )

    # ---------------------------------------------------------------- the place

    def choose_place(self, plan: Plan, execution: Execution, ask: Ask) -> None:
        """Rules 4.1 to 4.4: a new version at its place, or at the tip, or a new turn at the tip."""
        tree, path = plan.session.tree, plan.standing.path
        asked = plan.asked[0]
        if ask.rerun == "append":
            return
        if plan.turn is None:
            plan.turn = tree.turn_of(execution.cell, asked.n, alone=asked.alone)
        if plan.turn is None:
            return
        index = path.find(plan.turn)
        if ask.after is not None and index is not None:  # its own turn is before the place it names
            plan.turn = None
            return
        plan.falls_back = self.was_chosen(plan, index)
        if not asked.alone and index is not None:
            self.ask_again(plan, execution, index)
        if ask.rerun == "replace" and plan.turn is not None:
            plan.replaces = [version for version in tree.turns[plan.turn] if version.place is plan.place]

    def was_chosen(self, plan: Plan, index: int | None) -> bool:
        """Rule 4.3: whether a comparison asks a turn again that the conversation has gone on with."""
        assert plan.turn is not None
        if plan.asked[0].alone or not plan.asked[0].comparison:
            return False
        versions = plan.session.tree.turns[plan.turn]
        was_adopted = any(version.asked.comparison and not version.is_beside for version in versions)
        return index is not None or plan.cursor is not None or was_adopted

    def ask_again(self, plan: Plan, execution: Execution, index: int) -> None:
        """Rules 4.1 and 4.2, for a turn that is on the path."""
        path = plan.standing.path
        old = path.turns[index].version
        if plan.cursor is None and self.is_out_of_order(plan, execution, index):
            plan.turn = None
            plan.hides = [old]
            plan.notes.add(Note("asked_again_at_end", where=str(old.turn)))
            return
        plan.place = old.place
        plan.before = path_to(old.place)
        plan.notes |= later_turns_stay(path, index)

    def is_out_of_order(self, plan: Plan, execution: Execution, index: int) -> bool:
        """Rule 4.2: a cell this kernel has not asked before, with something asked behind its turn."""
        return execution.is_new[plan.session.id] and any(
            on_path.version.asked.kernel == execution.kernel.number
            and on_path.version.asked.cell != execution.cell
            for on_path in plan.standing.path.turns[index + 1 :]
        )

    # ---------------------------------------------------------------- what is sent

    def fill_requests(self, plan: Plan) -> None:
        """Section 2: what each model is sent; what the plan hides is left out."""
        hidden = plan.standing.hidden | {(version.turn, version.number) for version in plan.hides}
        for asked in plan.asked:
            request, left_out = plan.session.tree.request(plan.before, hidden, plan.system, plan.text, asked)
            plan.requests.append(request)
            if left_out:
                plan.notes.add(Note("left_out", left_out))

    def again(self, session: Session, old: Version, text: str, system: str | None, asked: Asked) -> Plan:
        """Plan one more version of a turn on the path, as an edit or a retry does."""
        tree = session.tree
        branch = tree.branch
        path = tree.path()
        index = path.find(old.turn)
        standing = Standing(branch.name, branch.tip, branch.hidden, path)
        plan = Plan(session, standing, text, system, [asked], old.turn, old.place, path_to(old.place))
        if index is not None:
            plan.notes |= later_turns_stay(path, index)
        self.fill_requests(plan)
        return plan

    def at_tip(self, session: Session, text: str, system: str | None, asked: Asked) -> Plan:
        """Plan a new turn behind the tip, as a panel or the library sends it."""
        branch = session.tree.branch
        path = session.tree.path()
        standing = Standing(branch.name, branch.tip, branch.hidden, path)
        plan = Plan(session, standing, text, system, [asked], None, branch.tip, path, is_beside=asked.alone)
        self.fill_requests(plan)
        return plan

    def retry(self, session: Session, model: str | None) -> Plan:
        """Rule 6.4: ask the last turn of the path again with what it was asked with; after a comparison: that.

        A chosen comparison is asked again as one (rule 4.3), unless one model is named.
        """
        old = self.retried(session.tree)
        if old is None:
            raise Refused("nothing to retry")
        is_chosen = session.tree.path().find(old.turn) is not None
        system = old.systems[0].text if old.systems else None
        # The question is the same, so it counts as asked by who asked it.
        asked = old.asked._replace(model=model or old.asked.model, comparison=(), alone=False)
        plan = self.again(session, old, old.question.text, system, asked)
        if is_chosen and (model is not None or not old.asked.comparison):
            return plan
        plan.is_beside, plan.falls_back = True, is_chosen
        models = old.asked.comparison if model is None else (model,)
        plan.asked = [asked._replace(model=name, comparison=models) for name in models]
        plan.requests.clear()
        self.fill_requests(plan)
        return plan

    def retried(self, tree: Tree) -> Version | None:
        """Return what `retry` asks again: the comparison behind the last turn of the path, else that turn."""
        turns = tree.path().turns
        return self.comparison_at_tip(tree) or (turns[-1].version if turns else None)

    def comparison_at_tip(self, tree: Tree) -> Version | None:
        """Return the newest version of the comparison that was asked behind the last turn, if none was chosen."""
        here, path = last_turn(tree.branch.tip), tree.path()
        compared = [
            versions[-1]
            for turn, versions in enumerate(tree.turns)
            if versions[-1].asked.comparison
            and not versions[-1].asked.alone
            and versions[-1].is_beside
            and path.find(turn) is None
            and last_turn(versions[-1].place) is here
        ]
        return max(compared, key=lambda version: version.moment, default=None)


def last_turn(tip: Message | None) -> Message | None:
    """Return the last message of the last turn of a path, above the system messages that wait."""
    return next((message for message in ancestry(tip) if message.role != "system"), None)


def entered(plan: Plan) -> Branch:
    """Make the branch of a plan current, at the tip that the plan stands on; return it."""
    tree, standing = plan.session.tree, plan.standing
    branch = tree.branches.get(standing.name)
    if branch is None:
        branch = tree.branches[standing.name] = Branch(
            standing.name, standing.tip, hidden=set(standing.hidden)
        )
    elif branch.tip is not standing.tip:
        tree.move(branch, standing.tip)
    tree.enter(branch)
    return branch
