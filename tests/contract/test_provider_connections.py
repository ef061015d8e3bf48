"""Connections: used again, given up at once, never mixed, and bound to no event loop that has ended."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.provider_events import RetryNotice
from langswarm_nb.core.session.providers._http.pool import Transports
from tests.contract.provider_cases import TEXT, Dialect, ask, fails, read
from tests.support.faulty import FaultyServer, Reply, SeenRequest

pytestmark = pytest.mark.usefixtures("library")


# Connections


def as_if_far_away(provider: Any) -> None:
    """Let the server pass for one on another machine: only with those are connections kept."""
    provider.http._transports = Transports(provider.http.address._replace(host="far.example"))


async def test_a_connection_to_another_machine_is_used_again(
    provider: Any, server: FaultyServer, good: Reply
) -> None:
    """Replies read to their end leave their connection open for the next."""
    as_if_far_away(provider)
    server.script(good)
    for _ in range(3):
        await read(provider.stream(ask()))
    assert {request.connection for request in server.requests} == {1}


async def test_an_idle_connection_that_the_server_closed_goes_unnoticed(
    provider: Any, server: FaultyServer, good: Reply
) -> None:
    """The next request is sent on a new one, once."""
    as_if_far_away(provider)
    server.script(good.but(then="close"), good)
    await read(provider.stream(ask()))
    await server.all_closed()
    await read(provider.stream(ask()))
    assert [request.connection for request in server.requests] == [1, 2]
    assert provider.waits == []


async def test_a_connection_on_this_machine_is_not_used_again(
    provider: Any, server: FaultyServer, good: Reply
) -> None:
    """A server that closes after each reply, without a word, loses no request."""
    server.script(good.but(then="close"))
    for _ in range(20):
        await read(provider.stream(ask()))
    assert [request.connection for request in server.requests] == list(range(1, 21))


async def test_leaving_a_stream_closes_its_connection(
    provider: Any, dialect: Dialect, server: FaultyServer
) -> None:
    """Closing the iterator is seen by the server at once; the session goes on."""
    server.script(Reply.events(dialect.stream, cut_at=len(dialect.stream) // 2, then="stall"))
    events = provider.stream(ask())
    await anext(events)
    await events.aclose()
    await server.gone.wait()
    server.script(Reply.events(dialect.stream))
    assert (await read(provider.stream(ask()))).text == TEXT


@pytest.mark.parametrize("fault", [{"cut_at": -1}, {"cut_at": -2}, {"cut_at": 60}])
async def test_a_cancelled_request_closes_its_connection(
    provider: Any, server: FaultyServer, good: Reply, fault: dict[str, Any]
) -> None:
    """A cancel goes through as it is, whatever the request waits for, and frees the connection."""
    server.script(good.but(then="stall", **fault))
    task = asyncio.create_task(read(provider.stream(ask())))
    await server.arrived.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await server.gone.wait()
    server.script(good)
    assert (await read(provider.stream(ask()))).text == TEXT


async def test_a_wait_between_attempts_can_be_cancelled(dialect: Dialect, server: FaultyServer) -> None:
    """Ctrl-C need not outlast a Retry-After."""
    provider = dialect.create(server.url)
    waiting = asyncio.Event()

    async def note(_: RetryNotice) -> None:
        waiting.set()

    server.script(Reply.json({}, 429, headers={"retry-after": "300"}))
    task = asyncio.create_task(read(provider.stream(ask(on_retry=note))))
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(server.requests) == 1
    await provider.close()


@pytest.mark.unmeasured
async def test_many_streams_at_once_do_not_mix(provider: Any, dialect: Dialect, server: FaultyServer) -> None:
    """More requests than one pool of connections holds: each gets its own reply."""

    def answer(request: SeenRequest) -> Reply:
        word = request.body.partition(b"number-")[2][:2].decode()
        return Reply.events(dialect.text_event(f"reply-{word} ") + dialect.stream, piece=40)

    server.script(answer)
    numbers = [f"{number:02d}" for number in range(60)]
    outcomes = await asyncio.gather(*(read(provider.stream(ask(f"number-{n}"))) for n in numbers))
    assert [outcome.text for outcome in outcomes] == [f"reply-{number} {TEXT}" for number in numbers]


def test_one_session_serves_one_event_loop_after_another(dialect: Dialect, library: str) -> None:
    """Nothing stays bound to a loop that has ended, and nothing is left open in it."""
    provider = None

    async def once() -> str:
        nonlocal provider
        async with FaultyServer() as server:
            if provider is None:
                provider = dialect.create(server.url)
            provider.http.address = provider.http.address._replace(url=server.url)
            server.script(Reply.events(dialect.stream))
            return (await read(provider.stream(ask()))).text

    assert [asyncio.run(once()) for _ in range(3)] == [TEXT] * 3


async def test_a_closed_session_says_so(provider: Any) -> None:
    """Use after close is an error of its own; closing twice is none."""
    await provider.close()
    await provider.close()
    await fails(provider, errors.SessionClosedError)
