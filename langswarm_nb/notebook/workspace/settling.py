"""Settle a kernel in its home: find out which notebook it is, and let the sessions follow what became of it."""

from __future__ import annotations

from collections.abc import Mapping
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
from langswarm_nb.core.session.conversation.names import SHOWN_ID_CHARS, Known, address, normal, word
from langswarm_nb.notebook.running_cell import is_lasting

from .home import read_saved


class Settled(NamedTuple):
    """A kernel in its home."""

    home: Home
    note: str = ""
    """What to show about it."""
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
    await _adopt_old(storage, user_id, told.home)
    is_known = await storage.list_sessions(user_id=user_id, home=told.home, limit=1)
    homes: dict[str, Cells] = {told.home: {}} if is_known else {}
    homes |= _lasting(await storage.list_cells(user_id=user_id, home=told.home))
    home = decide(told, homes, {})
    if home.kind != "same" and (cells := cells_of(told)):
        for origin in await storage.list_cells(user_id=user_id, among=cells):
            homes |= _lasting(await storage.list_cells(user_id=user_id, home=origin))
        home = decide(told, homes, {origin: read_saved(origin) for origin in alike(told, homes)})
    note = note_of(home, await _ways(storage, user_id, home))
    theirs = home.origin if home.kind == "moved" else told.home if home.kind == "same" else None
    found = [] if theirs is None else await storage.list_sessions(user_id=user_id, home=theirs)
    if home.replaces or home.origin is not None:  # what is known of this path is about another notebook
        await _move(storage, user_id, told.home, former(told.home, datetime.now(UTC).astimezone()))
    if home.kind == "moved" and home.origin is not None:
        await _move(storage, user_id, home.origin, told.home)
    return Settled(home, note, frozenset(record.session_id for record in found if record.message_count))


def known_as(record: SessionRecord) -> Known:
    """Return what a session is known by."""
    return Known(record.session_id, record.title or "", record.home, record.status == "archived")


async def find_main(storage: ISessionStorage, user_id: str, home: str | None) -> SessionRecord | None:
    """Return the session that the unmarked cells of a home used last; None when there is none yet.

    Raises
    ------
    SessionStorageError
        The store could not be read.
    """
    own = await storage.list_sessions(user_id=user_id, is_main=True, home=home or "")
    visited = await storage.list_sessions(user_id=user_id, noting=MAIN_OF)
    used = [(at, record) for record in [*own, *visited] if (at := _used_at(record, home)) is not None]
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


async def _ways(storage: ISessionStorage, user_id: str, home: Home) -> dict[str, str]:
    """Return what names the main sessions of the homes that a decision is about."""
    ways: dict[str, str] = {}
    for place in (home.home, home.origin):
        if place is None or not (home.replaces or home.kind == "copy"):
            continue
        main = await find_main(storage, user_id, place)
        if main is None or main.home != place:
            continue
        # A session whose path is another's from now on is found by its id alone.
        by_id = main.session_id[:SHOWN_ID_CHARS]
        ways[place] = by_id if place == home.home else word(await address_of(storage, user_id, main))
    return ways


async def address_of(storage: ISessionStorage, user_id: str, record: SessionRecord) -> str:
    """Return what names a session from everywhere.

    Raises
    ------
    SessionStorageError
        The store could not be read.
    """
    alike = await storage.list_sessions(user_id=user_id, labels=[normal(record.title or "")])
    homes = await storage.list_homes(user_id=user_id)
    return address(known_as(record), [known_as(each) for each in alike], homes)


async def _move(storage: ISessionStorage, user_id: str, old: str, new: str) -> None:
    own = await storage.list_sessions(user_id=user_id, home=old)
    visited = await storage.list_sessions(user_id=user_id, noting=MAIN_OF)
    records = {record.session_id: record for record in [*own, *visited]}
    # In this order, so that the last used stays the last used.
    for record in sorted(records.values(), key=lambda record: record.used_at or record.updated_at):
        if record.home == old:
            await storage.update_session(record.session_id, home=new)
        pointers = record.metadata.get(MAIN_OF)
        if isinstance(pointers, Mapping) and old in pointers:
            moved = {new if home == old else home: at for home, at in pointers.items()}
            await storage.update_session(record.session_id, metadata={**record.metadata, MAIN_OF: moved})


async def _adopt_old(storage: ISessionStorage, user_id: str, home: str) -> None:
    """Give those sessions their home that knew this notebook by a hash."""
    noting = await storage.list_sessions(user_id=user_id, noting=OLD_KEY)
    old = [record for record in noting if record.home is None]
    if not old:
        return
    from hashlib import sha256  # it loads OpenSSL

    key = sha256(str(Path(home)).encode()).hexdigest()[:16]
    for record in reversed(old):
        if record.metadata[OLD_KEY] == key:
            # They were all made by cells that named no session.
            await storage.update_session(record.session_id, home=home, main_at=record.updated_at)


def _lasting(homes: Mapping[str, Cells]) -> dict[str, Cells]:
    return {
        home: {cell: at for cell, at in cells.items() if is_lasting(cell)} for home, cells in homes.items()
    }
