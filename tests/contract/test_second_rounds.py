"""The second round of a conversation, history and all, is what each vendor declares.

Of Chat Completions at its hosts, of Cohere, and of the conversations that Google and Mistral hold. What the other
APIs of OpenAI, Anthropic and Google get is in `test_going_back`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from langswarm_nb.core.session import BaseSession, create_session_manager
from langswarm_nb.core.session.errors import ProviderSessionError
from langswarm_nb.core.session.messages import MessageRole, SessionMessage
from langswarm_nb.core.session.provider_events import ProviderRequest
from langswarm_nb.core.session.providers.chat import ChatProviderSession
from tests.contract import cases_gemini, cases_mistral
from tests.contract.provider_cases import CANARY, event
from tests.contract.recorded_parts import Recorded, recorded
from tests.contract.test_request_types import accepted
from tests.support.replay import InTurn
from tests.support.typed_dicts import problems

pytest.importorskip("pydantic")
pytestmark = pytest.mark.filterwarnings("ignore:.*DEPRECATED:DeprecationWarning")  # Google's own

NOWHERE = "http://127.0.0.1:9"


def as_json(body: object) -> bytes:
    return json.dumps(body).encode()


async def go_on(session: BaseSession, reply: SessionMessage, *, stream: bool = False) -> None:
    """Answer the calls of a reply, or say something when it has none."""
    results = [
        {"type": "tool_result", "tool_call_id": call["id"], "content": "42"} for call in reply.tool_calls
    ]
    if results:
        await session.stream_message("", role=MessageRole.TOOL, parts=results, stream=stream).read()
    else:
        await session.stream_message("Go on.", stream=stream).read()


async def second_round(provider: Any, body: bytes, answer: object) -> Any:
    """Return the body of the request that follows an answer."""
    replay = InTurn(body, as_json(answer))
    replay.into(provider)
    async with create_session_manager("memory") as manager:
        manager.add_provider_session(provider.name, provider)
        session = await manager.create_session("ada", provider.name, "m")
        reply = await session.stream_message("Hi", stream=body[:1] not in {b"{", b"["}).read()
        await go_on(session, reply)
    return json.loads(replay.sent[1].content)


# Chat Completions

DONE = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Done."}, "finish_reason": "stop"}]
}
BEYOND = {"openrouter": {"reasoning_details"}, "deepseek": {"reasoning_content"}}
"""What hosts document for a message of the assistant, and OpenAI's types do not have."""


def strict_chat(body: Any, host: str) -> list[Any]:
    """Return the messages; each call is answered at once, and each turn says something."""
    types: Any = pytest.importorskip("openai.types.chat.completion_create_params")
    plain = [
        {name: value for name, value in message.items() if name not in BEYOND.get(host, set())}
        for message in body["messages"]
    ]
    assert problems({**body, "messages": plain}, types.CompletionCreateParamsNonStreaming) == []
    _check_turns(body["messages"])
    return list(body["messages"])


def strict_mistral(body: Any, host: str) -> list[Any]:
    """Return the messages, in Mistral's own types."""
    models = pytest.importorskip("mistralai.client.models")
    accepted(models.ChatCompletionRequest, body)
    _check_turns(body["messages"])
    calls = [call for message in body["messages"] for call in message.get("tool_calls", ())]
    assert all(len(call["id"]) == 9 for call in calls)
    return list(body["messages"])


def strict_cohere(body: Any, host: str) -> list[Any]:
    """Return the messages, in Cohere's own types."""
    sdk: Any = pytest.importorskip("cohere")
    kinds: dict[str, Any] = {
        "user": sdk.UserChatMessageV2,
        "assistant": sdk.AssistantChatMessageV2,
        "tool": sdk.ToolChatMessageV2,
    }
    for message in body["messages"]:
        accepted(kinds[message["role"]], message)
    _check_turns(body["messages"])
    return list(body["messages"])


