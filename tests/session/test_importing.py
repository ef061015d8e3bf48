"""What was exported, or said elsewhere, comes back into a session: by the library, without the analysis."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    MessageRole,
    MetricsHook,
    SessionError,
    SessionManager,
    SessionMessage,
    SessionStorageError,
    SessionTypeError,
    SessionValueError,
    create_session_manager,
)

Script = Callable[..., Any]


def facts(message: SessionMessage) -> Any:
    """Return what an import must bring back."""
    return (
        message.id, message.role, message.content, message.parts, message.timestamp, message.address,
        message.parent_seq, message.is_active, message.is_hidden, message.scope, message.beside, message.request,
    )  # fmt: skip


async def lively(session: BaseSession) -> BaseSession:
    """Return a session with branches, versions, an aside, a hidden turn and a failure."""
    await session.add_system_message("Be brief.")
    first = await session.send_message("one")
    await session.regenerate()
    await session.send_message("two")
    await session.fork(0, "other")
    await session.send_message("three", metadata={"a": [1]})
    await session.send_message("aside", history=False)
    await session.hide(first.id)
    with pytest.raises(SessionError):
        await session.send_message("fails", model="mock:error")
    await session.rename("A title")
    return session


@pytest.mark.parametrize("form", ["jsonl", "json"])
@pytest.mark.parametrize("how", ["path", "text"])
async def test_an_export_comes_back_whole(session: BaseSession, tmp_path: Path, form: Any, how: str) -> None:
    """In another store: messages with their numbers and facts, branches, what is hidden; owned by who imports it."""
    await lively(session)
    path = tmp_path / "export"
    text = await session.export(path, format=form)
    async with create_session_manager("memory") as other:
        other.add_global_hook(metrics := MetricsHook())
        given: dict[str, Any] = {"path": path} if how == "path" else {"text": text}
        found = await other.import_session("eve", **given)
        assert (found.session_id, found.user_id, found.title) == (session.session_id, "eve", "A title")
        before = await session.get_messages(branch="all")
        after = await found.get_messages(branch="all")
        assert list(map(facts, after)) == list(map(facts, before))
        assert await found.branches() == await session.branches()
        exports = [(await each.export()).splitlines()[1:] for each in (session, found)]
        assert exports[0] == exports[1]
        await found.send_message("goes on")
        assert metrics.get_metrics()["created"] == 1


async def test_an_import_beside_its_original_counts_nothing_twice(session: BaseSession) -> None:
    """It gets an id of its own, and its answers are copies."""
    await lively(session)
    found = await session.manager.import_session("ada", text=await session.export())
    assert found.session_id != session.session_id
    answers = [message for message in await found.get_messages(branch="all") if message.request]
    assert answers
    assert {message.request.attempts for message in answers if message.request} == {0}
    assert [message.usage.output_tokens for message in answers if message.usage] == [None] * len(answers)


async def test_a_chat_of_another_program_comes_in(manager: SessionManager, script: Script) -> None:
    """A line in the style of OpenAI, with who is to go on."""
    said = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "2+2?"},
        {"role": "assistant", "content": "4"},
    ]
    session = await manager.import_session(
        "ada", text=json.dumps({"messages": said}), provider="mock", model="echo"
    )
    told = await session.get_messages()
    assert [(message.role.value, message.content) for message in told] == [
        ("system", "Be brief."),
        ("user", "2+2?"),
        ("assistant", "4"),
    ]


@pytest.mark.parametrize(
    "given, kind, told",
    [
        ({}, SessionTypeError, "path or text"),
        ({"path": "x", "text": "y"}, SessionTypeError, "path or text"),
        ({"text": 5}, SessionTypeError, "text must be"),
        ({"text": ""}, SessionValueError, "Nothing was imported|no conversation"),
        ({"text": "hello"}, SessionValueError, "not JSON"),
        ({"text": "[1, 2]"}, SessionValueError, "not a JSON object"),
        ({"text": "{\n}"}, SessionValueError, "no conversation"),
        ({"text": '{\n"sessions": 5}'}, SessionValueError, "no conversation|is empty"),
        ({"text": '{\n"sessions": [5]}'}, SessionValueError, "no conversation"),
        ({"text": '{\n"messages": [5]}'}, SessionValueError, "no conversation"),
        ({"text": "[" * 100_000, "format": "json"}, SessionValueError, "not JSON"),
        ({"text": "{}", "format": "docx"}, SessionValueError, "format"),
        ({"text": '{"messages": [{"role": "user", "content": 5}]}'}, SessionValueError, "not a chat"),
        ({"path": "/nowhere/x.jsonl"}, SessionStorageError, "could not be read"),
    ],
)
async def test_what_holds_no_conversation_is_refused(
    manager: SessionManager, given: dict[str, Any], kind: type[Exception], told: str
) -> None:
    """With the reason, and nothing is stored."""
    with pytest.raises(kind, match=told):
        await manager.import_session("ada", **given)
    assert await manager.list_user_sessions("ada") == []


async def test_one_session_is_imported_at_a_time(session: BaseSession) -> None:
    """A file with several is for the analysis; the error says so."""
    await session.send_message("x")
    text = await session.export()
    with pytest.raises(SessionValueError, match=r"2 sessions.*import_sessions"):
        await session.manager.import_session("ada", text=text + text)
    with pytest.raises(SessionValueError, match="user_id"):
        await session.manager.import_session("", text=text)


# -- messages ------------------------------------------------------------------------------------------------------


async def test_messages_of_a_chat_go_on_in_a_session(session: BaseSession) -> None:
    """As if they had been said here: turns, calls of tools with their results, and what is sent with the next."""
    await session.send_message("before")
    stored = await session.import_messages([
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What time is it?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "noon"},
        {"role": "assistant", "content": "It is noon."},
        {"role": "user", "content": "Thanks."},
        {"role": "assistant", "content": "Welcome."},
    ])  # fmt: skip
    path = await session.get_messages()
    assert path[2:] == stored
    assert [message.turn for message in stored if message.role is MessageRole.USER] == [1, 2]
    assert {message.source for message in stored} == {"import"}
    plan = await session.plan_message("And now?")
    assert [message.content for message in plan.messages][-4:] == [
        "It is noon.",
        "Thanks.",
        "Welcome.",
        "And now?",
    ]
    assert session.metrics.message_count == len(path)


async def test_messages_of_another_session_are_taken_over(session: BaseSession) -> None:
    """As new ones: what they cost counts where they were said, and a second time does not matter."""
    await session.send_message("x")
    said = await session.get_messages()
    other = await session.manager.create_session("ada", "mock", "echo")
    for stored in (await other.import_messages(said), await other.import_messages(said)):
        assert [message.content for message in stored] == [message.content for message in said]
        assert not {message.id for message in stored} & {message.id for message in said}
        assert stored[1].request is not None
        assert (stored[1].request.attempts, stored[1].request.model_id) == (0, "mock:echo")
    assert other.metrics.total_tokens == 0


async def test_no_messages_are_no_change(session: BaseSession) -> None:
    """An empty list stores nothing."""
    assert await session.import_messages([]) == []
    assert await session.get_messages() == []


@pytest.mark.parametrize(
    "wrong",
    [
        "hello",
        {"role": "user", "content": "x"},
        [5],
        [{"role": "robot", "content": "x"}],
        [{"content": "x"}],
        [{"role": "user", "content": "good"}, {"role": "user", "content": {"a": 1}}],
        [SessionMessage(content="good"), None],
    ],
)
async def test_what_is_no_message_is_refused(session: BaseSession, wrong: Any) -> None:
    """All of it, then."""
    with pytest.raises((SessionValueError, SessionTypeError)):
        await session.import_messages(wrong)
    assert await session.get_messages() == []


async def test_messages_come_in_between_two_sends(session: BaseSession, script: Script) -> None:
    """Never between a question and its answer."""
    script("the answer")
    stream = session.stream_message("asked")
    await anext(stream)
    coming = asyncio.ensure_future(session.import_messages([{"role": "user", "content": "later"}]))
    await asyncio.sleep(0)
    assert not coming.done()
    await stream.read()
    await coming
    assert [message.content for message in await session.get_messages()] == ["asked", "the answer", "later"]


def test_an_import_needs_no_package_of_the_analysis() -> None:
    """A server without pandas reads what it has written."""
    program = """
import asyncio, sys
sys.modules.update(dict.fromkeys(["pandas", "numpy", "IPython"]))  # importing any of them fails
from langswarm_nb.core.session import create_session_manager

async def main():
    async with create_session_manager("memory") as manager:
        session = await manager.create_session("ada", "mock", "echo")
        await session.import_messages([{"role": "user", "content": "x"}])
        text = await session.export()
    async with create_session_manager("memory") as manager:
        return len(await (await manager.import_session("ada", text=text)).get_messages())

print(asyncio.run(main()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("1", "")
