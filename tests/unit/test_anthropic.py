"""Anthropic's Messages, going out and coming back, without a network."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import pytest

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.messages import FinishReason, MessageRole, SessionMessage, Usage
from langswarm_nb.core.session.parts.vocabulary import Part
from langswarm_nb.core.session.provider_events import (
    Delta,
    Finish,
    ModelInfo,
    PartDone,
    ProviderRequest,
    ReplyInfo,
)
from langswarm_nb.core.session.providers import create_provider
from langswarm_nb.core.session.providers._dialect.call_pieces import ReaderEvent
from langswarm_nb.core.session.providers.anthropic import (
    AnthropicProviderSession,
    choose_version,
    wire_messages,
    wire_request,
)
from langswarm_nb.core.session.providers.anthropic.reader import (
    MessagesReader,
    read_fault_of_messages,
    read_models,
    read_usage,
)
from tests.support.replay import Replay

KEY = "sk-ant-canary-0123456789abcdef"
PNG: Part = {"type": "image", "media_type": "image/png", "data": "iVBORw0KGgo="}
CALL: Part = {"type": "tool_call", "id": "c1", "name": "f", "arguments": '{"a": 1}'}
RESULT: Part = {"type": "tool_result", "tool_call_id": "c1", "content": "2"}
TOOL_USE: dict[str, Any] = {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}}
THOUGHT: dict[str, Any] = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
NEW, OLD = "2026-10-21", "2023-06-01"


def message(role: str, content: str = "", *parts: Part) -> SessionMessage:
    return SessionMessage(role=MessageRole(role), content=content, parts=parts)


def ask(*messages: SessionMessage, model: str = "claude-sonnet-5-5", **how: Any) -> ProviderRequest:
    return ProviderRequest(model, messages or (message("user", "Hi"),), **how)


def text_of(events: Iterable[ReaderEvent], kind: str = "text") -> str:
    return "".join(event.text for event in events if isinstance(event, Delta) and event.kind == kind)


def read_whole(content: list[dict[str, Any]], model: str = "m", **more: Any) -> list[ReaderEvent]:
    reader = MessagesReader(model)
    return [*reader.read_whole({"content": content, "stop_reason": "end_turn", **more}), *reader.finish()]


def reply_of(content: list[dict[str, Any]], model: str = "m") -> SessionMessage:
    """Return a message's blocks as the message they become."""
    events = read_whole(content, model)
    parts = [dict(event.part) for event in events if isinstance(event, PartDone)]
    return message("assistant", text_of(events), *parts)


# Going out

OUTGOING = {
    "text": ([message("user", "Hi")], [{"role": "user", "content": "Hi"}]),
    "image": (
        [message("user", "See", PNG)],
        [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "See"},
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
                    },
                ],
            }
        ],
    ),
    "image by address": (
        [message("user", "", {"type": "image", "url": "https://x.example/a.png"})],
        [
            {
                "role": "user",
                "content": [
                    {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}},
                ],
            }
        ],
    ),
    "call and result": (
        [message("assistant", "I look.", CALL), message("tool", "", RESULT), message("user", "Well?")],
        [
            {"role": "assistant", "content": [{"type": "text", "text": "I look."}, TOOL_USE]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": "2"},
                    {"type": "text", "text": "Well?"},
                ],
            },
        ],
    ),
    "two results": (
        [
            message("tool", "", RESULT),
            message("tool", "", {**RESULT, "tool_call_id": "c2", "is_error": True}),
        ],
        [
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": "2"},
                    {"type": "tool_result", "tool_use_id": "c2", "content": "2", "is_error": True},
                ],
            }
        ],
    ),
    "broken arguments": (
        [message("assistant", "", {**CALL, "arguments": '{"a'})],
        [{"role": "assistant", "content": [{**TOOL_USE, "input": {"arguments": '{"a'}}]}],
    ),
    "blank texts": (
        [message("user", "a"), message("assistant", "\n\n"), message("user", "b")],
        [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}],
    ),
    "words of refusal": (
        [message("assistant", "No.", {"type": "refusal", "text": "No."})],
        [{"role": "assistant", "content": "No."}],
    ),
    "the service's refusal": (
        [
            message("user", "a"),
            message("assistant", "", {"type": "refusal", "text": "Policy."}),
            message("user", "b"),
        ],
        [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}],
    ),
    "system": (
        [message("system", "Be brief."), message("user", "Hi"), message("system", "Be kind.")],
        [{"role": "user", "content": "Hi"}],
    ),
}


