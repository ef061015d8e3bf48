"""Conversations that OpenAI holds, over their whole way: manager, session, provider, sockets, service."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    ProviderAuthenticationError,
    ProviderNotFoundError,
    ProviderRequestError,
    ProviderSessionError,
    SessionManager,
    StreamInterruptedError,
    create_session_manager,
)
from langswarm_nb.core.session.messages import MessageRole
from langswarm_nb.core.session.provider_events import RetryNotice
from langswarm_nb.core.session.providers.openai import OpenAIProviderSession
from tests.support.fake_openai import FakeOpenAI
from tests.support.faulty import FaultyServer, Reply, SeenRequest
from tests.support.paths import shared_dir

KEY = "sk-canary-Zk8QvT3mXw9LbR5nYp2HdJ7s"


@pytest.fixture
async def fake(server: FaultyServer) -> FakeOpenAI:
    fake = FakeOpenAI(KEY)
    server.script(fake)
    return fake


@pytest.fixture
async def manager(server: FaultyServer, tmp_path: Path) -> AsyncIterator[SessionManager]:
    async with new_manager(server, tmp_path) as manager:
        yield manager


def new_manager(server: FaultyServer, folder: Path) -> SessionManager:
    """Return a manager whose provider does not wait between attempts."""
    manager = create_session_manager("sqlite", {"db_path": str(folder / "sessions.db")})
    provider = OpenAIProviderSession(KEY, base_url=server.url)

    async def no_wait(seconds: float) -> None:
        pass

    provider.http.sleep = no_wait
    manager.add_provider_session("openai", provider)
    return manager


@pytest.fixture(params=[True, False], ids=["stream", "whole"])
async def session(manager: SessionManager, fake: FakeOpenAI, request: pytest.FixtureRequest) -> BaseSession:
    return await manager.create_session(
        "ada", "openai", "test-model", "provider_native", temperature=0.5, stream=request.param, retries=1
    )


async def held_of(session: BaseSession) -> str:
    """Return the id of the conversation that goes on."""
    return str((await session.refresh()).native["id"])


def contents(folder: Path) -> list[bytes]:
    """Return what is in the files of a folder."""
    return [path.read_bytes() for path in folder.iterdir()]


def inputs(fake: FakeOpenAI) -> list[list[str]]:
    """Return what each request brought."""
    return [[item.get("content", item.get("type")) for item in body["input"]] for body in fake.bodies]


async def test_only_what_is_new_is_sent(session: BaseSession, fake: FakeOpenAI) -> None:
    """The service holds each message once, each request brings the new one alone, and all are stored here."""
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
    assert inputs(fake) == [["q1"], ["q2"], ["q3"]]
    assert [m.content for m in await session.get_messages()] == ["q1", "r1", "q2", "r2", "q3", "r3"]


async def test_instructions_and_settings_go_with_every_request(
    session: BaseSession, fake: FakeOpenAI
) -> None:
    """The conversation keeps neither; a later system message stands in its place, once."""
    await session.add_system_message("be brief")
    await session.send_message("q1")
    await session.add_system_message("be kind")
    await session.send_message("q2", max_tokens=70)
    assert [body["instructions"] for body in fake.bodies] == ["be brief", "be brief"]
    assert [body["temperature"] for body in fake.bodies] == [0.5, 0.5]
    assert fake.bodies[1]["max_output_tokens"] == 70
    assert fake.transcript(await held_of(session))[2:4] == ["system: be kind", "user: q2"]


async def test_a_lost_conversation_is_rebuilt_once(
    session: BaseSession, fake: FakeOpenAI, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller notices a line in the log, nothing else; the new conversation holds the whole path once."""
    await session.send_message("q1")
    await session.send_message("q2")
    fake.held.clear()
    with caplog.at_level(logging.WARNING, "langswarm_nb"):
        reply = await session.send_message("q3")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "conv_1" in caplog.text
    assert "started again" in caplog.text
    assert reply.content == "r3"
    assert fake.transcript(await held_of(session)) == [
        "user: q1",
        "assistant: r1",
        "user: q2",
        "assistant: r2",
        "user: q3",
        "assistant: r3",
    ]
    await session.send_message("q4")
    assert inputs(fake)[-1] == ["q4"]
    assert [m.content for m in await session.get_messages(role=MessageRole.USER)] == ["q1", "q2", "q3", "q4"]