def _check_turns(messages: list[Any]) -> None:
    waiting: list[str] = []
    for before, message in zip([{}, *messages], messages, strict=False):
        if message["role"] == "tool":
            waiting.remove(message["tool_call_id"])
            continue
        assert waiting == []
        assert message["role"] != before.get("role")
        waiting = [call["id"] for call in message.get("tool_calls", ())]
        assert message.get("content") or waiting
    assert waiting == []


STRICT = {
    "v2/chat": strict_cohere,
    "mistral/chat.completions": strict_mistral,
    "chat.completions": strict_chat,
}
ANSWERS = {
    "v2/chat": {
        "id": "c",
        "finish_reason": "COMPLETE",
        "message": {"content": [{"type": "text", "text": "D"}]},
    }
}


def _carrying() -> list[Recorded]:
    """Return the recorded replies of these APIs that call tools, think, or name sources."""
    names = ("tool_calls", "citations", "reasoning", "thinking", "refusal")
    return [
        row
        for row in recorded().values()
        if row.api in {"v2/chat", "chat.completions"} and "raises" not in row.expected
        for told in [{**row.expected, **(row.expected.get("choices") or [{}])[0]}]
        if any(told.get(name) for name in names)
    ]


@pytest.mark.parametrize("row", _carrying(), ids=lambda row: row.name)
async def test_a_recorded_reply_of_a_chat_goes_back_as_its_vendor_declares(row: Recorded) -> None:
    """With its calls, each with the id and the arguments that came, and its text; nothing that is only told of it."""
    provider = row.session()
    api = f"{row.provider}/{row.api}" if f"{row.provider}/{row.api}" in STRICT else row.api
    body = await second_round(provider, row.body, ANSWERS.get(row.api, DONE))
    _, said, *answers = STRICT[api](body, provider.name)
    told = {**row.expected, **(row.expected.get("choices") or [{}])[0]}
    text = said.get("content") or ""
    assert text == (told.get("text") or told.get("refusal") or "")
    calls = [(call["function"]["name"], call["function"]["arguments"]) for call in said.get("tool_calls", ())]
    assert [name for name, _ in calls] == [call["name"] for call in told.get("tool_calls") or ()]
    assert len(answers) == (len(calls) or 1)


