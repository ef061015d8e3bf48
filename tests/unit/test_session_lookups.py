"""Sessions are found by their names and homes in SQL, whatever else there is."""

from __future__ import annotations

import inspect
import sqlite3
from dataclasses import replace

import pytest

from langswarm_nb.core.session.storage._sqlite import schema, sessions
from langswarm_nb.core.session.storage.records import encode_record
from tests.support.storages import record


@pytest.mark.unmeasured
@pytest.mark.parametrize(
    "tests",
    [
        {"labels": ["name 3"]},
        {"labels": ["name 3", "none"], "home": "/3"},
        {"labels": ["none"], "home": ""},
        {"id_begins": "s3-"},
        {"home": "/3"},
        {"is_main": True, "home": ""},
        {"is_main": True, "home": "/3"},
        {"noting": "main_of"},
        {"noting": "notebook"},
        {"home": "", "limit": 3},
    ],
    ids=str,
)
def test_a_session_is_found_without_a_look_at_all(tests):
    """However many sessions a user has, finding one takes the same work, counted in instructions of SQLite."""
    steps = [_steps(count, tests) for count in (100, 2000)]
    assert steps[1] < steps[0] * 1.5


def _steps(count: int, tests: dict[str, object]) -> int:
    db = sqlite3.connect(":memory:", isolation_level=None)
    schema.migrate(db)
    for n in range(count):
        columns = encode_record(replace(record(f"s{n}-"), title=f"name {n}", home=f"/{n}"))
        sessions.create(db, "memory", columns)
    db.execute("UPDATE sessions SET used_us = id, main_us = CASE WHEN id < 5 THEN 1 END")
    db.execute("""UPDATE sessions SET metadata = '{"main_of": {"/3": "2026"}}' WHERE id = 7""")
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    asked = dict.fromkeys(inspect.signature(sessions.select).parameters)
    del asked["db"]
    db.set_progress_handler(step, 1)
    sessions.select(db, **{**asked, "user_id": "ada", **tests})  # type: ignore[arg-type]  # as the contract passes them
    db.close()
    return steps
