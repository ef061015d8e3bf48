"""Mistral's two dialects, going out and coming back, without a network."""

from __future__ import annotations

from typing import Any

import pytest

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.messages import FinishReason, MessageRole, SessionMessage, Usage
from langswarm_nb.core.session.parts.vocabulary import Part
from langswarm_nb.core.session.provider_events import Delta, Finish, PartDone, ProviderRequest, ReplyInfo
from langswarm_nb.core.session.providers import create_provider
from langswarm_nb.core.session.providers._http.fault_bodies import read_fault
from langswarm_nb.core.session.providers._http.faults import ReportedError
from langswarm_nb.core.session.providers.chat.reader import ChatReader
from langswarm_nb.core.session.providers.mistral import _is_begun_with, completions, conversations

QUESTION = SessionMessage(content="Hi")


def ask(*messages: SessionMessage, native_id: str | None = None, **options: Any) -> ProviderRequest:
    return ProviderRequest("m", messages or (QUESTION,), options, native_id=native_id)


def said(role: str, content: str = "", *parts: Part) -> SessionMessage:
    return SessionMessage(role=MessageRole(role), content=content, parts=parts)


# Chat


def test_ids_of_calls_have_nine_characters() -> None:
    """Mistral's own stay; those of other services become the same nine each time, with their results."""
    assert completions.short_id("KikbB849t") == "KikbB849t"
    foreign = [
        completions.short_id(call_id) for call_id in ("call_0", "call_1", "toolu_01A09q90qw90lq917835lq9")
    ]
    assert len(set(foreign)) == 3
    assert all(len(call_id) == 9 and call_id.isalnum() and call_id.isascii() for call_id in foreign)
    call = {"type": "tool_call", "id": "call_0", "name": "f", "arguments": "{}"}
    result = {"type": "tool_result", "tool_call_id": "call_0", "content": "ok"}
    wire = completions.wire_path([said("assistant", "", call), said("tool", "", result)])
    assert wire[0]["tool_calls"][0]["id"] == wire[1]["tool_call_id"] == foreign[0]


def test_system_messages_stand_together_at_the_beginning() -> None:
    """Mistral takes one, before all others."""
    wire = completions.wire_path([said("system", "a"), QUESTION, said("system", "b"), said("assistant", "c")])
    assert wire == [
        {"role": "system", "content": "a\n\nb"},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "c"},
    ]


def test_options_have_mistrals_names() -> None:
    """Few differ."""
    wire = completions.wire_options({"seed": 1, "max_tokens": 2, "stop": ("a",), "safe_prompt": True})
    assert wire == {"random_seed": 1, "max_tokens": 2, "stop": ["a"], "safe_prompt": True}


@pytest.mark.parametrize("option", ["store", "max_completion_tokens", "stream_options", "user", "messages"])
def test_a_field_that_mistral_refuses_is_an_error_before_it_is_sent(option: str) -> None:
    """The error names it, and its Mistral name where there is one."""
    options: dict[str, Any] = {option: 1}
    with pytest.raises(errors.ProviderRequestError, match=option) as caught:
        create_provider("mistral", "key-of-no-account").stream(ask(**options))
    assert caught.value.code == "unsupported_parameter"


def test_thinking_comes_in_chunks() -> None:
    """Content may be a list of thinking and text."""
    content = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}], "closed": True},
        {"type": "text", "text": "Yes."},
        {"type": "reference", "reference_ids": [1]},
    ]
    body = {"choices": [{"index": 0, "message": {"content": content}, "finish_reason": "model_length"}]}
    reader = ChatReader()
    assert list(reader.read_whole(body)) == [Delta("Hm.", "reasoning"), Delta("Yes.")]
    assert list(reader.finish())[-1] == Finish(FinishReason.LENGTH, "model_length")


@pytest.mark.parametrize(
    "body, words",
    [
        ({"message": "Unauthorized", "request_id": "r1"}, "Unauthorized"),
        (
            {
                "object": "error",
                "message": {
                    "detail": [{"type": "extra_forbidden", "loc": ["body", "store"], "msg": "Extra inputs"}]
                },
                "code": None,
            },
            "body.store: Extra inputs",
        ),
        ({"detail": [{"loc": ["body", "x"], "msg": "missing"}]}, "body.x: missing"),
        (
            {"object": "error", "message": "Rate limit exceeded", "type": "rate_limited", "code": "1300"},
            "Rate limit",
        ),
    ],
)
def test_every_form_of_mistrals_errors_is_read(body: Any, words: str) -> None:
    """The message may be text, an object, or a list of problems."""
    assert words in read_fault(body).message


