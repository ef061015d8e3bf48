"""Chat Completions, going out and coming back, without a network."""

from __future__ import annotations

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
from langswarm_nb.core.session.providers._http.faults import ReportedError
from langswarm_nb.core.session.providers.catalogue import PROVIDERS, ChatHost
from langswarm_nb.core.session.providers.chat import wire_messages
from langswarm_nb.core.session.providers.chat.reader import ChatReader, read_models

CALL: Part = {"type": "tool_call", "id": "c1", "name": "f", "arguments": '{"a": 1}'}
WIRE_CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}


def message(role: str, content: str = "", *parts: Part) -> SessionMessage:
    return SessionMessage(role=MessageRole(role), content=content, parts=parts)


OUTGOING = {
    "plain": (message("user", "Hi"), [{"role": "user", "content": "Hi"}]),
    "system": (message("system", "Be brief"), [{"role": "system", "content": "Be brief"}]),
    "texts": (
        message("user", "a\n\nb", {"type": "text", "text": "a"}, {"type": "text", "text": "b"}),
        [{"role": "user", "content": "a\n\nb"}],
    ),
    "image by address": (
        message("user", "See", {"type": "image", "url": "https://x.example/a.png"}),
        [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "See"},
                    {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
                ],
            }
        ],
    ),
    "image by value": (
        message("user", "", {"type": "image", "media_type": "image/png", "data": "AAAA"}),
        [
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
            }
        ],
    ),
    "tool call": (
        message("assistant", "", CALL),
        [{"role": "assistant", "content": None, "tool_calls": [WIRE_CALL]}],
    ),
    "text and tool call": (
        message("assistant", "Let me see.", CALL),
        [{"role": "assistant", "content": "Let me see.", "tool_calls": [WIRE_CALL]}],
    ),
    "tool results": (
        message(
            "tool",
            "",
            {"type": "tool_result", "tool_call_id": "c1", "content": "5"},
            {"type": "tool_result", "tool_call_id": "c2", "content": "6"},
        ),
        [
            {"role": "tool", "tool_call_id": "c1", "content": "5"},
            {"role": "tool", "tool_call_id": "c2", "content": "6"},
        ],
    ),
    "thinking stays here": (
        message("assistant", "4", {"type": "reasoning", "text": "2 and 2"}),
        [{"role": "assistant", "content": "4"}],
    ),
    "refusal": (
        message("assistant", "", {"type": "refusal", "text": "No."}),
        [{"role": "assistant", "content": "No."}],
    ),
}


@pytest.mark.parametrize("sent, wire", OUTGOING.values(), ids=OUTGOING)
def test_a_message_goes_out_in_the_form_of_the_api(sent: SessionMessage, wire: list[Any]) -> None:
    """Roles, images, tool calls and their results."""
    assert wire_messages([sent]) == wire


def body(provider: str, model: str = "m", *, stream: bool = True, **options: Any) -> dict[str, Any]:
    session: Any = create_provider(provider, "k" * 20, base_url="https://x.example/v1")
    messages = (message("system", "Be brief"), message("user", "Hi"))
    wire: dict[str, Any] = session._body(ProviderRequest(model, messages, options=options, stream=stream))
    return wire


def test_options_go_out_under_the_names_of_the_host() -> None:
    """Common names become the host's; others pass through."""
    options: dict[str, Any] = {
        "max_tokens": 9,
        "stop": ("a", "b"),
        "seed": 1,
        "temperature": 0.0,
        "response_format": {"type": "text"},
    }
    rest = {"stop": ["a", "b"], "seed": 1, "temperature": 0.0, "response_format": {"type": "text"}}
    assert rest.items() <= body("groq", **options).items()
    assert body("groq", **options)["max_tokens"] == 9
    assert body("openai-chat", "gpt-4o", **options)["max_completion_tokens"] == 9
    assert "max_tokens" not in body("azure", "gpt-4o", **options)


def test_usage_of_streams_is_asked_for_where_that_is_understood() -> None:
    """Nothing about streams is sent with a request for a whole answer."""
    assert body("openrouter")["stream_options"] == {"include_usage": True}
    assert not {"stream", "stream_options"} & body("openrouter", stream=False).keys()
    strict: Any = create_provider("openai-compatible", base_url="https://x.example", stream_usage=False)
    assert "stream_options" not in strict._body(ProviderRequest("m", ()))


