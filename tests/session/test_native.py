"""Conversations that a provider holds, kept in step with ours."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    ProviderRateLimitError,
    SessionManager,
    SessionValueError,
    StreamInterruptedError,
)
from langswarm_nb.core.session.providers.mock import MockProviderSession

Script = Callable[..., MockProviderSession]


@pytest.fixture
async def native(manager: SessionManager) -> BaseSession:
    return await manager.create_session("ada", "mock", "echo", "provider_native")


def new_texts(mock: MockProviderSession) -> list[str]:
    request = mock.requests[-1]
    return [message.content for message in request.messages[request.new_from :]]


async def test_only_what_is_new_is_sent(native: BaseSession, script: Script) -> None:
    """The first request starts a conversation; the next ones add to it; all is mirrored here."""
    mock = script("r1", "r2", "r3")
    await native.send_message("q1")
    assert mock.requests[-1].native_id is None
    await native.send_message("q2")
    second = mock.requests[-1]
    assert (second.native_id, new_texts(mock)) == ("mock_conv_1", ["q2"])
    await native.add_system_message("be brief")
    await native.send_message("q3")
    assert new_texts(mock) == ["be brief", "q3"]
    assert [m.content for m in await native.get_messages()] == [
        "q1",
        "r1",
        "q2",
        "r2",
        "be brief",
        "q3",
        "r3",
    ]
    assert [m.content for m in mock.conversations["mock_conv_1"]][-2:] == ["q3", "r3"]


async def test_a_branch_gets_a_conversation_of_its_own(native: BaseSession, script: Script) -> None:
    """What the provider holds of the branch left behind is never continued on the new one."""
    mock = script("r1", "r2", "r3")
    await native.send_message("q1")
    await native.send_message("q2")
    await native.undo()
    await native.send_message("Q2")
    assert mock.requests[-1].native_id is None
    assert [m.content for m in mock.conversations["mock_conv_3"]] == ["q1", "r1", "Q2", "r3"]


@pytest.mark.parametrize("beside", [{"history": False}, {"activate": False}])
@pytest.mark.parametrize("end", ["whole", "cut", "stopped"])
async def test_what_is_asked_beside_leaves_the_conversation_alone(
    native: BaseSession, script: Script, beside: Any, end: str
) -> None:
    """A send that the conversation is not used for ends as it may: the next one goes on where it was."""
    cut = StreamInterruptedError("cut", maybe_processed=True)
    mock = script("r1", ["as", "ide", cut] if end == "cut" else ["as", "ide"], "r3")
    await native.send_message("q1")
    aside = native.stream_message("aside", **beside)
    await anext(aside)
    if end == "stopped":
        await aside.aclose()
    elif end == "cut":
        with pytest.raises(StreamInterruptedError):
            await aside.read()
    else:
        await aside.read()
    await native.send_message("q3")
    assert (mock.requests[-1].native_id, new_texts(mock)) == ("mock_conv_1", ["q3"])
    assert native.record.native["left"] == []


async def test_a_cut_reply_starts_a_new_conversation(native: BaseSession, script: Script) -> None:
    """After an ambiguous failure the provider may hold the question; ours is rebuilt, so it is there once."""
    mock = script("r1", ["half", StreamInterruptedError("cut", maybe_processed=True)], "r3")
    await native.send_message("q1")
    with pytest.raises(StreamInterruptedError):
        await native.send_message("q2")
    await native.send_message("q3")
    assert mock.requests[-1].native_id is None
    assert [m.content for m in mock.conversations["mock_conv_3"]] == ["q1", "r1", "q2", "half", "q3", "r3"]


async def test_a_clean_refusal_keeps_the_conversation(native: BaseSession, script: Script) -> None:
    """A 429 was not processed: the next request goes on in the same conversation, without the failed question."""
    mock = script("r1", ProviderRateLimitError("slow down", status=429), "r3")
    await native.send_message("q1")
    with pytest.raises(ProviderRateLimitError):
        await native.send_message("q2")
    await native.send_message("q3")
    assert (mock.requests[-1].native_id, new_texts(mock)) == ("mock_conv_1", ["q3"])


async def test_a_conversation_that_holds_what_is_not_sent_any_more_is_left(
    native: BaseSession, script: Script
) -> None:
    """A hidden turn and a system text that was replaced are in it: a new one begins, with what is sent now."""
    mock = script("r1", "r2", "r3", "r4", "r5")
    await native.send_message("q1", system="be brief")
    await native.send_message("q2")
    await native.hide((await native.get_messages())[1].id)
    await native.send_message("q3")
    assert (mock.requests[-1].native_id, new_texts(mock)) == (None, ["q2", "r2", "q3"])
    await native.send_message("q4", system="be kind")
    assert (mock.requests[-1].native_id, new_texts(mock)[-2:]) == ("mock_conv_3", ["be kind", "q4"])
    await native.send_message("q5", system="")
    assert mock.requests[-1].native_id is None
    assert new_texts(mock) == ["q2", "r2", "q3", "r3", "q4", "r4", "q5"]


async def test_a_conversation_is_found_again_after_a_restart(
    manager: SessionManager, native: BaseSession, script: Script
) -> None:
    """What the provider holds is part of the record."""
    mock = script("r1", "r2")
    await native.send_message("q1")
    record = await manager.storage.load_session(native.session_id)
    assert record.native["id"] == "mock_conv_1"
    again = await manager.get_session(native.session_id)
    assert again is not None
    await again.send_message("q2")
    assert mock.requests[-1].native_id == "mock_conv_1"


async def test_a_provider_that_ignores_the_conversation_gets_the_history(
    native: BaseSession, script: Script
) -> None:
    """Without a confirmed id nothing is taken for held: the whole path is sent each time."""
    mock = script("r1", "r2")
    mock.supports_native = True
    mock._conversation = lambda request: (None, request.messages)  # type: ignore[method-assign]
    await native.send_message("q1")
    await native.send_message("q2")
    assert new_texts(mock) == ["q1", "r1", "q2"]
    assert mock.requests[-1].native_id is None


async def test_deleting_a_session_deletes_its_conversations(native: BaseSession, script: Script) -> None:
    """Those left behind by branches too."""
    mock = script("r1", "r2")
    await native.send_message("q1")
    await native.undo()
    await native.send_message("Q1")
    assert len(mock.conversations) == 2
    assert await native.delete() is True
    assert mock.conversations == {}


async def test_what_a_provider_keeps_is_said(
    native: BaseSession, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    """A conversation that could not be deleted is named."""
    mock = script("r1")
    await native.send_message("q1")
    mock.conversations.clear()
    with caplog.at_level(logging.WARNING, "langswarm_nb"):
        assert await native.delete() is True
    assert "mock_conv_1" in caplog.text


async def test_a_provider_that_holds_nothing_is_refused(manager: SessionManager) -> None:
    """`backend="provider_native"` with a stateless service is an error before anything is stored."""

    class Stateless(MockProviderSession):
        supports_native = False

    manager.add_provider_session("mock", Stateless())
    with pytest.raises(SessionValueError, match="keeps no conversations"):
        await manager.create_session("ada", "mock", "echo", "provider_native")
    assert await manager.list_user_sessions("ada") == []
