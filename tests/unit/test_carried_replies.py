"""What a reply carries beside its text: lines for what a service did, sources in one form, counts that are billed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.core.session.messages import MessageRole, SessionMessage
from langswarm_nb.core.session.parts.vocabulary import Part
from langswarm_nb.core.session.provider_events import PartDone, ProviderRequest, ReplyInfo
from langswarm_nb.core.session.providers._dialect.call_pieces import ReaderEvent
from langswarm_nb.core.session.providers._dialect.citations import Bytes, Sources
from langswarm_nb.core.session.providers._dialect.reasoning_order import in_order, outline_part, text_item
from langswarm_nb.core.session.providers._dialect.vendor_items import vendor_part
from langswarm_nb.core.session.providers.anthropic import wire_messages, wire_request
from langswarm_nb.core.session.providers.anthropic.reader import MessagesReader, read_usage
from langswarm_nb.core.session.providers.chat import wire_messages as chat_messages
from langswarm_nb.core.session.providers.chat.reader import ChatReader
from langswarm_nb.core.session.providers.gemini import generate, interactions
from langswarm_nb.core.session.providers.gemini.interaction_reader import InteractionReader
from langswarm_nb.core.session.providers.mistral.conversations import ConversationReader
from langswarm_nb.core.session.providers.openai import wire_input
from langswarm_nb.core.session.providers.openai.reader import ResponsesReader
from langswarm_nb.core.session.sending.context_window import messages_to_send

ASK = ProviderRequest("m", (SessionMessage(content="Hi"),))


def parts_of(events: Iterable[ReaderEvent], kind: str) -> list[Part]:
    return [event.part for event in events if isinstance(event, PartDone) and event.part["type"] == kind]


def response(*items: dict[str, Any], **more: Any) -> list[ReaderEvent]:
    reader = ResponsesReader("m")
    return [
        *reader.read_whole({"status": "completed", "output": list(items), **more}),
        *reader.finish(),
    ]


def message(*blocks: dict[str, Any], **more: Any) -> list[ReaderEvent]:
    reader = MessagesReader("m")
    return [
        *reader.read_whole({"content": list(blocks), "stop_reason": "end_turn", **more}),
        *reader.finish(),
    ]


def generated(*parts: dict[str, Any], **beside: Any) -> list[ReaderEvent]:
    reader = generate.GenerateReader(ASK)
    body = {"candidates": [{"content": {"parts": list(parts)}, "finishReason": "STOP", **beside}]}
    return [*reader.read(body), *reader.finish()]


def interacted(*steps: dict[str, Any]) -> list[ReaderEvent]:
    reader = InteractionReader(ASK)
    return [*reader.read_whole({"id": "v", "status": "completed", "steps": list(steps)}), *reader.finish()]


def conversed(*entries: dict[str, Any]) -> list[ReaderEvent]:
    reader = ConversationReader(ASK)
    return [*reader.read_whole({"conversation_id": "c", "outputs": list(entries)}), *reader.finish()]


SEARCH = {"type": "search", "queries": ["langswarm", "langswarm", "nb"]}
FAILED = {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"}
PAGE = {"type": "web_search_result", "title": "A", "url": "https://a.example/"}
LINES = [
    (response, {"type": "web_search_call", "action": SEARCH}, 'searched the web: "langswarm", "nb"', ""),
    (
        response,
        {"type": "web_search_call", "action": {"type": "open_page", "url": "https://a.example/x"}},
        "opened a.example",
        "https://a.example/x",
    ),
    (
        response,
        {"type": "code_interpreter_call", "code": "1+1", "outputs": [{"type": "logs", "logs": "2"}]},
        "ran code",
        "1+1\n2",
    ),
    (
        response,
        {"type": "file_search_call", "queries": ["q"], "results": [{"filename": "a.pdf", "file_id": "f"}]},
        'searched files: "q"',
        "a.pdf f",
    ),
    (
        response,
        {"type": "mcp_call", "name": "f", "server_label": "s", "error": {"type": "http_error", "code": 500}},
        "called f of s (MCP)",
        "error: http_error",
    ),
    (
        response,
        {"type": "mcp_approval_request", "id": "a", "name": "f", "server_label": "s", "arguments": "{}"},
        "asked approval: f of s (MCP)",
        "{}",
    ),
    (response, {"type": "image_generation_call", "status": "failed"}, "made a picture (failed)", ""),
    (response, {"type": "of_a_later_day"}, "of a later day", ""),
    (
        message,
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
        'searched the web: "q"',
        "q",
    ),
    (
        message,
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": [PAGE]},
        "found 1 page",
        "A https://a.example/",
    ),
    (
        message,
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": FAILED},
        "web search failed: max_uses_exceeded",
        "max_uses_exceeded",
    ),
    (
        message,
        {
            "type": "bash_code_execution_tool_result",
            "tool_use_id": "s",
            "content": {"stdout": "out", "stderr": "err", "return_code": 1},
        },
        "the code ended with 1",
        "out\nerr",
    ),
    (
        message,
        {"type": "mcp_tool_use", "id": "s", "name": "f", "server_name": "s", "input": {"a": 1}},
        "called f of s (MCP)",
        '{"a": 1}',
    ),
    (message, {"type": "container_upload", "file_id": "f"}, "took over the file f", ""),
    (
        message,
        {"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}},
        "b took over",
        "from a to b",
    ),
    (message, {"type": "compaction", "content": "short"}, "shortened the conversation", "short"),
    (generated, {"executableCode": {"code": "1+1"}}, "ran code", "1+1"),
    (
        generated,
        {"codeExecutionResult": {"outcome": "OUTCOME_FAILED", "output": "no"}},
        "the code ended: failed",
        "no",
    ),
    (
        interacted,
        {"type": "google_search_call", "id": "g", "arguments": {"queries": ["q"]}},
        'searched the web: "q"',
        '{"queries": ["q"]}',
    ),
    (
        interacted,
        {"type": "url_context_call", "id": "g", "arguments": {"urls": ["https://a.example/"]}},
        "fetched a.example",
        '{"urls": ["https://a.example/"]}',
    ),
    (
        conversed,
        {"type": "tool.execution", "name": "web_search", "arguments": '{"query": "q"}'},
        'searched the web: "q"',
        '{"query": "q"}',
    ),
    (
        conversed,
        {"type": "agent.handoff", "next_agent_name": "b", "next_agent_id": "i"},
        "handed over to b",
        "",
    ),
    (
        conversed,
        {"type": "message.output", "content": [{"type": "tool_file", "file_id": "f", "file_name": "a.png"}]},
        "made the file a.png",
        "",
    ),
]


@pytest.mark.parametrize("read, item, line, detail", LINES, ids=[row[2] for row in LINES])
def test_what_a_service_did_is_told_in_a_line(
    read: Any, item: dict[str, Any], line: str, detail: str
) -> None:
    """With the words behind it apart, and the item whole."""
    [part] = parts_of(read(item), "vendor")
    assert (part["text"], part.get("detail", "")) == (line, detail)
    assert part["opaque"] == item or part["kind"] == "tool_file"


def test_what_groq_ran_is_told_and_does_not_go_back() -> None:
    """Pieces of a stream are put together; the form of the API has no place for it."""
    reader = ChatReader()
    ran = {"index": 0, "type": "python", "arguments": json.dumps({"code": "1+1"})}
    events: list[ReaderEvent] = []
    for delta in ({"executed_tools": [ran]}, {"executed_tools": [{"index": 0, "output": "2"}]}):
        events += reader.read({"choices": [{"delta": delta}]})
    events += [*reader.read({"choices": [{"delta": {}, "finish_reason": "stop"}]}), *reader.finish()]
    [part] = parts_of(events, "vendor")
    assert (part["kind"], part["text"], part["detail"]) == ("python", "ran code", "1+1\n2")
    reply = SessionMessage(role=MessageRole.ASSISTANT, parts=({**part, "provider": "groq"},))
    assert chat_messages([reply]) == [{"role": "assistant", "content": "[ran code\n1+1\n2]"}]


def test_a_line_is_one_line_and_a_detail_is_bounded() -> None:
    """Whatever a server sends."""
    part = vendor_part("x", {}, "a\nb\u202e" + "c" * 1000, "d" * 50_000)
    assert "\n" not in part["text"]
    assert "\u202e" not in part["text"]
    assert len(part["text"]) <= 200
    assert part["detail"].endswith("30000 more characters")


# Sources

CITED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"type": "char_location", "document_index": 1, "document_title": "T"}, {"title": "T"}),
    ({"type": "page_location", "document_index": 1, "document_title": None}, {"title": "document 2"}),
    ({"type": "content_block_location", "document_index": 0}, {"title": "document 1"}),
    (
        {"type": "search_result_location", "source": "https://a.example/", "title": "T"},
        {"url": "https://a.example/", "title": "T"},
    ),
    (
        {"type": "web_search_result_location", "url": "https://a.example/", "title": None},
        {"url": "https://a.example/"},
    ),
    ({"type": "search_result_location", "source": "javascript:alert(1)", "title": "T"}, {"title": "T"}),
]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("told, expected", CITED, ids=lambda value: value.get("type", ""))
def test_anthropics_sources_stand_for_their_text(
    told: dict[str, Any], expected: dict[str, Any], streamed: bool
) -> None:
    """All kinds of them, once each; an address that is none of the web is none."""
    told = {**told, "cited_text": "words"}
    text = {"type": "text", "text": "Said."}
    if streamed:
        reader = MessagesReader("m")
        events: list[ReaderEvent] = []
        for index, words in enumerate(("So: ", "Said.")):
            start = {"type": "text", "text": ""}
            events += reader.read({"type": "content_block_start", "index": index, "content_block": start})
            delta: dict[str, Any] = {"type": "text_delta", "text": words}
            events += reader.read({"type": "content_block_delta", "index": index, "delta": delta})
        delta = {"type": "citations_delta", "citation": told}
        for _ in range(2):
            events += reader.read({"type": "content_block_delta", "index": 1, "delta": delta})
        events += [*reader.read({"type": "message_stop"}), *reader.finish()]
    else:
        events = message({"type": "text", "text": "So: "}, {**text, "citations": [told, told]})
    assert parts_of(events, "citation") == [
        {"type": "citation", **expected, "quote": "words", "start": 4, "end": 9}
    ]


def note(**told: Any) -> dict[str, Any]:
    return {"type": "output_text", "text": "Grüße 🎉", "annotations": [told]}


OPENAI_NOTES = [
    (
        note(type="url_citation", url="https://a.example/", title="A", start_index=0, end_index=5),
        {"url": "https://a.example/", "title": "A", "start": 0, "end": 5},
        True,
    ),
    (
        note(type="file_citation", file_id="f", filename="a.pdf", index=3),
        {"title": "a.pdf", "start": 3, "end": 3},
        True,
    ),
    (
        note(
            type="container_file_citation",
            container_id="c",
            file_id="f",
            filename="a",
            start_index=0,
            end_index=7,
        ),
        {"title": "a", "start": 0, "end": 7},
        True,
    ),
    (note(type="file_path", file_id="f", index=0), {"title": "f"}, True),
    (note(type="url_citation", url="", title="A", start_index=0, end_index=900), {"title": "A"}, False),
]


@pytest.mark.parametrize("content, expected, goes_back", OPENAI_NOTES)
def test_openais_annotations_are_sources_and_go_back(
    content: dict[str, Any], expected: dict[str, Any], goes_back: bool
) -> None:
    """With places in the whole text; one without an address or an id is refused by the service and stays here."""
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "g"}
    said = {"type": "message", "id": "m_1", "role": "assistant", "status": "completed", "content": [content]}
    first = {**said, "id": "m_0", "content": [{**content, "text": "So: ", "annotations": []}]}
    events = response(thought, first, said)
    moved = {name: value + 4 if name in {"start", "end"} else value for name, value in expected.items()}
    [source] = parts_of(events, "citation")
    assert source == {"type": "citation", **moved}
    parts = tuple(event.part for event in events if isinstance(event, PartDone))
    reply = SessionMessage(role=MessageRole.ASSISTANT, content="So: Grüße 🎉", parts=parts)
    [*_, back] = wire_input([reply], "m")
    assert back["content"][0]["annotations"] == (content["annotations"] if goes_back else [])


@given(st.text(), st.integers(0, 20), st.integers(0, 20))
def test_places_in_bytes_become_places_in_characters(text: str, start: int, length: int) -> None:
    """Whatever the text; a place outside it is none."""
    text = text.encode("utf-8", "ignore").decode()
    start = min(start, len(text))
    words = text[start : start + length]
    first = len(text[:start].encode())
    span = Bytes(text).span(first, first + len(words.encode()), words)
    assert span is not None
    assert text[span[0] : span[1]] == words
    assert Bytes(text).span(0, len(text.encode()) + 1) is None


def test_geminis_sources_stand_for_their_words() -> None:
    """Places are told in bytes of a part or, in streams, of all parts; a chunk without a place is a source too."""
    chunks = [{"web": {"uri": "https://a.example/", "title": "A"}}, {"retrievedContext": {"text": "q"}}, {}]
    supports = [
        {"segment": {"startIndex": 8, "endIndex": 14, "text": "世界"}, "groundingChunkIndices": [0, 7]},
        {"segment": {"partIndex": 1, "endIndex": 4, "text": "🎉"}, "groundingChunkIndices": [0]},
    ]
    grounding = {"groundingChunks": chunks, "groundingSupports": supports, "webSearchQueries": ["q"]}
    pages = [
        {"retrievedUrl": "https://b.example/", "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_SUCCESS"},
        {"retrievedUrl": "https://c.example/", "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_ERROR"},
    ]
    events = generated(
        {"text": "Grüße 世界"},
        {"text": "🎉"},
        groundingMetadata=grounding,
        urlContextMetadata={"urlMetadata": pages},
    )
    text = "Grüße 世界🎉"
    found = parts_of(events, "citation")
    assert [text[part["start"] : part["end"]] for part in found if "start" in part] == ["世界", "🎉"]
    assert found[2:] == [
        {"type": "citation", "title": "a file", "quote": "q"},
        {"type": "citation", "url": "https://b.example/"},
    ]
    assert [part["text"] for part in parts_of(events, "vendor")] == [
        'searched the web: "q"',
        "fetched b.example, c.example",
    ]


def test_interactions_tell_places_in_bytes_of_their_step() -> None:
    """Each step's own."""
    told = {"type": "url_citation", "url": "https://a.example/", "start_index": 8, "end_index": 14}
    said = [{"type": "text", "text": "Grüße 世界", "annotations": [told]}]
    events = interacted(
        {"type": "model_output", "content": [{"type": "text", "text": "So: "}]},
        {"type": "model_output", "content": said},
    )
    [source] = parts_of(events, "citation")
    assert "So: Grüße 世界"[source["start"] : source["end"]] == "世界"