# Conversations


def read_all(reader: conversations.ConversationReader, *bodies: Any) -> list[Any]:
    events = [event for body in bodies for event in reader.read(body)]
    assert reader.is_whole
    return [*events, *reader.finish()]


STARTED = {"type": "conversation.response.started", "conversation_id": "conv_1"}
DONE = {"type": "conversation.response.done", "usage": {"prompt_tokens": 5, "completion_tokens": 7}}


def test_all_that_a_conversation_answers_is_read() -> None:
    """Text and chunks, calls in pieces, unknown events."""
    call = {"type": "function.call.delta", "id": "fc_1", "tool_call_id": "KikbB849t", "name": "f"}
    events = read_all(
        conversations.ConversationReader(ask()),
        STARTED,
        {"type": "message.output.delta", "id": "msg_1", "model": "m-1", "content": "Hel"},
        {"type": "message.output.delta", "id": "msg_1", "content": {"type": "text", "text": "lo"}},
        {
            "type": "message.output.delta",
            "id": "msg_1",
            "content": {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
        },
        {"type": "message.output.delta", "id": "msg_1", "content": {"type": "tool_reference", "title": "t"}},
        {**call, "arguments": '{"a"'},
        {**call, "arguments": ": 1}"},
        {"type": "of.a.later.day"},
        DONE,
    )
    assert [event for event in events if isinstance(event, Delta)] == [
        Delta("Hel"),
        Delta("lo"),
        Delta("Hm.", "reasoning"),
    ]
    parts = [event.part for event in events if isinstance(event, PartDone)]
    assert parts.pop(1)["type"] == "reasoning"  # the outline
    assert parts == [
        {
            "type": "vendor",
            "kind": "tool_reference",
            "opaque": {"type": "tool_reference", "title": "t"},
            "text": "named a source: t",
        },
        {"type": "tool_call", "id": "KikbB849t", "name": "f", "arguments": '{"a": 1}'},
        {"type": "citation", "title": "t", "start": 0, "end": 5},
    ]
    infos = [event for event in events if isinstance(event, ReplyInfo)]
    assert [info.native_id for info in infos if info.native_id] == ["conv_1"]
    assert (infos[1].model, infos[1].provider_message_id) == ("m-1", "msg_1")
    assert Usage(input_tokens=5, output_tokens=7) in events
    assert events[-1] == Finish(FinishReason.TOOL_CALLS)


def test_a_whole_answer_says_the_same() -> None:
    """Arguments may be an object there."""
    reader = conversations.ConversationReader(ask())
    outputs = [
        {"type": "message.output", "id": "msg_1", "content": [{"type": "text", "text": "Hello"}]},
        {"type": "function.call", "tool_call_id": "KikbB849t", "name": "f", "arguments": {"a": 1}},
    ]
    answer = {"conversation_id": "conv_1", "outputs": outputs, "usage": {"connector_tokens": 9}}
    events = [*reader.read_whole(answer), *reader.finish()]
    assert Delta("Hello") in events
    assert ReplyInfo(details={"connector_tokens": 9}) in events
    call = {"type": "tool_call", "id": "KikbB849t", "name": "f", "arguments": '{"a": 1}'}
    assert PartDone(call) in events


RAN = {
    "type": "tool.execution",
    "id": "t_1",
    "name": "web_search",
    "arguments": '{"q": "x"}',
    "info": {"n": 3},
}
HANDED = {
    "type": "agent.handoff",
    "id": "h_1",
    "previous_agent_id": "a",
    "previous_agent_name": "A",
    "next_agent_id": "b",
    "next_agent_name": "B",
}
LATER = {"type": "of.a.later.day", "id": "l_1", "deep": {"er": 1}}
SO = {"type": "message.output", "role": "assistant", "content": "I look."}
FOUND = {**SO, "content": "Found."}
CALLED = {"type": "function.call", "tool_call_id": "KikbB849t", "name": "f", "arguments": "{}"}


def streamed_entries(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the events of a stream that brings entries, in pieces where it can."""
    events: list[dict[str, Any]] = []
    for index, entry in enumerate(entries):
        kind, told = entry["type"], {"output_index": index, "id": f"e_{index}", **entry}
        if kind == "message.output":
            said = [{"content": piece} for piece in (entry["content"][:3], entry["content"][3:])]
            events += [{**told, **piece, "type": f"{kind}.delta"} for piece in said]
        elif kind == "function.call":
            events.append({**told, "type": f"{kind}.delta"})
        else:
            early = {name: told[name] for name in told if name not in {"info", "next_agent_id", "deep"}}
            if "arguments" in told:
                early["arguments"] = told["arguments"][:3]
                rest = {"output_index": index, "id": told["id"], "arguments": told.pop("arguments")[3:]}
                events += [
                    {**early, "type": f"{kind}.started"},
                    {**rest, "type": f"{kind}.delta", "created_at": "2026-11-30T00:00:00Z"},
                ]
            else:
                events.append({**early, "type": f"{kind}.started"})
            events.append({**told, "type": f"{kind}.done"})
    return events


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("own", [RAN, HANDED, LATER], ids=lambda own: own["type"])
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 0, 3), (1, 3), (1,)])
def test_what_mistral_did_itself_is_kept_in_its_place(
    order: tuple[int, ...], own: dict[str, Any], streamed: bool
) -> None:
    """It goes back when the conversation starts again with the same model, and an answer of it alone is not empty."""
    entries = [[SO, own, FOUND, CALLED][number] for number in order]
    reader = conversations.ConversationReader(ask())
    if streamed:
        events = read_all(reader, STARTED, *streamed_entries(entries), DONE)
    else:
        events = [*reader.read_whole({"conversation_id": "conv_1", "outputs": entries}), *reader.finish()]
    text = "".join(event.text for event in events if isinstance(event, Delta))
    parts = tuple(event.part for event in events if isinstance(event, PartDone))
    reply = SessionMessage(role=MessageRole.ASSISTANT, content=text, parts=parts)
    question = SessionMessage(content="Hi")
    asked = {"type": "message.input", "role": "user", "content": "Hi"}
    assert conversations.wire_inputs([question, reply], "m") == [asked, *entries]
    theirs = [entry for entry in entries if entry is not own or own is not LATER]
    to_another = conversations.wire_inputs([question, reply], "another")
    if own is LATER and SO in theirs and FOUND in theirs:
        theirs = [{**SO, "content": SO["content"] + FOUND["content"]}, *theirs[2:]]
    if not theirs:
        theirs = [{**SO, "content": "[of.a.later.day]"}]
    assert to_another == [asked, *theirs]


@pytest.mark.parametrize(
    "limit, reason", [(7, FinishReason.LENGTH), (8, FinishReason.STOP), (None, FinishReason.STOP)]
)
def test_a_full_limit_tells_that_a_reply_was_cut(limit: int | None, reason: FinishReason) -> None:
    """Conversations give no reason for the end: as many tokens as were allowed is one."""
    options: dict[str, Any] = {} if limit is None else {"max_tokens": limit}
    assert read_all(conversations.ConversationReader(ask(**options)), STARTED, DONE)[-1] == Finish(reason)


def test_an_error_event_has_its_status() -> None:
    """Its code is a number, HTTP's where it is one."""
    with pytest.raises(ReportedError) as caught:
        list(
            conversations.ConversationReader(ask()).read(
                {"type": "conversation.response.error", "message": "busy", "code": 503}
            )
        )
    assert caught.value.fault.class_for(200) is errors.ProviderOverloadedError


def test_a_foreign_conversation_is_not_ours() -> None:
    """An answer in another conversation than was asked for tells no id to go on with."""
    events = read_all(conversations.ConversationReader(ask(native_id="conv_9")), STARTED, DONE)
    assert not [event for event in events if isinstance(event, ReplyInfo)]


@pytest.mark.parametrize(
    "held, fits",
    [
        ({}, True),
        ({"model": "mistral-medium-2508", "instructions": "Be brief"}, True),
        ({"model": "mistral-medium-latest", "instructions": "Be brief"}, True),
        ({"model": "mistral-large-latest", "instructions": "Be brief"}, False),
        ({"model": "mistral-medium-latest", "instructions": None}, False),
        ({"instructions": "Be long"}, False),
    ],
)
def test_a_conversation_is_gone_on_with_while_it_is_as_wanted(held: dict[str, Any], fits: bool) -> None:
    """Its model and system text were set when it began; "latest" is whatever Mistral made of it."""
    wanted = {"model": "mistral-medium-latest", "instructions": "Be brief"}
    assert _is_begun_with(held, wanted) is fits
