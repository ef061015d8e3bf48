"""What home a kernel has: the notebook it belongs to, and what became of it since its sessions were made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

_COARSE = timedelta(seconds=0.02)
"""Clocks of file systems may be so far behind."""

Cells = Mapping[str, datetime]
"""The cells that asked in the sessions of a home, and when each did so first; only ids that outlive a kernel."""


MAIN_OF, OLD_KEY = "main_of", "notebook"
"""In the metadata of a session: other homes whose unmarked cells used it, and when; in version 0.1 of the tables, a
hash of its notebook's path."""


def without_places(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a session without what is about notebooks, as it means something elsewhere."""
    return {name: value for name, value in metadata.items() if name not in (MAIN_OF, OLD_KEY)}


class Saved(NamedTuple):
    """A notebook's file."""

    cells: frozenset[str] | None
    """Ids of its cells; None when its cells have none."""
    at: datetime
    """When it became what it is: saved, or moved here."""


class Told(NamedTuple):
    """What is known of the notebook that a kernel runs in."""

    home: str | None
    """As the front end names it; None when it does not."""
    saved: Saved | None = None
    """Its file; None when there is none, or none that can be read."""
    cell_id: str | None = None
    """The cell that runs, where its id outlives the kernel."""
    in_cell: bool = True
    """Whether the request says which cell runs."""
    is_sure: bool = False
    """Whether the name is this kernel's own all the same: an environment variable may be inherited."""


class Home(NamedTuple):
    """The decision."""

    home: str | None
    """The kernel's home; None when it has none."""
    kind: Literal["none", "same", "new", "moved", "copy"]
    """What the notebook is: of no name; one that has sessions; without any; another one's, from elsewhere; its copy."""
    origin: str | None = None
    """The home that sessions come along from, or that this is a copy of."""
    replaces: bool = False
    """Whether the sessions at this path are those of another notebook, which is no longer here."""


NOWHERE = Home(None, "none")


def decide(told: Told, homes: Mapping[str, Cells], files: Mapping[str, Saved | None]) -> Home:
    """Return the home of a kernel.

    Parameters
    ----------
    told : Told
        What is known of its notebook.
    homes : mapping of str to Cells
        All homes that have sessions.
    files : mapping of str to Saved or None
        The files of the homes that `alike` names.
    """
    home = told.home
    if home is None or not (told.in_cell or told.is_sure):
        return NOWHERE
    replaces = is_another(told.saved, homes.get(home, {}), told.cell_id)
    if home in homes and not replaces:
        return Home(home, "same")
    origins = alike(told, homes)
    gone = [origin for origin in origins if _is_gone(files.get(origin), homes[origin])]
    if gone:
        return Home(home, "moved", gone[0], replaces)
    return Home(home, "copy" if origins else "new", origins[0] if origins else None, replaces)


def is_another(saved: Saved | None, cells: Cells, cell_id: str | None = None) -> bool:
    """Tell whether a file is another notebook than the one whose cells asked.

    Cells that asked after the file was saved need not be in it, so those before count; one that runs now does too.
    """
    if saved is None or saved.cells is None:
        return False
    there = saved.cells if cell_id is None else saved.cells | {cell_id}
    until = saved.at + _COARSE
    return any(at <= until for at in cells.values()) and there.isdisjoint(cells)


def alike(told: Told, homes: Mapping[str, Cells]) -> list[str]:
    """Return the other homes whose cells are in a notebook: those with most of them first, of these the latest.

    Who copies a notebook goes on in the copy, so of several that are alike the one that asked last is meant.
    """
    there = cells_of(told)
    asked = {
        home: [at for cell, at in cells.items() if cell in there]
        for home, cells in homes.items()
        if home != told.home
    }
    found = [home for home, times in asked.items() if times]
    return sorted(found, key=lambda home: (len(asked[home]), max(asked[home])), reverse=True)


def cells_of(told: Told) -> set[str]:
    """Return the cells of a kernel's notebook, as far as they are known."""
    there = set() if told.saved is None else set(told.saved.cells or ())
    return there if told.cell_id is None else {*there, told.cell_id}


def _is_gone(saved: Saved | None, cells: Cells) -> bool:
    return saved is None or is_another(saved, cells)


# What is said


def file_name(home: str) -> str:
    """Return the name of a notebook's file."""
    return re.split(r"[/\\]", home)[-1]


def former(home: str, at: datetime) -> str:
    """Return what a home is called when another notebook has taken its path."""
    return f"{home} (until {at:%Y-%m-%d, %H:%M:%S})"


def path_of(home: str) -> str:
    """Return where a notebook is, or was before another took its path."""
    return re.sub(r" \(until [\d, :-]+\)$", "", home)


def note_of(home: Home, ways: Mapping[str, str]) -> str:
    """Return the sentence that explains a decision; empty when there is nothing to say.

    Parameters
    ----------
    home : Home
        The decision.
    ways : mapping of str to str
        For the home it is about: what names its main session from here; may be missing.
    """
    if home.kind == "moved" and home.origin is not None:
        if home.home is not None and path_of(home.origin) == home.home:
            return "the conversations that this notebook had here before are back"
        return f"this notebook was {file_name(home.origin)}, its conversations moved with it"
    if home.kind == "copy" and home.origin is not None:
        way = ways.get(home.origin)
        told = f"new session: this is a copy of {file_name(home.origin)}"
        return f"{told}, `%langswarm fork {way}` brings its conversation here" if way else told
    if home.replaces and home.home is not None:
        way = ways.get(home.home)
        told = "new session: this is another notebook, not the one that was here before"
        return f"{told}, `%langswarm switch {way}` continues its conversation" if way else told
    return ""
