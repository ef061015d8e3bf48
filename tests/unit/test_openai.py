"""OpenAI's Responses, going out and coming back, without a network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.messages import FinishReason, MessageRole, SessionMessage, Usage
from langswarm_nb.core.session.parts.vocabulary import Part
from langswarm_nb.core.session.provider_events import (
    Delta,
    Finish,
    PartDone,
    ProviderRequest,
    ReplyInfo,
)
from langswarm_nb.core.session.providers import create_provider
from langswarm_nb.core.session.providers._dialect.call_pieces import ReaderEvent
from langswarm_nb.core.session.providers._http.faults import ReportedError
from langswarm_nb.core.session.providers.openai import OpenAIProviderSession, wire_input, wire_request
from langswarm_nb.core.session.providers.openai.reader import ResponsesReader

THINKING_MODELS = ["gpt-5", "gpt-5-mini", "gpt-6-luna", "gpt-6.2-sol", "o3", "o4-mini"]
PNG: Part = {"type": "image", "media_type": "image/png", "data": "iVBORw0KGgo="}
CALL: Part = {"type": "tool_call", "id": "c1", "name": "f", "arguments": '{"a": 1}'}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}


def message(role: str, content: str = "", *parts: Part) -> SessionMessage:
    return SessionMessage(role=MessageRole(role), content=content, parts=parts)


def ask(*messages: SessionMessage, model: str = "gpt-4.1", **how: Any) -> ProviderRequest:
    return ProviderRequest(model, messages or (message("user", "Hi"),), **how)


def text_of(events: Iterable[ReaderEvent], kind: str = "text") -> str:
    return "".join(event.text for event in events if isinstance(event, Delta) and event.kind == kind)


def output(*texts: str, **more: Any) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []} for text in texts]
    return {"type": "message", "id": "msg_1", "role": "assistant", "content": content, **more}


# Going out

OUTGOING = {
    "text": (message("user", "Hi"), [{"role": "user", "content": "Hi"}]),
    "image": (
        message("user", "See", PNG),
        [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "See"},
                    {
                        "type": "input_image",
                        "image_url": "data:image/png;base64,iVBORw0KGgo=",
                        "detail": "auto",
                    },
                ],
            }
        ],
    ),
    "image by address": (
        message("user", "", {"type": "image", "url": "https://x.example/a.png"}),
        [
            {
                "role": "user",
                "content": [
                    {"type": "input_image", "image_url": "https://x.example/a.png", "detail": "auto"}
                ],
            }
        ],
    ),
    "reply": (
        message("assistant", "Hello", {"type": "reasoning", "text": "Greet."}),
        [{"type": "message", "role": "assistant", "content": "Hello"}],
    ),
    "refusal": (
        message("assistant", "No.", {"type": "refusal", "text": "No."}),
        [{"type": "message", "role": "assistant", "content": "No."}],
    ),
    "call": (
        message("assistant", "", CALL),
        [{"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'}],
    ),
    "result": (
        message("tool", "", {"type": "tool_result", "tool_call_id": "c1", "content": "2"}),
        [{"type": "function_call_output", "call_id": "c1", "output": "2"}],
    ),
    "result with words": (
        message("tool", "Go on", {"type": "tool_result", "tool_call_id": "c1", "content": "2"}),
        [
            {"type": "function_call_output", "call_id": "c1", "output": "2"},
            {"role": "user", "content": "Go on"},
        ],
    ),
}


@pytest.mark.parametrize("said, wire", OUTGOING.values(), ids=OUTGOING)
def test_a_message_has_its_form_on_the_wire(said: SessionMessage, wire: list[dict[str, Any]]) -> None:
    """Each role and each kind of part."""
    assert wire_input([said], "m") == wire


def test_what_comes_first_is_the_instructions_and_what_comes_later_stays_in_place() -> None:
    """System messages before the talk are instructions; models that reason call later ones `developer`."""
    path = (
        message("system", "Be brief."),
        message("system", "Be kind."),
        message("user", "Hi"),
        message("assistant", "Hello"),
        message("system", "Be formal."),
        message("user", "Bye"),
    )
    for model, role in (("gpt-4.1", "system"), ("gpt-6-sol", "developer"), ("local-model", "system")):
        body = wire_request(ask(*path, model=model))
        assert body["instructions"] == "Be brief.\n\nBe kind."
        assert [item["role"] for item in body["input"]] == ["user", "assistant", role, "user"]
        later = wire_request(ask(*path, model=model), conversation="conv_1", new_from=4)
        assert later["instructions"] == "Be brief.\n\nBe kind."
        assert [item["content"] for item in later["input"]] == ["Be formal.", "Bye"]


def test_options_have_openais_names() -> None:
    """Common names are translated, all others pass as they are."""
    options = {"max_tokens": 100, "reasoning_effort": "low", "reasoning": {"summary": "auto"}, "my_option": 1}
    body = wire_request(ask(model="gpt-6-sol", options=options, user_id="ada"))
    assert body["max_output_tokens"] == 100
    assert body["reasoning"] == {"summary": "auto", "effort": "low"}
    assert body["my_option"] == 1
    assert "max_tokens" not in body
    assert len(body["safety_identifier"]) == 64
    assert "ada" not in body["safety_identifier"]


def test_without_a_conversation_nothing_is_stored_and_thinking_comes_encrypted() -> None:
    """A caller may have it otherwise; models that do not reason refuse the wish for encrypted thinking."""
    assert wire_request(ask())["store"] is False
    assert "include" not in wire_request(ask())
    for model in THINKING_MODELS:
        assert wire_request(ask(model=model))["include"] == ["reasoning.encrypted_content"]
    body = wire_request(ask(model="gpt-6-sol", options={"store": True, "include": ["x"]}))
    assert (body["store"], body["include"]) == (True, ["x", "reasoning.encrypted_content"])
    assert "store" not in wire_request(ask(model="gpt-6-sol"), conversation="conv_1")


REFUSED = [
    *((model, {"temperature": 0.5}) for model in THINKING_MODELS),
    ("gpt-6-sol", {"top_p": 0.5}),
    ("gpt-5.6-sol", {"temperature": 0.5, "reasoning_effort": "low"}),
    ("gpt-5.6-sol", {"temperature": 0.5, "reasoning": {"effort": "high"}}),
    ("gpt-4.1", {"reasoning_effort": "low"}),
    ("gpt-4.1", {"stop": ("x",)}),
    ("gpt-4.1", {"seed": 1}),
    ("gpt-4.1", {"background": True}),
    ("gpt-4.1", {"previous_response_id": "resp_1"}),
    ("gpt-4.1", {"conversation": "conv_1"}),
    ("gpt-4.1", {"input": "x"}),
]


@pytest.mark.parametrize("model, options", REFUSED)
async def test_what_a_model_does_not_take_is_refused_before_it_is_sent(
    model: str, options: dict[str, Any]
) -> None:
    """The error names the option; nothing listens at the address."""
    provider = OpenAIProviderSession("sk-x" * 8, base_url="http://127.0.0.1:9")
    with pytest.raises(errors.ProviderRequestError) as caught:
        await anext(provider.stream(ask(model=model, options=options)))
    assert any(repr(option) in str(caught.value) for option in ("reasoning_effort", *options))
    assert caught.value.code == "unsupported_parameter"
    await provider.close()


TAKEN = [
    ("gpt-4.1", {"temperature": 0.5, "top_p": 0.5}),
    ("gpt-5.6-sol", {"temperature": 0.5, "reasoning_effort": "none"}),
    ("gpt-6-sol", {"temperature": 0.5, "reasoning": {"effort": "none"}}),
    ("gpt-5.4", {"temperature": 0.5}),
    ("gpt-5-chat-latest", {"temperature": 0.5}),
    ("local-model", {"stop": ("x",), "seed": 1, "temperature": 0.5}),
]


@pytest.mark.parametrize("model, options", TAKEN)
async def test_what_a_model_takes_is_sent(model: str, options: dict[str, Any]) -> None:
    """Models of other makers behind this API are asked for what the caller wants."""
    provider = OpenAIProviderSession("sk-x" * 8, base_url="http://127.0.0.1:9")
    with pytest.raises(errors.ProviderConnectionError):
        await anext(provider.stream(ask(model=model, options=options, retries=0)))
    await provider.close()


# Coming back


def test_thinking_goes_back_as_it_came_and_in_its_place() -> None:
    """Items in their order, with their ids and phases; to the same model only, and to no conversation."""
    items = [
        THOUGHT,
        output("I look. ", phase="commentary"),
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'},
    ]
    reply = read_whole(items, model="gpt-6-sol")
    wire = wire_input([reply], "gpt-6-sol")
    assert wire == [
        THOUGHT,
        {**output("I look. ", phase="commentary"), "status": "completed"},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'},
    ]
    plain = [
        {"type": "message", "role": "assistant", "content": "I look. "},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'},
    ]
    assert wire_input([reply], "gpt-6-luna") == plain
    assert wire_input([reply], "gpt-6-sol", with_thinking=False) == plain
    assert wire_request(ask(reply, model="gpt-6-sol"), conversation="conv_1")["input"] == plain


def test_a_phase_is_kept_without_thinking() -> None:
    """Models want it back; an id without its thinking would be refused."""
    reply = read_whole([output("Done.", phase="final_answer")], model="gpt-5.4")
    assert wire_input([reply], "gpt-5.4") == [
        {"type": "message", "role": "assistant", "content": "Done.", "phase": "final_answer"}
    ]


UNKEPT = {
    "thinking that is not encrypted": [{**THOUGHT, "encrypted_content": None}, output("Hi")],
    "a tool of the service after thinking that is not": [
        {**THOUGHT, "encrypted_content": None},
        {"type": "web_search_call", "id": "ws_1"},
        output("Hi"),
    ],
    "an ordinary reply": [output("Hi")],
}


@pytest.mark.parametrize("items", UNKEPT.values(), ids=UNKEPT)
def test_a_reply_that_cannot_go_back_as_it_came_goes_plainly(items: list[dict[str, Any]]) -> None:
    """Half of what a service ties together is refused, so it is all or nothing."""
    reply = read_whole(items, model="m")
    assert wire_input([reply], "m") == [{"type": "message", "role": "assistant", "content": "Hi"}]


def read_whole(items: list[dict[str, Any]], model: str) -> SessionMessage:
    """Return a response's items as the message they become."""
    reader = ResponsesReader(model)
    events = [*reader.read_whole({"status": "completed", "output": items}), *reader.finish()]
    parts = [dict(event.part) for event in events if isinstance(event, PartDone)]
    return message("assistant", text_of(events), *parts)


