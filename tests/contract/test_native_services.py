"""Conversations that Gemini and Mistral hold, over their whole way: manager, session, provider, sockets, service."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    ProviderSessionError,
    SessionManager,
    StreamInterruptedError,
    create_provider_session,
    create_session_manager,
)
from langswarm_nb.core.session.messages import MessageRole
from tests.support.fake_services import FakeConversations, FakeInteractions, FakeService
from tests.support.faulty import FaultyServer, Reply

KEY = "canary-Zk8QvT3mXw9LbR5nYp2HdJ7s"
FAKES: dict[str, type[FakeService]] = {"gemini": FakeInteractions, "mistral": FakeConversations}


@pytest.fixture(params=list(FAKES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def fake(name: str, server: FaultyServer) -> FakeService:
    fake = FAKES[name](KEY)
    server.script(fake)
    return fake


@pytest.fixture
async def manager(
    name: str, server: FaultyServer, fake: FakeService, tmp_path: Path
) -> AsyncIterator[SessionManager]:
    async with new_manager(name, server, tmp_path) as manager:
        yield manager


def new_manager(name: str, server: FaultyServer, folder: Path) -> SessionManager:
    manager = create_session_manager("sqlite", {"db_path": str(folder / "sessions.db")})
    provider = create_provider_session(name, KEY, base_url=server.url)
    manager.add_provider_session(name, provider)
    return manager


@pytest.fixture(params=[True, False], ids=["stream", "whole"])
async def session(name: str, manager: SessionManager, request: pytest.FixtureRequest) -> BaseSession:
    return await manager.create_session(
        "ada", name, "test-model", "provider_native", temperature=0.5, stream=request.param, retries=0
    )


async def held_of(session: BaseSession) -> str:
    """Return the id of the conversation that goes on."""
    return str((await session.refresh()).native["id"])


def contents(folder: Path) -> list[bytes]:
    """Return what is in the files of a folder."""
    return [path.read_bytes() for path in folder.iterdir()]


def users(fake: FakeService, native_id: str) -> list[str]:
    """Return what the service holds of the user's."""
    return [line for line in fake.transcript(native_id) if line.startswith("user: ")]


async def test_only_what_is_new_is_sent(session: BaseSession, fake: FakeService) -> None:
    """The service holds each message once, and each request brings the new one alone."""
    for text in ("q1", "q2", "q3"):
        await session.send_message(text)
    assert fake.transcript(await held_of(session)) == [
        "user: q1",
        "assistant: r1",
        "user: q2",
        "assistant: r2",
        "user: q3",
        "assistant: r3",
    ]
    assert [body.get("input", body.get("inputs")) for body in fake.bodies] == ["q1", "q2", "q3"]
    assert [m.content for m in await session.get_messages()] == ["q1", "r1", "q2", "r2", "q3", "r3"]


async def test_settings_are_sent_with_every_request(session: BaseSession, fake: FakeService) -> None:
    """They are of the request, not of the conversation."""
    await session.send_message("q1")
    await session.send_message("q2", max_tokens=7)
    config = [body.get("generation_config") or body["completion_args"] for body in fake.bodies]
    assert [one["temperature"] for one in config] == [0.5, 0.5]
    assert 7 in config[1].values()