async def test_a_service_that_loses_the_new_conversation_too_is_an_error(
    session: BaseSession, server: FaultyServer, fake: FakeOpenAI
) -> None:
    """A second refusal is reported, not answered with a third request."""
    await session.send_message("q1")

    def forgetful(request: SeenRequest) -> Reply:
        fake.held.clear()
        return fake(request)

    fake.bodies.clear()
    server.script(forgetful)
    with pytest.raises(ProviderNotFoundError):
        await session.send_message("q2")
    assert len(fake.bodies) == 2


async def test_an_unknown_model_is_not_taken_for_a_lost_conversation(
    session: BaseSession, server: FaultyServer, fake: FakeOpenAI
) -> None:
    """The error is told, and the conversation goes on with the next request."""
    await session.send_message("q1")
    held = await held_of(session)
    missing = Reply.json({"error": {"message": "no such model", "code": "model_not_found"}}, 404)
    server.script(missing, fake)
    with pytest.raises(ProviderNotFoundError, match="no such model"):
        await session.send_message("q2")
    await session.send_message("q3")
    assert await held_of(session) == held
    assert [line for line in fake.transcript(held) if "user" in line] == ["user: q1", "user: q3"]


async def test_a_locked_conversation_is_waited_for(session: BaseSession, fake: FakeOpenAI) -> None:
    """Another request at work on it is not a reason to fail or to begin anew; the wait can be seen."""
    await session.send_message("q1")
    notices: list[RetryNotice] = []
    fake.locked = 1
    await session.send_message("q2", on_retry=notices.append)
    assert [notice.reason for notice in notices] == ["400 conversation_locked"]
    assert fake.transcript("conv_1") == ["user: q1", "assistant: r1", "user: q2", "assistant: r2"]


async def test_a_conversation_that_stays_locked_is_an_error_and_goes_on_later(
    session: BaseSession, fake: FakeOpenAI
) -> None:
    """What was refused is left out, and the next question goes to the same conversation."""
    await session.send_message("q1")
    fake.locked = 2
    with pytest.raises(ProviderRequestError, match="conversation_locked") as caught:
        await session.send_message("q2")
    assert not caught.value.maybe_processed
    await session.send_message("q3")
    assert fake.transcript(await held_of(session)) == [
        "user: q1",
        "assistant: r1",
        "user: q3",
        "assistant: r2",
    ]
    assert list(fake.held) == ["conv_1"]


