"""What a provider session does when a request fails: each row of the promises on sending, in each dialect.

A scripted server on real sockets misbehaves; both libraries that can carry requests keep the same promises.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.provider_events import RetryNotice
from tests.contract.provider_cases import CANARY, TEXT, Dialect, ask, fails, impatient, read
from tests.support.faulty import FaultyServer, Reply
from tests.support.loop_clock import when_time_passes
from tests.support.waits import PATIENCE_S

pytestmark = pytest.mark.usefixtures("library")


# Connecting


async def test_a_server_that_is_not_there_is_tried_again_and_then_named(dialect: Dialect) -> None:
    """Nothing was sent, so it is repeated within the budget; then the error names address and cause."""
    async with FaultyServer() as gone:
        url = gone.url
    provider = impatient(dialect, url)
    notices: list[RetryNotice] = []

    async def note(notice: RetryNotice) -> None:
        notices.append(notice)

    error = await fails(provider, errors.ProviderConnectionError, ask(on_retry=note))
    assert url in str(error)
    assert "refused" in str(error)
    assert "base_url" in str(error)
    assert not error.maybe_processed
    assert isinstance(error.__cause__, ConnectionError)
    assert [notice.attempt for notice in notices] == [1, 2]
    assert provider.waits == [0.5, 1.0] == [notice.wait_s for notice in notices]


async def test_a_server_that_comes_up_between_two_attempts_answers(dialect: Dialect, good: Reply) -> None:
    """A repeat after a failed connection succeeds, and the reply is whole."""
    async with FaultyServer() as gone:
        port = int(gone.url.rpartition(":")[2])
    provider = impatient(dialect, gone.url)
    later = FaultyServer(port)

    async def start(_: RetryNotice) -> None:
        await later.__aenter__()
        later.script(good)

    outcome = await read(provider.stream(ask(on_retry=start, retries=1)))
    assert outcome.text == TEXT
    await provider.close()
    await later.__aexit__()


async def test_a_host_without_a_name_is_an_error_that_names_it(dialect: Dialect) -> None:
    """A name that no server knows is reported as such."""
    error = await fails(
        impatient(dialect, "https://nobody.invalid"), errors.ProviderConnectionError, ask(retries=0)
    )
    assert "nobody.invalid" in str(error)


# Refusals


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
async def test_a_refusal_that_may_pass_is_repeated(
    provider: Any, server: FaultyServer, good: Reply, status: int
) -> None:
    """A status that says "not now" before any output is followed by another attempt with the same bytes."""
    server.script(Reply.json({"error": {"message": "not now"}}, status), good)
    outcome = await read(provider.stream(ask(idempotency_key="once-1")))
    assert outcome.text == TEXT
    first, second = server.requests
    assert first.body == second.body
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == "once-1"
    assert provider.waits == [0.5]


async def test_attempts_end_with_the_retries_asked_for(provider: Any, server: FaultyServer) -> None:
    """After the last attempt the error tells how many there were; the waits grow, and are at most 8 s."""
    server.script(Reply.json({"error": {"message": "not now"}}, 503))
    error = await fails(provider, errors.ProviderOverloadedError, ask(retries=6))
    assert len(server.requests) == 7
    assert "7 attempts" in str(error)
    assert provider.waits == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]


@pytest.mark.parametrize("retries", [0, 1])
async def test_no_more_is_sent_than_allowed(provider: Any, server: FaultyServer, retries: int) -> None:
    """``retries`` is the number of repeats, zero included."""
    server.script(Reply.json({}, 500))
    await fails(provider, errors.ProviderServerError, ask(retries=retries))
    assert len(server.requests) == 1 + retries


@pytest.mark.parametrize("status", [400, 503])
async def test_the_servers_own_word_on_repeating_comes_first(
    provider: Any, server: FaultyServer, good: Reply, status: int
) -> None:
    """``x-should-retry`` decides before the status."""
    word = "true" if status == 400 else "false"
    server.script(Reply.json({}, status, headers={"x-should-retry": word}), good)
    if status == 400:
        assert (await read(provider.stream(ask()))).text == TEXT
    else:
        await fails(provider, errors.ProviderOverloadedError)
    assert len(server.requests) == (2 if status == 400 else 1)


RETRY_AFTER = [
    ({"retry-after-ms": "1500"}, 1.5),
    ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
    ({"retry-after": "2"}, 2.0),
    ({"retry-after": "2.5"}, 2.5),
    ({"retry-after": "0"}, 0.0),
    ({"retry-after": "Tue, 24 Nov 2026 12:00:07 GMT"}, 7.0),
    ({"retry-after": "Tue, 24 Nov 2026 11:00:00 GMT"}, 0.0),
    ({"retry-after": "-3"}, 0.5),
    ({"retry-after": "nan"}, 0.5),
    ({"retry-after": "inf"}, 0.5),
    ({"retry-after": "1e300"}, 0.5),
    ({"retry-after": "soon"}, 0.5),
    ({"retry-after": "Tue, 24 Nov 9999 12:00:07 GMT"}, 0.5),
    ({"retry-after-ms": "-1", "retry-after": "4"}, 4.0),
]


@pytest.mark.parametrize("headers, wait_s", RETRY_AFTER)
async def test_the_wait_a_server_asks_for_is_kept(
    provider: Any, server: FaultyServer, good: Reply, headers: dict[str, str], wait_s: float
) -> None:
    """Every form of Retry-After is waited for in full; nonsense is ignored, never slept."""
    server.script(Reply.json({}, 429, headers=headers), good)
    await read(provider.stream(ask()))
    assert provider.waits == [wait_s]


async def test_a_wait_longer_than_the_call_may_take_is_not_begun(provider: Any, server: FaultyServer) -> None:
    """The error comes at once and tells how long the wait would be."""
    server.script(Reply.json({"error": {"message": "slow down"}}, 429, headers={"retry-after": "3600"}))
    error = await fails(provider, errors.ProviderRateLimitError, ask(timeout_s=600))
    assert error.retry_after_s == error.retry_after == 3600
    assert "3600 s" in str(error)
    assert "timeout_s=600" in str(error)
    assert (len(server.requests), provider.waits) == (1, [])


@pytest.mark.parametrize(
    "reply",
    [
        Reply.json({"error": {"message": "no money", "code": "insufficient_quota"}}, 429),
        Reply.json({"error": {"message": "no money"}}, 402),
    ],
)
async def test_a_lack_of_money_is_not_waited_for(provider: Any, server: FaultyServer, reply: Reply) -> None:
    """Waiting does not cure a used-up quota: one request, and the error says so."""
    server.script(reply)
    error = await fails(provider, errors.ProviderQuotaError)
    assert "no money" in str(error)
    assert "credit" in str(error)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "status, kind",
    [
        (400, errors.ProviderRequestError),
        (401, errors.ProviderAuthenticationError),
        (403, errors.ProviderAuthenticationError),
        (404, errors.ProviderNotFoundError),
        (413, errors.ProviderRequestError),
        (422, errors.ProviderRequestError),
    ],
)
async def test_a_refusal_for_good_is_reported_at_once(
    provider: Any, server: FaultyServer, status: int, kind: type[errors.ProviderSessionError]
) -> None:
    """One request; the error quotes the service, with status, code and request id, and says what to do."""
    body = {"error": {"message": "the reason is this", "code": "some_code"}}
    server.script(Reply.json(body, status, headers={"x-request-id": "req_1"}))
    error = await fails(provider, kind)
    assert (error.status, error.code, error.request_id) == (status, "some_code", "req_1")
    assert error.model == "test-model"
    assert "the reason is this" in str(error)
    assert not error.maybe_processed
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": "too long: maximum context length is 10"}',
        b'{"object": "error", "message": "maximum context length is 10"}',
        b'{"detail": [{"loc": ["body", "x"], "msg": "maximum context length is 10"}]}',
        b'[{"error": {"message": "maximum context length is 10", "code": 400}}]',
        b"maximum context length is 10",
    ],
)
async def test_every_form_of_error_is_read(provider: Any, server: FaultyServer, body: bytes) -> None:
    """The words are found wherever a server puts them, and tell a prompt that is too long."""
    server.script(Reply(400, body))
    error = await fails(provider, errors.ContextLengthError)
    assert "maximum context length is 10" in str(error)


async def test_an_error_page_is_not_quoted(provider: Any, server: FaultyServer) -> None:
    """HTML of a proxy says nothing to the reader of an error."""
    server.script(Reply(502, b"<html><body>Bad gateway</body></html>", {"content-type": "text/html"}))
    error = await fails(provider, errors.ProviderServerError, ask(retries=0))
    assert "web page" in str(error)
    assert "<" not in str(error)


async def test_terminal_codes_in_an_error_are_shown_as_codes(provider: Any, server: FaultyServer) -> None:
    """A service's words cannot steer the terminal: one line, controls written out."""
    server.script(Reply.json({"error": {"message": "a\x1b[2Jb\nc\u202ed"}}, 400))
    error = await fails(provider, errors.ProviderRequestError)
    assert str(error).isprintable()


