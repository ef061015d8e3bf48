"""A session's tree: one line per version of a turn, the active path marked, branch names at their tips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from langswarm_nb.core.session import SessionMessage
from langswarm_nb.core.session.conversation.copies import origin_address, origin_of
from langswarm_nb.core.session.conversation.nodes import Node
from langswarm_nb.core.session.conversation.tree import Tree
from langswarm_nb.notebook.showing.transcript import in_short

if TYPE_CHECKING:
    from langswarm_nb.render.tables import Table

_MAX_CHARS = 60


@dataclass(slots=True)
class _Entry:
    """One version of a turn, as a line."""

    question: Node
    answer: Node | None
    labels: list[str] = field(default_factory=list)
    below: list[_Entry] = field(default_factory=list)

    @property
    def version(self) -> int:
        return self.question.version if self.answer is None else self.answer.version

    @property
    def is_active(self) -> bool:
        return bool((self.answer or self.question).active)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the drawing."""

    branches: str
    """What leads to it from the line above."""
    is_active: bool = False
    address: str = ""
    text: str = ""
    """How the question begins."""
    told: str = ""
    """What makes this version differ from others, and the branches that end here."""
    model: str = ""
    at: str = ""
    """When it was answered, or else asked; local time."""

    def __str__(self) -> str:
        mark = "" if not self.address else "●" if self.is_active else "○"
        return self.branches + " ".join(filter(None, (mark, self.address, self.text, self.told)))


def draw_tree(tree: Tree, messages: Mapping[int | None, SessionMessage]) -> list[Line]:
    """Return the drawing; no line when nothing was asked.

    Parameters
    ----------
    tree : Tree
        The session.
    messages : mapping
        Its questions and answers by seq.
    """
    top, entries = _entries(tree)
    start: list[str] = []
    for name, tip in [(tree.branch, tree.tip), *tree.others]:
        label = f"[{name}]" if name == tree.branch else name
        entry = _entry_at(tree, entries, tip)
        (start if entry is None else entry.labels).append(label)
    lines = [Line("", text="(start)", told=" ".join(start))] if start and tree.nodes else []
    _draw(tree, messages, top, "", lines)
    return lines


def tree_text(lines: Sequence[Line]) -> str:
    """Return the drawing as text."""
    return "\n".join(map(str, lines)) or "Nothing has been asked yet."


def wide_tree_text(lines: Sequence[Line]) -> str:
    """Return the drawing as text, with models and times in columns of their own."""
    drawn = [str(line) for line in lines]
    wide, models = max(map(len, drawn), default=0), max((len(line.model) for line in lines), default=0)
    return "\n".join(
        f"{text:<{wide}}  {line.model:<{models}}  {line.at}".rstrip()
        for text, line in zip(drawn, lines, strict=True)
    )


def tree_table(lines: Sequence[Line]) -> Table:
    """Return the drawing as a table."""
    from langswarm_nb.render.tables import Branch, Code, Table

    rows = [
        (
            Branch(
                line.branches, f"{'●' if line.is_active else '○'} {line.text}" if line.address else line.text
            ),
            Code(line.address) if line.address else None,
            line.told.replace(f"({line.model})", "").strip(),
            line.model,
            line.at,
        )
        for line in lines
    ]
    columns = ("question", "version", "", "model", "when")
    return Table(columns, rows, here=frozenset(n for n, line in enumerate(lines) if line.is_active))


def _entries(tree: Tree) -> tuple[list[_Entry], dict[int, _Entry]]:
    """Return the lines at the root, and the line of each message."""
    top: list[_Entry] = []
    at: dict[int, _Entry] = {}
    for node in tree.nodes:
        if node.role == "user":
            entry = _Entry(node, None)
            above = _entry_at(tree, at, node.parent)
            (top if above is None else above.below).append(entry)
            at[node.seq] = entry
        elif node.role != "system" and (above := _entry_at(tree, at, node.parent)) is not None:
            is_first = node.parent == above.question.seq and above.answer is None
            if node.parent == above.question.seq and not is_first:  # one more answer to the same question
                siblings = next((entry.below for entry in at.values() if above in entry.below), top)
                entry = _Entry(above.question, node)
                siblings.append(entry)
                at[node.seq] = entry
                continue
            if is_first:
                above.answer = node
            at[node.seq] = above
    return top, at


def _entry_at(tree: Tree, entries: Mapping[int, _Entry], seq: int | None) -> _Entry | None:
    """Return the line that a message stands on, or that it comes after."""
    while seq is not None and seq not in entries:
        seq = tree.nodes[seq].parent
    return None if seq is None else entries[seq]


def _draw(
    tree: Tree,
    messages: Mapping[int | None, SessionMessage],
    entries: Sequence[_Entry],
    indent: str,
    lines: list[Line],
) -> None:
    """Draw some lines and what is below them; a single line of turns stays in its column."""
    todo = [(list(entries), indent)]
    while todo:
        turns, indent = todo.pop()
        several = len(turns) > 1
        for n, entry in enumerate(turns):
            is_last = n == len(turns) - 1
            corner = "" if not several else "└─ " if is_last else "├─ "
            lines.append(_line(tree, messages, entry, f"{indent}{corner}"))
            deeper = indent if not several else indent + ("   " if is_last else "│  ")
            if is_last:
                todo.append((entry.below, deeper))
            else:
                _draw(tree, messages, entry.below, deeper, lines)


def _line(tree: Tree, messages: Mapping[int | None, SessionMessage], entry: _Entry, branches: str) -> Line:
    question = messages.get(entry.question.seq)
    last = question if entry.answer is None else messages.get(entry.answer.seq, question)
    hidden = "(hidden)" if (entry.question.turn, entry.version) in tree.hidden else ""
    return Line(
        branches,
        entry.is_active,
        f"{entry.question.turn}.{entry.version}",
        beginning(in_short(question)) if question else "",
        " ".join(filter(None, (_kind(messages, entry), hidden, *entry.labels))),
        last.request.model_id if last is not None and last.request is not None else "",
        moment(last) if last is not None else "",
    )


def _origin(messages: Mapping[int | None, SessionMessage], reply: SessionMessage) -> str:
    """Return the address of what an answer is a copy of, where that is in this session; else empty."""
    origin = origin_of(reply)
    is_here = origin not in (None, reply.id) and any(m.id == origin for m in messages.values())
    return origin_address(reply) if is_here else ""


def beginning(text: str) -> str:
    """Return how a text begins, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= _MAX_CHARS else f"{line[: _MAX_CHARS - 1]}…"


def moment(message: SessionMessage) -> str:
    """Return when a message was made, in local time."""
    return f"{message.timestamp.astimezone():%Y-%m-%d %H:%M}"


def _kind(messages: Mapping[int | None, SessionMessage], entry: _Entry) -> str:
    """Return what tells a version from others that read alike."""
    answer = entry.answer
    if answer is None:
        return "(no answer)"
    reply = messages.get(answer.seq)
    if reply is not None and (origin := _origin(messages, reply)):
        return f"(copy of {origin})"
    if answer.status in ("stopped", "error"):
        return f"({'stopped' if answer.status == 'stopped' else 'failed'})"
    if answer.compare_id is not None and reply is not None and reply.request is not None:
        return f"({reply.request.model_id})"
    return "(aside)" if answer.beside == "aside" and not answer.active else ""
