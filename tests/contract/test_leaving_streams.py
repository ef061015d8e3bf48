"""Leaving the loop over a stream hangs up: by every way out of it, through every door that hands out a stream."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    Delta,
    Finish,
    FinishReason,
    MockProviderSession,
    ProviderEvent,
    ProviderRequest,
    SessionBusyError,
    create_session_manager,
)
from langswarm_nb.core.session.closing import EventStream
from langswarm_nb.core.session.sending.stream import MessageStream
from tests.contract.provider_cases import TEXT, Dialect, ask, impatient, read
from tests.contract.provider_dialects import DIALECTS
from tests.support.faulty import FaultyServer, Reply
from tests.support.waits import PATIENCE_S

pytestmark = pytest.mark.usefixtures("library")


async def by_break(stream: Any) -> None:
    async for _ in stream:
        break


async def by_return(stream: Any) -> Any:
    async for piece in stream:
        return piece
    return None


async def by_an_error(stream: Any) -> None:
    try:
        async for _ in stream:
            raise LookupError("the caller's own")  # noqa: TRY301 - in the loop, as callers raise
    except LookupError:
        pass


async def by_a_break_of_an_outer_loop(stream: Any) -> None:
    for _ in range(2):
        async for _ in stream:
            break
        break


async def by_a_generator_that_is_left(stream: Any) -> None:
    async def pieces() -> AsyncIterator[Any]:
        async for piece in stream:
            yield piece

    async for _ in pieces():
        break


async def by_an_iterator_that_is_dropped(stream: Any) -> None:
    pieces = aiter(stream)
    await anext(pieces)
    del pieces


WAYS: list[Callable[[Any], Awaitable[Any]]] = [
    by_break,
    by_return,
    by_an_error,
    by_a_break_of_an_outer_loop,
    by_a_generator_that_is_left,
    by_an_iterator_that_is_dropped,
]


async def of_a_message(session: BaseSession, provider: Any) -> MessageStream:
    return session.stream_message("Hi", provider_session=provider)


async def of_a_question_again(session: BaseSession, provider: Any) -> MessageStream:
    await session.send_message("Hi")
    return session.stream_regenerate(provider_session=provider)


async def of_a_comparison(session: BaseSession, provider: Any) -> MessageStream:
    [stream] = await session.stream_comparison("Hi", ["mock:echo"], provider_session=provider)
    return stream


async def of_an_aside(session: BaseSession, provider: Any) -> MessageStream:
    return session.stream_message("Hi", provider_session=provider, activate=False)


DOORS = [of_a_message, of_a_question_again, of_a_comparison, of_an_aside]


@pytest.fixture
async def session() -> AsyncIterator[BaseSession]:
    async with create_session_manager("memory") as manager:
        yield await manager.create_session("ada", "mock", "echo")


def half(dialect: Dialect) -> Reply:
    """Return a reply of which the last event does not come."""
    return Reply.events(dialect.stream, cut_at=dialect.stream.rindex("🎉".encode()), then="stall")


class Slow(MockProviderSession):
    """Answers when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked, self.may_answer = asyncio.Event(), asyncio.Event()

    def stream(self, request: ProviderRequest) -> AsyncIterator[ProviderEvent]:
        return EventStream(self._answer())

    async def _answer(self) -> AsyncGenerator[ProviderEvent, None]:
        self.is_asked.set()
        await self.may_answer.wait()
        yield Delta("one")
        yield Finish(FinishReason.STOP)