def test_reasoning_models_of_openai_take_developer_messages() -> None:
    """Others take system messages."""
    assert body("openai-chat", "gpt-6-sol")["messages"][0]["role"] == "developer"
    assert body("openai-chat", "gpt-4o")["messages"][0]["role"] == "system"
    assert body("groq", "openai/gpt-oss-20b")["messages"][0]["role"] == "system"


@pytest.mark.parametrize(
    "provider, model, options, refused",
    [
        ("openai-chat", "gpt-6-luna", {"temperature": 0.3}, True),
        ("openai-chat", "gpt-6-luna", {"temperature": 0.3, "reasoning_effort": "none"}, False),
        ("openai-chat", "gpt-5", {"top_p": 0.3}, True),
        ("openai-chat", "gpt-5-mini-2025-08-07", {"top_p": 0.3}, True),
        ("openai-chat", "gpt-5-chat-latest", {"top_p": 0.3}, False),
        ("openai-chat", "gpt-5.6-sol", {"temperature": 0.3}, False),
        ("openai-chat", "gpt-5.6-sol", {"temperature": 0.3, "reasoning_effort": "low"}, True),
        ("openai-chat", "gpt-6-sol", {"reasoning_effort": "minimal"}, True),
        ("openai-chat", "gpt-6-sol", {"reasoning_effort": "max"}, False),
        ("openai-chat", "gpt-5", {"reasoning_effort": "minimal"}, False),
        ("openai-chat", "o3-mini", {"stop": ("x",)}, False),
        ("openai-chat", "o3", {"stop": ("x",)}, True),
        ("openai-chat", "gpt-4o", {"temperature": 0.3}, False),
        ("groq", "o3", {"temperature": 0.3}, False),
        ("groq", "m", {"messages": []}, True),
    ],
)
def test_what_a_model_does_not_take_is_refused_before_it_is_sent(
    provider: str, model: str, options: dict[str, Any], refused: bool
) -> None:
    """A table names the option; nothing is dropped in silence and no request is spent."""
    session = create_provider(provider, "k" * 20, base_url="https://x.example")
    request = ProviderRequest(model, (), options=options)
    if refused:
        with pytest.raises(errors.ProviderRequestError, match=next(iter(options))):
            session.stream(request)
    else:
        session.stream(request)


def test_thinking_goes_back_to_a_host_that_wants_it() -> None:
    """Opaque records return as they came, and only there."""
    details = [{"type": "reasoning.encrypted", "data": "abc"}]
    part: Part = {"type": "reasoning", "text": "", "opaque": {"reasoning_details": details}}
    sent = [message("assistant", "4", part)]
    assert wire_messages(sent, sends_reasoning=True)[0]["reasoning_details"] == details
    assert "reasoning_details" not in wire_messages(sent)[0]
    reader = ChatReader(keeps_details=True)
    reader.read({"choices": [{"index": 0, "delta": {"content": "4", "reasoning_details": details}}]})
    assert PartDone(part) in reader.finish()


# Coming back


def chunk(finish: str | None = None, index: int = 0, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def read(*chunks: Any) -> tuple[list[ReaderEvent], ChatReader]:
    reader = ChatReader()
    return [event for body in chunks for event in reader.read(body)], reader


def calls(*chunks: Any) -> list[tuple[str, str, str]]:
    _, reader = read(*chunks)
    parts = [event.part for event in reader.finish() if isinstance(event, PartDone)]
    return [(part["id"], part["name"], part["arguments"]) for part in parts]


def piece(index: int | None, arguments: Any = None, **more: Any) -> dict[str, Any]:
    name = {"name": more.pop("name")} if "name" in more else {}
    place = {} if index is None else {"index": index}
    return {**place, **more, "function": {**name, **({} if arguments is None else {"arguments": arguments})}}


@pytest.mark.parametrize(
    "body",
    [
        {"choices": []},
        {"choices": None},
        {},
        {"object": "of.a.later.day"},
        chunk(),
        chunk(content=None, role="assistant"),
        chunk(content=""),
        {"choices": [{"index": 0}]},
        {"choices": [{"index": 0, "delta": None, "finish_reason": None}]},
        {"choices": [], "prompt_filter_results": [{}], "id": "", "model": ""},
        {"choices": [], "usage": None, "moderation": {"input": {}}},
        {"choices": [{"index": 0, "delta": {"audio": {"id": "a"}}, "logprobs": {"content": []}}]},
    ],
)
def test_a_chunk_without_text_is_no_event(body: dict[str, Any]) -> None:
    """Empty choices, empty deltas, null, filters, moderation, what a later day adds."""
    events, reader = read(body)
    assert events == []
    assert not reader.is_whole


def test_text_reasoning_and_refusal_are_told_apart() -> None:
    """Each in its own kind of delta, in order."""
    events, reader = read(
        chunk(reasoning="hm", content=""),
        chunk(reasoning_content="m"),
        chunk(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "so"}]}]),
        chunk(content=[{"type": "text", "text": "4"}, {"type": "of_a_later_day"}]),
        chunk(content="2"),
        chunk(refusal="No"),
        chunk("stop"),
    )
    assert events == [
        Delta("hm", "reasoning"),
        Delta("m", "reasoning"),
        Delta("so", "reasoning"),
        Delta("4"),
        Delta("2"),
        Delta("No", "refusal"),
    ]
    assert reader.finish() == [Finish(FinishReason.CONTENT_FILTER, "stop")]