def test_the_text_is_that_of_all_messages() -> None:
    """Thinking may come first, and a message may have several pieces."""
    reader = ResponsesReader("m")
    summary = [{"type": "summary_text", "text": "One."}, {"type": "summary_text", "text": "Two."}]
    items = [{"type": "reasoning", "id": "rs_1", "summary": summary}, output("Hel", "lo, "), output("world")]
    events = reader.read_whole({"status": "completed", "output": items})
    assert (text_of(events), text_of(events, "reasoning")) == ("Hello, world", "One.\n\nTwo.")
    assert reader.is_whole


def test_thinking_comes_in_paragraphs() -> None:
    """Summaries and plain thinking are told apart from the answer, each part of them from the next."""
    reader = ResponsesReader("m")
    events: list[ReaderEvent] = []
    for index, text in ((0, "On"), (0, "e."), (1, "Two.")):
        body = {
            "type": "response.reasoning_summary_text.delta",
            "item_id": "rs",
            "summary_index": index,
            "delta": text,
        }
        events += reader.read(body)
    events += reader.read({"type": "response.output_text.delta", "delta": "Answer"})
    assert (text_of(events, "reasoning"), text_of(events)) == ("One.\n\nTwo.", "Answer")


def test_what_did_not_come_in_pieces_comes_at_the_end() -> None:
    """A server that streams no deltas, or not all, is understood by its whole response."""
    reader = ResponsesReader("m")
    events = [*reader.read({"type": "response.output_text.delta", "delta": "Hel"})]
    events += reader.read({"type": "response.completed", "response": {"output": [output("Hello")]}})
    assert text_of(events) == "Hello"
    other = ResponsesReader("m")
    other.read({"type": "response.output_text.delta", "delta": "Bye"})
    assert (
        text_of(other.read({"type": "response.completed", "response": {"output": [output("Hello")]}})) == ""
    )


