"""Each storage in turn: one that joins the list takes on every promise of the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from langswarm_nb.core.session import ISessionStorage
from langswarm_nb.core.session.storage import create_storage
from tests.support.storages import Reopen


@pytest.fixture(params=["memory", "sqlite"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ISessionStorage]:
    config = {"db_path": tmp_path / "sessions.db"} if request.param == "sqlite" else None
    opened = create_storage(request.param, config)
    yield opened
    await opened.close()


@pytest.fixture
async def reopen(storage: ISessionStorage, tmp_path: Path) -> AsyncIterator[Reopen]:
    """Close the storage and return a new one with the same sessions; one that keeps nothing returns itself."""
    opened: list[ISessionStorage] = []

    async def again() -> ISessionStorage:
        if not hasattr(storage, "db_path"):
            return storage
        await storage.close()
        opened.append(create_storage("sqlite", {"db_path": storage.db_path}))
        return opened[-1]

    yield again
    for one in opened:
        await one.close()
