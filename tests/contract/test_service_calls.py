"""What the sessions of Gemini, Mistral, Cohere and Ollama ask of a service beside replies, and where the key goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from langswarm_nb.core.session import create_session_manager, errors
from langswarm_nb.core.session.provider_events import ModelInfo
from langswarm_nb.core.session.providers import create_provider
from tests.contract.provider_cases import CANARY, ask, event, fails, impatient, read
from tests.contract.provider_dialects import DIALECTS
from tests.support.faulty import FaultyServer, Reply, SeenRequest

GOOGLE_MODELS = json.loads((Path(__file__).parent / "wire/google/models_list.json").read_text("utf-8"))

MODELS: dict[str, tuple[str, list[Any], list[ModelInfo]]] = {
    "mistral": (
        "/v1/models",
        [
            {
                "object": "list",
                "data": [{"id": "mistral-small-latest", "max_context_length": 131072, "created": 1}],
            }
        ],
        [ModelInfo("mistral-small-latest", context_tokens=131072, created_at="1970-01-01T00:00:01+00:00")],
    ),
    "cohere": (
        "/v1/models?endpoint=chat&page_size=1000",
        [
            {"models": [{"name": "command-a-03-2025", "context_length": 256000.0}], "next_page_token": "p2"},
            {"models": [{"name": "command-r7b"}]},
        ],
        [
            ModelInfo("command-a-03-2025", context_tokens=256000, owned_by="cohere"),
            ModelInfo("command-r7b", owned_by="cohere"),
        ],
    ),
    "ollama": (
        "/api/tags",
        [{"models": [{"name": "llama3:latest", "model": "llama3:latest", "size": 1}, {"name": "gemma3"}]}],
        [ModelInfo("llama3:latest"), ModelInfo("gemma3")],
    ),
}


@pytest.mark.parametrize("name", MODELS)
async def test_models_are_listed_page_by_page(name: str, server: FaultyServer) -> None:
    """All pages, in order, with what the service tells."""
    path, pages, models = MODELS[name]
    server.script(*map(Reply.json, pages))
    provider = create_provider(name, CANARY, base_url=server.url)
    assert await provider.list_models() == models
    assert server.requests[0].path == path
    assert len(server.requests) == len(pages)
    await provider.close()


async def test_googles_recorded_list_of_models_is_read(server: FaultyServer) -> None:
    """Two pages of a real account; names are such as can be asked."""
    pages = [exchange["response"]["body"] for exchange in GOOGLE_MODELS["exchanges"]]
    server.script(*(Reply.json(json.loads(page)) for page in pages))
    provider = create_provider("gemini", CANARY, base_url=server.url)
    models = await provider.list_models()
    assert len(models) == 54
    assert models[0].id == "embedding-gecko-001"
    flash = next(model for model in models if model.id == "gemini-2.0-flash-001")
    assert (flash.context_tokens, flash.max_output_tokens) == (1048576, 8192)
    token = json.loads(pages[0])["nextPageToken"]
    assert [request.path for request in server.requests] == [
        "/v1beta/models?pageSize=1000",
        f"/v1beta/models?pageSize=1000&pageToken={token}",
    ]
    await provider.close()


@pytest.mark.parametrize("name", ["gemini", "mistral", "cohere", "ollama"])
async def test_a_list_that_is_none_is_an_error(name: str, server: FaultyServer) -> None:
    """JSON of another form is not a list of models."""
    server.script(Reply.json({"models": [5], "data": [5]}))
    provider = create_provider(name, CANARY, base_url=server.url)
    with pytest.raises(errors.ProviderResponseError):
        await provider.list_models()
    await provider.close()


LISTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "ollama": ("models", {"name": "a"}, "name"),
    "cohere": ("models", {"name": "a"}, "name"),
    "gemini": ("models", {"name": "models/a"}, "name"),
    "mistral": ("data", {"id": "a"}, "id"),
    "openai": ("data", {"id": "a"}, "id"),
    "openai-compatible": ("data", {"id": "a"}, "id"),
    "anthropic": ("data", {"id": "a"}, "id"),
}
"""Provider -> what its list is called, an entry, and what its name stands under."""


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("odd", [5, None, "x", [], {}, {"id": None, "other": 1}])
async def test_an_odd_entry_costs_no_other(name: str, odd: Any, server: FaultyServer) -> None:
    """A server's slip in one entry leaves the list; a list that is null is empty."""
    field, entry, _ = LISTS[name]
    server.script(
        Reply.json({field: [odd, entry]}), Reply.json({field: [entry, odd]}), Reply.json({field: None})
    )
    provider = create_provider(name, CANARY, base_url=server.url)
    for _ in range(2):
        assert "a" in [model.id for model in await provider.list_models()]
    assert await provider.list_models() == []
    await provider.close()


