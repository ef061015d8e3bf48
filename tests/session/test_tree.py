"""Branches, versions and the active path of a session."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    ProviderRequest,
    ProviderServerError,
    SessionManager,
    SessionNotFoundError,
    SessionValueError,
)

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
    """Messages stay stored; the conversation starts over."""
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


async def test_using_an_old_version_tells_what_comes_back(talk: BaseSession) -> None:
    """The turns that stood behind it; a version that is on the path stays where it is."""
    await talk.send_message("B", version_of=(await talk.get_messages())[2].id)
    assert await talk.use(1, 1) == "1 later turn comes back"
    assert await path(talk) == ["a", "re a", "b", "re b", "c", "re c"]
    assert await talk.use(1, 1) == "1.1 is already current"
    assert await talk.use(1) == ""
    assert await path(talk) == ["a", "re a", "B", "re B"]
    with pytest.raises(SessionNotFoundError, match="Turn 1 has no version 3"):
        await talk.use(1, 3)


async def test_use_looks_at_the_store_and_not_at_what_was_read_before(
    manager: SessionManager, talk: BaseSession
) -> None:
    """Another kernel may have moved the tip meanwhile."""
    stale = talk.record
    await talk.send_message("B", version_of=(await talk.get_messages())[2].id)
    talk.record = stale
    await talk.use(1, 1)
    assert await path(talk) == ["a", "re a", "b", "re b", "c", "re c"]
    assert (await manager.storage.load_session(talk.session_id)).tip_seq == 5


async def test_a_version_on_another_branch_is_used_there(talk: BaseSession) -> None:
    """It says so; nothing moves between branches."""
    await talk.fork(0, "try")
    await talk.send_message("t")
    await talk.switch_branch("main")
    assert await talk.use(3) == "switched to branch try"
    assert (talk.record.branch, await path(talk)) == ("try", ["a", "re a", "t", "re t"])


async def test_an_aside_is_adopted_by_its_name(talk: BaseSession) -> None:
    """`use` takes it onto the path, after the turn where it was asked."""
    aside = await talk.send_message("n", history=False)
    assert (aside.is_aside, aside.address) == (True, "3.1")
    assert await talk.use_version(aside.id) == "aside, adopted after 2.1"
    assert (await path(talk))[-2:] == ["n", "re n"]
    assert not (await talk.get_messages())[-1].is_aside


async def test_answers_of_a_comparison_are_versions_of_one_turn(talk: BaseSession, script: Script) -> None:
    """In the order of the models, failed ones included; `use` goes on with one of them."""
    script("one", ProviderServerError("no", provider="mock"), "three")
    streams = await talk.stream_comparison("k", ["mock:a", "mock:b", "mock:c"])
    for stream in streams:
        with suppress(ProviderServerError):
            await stream.read()
    replies = [stream.reply for stream in streams if stream.reply is not None]
    assert [(reply.address, reply.content) for reply in replies] == [
        ("3.1", "one"),
        ("3.2", ""),
        ("3.3", "three"),
    ]
    assert len(await path(talk)) == 6
    assert await talk.use(3, 3) == "goes on from 3.3"
    assert (await path(talk))[-2:] == ["k", "three"]


async def test_what_stands_behind_an_answer_stays_with_it(talk: BaseSession) -> None:
    """A question that is answered again, and one that is edited, tell how many turns stay."""
    question, first = (await talk.get_messages())[:2]
    stream = talk.stream_regenerate(first.id)
    again = await stream.read()
    assert (stream.notes, again.address) == (("2 later turns stay with 0.1",), "0.2")
    await talk.use(0, 1)
    edited = talk.stream_message("A", version_of=question.id)
    await edited.read()
    assert edited.notes == ("2 later turns stay with 0.1",)


@pytest.mark.parametrize("meanwhile", ["undo", "switch", "use", "clear"])
async def test_an_answer_goes_under_its_question_whatever_happens_meanwhile(
    talk: BaseSession, meanwhile: str
) -> None:
    """The path stays where it went, and the view says where the answer is; gone back to, it is there."""
    stream = talk.stream_message("d", model="mock:slow")
    await anext(stream)
    if meanwhile == "switch":
        await talk.fork(0, "try")
    elif meanwhile == "use":
        await talk.use(0)
        await talk.set_tip(3)
    elif meanwhile == "undo":
        await talk.undo()
    else:
        await talk.clear_messages()
    before = await path(talk)
    await stream.aclose()
    reply = stream.reply
    assert reply is not None
    assert (reply.address, reply.parent_seq, reply.is_active) == ("3.1", 6, False)
    assert stream.notes == ("the answer is at 3.1, the path has moved on",)
    assert await path(talk) == before
    told = "switched to branch main" if meanwhile == "switch" else ""
    assert await talk.use(3) == told
    assert (await path(talk))[-2:] == ["d", reply.content]


async def test_undo_takes_the_system_text_of_a_turn_along(talk: BaseSession, script: Script) -> None:
    """What was given with it, and what waited for it; the system text before is in force again."""
    mock = script("1", "2", "3")
    await talk.send_message("d", system="brief")
    await talk.add_system_message("and kind")
    await talk.send_message("e")
    assert [m.content for m in mock.requests[-1].messages if m.role == "system"] == ["brief", "and kind"]
    await talk.undo()
    await talk.send_message("f")
    assert [m.content for m in mock.requests[-1].messages if m.role == "system"] == ["brief"]


async def test_a_restart_keeps_what_came_with_the_session(manager: SessionManager, script: Script) -> None:
    """The tip is before the first turn; the former run can be gone back to."""
    mock = script("1", "2", "3")
    session = await manager.create_session("ada", "mock", "echo", system="came")
    for text in ("a", "b"):
        await session.send_message(text, system="own")
    await session.restart()
    assert await path(session) == ["came"]
    await session.send_message("c")
    assert [m.content for m in mock.requests[-1].messages] == ["came", "c"]
    assert await session.use(0) == "1 later turn comes back"


async def test_a_fork_begins_after_any_version(talk: BaseSession) -> None:
    """By its address; after a turn by its number, after a message by its id."""
    messages = await talk.get_messages()
    await talk.send_message("B", version_of=messages[2].id)
    await talk.fork("1.1", "x")
    assert await path(talk) == ["a", "re a", "b", "re b"]
    await talk.fork(messages[0].id, "y")
    assert await path(talk) == ["a"]


async def test_hiding_holds_on_its_branch(talk: BaseSession, script: Script) -> None:
    """A fork begins with what is hidden; what is hidden there, and shown again, is so there alone."""
    mock = script("1", "2", "3")
    first = (await talk.get_messages())[0]
    await talk.hide(first.id)
    await talk.fork(None, "try")
    await talk.hide((await talk.get_messages())[2].id)
    await talk.hide(first.id, hidden=False)
    await talk.send_message("t")
    assert [m.content for m in mock.requests[-1].messages] == ["a", "re a", "c", "re c", "t"]
    await talk.switch_branch("main")
    await talk.send_message("d")
    assert [m.content for m in mock.requests[-1].messages] == ["b", "re b", "c", "re c", "d"]


async def test_what_belongs_to_no_turn_cannot_be_hidden(talk: BaseSession) -> None:
    """A system message before the first question, for one."""
    await talk.clear_messages()
    system = await talk.add_system_message("be brief")
    with pytest.raises(SessionNotFoundError, match="belongs to no turn"):
        await talk.hide(system.id)
