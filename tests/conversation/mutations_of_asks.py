"""Reference models that are wrong in one way each: running cells again, names, homes and settings."""

from __future__ import annotations

from tests.conversation.asking import Deciding, Execution, Plan
from tests.conversation.driver import Ask, FrontEnd, Note, Told
from tests.conversation.homes import Home, Homes, Kernel, Replay, Session
from tests.conversation.reference import Reference, Ticket
from tests.conversation.tree import (
    Tree,
    Version,
    path_to,
)

# -------------------------------------------------------------------- running cells again


class RerunDropsSystem(Deciding):
    """A cell that is run again loses its ``-s``."""

    def choose_place(self, plan: Plan, execution: Execution, ask: Ask) -> None:
        super().choose_place(plan, execution, ask)
        if plan.turn is not None:
            plan.system = None


class RerunKeepsOldSystem(Deciding):
    """A cell that is run again is sent with the ``-s`` that it had before, too."""

    def ask_again(self, plan: Plan, execution: Execution, index: int) -> None:
        super().ask_again(plan, execution, index)
        if plan.turn is not None:
            plan.place = plan.standing.path.turns[index].version.question.parent
            plan.before = path_to(plan.place)


class RerunAppends(Deciding):
    """A cell that is run again makes a new turn."""

    def choose_place(self, plan: Plan, execution: Execution, ask: Ask) -> None:
        plan.turn = None


class RerunIsAlwaysAtItsPlace(Deciding):
    """A new kernel that runs the cells in another order drops what it asked itself."""

    def is_out_of_order(self, plan: Plan, execution: Execution, index: int) -> bool:
        return False


class AnythingBehindIsOutOfOrder(Deciding):
    """A cell with a turn of an earlier kernel, or of a panel, behind its own is appended."""

    def is_out_of_order(self, plan: Plan, execution: Execution, index: int) -> bool:
        return execution.is_new[plan.session.id] and index + 1 < len(plan.standing.path.turns)


class EditIsOutOfOrder(Deciding):
    """A prompt that is changed later in the same kernel is answered knowing what followed."""

    def is_out_of_order(self, plan: Plan, execution: Execution, index: int) -> bool:
        execution.is_new[plan.session.id] = True
        return super().is_out_of_order(plan, execution, index)


class EveryAskIsTheFirst(Deciding):
    """The second ask of a cell is a new version of its first."""

    def choose_place(self, plan: Plan, execution: Execution, ask: Ask) -> None:
        plan.asked = [asked._replace(n=0) for asked in plan.asked]
        super().choose_place(plan, execution, ask)


class AsidesShareKeys(Tree):
    """A cell that asked beside the conversation, and then in it, has one turn for both."""

    def turn_of(self, cell: str | None, n: int, *, alone: bool) -> int | None:
        found = [super(AsidesShareKeys, self).turn_of(cell, n, alone=kind) for kind in (True, False)]
        return max((turn for turn in found if turn is not None), default=None)


class ReplaceHidesEverywhere(Deciding):
    """``--replace`` hides versions at other places, too."""

    def choose_place(self, plan: Plan, execution: Execution, ask: Ask) -> None:
        super().choose_place(plan, execution, ask)
        if ask.rerun == "replace" and plan.turn is not None:
            plan.hides = list(plan.session.tree.turns[plan.turn])


class NewKernelsDoNotReplay(Deciding):
    """Restart & Run All is held for running cells out of order, or doubles the conversation."""

    def replay(self, session: Session, kernel: Kernel) -> Replay | None:
        return None


class ReplayKnowsIdsOnly(Deciding):
    """Where cells have new ids, Restart & Run All doubles the conversation."""

    def match_replay(self, plan: Plan, execution: Execution, ask: Ask) -> None:
        execution.was_known[plan.session.id] = True
        super().match_replay(plan, execution, ask)


class ReplayNeverEnds(Deciding):
    """An ask that matches nothing does not end the replay."""

    def match_replay(self, plan: Plan, execution: Execution, ask: Ask) -> None:
        super().match_replay(plan, execution, ask)
        plan.ends_replay = False


