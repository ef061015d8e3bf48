"""The words in which a view says what became of turns: one vocabulary for cells, panel, dry run and commands."""

from __future__ import annotations

NOT_STORED = "not stored yet"
"""A reply that came and is kept in memory until it can be stored."""
HAS_NO_PLACE = "not stored: its session is gone"
"""A reply that came and can never be stored."""


def turns(number: int, kind: str = "") -> str:
    """Return ``1 turn``, ``2 later turns``."""
    words = f"{kind} turn" if kind else "turn"
    return f"{number} {words}" if number == 1 else f"{number} {words}s"


def stay_with(number: int, address: str) -> str:
    """Later turns that stay where they were."""
    return f"{turns(number, 'later')} stay{'s' * (number == 1)} with {address}"


def left_out(number: int) -> str:
    """Earlier turns that a limit keeps from being sent."""
    return f"{turns(number, 'earlier')} left out"


def as_text(number: int) -> str:
    """Attachments that the model does not take, or not so many of."""
    return f"{number} attachment{'s' * (number != 1)} sent as text only"


def asked_at_end(turn: int) -> str:
    """A cell that was run out of order: its old turn is hidden."""
    return f"turn {turn} is hidden, asked again at the end"


def falls_back(address: str) -> str:
    """A comparison that was run again after one of its answers was chosen."""
    return f"the choice falls back to {address}"


def is_current(address: str) -> str:
    """A version that is on the path."""
    return f"{address} is already current"


def come_back(number: int) -> str:
    """Turns that stood behind a version and are on the path again."""
    return f"{turns(number, 'later')} come{'s' * (number == 1)} back"


def switched(branch: str) -> str:
    """The version is on another branch, which is now the current one."""
    return f"switched to branch {branch}"


def adopted(after: str | None) -> str:
    """An aside that was taken onto the path."""
    return f"aside, adopted after {after}" if after else "aside, adopted as the first turn"


def goes_on_from(address: str) -> str:
    """An answer of a comparison that was taken onto the path."""
    return f"goes on from {address}"


def left_behind(number: int, address: str) -> str:
    """Turns that are no longer on the path, and the way back to them."""
    return f"{turns(number, 'later')} stay{'s' * (number == 1)}, `use {address}` goes back"


def undone(number: int, last: str | None) -> str:
    """Turns that are no longer on the path; ``last`` is the address of the turn that now ends it."""
    if not number:
        return "there is nothing to undo; the conversation is empty"
    left = "the conversation is empty" if last is None else f"the last turn is {last}"
    return f"{turns(number)} undone and kept; {left}"


def restarted(number: int) -> str:
    """Turns that stay as versions of what is asked from now on."""
    if not number:
        return "the conversation is empty, so there is nothing to start over"
    return f"the conversation starts over; {turns(number)} stay{'s' * (number == 1)} as earlier versions"


def elsewhere(address: str) -> str:
    """An answer whose question is no longer the end of the path."""
    return f"the answer is at {address}, the path has moved on"


def marks(
    *,
    is_hidden: bool = False,
    beside: str | None = None,
    is_active: bool = True,
    status: str | None = None,
    scope: str | None = None,
    knew_other: bool = False,
) -> list[str]:
    """Return what sets a message apart from one that was answered, is on the path and is sent.

    Parameters
    ----------
    is_hidden, beside, is_active, scope
        As in `SessionMessage`.
    status : str, optional
        How its request ended.
    knew_other : bool
        Whether other turns stood before it when it was answered.
    """
    found = {
        "hidden from the model": is_hidden,
        "no longer sent": scope == "none",
        "aside": beside == "aside" and not is_active,
        "not on the path": beside is None and not is_active,
        "not chosen": beside == "comparison" and not is_active,
        "stopped": status == "stopped",
        "failed": status == "error",
        "answered in another context": knew_other,
    }
    return [mark for mark, holds in found.items() if holds]