@pytest.mark.parametrize("path, wire", OUTGOING.values(), ids=OUTGOING)
def test_messages_have_their_form_on_the_wire(path: list[SessionMessage], wire: list[dict[str, Any]]) -> None:
    """Each kind of part; turns alternate, results come first, and nothing blank is sent."""
    assert wire_messages(path, "m") == wire


def test_system_messages_are_one_text_wherever_they_stand() -> None:
    """The API has one place for them."""
    body = wire_request(
        ask(message("system", "Be brief."), message("user", "Hi"), message("system", "Be kind."))
    )
    assert body["system"] == "Be brief.\n\nBe kind."
    assert "system" not in wire_request(ask())


def test_options_have_anthropics_names() -> None:
    """Common names are translated, all others pass as they are."""
    options = {"stop": ("a", "b"), "reasoning_effort": "high", "top_k": 5, "output_config": {"format": {}}}
    body = wire_request(ask(options=options, user_id="ada"))
    assert body["stop_sequences"] == ["a", "b"]
    assert body["output_config"] == {"format": {}, "effort": "high"}
    assert body["top_k"] == 5
    assert body["metadata"].keys() == {"user_id"}
    assert "ada" not in body["metadata"]["user_id"]
    assert wire_request(ask(options={"reasoning_effort": "none"}))["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize(
    "model, limit",
    [("claude-sonnet-5-5", 16384), ("claude-3-5-haiku-20241022", 8192), ("claude-3-opus-20240229", 4096)],
)
def test_a_reply_may_be_long_when_nothing_is_asked_for(model: str, limit: int) -> None:
    """Thinking counts too, so the default is high; what is asked for goes before it."""
    assert wire_request(ask(model=model))["max_tokens"] == limit
    assert wire_request(ask(model=model, options={"max_tokens": 5}))["max_tokens"] == 5


@pytest.mark.parametrize("ttl", ["5m", "1h"])
def test_the_path_can_be_cached(ttl: Any) -> None:
    """As the session wants it, unless the request has its own wish."""
    assert wire_request(ask(), ttl)["cache_control"] == {"type": "ephemeral", "ttl": ttl}
    assert wire_request(ask(options={"cache_control": {"x": 1}}), ttl)["cache_control"] == {"x": 1}
    assert "cache_control" not in wire_request(ask())


TAKES = [
    "claude-opus-4-6",
    "claude-sonnet-4-5-20250929",
    "claude-haiku-4-5",
    "claude-sonnet-4-20250514",
    "claude-opus-4-1-20250805",
    "claude-3-5-haiku-latest",
    "local-model",
]
TAKES_NOT = [
    "claude-opus-4-7",
    "claude-opus-4-8-20260528",
    "claude-haiku-5-5",
    "claude-sonnet-5",
    "claude-fable-5",
    "claude-mythos-1",
]


@pytest.mark.parametrize("model", [*TAKES, *TAKES_NOT])
def test_the_version_follows_the_sampling_options(model: str) -> None:
    """The newest version, except for a temperature that the model is known to take."""
    assert choose_version({"model": model}) == (NEW, [])
    asked = {"model": model, "temperature": 0.5, "top_k": 3}
    assert choose_version(asked) == ((OLD, []) if model in TAKES else (NEW, ["temperature", "top_k"]))
    assert choose_version(asked, NEW) == (NEW, ["temperature", "top_k"])


