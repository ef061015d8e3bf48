"""What we send OpenAI and Anthropic is what their SDKs' types declare.

How strict this is: see `typed_dicts`; each dictionary is closed. The tests at the end show that it finds what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from langswarm_nb.core.session.messages import MessageRole, SessionMessage
from langswarm_nb.core.session.parts.vocabulary import Part
from langswarm_nb.core.session.provider_events import PartDone, ProviderEvent, ProviderRequest
from langswarm_nb.core.session.providers import anthropic, openai
from langswarm_nb.core.session.providers._dialect.reasoning_order import (
    call_item,
    outline_part,
    raw_item,
    text_item,
)
from langswarm_nb.core.session.providers.anthropic.reader import MessagesReader
from langswarm_nb.core.session.providers.anthropic.threads import Threads, begun
from langswarm_nb.core.session.providers.intakes import intake_of
from langswarm_nb.core.session.providers.openai.reader import ResponsesReader
from tests.support.typed_dicts import problems

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "additionalProperties": False}
PNG = {"type": "image", "media_type": "image/png", "data": "iVBORw0KGgo="}

FILES: tuple[Part, ...] = (
    {**PNG, "detail": "high"},
    {"type": "file", "media_type": "application/pdf", "data": "JVBERi0xLjc=", "name": "a.pdf"},
    {"type": "file", "media_type": "text/csv", "data": "YSxiCg==", "name": "a.csv"},
    {"type": "file", "url": "https://x.example/a.pdf"},
)


def said(role: str, content: str = "", *parts: Part) -> SessionMessage:
    return SessionMessage(role=MessageRole(role), content=content, parts=parts)


def call(call_id: str) -> Part:
    return {"type": "tool_call", "id": call_id, "name": "get_weather", "arguments": '{"city": "Paris"}'}


def path(dialect: str, model: str, thinking: Mapping[str, Any]) -> tuple[SessionMessage, ...]:
    """Return a path with all kinds of parts, and a reply whose thinking goes back."""
    items = [
        raw_item(thinking),
        text_item(7, id="msg_1", phase="commentary"),
        call_item("call_1", id="fc_1"),
        call_item("call_2", id="fc_2"),
    ]
    outline = outline_part(dialect, model, items)
    assert outline is not None
    results: list[Part] = [
        {"type": "tool_result", "tool_call_id": "call_1", "content": "sunny"},
        {"type": "tool_result", "tool_call_id": "call_2", "content": "no such city", "is_error": True},
    ]
    return (
        said("system", "Be brief."),
        said("user", "What is this?", {"type": "text", "text": "What is this?"}, PNG),
        said("assistant", "A picture.", {"type": "reasoning", "text": "Pixels."}),
        said("user", "And this?", {"type": "image", "url": "https://example.com/a.png"}),
        said("assistant", "No.", {"type": "refusal", "text": "No."}),
        said("user", "Or these?", *FILES),
        said("assistant", "No."),
        said("user", "The weather?"),
        said("assistant", "I look.", outline, call("call_1"), call("call_2")),
        said("tool", "", *results),
        said("assistant", "Sunny."),
        said("system", "Be kind."),
        said("user", "Thanks, 世界 🎉"),
    )


def ask(messages: tuple[SessionMessage, ...], model: str, **how: Any) -> ProviderRequest:
    return ProviderRequest(model, messages, how.pop("options", {}), user_id="ada", **how)


def test_what_the_dialects_read_they_can_send() -> None:
    """The outlines used here are those that the readers make."""
    reader = ResponsesReader("m")
    thinking = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
    text = {"type": "message", "id": "msg_1", "phase": "commentary", "content": [_output("I look.")]}
    calls = [
        {"type": "function_call", "id": f"fc_{n}", "call_id": f"call_{n}", "name": "f", "arguments": "{}"}
        for n in (1, 2)
    ]
    reader.read_whole({"status": "completed", "output": [thinking, text, *calls]})
    made = outline_of(reader.finish())
    assert made == path("openai_responses", "m", thinking)[8].parts[0]
    messages = MessagesReader("m")
    block = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    tool = {"type": "tool_use", "id": "call_1", "name": "f", "input": {}}
    messages.read_whole(
        {"content": [block, {"type": "text", "text": "I look."}, tool], "stop_reason": "tool_use"}
    )
    made = outline_of(messages.finish())
    assert made["opaque"]["anthropic_messages"]["items"][0] == raw_item(block)


def outline_of(events: Iterable[ProviderEvent]) -> Part:
    [outline] = [event.part for event in events if isinstance(event, PartDone) and "opaque" in event.part]
    return outline


def _output(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": []}


# OpenAI

THINKING = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
OPENAI_OPTIONS = {
    "gpt-6-sol": {
        "max_tokens": 100,
        "reasoning_effort": "low",
        "reasoning": {"summary": "auto"},
        "tools": [{"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": True}],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "text": {"format": {"type": "json_schema", "name": "Out", "schema": SCHEMA, "strict": True}},
        "include": ["message.output_text.logprobs"],
        "metadata": {"a": "b"},
        "service_tier": "flex",
    },
    "gpt-4.1": {"max_tokens": 100, "temperature": 0.3, "top_p": 0.9},
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("where", ["local", "new", "continued"])
@pytest.mark.parametrize("model", OPENAI_OPTIONS)
def test_openai_takes_our_responses(model: str, where: str, stream: bool) -> None:
    """With all kinds of parts: without a conversation, for a new one, and what is new of one."""
    types: Any = pytest.importorskip("openai.types.responses.response_create_params")
    request = ask(
        path("openai_responses", model, THINKING), model, options=OPENAI_OPTIONS[model], stream=stream
    )
    how: dict[str, Any] = {"local": {}, "new": {"conversation": "conv_1"}}.get(
        where, {"conversation": "conv_1", "new_from": 9}
    )
    body = openai.wire_request(request, **how)
    schema = types.ResponseCreateParamsStreaming if stream else types.ResponseCreateParamsNonStreaming
    assert problems(json.loads(json.dumps(body)), schema) == []
    assert ("reasoning" in [item.get("type") for item in body["input"]]) is (where == "local")


def test_openai_takes_our_new_conversation() -> None:
    """It is begun with nothing in it."""
    types: Any = pytest.importorskip("openai.types.conversations.conversation_create_params")
    assert problems({}, types.ConversationCreateParams) == []


# Anthropic

ANTHROPIC_OPTIONS = {
    "max_tokens": 4096,
    "stop": ("END",),
    "reasoning_effort": "high",
    "thinking": {"type": "adaptive", "display": "summarized"},
    "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
    "tools": [{"name": "get_weather", "input_schema": SCHEMA, "strict": True}],
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    "service_tier": "auto",
}
BLOCKS = {
    "thinking": {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
    "redacted": {"type": "redacted_thinking", "data": "c2ln"},
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("cache", [None, "5m", "1h"])
@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_anthropic_takes_our_messages(block: dict[str, Any], cache: Any, stream: bool) -> None:
    """With all kinds of parts, thinking that goes back, and prompt caching."""
    types: Any = pytest.importorskip("anthropic.types.message_create_params")
    model = "claude-sonnet-5-5"
    request = ask(path("anthropic_messages", model, block), model, options=ANTHROPIC_OPTIONS, stream=stream)
    body = anthropic.wire_request(request, cache)
    name = "MessageCreateParamsStreaming" if stream else "MessageCreateParamsNonStreaming"
    beta: Any = pytest.importorskip("anthropic.types.beta.message_create_params")
    assert problems(json.loads(json.dumps(body)), getattr(beta, name)) == []
    assert body["thinking"].pop("block_binding")
    assert problems(json.loads(json.dumps(body)), getattr(types, name)) == []
    assert body["messages"][7]["content"][0] == block


@pytest.mark.unmeasured
@pytest.mark.parametrize("continues", [False, True])
def test_anthropic_takes_our_threads(continues: bool) -> None:
    """A new thread and one that goes on are what the beta types declare."""
    types: Any = pytest.importorskip("anthropic.types.beta.message_create_params")
    messages = path("anthropic_messages", "m", BLOCKS["thinking"])
    request = ask(messages, "m", options={"max_tokens": 100})
    body = begun(anthropic.wire_request(request))
    if continues:
        threads = Threads()
        threads.keep(body, "msg_1", "Bye.")
        reply = SessionMessage(role=MessageRole.ASSISTANT, content="Bye.", provider_message_id="msg_1")
        later = ask((*messages, reply, said("user", "One more")), "m", options={"max_tokens": 100})
        body = threads.first(later, anthropic.wire_request(later))
        assert body["messages"] == [{"role": "user", "content": "One more"}]
    assert problems(json.loads(json.dumps(body)), types.MessageCreateParamsStreaming) == []


@pytest.mark.parametrize("model", ["claude-haiku-4-5", "claude-opus-5-5"])
def test_both_take_their_tools_by_name(model: str) -> None:
    """All that can be asked for by name, beside a function; the newest versions that a model knows."""
    types: Any = pytest.importorskip("anthropic.types.message_create_params")
    tools = intake_of("anthropic", model).tools
    options = {"tools": [{"name": "get_weather", "input_schema": SCHEMA}]}
    body = anthropic.wire_request(ask((said("user", "Hi"),), model, options=options, tools=tools))
    assert problems(json.loads(json.dumps(body)), types.MessageCreateParamsStreaming) == []
    assert len(body["tools"]) == 1 + len(tools)
    responses: Any = pytest.importorskip("openai.types.responses.response_create_params")
    tools = intake_of("openai", "gpt-6-sol").tools
    body = openai.wire_request(
        ask((said("user", "Hi"),), "gpt-6-sol", options=OPENAI_OPTIONS["gpt-6-sol"], tools=tools)
    )
    assert problems(json.loads(json.dumps(body)), responses.ResponseCreateParamsStreaming) == []
    assert len(body["tools"]) == 1 + len(tools)


# The check itself


def test_the_check_finds_what_is_wrong() -> None:
    """An unknown field, a wrong word, a missing field and a wrong type are found, however deep."""
    openai_types: Any = pytest.importorskip("openai.types.responses.response_create_params")
    schema = openai_types.ResponseCreateParamsNonStreaming
    item = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    assert problems({"input": [item]}, schema) == []
    for wrong in (
        {"max_tokens": 5},
        {"input": [{**item, "idx": 1}]},
        {"input": [{**item, "status": "done"}]},
        {"input": [{"type": "function_call", "call_id": "c"}]},
        {"input": [{"role": "tool", "content": "x"}]},
        {"input": 5},
        {"max_output_tokens": "5"},
        {"tools": {"type": "function"}},
    ):
        assert problems(wrong, schema), wrong
