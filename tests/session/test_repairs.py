"""Answers that do not fit their schema are asked for once more: what is sent, stored, told, and freed at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langswarm_nb.core.session import (
    BaseSession,
    Delta,
    Finish,
    FinishReason,
    ISession,
    ISessionLifecycleHook,
    MessageRole,
    MetricsHook,
    ProviderServerError,
    RetryNotice,
    SessionError,
    SessionLeasedError,
    SessionManager,
    SessionMessage,
    SessionStorageError,
    Usage,
    create_session_manager,
)
from langswarm_nb.core.session.answers.schema_errors import AnswerError, AnswerInvalidError
from langswarm_nb.core.session.provider_events import Intake
from langswarm_nb.core.session.providers.mock import MockProviderSession
from langswarm_nb.core.session.sending import lease
from tests.support.storages import texts
from tests.support.two_kernels import Kernel
from tests.support.values import Asked

Script = Callable[..., MockProviderSession]

ASKED = "n int"
GOOD = '{"n": 1}'


@pytest.fixture
def script(manager: SessionManager) -> Script:
    """Let the provider ``mock``, whose models are asked in words, answer as told from now on."""

    def use(*replies: Any) -> Asked:
        mock = Asked(replies=replies)
        manager.add_provider_session("mock", mock)
        return mock

    return use


async def stored(session: BaseSession) -> list[tuple[str, str, bool, bool]]:
    """Return address, text, whether on the path, and whether hidden, of all messages."""
    found = await session.get_messages(branch="all")
    return [(m.address, m.content, m.is_active, m.is_hidden) for m in found]


async def test_an_answer_that_does_not_fit_is_asked_for_once_more(
    session: BaseSession, script: Script
) -> None:
    """With what came and what is wrong with it; the stream says when a new attempt begins."""
    mock = script('{"n": "one"}', GOOD)
    stream = session.stream_message("How many?", schema=ASKED)
    shown: dict[int, str] = {}
    async for delta in stream:
        shown[stream.attempt] = shown.get(stream.attempt, "") + delta.text
    assert shown == {1: '{"n": "one"}', 2: GOOD}
    assert (stream.value, stream.attempt) == ({"n": 1}, 2)
    first, second = mock.requests
    assert second.messages[:-2] == (second.messages[0], first.messages[-1])
    bad, why = second.messages[-2:]
    assert (bad.role, bad.content, why.role) == (MessageRole.ASSISTANT, '{"n": "one"}', MessageRole.USER)
    assert "$.n" in why.content
    assert (second.schema, second.options) == (first.schema, first.options)
    assert second.idempotency_key != first.idempotency_key


async def test_each_attempt_is_an_answer_of_its_own(session: BaseSession, script: Script) -> None:
    """Stored with what it cost, hidden and beside the path; what is sent later knows the last alone."""
    mock = script(
        ["no", Usage(input_tokens=10, output_tokens=1)],
        ["never", Usage(input_tokens=20, output_tokens=2)],
        [GOOD, Usage(input_tokens=30, output_tokens=3)],
        "Bye.",
    )
    stream = session.stream_message("How many?", schema=ASKED, repair=2)
    reply = await stream.read()
    assert await stored(session) == [
        ("0.1", "How many?", True, False),
        ("0.1", "no", False, True),
        ("0.2", "never", False, True),
        ("0.3", GOOD, True, False),
    ]
    every = (await session.get_messages(branch="all"))[1:]
    assert [m.id for m in stream.attempts] == [m.id for m in every[:2]]
    assert every[2] == reply
    facts = [m.request for m in every if m.request is not None]
    assert [
        (f.usage.input_tokens, f.usage.output_tokens, f.status, f.error_type, f.attempts) for f in facts
    ] == [
        (10, 1, "error", "AnswerInvalidError", 1),
        (20, 2, "error", "AnswerInvalidError", 1),
        (30, 3, "ok", None, 1),
    ]
    assert [f.details.get("schema_attempt") for f in facts] == [None, 2, 3]
    assert len({f.schema_hash for f in facts}) == 1
    assert session.metrics.total_tokens == 6
    await session.send_message("Bye", schema=None)
    assert texts(mock.requests[-1].messages) == f"How many? {GOOD} Bye"
    tree = await session.tree()
    assert [turn.address for turn in tree.turns] == ["0.3", "1.1"]


async def test_the_last_attempt_is_the_answer_though_it_does_not_fit(
    session: BaseSession, script: Script
) -> None:
    """It is on the path, marked as failed, and is what the error carries; the conversation goes on."""
    script("no", "never", "Fine.")
    stream = session.stream_message("How many?", schema=ASKED)
    with pytest.raises(AnswerInvalidError) as caught:
        await stream.read()
    assert await stored(session) == [
        ("0.1", "How many?", True, False),
        ("0.1", "no", False, True),
        ("0.2", "never", True, False),
    ]
    error = caught.value
    assert (error.text, error.reply, error.question) == ("never", stream.reply, stream.question)
    assert error.problems == error.errors != ()
    assert "mock:echo" in str(error)
    assert (stream.value, stream.attempt) == (None, 2)
    assert (await session.send_message("Never mind")).content == "Fine."


@pytest.mark.parametrize(
    "route, repair, attempts",
    [("strict", None, 1), ("strict", 2, 3), ("tool", None, 2), ("prompt", 0, 1)],
)
async def test_how_often_it_is_asked_for(
    manager: SessionManager, session: BaseSession, route: Any, repair: int | None, attempts: int
) -> None:
    """Once more, unless the service itself holds its model to the schema, or it is said otherwise."""
    mock = Asked(Intake(routes=(route,)), replies=["no"] * 5)
    manager.add_provider_session("mock", mock)
    with pytest.raises(AnswerInvalidError):
        await session.send_message("How many?", schema=ASKED, repair=repair)
    assert len(mock.requests) == attempts


async def test_attempts_share_the_time_limit(session: BaseSession, script: Script) -> None:
    """It is the limit of the whole call, not of one request."""
    mock = script("no", GOOD)
    await session.send_message("How many?", schema=ASKED, timeout_s=500)
    first, second = mock.requests
    assert (second.started, second.timeout_s) == (first.started, 500)


async def test_a_service_that_fails_in_a_later_attempt(session: BaseSession, script: Script) -> None:
    """The error is the service's; both answers are kept, what had arrived of the second too."""
    script("no", ["half ", ProviderServerError("It fell.", provider="mock")])
    with pytest.raises(ProviderServerError) as caught:
        await session.send_message("How many?", schema=ASKED, retries=0)
    assert [row[1:] for row in await stored(session)] == [
        ("How many?", True, False),
        ("no", False, True),
        ("half ", True, False),
    ]
    assert caught.value.question is not None