PICTURES: list[tuple[Any, list[dict[str, Any]]]] = [
    ("data:image/webp;base64,AAAA", [{"type": "image", "media_type": "image/webp", "data": "AAAA"}]),
    ("https://x.example/a.png", [{"type": "image", "url": "https://x.example/a.png"}]),
    (None, []),
    (7, []),
]


@pytest.mark.parametrize("field", ["delta", "message"])
@pytest.mark.parametrize("content", [None, "", "Here it is."])
@pytest.mark.parametrize("url, parts", PICTURES)
def test_a_picture_that_was_made_is_kept(
    url: Any, parts: list[dict[str, Any]], content: str | None, field: str
) -> None:
    """It was paid for; a reply of it alone is not empty, and one in another form costs no reply."""
    picture = {"type": "image_url", "image_url": {"url": url}}
    choice = {"index": 0, field: {"content": content, "images": [picture, "odd"]}, "finish_reason": "stop"}
    reader = ChatReader()
    events = reader.read({"choices": [choice]})
    assert [event.part for event in events if isinstance(event, PartDone)] == parts
    assert [event.text for event in events if isinstance(event, Delta)] == ([content] if content else [])
    assert reader.is_whole


def test_tool_calls_in_interleaved_pieces_are_put_together() -> None:
    """By index; id and name come once; no arguments are an empty object."""
    assert calls(
        chunk(tool_calls=[piece(0, "", id="a", type="function", name="f")]),
        chunk(tool_calls=[piece(1, id="b", type="function", name="g"), piece(0, '{"x"')]),
        chunk(tool_calls=[piece(2, id="c", type="function", name="h")]),
        chunk(tool_calls=[piece(0, ": 1}"), piece(1, "{broken")]),
        chunk("tool_calls"),
    ) == [("a", "f", '{"x": 1}'), ("b", "g", "{broken"), ("c", "h", "{}")]


def test_tool_calls_of_less_careful_servers_are_put_together() -> None:
    """Without index, with one index for all, without ids, as objects, in the form before tools."""
    assert calls(chunk(tool_calls=[piece(None, {"x": 1}, name="f"), piece(None, "{}", name="g")])) == [
        ("call_0", "f", '{"x": 1}'),
        ("call_1", "g", "{}"),
    ]
    assert calls(
        chunk(tool_calls=[piece(0, "{", id="a", name="f")]),
        chunk(tool_calls=[piece(0, "}")]),
        chunk(tool_calls=[piece(0, "[", id="b", name="g")]),
        chunk(tool_calls=[piece(0, "]")]),
    ) == [("a", "f", "{}"), ("b", "g", "[]")]
    assert calls(
        chunk(tool_calls=[piece(None, "{", id="a", name="f")]),
        chunk(tool_calls=[piece(None, "}", id="a")]),
        chunk(tool_calls=[piece(None, "[]", id="b", name="g")]),
    ) == [("a", "f", "{}"), ("b", "g", "[]")]
    assert calls(
        chunk(function_call={"name": "f", "arguments": "{"}), chunk(function_call={"arguments": "}"})
    ) == [("call_0", "f", "{}")]


@pytest.mark.parametrize("word", ["stop", "tool_calls", "function_call"])
def test_a_reply_with_tool_calls_ends_in_tool_calls(word: str) -> None:
    """Whatever word the server uses."""
    _, reader = read(chunk(word, tool_calls=[piece(0, "{}", id="a", name="f")]))
    assert reader.finish()[-1] == Finish(FinishReason.TOOL_CALLS, word)


