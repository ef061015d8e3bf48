"""The words of what is told: one vocabulary for footers, dry runs, commands and panels.

A product says more than this in one line; that these words are in it is what a driver looks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.conversation.driver import Note

ADDRESS = r"\d+\.\d+"

PATTERNS = {
    "later_turns_stay": rf"(?P<number>\d+) later turns? stays?(?: with (?P<where>{ADDRESS}))?",
    "left_out": r"(?P<number>\d+) earlier turns? left out",
    "asked_again_at_end": r"turn (?P<where>\d+) is hidden, asked again at the end",
    "choice_falls_back": rf"the choice falls back to (?P<where>{ADDRESS})",
    "answer_elsewhere": rf"the answer is at (?P<where>{ADDRESS})",
    "already": rf"(?P<where>{ADDRESS}) is already current",
    "come_back": r"(?P<number>\d+) later turns? comes? back",
    "switched": r"switched to branch (?P<where>[^\s,]+)",
    "adopted": rf"aside, adopted(?: after (?P<where>{ADDRESS}))?",
    "goes_on_from": rf"goes on from (?P<where>{ADDRESS})",
    "undone": r"(?P<number>\d+) turns? undone",
    "model_of_session": r"(?P<where>\S+) is now the model of this session",
    "renamed": r"the old one is now (?P<where>.+ \(.+\))",
    "elsewhere": r"the one (?:of (?P<where>\S+\.ipynb)|without a notebook)",
    "also_elsewhere": r"another of this name (?:in (?P<where>\S+\.ipynb)|without a notebook)",
    "moved": r"this notebook was (?P<where>\S+\.ipynb)",
    "copy": r"new session: this is a copy of (?P<where>\S+\.ipynb)",
    "other_notebook": r"new session: this is another notebook",
}
"""What is told of each kind, as a pattern; ``{when}`` stands for a day and a time."""


def find_notes(text: str) -> Iterator[Note]:
    """Yield the notes in what a product said."""
    for kind, pattern in PATTERNS.items():
        for match in re.finditer(pattern, text):
            found = match.groupdict()
            yield Note(kind, int(found.get("number") or 0), found.get("where") or "")


def words(note: Note) -> str:
    """Say a note."""
    kind, number, where = note
    turns = "turn" if number == 1 else "turns"
    s = "s" if number == 1 else ""
    return {
        "later_turns_stay": f"{number} later {turns} stay{s}" + (f" with {where}" if where else ""),
        "left_out": f"{number} earlier {turns} left out",
        "asked_again_at_end": f"turn {where} is hidden, asked again at the end",
        "choice_falls_back": f"the choice falls back to {where}",
        "answer_elsewhere": f"the answer is at {where}",
        "already": f"{where} is already current",
        "come_back": f"{number} later {turns} come{s} back",
        "switched": f"switched to branch {where}",
        "adopted": "aside, adopted" + (f" after {where}" if where else ""),
        "goes_on_from": f"goes on from {where}",
        "undone": f"{number} {turns} undone",
        "model_of_session": f"{where} is now the model of this session",
        "renamed": f"the old one is now {where}",
        "elsewhere": f"the one of {where}" if where else "the one without a notebook",
        "also_elsewhere": f"another of this name in {where}"
        if where
        else "another of this name without a notebook",
        "moved": f"this notebook was {where}",
        "copy": f"new session: this is a copy of {where}",
        "other_notebook": "new session: this is another notebook",
    }[kind]