# Ambiguous failures


@pytest.mark.parametrize(
    "fault",
    [
        {"cut_at": -1, "then": "close"},
        {"cut_at": -1, "then": "reset"},
        {"cut_at": -2, "then": "close"},
        {"cut_at": -2, "then": "reset"},
        {"cut_at": 20, "then": "close"},
        {"cut_at": 20, "then": "reset"},
    ],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_request_that_may_have_been_processed_is_not_repeated(
    provider: Any, dialect: Dialect, server: FaultyServer, good: Reply, fault: dict[str, Any], stream: bool
) -> None:
    """Sent, then closed, reset or cut before the whole answer: one request, and the error says what it may mean.

    In words: no library's object is put in it, with all headers of the answer.
    """
    reply = good if stream else Reply.json(dialect.whole)
    server.script(reply.but(**fault))
    error = await fails(provider, errors.ProviderSessionError, ask(stream=stream))
    assert isinstance(error, (errors.ProviderConnectionError, errors.ProviderResponseError))
    assert error.maybe_processed
    assert "again" in str(error)
    assert "headers=" not in str(error)
    assert len(server.requests) == 1


@pytest.mark.parametrize("fault", [{"cut_at": -1}, {"cut_at": -2}, {"cut_at": 60}])
async def test_silence_has_an_end(
    dialect: Dialect, server: FaultyServer, good: Reply, fault: dict[str, Any]
) -> None:
    """A server that falls silent before, in or after its headers is given up, and the request not repeated."""
    provider = impatient(dialect, server.url)
    provider.http._silence_s = 77
    server.script(good.but(then="stall", **fault))
    failing = asyncio.create_task(fails(provider, errors.ProviderTimeoutError))
    await server.stalled.wait()
    error = await when_time_passes(failing, 3)
    assert error.maybe_processed
    assert "77 s" in str(error)
    assert isinstance(error, TimeoutError)
    assert len(server.requests) == 1
    await server.gone.wait()
    await provider.close()


@pytest.mark.parametrize("stream", [True, False])
async def test_a_call_has_an_end_however_busy_the_server_looks(
    provider: Any, dialect: Dialect, server: FaultyServer, good: Reply, stream: bool
) -> None:
    """Headers and a body that drip in reset no clock: ``timeout_s`` limits the whole call."""
    reply = good if stream else Reply.json(dialect.whole)
    server.script(reply.but(drip_s=0.002, piece=1))
    failing = asyncio.create_task(
        fails(provider, errors.ProviderTimeoutError, ask(stream=stream, timeout_s=777))
    )
    await server.dripped.wait()
    error = await when_time_passes(failing, 777)
    assert error.maybe_processed
    assert "timeout_s=777" in str(error)
    assert len(server.requests) == 1


async def test_a_body_that_drips_ends_with_the_call(
    provider: Any, server: FaultyServer, dialect: Dialect
) -> None:
    """Comments that keep a stream alive for ever do not keep the call alive."""
    server.script(lambda _: Reply.events(dialect.filler * 10_000, drip_s=None, piece=14).but(then="stall"))
    failing = asyncio.create_task(fails(provider, errors.ProviderTimeoutError, ask(timeout_s=777)))
    await server.dripped.wait()
    await when_time_passes(failing, 777)


async def test_a_call_whose_time_is_over_is_not_sent(provider: Any, server: FaultyServer) -> None:
    """A request that waited too long elsewhere costs nothing."""
    await fails(provider, errors.ProviderTimeoutError, ask(started=-100.0, timeout_s=99))
    assert server.requests == []


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_key_does_not_follow_a_redirect(provider: Any, server: FaultyServer, status: int) -> None:
    """A redirect is an error that names its target; nothing is sent there."""
    async with FaultyServer() as elsewhere:
        location = f"{elsewhere.url}/v1?token={CANARY}"
        server.script(Reply(status, b"", {"location": location}))
        error = await fails(provider, errors.ProviderResponseError)
        assert elsewhere.url in str(error)
        assert elsewhere.connections == 0
    assert len(server.requests) == 1
    assert CANARY not in str(error)


# Requests that cannot be sent


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}, "\ud83d"])
async def test_an_option_that_json_cannot_hold_is_refused(
    provider: Any, server: FaultyServer, value: Any
) -> None:
    """Before anything is sent, as what it is."""
    await fails(provider, errors.SessionTypeError, ask(options={"my_option": value}))
    assert server.connections == 0