async def test_hooks_hear_of_every_answer_once_the_turn_is_over(session: BaseSession, script: Script) -> None:
    """In their order, when the next send may begin; of an error once, at the end; metrics count all tokens."""
    heard: list[str] = []
    metrics = MetricsHook()

    class Ear(ISessionLifecycleHook):
        async def on_message_sent(self, session: ISession, message: SessionMessage) -> None:
            heard.append(f"sent {message.content}")

        async def on_message_received(self, session: ISession, message: SessionMessage) -> None:
            heard.append(f"received {message.content}")
            if message.content == "no":
                await session.send_message("From a hook", schema=None)

        async def on_error(self, session: ISession, error: Exception) -> None:
            heard.append(type(error).__name__)

        async def on_retry(self, session: ISession, notice: RetryNotice) -> None:
            heard.append("retry")

    session.add_hook(Ear())
    session.add_hook(metrics)
    script(
        ["no", Usage(output_tokens=1)],
        [GOOD, Usage(output_tokens=2)],
        ["a", Usage(output_tokens=4)],
        "b",
        "c",
    )
    await session.send_message("How many?", schema=ASKED)
    assert heard == ["sent How many?", "received no", "sent From a hook", "received a", f"received {GOOD}"]
    assert metrics.get_metrics()["messages_received"] == 3
    assert sum(event.value or 0 for event in metrics.events) == 7
    heard.clear()
    with pytest.raises(AnswerInvalidError):
        await session.send_message("Again?", schema=ASKED)
    assert heard == ["sent Again?", "received b", "AnswerInvalidError"]


# -- Beside the path, several at once, native ----------------------------------------------------------------------