def test_items_are_taken_from_the_stream_when_the_end_tells_none() -> None:
    """Some servers leave the last response's output empty."""
    reader = ResponsesReader("m")
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": ""}
    reader.read({"type": "response.output_item.done", "item": call})
    reader.read({"type": "response.completed", "response": {"status": "completed", "output": []}})
    assert PartDone({"type": "tool_call", "id": "c1", "name": "f", "arguments": "{}"}) in reader.finish()


ENDS = {
    "stop": ({"status": "completed"}, Finish(FinishReason.STOP, "completed")),
    "length": (
        {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
        Finish(FinishReason.LENGTH, "max_output_tokens"),
    ),
    "filter": (
        {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
        Finish(FinishReason.CONTENT_FILTER, "content_filter"),
    ),
    "unknown reason": ({"status": "incomplete"}, Finish(FinishReason.LENGTH, "incomplete")),
    "unknown status": ({"status": "complete"}, Finish(FinishReason.STOP, "complete")),
    "no status": ({}, Finish(FinishReason.STOP, "completed")),
}


@pytest.mark.parametrize("how, finish", ENDS.values(), ids=ENDS)
def test_an_end_has_our_word_and_theirs(how: dict[str, Any], finish: Finish) -> None:
    """One vocabulary, and the service's own word beside it."""
    reader = ResponsesReader("m")
    reader.read({"type": "response.completed", "response": {"output": [output("Hi")], **how}})
    assert reader.finish()[-1] == finish


def test_a_refusal_is_told_apart() -> None:
    """Its words are not an answer, and the finish reason says so."""
    reader = ResponsesReader("m")
    events = [*reader.read({"type": "response.refusal.delta", "delta": "I can"})]
    refusal = {"type": "message", "content": [{"type": "refusal", "refusal": "I cannot."}]}
    events += reader.read({"type": "response.completed", "response": {"output": [refusal]}})
    assert (text_of(events, "refusal"), text_of(events)) == ("I cannot.", "")
    assert reader.finish()[-1] == Finish(FinishReason.CONTENT_FILTER, "completed")


FAILURES = [
    ({"status": "failed", "error": {"code": "server_error", "message": "oops"}}, errors.ProviderServerError),
    (
        {"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "oops"}},
        errors.ProviderRateLimitError,
    ),
    (
        {"status": "failed", "error": {"code": "invalid_prompt", "message": "oops"}},
        errors.ProviderRequestError,
    ),
    ({"status": "failed", "error": None}, errors.ProviderServerError),
    ({"status": "cancelled"}, errors.ProviderServerError),
]


@pytest.mark.parametrize("response, kind", FAILURES)
def test_a_failed_response_is_an_error(
    response: dict[str, Any], kind: type[errors.ProviderSessionError]
) -> None:
    """Its code tells which; a failure is never a finished reply."""
    for read in (
        lambda reader: reader.read({"type": "response.failed", "response": response}),
        lambda reader: reader.read_whole({"output": [], **response}),
    ):
        with pytest.raises(ReportedError) as caught:
            read(ResponsesReader("m"))
        assert caught.value.fault.class_for(200) is kind


@pytest.mark.parametrize("body", [{"type": "response.new_thing", "x": 1}, {"type": 5}, {}, {"response": []}])
def test_what_is_not_known_is_skipped(body: dict[str, Any]) -> None:
    """Vendors add events inside one version."""
    assert ResponsesReader("m").read(body) == []


def test_a_conversation_counts_when_the_answer_names_it() -> None:
    """Another one, or none, does not."""
    for held, is_held in (
        ({"id": "conv_1"}, True),
        ("conv_1", True),
        ({"id": "conv_2"}, False),
        (None, False),
    ):
        reader = ResponsesReader("m", "conv_1")
        [info] = reader.read({"type": "response.created", "response": {"id": "resp_1", "conversation": held}})
        assert reader.is_held is is_held
        assert isinstance(info, ReplyInfo)
        assert info.native_id == ("conv_1" if is_held else None)


def test_usage_that_is_not_told_is_unknown() -> None:
    """No zeros are made up."""
    reader = ResponsesReader("m")
    reader.read({"type": "response.completed", "response": {"output": [output("Hi")], "usage": None}})
    assert not any(isinstance(event, Usage) for event in reader.finish())


# Making one


def test_a_server_on_this_machine_needs_no_key() -> None:
    """OpenAI does."""
    create_provider("openai", base_url="http://127.0.0.1:8080/v1")
    with pytest.raises(errors.ProviderAuthenticationError, match="OPENAI_API_KEY"):
        create_provider("openai")


def test_the_address_may_be_that_of_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument goes before the environment; a path that was copied too is taken off."""
    monkeypatch.setenv("OPENAI_BASE_URL", "https://env.example/v1")
    one = OpenAIProviderSession("sk-x" * 8)
    other = OpenAIProviderSession("sk-x" * 8, base_url="https://arg.example/v1/responses")
    assert [p.http.address.url for p in (one, other)] == ["https://env.example/v1", "https://arg.example/v1"]


def test_an_account_is_named_in_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument goes before the environment; headers that are none are refused."""
    monkeypatch.setenv("OPENAI_ORG_ID", "org-env")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-env")
    provider = OpenAIProviderSession("sk-x" * 8, organization="org-arg", headers={"X-Title": "t"})
    expected = {"OpenAI-Organization": "org-arg", "OpenAI-Project": "proj-env", "X-Title": "t"}
    assert expected.items() <= provider.http._headers.items()
    with pytest.raises(errors.SessionTypeError, match="headers"):
        OpenAIProviderSession("sk-x" * 8, headers=["X-Title"])  # type: ignore[arg-type]
    with pytest.raises(errors.SessionValueError, match="headers") as caught:
        OpenAIProviderSession("sk-x" * 8, headers={"sk-a-key-in-the-wrong-place": "é"})
    assert "sk-a-key" not in str(caught.value)
