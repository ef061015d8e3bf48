"""Recorded answers of schemas: what we would send has the shape that was sent, what came is the value that was read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from langswarm_nb.core.session.messages import FinishReason, MessageRole, SessionMessage
from langswarm_nb.core.session.provider_events import AskedSchema, ProviderRequest, Route
from tests.contract.provider_cases import read
from tests.contract.recorded_parts import Recorded, recorded
from tests.support.replay import Replay, cut

_SCHEMA_FIELDS = ("parameters", "parametersJsonSchema", "input_schema")
_FINAL = "final_result return_ structured_output __mirascope_formatted_output_tool__ create_reasoning_plan"
ROWS = recorded()


def asked_in(row: Recorded) -> AskedSchema | None:
    """Return the schema that a recorded request asks for, and by which route."""
    body = row.exchange["request"].get("json") or {}
    config = body.get("generationConfig") or {}
    told = body.get("response_format") or (body.get("text") or {}).get("format") or {}
    told = (body.get("output_config") or {}).get("format") or told
    named = told.get("json_schema", told)
    schema = named.get("schema") or (named if named.get("properties") else None)
    schema = schema or config.get("responseJsonSchema") or config.get("responseSchema")
    if schema is not None:
        return AskedSchema(named.get("name", "answer"), schema, "strict")
    if told.get("type") == "json_object" or config.get("responseMimeType") == "application/json":
        return AskedSchema("answer", {"type": "object"}, "prompt")
    return _tool_in(body)


def _tool_in(body: Mapping[str, Any]) -> AskedSchema | None:
    tools = [
        function
        for tool in body.get("tools") or ()
        for function in tool.get("functionDeclarations") or [tool.get("function") or tool]
    ]
    final = [tool for tool in tools if str(tool.get("name")).startswith(tuple(_FINAL.split()))]
    if len(tools) != 1 or len(final) != 1:
        return None
    schema = next(final[0][name] for name in _SCHEMA_FIELDS if name in final[0])
    return AskedSchema(final[0]["name"], schema, "tool")


def value_in(row: Recorded) -> Any:
    """Return what the vendor's SDK read: the parsed text, or the arguments of the call."""
    told = {**row.expected, **(row.expected.get("choices") or [{}])[0]}
    if told.get("parsed") is not None:
        return told["parsed"]
    calls = told.get("tool_calls")
    if calls and ASKED[row.name].route == "tool":
        found = next((calls[0][name] for name in ("arguments", "input", "args") if name in calls[0]), None)
        return json.loads(found) if isinstance(found, str) else found
    try:
        return json.loads(told.get("text") or "")
    except ValueError:
        return None


ASKED = {name: asked for name, row in ROWS.items() if (asked := asked_in(row)) is not None}
ANSWERED = [name for name in ASKED if value_in(ROWS[name]) is not None]
REFUSED = [name for name in ASKED if "structured_refusal" in name]


def request(row: Recorded, asked: AskedSchema) -> ProviderRequest:
    """Return our request for the same."""
    model = str((row.exchange["request"].get("json") or {}).get("model") or "gemini-2.5-flash")
    system = SessionMessage(role=MessageRole.SYSTEM, content="Answer in JSON.")
    return ProviderRequest(model, (system, SessionMessage(content="Hi")), schema=asked, stream=row.is_stream)


@pytest.mark.skipif(not ROWS, reason="needs the recordings beside the repository")
def test_there_are_recorded_schemas() -> None:
    """By every route, of every form of the API that has one."""
    found = {(ROWS[name].family, ASKED[name].route) for name in ANSWERED}
    routes: tuple[Route, ...] = ("strict", "tool", "prompt")
    for route in routes:
        assert {
            (family, route) for family in ("responses", "chat.completions", "generateContent")
        } <= found | {("responses", "tool")}
    assert {
        ("messages", "strict"),
        ("messages", "tool"),
        ("v2/chat", "strict"),
        ("responses", "tool"),
    } <= found
    assert len(ANSWERED) >= 40
    assert len(REFUSED) >= 3


@pytest.mark.parametrize("name", ANSWERED)
async def test_a_recorded_answer_is_the_value_that_was_read(name: str) -> None:
    """As text, in pieces of every few sizes; by a tool, too."""
    row, asked = ROWS[name], ASKED[name]
    for size in (1, 13, len(row.body)):
        provider = row.session()
        headers = None if row.is_stream else {"content-type": "application/json"}
        Replay(cut(row.body, size), headers=headers).into(provider)
        outcome = await read(provider.stream(request(row, asked)))
        assert json.loads(outcome.text) == value_in(row)
        assert outcome.tool_calls == []
        assert outcome.finish is not None
        assert outcome.finish.reason is FinishReason.STOP


@pytest.mark.parametrize("name", REFUSED)
async def test_a_recorded_refusal_is_one(name: str) -> None:
    """No answer, and an end that says so."""
    row = ROWS[name]
    provider = row.session()
    Replay([row.body], headers=None if row.is_stream else {"content-type": "application/json"}).into(provider)
    outcome = await read(provider.stream(request(row, ASKED[name])))
    assert outcome.text == ""
    assert "assist" in outcome.refusal
    assert outcome.finish is not None
    assert outcome.finish.reason is FinishReason.CONTENT_FILTER


@pytest.mark.skipif(not ROWS, reason="needs the recordings beside the repository")
async def test_an_answer_that_its_service_has_found_wanting_is_an_answer() -> None:
    """Groq tells it as an error behind the text: the text came, and is judged like any other."""
    name = "groq/structured_tool__pai_groq_tool_use_failed_error_streaming_with_text-0"
    row, asked = ROWS[name], ASKED[name]
    provider = row.session()
    Replay(cut(row.body, 100)).into(provider)
    outcome = await read(provider.stream(request(row, asked)))
    assert outcome.text == "maybe"
    assert outcome.finish is not None
    assert outcome.finish.reason is FinishReason.STOP


@pytest.mark.parametrize("name", [name for name in ANSWERED if ASKED[name].route != "tool"])
async def test_what_we_would_ask_has_the_recorded_shape(name: str) -> None:
    """The field that holds the schema is what another client sent, by which this very answer came."""
    row, asked = ROWS[name], ASKED[name]
    provider = row.session()
    replay = Replay([row.body], headers=None if row.is_stream else {"content-type": "application/json"})
    replay.into(provider)
    await read(provider.stream(request(row, asked)))
    ours, theirs = json.loads(replay.sent[0].content), row.exchange["request"]["json"]
    for field in ("response_format", "text", "output_config"):
        if field in theirs and not _is_guess(row, asked):
            assert _plain(ours[field]) == _plain(theirs[field])
    if config := theirs.get("generationConfig"):
        assert ours["generationConfig"]["responseMimeType"] == config["responseMimeType"]
        if "responseJsonSchema" in config:
            assert ours["generationConfig"]["responseJsonSchema"] == config["responseJsonSchema"]


def _is_guess(row: Recorded, asked: AskedSchema) -> bool:
    """Return whether a host that nobody knows is asked by words, with a schema that it may take."""
    return asked.route == "prompt" and row.provider not in {"openai", "azure", "groq", "mistral"}


def _plain(told: Any) -> Any:
    """Return a field without what says nothing: whether it is strict, and a description beside the schema."""
    if not isinstance(told, dict):
        return told
    return {
        key: _plain(value) for key, value in told.items() if key not in {"strict", "description", "verbosity"}
    }