@pytest.mark.parametrize("created", [1700000000000, 10**30, -5, "2024-01-01", None, True, 1.5e300, [], {}])
async def test_a_moment_that_cannot_be_read_is_unknown(created: Any, server: FaultyServer) -> None:
    """Milliseconds for seconds, and worse: the model is listed all the same."""
    models = [{"id": "a", "created": created}, {"id": "b", "created": 1700000000}]
    server.script(Reply.json({"data": models}))
    provider = create_provider("openai-compatible", CANARY, base_url=server.url)
    odd, good = await provider.list_models()
    assert (odd.id, odd.created_at) == ("a", None)
    assert (good.id, good.created_at) == ("b", "2023-11-14T22:13:20+00:00")
    await provider.close()


HEADERS = {
    "gemini": ("x-goog-api-key", CANARY),
    "gemini-interactions": ("x-goog-api-key", CANARY),
    "mistral": ("authorization", f"Bearer {CANARY}"),
    "mistral-conversations": ("authorization", f"Bearer {CANARY}"),
    "cohere": ("authorization", f"Bearer {CANARY}"),
    "ollama": ("authorization", f"Bearer {CANARY}"),
}


@pytest.mark.parametrize("name", HEADERS)
async def test_the_key_is_in_one_header_and_nowhere_else(name: str, server: FaultyServer) -> None:
    """Not in the address, which ends in logs, not in the body, and in no second header."""
    server.script(Reply.events(DIALECTS[name].stream))
    provider = DIALECTS[name].create(server.url)
    await read(provider.stream(ask()))
    (request,) = server.requests
    assert [(header, value) for header, value in request.headers.items() if CANARY in value] == [
        HEADERS[name]
    ]
    assert CANARY.encode() not in request.path.encode() + request.body
    await provider.close()


@pytest.mark.parametrize(
    "name, base_url, path",
    [
        ("gemini", "", "/v1beta/models/test-model:streamGenerateContent?alt=sse"),
        ("gemini", "/v1", "/v1/models/test-model:streamGenerateContent?alt=sse"),
        ("mistral", "", "/v1/chat/completions"),
        ("mistral", "/v1", "/v1/chat/completions"),
        ("cohere", "", "/v2/chat"),
        ("cohere", "/v2", "/v2/chat"),
        ("ollama", "", "/api/chat"),
        ("ollama", "/api", "/api/chat"),
        ("ollama", "/v1", "/api/chat"),
    ],
)
async def test_an_address_may_be_given_with_or_without_its_version(
    name: str, base_url: str, path: str, server: FaultyServer
) -> None:
    """People copy addresses as they find them."""
    server.script(Reply.events(DIALECTS[name].stream))
    provider = create_provider(name, CANARY, base_url=server.url + base_url)
    await read(provider.stream(ask()))
    assert server.requests[0].path == path
    await provider.close()


@pytest.mark.parametrize(
    "name, path",
    [("gemini", "/v1beta/interactions/a%2Fb%20%3F"), ("mistral", "/v1/conversations/a%2Fb%20%3F")],
)
@pytest.mark.parametrize(
    "reply", [Reply(204), Reply.json({}), Reply.json({"error": {"message": "gone"}}, 404)]
)
async def test_what_a_service_holds_is_deleted_by_its_id(
    name: str, path: str, reply: Reply, server: FaultyServer
) -> None:
    """Whatever the id looks like; what is gone already counts as deleted."""
    server.script(reply)
    provider = create_provider(name, CANARY, base_url=server.url)
    assert await provider.delete_conversation("a/b ?") is True
    assert [(request.method, request.path) for request in server.requests] == [("DELETE", path)]
    await provider.close()


