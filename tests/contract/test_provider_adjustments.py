"""What we put into a request of our own accord is taken out where a server refuses it, once for its address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.messages import MessageRole, SessionMessage
from langswarm_nb.core.session.provider_events import ProviderRequest
from langswarm_nb.core.session.providers import create_provider
from langswarm_nb.core.session.providers._dialect import adjustments
from langswarm_nb.core.session.providers.catalogue import PROVIDERS, ChatHost
from tests.contract.provider_cases import CANARY, TEXT, ask, fails, read
from tests.contract.provider_dialects import DIALECTS
from tests.support.faulty import FaultyServer, Reply, SeenRequest

CHAT_HOSTS = sorted(name for name, row in PROVIDERS.items() if isinstance(row, ChatHost))
GOOD = Reply.events(DIALECTS["chat"].stream)
REFUSALS = {
    "FastAPI": (422, {"detail": "Extra inputs are not permitted: {name}"}),
    "FastAPI, by field": (
        422,
        {
            "detail": [
                {
                    "type": "extra_forbidden",
                    "loc": ["body", "{name}"],
                    "msg": "Extra inputs are not permitted",
                }
            ]
        },
    ),
    "Azure": (400, {"error": {"message": "Unrecognized request argument supplied: {name}", "code": None}}),
    "OpenAI": (
        400,
        {"error": {"message": "Unsupported parameter: '{name}' is not supported.", "param": "{name}"}},
    ),
    "an older gateway": (400, {"error": 'json: unknown field "{name}"'}),
    "by its param": (400, {"error": {"message": "This is not supported here", "param": "{name}"}}),
}
refusals = pytest.mark.parametrize("status, form", REFUSALS.values(), ids=REFUSALS)


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    adjustments._refused.clear()
    yield
    adjustments._refused.clear()


def filled(form: Any, name: str) -> Any:
    if isinstance(form, dict):
        return {key: filled(value, name) for key, value in form.items()}
    if isinstance(form, list):
        return [filled(value, name) for value in form]
    return form.replace("{name}", name) if isinstance(form, str) else form


def refusing(status: int, form: Any, *names: str) -> Any:
    """Return a server's answers: it refuses requests with one of these names in them."""

    def answer(request: SeenRequest) -> Reply:
        found = next((name for name in names if name in request.json), None)
        return Reply.json(filled(form, found), status) if found else GOOD

    return answer


@refusals
@pytest.mark.parametrize("name", CHAT_HOSTS)
async def test_usage_in_streams_is_not_asked_for_where_that_is_refused(
    name: str, status: int, form: Any, server: FaultyServer
) -> None:
    """The request goes again without it at once, and from then on, in every session for that address."""
    server.script(refusing(status, form, "stream_options"))
    for requests in (2, 1):
        provider = create_provider(name, CANARY, base_url=server.url)
        server.requests.clear()
        assert (await read(provider.stream(ask(retries=0, idempotency_key="once")))).text == TEXT
        assert len(server.requests) == requests
        await provider.close()
    first = server.requests[0]
    assert "stream_options" not in first.json


async def test_an_amended_request_is_another_one(server: FaultyServer) -> None:
    """It has another key of its own, so that no service takes it for a repeat; all else is as it was."""
    server.script(refusing(400, {"error": "unknown field stream_options"}, "stream_options"))
    provider = create_provider("vllm", CANARY, base_url=server.url)
    await read(provider.stream(ask(idempotency_key="once")))
    first, second = server.requests
    assert first.headers["idempotency-key"] != second.headers["idempotency-key"]
    assert second.json == {key: value for key, value in first.json.items() if key != "stream_options"}
    await provider.close()


@refusals
@pytest.mark.parametrize("name", CHAT_HOSTS)
async def test_the_limit_is_written_as_the_server_knows_it(
    name: str, status: int, form: Any, server: FaultyServer
) -> None:
    """Both spellings are in use; older versions of Azure refuse the newer, newer models the older."""
    row = PROVIDERS[name]
    assert isinstance(row, ChatHost)
    other = {"max_tokens": "max_completion_tokens"}.get(row.limit_name, "max_tokens")
    server.script(refusing(status, form, row.limit_name, "stream_options"))
    provider = create_provider(name, CANARY, base_url=server.url)
    for requests in (3, 1):
        server.requests.clear()
        await read(provider.stream(ask(options={"max_tokens": 7})))
        assert len(server.requests) == requests
        assert server.requests[-1].json[other] == 7
        assert row.limit_name not in server.requests[-1].json
    await provider.close()


