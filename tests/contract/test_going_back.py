"""What a service did itself goes back to it in the next round as it came, in its place, and in the vendor's types."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from langswarm_nb.core.session import create_session_manager
from langswarm_nb.core.session.messages import MessageRole, SessionMessage
from tests.contract.recorded_parts import Recorded, recorded
from tests.support.replay import InTurn
from tests.support.typed_dicts import problems

if not recorded():
    pytest.skip("needs the second set of recordings: see LANGSWARM_SHARED", allow_module_level=True)

_NAMES = {"messages": "anthropic", "responses": "openai", "generateContent": "gemini"}
_ADVISOR = {"type": "advisor_20260301", "name": "advisor", "model": "claude-opus-4-6"}
"""Without it the service refuses what the advisor said."""
_OURS = {"text", "thinking", "redacted_thinking", "tool_use"}
_ANSWERS: dict[str, Any] = {
    "messages": {"content": [{"type": "text", "text": "Done."}], "stop_reason": "end_turn"},
    "responses": {
        "status": "completed",
        "output": [{"type": "message", "content": [{"type": "output_text", "text": "Done."}]}],
    },
    "generateContent": {"candidates": [{"content": {"parts": [{"text": "Done."}]}, "finishReason": "STOP"}]},
}


def _carrying() -> list[Recorded]:
    """Return the recorded replies in which a service did something itself, named sources or called tools."""
    return [
        row
        for row in recorded().values()
        if row.family in _NAMES and "raises" not in row.expected and _carries(row.expected)
    ]


def _carries(told: Mapping[str, Any]) -> bool:
    names = ("server_calls", "server_results", "citations", "code", "grounding")
    return any(told.get(name) for name in names)


async def two_rounds(row: Recorded) -> tuple[SessionMessage, Any]:
    """Return a recorded reply as it was stored, and what the next request sends."""
    provider, name = row.session(), _NAMES[row.family]
    replay = InTurn(row.body, json.dumps(_ANSWERS[row.family]).encode())
    replay.into(provider)
    async with create_session_manager("memory") as manager:
        manager.add_provider_session(name, provider)
        session = await manager.create_session("ada", name, row.expected.get("model") or "m")
        reply = await session.stream_message("Hi", stream=row.is_stream).read()
        results = [
            {"type": "tool_result", "tool_call_id": call["id"], "content": "42"} for call in reply.tool_calls
        ]
        options = {"tools": [_ADVISOR]} if "/advisor" in row.name else {}
        if results:
            sent = session.stream_message(
                "", role=MessageRole.TOOL, parts=results, stream=False, options=options
            )
        else:
            sent = session.stream_message("Go on.", stream=False, options=options)
        await sent.read()
        stored = next(message for message in await session.get_messages() if message.id == reply.id)
    return stored, json.loads(replay.sent[1].content)


@pytest.mark.parametrize("row", _carrying(), ids=lambda row: row.name)
async def test_what_a_service_did_goes_back_as_it_came(row: Recorded) -> None:
    """All of it, in its order, with each call beside its result; and nothing that the vendor's types do not have."""
    reply, body = await two_rounds(row)
    sent = _STRICT[row.family](body, row)
    if _is_without_thinking(row):  # what belongs to thinking that cannot go back is refused without it
        assert not any(item.get("type") == "reasoning" for item in sent)
        return
    kept = [part["opaque"] for part in reply.parts if part["type"] == "vendor" and not _is_only_told(part)]
    pictures = any(part["type"] == "image" for part in reply.parts)
    assert pictures or [item for item in sent if _is_own(row, item)] == kept
    if not row.is_stream:
        came = [_mark(item) for item in _items(row) if _is_own(row, item) or _is_call(item)]
        assert [_mark(item) for item in sent if _is_own(row, item) or _is_call(item)] == came


def _is_without_thinking(row: Recorded) -> bool:
    """Return whether a response's thinking was not handed out: it was kept at the service."""
    if row.family != "responses":
        return False
    body = row.body.decode()
    return '"type":"reasoning"' in body.replace(": ", ":") and 'encrypted_content":"' not in body.replace(
        ": ", ":"
    )


def _is_only_told(part: Mapping[str, Any]) -> bool:
    """Return whether a part is told beside an answer: it is no item of its own."""
    return part["kind"] in {"groundingMetadata", "urlContextMetadata"}


def _items(row: Recorded) -> Any:
    body = json.loads(row.body)
    if row.family == "messages":
        return body["content"]
    if row.family == "responses":
        return body["output"]
    return body["candidates"][0]["content"]["parts"]


