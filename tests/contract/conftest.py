"""Each storage and each provider in turn: one that joins the list takes on every promise of the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from langswarm_nb.core.session import ISessionStorage
from langswarm_nb.core.session.providers._http.pool import LIBRARY_VARIABLE
from langswarm_nb.core.session.storage import create_storage
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage
from langswarm_nb.core.session.storage.unlogged import UnloggedStorage
from tests.contract.provider_cases import Dialect, impatient
from tests.contract.provider_dialects import DIALECTS
from tests.support.faulty import FaultyServer, Reply
from tests.support.storages import Reopen


@pytest.fixture(params=["memory", "sqlite", "unlogged"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ISessionStorage]:
    config = None if request.param == "memory" else {"db_path": tmp_path / "sessions.db"}
    opened = create_storage("memory" if request.param == "memory" else "sqlite", config)
    if request.param == "unlogged":
        opened = UnloggedStorage(opened)
    yield opened
    await opened.close()


@pytest.fixture
async def reopen(storage: ISessionStorage, tmp_path: Path) -> AsyncIterator[Reopen]:
    """Close the storage and return a new one with the same sessions; one that keeps nothing returns itself."""
    opened: list[ISessionStorage] = []

    async def again() -> ISessionStorage:
        if not isinstance(storage, SQLiteSessionStorage):
            return storage
        await storage.close()
        opened.append(create_storage("sqlite", {"db_path": storage.db_path}))
        return opened[-1]

    yield again
    for one in opened:
        await one.close()


@pytest.fixture(params=["httpx", "aiohttp"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Carry the requests by one library or the other."""
    if find_spec(request.param) is None:
        pytest.skip(f"needs {request.param} (extra fast)")
    monkeypatch.setenv(LIBRARY_VARIABLE, request.param)
    return str(request.param)


@pytest.fixture(params=list(DIALECTS))
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return DIALECTS[request.param]


@pytest.fixture(params=[name for name, dialect in DIALECTS.items() if not dialect.is_lines])
def sse_dialect(request: pytest.FixtureRequest) -> Dialect:
    """Return each dialect whose streams are server-sent events."""
    return DIALECTS[request.param]


@pytest.fixture
async def server() -> AsyncIterator[FaultyServer]:
    async with FaultyServer() as server:
        yield server


@pytest.fixture
async def provider(dialect: Dialect, server: FaultyServer, library: str) -> AsyncIterator[Any]:
    """Yield a session that speaks to the faulty server; it notes its waits between attempts in `waits`."""
    provider = impatient(dialect, server.url)
    yield provider
    await provider.close()


@pytest.fixture
def good(dialect: Dialect) -> Reply:
    """Return a whole reply, as a stream."""
    return Reply.events(dialect.stream)
