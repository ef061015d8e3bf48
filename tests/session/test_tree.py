"""Branches, versions and the active path of a session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from langswarm_nb.core.session import BaseSession, ProviderRequest, SessionNotFoundError, SessionValueError

Script = Callable[..., Any]


@pytest.fixture
async def talk(session: BaseSession, script: Script) -> BaseSession:
    """A session of three turns; the mock answers each question ``x`` with ``re x``."""
    script(*[lambda request: f"re {request.messages[-1].content}"] * 20)
    for text in ("a", "b", "c"):
        await session.send_message(text)
    return session


async def path(session: BaseSession) -> list[str]:
    return [message.content for message in await session.get_messages()]


async def test_a_new_version_of_a_question_takes_over_the_path(talk: BaseSession) -> None:
    """Editing keeps the old question with its answer, as version 1, off the path."""
    old = (await talk.get_messages())[2]
    reply = await talk.send_message("B", version_of=old.id)
    assert await path(talk) == ["a", "re a", "B", "re B"]
    assert reply.turn == 1
    first, second = await talk.versions(old.id)
    assert (first.content, first.version, first.is_active) == ("b", 1, False)
    assert (second.content, second.version, second.is_active) == ("B", 2, True)


async def test_an_old_version_can_be_taken_up_again(talk: BaseSession) -> None:
    """`use_version` brings back the whole path below it."""
    old = (await talk.get_messages())[2]
    await talk.send_message("B", version_of=old.id)
    await talk.use_version(old.id)
    assert await path(talk) == ["a", "re a", "b", "re b", "c", "re c"]


async def test_a_new_version_of_the_first_message_is_a_new_root(talk: BaseSession) -> None:
    """Even the first question can be asked anew."""
    first = (await talk.get_messages())[0]
    await talk.send_message("A", version_of=first.id)
    assert await path(talk) == ["A", "re A"]
    assert [m.version for m in await talk.versions(first.id)] == [1, 2]


async def test_regenerating_makes_a_version_of_the_reply(talk: BaseSession) -> None:
    """The question stays one message; the newest reply is on the path; the model may be another."""
    reply = await talk.regenerate(model="mock:slow-cousin")
    assert reply.request is not None
    assert reply.request.request_model == "slow-cousin"
    assert reply.version == 2
    assert await path(talk) == ["a", "re a", "b", "re b", "c", "re c"]
    assert len(await talk.get_messages(branch="all")) == 7
    assert [m.version for m in await talk.versions(reply.id)] == [1, 2]


async def test_an_earlier_question_can_be_answered_again(talk: BaseSession, script: Script) -> None:
    """The path then ends with the new reply; only what came before it was sent."""
    mock = script("anew")
    middle = (await talk.get_messages())[3]
    await talk.regenerate(middle.id)
    assert [m.content for m in mock.requests[-1].messages] == ["a", "re a", "b"]
    assert await path(talk) == ["a", "re a", "b", "anew"]


async def test_a_fork_goes_on_under_its_own_name(talk: BaseSession) -> None:
    """The branch it leaves keeps its tip and can be taken up again."""
    name = await talk.fork(0, "other")
    assert name == "other"
    await talk.send_message("x")
    assert await path(talk) == ["a", "re a", "x", "re x"]
    assert talk.record.branch == "other"
    await talk.switch_branch("main")
    assert await path(talk) == ["a", "re a", "b", "re b", "c", "re c"]
    await talk.switch_branch("other")
    assert await path(talk) == ["a", "re a", "x", "re x"]
    assert set(await talk.branches()) == {"main", "other"}


async def test_forks_find_free_names(talk: BaseSession) -> None:
    """Without a name the next free one is taken; a name that is taken is refused."""
    assert await talk.fork() == "branch-2"
    assert await talk.fork() == "branch-3"
    with pytest.raises(SessionValueError, match=r"name='main' is not allowed"):
        await talk.fork(name="main")
    with pytest.raises(SessionNotFoundError, match=r"No turn 9 on the current path: its turns are 0, 1, 2\."):
        await talk.fork(9)
    with pytest.raises(SessionValueError, match="'branch-2'"):
        await talk.switch_branch("nowhere")


async def test_undo_moves_the_tip_and_deletes_nothing(talk: BaseSession) -> None:
    """Whole turns go and can be gone back to; what follows is a turn of its own."""
    assert await talk.undo(2) == 2
    assert await path(talk) == ["a", "re a"]
    reply = await talk.send_message("b2")
    assert reply.address == "3.1"
    assert len(await talk.get_messages(branch="all")) == 8
    assert await talk.undo(9) == 2
    assert await path(talk) == []
    assert await talk.undo() == 0


async def test_clearing_empties_the_path_only(talk: BaseSession) -> None:
    """Messages stay stored; the conversation begins anew."""
    assert await talk.clear_messages() is True
    assert await path(talk) == []
    assert await talk.clear_messages() is False
    assert len(await talk.get_messages(branch="all")) == 6
    await talk.send_message("fresh")
    assert await path(talk) == ["fresh", "re fresh"]


async def test_a_side_branch_leaves_the_path_alone(talk: BaseSession, script: Script) -> None:
    """`activate=False` compares: the history up to there is sent, the path stays."""
    mock = script("aside")
    tip = (await talk.get_messages())[-1]
    reply = await talk.send_message("d", activate=False, parent=tip.seq, compare_id="cmp")
    assert reply.content == "aside"
    assert reply.request is not None
    assert reply.request.compare_id == "cmp"
    assert [m.content for m in mock.requests[-1].messages][-2:] == ["re c", "d"]
    assert len(await path(talk)) == 6


async def test_a_message_that_is_not_there_is_said_so(talk: BaseSession) -> None:
    """Unknown ids raise what can be caught as a LookupError."""
    with pytest.raises(SessionNotFoundError, match="No message 'nope'"):
        await talk.versions("nope")
    with pytest.raises(LookupError):
        await talk.send_message("x", version_of="nope")
    assert await talk.get_message("nope") is None
    assert len(await path(talk)) == 6


async def test_filters_of_get_messages(talk: BaseSession) -> None:
    """The last ones of those that fit, in order."""
    messages = await talk.get_messages()
    assert [m.content for m in await talk.get_messages(2)] == ["c", "re c"]
    assert [m.content for m in await talk.get_messages(2, "user")] == ["b", "c"]
    assert await talk.get_messages(since=messages[4].timestamp) == messages[4:]


async def test_the_request_is_the_path_of_the_version(talk: BaseSession, script: Script) -> None:
    """A version in the middle sends what precedes it, nothing after."""
    seen: list[ProviderRequest] = []

    def reply(request: ProviderRequest) -> str:
        seen.append(request)
        return "ok"

    script(reply)
    second = (await talk.get_messages())[2]
    await talk.send_message("edited", version_of=second.id)
    assert [m.content for m in seen[0].messages] == ["a", "re a", "edited"]
