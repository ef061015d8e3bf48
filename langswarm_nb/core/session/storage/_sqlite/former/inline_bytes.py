"""Take the bytes out of messages in which they stand as base64, and count what messages carry."""

from __future__ import annotations

import json
import logging
import sqlite3

from langswarm_nb.core.session.parts.blobs import hashes_in, taken_out
from langswarm_nb.core.session.storage._sqlite.carried import link
from langswarm_nb.core.session.storage.carried import Load
from langswarm_nb.core.session.storage.packing import MARKS, pack, unpacked
from langswarm_nb.core.session.storage.rows import counts_of
from langswarm_nb.core.session.values import to_json

logger = logging.getLogger(__name__)

_CARRY = " OR ".join(f"parts LIKE '%\"{kind}\"%'" for kind in ("image", "file", "audio", "citation"))


def take_bytes_out(db: sqlite3.Connection) -> None:
    """Do it in all messages; one whose parts make no sense stays as it is."""
    for (key,) in db.execute(f"SELECT id FROM message_rows WHERE {_CARRY}").fetchall():
        parts, marks = db.execute("SELECT parts, marks FROM message_rows WHERE id = ?", (key,)).fetchone()
        try:
            light, blobs = taken_out(json.loads(parts))
            values = [*unpacked("marks", marks), *([None] * len(MARKS))][: len(MARKS)]
            values[-2:] = counts_of(light)
            changed = (to_json("parts", list(light)), pack(values), key)
        except (ValueError, TypeError, AttributeError, KeyError):
            logger.warning("The parts of message %s cannot be read; it is left as it is.", key)
            continue
        db.execute("UPDATE message_rows SET parts = ?, marks = ? WHERE id = ?", changed)
        link(db, key, Load([(0, of) for of in hashes_in(light) if of in blobs], blobs))
