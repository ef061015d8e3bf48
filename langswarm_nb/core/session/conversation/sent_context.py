"""What is sent for a question: the turns before it on its path, less what is hidden, unanswered, or too much."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from langswarm_nb.core.session.errors import ContextLengthError
from langswarm_nb.core.session.messages import about_tokens
from langswarm_nb.core.session.settings import SessionSettings

from .nodes import Node
from .path import Path, PathTurn


class Context(NamedTuple):
    """What a request holds."""

    seqs: tuple[int, ...]
    """`seq` of each message that is sent, in order."""
    left_out: int = 0
    """Turns that limits leave out."""


def choose(
    path: Path,
    hidden: Collection[tuple[int | None, int]],
    settings: SessionSettings,
    *,
    alone: bool = False,
) -> Context:
    """Return what is sent for the question that ends a path; it looks at no more turns than are sent.

    Parameters
    ----------
    path : Path
        From the root to the question.
    hidden : collection of tuple
        Turn and version of what is not sent.
    settings : SessionSettings
        ``max_messages``, ``max_context_tokens`` and ``trim`` are looked at.
    alone : bool
        Whether the question goes without the turns before it, with the system text alone.

    Raises
    ------
    ContextLengthError
        A limit is passed and ``settings.trim`` is ``"error"``, or the last turn alone is too long.
    """
    if not path.turns:  # a tool's result, or a path that begins with an answer
        return Context(tuple(path.seqs))
    unsent = path.unsent(hidden)
    system = system_text(path.first, (path.turns[n] for n in path.marked if n not in unsent))
    begin, left_out = _within_limits(path.turns, unsent, system, settings, alone=alone)
    said = path.said_from(begin, unsent)
    return Context(tuple(sorted([*(node.seq for node in system), *said]) if system else said), left_out)


def sendable(path: Sequence[Node], hidden: Collection[tuple[int | None, int]]) -> list[Node]:
    """Return the messages of a path that are sent with what follows it, when no limit leaves any out."""
    known = Path.of(path)
    kept = kept_of(known.turns, hidden)
    said = (node for turn in kept for node in (turn.question, *turn.answers))
    return sorted([*system_text(known.first, kept), *said], key=lambda node: node.seq)


def system_text(first: Iterable[Node], turns: Iterable[PathTurn]) -> list[Node]:
    """Return the system messages that hold at the end of some turns: the last that replaces, and what adds to it.

    ``first`` are those that came with the session.
    """
    found = list(first)
    for turn in turns:
        for node in (*turn.pending, *turn.given):
            if node.scope == "replace":
                found = []
            if node.scope != "none" and node.says:
                found.append(node)
    return found


def system_now(path: Sequence[Node], hidden: Collection[tuple[int | None, int]]) -> list[Node]:
    """Return the system messages that the next question at the end of a path goes with."""
    known = Path.of(path)
    next_turn = [PathTurn(known.waiting[-1], known.waiting)] if known.waiting else []
    return system_text(known.first, [*kept_of(known.turns, hidden), *next_turn])


def kept_of(turns: Sequence[PathTurn], hidden: Collection[tuple[int | None, int]]) -> list[PathTurn]:
    """Return the turns that are sent, when no limit leaves any out: neither hidden nor unanswered."""
    return [turn for turn in turns if turn.key not in hidden and turn.is_answered]


def _within_limits(
    turns: Sequence[PathTurn],
    unsent: Collection[int],
    system: Sequence[Node],
    settings: SessionSettings,
    *,
    alone: bool,
) -> tuple[int, int]:
    """Return the first of the newest turns that fit beside the last, and how many limits leave out; one pass."""
    most, most_tokens = settings.max_messages, settings.max_context_tokens
    last = len(turns) - 1
    first = last if alone else 0
    if most is None and most_tokens is None:
        return first, 0
    asked, begin = turns[-1], last
    left_out = 0 if alone else last - len(unsent)
    count = _count(asked)
    chars = sum(node.chars for node in system) + _chars(asked)
    messages = count + len(system)
    for n in range(last - 1, first - 1, -1):
        if n in unsent:
            continue
        more = _count(turns[n])
        count, messages, chars = count + more, messages + more, chars + _chars(turns[n])
        if _over(count, messages, chars, most, most_tokens):
            break
        begin, left_out = n, left_out - 1
    if begin < last and not left_out:
        return begin, 0
    if left_out and settings.trim == "error":
        _refuse([turn for n, turn in enumerate(turns) if n not in unsent], system, settings)
    alone_tokens = about_tokens(
        sum(node.chars for node in system) + _chars(asked), _count(asked) + len(system)
    )
    if (
        most_tokens is not None and alone_tokens > most_tokens
    ):  # of messages, one turn may be more than the limit
        _refuse([asked], system, settings)
    if settings.trim == "error" and most is not None and _count(asked) > most:
        _refuse([asked], system, settings)
    return begin, left_out


def _over(count: int, messages: int, chars: int, most: int | None, most_tokens: int | None) -> bool:
    if most is not None and count > most:
        return True
    return most_tokens is not None and about_tokens(chars, messages) > most_tokens


def _refuse(turns: Sequence[PathTurn], system: Sequence[Node], settings: SessionSettings) -> None:
    count = sum(map(_count, turns))
    if settings.max_messages is not None and count > settings.max_messages:
        problem = f"{count} messages, max_messages is {settings.max_messages}"
    else:
        tokens = about_tokens(
            sum(node.chars for node in system) + sum(map(_chars, turns)), count + len(system)
        )
        problem = f"about {tokens} tokens, max_context_tokens is {settings.max_context_tokens}"
    hint = ", or set trim='oldest'" if settings.trim == "error" else ""
    raise ContextLengthError(
        f"The request is too long: {problem}. Nothing was sent; raise the limit, shorten the text{hint}.",
        provider=settings.provider,
        model=settings.model,
    )


def _count(turn: PathTurn) -> int:
    return 1 + sum(1 for node in turn.answers if node.says)


def _chars(turn: PathTurn) -> int:
    return turn.question.chars + sum(node.chars for node in turn.answers)
