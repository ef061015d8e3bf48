"""What moves in a tree without asking: use, undo, hide, fork, branch, restart (rules 2.2, 3.3 and 4.6)."""

from __future__ import annotations

from tests.conversation.driver import AddSystem, Fork, GoTo, Hide, Note, Restart, Trim, Undo, Use
from tests.conversation.tree import Branch, Message, Refused, Tree, Version, path_to

Move = Use | Undo | Hide | Fork | GoTo | Restart | AddSystem | Trim


def move(tree: Tree, command: Move) -> set[Note]:
    """Do it, and return what is told."""
    match command:
        case Use(address):
            return use(tree, tree.version(address))
        case Undo(turns):
            return undo(tree, turns)
        case Hide(turn, taken_back):
            return hide(tree, turn, taken_back=taken_back)
        case Fork(name, at):
            return fork(tree, name, at)
        case GoTo(name):
            tree.enter(branch_named(tree, name))
        case Restart():
            tree.move(tree.branch, None)
        case AddSystem(text, scope):
            tree.branch.tip = Message("system", text, tree.branch.tip, scope)
        case Trim(max_messages):
            tree.max_messages = max_messages
    return set()


def use(tree: Tree, version: Version) -> set[Note]:
    """Make a version current on the branch where it is; turns that stood behind it come back."""
    if passes(tree.branch.tip, version):
        return {Note("already", where=version.address)}
    for tip in reversed(tree.branch.former):
        if passes(tip, version):
            tree.move(tree.branch, tip)
            behind = turns_behind(tree, version)
            return {Note("come_back", behind)} if behind else set()
    others = sorted(
        (branch for branch in tree.branches.values() if branch is not tree.branch),
        key=lambda branch: (-branch.used, branch.name),
    )
    for branch in others:
        if passes(branch.tip, version):
            return switch(tree, branch, branch.tip)
    for branch in others:
        for tip in reversed(branch.former):
            if passes(tip, version):
                return switch(tree, branch, tip)
    return adopt(tree, version)


def passes(tip: Message | None, version: Version) -> bool:
    """Whether the path to a tip goes through a version."""
    return any(on_path.version is version for on_path in path_to(tip).turns)


def turns_behind(tree: Tree, version: Version) -> int:
    """Count the turns of the path that follow a version."""
    turns = tree.path().turns
    return len(turns) - 1 - [on_path.version for on_path in turns].index(version)


def switch(tree: Tree, branch: Branch, tip: Message | None) -> set[Note]:
    """Go on with another branch, where the version is."""
    tree.move(branch, tip)
    tree.enter(branch)
    return {Note("switched", where=branch.name)}


def adopt(tree: Tree, version: Version) -> set[Note]:
    """Take a version that no branch has been at: an aside, or an answer of a comparison."""
    before = tree.path().turns
    tree.take(version)
    after = tree.path().turns
    shared = sum(old.version is new.version for old, new in zip(before, after, strict=False))
    left = [turn for turn in before[shared:] if turn.version.turn != version.turn]
    told = {Note("later_turns_stay", len(left))} if left else set()
    if version.asked.alone:
        told.add(Note("adopted", where=after[-2].version.address if len(after) > 1 else ""))
    else:
        told.add(Note("goes_on_from", where=version.address))
    return told


def undo(tree: Tree, turns: int) -> set[Note]:
    """Go back by some turns, and before the system messages that belong to them."""
    path = tree.path()
    if not path.turns:
        raise Refused("nothing to undo")
    gone = path.turns[-turns:]
    first = gone[0]
    tree.move(tree.branch, (first.systems[0] if first.systems else first.version.question).parent)
    return {Note("undone", len(gone))}


def hide(tree: Tree, turn: int, *, taken_back: bool) -> set[Note]:
    """Leave a turn out of what is sent, on this branch; its version on the path is meant."""
    path = tree.path()
    index = path.find(turn)
    if index is None:
        raise Refused(f"turn {turn} is not on the path")
    version = path.turns[index].version
    mark = (version.turn, version.number)
    if taken_back:
        tree.branch.hidden.discard(mark)
    else:
        tree.branch.hidden.add(mark)
    return set()


def fork(tree: Tree, name: str, at: str | None) -> set[Note]:
    """Go on after a turn, on a new branch, with what is hidden on the old one."""
    if name in tree.branches:
        raise Refused(f"there is a branch {name}")
    tip = tree.branch.tip
    if at is not None:
        version = fork_point(tree, at)
        version.is_beside = False
        tip = version.last
    tree.branches[name] = Branch(name, tip, hidden=set(tree.branch.hidden))
    tree.enter(tree.branches[name])
    return set()


def fork_point(tree: Tree, at: str) -> Version:
    """Return the version to fork after: of a turn alone, the one on the path."""
    if "." in at:
        return tree.version(at)
    path = tree.path()
    index = path.find(int(at))
    if index is None:
        raise Refused(f"turn {at} is not on the path")
    return path.turns[index].version


def branch_named(tree: Tree, name: str) -> Branch:
    """Return a branch."""
    if name not in tree.branches:
        raise Refused(f"no branch {name}")
    return tree.branches[name]
