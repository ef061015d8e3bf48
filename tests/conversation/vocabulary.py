"""What random walks say: models, files, names, and what cells ask."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.conversation.driver import Ask, FrontEnd

MODEL, OTHER = "log:one", "log:two"
PATHS = ("a.ipynb", "b.ipynb", "c.ipynb")
NAMES = ("x", "y", "a", "a.ipynb:x", "b.ipynb:a", "a.ipynb:a")
TEXTS = ("go on", "shorter", "again")
FRONT_ENDS = (
    *([FrontEnd.LAB] * 4),
    *([FrontEnd.VSCODE] * 2),
    FrontEnd.NO_IDS,
    FrontEnd.INHERITED,
)


def asks_of(text: str, option: int, number: int) -> tuple[Ask, ...]:
    """Return what a cell asks, with one option or another."""
    ask = Ask(text, ())
    if option == 0:
        return ask, replace(ask, text=f"{text}, two")
    system = f"system {number}"
    changes: list[dict[str, Any]] = [
        {"system": system},
        {"system": system},
        {"system": system, "history": False},
        {"system": ""},
        {"history": False},
        {"models": (MODEL, OTHER)},
        {"models": (MODEL, OTHER)},
        {"models": (MODEL, OTHER), "history": False},
        {"models": (OTHER,)},
        {"rerun": "append"},
        {"rerun": "replace"},
        {"session": NAMES[number % len(NAMES)], "stay": number % 5 == 0},
        {"branch": "idea", "after": number % 2},
    ]
    return (replace(ask, **changes[option - 1]) if option <= len(changes) else ask,)