@pytest.mark.parametrize("loses", ["the last", "all"])
async def test_a_lost_conversation_is_rebuilt_once(
    session: BaseSession, fake: FakeService, loses: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller notices a line in the log, nothing else; the new conversation holds the whole path once."""
    await session.send_message("q1")
    await session.send_message("q2")
    fake.held.pop(await held_of(session))
    if loses == "all":
        fake.held.clear()
    with caplog.at_level(logging.WARNING, "langswarm_nb"):
        reply = await session.send_message("q3")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "started again" in caplog.text
    assert reply.content in ("r3", "r4")
    said = [line for line in fake.transcript(await held_of(session)) if ": " in line]
    assert said[:5] == ["user: q1", "assistant: r1", "user: q2", "assistant: r2", "user: q3"]
    assert len(said) == 6
    requests = len(fake.bodies)
    await session.send_message("q4")
    assert len(fake.bodies) == requests + 1
    assert [m.content for m in await session.get_messages(role=MessageRole.USER)] == ["q1", "q2", "q3", "q4"]


LOST_EVENTS = {
    "gemini": [
        {"event_type": "error", "error": {"code": "not_found", "message": "Invalid interaction name: x"}},
        {"error": {"code": 404, "status": "NOT_FOUND", "message": "gone"}},
    ],
    "mistral": [
        {"type": "conversation.response.error", "message": "Conversation conv_1 not found", "code": 404},
        {"object": "error", "message": "The conversation does not exist", "code": "404"},
    ],
}


@pytest.mark.parametrize("number", [0, 1])
async def test_a_conversation_lost_inside_a_stream_is_rebuilt(
    name: str, number: int, manager: SessionManager, fake: FakeService, server: FaultyServer
) -> None:
    """What the headers told before it is not an output."""
    session = await manager.create_session("ada", name, "test-model", "provider_native", stream=True)
    await session.send_message("q1")
    fake.held.clear()
    event = f"data: {json.dumps(LOST_EVENTS[name][number])}\n\n".encode()
    server.script(Reply.events(event, headers={"x-request-id": "r"}), fake)
    assert (await session.send_message("q2")).content == "r2"
    assert users(fake, await held_of(session)) == ["user: q1", "user: q2"]


async def test_a_service_that_has_lost_everything_twice_is_an_error(
    session: BaseSession, server: FaultyServer, fake: FakeService
) -> None:
    """A second refusal is reported, not answered with a third request."""
    await session.send_message("q1")
    server.requests.clear()
    server.script(Reply.json({"error": {"message": "interaction x not found", "code": "not_found"}}, 404))
    with pytest.raises(ProviderSessionError):
        await session.send_message("q2")
    assert len([request for request in server.requests if request.method == "POST"]) == 2


async def test_a_cut_answer_leaves_no_question_twice(session: BaseSession, fake: FakeService) -> None:
    """After an ambiguous failure the service may hold the question: a new conversation has it no more."""
    await session.send_message("q1")
    fake.next_reply = Reply.events(b": nothing\n\n", then="reset", cut_at=3)
    with pytest.raises(ProviderSessionError) as caught:
        await session.send_message("q2")
    assert caught.value.maybe_processed
    await session.send_message("q3")
    lines = fake.transcript(await held_of(session))
    assert sum("q2" in line for line in lines) == 0
    assert sum("q3" in line for line in lines) == 1


async def test_a_stream_cut_in_the_middle_is_kept_and_left(session: BaseSession, fake: FakeService) -> None:
    """The part is kept, and what the service holds of the broken turn is not gone on with."""
    await session.send_message("q1")
    fake.texts.append("first half|second half")
    stream = session.stream_message("q2", stream=True)
    broken_at = await held_of(session)

    def cut(reply: Reply) -> Reply:
        return reply.but(cut_at=reply.body.index(b"second half"), then="reset")

    answer = fake._instead
    fake._instead = lambda reply: cut(answer(reply))  # type: ignore[method-assign]
    with pytest.raises(StreamInterruptedError):
        async for _ in stream:
            pass
    fake._instead = answer  # type: ignore[method-assign]
    await session.send_message("q3")
    lines = [line for line in fake.transcript(await held_of(session)) if ": " in line]
    assert lines[2:4] == ["user: q2", "assistant: first half"]
    assert await held_of(session) != broken_at
    assert await session.delete()
    assert fake.held == {}


async def test_a_branch_gets_a_conversation_of_its_own(session: BaseSession, fake: FakeService) -> None:
    """What the service holds of the branch left behind is not gone on with."""
    await session.send_message("q1")
    await session.send_message("q2")
    await session.undo()
    await session.send_message("Q2")
    said = [line for line in fake.transcript(await held_of(session)) if ": " in line]
    assert said == ["user: q1", "assistant: r1", "user: Q2", "assistant: r3"]


async def test_deleting_a_session_deletes_all_that_is_held(session: BaseSession, fake: FakeService) -> None:
    """Those of branches, and each interaction of a chain."""
    for text in ("q1", "q2"):
        await session.send_message(text)
    await session.undo()
    await session.send_message("q3")
    assert await session.delete()
    assert fake.held == {}


async def test_a_conversation_goes_on_after_a_restart(
    name: str,
    session: BaseSession,
    manager: SessionManager,
    server: FaultyServer,
    fake: FakeService,
    tmp_path: Path,
) -> None:
    """Another process with the same file goes on where this one stopped."""
    await session.send_message("q1")
    await manager.close()
    async with new_manager(name, server, tmp_path) as later:
        again = await later.get_session(session.session_id)
        assert isinstance(again, BaseSession)
        await again.send_message("q2")
        assert fake.bodies[-1].get("input", fake.bodies[-1].get("inputs")) == "q2"
        assert len(fake.transcript(await held_of(again))) == 4


async def test_a_server_that_ignores_the_conversation_is_not_trusted(
    session: BaseSession, fake: FakeService, caplog: pytest.LogCaptureFixture
) -> None:
    """An answer that continues something else is followed by the whole history, and a line in the log."""
    await session.send_message("q1")
    fake.ignores_previous = True
    with caplog.at_level(logging.WARNING, "langswarm_nb"):
        await session.send_message("q2")
    assert "history is sent again" in caplog.text
    fake.ignores_previous = False
    await session.send_message("q3")
    assert users(fake, await held_of(session)) == ["user: q1", "user: q2", "user: q3"]


async def test_a_changed_system_text_reaches_the_model(session: BaseSession, fake: FakeService) -> None:
    """Later system messages are in force, whether the service takes them with each request or at the beginning."""
    await session.add_system_message("be brief")
    await session.send_message("q1")
    await session.add_system_message("be kind")
    await session.send_message("q2")
    body = fake.bodies[-1]
    assert body.get("system_instruction", body.get("instructions")) == "be brief\n\nbe kind"
    assert [line for line in fake.transcript(await held_of(session)) if "user" in line] == [
        "user: q1",
        "user: q2",
    ]


async def test_the_key_is_left_nowhere(
    session: BaseSession, fake: FakeService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in the file, the log or an error, when the service is right, lost and wrong."""
    with caplog.at_level(logging.DEBUG):
        await session.send_message("q1")
        fake.held.clear()
        await session.send_message("q2")
        fake.next_reply = Reply.json({"error": {"message": f"bad key {KEY}"}}, 401)
        with pytest.raises(ProviderSessionError) as caught:
            await session.send_message("q3")
    left = "".join(
        [caplog.text, str(caught.value), repr(caught.value), repr(session), await session.export()]
    )
    assert KEY not in left
    assert all(KEY.encode() not in content for content in contents(tmp_path))