async def test_a_comparison_asks_each_model_for_a_value(session: BaseSession, script: Script) -> None:
    """Attempts of one are no answers of the other; one of the values can be gone on with."""
    by_model: dict[str, list[str]] = {"a": ["no", GOOD], "b": ['{"n": 2}'], "c": ["no", "never"]}
    script(*[lambda request: by_model[request.model].pop(0)] * 5)
    streams = await session.stream_comparison("How many?", ["mock:a", "mock:b", "mock:c"], schema=ASKED)
    found = await asyncio.gather(*(stream.read() for stream in streams), return_exceptions=True)
    assert [getattr(each, "data", type(each)) for each in found] == [{"n": 1}, {"n": 2}, AnswerInvalidError]
    assert await session.get_messages() == []
    assert isinstance(found[0], SessionMessage)
    await session.use_version(found[0].id)
    assert [m.content for m in await session.get_messages()] == ["How many?", GOOD]
    assert not any(m.is_hidden for m in await session.get_messages())
    mock = script("Fine.")
    await session.send_message("And?")
    assert texts(mock.requests[-1].messages) == f"How many? {GOOD} And?"


async def test_an_aside_is_asked_for_a_value(session: BaseSession, script: Script) -> None:
    """The path stays as it is; adopted, it is the question with the answer that fits."""
    mock = script("Hello.", "no", GOOD, "Fine.")
    await session.send_message("Hi")
    reply = await session.send_message("How many?", schema=ASKED, history=False)
    assert reply.data == {"n": 1}
    assert (await stored(session))[2:] == [
        ("1.1", "How many?", False, False),
        ("1.1", "no", False, False),
        ("1.2", GOOD, False, False),
    ]
    await session.use_version(reply.id)
    await session.send_message("And?")
    assert texts(mock.requests[-1].messages) == f"Hi Hello. How many? {GOOD} And?"


async def test_what_a_provider_holds_never_goes_on_from_an_attempt(
    manager: SessionManager, script: Script
) -> None:
    """Nor from words on a schema: the next request begins its conversation anew, from the path."""
    session = await manager.create_session("ada", "mock", "echo", "provider_native")
    mock = script("Hello.", "no", GOOD, "Fine.", "Bye.")
    await session.send_message("Hi")
    await session.send_message("How many?", schema=ASKED)
    await session.send_message("And?")
    third = mock.requests[-1]
    assert (third.native, third.native_id) == (True, None)
    assert texts(third.messages) == f"Hi Hello. How many? {GOOD} And?"
    await session.send_message("Well?")
    fourth = mock.requests[-1]
    assert fourth.native_id is not None
    assert texts(mock.conversations[fourth.native_id]) == f"Hi Hello. How many? {GOOD} And? Fine. Well? Bye."
    assert await session.delete()
    assert mock.conversations == {}


async def test_words_on_a_schema_reach_who_holds_the_conversation(
    manager: SessionManager, script: Script
) -> None:
    """Also where its system text is known there already."""
    session = await manager.create_session("ada", "mock", "echo", "provider_native", system="Be brief.")
    mock = script("Hello.", GOOD, "Fine.")
    await session.send_message("Hi")
    await session.send_message("How many?", schema=ASKED)
    request = mock.requests[-1]
    assert (request.native_id, request.new_from) == (None, 0)
    assert request.messages[0].content.startswith("Be brief.\n\n")
    await session.send_message("And?")
    assert mock.requests[-1].messages[0].content == "Be brief."


async def test_a_value_by_the_strict_route_goes_on_in_what_the_provider_holds(
    manager: SessionManager,
) -> None:
    """No words were added, so it holds what the path holds."""
    mock = Asked(Intake(routes=("strict",)), replies=["Hello.", GOOD, "Fine."])
    manager.add_provider_session("mock", mock)
    session = await manager.create_session("ada", "mock", "echo", "provider_native")
    await session.send_message("Hi")
    await session.send_message("How many?", schema=ASKED)
    await session.send_message("And?")
    assert [request.native_id for request in mock.requests] == [None, "mock_conv_1", "mock_conv_1"]


# -- Others meanwhile ----------------------------------------------------------------------------------------------