def _is_own(row: Recorded, item: Mapping[str, Any]) -> bool:
    if row.family == "generateContent":
        return not item.keys() & {"text", "functionCall", "inlineData"}
    ours = {*_OURS, "message", "reasoning", "function_call", "custom_tool_call"}
    return item.get("type") not in ours


def _is_call(item: Mapping[str, Any]) -> bool:
    return item.get("type") in {"tool_use", "function_call"} or "functionCall" in item


def _mark(item: Mapping[str, Any]) -> Any:
    """Return what tells an item from others."""
    inner = item.get("functionCall", item)
    return item.get("type"), inner.get("call_id") or inner.get("id"), inner.get("name")


def _declared(value: Any) -> Any:
    """Return JSON without the fields that a service sends and its SDK does not declare."""
    if isinstance(value, dict):
        return {name: _declared(inner) for name, inner in value.items() if name not in _UNDECLARED}
    return [_declared(item) for item in value] if isinstance(value, list) else value


_UNDECLARED = {"vector_store_id", "abort_reason"}


def _strict_messages(body: Any, row: Recorded) -> list[Any]:
    """Return the blocks of the reply; roles alternate, and each call is answered in the turn after it."""
    types: Any = pytest.importorskip("anthropic.types.beta")
    turns = body["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    blocks = turns[1]["content"] if isinstance(turns[1]["content"], list) else []
    results = turns[2]["content"] if isinstance(turns[2]["content"], list) else []
    asked = {block["id"] for block in blocks if block["type"] == "tool_use"}
    assert asked == {block["tool_use_id"] for block in results if block["type"] == "tool_result"}
    begun = [block["id"] for block in blocks if block["type"] in {"server_tool_use", "mcp_tool_use"}]
    ended = [block["tool_use_id"] for block in blocks if block["type"].endswith("_tool_result")]
    if row.name.endswith("-0"):  # else the call may have come in the turn before
        assert set(ended) <= set(begun)
    assert asked or set(begun) <= set(ended)
    wrong = [line for block in blocks for line in problems(_declared(block), types.BetaContentBlockParam)]
    assert wrong == []
    return blocks


def _strict_responses(body: Any, row: Recorded) -> list[Any]:
    """Return the items of the reply; each call is answered once, in the form that its kind wants."""
    types: Any = pytest.importorskip("openai.types.responses")
    items = body["input"]
    checked = [item for item in items if not _is_xais(item, row)]
    wrong = [line for item in checked for line in problems(_declared(item), types.ResponseInputItemParam)]
    assert wrong == []
    n_answers = next(n for n, item in enumerate(reversed(items)) if not _is_answer(item))
    reply, answers = items[1 : len(items) - n_answers], items[len(items) - n_answers :]
    kinds = {item.get("call_id") or item.get("id"): item.get("type") for item in reply}
    for item in answers:
        call_id = item.get("call_id") or item.get("approval_request_id") or item.get("id")
        assert item.get("role") == "user" or item["type"] == _ANSWERED_BY[kinds.pop(call_id)]
    assert "function_call" not in kinds.values()
    return list(reply)


def _is_xais(item: Any, row: Recorded) -> bool:
    """Return whether an item goes back as xAI made it, with what OpenAI's types do not declare."""
    if row.provider != "xai":
        return False
    came = json.loads(row.body)["output"]
    return item in came or item.get("id") in {one["id"] for one in came if one["type"] == "message"}


def _is_answer(item: Any) -> bool:
    return item.get("role") == "user" or item["type"] in _ANSWERED_BY.values()


_ANSWERED_BY = {
    "mcp_approval_request": "mcp_approval_response",
    "tool_search_call": "tool_search_output",
    **{
        kind: f"{kind}_output"
        for kind in (
            "function_call",
            "custom_tool_call",
            "local_shell_call",
            "shell_call",
            "apply_patch_call",
        )
    },
}


def _strict_generate(body: Any, row: Recorded) -> list[Any]:
    """Return the parts of the reply; as many results as calls, and roles alternate."""
    types: Any = pytest.importorskip("google.genai.types")
    contents = body["contents"]
    assert [content["role"] for content in contents] == ["user", "model", "user"]
    parts = contents[1]["parts"]
    results = [part for part in contents[2]["parts"] if "functionResponse" in part]
    assert len(results) == sum("functionCall" in part for part in parts)
    types.Content.model_validate(contents[1])
    return list(parts)


_STRICT: dict[str, Callable[[Any, Recorded], list[Any]]] = {
    "messages": _strict_messages,
    "responses": _strict_responses,
    "generateContent": _strict_generate,
}