CUTS: dict[str, dict[str, Any]] = {
    "no answer": {"cut_at": -1, "then": "reset"},
    "half of the headers": {"cut_at": -2, "then": "close"},
    "no body": {"cut_at": 0, "then": "reset"},
    "a piece of the body": {"cut_at": 30, "then": "reset"},
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@pytest.mark.parametrize("first", [True, False], ids=["first request", "later request"])
async def test_a_cut_answer_leaves_no_question_twice(
    session: BaseSession, fake: FakeOpenAI, cut: dict[str, Any], first: bool
) -> None:
    """After an ambiguous failure the service may hold the question: a new conversation has it no more."""
    if not first:
        await session.send_message("q1")
    requests = len(fake.bodies)
    fake.next_reply = Reply.json({"id": "resp_9", "object": "response", "status": "completed"}, **cut)
    with pytest.raises(ProviderSessionError) as caught:
        await session.send_message("q2")
    assert caught.value.maybe_processed
    assert len(fake.bodies) == requests + 1, "not repeated"
    await session.send_message("q3")
    lines = fake.transcript(await held_of(session))
    assert sum("q2" in line for line in lines) == 0
    assert sum("q3" in line for line in lines) == 1
    assert await session.delete()
    assert fake.held == {}, "nothing is left behind"


@pytest.mark.parametrize("status", [500, 503])
async def test_a_failure_of_the_server_is_ambiguous_in_a_conversation(
    session: BaseSession, fake: FakeOpenAI, status: int
) -> None:
    """It may have kept the question before it failed: no repeat, and a new conversation."""
    await session.send_message("q1")
    fake.next_reply = Reply.json({"error": {"message": "oops"}}, status)
    with pytest.raises(ProviderSessionError) as caught:
        await session.send_message("q2")
    assert caught.value.maybe_processed
    assert len(fake.bodies) == 2
    await session.send_message("q3")
    lines = fake.transcript(await held_of(session))
    assert [line for line in lines if "user" in line] == ["user: q1", "user: q3"]


async def test_a_stream_cut_in_the_middle_is_kept_and_left(session: BaseSession, fake: FakeOpenAI) -> None:
    """The part is kept, and what the service holds of the broken turn is not gone on with."""
    await session.send_message("q1")
    broken_at = await held_of(session)
    fake.texts.append("first half|second half")
    answer = fake._instead

    def cut(reply: Reply) -> Reply:
        return answer(reply).but(cut_at=reply.body.index(b'"second half"'), then="reset")

    fake._instead = cut  # type: ignore[method-assign]
    with pytest.raises(StreamInterruptedError):
        await session.send_message("q2", stream=True)
    fake._instead = answer  # type: ignore[method-assign]
    await session.send_message("q3")
    assert fake.transcript(await held_of(session))[2:4] == ["user: q2", "assistant: first half"]
    assert await held_of(session) != broken_at
    assert await session.delete()
    assert fake.held == {}


async def test_a_stopped_stream_leaves_its_conversation(session: BaseSession, fake: FakeOpenAI) -> None:
    """What the service made of the turn after the stop is not gone on with, and is deleted with the session."""
    fake.texts.append("one|two|three")
    async with session.stream_message("q1", stream=True) as stream:
        await anext(stream)
    await session.send_message("q2")
    assert [line for line in fake.transcript(await held_of(session)) if "user" in line] == [
        "user: q1",
        "user: q2",
    ]
    assert await session.delete()
    assert fake.held == {}


async def test_a_send_cancelled_before_the_answer_leaves_nothing_behind(
    session: BaseSession, server: FaultyServer, fake: FakeOpenAI
) -> None:
    """The conversation that was begun for it is deleted, and the question that nobody answered is in no other."""
    fake.next_reply = Reply(cut_at=-1, then="stall")
    sending = asyncio.create_task(session.send_message("q1"))
    await fake.asked.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert fake.held == {}
    await session.send_message("q2")
    assert [line for line in fake.transcript(await held_of(session)) if "user" in line] == ["user: q2"]


async def test_a_server_that_ignores_conversations_gets_the_whole_path(
    session: BaseSession, fake: FakeOpenAI
) -> None:
    """What the answer does not confirm is not relied on, and what was begun for it is not left behind."""
    fake.ignores_previous = True
    for text in ("q1", "q2"):
        await session.send_message(text)
    assert inputs(fake) == [["q1"], ["q1", "r1", "q2"]]
    assert (await session.refresh()).native.get("id") is None
    assert fake.held == {}


async def test_a_server_that_begins_to_ignore_the_conversation_is_not_believed(
    session: BaseSession, fake: FakeOpenAI, caplog: pytest.LogCaptureFixture
) -> None:
    """An answer to the new question alone is thrown away; the one that is kept is to the whole path."""
    await session.send_message("q1")
    fake.ignores_previous = True
    fake.texts.extend(["out of context", "in context"])
    with caplog.at_level(logging.WARNING, "langswarm_nb"):
        stream = session.stream_message("q2")
        shown = "".join([delta.text async for delta in stream])
    assert "takes no notice" in caplog.text
    assert stream.reply is not None
    assert shown == stream.reply.content == "in context"
    assert inputs(fake)[1:] == [["q2"], ["q1", "r1", "q2"]]
    fake.ignores_previous = False
    await session.send_message("q3")
    assert len(fake.transcript(await held_of(session))) == 6


async def test_a_server_that_keeps_conversations_without_telling_is_asked_once(
    session: BaseSession, fake: FakeOpenAI, caplog: pytest.LogCaptureFixture
) -> None:
    """Replies that do not name their conversation are not thrown away, and no second one is begun."""
    fake.is_silent = True
    with caplog.at_level(logging.WARNING, "langswarm_nb"):
        for text in ("q1", "q2", "q3"):
            await session.send_message(text)
    assert caplog.records == []
    assert inputs(fake) == [["q1"], ["q2"], ["q3"]]
    assert (list(fake.held), fake.looked) == (["conv_1"], 1)
    assert len(fake.transcript(await held_of(session))) == 6


async def test_a_server_that_never_keeps_what_it_is_sent_is_given_no_more_conversations(
    session: BaseSession, fake: FakeOpenAI, caplog: pytest.LogCaptureFixture
) -> None:
    """One that begins conversations and puts nothing in is told of once; then the whole path is sent plainly."""
    fake.ignores_previous = True
    with caplog.at_level(logging.WARNING, "langswarm_nb"):
        for text in ("q1", "q2", "q3"):
            await session.send_message(text)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "keeps no conversations" in caplog.text
    assert inputs(fake) == [["q1"], ["q1", "r1", "q2"], ["q1", "r1", "q2", "r2", "q3"]]
    assert ["conversation" in body for body in fake.bodies] == [True, False, False]
    assert fake.looked == 1


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "code": "not_found", "message": "Conversation with id 'conv_1' not found."},
        {"type": "error", "error": {"message": "Conversation conv_1 does not exist", "code": 404}},
        {
            "type": "response.failed",
            "response": {"status": "failed", "error": {"message": "no such conversation"}},
        },
    ],
)
async def test_a_conversation_lost_inside_a_stream_is_rebuilt(
    manager: SessionManager, fake: FakeOpenAI, server: FaultyServer, event: dict[str, Any]
) -> None:
    """An error that comes as an event, before any output, costs no more than one that comes as a status."""
    session = await manager.create_session("ada", "openai", "test-model", "provider_native", stream=True)
    await session.send_message("q1")
    fake.held.clear()
    server.script(Reply.events(f"data: {json.dumps(event)}\n\n".encode()), fake)
    assert (await session.send_message("q2")).content == "r2"
    assert inputs(fake)[-1] == ["q1", "r1", "q2"]


