"""Whatever is passed in: an error of ours, in words; and whatever a name holds: a repr of one short line."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from langswarm_nb import analysis
from langswarm_nb.core.session import (
    ISession,
    ISessionStorage,
    RequestFacts,
    SessionError,
    SessionMessage,
    create_session_manager,
)
from langswarm_nb.core.session.sending.stream import MessageStream
from langswarm_nb.notebook.showing.reply import Reply

ODD: tuple[Any, ...] = ([], {}, "\ud800", -7, 1.5, b"x", object(), None, True, "", float("nan"), ["\ud800"])
PLAIN = {"provider": "mock", "model": "echo"}
ENDS = {"close", "delete", "delete_session", "restore_session"}


def probes(call: Callable[..., Any], given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield arguments for a function, in which one at a time is odd."""
    named = [
        p
        for p in inspect.signature(call).parameters.values()
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    base = {
        p.name: given.get(p.name, PLAIN.get(p.name, "x"))
        for p in named
        if p.default is p.empty or p.name in given
    }
    for parameter in named:
        for value in ODD:
            yield {**base, parameter.name: value}


async def complaints(call: Callable[..., Any], given: dict[str, Any]) -> list[str]:
    """Return what a function raises for odd arguments that is not an error of ours."""
    found = []
    for arguments in probes(call, given):
        try:
            value = call(**arguments)
            if isinstance(value, Awaitable):
                value = await value
            if isinstance(value, MessageStream):
                await value.read()
        except SessionError:
            pass
        except Exception as error:  # noqa: BLE001 - the point of the test
            found.append(f"{call.__name__}({arguments!r}): {error!r}")
    return found


def public(kind: type) -> list[str]:
    """Return the methods of a contract."""
    return [
        name
        for name in dir(kind)
        if not name.startswith("_") and inspect.isfunction(getattr(kind, name)) and name not in ENDS
    ]


SESSION = [
    *public(ISession),
    "switch_branch",
    "use",
    "stream_comparison",
    "fork",
    "provider_session",
    "pick_messages",
]


@pytest.mark.parametrize("name", sorted(set(SESSION)))
async def test_odd_arguments_of_sessions(name):
    """Each parameter of each public method."""
    async with create_session_manager("memory") as manager:
        session = await manager.create_session("ada", "mock", "echo")
        await session.send_message("Hi")
        assert await complaints(getattr(session, name), {}) == []


@pytest.mark.parametrize("name", public(ISessionStorage))
async def test_odd_arguments_of_storages(name):
    """Each parameter of each method of the contract."""
    async with create_session_manager("memory") as manager:
        session = await manager.create_session("ada", "mock", "echo")
        await session.send_message("Hi")
        given = {"session_id": session.session_id, "record": session.record, "settings": session.settings}
        assert await complaints(getattr(manager.storage, name), given) == []


@pytest.mark.parametrize(
    "name",
    [
        "messages_df",
        "turns_df",
        "sessions_df",
        "attachments_df",
        "export",
        "search",
        "sql",
        "redact",
        "summary",
        "compare",
    ],
)
async def test_odd_arguments_of_the_analysis(name, tmp_path, monkeypatch):
    """Each parameter of each function that reads the store or a frame of it."""
    monkeypatch.chdir(tmp_path)
    async with create_session_manager("memory") as manager:
        session = await manager.create_session("ada", "mock", "echo")
        await session.send_message("Hi")
        given: dict[str, object] = {"source": manager}
        if name in ("summary", "compare"):
            given = {"turns": analysis.turns_df(manager)}
        given |= {"query": "SELECT 1"} if name == "sql" else {}
        if name == "redact":
            given = {}
        assert await complaints(getattr(analysis, name), given) == []


HOSTILE = "\x1b[2J\u202e\nname\r" + "x" * 5000


async def test_reprs_are_one_short_line():
    """Names of models come from servers, titles and ids from anybody."""
    async with create_session_manager("memory") as manager:
        session = await manager.create_session("ada", "mock", HOSTILE, title=HOSTILE, session_id=HOSTILE)
        facts = RequestFacts(provider="mock", request_model="m", model=HOSTILE)
        message = SessionMessage(id=HOSTILE, content=HOSTILE, request=facts)
        reply = Reply(message, SessionMessage(content="?"), session)
        for text in (repr(session), repr(message), repr(reply), reply.line, repr(manager)):
            assert text.isprintable()
            assert len(text) < 500


async def test_a_long_export_is_made_beside_the_loop(monkeypatch):
    """Values, text and file: none of it in the thread of the loop."""
    from langswarm_nb.core.session import export as module

    threads = set()

    def noted(*arguments: Any) -> Any:
        threads.add(threading.get_ident())
        return inner(*arguments)

    inner = module.message_to_json
    monkeypatch.setattr(module, "message_to_json", noted)
    async with create_session_manager("memory") as manager:
        session = await manager.create_session("ada", "mock", "echo")
        await session.send_message("Hi")
        assert "Hi" in await session.export()
    assert threads
    assert threading.get_ident() not in threads


async def test_a_branch_is_found_in_either_normal_form():
    """A name typed on one system and pasted from another is one name."""
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    async with create_session_manager("memory") as manager:
        session = await manager.create_session("ada", "mock", "echo")
        await session.send_message("Hi")
        assert await session.fork(name=decomposed) == composed
        await session.switch_branch("main")
        await session.switch_branch(decomposed)
        assert session.record.branch == composed
        with pytest.raises(SessionError, match="new"):
            await session.fork(name=composed)
