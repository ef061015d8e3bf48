"""A process that is killed while it asks once more for an answer that did not fit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from langswarm_nb.core.session import create_session_manager
from langswarm_nb.core.session.providers.mock import MockProviderSession
from tests.support.paths import REPOSITORY
from tests.support.storages import texts


@pytest.mark.parametrize(
    "moment, left, sent",
    [
        ("before", ["How many?", "no"], "And?"),
        ("amid", ["How many?", "no", '{"n": '], 'How many? {"n":  And?'),
    ],
)
async def test_what_had_come_is_there_and_the_session_is_free(
    tmp_path: Path, moment: str, left: list[str], sent: str
) -> None:
    """The first answer is kept beside the path, a part of the second on it; the next send goes at once."""
    path = tmp_path / "s.db"
    harness = "tests.faults.killed_attempt"
    ended = subprocess.run([sys.executable, "-m", harness, str(path), moment], cwd=REPOSITORY, check=False)  # noqa: ASYNC221 - alone
    assert ended.returncode == -9
    async with create_session_manager("sqlite", {"db_path": str(path)}) as manager:
        session = await manager.get_session("s")
        assert session is not None
        found = await session.get_messages(branch="all")
        assert [m.content for m in found] == left
        assert [m.is_active for m in found] == [True, False, True][: len(left)]
        assert all(m.request.schema_hash for m in found[1:] if m.request is not None)
        mock = MockProviderSession(replies=["Fine.", '{"n": 2}'])
        manager.add_provider_session("mock", mock)
        await session.send_message("And?", when_busy="raise")
        assert texts(mock.requests[-1].messages) == sent
        assert (await session.regenerate(found[0].id)).data == {"n": 2}