async def test_the_lease_is_held_over_all_attempts(kernels: tuple[Kernel, Kernel]) -> None:
    """Whoever sends elsewhere meanwhile is refused, or waits for the last; then the session is free."""
    one, two = kernels
    here, refused = one.session, []

    async def asks_elsewhere() -> None:
        with suppress(SessionLeasedError):
            await two.session.send_message("Me!", when_busy="raise")
            return
        refused.append(True)

    class Asks(Asked):
        async def stream(self, request: Any) -> AsyncIterator[Any]:
            await asks_elsewhere()
            async for event in super().stream(request):
                await asks_elsewhere()
                yield event

    one.manager.add_provider_session("mock", Asks(replies=["no", "never", GOOD]))
    waiting = None
    stream = here.stream_message("How many?", schema=ASKED, repair=2)
    async for _ in stream:
        if waiting is None:
            waiting = two.ask("After you.")
            await two.waits.wait()
    assert waiting is not None
    assert (await waiting).content == "re After you."
    assert len(refused) > 6
    assert [m.content for m in await here.get_messages()] == [
        "How many?",
        GOOD,
        "After you.",
        "re After you.",
    ]


async def test_the_holder_of_the_lease_tells_that_it_is_alive(
    session: BaseSession, manager: SessionManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In each attempt it is the one that is on its way."""
    kept: list[str] = []
    told = asyncio.Event()

    async def keep(session_id: str, holder: str) -> None:
        kept.append(holder)
        told.set()

    class Slow(Asked):
        async def stream(self, request: Any) -> AsyncIterator[Any]:
            kept.clear()
            told.clear()
            await told.wait()
            assert set(kept) == {request.idempotency_key}
            async for event in super().stream(request):
                yield event

    monkeypatch.setattr(lease, "BEAT_S", 0.001)
    monkeypatch.setattr(session.storage, "keep_lease", keep)
    manager.add_provider_session("mock", Slow(replies=["no", GOOD]))
    assert (await session.send_message("How many?", schema=ASKED)).data == {"n": 1}


async def test_a_lease_that_was_lost_ends_the_asking(session: BaseSession, manager: SessionManager) -> None:
    """Another sends already: the answer is stored as it is, and no further attempt is made."""
    storage = manager.storage

    class Loses(Asked):
        async def stream(self, request: Any) -> AsyncIterator[Any]:
            async for event in super().stream(request):
                if isinstance(event, Finish):
                    await storage.leave_lease(session.key, request.idempotency_key or "")
                    await storage.append_messages(session.key, [], lease="another")
                yield event

    mock = Loses(replies=["no", GOOD])
    manager.add_provider_session("mock", mock)
    with pytest.raises(AnswerInvalidError):
        await session.send_message("How many?", schema=ASKED)
    assert len(mock.requests) == 1
    assert await stored(session) == [("0.1", "How many?", True, False), ("0.1", "no", True, False)]


# -- Ends of all kinds ---------------------------------------------------------------------------------------------


async def test_a_stop_at_any_moment_loses_nothing(session: BaseSession, script: Script) -> None:
    """Whichever piece of whichever attempt is the last one read."""
    for pieces in range(1, 8):
        mock = script("no way", "never ever", '{"n": 1 }', "Fine.")
        before = len(await session.get_messages(branch="all"))
        read = ""
        async with session.stream_message("How many?", schema=ASKED, repair=2) as stream:
            for _ in range(pieces):
                read += (await anext(stream)).text
        new = (await session.get_messages(branch="all"))[before:]
        assert "".join(m.content for m in new[1:]) == read
        assert [m.is_active for m in new] == [True, *[False] * (len(new) - 2), True]
        assert new[-1].request is not None
        assert new[-1].request.status == "stopped"
        mock = script("Fine.")
        await session.send_message("And?", schema=None, when_busy="raise")
        assert_sendable(mock)


async def test_a_cancel_between_two_attempts_loses_nothing(session: BaseSession, script: Script) -> None:
    """While the answer that does not fit is being stored: it is, and so is the end of the attempt that never came."""
    append = session.storage.append_messages
    task: list[asyncio.Task[SessionMessage]] = []

    async def cancels(*given: Any, **place: Any) -> Any:
        if place.get("lease") is not None and place.get("reply_to") is not None:
            task[0].cancel()
        return await append(*given, **place)

    session.storage.append_messages = cancels  # type: ignore[method-assign]
    mock = script("no", GOOD)
    task.append(asyncio.ensure_future(session.send_message("How many?", schema=ASKED)))
    with pytest.raises(asyncio.CancelledError):
        await task[0]
    assert [row[1:] for row in await stored(session)] == [
        ("How many?", True, False),
        ("no", False, True),
        ("", True, False),
    ]
    assert len(mock.requests) == 1
    mock = script("Fine.")
    await session.send_message("And?", when_busy="raise")
    assert texts(mock.requests[-1].messages) == "And?"


@pytest.mark.parametrize("broken", [1, 2])
async def test_an_attempt_that_cannot_be_stored_is_kept(
    session: BaseSession, script: Script, broken: int
) -> None:
    """The storage's error carries it; it is stored with whatever is stored next, as the answer."""
    append, tries = session.storage.append_messages, 0

    async def fails(*given: Any, **place: Any) -> Any:
        nonlocal tries
        if place.get("reply_to") is not None:
            tries += 1
            if tries == broken:
                raise SessionStorageError("The disk is full.")
        return await append(*given, **place)

    session.storage.append_messages = fails  # type: ignore[method-assign]
    mock = script("no", GOOD, "Fine.")
    with pytest.raises(SessionStorageError) as caught:
        await session.send_message("How many?", schema=ASKED)
    lost = ["no", GOOD][broken - 1]
    assert caught.value.reply is not None
    assert caught.value.reply.content == lost
    assert len(mock.requests) == broken
    assert [m.content for m in session.unstored_replies] == [lost]
    await session.send_message("And?", when_busy="raise")
    assert_sendable(mock)
    path = [m.content for m in await session.get_messages()]
    assert path == ["How many?", lost, "And?", [GOOD, "Fine."][broken - 1]]
    assert all(row[3] == (row[1] == "no" and broken == 2) for row in await stored(session))


def assert_sendable(mock: MockProviderSession) -> None:
    """Check that roles alternate in the last request, and that it ends with a question."""
    roles = [m.role for m in mock.requests[-1].messages if m.role is not MessageRole.SYSTEM]
    assert roles == [MessageRole.USER, MessageRole.ASSISTANT] * (len(roles) // 2) + [MessageRole.USER]


_REPLIES: dict[str, Any] = {
    "good": GOOD,
    "bad": "no",
    "empty": "",
    "cut": [Delta('{"n"'), Finish(FinishReason.LENGTH)],
    "refused": [Delta("No.", "refusal"), Finish(FinishReason.STOP)],
    "odd": [Delta(GOOD), Finish(FinishReason.ERROR, "odd")],
    "broken": [Delta('{"n'), ProviderServerError("It fell.", provider="mock")],
    "silent": [ProviderServerError("It fell.", provider="mock")],
}


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(sorted(_REPLIES)), min_size=4, max_size=4),
            st.integers(0, 3),
            st.sampled_from([{}, {"history": False}, {"activate": False}, {"message_id": "x"}]),
            st.integers(0, 6),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_whatever_comes_in_whatever_order(sends: list[Any]) -> None:
    """All that came is stored once, the last answer is the one that counts, and the session is free and sendable."""
    asyncio.run(_sends(sends))


async def _sends(sends: list[Any]) -> None:
    async with create_session_manager("memory") as manager:
        session = await manager.create_session("ada", "mock", "echo")
        for number, (kinds, repair, where, stop) in enumerate(sends):
            mock = Asked(replies=[_REPLIES[kind] for kind in kinds])
            manager.add_provider_session("mock", mock)
            place = {"message_id": str(number)} if "message_id" in where else where
            before = len(await session.get_messages(branch="all"))
            stream = session.stream_message("How many?", schema=ASKED, repair=repair, retries=0, **place)
            came, error = dict[int, str](), None
            try:
                async for delta in stream:
                    came[stream.attempt] = came.get(stream.attempt, "") + delta.text
                    if stop and len("".join(came.values())) > stop:
                        break
            except SessionError as caught:
                error = caught
            await stream.aclose()
            new = (await session.get_messages(branch="all"))[before + 1 :]
            n = len(mock.requests)
            assert len(new) == n <= repair + 1
            assert [m.content for m in new] == [came.get(at + 1, "") for at in range(n)]
            assert stream.reply == new[-1]
            assert all(kind in ("bad", "empty", "odd") for kind in kinds[: n - 1])
            assert [m.is_active for m in new] == [False] * (n - 1) + [place == {} or "message_id" in place]
            is_value = new[-1].data == {"n": 1}
            assert is_value == (stream.value == {"n": 1})
            assert is_value == (error is None and new[-1].request.status != "stopped")  # type: ignore[union-attr]
            if isinstance(error, AnswerError):
                assert (error.reply, error.text) == (new[-1], new[-1].content)
        last = MockProviderSession(replies=["Fine."])
        await session.send_message("And?", provider_session=last, when_busy="raise")
        assert_sendable(last)
