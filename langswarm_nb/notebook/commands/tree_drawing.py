"""A session's tree as text: one line a turn, the active path marked, branch names at their tips.

Questions of a comparison read alike, so theirs tell who answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from langswarm_nb.core.session import MessageRole, SessionMessage

_MAX_CHARS = 60


def draw_tree(messages: Sequence[SessionMessage], branches: Mapping[str, int | None], current: str) -> str:
    """Return the drawing.

    Parameters
    ----------
    messages : sequence of SessionMessage
        All of the session's, in order of `seq`.
    branches : mapping
        The tip of each branch, by name.
    current : str
        The active branch.
    """
    by_seq = {message.seq: message for message in messages}
    questions = [message for message in messages if message.role is MessageRole.USER]
    below: dict[int | None, list[SessionMessage]] = {}
    for question in questions:
        below.setdefault(_turn_above(question, by_seq), []).append(question)
    labels: dict[int | None, list[str]] = {}
    for reply in messages:
        if reply.request is not None and reply.request.compare_id is not None:
            labels.setdefault(reply.parent_seq, []).append(f"({reply.request.model_id})")
    for name, tip in branches.items():
        message = by_seq.get(tip)
        at = (
            None
            if message is None
            else message.seq
            if message.role is MessageRole.USER
            else _turn_above(message, by_seq)
        )
        labels.setdefault(at, []).append(f"[{name}]" if name == current else name)
    lines = [] if None not in labels else [f"(start) {' '.join(labels[None])}"]
    _draw(below, labels, None, "", lines)
    return "\n".join(lines) or "Nothing was asked yet."


def _turn_above(message: SessionMessage, by_seq: Mapping[int | None, SessionMessage]) -> int | None:
    """Return the `seq` of the question that a message comes after."""
    above = by_seq.get(message.parent_seq) if message.parent_seq is not None else None
    while above is not None and above.role is not MessageRole.USER:
        above = by_seq.get(above.parent_seq) if above.parent_seq is not None else None
    return None if above is None else above.seq


def _draw(
    below: Mapping[int | None, list[SessionMessage]],
    labels: Mapping[int | None, list[str]],
    start: int | None,
    indent: str,
    lines: list[str],
) -> None:
    """Draw the turns below one; a single line of turns stays in its column."""
    todo = [(start, indent)]
    while todo:
        at, indent = todo.pop()
        turns = below.get(at, [])
        several = len(turns) > 1
        for n, question in enumerate(turns):
            is_last = n == len(turns) - 1
            corner = "" if not several else "└─ " if is_last else "├─ "
            lines.append(f"{indent}{corner}{_line(question, labels.get(question.seq, []))}")
            deeper = indent if not several else indent + ("   " if is_last else "│  ")
            if is_last:
                todo.append((question.seq, deeper))
            else:
                _draw(below, labels, question.seq, deeper, lines)


def _line(question: SessionMessage, labels: Sequence[str]) -> str:
    mark = "●" if question.is_active else "○"
    text = " ".join(question.content.split())
    text = text if len(text) <= _MAX_CHARS else f"{text[: _MAX_CHARS - 1]}…"
    hidden = " (hidden)" if question.is_hidden else ""
    return " ".join([mark, f"#{question.turn}", f"{text}{hidden}", *labels])