def test_hosts_of_chat_name_their_sources_in_lists() -> None:
    """Perplexity and xAI beside the choices, in the order in which the text numbers them."""
    reader = ChatReader()
    results = [{"url": "https://b.example/", "title": "B", "snippet": "s"}]
    body = {
        "citations": ["https://a.example/", "https://b.example/", "ftp://c.example"],
        "search_results": results,
        "choices": [{"message": {"content": "Hi [1]"}, "finish_reason": "stop"}],
    }
    events = [*reader.read_whole(body), *reader.finish()]
    assert parts_of(events, "citation") == [
        {"type": "citation", "url": "https://a.example/"},
        {"type": "citation", "url": "https://b.example/", "title": "B", "quote": "s"},
        {"type": "citation", "title": "ftp://c.example"},
    ]


def test_places_do_not_count_thinking_that_stood_between_tags() -> None:
    """It is no part of the answer here, but is one to the host."""
    reader = ChatReader(has_tags=True)
    raw = "<think>Hm.</think>\n\nSo it is."
    start = raw.index("So")
    cited = {"url": "https://a.example/", "start_index": start, "end_index": start + 2}
    told = {"content": raw, "annotations": [{"type": "url_citation", "url_citation": cited}]}
    events = [
        *reader.read_whole({"choices": [{"message": told, "finish_reason": "stop"}]}),
        *reader.finish(),
    ]
    [source] = parts_of(events, "citation")
    assert (source["start"], source["end"]) == (0, 2)


