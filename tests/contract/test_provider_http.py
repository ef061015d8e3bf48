"""The client below all providers: requests that are not replies, and those that must not be made twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.provider_events import ProviderRequest
from langswarm_nb.core.session.providers import create_provider
from langswarm_nb.core.session.providers._http.address import check_base_url
from langswarm_nb.core.session.providers._http.client import HttpClient
from langswarm_nb.core.session.secret import Secret
from tests.contract.provider_cases import CANARY, CHAT, TEXT, ask, impatient, read
from tests.support.faulty import FaultyServer, Reply
from tests.support.loop_clock import when_time_passes
from tests.support.waits import PATIENCE_S

pytestmark = pytest.mark.usefixtures("library")


@pytest.fixture
async def client(server: FaultyServer, library: str) -> AsyncIterator[HttpClient]:
    async def no_wait(_: float) -> None:
        pass

    client = HttpClient(
        "acme",
        check_base_url(f"{server.url}/v1"),
        secret_headers={"X-Acme-Key": ("", Secret(CANARY))},
        headers={"X-Version": "3"},
        key_source="ACME_API_KEY",
    )
    client.sleep = no_wait
    yield client
    await client.aclose()


async def test_a_request_has_its_path_query_headers_and_body(
    client: HttpClient, server: FaultyServer
) -> None:
    """And a key in the header that the provider names."""
    server.script(Reply.json({"ok": 1}, headers={"X-Request-Id": "r1"}))
    body, headers = await client.request_json(
        "POST", "/things", {"a": "é\u2028"}, query={"after": "a b&c"}, headers={"X-Beta": "b"}
    )
    assert body == {"ok": 1}
    assert headers["x-request-id"] == "r1"
    [request] = server.requests
    assert (request.method, request.path) == ("POST", "/v1/things?after=a+b%26c")
    assert request.json == {"a": "é\u2028"}
    wanted = {"x-acme-key": CANARY, "x-version": "3", "x-beta": "b", "content-type": "application/json"}
    assert wanted.items() <= request.headers.items()
    assert request.headers["user-agent"].startswith("langswarm-nb/")
    assert "cookie" not in request.headers


@pytest.mark.parametrize("chars", [2**20, 3 * 2**20])
async def test_a_long_body_arrives_whole(client: HttpClient, server: FaultyServer, chars: int) -> None:
    """Images and ten thousand messages are some megabytes: they are sent with their length, and without a warning."""
    server.script(Reply.json({}))
    await client.request_json("POST", "/things", {"a": "b" * chars})
    [request] = server.requests
    assert request.json == {"a": "b" * chars}
    assert int(request.headers["content-length"]) > chars
    assert request.headers["content-type"] == "application/json"


async def test_cookies_are_not_kept(client: HttpClient, server: FaultyServer) -> None:
    """Requests stand for themselves."""
    server.script(Reply.json({}, headers={"set-cookie": "a=b; Path=/"}))
    for _ in range(2):
        await client.request_json("GET", "/")
    assert "cookie" not in server.requests[1].headers


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_what_adds_to_a_conversation_is_not_repeated_after_a_failure(
    client: HttpClient, server: FaultyServer, status: int
) -> None:
    """A 5xx does not rule out that the turn was stored: it would be there twice."""
    server.script(Reply.json({}, status))
    with pytest.raises(errors.ProviderServerError) as caught:
        await client.request_json("POST", "/items", {}, once=True)
    assert caught.value.maybe_processed
    assert len(server.requests) == 1


async def test_what_adds_to_a_conversation_is_repeated_after_a_refusal(
    client: HttpClient, server: FaultyServer
) -> None:
    """A rate limit, or a conversation in use, stored nothing."""
    server.script(Reply.json({}, 429), Reply.json({}, 409), Reply.json({"ok": 1}))
    body, _ = await client.request_json("POST", "/items", {}, once=True)
    assert (body, len(server.requests)) == ({"ok": 1}, 3)


@pytest.mark.parametrize("fault", [{"cut_at": -1, "then": "reset"}, {"cut_at": -2, "then": "close"}])
async def test_asking_twice_changes_nothing_so_it_is_repeated(
    client: HttpClient, server: FaultyServer, fault: dict[str, Any]
) -> None:
    """A GET may be sent again after a broken connection."""
    server.script(Reply(200, **fault), Reply.json({"data": []}))
    assert await client.get_json("/models", lambda body: body["data"]) == []
    assert len(server.requests) == 2


@pytest.mark.parametrize("body", [{}, [], None, {"data": 5}, {"data": [{"no": "id"}]}, {"data": ["x"]}])
async def test_a_list_of_models_in_another_form_is_said_to_be_none(
    library: str, server: FaultyServer, body: Any
) -> None:
    """No KeyError gets out."""
    server.script(Reply.json(body))
    provider = impatient(CHAT, server.url)
    if body == []:
        assert await provider.list_models() == []
    else:
        with pytest.raises(errors.ProviderResponseError, match="base_url"):
            await provider.list_models()
    await provider.close()


async def test_a_refused_key_names_its_source(client: HttpClient, server: FaultyServer) -> None:
    """The reader knows what to correct."""
    server.script(Reply.json({"error": {"message": "who are you?"}}, 401))
    with pytest.raises(errors.ProviderAuthenticationError, match="ACME_API_KEY"):
        await client.get_json("/models", lambda body: body)


async def test_a_request_that_is_no_reply_has_a_limit_too(client: HttpClient, server: FaultyServer) -> None:
    """Half a minute by default, or what its request says."""
    server.script(Reply(200, cut_at=-1, then="stall"))
    request = ProviderRequest("", (), timeout_s=777)
    asking = asyncio.create_task(client.request_json("GET", "/", request=request))
    await server.stalled.wait()
    with pytest.raises(errors.ProviderTimeoutError, match="timeout_s=777"):
        await when_time_passes(asking, 777)


async def test_a_limit_reached_in_a_task_leaves_it_running(client: HttpClient, server: FaultyServer) -> None:
    """The watch ends the wait, not the task around it: it can go on, and be cancelled by others."""
    server.script(Reply(200, cut_at=-1, then="stall"))

    async def work() -> str:
        with pytest.raises(errors.ProviderTimeoutError):
            await client.request_json("GET", "/", request=ProviderRequest("", (), timeout_s=777))
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await asyncio.sleep(0)
        return "went on"

    working = asyncio.create_task(work())
    await server.stalled.wait()
    assert await when_time_passes(working, 777) == "went on"


def test_a_client_closes_in_whichever_loop_its_connections_are(library: str) -> None:
    """Closed from another thread's loop, nothing is left open in the first."""
    import threading

    client = HttpClient("acme", check_base_url("http://127.0.0.1:9"))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def serve_and_ask() -> FaultyServer:
        server = await FaultyServer().__aenter__()
        server.script(Reply.json({}))
        client.address = check_base_url(server.url)
        await client.request_json("GET", "/")
        return server

    server = asyncio.run_coroutine_threadsafe(serve_and_ask(), loop).result(PATIENCE_S)
    asyncio.run(client.aclose())
    asyncio.run_coroutine_threadsafe(server.__aexit__(), loop).result(PATIENCE_S)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(PATIENCE_S)
    loop.close()
    assert not thread.is_alive()


