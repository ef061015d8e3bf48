"""Cohere's dialect, going out and coming back, without a network."""

from __future__ import annotations

from typing import Any

import pytest

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.messages import FinishReason, MessageRole, SessionMessage, Usage
from langswarm_nb.core.session.provider_events import Delta, Finish, PartDone, ProviderRequest, ReplyInfo
from langswarm_nb.core.session.providers import create_provider
from langswarm_nb.core.session.providers._http.faults import ReportedError
from langswarm_nb.core.session.providers.cohere import PLAN, CohereReader, wire_messages, wire_options

REQUEST = ProviderRequest("command-a-plus-05-2026", (SessionMessage(content="Hi"),))


def event(kind: str, index: int | None = None, **message: Any) -> dict[str, Any]:
    return {"type": kind, "index": index, "delta": {"message": message}}


def read_all(*bodies: Any) -> list[Any]:
    reader = CohereReader(REQUEST)
    events = [found for body in bodies for found in reader.read(body)]
    assert reader.is_whole
    return [*events, *reader.finish()]


END = {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL"}}


def test_thinking_plan_and_calls_are_kept_apart_from_the_answer() -> None:
    """Two calls whose pieces interleave, a plan, thoughts; citations are passed over."""
    events = read_all(
        {"type": "message-start", "id": "r1", "delta": {}},
        event("content-start", 0, content={"type": "thinking", "thinking": ""}),
        event("content-delta", 0, content={"thinking": "Hm."}),
        event("content-start", 1, content={"type": "text", "text": "One "}),
        event("content-delta", 1, content={"text": "moment."}),
        event("tool-plan-delta", tool_plan="I will "),
        event("tool-plan-delta", tool_plan="look."),
        event("tool-call-start", 0, tool_calls={"id": "a", "function": {"name": "f", "arguments": ""}}),
        event("tool-call-start", 1, tool_calls={"id": "b", "function": {"name": "g", "arguments": ""}}),
        event("tool-call-delta", 0, tool_calls={"function": {"arguments": '{"x"'}}),
        event("tool-call-delta", 1, tool_calls={"function": {"arguments": "{}"}}),
        event("tool-call-delta", 0, tool_calls={"function": {"arguments": ": 1}"}}),
        {"type": "tool-call-end", "index": 0},
        event("citation-start", 0, citations={"text": "not an answer"}),
        {"type": "debug", "prompt": "not an answer"},
        END,
    )
    assert (
        "".join(found.text for found in events if found.__class__ is Delta and found.kind == "text")
        == "One moment."
    )
    assert [found.part for found in events if isinstance(found, PartDone)] == [
        {"type": "reasoning", "text": "Hm."},
        {"type": "reasoning", "text": "I will look.", "opaque": {PLAN: True}},
        {"type": "tool_call", "id": "a", "name": "f", "arguments": '{"x": 1}'},
        {"type": "tool_call", "id": "b", "name": "g", "arguments": "{}"},
    ]
    assert events[0] == ReplyInfo(model=REQUEST.model, provider_message_id="r1")
    assert events[-1] == Finish(FinishReason.TOOL_CALLS, "TOOL_CALL")


def test_a_plan_goes_back_as_a_plan() -> None:
    """And thoughts do not."""
    parts = (
        {"type": "reasoning", "text": "Hm."},
        {"type": "reasoning", "text": "I will look.", "opaque": {PLAN: True}},
        {"type": "tool_call", "id": "a", "name": "f", "arguments": "{}"},
    )
    (wire,) = wire_messages([SessionMessage(role=MessageRole.ASSISTANT, parts=parts)])
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert wire == {"role": "assistant", "tool_calls": [call], "tool_plan": "I will look."}


@pytest.mark.parametrize(
    "word, reason",
    [
        ("COMPLETE", FinishReason.STOP),
        ("STOP_SEQUENCE", FinishReason.STOP),
        ("MAX_TOKENS", FinishReason.LENGTH),
        ("ERROR", FinishReason.ERROR),
        ("TIMEOUT", FinishReason.ERROR),
        (None, FinishReason.STOP),
    ],
)
def test_ends_are_told_in_our_words_and_in_coheres(word: str | None, reason: FinishReason) -> None:
    """The end keeps Cohere's word."""
    assert read_all({"type": "message-end", "delta": {"finish_reason": word}})[-1] == Finish(reason, word)


def test_usage_counts_what_was_read_not_what_was_billed() -> None:
    """What was billed is kept beside it, for the cost."""
    usage = {
        "billed_units": {"input_tokens": 7.0, "output_tokens": 3.0},
        "tokens": {"input_tokens": 69.0, "output_tokens": 4.0},
        "cached_tokens": 64.0,
    }
    events = read_all({"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": usage}})
    assert Usage(input_tokens=69, cached_input_tokens=64, output_tokens=4) in events
    assert ReplyInfo(details={"billed_units": usage["billed_units"]}) in events


@pytest.mark.parametrize("body", [{"message": "too many tokens"}, {"error": "too many tokens"}])
def test_an_error_inside_an_answer_is_an_error(body: dict[str, Any]) -> None:
    """In a stream and as a whole answer."""
    with pytest.raises(ReportedError, match="too many"):
        list(CohereReader(REQUEST).read(body))
    with pytest.raises(ReportedError, match="too many"):
        list(CohereReader(REQUEST).read_whole(body))


def test_options_have_coheres_names() -> None:
    """Thinking is on or off; what the caller sets himself stays."""
    wire = wire_options({"top_p": 0.9, "stop": ("a",), "max_tokens": 5, "reasoning_effort": "high", "k": 3})
    assert wire == {
        "p": 0.9,
        "stop_sequences": ["a"],
        "max_tokens": 5,
        "k": 3,
        "thinking": {"type": "enabled"},
    }
    own = {"thinking": {"type": "enabled", "token_budget": 9}}
    assert wire_options({"reasoning_effort": "none", **own}) == own
    assert wire_options({"reasoning_effort": "none"}) == {"thinking": {"type": "disabled"}}


@pytest.mark.parametrize("model", ["command-a-03-2025", "command-r7b-12-2024", "command-r-plus"])
def test_a_model_that_does_not_think_says_so(model: str) -> None:
    """No request is sent in vain."""
    request = ProviderRequest(model, REQUEST.messages, {"reasoning_effort": "low"})
    with pytest.raises(errors.ProviderRequestError, match="does not think"):
        create_provider("cohere", "key-of-no-account").stream(request)
