"""The program of the guide "In a service" does what the guide says, under a real server."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from langswarm_nb.core.session import MessageRole, SessionMessage, create_session_manager
from tests.support.service import Service, events, served, until
from tests.support.waits import PATIENCE_S

pytest.importorskip("fastapi", reason="needs fastapi")
pytest.importorskip("uvicorn", reason="needs uvicorn")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the test's signals are those of POSIX")


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """Return the program with a model that counts to 100, a number every 50 ms."""
    async with served(tmp_path, CHAT_MODEL="mock:slow") as service:
        yield service


async def new_session(client: httpx.AsyncClient) -> str:
    made = await client.post("/sessions")
    assert made.status_code == httpx.codes.CREATED
    return str(made.json()["id"])


async def stored(service: Service, session_id: str) -> list[SessionMessage]:
    async with create_session_manager("sqlite", {"db_path": str(service.db_path)}) as manager:
        session = await manager.get_session(session_id)
        assert session is not None
        return await session.get_messages()


async def first_piece(response: httpx.Response) -> str:
    async for name, data in events(response):
        assert name == "delta"
        return str(data["text"])
    raise AssertionError("the stream ended")


async def test_an_answer_streams_and_is_read_back(tmp_path: Path) -> None:
    """Its pieces make the text that is stored, and the last event names the message."""
    async with served(tmp_path, CHAT_MODEL="mock:echo") as service, service.client() as client:
        session_id = await new_session(client)
        address = f"/sessions/{session_id}/messages"
        told: list[tuple[str, dict[str, Any]]] = []
        async with client.stream("POST", address, json={"text": "Good morning, all"}) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            told = [event async for event in events(response)]
        page = (await client.get(address)).json()
        assert (await client.get("/sessions")).json()[0]["id"] == session_id
    *pieces, (end, done) = told
    assert len(pieces) > 1
    assert [one["role"] for one in page] == ["user", "assistant"]
    assert page[1]["text"] == "".join(data["text"] for _, data in pieces)
    assert (end, done) == ("done", {"id": page[1]["id"], "finish_reason": "stop"})


async def test_a_client_that_goes_away_stops_its_stream(service: Service) -> None:
    """What it had read is kept, the session is free for the next question, and nothing stays open."""
    before = await service.facts()
    async with service.client() as client:
        session_id = await new_session(client)
        address = f"/sessions/{session_id}/messages"
        async with client.stream("POST", address, json={"text": "Count"}) as response:
            seen = await first_piece(response)
        async with client.stream("POST", address, json={"text": "Again"}) as response:
            await first_piece(response)  # the one before is over
        messages = await stored(service, session_id)
    assert [m.content for m in messages[::2]] == ["Count", "Again"]
    assert messages[1].content.startswith(seen)
    assert messages[1].finish_reason == "interrupted"
    await all_closed(service, before)


async def all_closed(service: Service, before: dict[int, dict[str, int]]) -> None:
    """Wait until no more tasks are there than before the first request."""
    facts = await service.facts()
    while {pid: fact["tasks"] for pid, fact in facts.items()} != {
        pid: fact["tasks"] for pid, fact in before.items()
    }:
        facts = await service.facts()


async def test_a_service_that_is_told_to_stop_keeps_what_had_arrived(tmp_path: Path) -> None:
    """It ends the answers that do not end by themselves, stores all that their clients got, and goes in good order."""
    seen = ""
    async with (
        served(tmp_path, "--timeout-graceful-shutdown", "1", CHAT_MODEL="mock:slow") as service,
        service.client() as client,
    ):
        session_id = await new_session(client)
        address = f"/sessions/{session_id}/messages"
        with suppress(httpx.TransportError):  # the answer is cut off
            async with client.stream("POST", address, json={"text": "Count"}) as response:
                async for name, data in events(response):
                    if not seen:
                        service.process.terminate()
                    assert name == "delta"
                    seen += data["text"]
        await until(lambda: service.process.poll() is not None)
    question, answer = await stored(service, session_id)
    assert question.content == "Count"
    assert answer.content.startswith(seen)
    assert answer.finish_reason == "interrupted"
    assert "Application shutdown complete" in service.log
    assert "Task was destroyed" not in service.log


async def test_users_see_what_is_theirs(service: Service) -> None:
    """A session of somebody else is not there, whatever is asked of it; who is deleted leaves nothing."""
    async with service.client("ada") as ada, service.client("bob") as bob:
        session_id = await new_session(ada)
        address = f"/sessions/{session_id}"
        for answer in (
            await bob.get(f"{address}/messages"),
            await bob.post(f"{address}/messages", json={"text": "Hello!"}),
            await bob.post(f"{address}/again"),
            await bob.delete(address),
        ):
            assert (answer.status_code, answer.json()) == (404, {"detail": "There is no such session."})
        assert (await bob.get("/sessions")).json() == []
        assert len((await ada.get("/sessions")).json()) == 1
        assert (await ada.delete("/me")).status_code == httpx.codes.NO_CONTENT
        assert (await ada.get("/sessions")).json() == []
    async with httpx.AsyncClient(base_url=service.url, timeout=PATIENCE_S) as nobody:
        assert (await nobody.get("/sessions")).status_code == httpx.codes.UNPROCESSABLE_ENTITY


async def test_a_user_who_is_deleted_ends_an_answer(service: Service) -> None:
    """The stream says so and is over; the server goes on."""
    async with service.client() as client:
        session_id = await new_session(client)
        async with client.stream(
            "POST", f"/sessions/{session_id}/messages", json={"text": "Count"}
        ) as response:
            told = events(response)
            await anext(told)
            async with service.client() as other:
                await other.delete("/me")
            *_, last = [event async for event in told]
        assert (last[0], last[1]["name"]) == ("error", "SessionNotFoundError")
        assert (await client.get("/health")).json() == {"status": "ok"}
    assert "Traceback" not in service.log


async def test_limits_are_told_before_anything_is_stored(service: Service) -> None:
    """A text that is too long is refused with the number that is allowed; a used-up budget with 429."""
    async with service.client() as client:
        session_id = await new_session(client)
        refused = await client.post(f"/sessions/{session_id}/messages", json={"text": "x" * 20_001})
        assert refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY
        assert "20,000" in refused.json()["detail"]
        assert await stored(service, session_id) == []
        async with create_session_manager("sqlite", {"db_path": str(service.db_path)}) as manager:
            session = await manager.get_session(session_id)
            assert session is not None
            await session.append(
                [SessionMessage(role=MessageRole.ASSISTANT, content="long", token_count=1_000_000)]
            )
        spent = await client.post(f"/sessions/{session_id}/messages", json={"text": "Hello!"})
        assert spent.status_code == httpx.codes.TOO_MANY_REQUESTS


async def test_a_question_that_failed_is_answered_by_asking_again(tmp_path: Path) -> None:
    """The error says that it is stored; `again` answers it, and it is there once."""
    async with served(tmp_path, CHAT_MODEL="mock:error") as service, service.client() as client:
        session_id = await new_session(client)
        async with client.stream("POST", f"/sessions/{session_id}/messages", json={"text": "Hi"}) as response:
            assert [event async for event in events(response)] == [
                ("error", {"name": "ProviderServerError", "is_stored": True})
            ]
        async with create_session_manager("sqlite", {"db_path": str(service.db_path)}) as manager:
            session = await manager.get_session(session_id)
            assert session is not None
            await session.update_settings(model="echo")  # the service works again
        async with client.stream("POST", f"/sessions/{session_id}/again") as response:
            *_, (end, _) = [event async for event in events(response)]
        assert end == "done"
        assert [m.role for m in await stored(service, session_id)] == ["user", "assistant"]