def test_of_several_choices_the_first_is_taken_and_all_are_waited_for() -> None:
    """The reply is whole when every choice has ended."""
    events, reader = read(
        chunk(content="a"), chunk(content="B", index=1), chunk("stop"), chunk(content="C", index=1)
    )
    assert events == [Delta("a")]
    was_whole = reader.is_whole
    reader.read(chunk("length", index=1))
    assert (was_whole, reader.is_whole) == (False, True)
    assert reader.finish()[-1] == Finish(FinishReason.STOP, "stop")


def test_usage_is_read_from_wherever_it_stands() -> None:
    """In its own chunk, in the last one, Groq's place, and under every name in use; the last word counts."""
    full = {
        "prompt_tokens": 9,
        "completion_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    for last, usage in (
        ({"choices": [], "usage": full}, Usage(9, 3, 2, 7, 5)),
        ({**chunk("stop"), "usage": {"prompt_tokens": 1, "prompt_cache_hit_tokens": 0}}, Usage(1, 0)),
        ({"choices": [], "usage": {"completion_tokens": 4, "num_cached_tokens": 2}}, Usage(None, 2, None, 4)),
        ({"choices": [], "usage": {"prompt_tokens": 4, "cached_tokens": 3}}, Usage(4, 3)),
        (
            {
                "choices": [],
                "usage": {
                    "prompt_tokens": 9,
                    "completion_tokens": 8,
                    "cache_read_input_tokens": 5,
                    "cache_creation_input_tokens": 2,
                    "reasoning_tokens": 6,
                },
            },
            Usage(9, 5, 2, 8, 6),
        ),
        ({"choices": [], "x_groq": {"id": "req_1", "usage": {"prompt_tokens": 3}}}, Usage(3)),
    ):
        _, reader = read({**chunk(content="a"), "usage": {"prompt_tokens": 900}}, chunk("stop"), last)
        assert usage in reader.finish()


@pytest.mark.parametrize("usage", [None, {}, [], "x", {"prompt_tokens": "x"}, {"prompt_tokens_details": []}])
def test_usage_that_is_not_told_is_unknown(usage: Any) -> None:
    """Not 0, and no error."""
    _, reader = read({**chunk("stop"), "usage": usage})
    assert reader.finish() == [Finish(FinishReason.STOP, "stop")]


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "boom", "code": 502}},
        {"error": "boom"},
        {**chunk(content="a"), "error": {"message": "boom"}},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "error", "error": {"message": "boom"}}]},
        {"choices": [], "x_groq": {"error": "boom"}},
        {"object": "error", "message": "boom", "type": "BadRequestError", "code": 400},
    ],
)
def test_an_error_in_a_chunk_is_reported(body: dict[str, Any]) -> None:
    """In each of the places where hosts put it."""
    with pytest.raises(ReportedError, match="boom"):
        read(body)


def test_an_event_named_error_is_one() -> None:
    """Also where its JSON does not say so."""
    with pytest.raises(ReportedError, match="too busy"):
        ChatReader().read({"message": "too busy", "code": 503}, "error")


def test_a_filtered_reply_may_lack_its_message() -> None:
    """Azure then sends the finish reason alone."""
    reader = ChatReader()
    reader.read_whole({"choices": [{"index": 0, "finish_reason": "content_filter"}]})
    assert reader.is_whole
    assert reader.finish() == [Finish(FinishReason.CONTENT_FILTER, "content_filter")]


def test_a_reply_that_the_host_ended_in_error_is_none() -> None:
    """The finish reason ``error`` alone is one."""
    with pytest.raises(ReportedError):
        read(chunk("error"))


def test_a_finish_reason_is_not_taken_back() -> None:
    """Chunks after it may say null again."""
    _, reader = read(chunk("length"), chunk(), {"choices": [], "usage": {}})
    assert reader.is_whole
    assert reader.finish() == [Finish(FinishReason.LENGTH, "length")]


def test_names_come_with_the_first_chunk_that_has_them() -> None:
    """Once; Azure's first chunk has none."""
    events, _ = read(
        {"choices": [], "id": "", "model": ""},
        {**chunk(content="a"), "id": "chatcmpl-1", "model": "gpt-x", "service_tier": "flex"},
        {**chunk(content="b"), "id": "chatcmpl-1", "model": "gpt-x"},
    )
    assert events == [
        ReplyInfo(model="gpt-x", provider_message_id="chatcmpl-1", details={"service_tier": "flex"}),
        Delta("a"),
        Delta("b"),
    ]