async def test_a_server_without_conversations_gets_the_whole_path(
    session: BaseSession, fake: FakeOpenAI, caplog: pytest.LogCaptureFixture
) -> None:
    """Servers that speak Responses alone work all the same; nothing is asked to be stored there."""
    fake.keeps_conversations = False
    with caplog.at_level(logging.WARNING, "langswarm_nb"):
        for text in ("q1", "q2"):
            await session.send_message(text)
    assert "keeps no conversations" in caplog.text
    assert inputs(fake) == [["q1"], ["q1", "r1", "q2"]]
    assert [body["store"] for body in fake.bodies] == [False, False]


async def test_a_refused_first_request_leaves_no_conversation_behind(
    session: BaseSession, fake: FakeOpenAI
) -> None:
    """What was begun for it is deleted at once, since no record tells of it."""
    fake.next_reply = Reply.json({"error": {"message": "no", "code": "invalid_api_key"}}, 401)
    with pytest.raises(ProviderAuthenticationError):
        await session.send_message("q1")
    assert fake.held == {}


async def test_a_branch_gets_a_conversation_of_its_own(session: BaseSession, fake: FakeOpenAI) -> None:
    """What the service holds of the branch left behind is not gone on with; all go with the session."""
    await session.send_message("q1")
    await session.send_message("q2")
    await session.undo()
    await session.send_message("Q2")
    assert fake.transcript(await held_of(session)) == [
        "user: q1",
        "assistant: r1",
        "user: Q2",
        "assistant: r3",
    ]
    assert len(fake.held) == 2
    assert await session.delete()
    assert fake.held == {}


