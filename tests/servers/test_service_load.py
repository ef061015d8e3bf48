"""The program of the guide "In a service" under load: what it acknowledged is stored, and nothing piles up."""

from __future__ import annotations

import asyncio
import random
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from langswarm_nb.core.session import BaseSession, SessionMessage, create_session_manager
from tests.support.service import WORKERS, Service, events, served, until
from tests.support.stream_server import streaming

pytest.importorskip("fastapi", reason="needs fastapi")
pytest.importorskip("uvicorn", reason="needs uvicorn")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="the test's signals are those of POSIX"),
]

CLIENTS, SESSIONS, ROUNDS = 100, 25, 5
"""Each client sends once a round, in a session that it has together with others."""
PIECES, PAUSE_MS = 20, 5
KILL_AT = (40, 80, 120)
"""A worker is killed when so many sends were acknowledged, so in the midst of others."""
WHOLE = "".join(f" word{number}" for number in range(PIECES))


@dataclass
class Send:
    """What a client knows of one of its sends."""

    text: str
    leaves_after: int | None
    """So many pieces after which the client goes away; None when it reads to the end."""
    seen: str = ""
    reply_id: str | None = None
    """Told by the last event: the send is acknowledged."""
    is_broken: bool = False
    """Whether the connection broke."""


@dataclass
class Load:
    """The clients, and what becomes of their sends."""

    service: Service
    sessions: list[str]
    sends: list[Send] = field(default_factory=list)
    moments: list[int] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    async def rounds(self, numbers: range) -> None:
        """Let all clients send at once, each so often, and each of them leave one of its answers."""
        async with asyncio.TaskGroup() as group:
            for number in range(CLIENTS):
                group.create_task(self._client(number, numbers))

    async def _client(self, number: int, rounds: range) -> None:
        session = number % SESSIONS
        async with self.service.client(f"user {session}") as client:
            for turn in rounds:
                leaves = 3 if (number + turn) % ROUNDS == 0 else None
                send = Send(f"{number}.{turn}", leaves)
                self.sends.append(send)
                try:
                    await self._send(client, self.sessions[session], send)
                except httpx.TransportError:  # its worker was killed
                    send.is_broken = True

    async def _send(self, client: httpx.AsyncClient, session_id: str, send: Send) -> None:
        address, pieces = f"/sessions/{session_id}/messages", 0
        async with client.stream("POST", address, json={"text": send.text}) as response:
            assert response.status_code == httpx.codes.OK, await response.aread()
            async for name, data in events(response):
                assert name in {"delta", "done"}, (name, data)
                if name == "done":
                    send.reply_id = data["id"]
                    self._kill_when_due()
                    return
                send.seen += data["text"]
                pieces += 1
                if pieces == send.leaves_after:
                    return

    def _kill_when_due(self) -> None:
        if self.moments and sum(send.reply_id is not None for send in self.sends) >= self.moments[0]:
            self.moments.pop(0)
            self.service.kill(self.chance.choice(self.service.workers()))

    async def at_rest(self) -> dict[int, dict[str, int]]:
        """Return what the workers hold open once none has anything to do."""
        last: dict[int, dict[str, int]] = {}
        while (facts := await self.service.facts()) != last:
            last = facts
            await asyncio.sleep(0.5)  # so often uvicorn looks whether a connection is still needed
        return facts


async def test_a_service_under_load_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    """Four workers, 100 clients, 500 sends, killed workers, clients that leave: each answer is under its question."""
    with streaming() as address:
        async with served(
            tmp_path,
            workers=WORKERS,
            CHAT_MODEL=f"openai-compatible:deltas={PIECES},pause_ms={PAUSE_MS}",
            OPENAI_COMPATIBLE_BASE_URL=address,
        ) as service:
            load = Load(service, await _sessions(service))
            load.moments = list(KILL_AT)
            await load.rounds(range(3))
            assert not load.moments
            await until(lambda: len(service.workers()) == WORKERS)
            between = await load.at_rest()
            await load.rounds(range(3, ROUNDS))
            after = await load.at_rest()
    for what in ("descriptors", "tasks"):  # one worker at least was there from the beginning
        assert max(fact[what] for fact in after.values()) <= max(fact[what] for fact in between.values())
    assert len(load.sends) == CLIENTS * ROUNDS
    acknowledged = [send for send in load.sends if send.reply_id is not None]
    assert len(acknowledged) >= CLIENTS * (ROUNDS - 2)
    async with create_session_manager("sqlite", {"db_path": str(service.db_path)}) as manager:
        stored = [await manager.get_session(session_id) for session_id in load.sessions]
        messages = [await _checked(session, load.sends) for session in stored if session is not None]
    assert {send.text for send in acknowledged} <= {m.content for path in messages for m in path}


async def _sessions(service: Service) -> list[str]:
    made = []
    async with AsyncExitStack() as stack:
        for number in range(SESSIONS):
            client = await stack.enter_async_context(service.client(f"user {number}"))
            made.append((await client.post("/sessions")).json()["id"])
    return made


async def _checked(session: BaseSession, sends: list[Send]) -> list[SessionMessage]:
    """Return the path of a session after holding it against what clients know."""
    path, everything = await session.get_messages(), await session.get_messages(branch="all")
    assert [m.id for m in path] == [m.id for m in everything]
    by_text = {send.text: send for send in sends}
    questions = [m.content for m in path if m.role == "user"]
    assert len(questions) == len(set(questions))
    answered = {before.content for before, after in pairwise(path) if after.role == "assistant"}
    for before, after in pairwise([*path, None]):
        if after is not None and after.role == "assistant":
            assert before is not None
            assert (before.role, after.parent_seq) == ("user", before.seq)
            _check_answer(after, by_text[before.content])
    for text in questions:
        assert by_text[text].reply_id is None or text in answered
    return path


def _check_answer(answer: SessionMessage, send: Send) -> None:
    """Hold a stored answer against what its client read."""
    if send.reply_id is not None:
        assert (answer.id, answer.content, answer.finish_reason) == (send.reply_id, WHOLE, "stop")
        assert send.seen == WHOLE
    else:  # its client left, or its worker was killed
        assert WHOLE.startswith(answer.content)
        assert answer.content == WHOLE or answer.finish_reason == "interrupted"
    if send.leaves_after is not None and not send.is_broken:
        assert answer.content.startswith(send.seen)  # what was paid for is kept