@pytest.mark.parametrize("api_version", ["2023-05-15", None])
async def test_an_old_version_of_azure_is_spoken_to(api_version: str | None, server: FaultyServer) -> None:
    """It knows neither the newer limit, nor usage in streams, nor developers."""

    def answer(request: SeenRequest) -> Reply:
        for name in ("max_completion_tokens", "stream_options"):
            if name in request.json:
                return Reply.json(
                    {"error": {"message": f"Unrecognized request argument supplied: {name}"}}, 400
                )
        if any(message["role"] == "developer" for message in request.json["messages"]):
            return Reply.json(
                {"error": {"message": "'developer' is not one of ['system', 'user'] - not valid"}}, 400
            )
        return GOOD

    server.script(answer)
    provider = create_provider("azure", CANARY, base_url=server.url, api_version=api_version)
    messages = (SessionMessage(role=MessageRole.SYSTEM, content="Be brief."), SessionMessage(content="Hi"))
    request = ProviderRequest("o3-mini", messages, options={"max_tokens": 7})
    assert (await read(provider.stream(request))).text == TEXT
    assert server.requests[-1].json["messages"][0]["role"] == "system"
    assert server.requests[-1].json["max_tokens"] == 7
    await provider.close()


@pytest.mark.parametrize("option", ["safety_identifier", "include"])
async def test_what_responses_get_from_us_is_left_out_too(option: str, server: FaultyServer) -> None:
    """Servers that speak Responses need not know the user's hash, nor hand thinking out."""

    def answer(request: SeenRequest) -> Reply:
        if option in request.json:
            return Reply.json({"detail": f"Extra inputs are not permitted: {option}"}, 400)
        return Reply.events(DIALECTS["responses"].stream)

    server.script(answer)
    provider = create_provider("openai", CANARY, base_url=server.url)
    for requests in (2, 1):
        server.requests.clear()
        assert (await read(provider.stream(ask(model="gpt-6-luna", user_id="ada")))).text == TEXT
        assert len(server.requests) == requests
    await provider.close()


@pytest.mark.parametrize(
    "options, words",
    [
        (
            {"stream_options": {"include_usage": True}},
            "Unrecognized request argument supplied: stream_options",
        ),
        ({"max_completion_tokens": 5}, "Unrecognized request argument supplied: max_completion_tokens"),
        ({"top_k": 5}, "Unrecognized request argument supplied: top_k"),
        ({"max_tokens": 10**9}, "max_tokens is too large: this model takes at most 4096"),
    ],
)
async def test_what_the_caller_asked_for_is_not_left_out(
    options: dict[str, Any], words: str, server: FaultyServer
) -> None:
    """An option of the caller's, or the value of one, is refused with the server's words; one request."""
    server.script(Reply.json({"error": {"message": words}}, 400))
    provider = create_provider("openai-compatible", CANARY, base_url=server.url)
    error = await fails(provider, errors.ProviderRequestError, ask(options=options))
    assert words in str(error)
    assert len(server.requests) == 1
    await provider.close()


async def test_a_server_that_refuses_all_is_asked_a_few_times_only(server: FaultyServer) -> None:
    """Each refusal takes out one thing, and then the last one is the caller's."""
    server.script(Reply.json({"error": "unknown: stream_options, max_tokens, max_completion_tokens"}, 400))
    provider = create_provider("openai-compatible", CANARY, base_url=server.url)
    await fails(provider, errors.ProviderRequestError, ask(options={"max_tokens": 7}))
    assert len(server.requests) == 3
    await provider.close()


@pytest.mark.parametrize(
    "effort, is_refused", [("none", False), ("high", False), ("low", True), ("max", True)]
)
@pytest.mark.parametrize("model", ["mistral-small-latest", "mistral-medium-3-5", "magistral-small-2509"])
async def test_efforts_that_a_model_of_mistral_lacks_are_named(
    model: str, effort: str, is_refused: bool, server: FaultyServer
) -> None:
    """Nothing is sent in vain, and the error says which efforts there are."""
    server.script(Reply.events(DIALECTS["mistral"].stream))
    provider = create_provider("mistral", CANARY, base_url=server.url)
    request = ask(model=model, options={"reasoning_effort": effort})
    if is_refused:
        error = await fails(provider, errors.ProviderRequestError, request)
        assert "'none' and 'high'" in str(error)
        assert server.requests == []
    else:
        await read(provider.stream(request))
    await provider.close()