async def test_sampling_that_a_model_does_not_take_is_left_out_with_one_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The request goes through, and the reader of the log knows why the temperature does nothing."""
    provider = AnthropicProviderSession(KEY)
    replay = Replay(
        [b'{"content": [{"type": "text", "text": "Hi"}]}'], headers={"content-type": "application/json"}
    )
    replay.into(provider)
    for _ in range(2):
        async for _event in provider.stream(ask(options={"temperature": 0.5, "top_p": 0.9}, stream=False)):
            pass
    async for _event in provider.stream(ask(model="claude-opus-4-6", options={"temperature": 0.5})):
        pass
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "claude-sonnet-5-5" in caplog.text
    assert "temperature and top_p" in caplog.text
    assert [b"temperature" in sent.content for sent in replay.sent] == [False, False, True]
    assert [dict(sent.headers())["anthropic-version"] for sent in replay.sent] == [NEW, NEW, OLD]


@pytest.mark.parametrize(
    "model, options, option",
    [
        ("claude-sonnet-5-5", {"seed": 1}, "seed"),
        ("claude-opus-4-6", {"temperature": 0.5, "top_p": 0.5}, "top_p"),
        ("claude-opus-4-7", {"thinking": {"type": "enabled", "budget_tokens": 2000}}, "thinking"),
        ("claude-sonnet-5-5", {"system": "x"}, "system"),
        ("claude-sonnet-5-5", {"thread": {"type": "create"}}, "thread"),
    ],
)
async def test_what_a_model_does_not_take_is_refused_before_it_is_sent(
    model: str, options: dict[str, Any], option: str
) -> None:
    """The error names the option; nothing listens at the address."""
    provider = AnthropicProviderSession(KEY, base_url="http://127.0.0.1:9")
    with pytest.raises(errors.ProviderRequestError, match=repr(option)) as caught:
        await anext(provider.stream(ask(model=model, options=options)))
    assert caught.value.code == "unsupported_parameter"
    await provider.close()


# Thinking that goes back


def test_thinking_goes_back_with_calls_of_tools_as_it_came() -> None:
    """Each block in its place, its signature with it; to the same model only."""
    content = [
        {"type": "text", "text": "Let me see. "},
        THOUGHT,
        {"type": "text", "text": "I look."},
        TOOL_USE,
    ]
    reply = reply_of(content)
    assert reply.content == "Let me see. I look."
    assert wire_messages([reply], "m") == [{"role": "assistant", "content": content}]
    assert wire_messages([reply], "other") == [
        {"role": "assistant", "content": [{"type": "text", "text": "Let me see. I look."}, TOOL_USE]}
    ]


def test_redacted_thinking_goes_back_too() -> None:
    """It cannot be read, and is needed all the same."""
    content = [{"type": "redacted_thinking", "data": "c2ln"}, TOOL_USE]
    assert wire_messages([reply_of(content)], "m") == [{"role": "assistant", "content": content}]


def test_thinking_stays_here_when_no_tool_is_called() -> None:
    """Nothing is gained by sending it."""
    reply = reply_of([THOUGHT, {"type": "text", "text": "Hi"}])
    assert wire_messages([reply], "m") == [{"role": "assistant", "content": "Hi"}]
    assert any("opaque" in part for part in reply.parts), "but it is kept"


def test_thinking_that_is_not_whole_is_not_sent() -> None:
    """Without a signature it would be refused, and so would the rest of it; all else goes as it came."""
    unsigned = {"type": "thinking", "thinking": "Hm.", "signature": ""}
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    found = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
    reply = reply_of([THOUGHT, unsigned, search, found, TOOL_USE])
    assert wire_messages([reply], "m") == [{"role": "assistant", "content": [search, found, TOOL_USE]}]


# Coming back


def test_a_stream_of_thinking_and_tools_is_put_together() -> None:
    """Interleaved blocks, a signature and arguments in pieces."""
    reader = MessagesReader("m")
    events: list[ReaderEvent] = []
    for body in (
        {"type": "message_start", "message": {"id": "msg_1", "model": "m-1", "usage": {"input_tokens": 3}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_start", "index": 1, "content_block": {**TOOL_USE, "input": {}}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "H"}},
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": '{"a"'},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "m."}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "ln"}},
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": ": 1}"},
        },
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ):
        events += reader.read(body)
    events += reader.finish()
    assert text_of(events, "reasoning") == "Hm."
    outline, call = [event.part for event in events if isinstance(event, PartDone)]
    assert outline["opaque"]["anthropic_messages"]["items"][0] == {"raw": THOUGHT}
    assert call == CALL
    assert events[-2:] == [Usage(3, None, None, 9, None), Finish(FinishReason.TOOL_CALLS, "tool_use")]
    assert reader.is_over


def test_the_input_is_counted_from_the_start() -> None:
    """A reply that is cut short has been paid for all the same."""
    usage = {"input_tokens": 3, "cache_read_input_tokens": 10, "output_tokens": 1}
    events = MessagesReader("m").read({"type": "message_start", "message": {"usage": usage}})
    assert events[-1] == Usage(input_tokens=13, cached_input_tokens=10)


USAGES = [
    ({"input_tokens": 3, "output_tokens": 4}, Usage(3, None, None, 4, None)),
    (
        {
            "input_tokens": 3,
            "cache_creation_input_tokens": 20,
            "cache_read_input_tokens": 100,
            "output_tokens": 4,
            "output_tokens_details": {"thinking_tokens": 2},
        },
        Usage(123, 100, 20, 4, 2),
    ),
    ({"input_tokens": None, "output_tokens": "4"}, Usage()),
    ({}, Usage()),
]


@pytest.mark.parametrize("told, usage", USAGES)
def test_input_is_counted_with_its_cached_part(told: dict[str, Any], usage: Usage) -> None:
    """The service tells them apart; our totals hold both, and unknown is unknown."""
    assert read_usage(told) == usage


def test_later_counts_replace_earlier_ones() -> None:
    """They are cumulative, and may be partial or null."""
    reader = MessagesReader("m")
    reader.read({"type": "message_start", "message": {"usage": {"input_tokens": 3, "output_tokens": 1}}})
    for usage in ({"output_tokens": 5}, {"output_tokens": 8, "input_tokens": None}, None):
        reader.read({"type": "message_delta", "delta": {}, "usage": usage})
    reader.read({"type": "message_stop"})
    assert Usage(3, None, None, 8, None) in reader.finish()


STOPS = [
    ("end_turn", FinishReason.STOP),
    ("stop_sequence", FinishReason.STOP),
    ("pause_turn", FinishReason.INTERRUPTED),
    ("max_tokens", FinishReason.LENGTH),
    ("model_context_window_exceeded", FinishReason.LENGTH),
    ("tool_use", FinishReason.TOOL_CALLS),
    ("refusal", FinishReason.CONTENT_FILTER),
    ("compaction", FinishReason.STOP),
    ("a_new_word", FinishReason.ERROR),
]


@pytest.mark.parametrize("word, reason", STOPS)
def test_an_end_has_our_word_and_theirs(word: str, reason: FinishReason) -> None:
    """One vocabulary, and the service's own word beside it."""
    assert read_whole([{"type": "text", "text": "Hi"}], stop_reason=word)[-1] == Finish(reason, word)


