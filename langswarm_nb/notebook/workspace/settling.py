"""Settle a kernel in its home: find out which notebook it is, and let the sessions follow what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from langswarm_nb.core.session import ISessionStorage, SessionRecord
from langswarm_nb.core.session.conversation.homes import (
    MAIN_OF,
    NOWHERE,
    OLD_KEY,
    Cells,
    Home,
    Told,
    alike,
    cells_of,
    decide,
    former,
    note_of,
)
from langswarm_nb.core.session.conversation.names import SHOWN_ID_CHARS, Known, address, word
from langswarm_nb.notebook.running_cell import is_lasting

from .home import read_saved


class Settled(NamedTuple):
    """A kernel in its home."""

    home: Home
    note: str = ""
    """What is to be told of it."""
    found: frozenset[str] = frozenset()
    """Ids of its sessions in which something was asked."""


async def settle(storage: ISessionStorage, user_id: str, told: Told) -> Settled:
    """Settle a kernel; sessions that belong to its home are given it.

    Raises
    ------
    SessionStorageError
        The store could not be read or written.
    """
    if told.home is None or decide(told, {}, {}).home is None:
        return Settled(NOWHERE)
    records = await _adopt_old(storage, user_id, told.home)
    homes: dict[str, Cells] = {record.home: {} for record in records if record.home is not None}
    homes |= _lasting(await storage.list_cells(user_id=user_id, home=told.home))
    home = decide(told, homes, {})
    if home.kind != "same" and (cells := cells_of(told)):
        for origin in await storage.list_cells(user_id=user_id, among=cells):
            homes |= _lasting(await storage.list_cells(user_id=user_id, home=origin))
        home = decide(told, homes, {origin: read_saved(origin) for origin in alike(told, homes)})
    note = note_of(home, _ways(home, records))
    if home.replaces or home.origin is not None:  # what is known of this path is about another notebook
        await _move(storage, records, told.home, former(told.home, datetime.now(UTC).astimezone()))
    if home.kind == "moved" and home.origin is not None:
        await _move(storage, records, home.origin, told.home)
    theirs = home.origin if home.kind == "moved" else told.home if home.kind == "same" else None
    found = {
        record.session_id for record in records if theirs and record.home == theirs and record.message_count
    }
    return Settled(home, note, frozenset(found))


def known_as(record: SessionRecord) -> Known:
    """Return what a session is known by."""
    return Known(record.session_id, record.title or "", record.home, record.status == "archived")


def main_of(records: Iterable[SessionRecord], home: str | None) -> SessionRecord | None:
    """Return the session that the unmarked cells of a home used last; None when there is none yet."""
    used = [(at, record) for record in records if (at := _used_at(record, home)) is not None]
    return max(used, key=lambda pair: pair[0])[1] if used else None


def as_main(record: SessionRecord, home: str | None) -> dict[str, object]:
    """Return the changes that make a session the one which the unmarked cells of a home used last."""
    now = datetime.now(UTC)
    if record.home == home:
        return {"main_at": now}
    pointers = dict(record.metadata.get(MAIN_OF, {}))
    return {"metadata": {**record.metadata, MAIN_OF: {**pointers, str(home): now.isoformat()}}}


def _used_at(record: SessionRecord, home: str | None) -> datetime | None:
    if record.home == home:
        return record.main_at
    pointers = record.metadata.get(MAIN_OF)
    at = pointers.get(str(home)) if isinstance(pointers, Mapping) else None
    try:
        return datetime.fromisoformat(at) if isinstance(at, str) else None
    except ValueError:  # somebody else's metadata
        return None


def _ways(home: Home, records: Sequence[SessionRecord]) -> dict[str, str]:
    """Return what names the main sessions of the homes that a decision is about."""
    known = [known_as(record) for record in records]
    ways: dict[str, str] = {}
    for place in (home.home, home.origin):
        main = main_of(records, place) if place is not None else None
        if main is None or place is None or main.home != place:
            continue
        # A session whose path is another's from now on is found by its id alone.
        by_id = main.session_id[:SHOWN_ID_CHARS]
        ways[place] = by_id if place == home.home else word(address(known_as(main), known))
    return ways


async def _move(storage: ISessionStorage, records: Sequence[SessionRecord], old: str, new: str) -> None:
    for record in reversed(records):  # so that the last used stays the last used
        if record.home == old:
            await storage.update_session(record.session_id, home=new)
        pointers = record.metadata.get(MAIN_OF)
        if isinstance(pointers, Mapping) and old in pointers:
            moved = {new if home == old else home: at for home, at in pointers.items()}
            await storage.update_session(record.session_id, metadata={**record.metadata, MAIN_OF: moved})


async def _adopt_old(storage: ISessionStorage, user_id: str, home: str) -> list[SessionRecord]:
    """Return a user's sessions, the last used first; those that knew this notebook by a hash are given their home."""
    records = await storage.list_sessions(user_id=user_id)
    old = [record for record in records if record.home is None and OLD_KEY in record.metadata]
    if not old:
        return records
    from hashlib import sha256  # it loads OpenSSL

    key = sha256(str(Path(home)).encode()).hexdigest()[:16]
    for record in reversed(old):
        if record.metadata[OLD_KEY] == key:
            # They were all made by cells that named no session.
            await storage.update_session(record.session_id, home=home, main_at=record.updated_at)
    return await storage.list_sessions(user_id=user_id)


def _lasting(homes: Mapping[str, Cells]) -> dict[str, Cells]:
    return {
        home: {cell: at for cell, at in cells.items() if is_lasting(cell)} for home, cells in homes.items()
    }
