"""Who does not want to wait is told for whom; who has seen another end of the path is told what stands there."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncIterator
from typing import Any

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    SessionBusyError,
    SessionLeasedError,
    SessionMovedError,
    SessionTypeError,
    SessionValueError,
)
from tests.support.storages import question
from tests.support.two_kernels import Kernel

TwoKernels = tuple[Kernel, Kernel]


@pytest.fixture
async def answering(kernels: TwoKernels) -> AsyncIterator[TwoKernels]:
    """Two kernels, of which the first waits for an answer."""
    first, _ = kernels
    one = first.ask("one")
    await first.gate.begun.wait()
    yield kernels
    first.gate.opened.set()
    await one


async def test_who_does_not_wait_is_told_who_answers_and_since_when(answering: TwoKernels) -> None:
    """Nothing is stored or sent, and the answer on its way is not disturbed."""
    first, second = answering
    [asked] = await second.session.get_messages()
    with pytest.raises(SessionLeasedError, match=r"by this process, since .* when_busy='wait'") as caught:
        await second.session.send_message("two", when_busy="raise")
    assert isinstance(caught.value, SessionBusyError)
    assert caught.value.since is not None
    assert abs((caught.value.since - asked.timestamp).total_seconds()) < 60
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own
    assert (again.process, again.since) == ("this process", caught.value.since)
    assert second.gate.requests == []
    first.gate.opened.set()
    await second.ask("three")
    assert await first.path() == ["one", "re one", "three", "re three"]


@pytest.mark.parametrize("who", ["another kernel", "this one"])
@pytest.mark.parametrize("how", ["send", "stream", "edit", "regenerate", "stream_regenerate", "system"])
async def test_every_send_takes_it(answering: TwoKernels, how: str, who: str) -> None:
    """Each way to ask, in the kernel that waits for an answer and in another: refused, with nothing stored or sent."""
    kernel = answering[who == "another kernel"]
    session, requests = kernel.session, len(kernel.gate.requests)
    [asked] = await session.get_messages()
    ways: dict[str, Any] = {
        "send": lambda: session.send_message("two", when_busy="raise"),
        "stream": lambda: session.stream_message("two", when_busy="raise").read(),
        "edit": lambda: session.send_message("two", version_of=asked.id, when_busy="raise"),
        "regenerate": lambda: session.regenerate(when_busy="raise"),
        "stream_regenerate": lambda: session.stream_regenerate(asked.id, when_busy="raise").read(),
        "system": lambda: session.add_system_message("Be brief.", when_busy="raise"),
    }
    with pytest.raises(SessionLeasedError, match="is being answered"):
        await asyncio.create_task(ways[how]())
    assert await session.get_messages(branch="all") == [asked]
    assert len(kernel.gate.requests) == requests


async def test_what_goes_beside_the_path_is_not_refused(answering: TwoKernels) -> None:
    """It waits for nobody anyway."""
    _, second = answering
    await second.session.send_message("aside", history=False, when_busy="raise")
    await second.session.send_message("compared", activate=False, when_busy="raise")
    assert len(second.gate.requests) == 2


async def test_who_does_not_wait_is_answered_when_nobody_else_is(kernels: TwoKernels) -> None:
    """Also right after another was."""
    for kernel in kernels:
        kernel.gate.opened.set()
        await kernel.session.send_message("x", when_busy="raise")
    assert await kernels[0].path() == ["x", "re x"] * 2


async def test_a_stream_that_its_own_reader_has_left_is_not_busy(session: BaseSession) -> None:
    """It gives way, as to a send that waits."""
    left = session.stream_message("one two three")
    await anext(left)
    await session.send_message("next", when_busy="raise")
    assert [m.content for m in await session.get_messages(role="user")] == ["one two three", "next"]


async def test_a_send_goes_on_from_the_end_that_was_seen(session: BaseSession) -> None:
    """Else it is refused with both ids, and nothing is stored or sent."""
    await session.send_message("one", expected_tip="")
    first = (await session.get_messages())[-1]
    second = await session.send_message("two", expected_tip=first.id)
    for end in (first.id, "", "nobody"):
        with pytest.raises(SessionMovedError, match="has moved on") as caught:
            await session.send_message("three", expected_tip=end)
        assert (caught.value.expected, caught.value.found) == (end or None, second.id)
        for again in (
            session.regenerate(expected_tip=end),
            session.add_system_message("x", expected_tip=end),
        ):
            with pytest.raises(SessionMovedError):
                await again
    assert len(await session.get_messages(branch="all")) == 4
    await session.regenerate(expected_tip=second.id)
    assert (await session.get_messages())[-1].address == "1.2"


async def test_of_two_kernels_that_saw_the_same_end_one_is_answered(kernels: TwoKernels) -> None:
    """The other is told at once, though it would have waited for its turn."""
    first, second = kernels
    one = first.ask("one", expected_tip="")
    await first.gate.begun.wait()
    [asked] = await second.session.get_messages()
    with pytest.raises(SessionMovedError) as caught:
        await second.session.send_message("two", expected_tip="")
    assert (caught.value.expected, caught.value.found) == (None, asked.id)
    first.gate.opened.set()
    await one


async def test_what_is_no_such_option_is_refused_at_once(session: BaseSession) -> None:
    """By its name."""
    with pytest.raises(SessionValueError, match="when_busy='later' is not allowed"):
        session.stream_message("x", when_busy="later")  # type: ignore[arg-type]
    with pytest.raises(SessionTypeError, match="expected_tip must be the id of a message"):
        session.stream_regenerate(expected_tip=5)  # type: ignore[arg-type]
    with pytest.raises(SessionValueError, match="when_busy"):
        await session.add_system_message("x", when_busy="later")  # type: ignore[arg-type]


async def test_an_append_can_be_conditional(session: BaseSession) -> None:
    """`append` takes ``expected_tip`` and ``once`` as a storage does."""
    [stored] = await session.append([question("a")], expected_tip="", once=True)
    with pytest.raises(SessionMovedError):
        await session.append([question("b")], expected_tip="")
    await session.append([question("b")], expected_tip=stored.id)


async def test_a_system_message_that_is_given_up_keeps_no_place(answering: TwoKernels) -> None:
    """Nobody waits for it after that."""
    first, second = answering
    adding = asyncio.ensure_future(second.session.add_system_message("be brief"))
    queued = asyncio.Event()
    queue = second.manager.storage.queue_lease

    async def tells(*arguments: Any) -> bool:
        is_free = await queue(*arguments)
        queued.set()
        return is_free

    second.manager.storage.queue_lease = tells  # type: ignore[method-assign, assignment]
    await queued.wait()
    adding.cancel()
    await asyncio.wait([adding])
    first.gate.opened.set()
    await first.session.send_message("two")
    await first.session.send_message("three", when_busy="raise")
    assert "be brief" not in await first.path()


async def test_who_waits_gets_its_turn_before_who_asks_again_and_again(kernels: TwoKernels) -> None:
    """A loop that sends without a pause does not keep others out: who has waited a little is the next."""
    first, second = kernels
    first.gate.opened.set()
    looping = True

    async def loop() -> None:
        while looping:
            await first.session.send_message("loop")

    running = asyncio.create_task(loop())
    await first.gate.begun.wait()
    asked = [await second.session.send_message(f"{n}") for n in range(3)]
    looping = False
    await running
    assert [reply.content for reply in asked] == ["re 0", "re 1", "re 2"]
    path = await first.path()
    assert path[1::2] == [f"re {text}" for text in path[::2]]