# Answers that are not HTTP

NO_HTTP = {
    "words": b"hello there\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "zeros": bytes(300),
    "no number": b"HTTP/1.1 OK\r\n\r\n",
    "odd number": b"HTTP/1.1 999999 What\r\n\r\n",
    "length of letters": b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n",
    "length below zero": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello",
    "odd chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nhello\r\n",
    "endless chunk size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 200_000,
    "header without a name": b"HTTP/1.1 200 OK\r\n: x\r\nno colon\r\n\r\n",
    "header with zeros": b"HTTP/1.1 200 OK\r\nX-A: a\x00b\r\n\r\n",
    "huge header": b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 300_000 + b"\r\n\r\n",
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"X-A: a\r\n" * 50_000 + b"\r\n",
    "another protocol from now on": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nhello",
    "go on, go on": b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
}


@pytest.mark.parametrize("dialect", ["chat"], indirect=True)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("raw", NO_HTTP.values(), ids=NO_HTTP)
async def test_what_is_no_http_is_an_error_of_ours(
    provider: Any, server: FaultyServer, raw: bytes, stream: bool
) -> None:
    """Whatever comes over the wire: a typed error, one request."""
    server.script(Reply(raw=raw, then="close"))
    await fails(provider, errors.ProviderSessionError, ask(stream=stream, timeout_s=PATIENCE_S))
    assert len(server.requests) == 1