class ComparisonsEndTheReplay(Deciding):
    """A comparison in the middle of a notebook ends the replay."""

    def match_replay(self, plan: Plan, execution: Execution, ask: Ask) -> None:
        super().match_replay(plan, execution, ask)
        plan.ends_replay = plan.replay is not None and plan.cursor is None


class ComparisonsAreChosen(Deciding):
    """The conversation goes on with a comparison that nobody chose from."""

    def was_chosen(self, plan: Plan, index: int | None) -> bool:
        return bool(plan.asked[0].comparison)


class ChoicesAreLost(Deciding):
    """The conversation goes on without the comparison it had chosen from, when that is asked again."""

    def was_chosen(self, plan: Plan, index: int | None) -> bool:
        return False


class RetryForgetsSystem(Deciding):
    """`retry` asks without the ``-s`` that the turn was asked with."""

    def retry(self, session: Session, model: str | None) -> Plan:
        plan = super().retry(session, model)
        plan.system = None
        plan.requests.clear()
        self.fill_requests(plan)
        return plan


class RetryPassesOverComparisons(Deciding):
    """`retry` after a comparison asks an earlier turn."""

    def comparison_at_tip(self, tree: Tree) -> Version | None:
        return None


class DryRunsEndTheReplay(Reference):
    """A dry run makes the next run append."""

    def ask(self, execution: Execution, ask: Ask) -> Told:
        told = super().ask(execution, ask)
        if ask.dry_run and told.session:
            execution.kernel.replays[told.session] = None
        return told


class RefusedAsksCount(Reference):
    """A refused budget makes the next run append."""

    def _take_ticket(self, execution: Execution, ask: Ask) -> Ticket:
        if ask.refused and execution.kernel.current and execution.cell:
            execution.kernel.asked.add((execution.kernel.current.id, execution.cell))
        return super()._take_ticket(execution, ask)


# -------------------------------------------------------------------- names, homes, settings


class PathsAreHomes(Homes):
    """The conversation of a notebook belongs to the path of its file."""

    def home_at(self, path: str) -> tuple[Home, set[Note]]:
        return next((home for home in self.homes if home.path == path), Home(path)), set()


class NewRenamesElsewhere(Homes):
    """`new NAME` renames another notebook's NAME."""

    def start(self, kernel: Kernel, name: str) -> set[Note]:
        for other in self.elsewhere(kernel, name):
            other.label = f"{name} ({{when}})"
        return super().start(kernel, name)


class DeleteReachesElsewhere(Homes):
    """`delete NAME` deletes another notebook's session where this one has none of the name."""

    def find_to_change(self, kernel: Kernel, name: str) -> Session:
        return self.find(kernel, name)[0]


class OptionFindsElsewhere(Homes):
    """``-S NAME`` goes on with another notebook's session."""

    def for_cell(self, kernel: Kernel, name: str) -> tuple[Session, set[Note]]:
        others = self.elsewhere(kernel, name)
        if self.here(kernel, name) is None and len(others) == 1:
            return others[0], set()
        return super().for_cell(kernel, name)


class GoesOnElsewhere(Reference):
    """A cell whose session was deleted or archived goes on in a new one."""

    def _take_ticket(self, execution: Execution, ask: Ask) -> Ticket:
        current = execution.kernel.current
        if current is not None and current.state != "active":
            execution.kernel.current = None
        return super()._take_ticket(execution, ask)


class LastSessionIsMain(Reference):
    """After a restart the session of a one-off ``-S`` is current."""

    def _start(self, ticket: Ticket) -> None:
        super()._start(ticket)
        if ticket.execution.kernel.home is not None:
            ticket.execution.kernel.home.main = ticket.session


class TraitOverwritesModel(Reference):
    """The model of the environment overwrites what a session was told."""

    def open_kernel(self, kernel: str, front_end: FrontEnd, path: str, model: str | None) -> Told:
        told = super().open_kernel(kernel, front_end, path, model)
        current = self.kernels[kernel].current
        if current is not None and model is not None:
            current.model = model
        return told
