"""A plan shows exactly what a send would do and changes nothing; a send that did not happen leaves no trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    ContextLengthError,
    ISession,
    ISessionMiddleware,
    MessageRole,
    SessionError,
    SessionManager,
    SessionMessage,
    SessionNotFoundError,
    SessionValueError,
)
from langswarm_nb.core.session.conversation.asks import CellAsk, CellRun, KernelMemory
from langswarm_nb.core.session.providers.mock import MockProviderSession

Script = Callable[..., MockProviderSession]


@pytest.fixture
async def talk(manager: SessionManager, script: Script) -> BaseSession:
    """A session with all that decides what is sent: system texts, hidden, failed, beside, on another branch."""
    script(*[lambda request: f"re {request.messages[-1].content}"] * 20)
    session = await manager.create_session("ada", "mock", "echo", system="came")
    await session.send_message("a", system="own", **cell("a"))
    await session.send_message("b", **cell("b"))
    await session.send_message("hidden")
    await session.hide((await session.get_messages())[-1].id)
    await session.send_message("c")
    await session.add_system_message("waits")
    await session.send_message("aside", history=False)
    tip = session.record.tip_seq
    await session.fork(0, "try")
    await session.hide((await session.get_messages())[2].id)
    await session.send_message("t")
    await session.set_tip(tip, branch="main")
    return session


def cell(cell_id: str, **how: Any) -> dict[str, Any]:
    """Return the options with which a kernel that has asked nothing before asks from a cell."""
    return {
        "cell_id": cell_id,
        "asked": CellAsk(CellRun(cell_id, f"run of {cell_id}"), KernelMemory(), **how),
    }


async def everything(session: BaseSession) -> tuple[object, ...]:
    """Return all that is stored of a session."""
    messages = await session.get_messages(branch="all")
    record = await session.refresh()
    return await session.storage.read_tree(session.session_id), messages, record


SENDS: dict[str, dict[str, Any] | Callable[[], dict[str, Any]]] = {
    "plain": {},
    "with system text": {"system": "other"},
    "without system text": {"system": ""},
    "aside": {"history": False},
    "aside with system text": {"history": False, "system": "other"},
    "compared": {"activate": False},
    "elsewhere": {"parent": 3},
    "at the root": {"parent": None},
    "trimmed": {"max_messages": 3},
    "trimmed by tokens": {"max_context_tokens": 30},
    "a cell again": lambda: cell("b"),
    "a cell appended": lambda: cell("b", rerun="append"),
    "a cell on another branch": lambda: cell("x", branch="try"),
    "a cell on a new branch": lambda: cell("x", branch="new", after=4, forks=True),
    "of another model": {"model": "mock:other"},
}


@pytest.mark.parametrize("how", SENDS)
async def test_a_plan_is_what_is_sent(talk: BaseSession, script: Script, how: str) -> None:
    """Messages, place and notes of the plan are those of the send; nothing is changed in between."""
    mock = script("answer")
    before, options = await everything(talk), SENDS[how]
    if callable(options):
        options = options()
    plan = await talk.plan_message("?", **options)
    assert await everything(talk) == before
    assert len(mock.requests) == 0
    stream = talk.stream_message("?", **options)
    await stream.read()
    sent = mock.requests[0].messages
    assert [(m.role, m.content) for m in plan.messages] == [(m.role, m.content) for m in sent]
    assert plan.place == stream.place
    assert plan.notes == stream.notes
    assert (plan.settings.provider, plan.settings.model) == (stream.provider, stream.model)


async def test_a_plan_of_a_version_is_what_is_sent(talk: BaseSession, script: Script) -> None:
    """Of a message that is named by its id."""
    mock = script("answer")
    edited = (await talk.get_messages())[4]
    plan = await talk.plan_message("B", version_of=edited.id)
    await talk.send_message("B", version_of=edited.id)
    assert (
        [m.content for m in plan.messages]
        == [m.content for m in mock.requests[0].messages]
        == ["own", "a", "re a", "B"]
    )
    assert plan.notes == ("2 later turns stay with 1.1",)


async def test_a_plan_of_a_conversation_that_the_provider_holds_knows_no_limits(
    manager: SessionManager, script: Script
) -> None:
    """The provider has what it has."""
    mock = script("r1", "r2", "r3")
    session = await manager.create_session("ada", "mock", "echo", "provider_native", max_messages=1)
    for text in ("q1", "q2"):
        await session.send_message(text)
    plan = await session.plan_message("q3")
    await session.send_message("q3")
    assert [m.content for m in plan.messages] == [m.content for m in mock.requests[-1].messages]
    assert len(plan.messages) == 5


async def test_the_next_run_is_what_it_would_have_been_without_a_plan(
    talk: BaseSession, script: Script
) -> None:
    """Numbers and re-run state as well."""
    script("answer", "again")
    asked = cell("b")
    for _ in range(3):
        await talk.plan_message("B", **asked)
    assert (await talk.send_message("B", **asked)).address == "1.2"


class Refuses(ISessionMiddleware):
    async def process_incoming_message(self, session: ISession, message: SessionMessage) -> SessionMessage:
        return message

    async def process_outgoing_message(self, session: ISession, message: SessionMessage) -> SessionMessage:
        raise ValueError("no")


REFUSED: dict[str, tuple[dict[str, Any], type[BaseException]]] = {
    "a limit": ({"max_messages": 1, "trim": "error"}, ContextLengthError),
    "a longer text than all limits": ({"max_context_tokens": 1}, ContextLengthError),
    "an unknown provider": ({"provider": "nowhere"}, SessionValueError),
    "a typo": ({"temprature": 1}, SessionValueError),
    "a wrong value": ({"temperature": "hot"}, SessionError),
    "a version of nothing": ({"version_of": "nope"}, SessionNotFoundError),
    "a middleware": ({}, SessionError),
}


@pytest.mark.parametrize("why", REFUSED)
@pytest.mark.parametrize(
    "aside", [{}, {"history": False}, {"activate": False}], ids=["", "aside", "compared"]
)
async def test_a_send_that_was_refused_leaves_no_trace(
    talk: BaseSession, script: Script, why: str, aside: dict[str, Any]
) -> None:
    """In session, system text, numbering or re-run state: the next send is what it would have been."""
    mock = script("answer")
    options, error = REFUSED[why]
    if why == "a middleware":
        talk.add_middleware(Refuses())
    if why == "a limit" and "history" in aside:
        options = {"max_context_tokens": 1, "trim": "error"}  # an aside is one message
    before, asked = await everything(talk), cell("b")
    with pytest.raises(error):
        await talk.send_message("B", system="refused", **asked, **options, **aside)
    assert await everything(talk) == before
    talk._middleware.clear()
    assert (await talk.send_message("B", **asked)).address == "1.2"
    assert [m.content for m in mock.requests[0].messages if m.role is MessageRole.SYSTEM] == ["own"]