def test_a_whole_answer_without_text_is_an_answer() -> None:
    """All tokens may have gone into thinking, or into a call."""
    reader = ChatReader()
    events = reader.read_whole(
        {
            "choices": [
                {"index": 0, "message": {"content": None, "reasoning": "hm"}, "finish_reason": "length"}
            ]
        }
    )
    assert events == [Delta("hm", "reasoning")]
    assert reader.is_whole
    assert reader.finish() == [Finish(FinishReason.LENGTH, "length")]


def test_lists_of_models_are_read_in_the_forms_in_use() -> None:
    """OpenAI's, OpenRouter's, Groq's, vLLM's, llama.cpp's; what is not told is None."""
    assert read_models({"data": [{"id": "a", "created": 0, "owned_by": ""}]}) == [ModelInfo("a")]
    assert read_models([{"id": "a", "context_length": 8}]) == [ModelInfo("a", context_tokens=8)]
    assert read_models(
        {
            "data": [
                {"id": "r", "name": "R", "context_length": 9, "top_provider": {"max_completion_tokens": 4}},
                {"id": "g", "context_window": 7, "max_completion_tokens": 3, "owned_by": "G"},
                {"id": "v", "max_model_len": 6, "created": 1732000000},
                {"id": "l", "meta": {"n_ctx_train": 5}},
            ]
        }
    ) == [
        ModelInfo("r", name="R", context_tokens=9, max_output_tokens=4),
        ModelInfo("g", context_tokens=7, max_output_tokens=3, owned_by="G"),
        ModelInfo("v", context_tokens=6, created_at="2024-11-19T07:06:40+00:00"),
        ModelInfo("l", context_tokens=5),
    ]


# Hosts


@pytest.mark.parametrize("name", [name for name, row in PROVIDERS.items() if isinstance(row, ChatHost)])
def test_every_host_can_be_made(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a key and its own address, or one that is given."""
    provider: Any = create_provider(
        name, "k" * 20, base_url=None if PROVIDERS[name].base_url else "https://x.example"
    )
    assert provider.name == name


@pytest.mark.parametrize("name", ["llamacpp", "vllm", "lmstudio", "litellm", "ollama-chat"])
def test_local_servers_need_no_key_and_no_address(name: str) -> None:
    """They are looked for on this machine."""
    provider: Any = create_provider(name)
    assert provider.http.address.is_local
    assert provider.http._secret_headers == {}


def test_a_compatible_server_needs_an_address() -> None:
    """The error says so."""
    with pytest.raises(errors.SessionValueError, match="base_url"):
        create_provider("openai-compatible")


def test_azure_is_addressed_in_both_of_its_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newer path by default, the older one with an API version; a token where there is no key."""
    url = "https://me.openai.azure.com"
    for config, path in (
        ({}, ("/openai/v1/chat/completions", {})),
        ({"base_url": f"{url}/openai/v1/"}, ("/chat/completions", {})),
        (
            {"api_version": "2024-10-21"},
            ("/openai/deployments/my%2Fmodel/chat/completions", {"api-version": "2024-10-21"}),
        ),
    ):
        azure: Any = create_provider("azure", "k" * 20, **{"base_url": url, **config})
        assert azure._path("/chat/completions", "my/model") == path
        assert list(azure.http._secret_headers) == ["api-key"]
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", url)
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", "t" * 20)
    azure = create_provider("azure")
    assert azure.http.address.url == url
    assert list(azure.http._secret_headers) == ["Authorization"]


def test_openai_takes_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Key, address, organisation and project; an argument comes first."""
    monkeypatch.setenv("OPENAI_API_KEY", "k" * 20)
    monkeypatch.setenv("OPENAI_BASE_URL", "https://eu.api.openai.com/v1/")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    provider: Any = create_provider("openai-chat")
    assert provider.http.address.url == "https://eu.api.openai.com/v1"
    assert provider.http._headers["OpenAI-Organization"] == "org-1"
    other: Any = create_provider("openai-chat", base_url="https://x.example")
    assert other.http.address.url == "https://x.example"


@pytest.mark.parametrize(
    "config",
    [
        {"connect_timeout_s": 0},
        {"silence_s": float("nan")},
        {"silence_s": "x"},
        {"headers": {"Host": "x.example"}},
        {"headers": {"a b": "x"}},
        {"headers": {"a": "b\r\nc: d"}},
        {"headers": "x"},
    ],
)
def test_bad_configuration_is_refused(config: dict[str, Any]) -> None:
    """Before anything is sent, naming the parameter."""
    with pytest.raises((errors.SessionValueError, errors.SessionTypeError), match=next(iter(config))):
        create_provider("groq", "k" * 20, **config)
