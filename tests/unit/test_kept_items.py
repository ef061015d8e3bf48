"""What a reply holds beside text is kept in its order, shown where it waits for an answer, and goes back as it came."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from langswarm_nb.core.session import create_session_manager
from langswarm_nb.core.session.messages import FinishReason, MessageRole, SessionMessage
from langswarm_nb.core.session.parts.vocabulary import Part
from langswarm_nb.core.session.provider_events import (
    Delta,
    Finish,
    PartDone,
    ProviderRequest,
    ReplyInfo,
)
from langswarm_nb.core.session.providers._dialect.call_pieces import ReaderEvent
from langswarm_nb.core.session.providers._dialect.whole_items import WholeItems
from langswarm_nb.core.session.providers.anthropic import (
    AnthropicProviderSession,
    wire_messages,
    wire_request,
)
from langswarm_nb.core.session.providers.anthropic.reader import MessagesReader
from langswarm_nb.core.session.providers.gemini import generate, interactions
from langswarm_nb.core.session.providers.gemini.interaction_reader import InteractionReader
from langswarm_nb.core.session.providers.openai import wire_input
from langswarm_nb.core.session.providers.openai.reader import ResponsesReader
from tests.support.replay import Replay

QUESTION = SessionMessage(content="Hi")
THOUGHT: dict[str, Any] = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}


def message_of(events: Iterable[ReaderEvent]) -> SessionMessage:
    """Return the message that a reply becomes."""
    told = list(events)
    text = "".join(event.text for event in told if isinstance(event, Delta) and event.kind == "text")
    parts = tuple(event.part for event in told if isinstance(event, PartDone))
    return SessionMessage(role=MessageRole.ASSISTANT, content=text, parts=parts)


# Responses


def said(text: str, item_id: str = "msg_1") -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
    return {"type": "message", "id": item_id, "role": "assistant", "status": "completed", "content": content}


def response_of(items: list[dict[str, Any]], *, streamed: bool = False) -> list[ReaderEvent]:
    reader = ResponsesReader("m")
    whole = {"status": "completed", "output": [] if streamed else items}
    if not streamed:
        return [*reader.read_whole(whole), *reader.finish()]
    events: list[ReaderEvent] = []
    for item in items:
        events += reader.read({"type": "response.output_item.done", "item": item})
    events += reader.read({"type": "response.completed", "response": whole})
    return [*events, *reader.finish()]


WAITING: list[dict[str, Any]] = [
    {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c1", "name": "run", "input": "x = 1"},
    {"type": "mcp_approval_request", "id": "c1", "server_label": "s", "name": "f", "arguments": "{}"},
    {"type": "shell_call", "id": "sh_1", "call_id": "c1", "action": {"commands": ["ls"]}},
    {"type": "local_shell_call", "id": "ls_1", "call_id": "c1", "action": {"command": ["ls"], "env": {}}},
    {
        "type": "apply_patch_call",
        "id": "ap_1",
        "call_id": "c1",
        "operation": {"type": "delete_file", "path": "a"},
    },
    {"type": "computer_call", "id": "cu_1", "call_id": "c1", "action": {"type": "screenshot"}},
    {"type": "tool_search_call", "id": "ts_1", "call_id": "c1", "execution": "client", "arguments": {}},
]
DONE: list[list[dict[str, Any]]] = [
    [{"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}],
    [{"type": "mcp_call", "id": "mcp_1", "server_label": "s", "name": "f", "arguments": "{}", "output": "4"}],
    [
        {
            "type": "code_interpreter_call",
            "id": "ci_1",
            "status": "completed",
            "code": None,
            "container_id": "k",
            "outputs": None,
        }
    ],
    [{"type": "compaction", "id": "cp_1", "encrypted_content": "e"}],
    [{"type": "of_a_later_day", "id": "x_1", "deep": {"er": [1, {"x": None}]}}],
    [
        {
            "type": "shell_call",
            "id": "sh_1",
            "call_id": "c1",
            "action": {"commands": ["ls"]},
            "environment": {"type": "container_reference"},
        },
        {"type": "shell_call_output", "id": "so_1", "call_id": "c1", "output": []},
    ],
]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("call", WAITING, ids=lambda call: call["type"])
def test_a_call_that_waits_for_us_is_shown_and_goes_back_in_its_place(
    call: dict[str, Any], streamed: bool
) -> None:
    """It ends the reply as a call of tools does, and comes back between the thinking and the text it stood by."""
    items = [THOUGHT, call, said("Wait.")]
    events = response_of(items, streamed=streamed)
    reply = message_of(events)
    assert [part["id"] for part in reply.tool_calls] == ["c1"]
    assert json.loads(reply.tool_calls[0]["arguments"])
    assert events[-1] == Finish(FinishReason.TOOL_CALLS, "completed")
    assert wire_input([reply], "m") == items
    plain = wire_input([reply], "another model")
    assert sorted(str(item.get("call_id", item.get("content"))) for item in plain) == ["Wait.", "c1"]


@pytest.mark.parametrize("done", DONE, ids=lambda items: items[0]["type"])
def test_what_the_service_did_itself_goes_back_in_its_place(done: list[dict[str, Any]]) -> None:
    """It is not a call of ours, and the reply ended well."""
    items = [THOUGHT, *done, said("Done.")]
    events = response_of(items)
    reply = message_of(events)
    assert reply.tool_calls == ()
    assert events[-1] == Finish(FinishReason.STOP, "completed")
    assert wire_input([reply], "m") == items
    bare = message_of(response_of(items[1:]))
    assert [item["type"] for item in wire_input([bare], "m")] == [item["type"] for item in items[1:]]


def test_a_picture_that_was_made_is_a_picture_and_is_kept_once() -> None:
    """Its data stands in the part alone, and goes back with the item."""
    drawn = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "AAAA" * 50}
    items = [THOUGHT, drawn, {**drawn, "id": "ig_2", "result": "BBBB" * 50, "output_format": "webp"}]
    reply = message_of(response_of(items))
    assert [part["media_type"] for part in reply.parts if part["type"] == "image"] == [
        "image/png",
        "image/webp",
    ]
    assert json.dumps(reply.parts).count("AAAA" * 50) == 1
    assert wire_input([reply], "m") == items


def test_the_result_of_a_call_with_free_text_says_so() -> None:
    """The service refuses a function's output for it."""
    reply = message_of(response_of([WAITING[0]]))
    result: Part = {"type": "tool_result", "tool_call_id": "c1", "content": "42"}
    wire = wire_input([reply, SessionMessage(role=MessageRole.TOOL, parts=(result,))], "m")
    assert wire == [
        {"type": "custom_tool_call", "call_id": "c1", "name": "run", "input": "x = 1"},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "42"},
    ]