RAN = {"index": 0, "type": "search", "arguments": '{"query": "q"}', "output": "Title: A"}
CITED = {"type": "url_citation", "url_citation": {"url": "https://a.example/", "title": "A"}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
DETAILS = [{"type": "reasoning.encrypted", "data": "gAAA", "id": "rs_1", "format": "openai-responses-v1"}]


@pytest.mark.parametrize("calls", [[], [CALL]], ids=["said", "called"])
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("host", ["groq", "openrouter", "openai-compatible"])
async def test_what_a_host_did_itself_does_not_go_back_but_its_own_thinking(
    host: str, streamed: bool, calls: list[Any]
) -> None:
    """Chat Completions has no place for what was run and cited; OpenRouter wants its details back unchanged."""
    message = {
        "role": "assistant",
        "content": None if calls else "So it is.",
        "reasoning": "Hm.",
        "reasoning_details": DETAILS,
        "executed_tools": [RAN],
        "annotations": [CITED],
        **({"tool_calls": calls} if calls else {}),
    }
    choice = {"index": 0, "finish_reason": "tool_calls" if calls else "stop"}
    answer = as_json({"choices": [{**choice, "message": message}], "citations": ["https://a.example/"]})
    if streamed:
        delta = {**message, "tool_calls": [{**call, "index": 0} for call in calls]}
        answer = event({"choices": [{**choice, "delta": delta}]}) + event("[DONE]")
    provider = ChatProviderSession(host, CANARY, base_url=NOWHERE)
    _, said, _ = strict_chat(await second_round(provider, answer, DONE), host)
    details = {"reasoning_details": DETAILS} if host == "openrouter" else {}
    content = {"content": message["content"]}
    assert said == {"role": "assistant", **content, **({"tool_calls": calls} if calls else {}), **details}


# Conversations that a service holds

LOST = (404, as_json({"error": {"message": "not found", "code": 404, "status": "NOT_FOUND"}}))
OVER = {"id": "v1_2", "status": "completed", "steps": []}


async def rounds_of_a_held_conversation(
    provider: Any, plain: Any, body: bytes, answer: object
) -> tuple[Any, Any, Any]:
    """Return what is sent to a conversation after a reply: to go on, and to start it again when it is lost.

    Last what the service's other API gets, by ``plain``, when the conversation moves to it.
    """
    replay = InTurn(body, LOST, as_json(answer))
    replay.into(provider)
    async with create_session_manager("memory") as manager:
        manager.add_provider_session(provider.name, provider)
        session = await manager.create_session("ada", provider.name, "m", "provider_native", retries=0)
        stream = body[:1] != b"{"
        reply = await session.stream_message("Hi", stream=stream).read()
        await go_on(session, reply, stream=stream)
        messages = (await session.get_messages())[:3]
    going_on, again = (json.loads(sent.content) for sent in replay.sent[1:3])
    other = InTurn(b"{}")
    other.into(plain)
    with pytest.raises(ProviderSessionError):
        [one async for one in plain.stream(ProviderRequest("m", tuple(messages), stream=False, retries=0))]
    return going_on, again, json.loads(other.sent[0].content)


def _interactions() -> list[Recorded]:
    return [
        row for row in recorded().values() if row.api == "interactions" and not row.expected.get("raises")
    ]


@pytest.mark.parametrize("row", _interactions(), ids=lambda row: row.name)
async def test_a_recorded_interaction_goes_on_and_is_started_again(row: Recorded) -> None:
    """What goes on says what is new alone; what is started again has each step of Google's in its order, unchanged."""
    types: Any = pytest.importorskip("google.genai._gaos.types.interactions")
    generated: Any = pytest.importorskip("google.genai.types")
    provider = cases_gemini.INTERACTIONS.create(NOWHERE)
    plain = cases_gemini.GEMINI.create(NOWHERE)
    going_on, again, other = await rounds_of_a_held_conversation(provider, plain, row.body, OVER)
    for body in (going_on, again):
        accepted(types.CreateModelInteraction, body)
    assert going_on["previous_interaction_id"]
    assert going_on["input"] == "Go on." or [step["type"] for step in going_on["input"]] == [
        "function_result"
    ]
    assert "previous_interaction_id" not in again
    asked, *steps, _ = again["input"]
    assert asked["type"] == "user_input"
    own = [step for step in steps if step["type"] not in {"model_output", "function_call"}]
    if not row.body.startswith(b"{"):
        assert [step["type"] for step in own] == ["thought", "google_search_call", "google_search_result"]
    else:
        came = json.loads(row.body)["steps"]
        assert own == [step for step in came if step["type"] not in {"model_output", "function_call"}]
        assert [step["name"] for step in steps if step["type"] == "function_call"] == [
            step["name"] for step in came if step["type"] == "function_call"
        ]
    accepted(list[generated.Content], other["contents"])


def _entries() -> list[Any]:
    """Return what a conversation of Mistral's may answer with, made from the vendor's own types."""
    models: Any = pytest.importorskip("mistralai.client.models")
    said = [
        models.TextChunk(text="So it is"),
        models.ToolReferenceChunk(tool="web_search", title="A", url="https://a.example/"),
        models.ToolFileChunk(tool="code_interpreter", file_id="f1", file_name="a.png", file_type="png"),
        models.TextChunk(text=", surely."),
    ]
    agents = {"previous_agent_id": "ag_1", "previous_agent_name": "one"}
    return [
        models.ToolExecutionEntry(name="web_search", arguments='{"query": "q"}', id="te_1", info={"n": 1}),
        models.AgentHandoffEntry(**agents, next_agent_id="ag_2", next_agent_name="two", id="ah_1"),
        models.MessageOutputEntry(content=said, id="msg_1", model="m"),
        models.FunctionCallEntry(tool_call_id="KikbB849t", name="f", arguments='{"a": 1}', id="fc_1"),
    ]


def _as_events(entries: list[Mapping[str, Any]]) -> bytes:
    """Return entries in the events of a stream, each in the form that the vendor's types declare."""
    models: Any = pytest.importorskip("mistralai.client.models")
    execution, handoff, message, call = entries
    agents = {name: value for name, value in handoff.items() if name.startswith(("previous", "next"))}
    told = {"id": "te_1", "name": "web_search"}
    events: list[dict[str, Any]] = [
        {"type": "conversation.response.started", "conversation_id": "conv_1"},
        {"type": "tool.execution.started", "output_index": 0, **told, "arguments": ""},
        *(
            {"type": "tool.execution.delta", "output_index": 0, **told, "arguments": piece}
            for piece in ('{"query":', ' "q"}')
        ),
        {"type": "tool.execution.done", "output_index": 0, **told, "info": execution["info"]},
        {"type": "agent.handoff.started", "output_index": 1, "id": "ah_1"} | agents,
        {"type": "agent.handoff.done", "output_index": 1, "id": "ah_1"} | agents,
        *(
            {
                "type": "message.output.delta",
                "output_index": 2,
                "content_index": number,
                "id": "msg_1",
                "model": "m",
                "content": chunk,
            }
            for number, chunk in enumerate(message["content"])
        ),
        {"type": "function.call.delta", "output_index": 3}
        | {name: value for name, value in call.items() if name not in {"type", "object"}},
        {"type": "conversation.response.done", "usage": {"prompt_tokens": 5, "completion_tokens": 7}},
    ]
    for body in events:
        models.ConversationEvents.model_validate({"event": body["type"], "data": body})
    return b"".join(event(body, body["type"]) for body in events)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_a_conversation_at_mistral_goes_on_and_is_started_again(streamed: bool) -> None:
    """No traffic was recorded: the reply is made from the vendor's types, which also judge what goes back."""
    models: Any = pytest.importorskip("mistralai.client.models")
    usage = models.ConversationUsageInfo(prompt_tokens=5, completion_tokens=7)
    whole = models.ConversationResponse(conversation_id="conv_1", outputs=_entries(), usage=usage)
    told = whole.model_dump(mode="json", exclude_none=True)
    for entry, made in zip(told["outputs"], _entries(), strict=True):
        entry["type"] = made.type
    body = _as_events(told["outputs"]) if streamed else as_json(told)
    provider = cases_mistral.CONVERSATIONS.create(NOWHERE)
    plain, over = cases_mistral.MISTRAL.create(NOWHERE), {**told, "outputs": []}
    going_on, again, other = await rounds_of_a_held_conversation(provider, plain, body, over)
    result = {"type": "function.result", "tool_call_id": "KikbB849t", "result": "42"}
    append = models.ConversationAppendStreamRequest if streamed else models.ConversationAppendRequest
    accepted(append, going_on)
    assert going_on["inputs"] == [result]
    accepted(models.ConversationStreamRequest if streamed else models.ConversationRequest, again)
    asked, execution, handoff, said, call, answer = again["inputs"]
    assert asked["type"] == "message.input"
    assert (answer, call["tool_call_id"]) == (result, "KikbB849t")
    assert [chunk["type"] for chunk in said["content"]] == ["text", "tool_reference", "tool_file", "text"]
    if not streamed:
        assert [execution, handoff] == told["outputs"][:2]
        assert said["content"] == told["outputs"][2]["content"]
    else:
        assert (execution["arguments"], execution["info"]) == ('{"query": "q"}', {"n": 1})
        assert (handoff["previous_agent_id"], handoff["next_agent_id"]) == ("ag_1", "ag_2")
    strict_mistral(other, "mistral")
