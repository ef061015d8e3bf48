"""A manager over each storage, with a mock provider that a test can script."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from langswarm_nb.core.session import BaseSession, SessionManager, create_session_manager
from langswarm_nb.core.session.providers.mock import MockProviderSession
from tests.support.two_kernels import Kernel


@pytest.fixture(params=["memory", "sqlite"])
async def manager(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SessionManager]:
    config = {"db_path": str(tmp_path / "sessions.db")} if request.param == "sqlite" else None
    async with create_session_manager(request.param, config) as manager:
        yield manager


@pytest.fixture
async def session(manager: SessionManager) -> BaseSession:
    return await manager.create_session("ada", "mock", "echo")


@pytest.fixture
def script(manager: SessionManager) -> Callable[..., MockProviderSession]:
    """Let the provider ``mock`` answer as told from now on."""

    def use(*replies: Any, **config: Any) -> MockProviderSession:
        mock = MockProviderSession(replies=replies or None, **config)
        manager.add_provider_session("mock", mock)
        return mock

    return use


@pytest.fixture
async def kernels(tmp_path: Path) -> AsyncIterator[tuple[Kernel, Kernel]]:
    """Two that work in one session of one file; the provider of the second answers at once."""
    config = {"db_path": str(tmp_path / "s.db")}
    async with (
        create_session_manager("sqlite", config) as one,
        create_session_manager("sqlite", config) as two,
    ):
        session = await one.create_session("ada", "mock", "echo")
        again = await two.get_session(session.session_id)
        assert again is not None
        first, second = Kernel(one, session), Kernel(two, again)
        second.gate.opened.set()
        yield first, second
        first.gate.opened.set()
