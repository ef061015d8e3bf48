"""Calls of tools in pieces, in all the ways in which services name them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.core.session.messages import MessageRole, RequestFacts, SessionMessage
from langswarm_nb.core.session.provider_events import PartDone, ProviderRequest
from langswarm_nb.core.session.providers._dialect.call_pieces import CallPieces
from langswarm_nb.core.session.providers.anthropic.reader import MessagesReader
from langswarm_nb.core.session.providers.chat import wire_messages
from langswarm_nb.core.session.providers.chat.reader import ChatReader
from langswarm_nb.core.session.providers.cohere import CohereReader
from langswarm_nb.core.session.providers.gemini.interaction_reader import InteractionReader
from langswarm_nb.core.session.providers.mistral.conversations import ConversationReader

REQUEST = ProviderRequest("m", (SessionMessage(content="Hi"),))
NAMES = st.sampled_from(["number", "text", "id", "both", "text and id", "nothing"])


@st.composite
def calls_in_pieces(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[tuple[str, str, str]]]:
    """Return pieces, one call after another, each piece named in a way of its own, and the calls."""
    pieces, calls = [], []
    for number in range(draw(st.integers(1, 3))):
        arguments = draw(st.text("ab{}: 1", min_size=1, max_size=12).filter(str.strip))
        cuts = sorted(draw(st.sets(st.integers(1, len(arguments)), max_size=3)))
        texts = [arguments[start:end] for start, end in pairwise([0, *cuts, len(arguments)])]
        calls.append((f"id{number}", f"f{number}", arguments))
        for at, text in enumerate(texts):
            way = draw(NAMES)
            piece: dict[str, Any] = {"places": (), "arguments": text}
            if "number" in way or way == "both":
                piece["places"] = (number,)
            elif "text" in way:
                piece["places"] = (str(number),)
            if at == 0:
                piece |= {"call_id": f"id{number}", "name": f"f{number}"}
            elif way in {"id", "both", "text and id"}:
                piece["call_id"] = f"id{number}"
            pieces.append(piece)
    return pieces, calls


@given(calls_in_pieces())
def test_pieces_are_put_together_however_each_is_named(
    drawn: tuple[list[dict[str, Any]], list[tuple[str, str, str]]],
) -> None:
    """By place as a number or as text, by id, by both or by neither, and another way for each piece."""
    pieces, calls = drawn
    collected = CallPieces()
    for piece in pieces:
        collected.take(piece.pop("places"), **piece)
    found = [(part["id"], part["name"], part["arguments"]) for part in collected.parts()]
    assert found == calls


CHAT_NAMES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"index": "0", "id": "a"}, {"index": 0}),
    ({"index": 0, "id": "a"}, {"index": "0"}),
    ({"index": 0, "id": "a"}, {"id": "a"}),
    ({"id": "a"}, {"index": 0}),
    ({"id": "a"}, {"index": 0, "id": "a"}),
    ({"index": None, "id": "a"}, {"index": "0", "id": ""}),
    ({"index": 0.0, "id": "a"}, {"index": 0}),
]


@pytest.mark.parametrize("first, second", CHAT_NAMES)
def test_a_call_named_in_two_ways_is_one(first: dict[str, Any], second: dict[str, Any]) -> None:
    """The pieces of Chat Completions, whose servers are the least careful."""
    reader = ChatReader()
    pieces = [
        {**first, "function": {"name": "x", "arguments": '{"q":'}},
        {**second, "function": {"arguments": " 1}"}},
    ]
    for piece in pieces:
        reader.read({"choices": [{"index": 0, "delta": {"tool_calls": [piece]}}]})
    [done] = [event for event in reader.finish() if isinstance(event, PartDone)]
    assert done.part == {"type": "tool_call", "id": "a", "name": "x", "arguments": '{"q": 1}'}


def chunks_of_cohere(index: Any) -> list[dict[str, Any]]:
    call = {"id": "a", "function": {"name": "x", "arguments": '{"q":'}}
    more = {"function": {"arguments": " 1}"}}
    return [
        {"type": "tool-call-start", "index": "0", "delta": {"message": {"tool_calls": call}}},
        {"type": "tool-call-delta", "index": index, "delta": {"message": {"tool_calls": more}}},
    ]


def events_of_conversations(index: Any) -> list[dict[str, Any]]:
    call = {"type": "function.call.delta", "output_index": "0", "tool_call_id": "a", "name": "x"}
    more = {"type": "function.call.delta", "output_index": index, "arguments": " 1}"}
    return [{**call, "arguments": '{"q":'}, more]


def events_of_messages(index: Any) -> list[dict[str, Any]]:
    start = {"type": "tool_use", "id": "a", "name": "x", "input": {}}
    delta = {"type": "input_json_delta", "partial_json": '{"q": 1}'}
    return [
        {"type": "content_block_start", "index": "0", "content_block": start},
        {"type": "content_block_delta", "index": index, "delta": delta},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
        {"type": "message_stop"},
    ]


def events_of_interactions(index: Any) -> list[dict[str, Any]]:
    step = {"type": "function_call", "id": "a", "name": "x"}
    delta = {"type": "arguments_delta", "arguments": '{"q": 1}'}
    return [
        {"event_type": "step.start", "index": "0", "step": step},
        {"event_type": "step.delta", "index": index, "delta": delta},
    ]


@pytest.mark.parametrize("index", [0, "0", 0.0])
@pytest.mark.parametrize(
    "reader, events",
    [
        (lambda: CohereReader(REQUEST), chunks_of_cohere),
        (lambda: ConversationReader(REQUEST), events_of_conversations),
        (lambda: MessagesReader("m"), events_of_messages),
        (lambda: InteractionReader(REQUEST), events_of_interactions),
    ],
    ids=["cohere", "conversations", "messages", "interactions"],
)
def test_a_place_is_the_same_as_number_and_as_text(reader: Any, events: Any, index: Any) -> None:
    """In all dialects that count their pieces."""
    reading = reader()
    for event in events(index):
        list(reading.read(event))
    calls = [event.part for event in reading.finish() if isinstance(event, PartDone)]
    assert [(call["id"], call["name"], call["arguments"]) for call in calls] == [("a", "x", '{"q": 1}')]


def test_a_call_with_free_text_is_kept_and_goes_back_as_such() -> None:
    """Chat Completions has calls whose input is not JSON; Google's carry a signature beside."""
    reader = ChatReader()
    custom = {"index": 0, "id": "a", "type": "custom", "custom": {"name": "run", "input": "x = "}}
    signed = {"index": 1, "id": "b", "function": {"name": "f", "arguments": "{}"}}
    signed["extra_content"] = {"google": {"thought_signature": "sig"}}
    more = {"index": 0, "custom": {"input": "1"}}
    for piece in (custom, more, signed):
        reader.read({"choices": [{"index": 0, "delta": {"tool_calls": [piece]}}]})
    parts = tuple(event.part for event in reader.finish() if isinstance(event, PartDone))
    assert parts[0]["arguments"] == '{"input": "x = 1"}'
    said = SessionMessage(role=MessageRole.ASSISTANT, parts=parts, request=RequestFacts("google", "m"))
    [wire] = wire_messages([said], host="google")
    [elsewhere] = wire_messages([said], host="other")
    assert "extra_content" not in str(elsewhere)
    assert wire["tool_calls"] == [
        {"id": "a", "type": "custom", "custom": {"name": "run", "input": "x = 1"}},
        {name: value for name, value in {"type": "function", **signed}.items() if name != "index"},
    ]