def test_a_source_without_a_name_is_none() -> None:
    """And one that is told twice is one."""
    sources = Sources()
    for told in (
        {},
        {"url": 5},
        {"title": " "},
        {"url": "https://a.example/"},
        {"url": "https://a.example/"},
    ):
        sources.add(**told)
    assert [part.part for part in sources.parts(0)] == [{"type": "citation", "url": "https://a.example/"}]


# What was stored before, what is said alone, what is billed


def test_what_was_stored_before_goes_back_as_ever() -> None:
    """Outlines that hold the items themselves."""
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
    outline = outline_part("openai_responses", "m", [{"raw": search}, text_item(2)])
    assert outline is not None
    reply = SessionMessage(role=MessageRole.ASSISTANT, content="Hi", parts=(outline,))
    assert wire_input([reply], "m")[0] == search
    step = {"type": "google_search_call", "id": "g"}
    old: Part = {"type": "reasoning", "text": "", "opaque": {interactions.STEP: step}}
    reply = SessionMessage(role=MessageRole.ASSISTANT, content="Hi", parts=(old,))
    assert interactions.wire_input([SessionMessage(content="Hi"), reply], 0)[1] == step


def test_a_reply_of_items_alone_is_sent_and_says_something_everywhere() -> None:
    """To its service the items, elsewhere their words; sources alone say nothing."""
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}
    result = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
    events = message(search, result)
    parts = tuple(event.part for event in events if isinstance(event, PartDone))
    reply = SessionMessage(role=MessageRole.ASSISTANT, parts=parts)
    question = SessionMessage(content="Hi")
    assert messages_to_send([question, reply]) == (question, reply)
    assert wire_messages([question, reply], "m")[1]["content"] == [search, result]
    words = '[searched the web: "q"\nq]\n\n[found 0 pages]'
    assert chat_messages([reply])[0]["content"] == words
    assert [piece.part["text"] for piece in in_order(reply.parts, "another", "m") if "text" in piece.part][-1]
    cited = SessionMessage(role=MessageRole.ASSISTANT, parts=({"type": "citation", "title": "A"},))
    assert messages_to_send([question, cited]) == (question,)