async def hung_up(server: FaultyServer) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await server.gone.wait()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_leaving_a_stream_of_a_provider_hangs_up(
    dialect: Dialect, server: FaultyServer, way: Callable[[Any], Awaitable[Any]]
) -> None:
    """The caller still holds the stream; the server sees the connection go all the same."""
    provider = impatient(dialect, server.url)
    server.script(half(dialect))
    events = provider.stream(ask())
    await way(events)
    await hung_up(server)
    assert [event async for event in events] == []
    server.script(Reply.events(dialect.stream))
    assert (await read(provider.stream(ask()))).text == TEXT
    await provider.close()


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_leaving_a_stream_of_a_session_hangs_up_and_keeps_the_part(
    session: BaseSession, server: FaultyServer, way: Callable[[Any], Awaitable[Any]], door: Any
) -> None:
    """What had arrived is stored as interrupted, and the session goes on."""
    dialect = DIALECTS["chat"]
    provider = impatient(dialect, server.url)
    server.script(half(dialect))
    stream = await door(session, provider)
    await way(stream)
    await hung_up(server)
    reply = await stream.read()
    assert (reply.content[:3], reply.finish_reason) == (TEXT[:3], "interrupted")
    assert reply.request is not None
    assert reply.request.status == "stopped"
    assert (await session.get_message(reply.id)) == reply
    assert [delta async for delta in stream] == []
    assert (await session.send_message("Go on")).finish_reason == "stop"
    await provider.close()


async def test_a_left_stream_can_be_closed_at_the_same_time(
    session: BaseSession, server: FaultyServer
) -> None:
    """`aclose` right after the loop, once or by several, waits for the same end."""
    provider = impatient(DIALECTS["chat"], server.url)
    server.script(half(DIALECTS["chat"]))
    stream = session.stream_message("Hi", provider_session=provider)
    await by_break(stream)
    await asyncio.gather(stream.aclose(), stream.aclose(), asyncio.sleep(0))
    assert stream.reply is not None
    server.script(half(DIALECTS["chat"]))
    events = provider.stream(ask())
    await by_break(events)
    await asyncio.gather(events.aclose(), events.aclose(), asyncio.sleep(0))
    await asyncio.sleep(0)
    await events.aclose()
    await provider.close()


async def test_a_stream_read_by_hand_stays_open(session: BaseSession) -> None:
    """`anext` of the stream itself leaves nothing: the rest can be read later."""
    stream = session.stream_message("one two three")
    first = await anext(stream)
    rest = [delta.text async for delta in stream]
    assert stream.reply is not None
    assert first.text + "".join(rest) == stream.reply.content
    assert stream.reply.finish_reason == "stop"


@pytest.mark.parametrize("kind", ["of a session", "of a provider"])
async def test_a_second_loop_that_is_refused_leaves_the_first_alone(session: BaseSession, kind: str) -> None:
    """Two cannot read one stream at once; the one that came first reads on to the end."""
    provider = Slow()
    ours = kind == "of a session"
    stream: Any = session.stream_message("Hi", provider_session=provider) if ours else provider.stream(ask())
    first = asyncio.create_task(read(stream) if not ours else stream.read())
    async with asyncio.timeout(PATIENCE_S):
        await provider.is_asked.wait()
    with pytest.raises((SessionBusyError, RuntimeError)):
        await by_break(stream)
    gc.collect()
    await asyncio.sleep(0)
    provider.may_answer.set()
    done: Any = await first
    assert (done.content if ours else done.text) == "one"


async def test_a_stream_read_to_its_end_leaves_no_task() -> None:
    """Only a loop that was left early has something to close."""

    async def count() -> AsyncGenerator[int, None]:
        for number in range(3):
            yield number

    before = asyncio.all_tasks()
    assert [number async for number in EventStream(count())] == [0, 1, 2]
    gc.collect()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


def test_a_stream_left_as_its_loop_ends_is_closed_with_it() -> None:
    """No loop is needed after the last one, and nothing is said of it."""
    closed = []

    async def count() -> AsyncGenerator[int, None]:
        try:
            for number in range(3):
                yield number
        finally:
            closed.append(True)

    async def leave() -> EventStream[int]:
        stream = EventStream(count())
        await by_break(stream)
        return stream

    asyncio.run(leave())
    assert closed == [True]