async def test_a_conversation_goes_on_after_a_restart(
    session: BaseSession, manager: SessionManager, server: FaultyServer, fake: FakeOpenAI, tmp_path: Path
) -> None:
    """Another process with the same file goes on where this one stopped."""
    await session.send_message("q1")
    await manager.close()
    async with new_manager(server, tmp_path) as later:
        again = await later.get_session(session.session_id)
        assert isinstance(again, BaseSession)
        await again.send_message("q2")
        assert inputs(fake)[-1] == ["q2"]
        assert len(fake.transcript(await held_of(again))) == 4


async def test_results_of_tools_are_what_is_new(session: BaseSession, fake: FakeOpenAI) -> None:
    """The call is held; its result alone is sent, under the call's id."""
    call = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": '{"a": 1}'}
    fake.output = [call]
    reply = await session.send_message("q1")
    assert reply.finish_reason == "tool_calls"
    assert reply.tool_calls == ({"type": "tool_call", "id": "call_1", "name": "f", "arguments": '{"a": 1}'},)
    result = {"type": "tool_result", "tool_call_id": "call_1", "content": "42"}
    await session.send_message("", role=MessageRole.TOOL, parts=[result])
    assert fake.bodies[-1]["input"] == [{"type": "function_call_output", "call_id": "call_1", "output": "42"}]


async def test_the_key_is_left_nowhere(
    session: BaseSession, fake: FakeOpenAI, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in the file, the log or an error, when the service is right, lost and wrong."""
    with caplog.at_level(logging.DEBUG):
        await session.send_message("q1")
        fake.held.clear()
        await session.send_message("q2")
        fake.next_reply = Reply.json({"error": {"message": f"bad key {KEY}"}}, 401)
        with pytest.raises(ProviderSessionError) as caught:
            await session.send_message("q3")
    left = [caplog.text, str(caught.value), repr(caught.value), repr(session), await session.export()]
    assert KEY not in "".join(left)
    assert all(KEY.encode() not in content for content in contents(tmp_path))


# As it was recorded


RECORDED = [
    "conversation_create_two_turns_delete",
    "conversation_stream_delete",
    "conversation_tool_call_delete",
]


@pytest.mark.parametrize("name", RECORDED)
async def test_what_is_sent_is_what_was_recorded(
    server: FaultyServer, manager: SessionManager, name: str
) -> None:
    """Creating, sending and deleting make the requests that the service answered for another client."""
    case = json.loads((shared_dir() / "recordings" / "openai" / f"{name}.json").read_text("utf-8"))
    exchanges = case["exchanges"]
    server.script(*(recorded(exchange["response"]) for exchange in exchanges))
    asked = [exchange["request"]["json"] for exchange in exchanges[1:-1]]
    options = {option: asked[0][option] for option in ("tools", "tool_choice") if option in asked[0]}
    session = await manager.create_session(
        "ada", "openai", asked[0]["model"], "provider_native", options=options, stream=asked[0]["stream"]
    )
    await session.add_system_message(asked[0]["instructions"])
    for body in asked:
        item = body["input"][0]
        if item.get("type") == "function_call_output":
            result = {"type": "tool_result", "tool_call_id": item["call_id"], "content": item["output"]}
            await session.send_message("", role=MessageRole.TOOL, parts=[result])
        else:
            await session.send_message(item["content"])
    assert (await session.get_messages())[-1].content in {"CONV-PAI-5222", "streamed", "TOOL-PAI-5222"}
    assert await session.delete()
    for seen, exchange in zip(server.requests, exchanges, strict=True):
        request = exchange["request"]
        assert (seen.method, f"/v1{seen.path}") == (request["method"], request["path"])
        ours = {"safety_identifier", "stream"}
        if seen.method == "POST":
            wanted = {field: value for field, value in (request["json"] or {}).items() if field != "stream"}
            assert {field: value for field, value in seen.json.items() if field not in ours} == wanted


def recorded(response: dict[str, Any]) -> Reply:
    """Return a recorded answer."""
    return Reply(response["status"], response["body"].encode(), response["headers"])