def test_a_refusal_is_explained() -> None:
    """What the service says is kept with the reply, and shown where there is no answer."""
    details = {"type": "refusal", "category": "cyber", "explanation": "Policy."}
    events = read_whole([], stop_reason="refusal", stop_details=details)
    assert PartDone({"type": "refusal", "text": "Policy."}) in events
    assert ReplyInfo(details={"stop_details": details}) in events
    events = read_whole([{"type": "text", "text": "Hi"}], stop_reason="refusal", stop_details=details)
    assert not any(isinstance(event, PartDone) for event in events)


def test_what_the_service_says_beside_the_reply_is_kept() -> None:
    """The tier it was served at, and the stop sequence that was met."""
    usage = {"input_tokens": 1, "output_tokens": 1, "service_tier": "priority", "speed": "fast"}
    events = read_whole([], stop_reason="stop_sequence", stop_sequence="END", usage=usage)
    assert ReplyInfo(details={"stop_sequence": "END", "service_tier": "priority", "speed": "fast"}) in events


@pytest.mark.parametrize("body", [{"type": "new_event", "index": 0}, {"type": "ping"}, {"type": 5}, {}])
def test_what_is_not_known_is_skipped(body: dict[str, Any]) -> None:
    """Vendors add events inside one version."""
    assert MessagesReader("m").read(body) == []


