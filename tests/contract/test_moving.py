"""A conversation that moves from one service to another and back: each gets what it takes, and nothing is lost here."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from langswarm_nb.core.session import create_session_manager
from langswarm_nb.core.session.providers import create_provider
from tests.support.pictures import png
from tests.support.replay import Replay

PNG = base64.b64encode(png()).decode()
SIGNED = "c2lnbmVkLWJ5LQ=="


def secret(name: str) -> str:
    """Return what a service puts into an item for itself alone."""
    return f"only-{name}-reads-this"


def _openai(name: str) -> dict[str, Any]:
    note = {
        "type": "url_citation",
        "url": "https://a.example/",
        "title": "A",
        "start_index": 0,
        "end_index": 5,
    }
    text = {"type": "output_text", "text": f"From {name}.", "annotations": [note], "logprobs": []}
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": secret(name)}
    did = {
        "type": "web_search_call",
        "id": f"ws_{secret(name)}",
        "status": "completed",
        "action": {"type": "search", "query": "q"},
    }
    message = {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [text],
    }
    return {"status": "completed", "output": [thought, did, message]}


def _anthropic(name: str) -> dict[str, Any]:
    cited = {
        "type": "web_search_result_location",
        "url": "https://a.example/",
        "title": "A",
        "encrypted_index": secret(name),
        "cited_text": "a",
    }
    found = {
        "type": "web_search_result",
        "url": "https://a.example/",
        "title": "A",
        "encrypted_content": secret(name),
    }
    return {
        "stop_reason": "end_turn",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": secret(name)},
            {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}},
            {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [found]},
            {"type": "text", "text": f"From {name}.", "citations": [cited]},
        ],
    }


def _gemini(name: str) -> dict[str, Any]:
    parts = [
        {"text": "Hm.", "thought": True},
        {"executableCode": {"language": "PYTHON", "code": f"# {secret(name)}"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}},
        {"text": f"From {name}.", "thoughtSignature": SIGNED},
    ]
    support = {"segment": {"endIndex": 5, "text": "From "}, "groundingChunkIndices": [0]}
    grounding = {
        "groundingChunks": [{"web": {"uri": "https://a.example/", "title": "A"}}],
        "groundingSupports": [support],
    }
    return {
        "candidates": [{"content": {"parts": parts}, "finishReason": "STOP", "groundingMetadata": grounding}]
    }


def _chat(name: str) -> dict[str, Any]:
    cited = {"url": "https://a.example/", "title": "A", "start_index": 0, "end_index": 5}
    message = {
        "role": "assistant",
        "content": f"From {name}.",
        "annotations": [{"type": "url_citation", "url_citation": cited}],
        "reasoning": "Hm.",
        "reasoning_details": [{"type": "reasoning.encrypted", "data": secret(name)}],
        "executed_tools": [
            {"type": "python", "index": 0, "arguments": json.dumps({"code": secret(name)}), "output": "2"}
        ],
    }
    return {"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


def _mistral(name: str) -> dict[str, Any]:
    content = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
        {"type": "text", "text": f"From {name}."},
        {"type": "reference", "reference_ids": [1]},
    ]
    return {
        "id": "c",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
        ],
    }


def _cohere(name: str) -> dict[str, Any]:
    source = {"type": "document", "id": "d", "document": {"title": "A", "text": secret(name)}}
    citation = {
        "start": 0,
        "end": 5,
        "text": "From ",
        "type": "TEXT_CONTENT",
        "content_index": 1,
        "sources": [source],
    }
    content = [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": f"From {name}."}]
    return {"id": "c", "finish_reason": "COMPLETE", "message": {"content": content, "citations": [citation]}}


def _ollama(name: str) -> dict[str, Any]:
    return {
        "model": "m",
        "done": True,
        "done_reason": "stop",
        "message": {"thinking": "Hm.", "content": f"From {name}."},
    }


ANSWERS = {
    "openai": _openai,
    "anthropic": _anthropic,
    "gemini": _gemini,
    "openrouter": _chat,
    "groq": _chat,
    "mistral": _mistral,
    "cohere": _cohere,
    "ollama": _ollama,
}
GIVES_BACK = {"openai", "anthropic", "gemini", "openrouter"}
"""Services that want back what they put into a reply for themselves."""
_ASKED_BEFORE = "/api/show"
"""Where Ollama tells what a model takes."""
CITES = set(ANSWERS) - {"ollama"}
DOES = {"openai", "anthropic", "gemini", "openrouter", "groq"}


@pytest.mark.parametrize("there", ANSWERS)
@pytest.mark.parametrize("here", ANSWERS)
async def test_a_conversation_moves_to_another_service_and_back(here: str, there: str) -> None:
    """Pictures and texts go to both; what one put there for itself goes to that one alone, and all of it is kept."""
    replays = {}
    async with create_session_manager("memory") as manager:
        for name in {here, there}:
            provider = create_provider(
                name, **({} if name == "ollama" else {"api_key": "sk-canary-0123456789"})
            )
            replays[name] = Replay(
                [json.dumps(ANSWERS[name](name)).encode()], headers={"content-type": "application/json"}
            )
            replays[name].into(provider)
            manager.add_provider_session(name, provider)
        session = await manager.create_session("ada", here, "m")
        picture = {"type": "image", "media_type": "image/png", "data": PNG}
        parts = [{"type": "text", "text": "What is this?"}, picture]
        replies = [await session.stream_message("What is this?", parts=parts, stream=False).read()]
        for name in (there, here, there):
            await session.update_settings(provider=name, model="m" if name == here else "n")
            replies.append(await session.stream_message("And now?", stream=False).read())
        stored = {message.id: message for message in await session.get_messages()}
    asked = {
        name: [sent for sent in replay.sent if not sent.url.endswith(_ASKED_BEFORE)]
        for name, replay in replays.items()
    }
    for sent in (body for bodies in asked.values() for body in bodies):
        assert PNG in sent.content.decode()
        json.loads(sent.content)
    last = {name: bodies[-1].content.decode() for name, bodies in asked.items()}
    for name, other in ((here, there), (there, here)):
        assert f"From {other}." in last[name]
        assert (secret(name) in last[name]) == (name in GIVES_BACK)
        assert other == name or secret(other) not in last[name]
    for reply in replies:
        assert stored[reply.id].parts == reply.parts
        kinds = {part["type"] for part in reply.parts}
        name = reply.request.provider if reply.request else ""
        assert ("citation" in kinds) == (name in CITES)
        assert ("vendor" in kinds) == (name in DOES)
        assert all(part["provider"] == name for part in reply.parts if part["type"] == "vendor")
        assert reply.reasoning == "Hm." or name == "openai"
        assert all(
            reply.content[part["start"] : part["end"]].startswith("From ")
            for part in reply.parts
            if part.get("end")
        )


@pytest.mark.parametrize("there", sorted(set(ANSWERS) - {"openai"}))
async def test_a_reply_of_items_alone_is_told_in_words_elsewhere(there: str) -> None:
    """Another service does not take them, and an empty turn would be refused."""
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"query": "q"}}
    answers = {"openai": {"status": "completed", "output": [search]}, there: ANSWERS[there](there)}
    replays = {}
    async with create_session_manager("memory") as manager:
        for name, told in answers.items():
            key = {} if name == "ollama" else {"api_key": "sk-canary-0123456789"}
            provider = create_provider(name, **key)
            replays[name] = Replay([json.dumps(told).encode()], headers={"content-type": "application/json"})
            replays[name].into(provider)
            manager.add_provider_session(name, provider)
        session = await manager.create_session("ada", "openai", "m")
        reply = await session.stream_message("Search.", stream=False).read()
        assert (reply.content, [part["type"] for part in reply.parts]) == ("", ["vendor", "reasoning"])
        await session.update_settings(provider=there, model="n")
        await session.stream_message("And?", stream=False).read()
    sent = replays[there].sent[-1].content.decode()
    assert "searched the web" in sent
    assert "ws_1" not in sent
