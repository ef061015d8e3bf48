"""What is sent for a question: the turns before it on its path, less what is hidden, unanswered, or too much."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from langswarm_nb.core.session.errors import ContextLengthError
from langswarm_nb.core.session.messages import about_tokens
from langswarm_nb.core.session.settings import SessionSettings

from .nodes import Node
from .tree import PathTurn, turns_of


class Context(NamedTuple):
    """What a request holds."""

    seqs: tuple[int, ...]
    """`seq` of each message that is sent, in order."""
    left_out: int = 0
    """Turns that limits leave out."""


def choose(
    path: Sequence[Node],
    hidden: Collection[tuple[int | None, int]],
    settings: SessionSettings,
    *,
    alone: bool = False,
) -> Context:
    """Return what is sent for the question that ends a path.

    Parameters
    ----------
    path : sequence of Node
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
    turns = turns_of(path)
    if not turns:  # a tool's result, or a path that begins with an answer
        return Context(tuple(node.seq for node in path))
    *earlier, asked = turns
    kept = kept_of(earlier, hidden)
    system = system_text([node for node in path if node.scope == "session"], [*kept, asked])
    sent = _within_limits([] if alone else kept, asked, system, settings)
    nodes = [*system, *(node for turn in [*sent, asked] for node in (turn.question, *turn.answers))]
    left_out = 0 if alone else len(kept) - len(sent)
    return Context(tuple(sorted(node.seq for node in nodes)), left_out)


def sendable(path: Sequence[Node], hidden: Collection[tuple[int | None, int]]) -> list[Node]:
    """Return the messages of a path that are sent with what follows it, when no limit leaves any out."""
    kept = kept_of(turns_of(path), hidden)
    system = system_text([node for node in path if node.scope == "session"], kept)
    said = (node for turn in kept for node in (turn.question, *turn.answers))
    return sorted([*system, *said], key=lambda node: node.seq)


def system_text(first: Sequence[Node], turns: Sequence[PathTurn]) -> list[Node]:
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
    turns = turns_of(path)
    kept = kept_of(turns, hidden)
    end = turns[-1].last.seq if turns else -1
    waiting = [node for node in path if node.seq > end and node.role == "system" and node.scope != "session"]
    first = [node for node in path if node.scope == "session"]
    next_turn = [PathTurn(waiting[-1], pending=waiting)] if waiting else []
    return system_text(first, [*kept, *next_turn])


def kept_of(turns: Sequence[PathTurn], hidden: Collection[tuple[int | None, int]]) -> list[PathTurn]:
    """Return the turns that are sent, when no limit leaves any out: neither hidden nor unanswered."""
    return [turn for turn in turns if turn.key not in hidden and turn.is_answered]


def _within_limits(
    kept: Sequence[PathTurn], asked: PathTurn, system: Sequence[Node], settings: SessionSettings
) -> Sequence[PathTurn]:
    """Return the newest turns that fit beside the question: one pass from the end."""
    most, most_tokens = settings.max_messages, settings.max_context_tokens
    if most is None and most_tokens is None:
        return kept
    count = _count(asked)
    chars = sum(node.chars for node in system) + _chars(asked)
    messages = count + len(system)
    at = len(kept)
    for turn in reversed(kept):
        count, messages, chars = count + _count(turn), messages + _count(turn), chars + _chars(turn)
        if _over(count, messages, chars, most, most_tokens):
            break
        at -= 1
    if at == 0 and kept:
        return kept
    if at and settings.trim == "error":
        _refuse(kept, asked, system, settings)
    alone = about_tokens(sum(node.chars for node in system) + _chars(asked), _count(asked) + len(system))
    if most_tokens is not None and alone > most_tokens:  # of messages, one turn may be more than the limit
        _refuse([], asked, system, settings)
    if settings.trim == "error" and most is not None and _count(asked) > most:
        _refuse([], asked, system, settings)
    return kept[at:]


def _over(count: int, messages: int, chars: int, most: int | None, most_tokens: int | None) -> bool:
    if most is not None and count > most:
        return True
    return most_tokens is not None and about_tokens(chars, messages) > most_tokens


def _refuse(
    kept: Sequence[PathTurn], asked: PathTurn, system: Sequence[Node], settings: SessionSettings
) -> None:
    turns = [*kept, asked]
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