@pytest.mark.parametrize("name", ["gemini", "mistral"])
async def test_a_deletion_that_is_refused_is_an_error(name: str, server: FaultyServer) -> None:
    """The session then tells what could not be deleted."""
    server.script(Reply.json({"error": {"message": "no"}}, 403))
    provider = create_provider(name, CANARY, base_url=server.url)
    with pytest.raises(errors.ProviderAuthenticationError):
        await provider.delete_conversation("x")
    await provider.close()


THOUGHTS = {
    "gemini": event({"candidates": [{"content": {"parts": [{"text": "Hm.", "thought": True}]}}]}),
    "mistral": event(
        {
            "choices": [
                {"index": 0, "delta": {"content": [{"type": "thinking", "thinking": [{"text": "Hm."}]}]}}
            ]
        }
    ),
    "cohere": event({"type": "content-delta", "delta": {"message": {"content": {"thinking": "Hm."}}}}),
    "ollama": b'{"message": {"role": "assistant", "content": "", "thinking": "Hm."}, "done": false}\n',
}


@pytest.mark.parametrize("name", THOUGHTS)
async def test_a_reply_cut_while_it_thought_is_kept_and_not_sent(name: str, server: FaultyServer) -> None:
    """What was cut before any text answered nothing: its question stays here, and the next goes alone."""
    server.script(Reply.events(THOUGHTS[name]), Reply.events(DIALECTS[name].stream))
    async with create_session_manager("memory") as manager:
        manager.add_provider_session(name, create_provider(name, CANARY, base_url=server.url))
        session = await manager.create_session("ada", name, "test-model")
        with pytest.raises(errors.StreamInterruptedError):
            await session.send_message("q1")
        await session.send_message("q2")
        assert [message.reasoning for message in await session.get_messages()] == ["", "Hm.", "", ""]
    (turn,) = server.requests[1].json.get("messages") or server.requests[1].json["contents"]
    assert turn["role"] == "user"
    assert "q2" in json.dumps(turn)
    assert "q1" not in json.dumps(turn)


@pytest.mark.parametrize(
    "details, status, kind, waits",
    [
        ([{"@type": "…/RetryInfo", "retryDelay": "1.5s"}], 429, None, [1.5]),
        (
            [{"@type": "…/ErrorInfo", "reason": "API_KEY_INVALID"}],
            400,
            errors.ProviderAuthenticationError,
            [],
        ),
    ],
)
async def test_what_google_tells_in_details_is_heeded(
    details: list[Any],
    status: int,
    kind: type[errors.SessionError] | None,
    waits: list[float],
    server: FaultyServer,
) -> None:
    """The wait it asks for is kept, and a bad key is told as one although the status is 400."""
    provider = impatient(DIALECTS["gemini"], server.url)
    refusal = {"error": {"code": status, "message": "no", "details": details}}
    server.script(Reply.json(refusal, status), Reply.events(DIALECTS["gemini"].stream))
    if kind is None:
        await read(provider.stream(ask()))
    else:
        await fails(provider, kind)
    assert provider.waits == waits
    await provider.close()


async def test_an_append_that_may_have_been_stored_is_not_repeated(server: FaultyServer) -> None:
    """A 500 of Mistral does not say whether the question is in the conversation: one request, and the error says so."""
    provider = create_provider("mistral", CANARY, base_url=server.url)

    def answer(request: SeenRequest) -> Reply:
        return Reply.json({"message": "oops"}, 500 if request.method == "POST" else 404)

    server.script(answer)
    with pytest.raises(errors.ProviderServerError) as caught:
        await read(provider.stream(ask(native=True, native_id="conv_1")))
    assert caught.value.maybe_processed
    assert [request.method for request in server.requests].count("POST") == 1
    await provider.close()
