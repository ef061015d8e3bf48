"""Conversations of every kind, in each storage, for the frames."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from langswarm_nb.analysis import prices
from langswarm_nb.core.session import (
    SessionManager,
    create_session_manager,
)
from langswarm_nb.core.session.storage.memory import InMemorySessionStorage
from tests.analysis.support import custom_storage, fill


@pytest.fixture(autouse=True)
def _prices_of_this_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a price that a test sets end with it."""
    monkeypatch.setattr(prices, "_own", {})
    monkeypatch.setattr(prices, "_warned", set())


@pytest.fixture(params=["memory", "sqlite", "custom"])
async def manager(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SessionManager]:
    """Yield a manager with no sessions, over each kind of storage."""
    if request.param == "custom":
        made = SessionManager(custom_storage(InMemorySessionStorage()))
    else:
        config = {"db_path": str(tmp_path / "sess?ions #1.db")} if request.param == "sqlite" else None
        made = create_session_manager(request.param, config)
    async with made as manager:
        yield manager


@pytest.fixture
async def filled(manager: SessionManager) -> SessionManager:
    """Return a manager with conversations that show every column filled and empty."""
    await fill(manager)
    return manager