def test_pieces_of_a_block_that_was_not_announced_are_taken() -> None:
    """Some servers do not say that a block begins."""
    reader = MessagesReader("m")
    delta = {"type": "text_delta", "text": "Hi"}
    assert reader.read({"type": "content_block_delta", "index": 0, "delta": delta}) == [Delta("Hi")]


def test_an_error_tells_its_finer_code() -> None:
    """The code goes before the type, and the type still tells the kind of error."""
    error = {"type": "not_found_error", "message": "gone", "details": {"error_code": "thread_not_found"}}
    fault = read_fault_of_messages({"type": "error", "error": error, "request_id": "req_1"})
    assert (fault.code, fault.message, fault.request_id) == ("thread_not_found", "gone", "req_1")
    assert fault.class_for(200) is errors.ProviderNotFoundError
    plain = read_fault_of_messages(
        {"error": {"type": "overloaded_error", "message": "busy", "details": None}}
    )
    assert (plain.code, plain.class_for(200)) == ("overloaded_error", errors.ProviderOverloadedError)


def test_models_are_listed_page_by_page() -> None:
    """With their sizes, and without those that are retired."""
    models, last = read_models(
        {
            "data": [
                {
                    "id": "claude-a",
                    "display_name": "A",
                    "created_at": "2026-01-01T00:00:00Z",
                    "lifecycle": "active",
                    "max_input_tokens": 1000,
                    "max_tokens": 100,
                },
                {"id": "claude-b", "lifecycle": "retired"},
            ],
            "has_more": True,
            "last_id": "claude-b",
        }
    )
    assert models == [ModelInfo("claude-a", "A", 1000, 100, "2026-01-01T00:00:00Z", None)]
    assert last == "claude-b"
    assert read_models({"data": [], "has_more": False, "last_id": "x"}) == ([], None)


# Making one


def test_a_key_and_a_token_go_into_their_own_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key given goes before the environment's, and the environment's key before its token."""

    def headers() -> dict[str, str]:
        provider = create_provider("anthropic")
        secrets = provider.http._secret_headers  # type: ignore[attr-defined]
        return {name: prefix + secret.reveal() for name, (prefix, secret) in secrets.items()}

    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "token-0123456789")
    assert headers() == {"Authorization": "Bearer token-0123456789"}
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    assert headers() == {"x-api-key": KEY}


def test_without_a_key_there_is_no_session_but_on_this_machine() -> None:
    """The variable is named."""
    create_provider("anthropic", base_url="http://127.0.0.1:8080")
    with pytest.raises(errors.ProviderAuthenticationError, match="ANTHROPIC_API_KEY"):
        create_provider("anthropic")


@pytest.mark.parametrize("ending", ["", "/v1", "/v1/messages"])
def test_the_address_may_be_that_of_the_endpoint(ending: str) -> None:
    """Paths that were copied with it are taken off."""
    provider = AnthropicProviderSession(KEY, base_url=f"https://arg.example{ending}")
    assert provider.http.address.url == "https://arg.example"


def test_caching_and_threads_exclude_each_other() -> None:
    """The service refuses them together; a misspelt time is told as well."""
    with pytest.raises(errors.SessionValueError, match="message_threads"):
        AnthropicProviderSession(KEY, prompt_cache="5m", message_threads=True)
    with pytest.raises(errors.SessionValueError, match="prompt_cache"):
        AnthropicProviderSession(KEY, prompt_cache="2h")  # type: ignore[arg-type]