# Anthropic

TOOL_USE = {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}}
CLAUDE_THOUGHT: dict[str, Any] = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
SEARCH: dict[str, Any] = {
    "type": "server_tool_use",
    "id": "s1",
    "name": "web_search",
    "input": {"query": "x"},
}
FOUND: dict[str, Any] = {
    "type": "web_search_tool_result",
    "tool_use_id": "s1",
    "content": [{"type": "web_search_result"}],
}
BLOCKS: list[list[dict[str, Any]]] = [
    [SEARCH, FOUND],
    [{"type": "compaction", "content": "short", "encrypted_content": "e"}],
    [{"type": "compaction_of_nothing", "content": None, "encrypted_content": "e"}],
    [{"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}}],
    [{"type": "of_a_later_day", "deep": {"er": [1]}}],
]


def streamed_blocks(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the events of a stream that brings blocks, in pieces where it can."""
    events: list[dict[str, Any]] = [{"type": "message_start", "message": {"id": "m1", "model": "m"}}]
    for index, block in enumerate(blocks):
        start, deltas = dict(block), []
        if "input" in block:
            start["input"] = {}
            text = json.dumps(block["input"])
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in (text[:3], text[3:])]
        elif block["type"] == "text":
            start["text"] = ""
            deltas = [{"type": "text_delta", "text": block["text"]}]
            found = start.pop("citations", [])
            deltas += [{"type": "citations_delta", "citation": citation} for citation in found]
        elif block["type"] == "thinking":
            start |= {"thinking": "", "signature": ""}
            deltas = [
                {"type": "thinking_delta", "thinking": block["thinking"]},
                {"type": "signature_delta", "signature": block["signature"]},
            ]
        elif block["type"] == "compaction":
            start |= {"content": "", "encrypted_content": ""}
            deltas = [{"type": "compaction_delta", "content": "sho"}]
            deltas += [{"type": "compaction_delta", "content": "rt", "encrypted_content": "e"}]
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    return events


def claude(
    blocks: list[dict[str, Any]], *, streamed: bool, stop: str = "end_turn", **more: Any
) -> list[ReaderEvent]:
    reader = MessagesReader("m")
    if not streamed:
        return [*reader.read_whole({"content": blocks, "stop_reason": stop, **more}), *reader.finish()]
    events: list[ReaderEvent] = []
    end = {"type": "message_delta", "delta": {"stop_reason": stop}, **more}
    for event in [*streamed_blocks(blocks), end, {"type": "message_stop"}]:
        events += reader.read(event)
    return [*events, *reader.finish()]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("blocks", BLOCKS, ids=lambda blocks: blocks[0]["type"])
def test_blocks_of_the_services_own_go_back_in_their_places(
    blocks: list[dict[str, Any]], streamed: bool
) -> None:
    """Signed thinking among them: without it the next request is refused."""
    content = [CLAUDE_THOUGHT, *blocks, {"type": "text", "text": "I look."}, TOOL_USE]
    reply = message_of(claude(content, streamed=streamed, stop="tool_use"))
    assert wire_messages([reply], "m") == [{"role": "assistant", "content": content}]
    without_call = message_of(claude(content[:-1], streamed=streamed))
    wire = wire_messages([without_call, QUESTION], "m")
    assert wire[0]["content"] == content[:-1]
    taken = [block for block in blocks if block["type"].endswith(("tool_use", "tool_result"))]
    elsewhere = wire_messages([without_call], "another")[0]["content"]
    assert elsewhere == ([*taken, content[-2]] if taken else "I look.")


@pytest.mark.parametrize("streamed", [False, True])
def test_a_paused_turn_is_kept_as_it_stands(streamed: bool) -> None:
    """It can be gone on with; once a question follows, what was begun and not done is left out."""
    content = [{"type": "text", "text": "I search."}, SEARCH]
    events = claude(content, streamed=streamed, stop="pause_turn")
    assert events[-1] == Finish(FinishReason.INTERRUPTED, "pause_turn")
    reply = message_of(events)
    assert wire_messages([reply], "m")[0]["content"] == content
    assert wire_messages([reply, QUESTION], "m")[0]["content"] == "I search."


@pytest.mark.parametrize("streamed", [False, True])
def test_sources_of_a_text_go_back_with_it(streamed: bool) -> None:
    """Where the turn goes back as it came."""
    cited = [{"type": "web_search_result_location", "url": "https://x.example", "encrypted_index": "e"}]
    content = [SEARCH, FOUND, {"type": "text", "text": "So.", "citations": cited}]
    reply = message_of(claude(content, streamed=streamed))
    assert wire_messages([reply, QUESTION], "m")[0]["content"] == content


BOUND = ["claude-sonnet-5-5", "claude-opus-5-5-20261001", "us.anthropic.claude-haiku-5-5", "claude-fable-5-1"]
BOUND += ["claude-mythos-5-2", "claude-opus-6-1"]
FREE = [
    "claude-sonnet-5",
    "claude-opus-4-7",
    "claude-haiku-4-5-20251001",
    "claude-fable-5",
    "claude-mythos-5-1",
]
FREE += ["another-model", "claude-sonnet-5-20260101"]


def path_with_thinking(model: str) -> tuple[SessionMessage, ...]:
    reader = MessagesReader(model)
    content = [CLAUDE_THOUGHT, TOOL_USE]
    reply = message_of(
        [*reader.read_whole({"content": content, "stop_reason": "tool_use"}), *reader.finish()]
    )
    result: Part = {"type": "tool_result", "tool_call_id": "c1", "content": "42"}
    return QUESTION, reply, SessionMessage(role=MessageRole.TOOL, parts=(result,))


DROP = {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}}


@pytest.mark.parametrize("model", [*BOUND, *FREE])
def test_models_that_bind_their_thinking_are_asked_to_drop_what_does_not_fit(model: str) -> None:
    """Only those, and only where thinking goes back; what the caller asked for stays."""
    body = wire_request(ProviderRequest(model, path_with_thinking(model)))
    assert body.get("thinking") == (DROP if model in BOUND else None)
    assert "thinking" not in wire_request(ProviderRequest(model, (QUESTION,)))
    if model not in BOUND:
        return
    for asked in (
        {"type": "disabled"},
        {"type": "between_tools"},
        {"type": "adaptive", "display": "omitted"},
    ):
        request = ProviderRequest(model, path_with_thinking(model), options={"thinking": asked})
        expected = {**DROP, **asked} if asked["type"] == "adaptive" else asked
        assert wire_request(request)["thinking"] == expected


CHANGES = [
    {"type": "thinking_dropped", "path": "messages.1.content.0", "reason": "prefix_binding_mismatch"},
    {"type": "thinking_dropped", "path": "messages.3.content.0", "reason": "prefix_binding_mismatch"},
    {
        "type": "thinking_mismatch_allowed",
        "path": "messages.5.content.0",
        "reason": "prefix_binding_mismatch",
    },
]


@pytest.mark.parametrize("streamed", [False, True])
async def test_thinking_that_was_dropped_is_shown(streamed: bool) -> None:
    """In the facts of the reply, and among the notes that its reader sees; the beta is asked for by its name."""
    provider = AnthropicProviderSession("sk-ant-canary-0123456789abcdef")
    content = [{"type": "text", "text": "Done."}]
    whole = {"content": content, "stop_reason": "end_turn", "input_transformations": CHANGES}
    events = streamed_blocks(content)
    events[0]["message"]["input_transformations"] = CHANGES
    events += [{"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, {"type": "message_stop"}]
    stream = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    replay = Replay([stream if streamed else json.dumps(whole).encode()])
    replay.into(provider)
    async with create_session_manager("memory") as manager:
        manager.add_provider_session("anthropic", provider)
        session = await manager.create_session("ada", "anthropic", "claude-sonnet-5-5")
        question, reply, result = path_with_thinking("claude-sonnet-5-5")
        await session.append([question, reply])
        sent = session.stream_message("", role=MessageRole.TOOL, parts=list(result.parts), stream=streamed)
        answer = await sent.read()
    assert answer.request is not None
    assert answer.request.details["input_transformations"] == CHANGES
    assert any("2 pieces of earlier thinking (prefix_binding_mismatch)" in note for note in sent.notes)
    assert "thinking-binding-controls-2026-08-01" in dict(replay.sent[0].headers())["anthropic-beta"]


def test_responses_tell_too_what_they_left_out() -> None:
    """OpenAI drops thinking that it cannot use without being asked."""
    reader = ResponsesReader("m")
    change = {"id": "rs_1", "action": "removed", "reason": "model_mismatch"}
    body = {"status": "completed", "output": [said("Hi")], "input_transformations": [change]}
    events = [*reader.read_whole(body), *reader.finish()]
    [details] = [dict(event.details) for event in events if isinstance(event, ReplyInfo) and event.details]
    assert details["input_transformations"] == [change]
    assert "1 piece of earlier thinking (model_mismatch)" in details["warning"]


class _Twice(Replay):
    """Refuses the first request in some words, with a status or inside an answer, and answers the second."""

    def __init__(self, words: str, status: int) -> None:
        super().__init__([])
        self._words, self._refusal = words, status

    async def send(self, outgoing: Any) -> Any:
        refusal = {"type": "error", "error": {"message": self._words, "type": "invalid_request_error"}}
        answer = {"content": [{"type": "text", "text": "Done."}], "stop_reason": "end_turn"}
        self.status = 200 if self.sent else self._refusal
        self.pieces = [json.dumps(answer if self.sent else refusal).encode()]
        return await super().send(outgoing)


@pytest.mark.parametrize(
    "model, words, has_thinking",
    [
        ("some-model", "messages.1: thinking block is bound to a different conversation", False),
        ("claude-sonnet-5-5", "messages.1: thinking block is bound to a different conversation", False),
        ("claude-sonnet-5-5", "thinking.adaptive.block_binding: Extra inputs are not permitted", True),
        ("claude-sonnet-5-5", "Unexpected value(s) `thinking-binding-controls-2026-08-01`", True),
    ],
)
@pytest.mark.parametrize("status", [400, 200])
async def test_what_a_gateway_refuses_of_thinking_is_left_out_once(
    model: str, words: str, has_thinking: bool, status: int
) -> None:
    """One that does not drop it gets the calls without it; one that cannot be asked to is not asked."""
    provider = AnthropicProviderSession("sk-ant-canary-0123456789abcdef")
    replay = _Twice(words, status)
    replay.into(provider)
    request = ProviderRequest(model, path_with_thinking(model))
    events = [event async for event in provider.stream(request)]
    assert Delta("Done.") in events
    first, second = (json.loads(sent.content)["messages"][1]["content"] for sent in replay.sent)
    assert first == [CLAUDE_THOUGHT, TOOL_USE]
    assert second == (first if has_thinking else [TOOL_USE])
    assert "anthropic-beta" not in dict(replay.sent[1].headers()) or not has_thinking
    await provider.close()


# Gemini


def interaction(body: dict[str, Any], *, streamed: bool) -> list[ReaderEvent]:
    reader = InteractionReader(ProviderRequest("m", (QUESTION,)))
    if not streamed:
        return [*reader.read_whole(body), *reader.finish()]
    events = list(reader.read({"event_type": "interaction.completed", "interaction": body}))
    return [*events, *reader.finish()]


OUTPUTS = [
    {"type": "thought", "signature": "c2ln", "summary": [{"type": "text", "text": "Hm."}]},
    {"type": "google_search_call", "id": "g1", "arguments": {"queries": ["x"]}, "signature": "s"},
    {"type": "google_search_result", "call_id": "g1", "result": [{"url": "https://x.example"}]},
    {"type": "text", "text": "So."},
    {"type": "image", "mime_type": "image/png", "data": "AAAA"},
    {"type": "function_call", "id": "f1", "name": "f", "arguments": {"a": 1}},
]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("name", ["outputs", "steps"])
def test_an_interaction_is_read_whatever_its_list_is_called(name: str, streamed: bool) -> None:
    """Text, pictures, calls, thoughts and what Google did itself are kept, and go back when it is started again."""
    body = {"id": "v1_1", "status": "requires_action", name: OUTPUTS}
    events = interaction(body, streamed=streamed)
    reply = message_of(events)
    assert reply.content == "So."
    assert [(call["id"], call["arguments"]) for call in reply.tool_calls] == [("f1", '{"a": 1}')]
    assert [part["data"] for part in reply.parts if part["type"] == "image"] == ["AAAA"]
    assert events[-1] == Finish(FinishReason.TOOL_CALLS, "requires_action")
    steps = interactions.wire_input([QUESTION, reply], 0)
    assert isinstance(steps, list)
    assert [step["type"] for step in steps] == [
        "user_input",
        "thought",
        "google_search_call",
        "google_search_result",
        "model_output",
        "function_call",
    ]
    assert steps[2:4] == OUTPUTS[1:3]


def test_what_google_ran_goes_back_between_the_texts() -> None:
    """Code and its result, in the order in which they came."""
    parts = [
        {"text": "I compute. "},
        {"executableCode": {"language": "PYTHON", "code": "1+1"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}},
        {"text": "It is 2."},
    ]
    reader = generate.GenerateReader(ProviderRequest("m", (QUESTION,)))
    events = list(reader.read({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]}))
    reply = message_of([*events, *reader.finish()])
    assert reply.content == "I compute. It is 2."
    assert generate.wire_contents([reply], "m") == [{"role": "model", "parts": parts}]
    assert generate.wire_contents([reply], "another") == [{"role": "model", "parts": parts}]


# Replies that are cut


def _parts_of(events: Iterable[ReaderEvent]) -> list[Any]:
    return [
        event.part["opaque"]
        for event in events
        if isinstance(event, PartDone) and event.part["type"] == "vendor"
    ]


SEARCHES: list[dict[str, Any]] = [
    {"type": "web_search_call", "id": f"ws_{n}", "status": "completed"} for n in range(3)
]
TOOLS_OF_SERVICE: list[dict[str, Any]] = [
    {"type": "server_tool_use", "id": f"s{n}", "name": "web_search", "input": {}} for n in range(3)
]


@pytest.mark.parametrize(
    "order, early", [([0, 1, 2], [0, 1, 2]), ([0, 2, 1], [0]), ([1, 0, 2], []), ([2], []), ([0], [0])]
)
def test_items_of_responses_are_handed_on_once_and_in_their_order(order: list[int], early: list[int]) -> None:
    """Each as soon as it is whole and none before it is missing; the others with the end, which has them all."""
    reader = ResponsesReader("m")
    events: list[ReaderEvent] = []
    for n in order:
        done = {"type": "response.output_item.done", "output_index": n, "item": SEARCHES[n]}
        events += reader.read(done)
    assert _parts_of(events) == [SEARCHES[n] for n in early]
    events += reader.read(
        {"type": "response.completed", "response": {"status": "completed", "output": SEARCHES}}
    )
    assert _parts_of([*events, *reader.finish()]) == SEARCHES


@pytest.mark.parametrize(
    "order, early", [([0, 1, 2], [0, 1, 2]), ([2, 0, 1], [0, 1, 2]), ([1, 2], []), ([0, 2], [0]), ([], [])]
)
def test_blocks_of_messages_are_handed_on_once_and_in_their_order(order: list[int], early: list[int]) -> None:
    """The same, however the ends of the blocks come."""
    reader = MessagesReader("m")
    events: list[ReaderEvent] = []
    for n, block in enumerate(TOOLS_OF_SERVICE):
        events += reader.read({"type": "content_block_start", "index": n, "content_block": block})
    for n in order:
        events += reader.read({"type": "content_block_stop", "index": n})
    assert _parts_of(events) == [TOOLS_OF_SERVICE[n] for n in early]
    events += reader.read({"type": "message_stop"})
    assert _parts_of([*events, *reader.finish()]) == TOOLS_OF_SERVICE


def test_code_that_ran_is_handed_on_as_it_comes() -> None:
    """What Gemini ran is there though the end of the reply is not, and once when it is."""
    ran = {"executableCode": {"language": "PYTHON", "code": "1"}}
    reader = generate.GenerateReader(ProviderRequest("m", (QUESTION,)))
    events = list(reader.read({"candidates": [{"content": {"parts": [ran]}}]}))
    assert _parts_of(events) == [ran]
    events += reader.read({"candidates": [{"finishReason": "STOP"}]})
    assert _parts_of([*events, *reader.finish()]) == [ran]


def test_what_google_began_and_did_not_end_stays_here() -> None:
    """A search without its result says nothing to the service; the thought before it does."""
    thought = {"type": "thought", "signature": "c2ln"}
    reader = InteractionReader(ProviderRequest("m", (QUESTION,)))
    events = []
    for index, step in enumerate((thought, OUTPUTS[1], {"type": "text", "text": "So"})):
        events += list(reader.read({"event_type": "step.start", "index": index, "step": step}))
        events += list(reader.read({"event_type": "step.stop", "index": index}))
    reply = message_of(events)
    assert [part["type"] for part in reply.parts] == ["reasoning", "vendor"]
    steps = interactions.wire_input([QUESTION, reply], 0)
    assert steps[1:] == [thought, {"type": "model_output", "content": [{"type": "text", "text": "So"}]}]


def test_items_that_come_at_once_are_handed_on_in_the_order_in_which_they_began() -> None:
    """One that is whole waits for those before it; at the end all go, whole or not."""
    items: WholeItems[str] = WholeItems()
    for item in "abcd":
        items.begin(item, item.upper())
    assert items.end("b") == []
    assert (items.whole, items.open) == (["B"], ["A", "C", "D"])
    assert items.end("a") == ["A", "B"]
    assert (items.whole, items.open) == ([], ["C", "D"])
    assert items.rest() == ["C", "D"]
    assert items.rest() == []