def test_what_an_advisor_said_goes_back_where_it_can_be_asked() -> None:
    """Without the tool the service refuses it."""
    call = {"type": "server_tool_use", "id": "s", "name": "advisor", "input": {}}
    result = {
        "type": "advisor_tool_result",
        "tool_use_id": "s",
        "content": {"type": "advisor_result", "text": "x"},
    }
    text = {"type": "text", "text": "Hi"}
    parts = tuple(event.part for event in message(call, result, text) if isinstance(event, PartDone))
    path = (
        SessionMessage(content="Hi"),
        SessionMessage(role=MessageRole.ASSISTANT, content="Hi", parts=parts),
        SessionMessage(content="Go on."),
    )
    for options, sent in (({"tools": [{"type": "advisor_20260301"}]}, [call, result, text]), ({}, [text])):
        body = wire_request(ProviderRequest("m", path, options=options))
        assert body["messages"][1]["content"] == sent


def details(events: Iterable[ReaderEvent]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for event in events:
        found |= event.details if isinstance(event, ReplyInfo) else {}
    return found


def test_what_is_billed_beside_tokens_is_told() -> None:
    """Searches, and passes that the sums leave out."""
    usage = {"input_tokens": 5, "output_tokens": 2, "server_tool_use": {"web_search_requests": 3}}
    assert details(message({"type": "text", "text": "Hi"}, usage=usage))["server_tool_use"] == {
        "web_search_requests": 3
    }
    passes = [
        {"type": "compaction", "input_tokens": 100, "output_tokens": 10},
        {"type": "message", "input_tokens": 5, "output_tokens": 2},
    ]
    counts = read_usage({**usage, "iterations": passes})
    assert (counts.input_tokens, counts.output_tokens) == (105, 12)
    told = {"web_search": {"num_requests": 2}}
    assert details(response(tool_usage=told))["tool_usage"] == told
    used = generate.read_usage({"promptTokenCount": 5, "toolUsePromptTokenCount": 7})
    assert used.input_tokens == 12
    reader = ChatReader()
    chat = {
        "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "num_sources_used": 4},
    }
    assert details([*reader.read_whole(chat), *reader.finish()])["num_sources_used"] == 4
