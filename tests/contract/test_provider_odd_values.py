"""A reply is not lost for what a server adds to it: odd ids, models, reasons and details."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from langswarm_nb.core.session import SessionError, SessionManager, create_session_manager
from tests.contract.provider_cases import TEXT, Dialect
from tests.support.faulty import FaultyServer, Reply

DEEP: Any = 1
for _ in range(200):
    DEEP = {"a": [DEEP]}
ODD = {
    "number": 7,
    "truth": True,
    "list": [1, "x"],
    "object": {"a": 1},
    "deep": DEEP,
    "half a character": "a\ud800",
    "long": "x" * 100_000,
    "nothing": None,
    "empty": "",
    "controls": "a\x00\x1b[2J\u202e",
}
PLACES = {
    "names": rb'"(?:test-model-1|chatcmpl-1|resp-1|resp_1|reply-1|msg_1|v1_1|conv_1)"',
    "ends": rb'"(?:stop|STOP|completed|COMPLETE|end_turn)"',
}


@pytest.fixture
async def manager(tmp_path: Path) -> AsyncIterator[SessionManager]:
    async with create_session_manager("sqlite", {"db_path": str(tmp_path / "sessions.db")}) as manager:
        yield manager


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("place", PLACES)
async def test_a_reply_with_odd_values_is_kept(
    dialect: Dialect, server: FaultyServer, manager: SessionManager, odd: str, place: str
) -> None:
    """Its text is stored, whole or as the part that came; no value of another kind than expected prevents it."""
    body = re.sub(PLACES[place], json.dumps(ODD[odd]).encode().replace(b"\\", b"\\\\"), dialect.stream)
    server.script(Reply.events(body))
    provider = dialect.create(server.url)
    manager.add_provider_session(provider.name, provider)
    session = await manager.create_session("ada", provider.name, "test-model")
    with contextlib.suppress(SessionError):
        await session.send_message("Hi")
    (kept,) = (message for message in await session.get_messages() if message.role == "assistant")
    assert kept.content == TEXT
    facts = kept.request
    assert facts is not None
    told: Any
    for told in (facts.model, kept.provider_message_id, facts.provider_finish_reason):
        assert told is None or (isinstance(told, str) and len(told) <= 1000)


@pytest.mark.parametrize("odd", ODD)
async def test_odd_details_lose_no_reply(
    dialect: Dialect, server: FaultyServer, manager: SessionManager, odd: str
) -> None:
    """Nor do extra fields at the top of each event."""
    extra = json.dumps(
        dict.fromkeys(("service_tier", "provider", "usage", "promptFeedback", "system_fingerprint"), ODD[odd])
    )
    body = re.sub(
        rb"^(data: |)\{(?!\})",
        rb"\1" + extra[:-1].encode().replace(b"\\", b"\\\\") + b", ",
        dialect.stream,
        flags=re.MULTILINE,
    )
    server.script(Reply.events(body))
    provider = dialect.create(server.url)
    manager.add_provider_session(provider.name, provider)
    session = await manager.create_session("ada", provider.name, "test-model")
    with contextlib.suppress(SessionError):
        await session.send_message("Hi")
    replies = [message for message in await session.get_messages() if message.role == "assistant"]
    assert len(replies) == 1