async def test_a_proxy_sees_no_key(
    library: str, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for a tunnel; when it refuses, nothing was sent, and its password is not shown."""
    monkeypatch.setenv("HTTPS_PROXY", server.url.replace("//", "//me:pa55word@"))
    server.script(Reply(403, b"not you"))
    provider = create_provider("groq", CANARY)
    with pytest.raises(errors.ProviderConnectionError, match=r"api\.groq\.com") as caught:
        await read(provider.stream(ask(retries=0)))
    assert not caught.value.maybe_processed
    assert "pa55word" not in str(caught.value)
    [request] = server.requests
    assert (request.method, request.path) == ("CONNECT", "api.groq.com:443")
    assert CANARY not in str(request)
    await provider.close()


async def test_a_starved_loop_fails_no_request(server: FaultyServer) -> None:
    """Limits on connecting and on silence count what a server takes, not what our own loop does beside it."""
    limits = {"connect_timeout_s": 0.1, "silence_s": 0.1}  # short on purpose: the loop is held up for longer
    provider: Any = create_provider("openai-compatible", CANARY, base_url=server.url, **limits)
    server.script(Reply.events(CHAT.stream))

    async def starve() -> None:
        while True:
            time.sleep(0.15)  # noqa: ASYNC251 - the work of others
            await asyncio.sleep(0)

    starving = asyncio.create_task(starve())
    replies = await asyncio.gather(*(read(provider.stream(ask(retries=0))) for _ in range(20)))
    starving.cancel()
    assert [reply.text for reply in replies] == [TEXT] * 20
    await provider.close()


async def test_connecting_has_a_limit_of_its_own(library: str, server: FaultyServer) -> None:
    """A TLS handshake that is never answered is given up and, as nothing was sent, tried again."""
    url = server.url.replace("http:", "https:")
    limit = {"connect_timeout_s": 0.1}  # short on purpose: it passes
    provider: Any = create_provider("groq", CANARY, base_url=url, **limit)
    provider.http.sleep = asyncio.sleep
    provider.http.jitter = lambda: 4.0  # no wait
    with pytest.raises(
        errors.ProviderTimeoutError, match=r"connecting.*2 attempts|2 attempts.*connecting"
    ) as caught:
        await read(provider.stream(ask(retries=1)))
    assert not caught.value.maybe_processed
    assert (server.connections, server.requests) == (2, [])
    await provider.close()
