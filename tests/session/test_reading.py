"""What a send reads and how often it goes to the storage: twice, and no more of the session than it needs."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from langswarm_nb.core.session import BaseSession, MessageRole, SessionManager, create_session_manager
from langswarm_nb.core.session.conversation import path as _path
from langswarm_nb.core.session.conversation.tree import Tree
from langswarm_nb.core.session.providers.mock import MockProviderSession
from langswarm_nb.core.session.storage import create_storage
from langswarm_nb.core.session.storage._sqlite import reading
from langswarm_nb.core.session.storage._sqlite.contract import SQLStorage
from langswarm_nb.core.session.storage.unlogged import UnloggedStorage
from tests.support.paths import REPOSITORY
from tests.support.storages import answer, question
from tests.support.trees import everything_of
from tests.support.two_kernels import Kernel
from tests.support.waits import PATIENCE_S

Script = Callable[..., Any]


@pytest.fixture(params=["sqlite", "unlogged"])
async def filed(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BaseSession]:
    """Return a session in a file, with a turn in it."""
    storage = create_storage("sqlite", {"db_path": tmp_path / "s.db"})
    async with SessionManager(
        UnloggedStorage(storage) if request.param == "unlogged" else storage
    ) as manager:
        session = await manager.create_session("ada", "mock", "echo")
        await session.send_message("one")
        yield session


@pytest.fixture
def jobs(filed: BaseSession, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the jobs of the storage; each is one hop to its thread, and a write one transaction."""
    storage = filed.storage.inner if isinstance(filed.storage, UnloggedStorage) else filed.storage
    assert isinstance(storage, SQLStorage)
    done: Counter[str] = Counter()

    def counted(name: str, run: Any) -> Any:
        async def job(*args: Any) -> Any:
            done[name] += 1
            return await run(*args)

        return job

    for name in ("_read", "_write"):
        monkeypatch.setattr(storage, name, counted(name.removeprefix("_"), getattr(storage, name)))
    return done


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"system": "Be brief."},
        {"history": False},
        {"activate": False},
        {"parent": None},
        {"max_messages": 1},
    ],
    ids=str,
)
async def test_a_send_is_two_writes(filed: BaseSession, jobs: Counter[str], options: dict[str, Any]) -> None:
    """One stores the question, and reads what is sent with it; one stores the reply. Nothing is read beside."""
    for _ in range(2):
        jobs.clear()
        await filed.send_message("two", **options)
        assert jobs == Counter(write=2)


async def test_a_dry_run_is_one_read(filed: BaseSession, jobs: Counter[str]) -> None:
    """Of the session and of what would be sent."""
    plan = await filed.plan_message("two")
    assert jobs == Counter(read=1)
    assert [message.content for message in plan.messages][::2] == ["one", "two"]


@pytest.mark.parametrize("limits", [{"max_messages": 6}, {"max_context_tokens": 60}], ids=str)
async def test_a_send_looks_at_what_is_new_and_at_what_is_sent(
    session: BaseSession, script: Script, monkeypatch: pytest.MonkeyPatch, limits: dict[str, Any]
) -> None:
    """However long the session is: what was found out before about all of it is made longer, not anew."""
    await session.append([each for n in range(300) for each in (question(f"{n}?"), answer(f"{n}!"))])
    mock = script("so", "so", "so", "so")
    await session.send_message("the first reads all")
    work: Counter[str] = Counter()
    tree, read, take = reading.tree, reading._among, _path._More.take

    def counted_tree(*args: Any) -> Any:
        rows = tree(*args)
        work["nodes"] += len(rows.nodes)
        return rows

    def counted_read(*args: Any) -> Any:
        rows = read(*args)
        work["texts"] += len(rows)
        return rows

    def counted_steps(path: Any, node: Any) -> None:
        work["steps"] += 1
        take(path, node)

    monkeypatch.setattr(reading, "tree", counted_tree)
    monkeypatch.setattr(reading, "_among", counted_read)
    monkeypatch.setattr(_path._More, "take", counted_steps)
    for n in range(3):
        work.clear()
        await session.send_message(f"and {n}?", **limits)
        sent = mock.requests[-1].messages
        assert 2 < len(sent) < 20
        assert work == {"nodes": 2, "texts": len(sent) - 1, "steps": 3}


async def test_what_a_request_holds_of_earlier_messages(session: BaseSession, script: Script) -> None:
    """A reply with its id at the provider, parts with who made them: some services want their own things back."""
    mock = script("one", "two")
    thought = answer("seen", parts=({"type": "reasoning", "text": "hm"},))
    await session.append([question("look"), thought])
    reply = await session.send_message("again")
    await session.send_message("and again")
    sent = {message.id: message for message in mock.requests[-1].messages}
    assert sent[reply.id].provider_message_id == reply.provider_message_id is not None
    assert (sent[thought.id].parts, sent[thought.id].content) == (thought.parts, thought.content)
    assert sent[thought.id].request is not None
    assert sent[thought.id].request.provider == "mock"


# -- several who send -------------------------------------------------------------------------------------------


async def ask(kernel: Kernel, chance: random.Random) -> None:
    """Ask something; the request is what a session that was never read before would send."""
    async with create_session_manager("sqlite", {"db_path": kernel.manager.storage.db_path}) as fresh:  # type: ignore[attr-defined]
        other = await fresh.get_session(kernel.session.session_id)
        assert other is not None
        limits: dict[str, Any] = chance.choice([{}, {}, {"max_messages": 4}, {"history": False}])
        plan = await other.plan_message("?", **limits)
    await kernel.ask("?", **limits)
    assert kernel.gate.sent == [message.content for message in plan.messages]


async def move(kernel: Kernel, chance: random.Random) -> None:
    """Move the tip, hide, or add something."""
    session = kernel.session
    turns = (await session.tree()).turns
    turn = chance.choice(turns).number if turns else None
    match chance.choice(["undo", "fork", "use", "hide", "switch", "again", "system", "import"]):
        case "undo":
            await session.undo(chance.randint(1, 2))
        case "fork" if turn is not None:
            await session.fork(turn)
        case "use" if turns:
            number = chance.randrange((await session.tree()).next_turn)
            await session.use(number)
        case "hide" if turns:
            message = (await session.pick_messages([chance.choice(turns).question.seq]))[0]
            await session.hide(message.id, hidden=chance.random() < 0.7)
        case "switch":
            await session.switch_branch(chance.choice(list(await session.branches())))
        case "again" if turns:
            await session.regenerate()
        case "system":
            await session.add_system_message("Be brief.", scope=chance.choice(["add", "replace"]))
        case "import":
            await session.append([question("from"), answer("elsewhere")])


@pytest.mark.parametrize("seed", range(6))
async def test_what_two_know_of_a_session_grows_with_what_both_do(
    kernels: tuple[Kernel, Kernel], seed: int
) -> None:
    """Whoever asks sends what the store holds at that moment, and each knows the tree as if it were read anew."""
    chance = random.Random(seed)
    for kernel in kernels:
        kernel.gate.opened.set()
    for _ in range(25):
        kernel = chance.choice(kernels)
        await (ask if chance.random() < 0.5 else move)(kernel, chance)
        session = chance.choice(kernels).session
        fresh = Tree(await session.storage.read_tree(session.key))
        assert everything_of(await session.tree()) == everything_of(fresh)


SENDER = """
import asyncio, sys
from langswarm_nb.core.session import create_session_manager

async def main(path, session_id, count):
    async with create_session_manager("sqlite", {"db_path": path}) as manager:
        session = await manager.get_session(session_id)
        for n in range(count):
            await session.send_message(f"theirs {n}")

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


async def test_two_processes_send_in_one_session(tmp_path: Path) -> None:
    """Each request holds all that stands before its question on the path, whoever asked it."""
    config = {"db_path": tmp_path / "s.db", "durability": "fast"}
    async with create_session_manager("sqlite", config) as manager:
        session = await manager.create_session("ada", "mock", "echo")
        mock = MockProviderSession()
        manager.add_provider_session("mock", mock)
        arguments = (str(tmp_path / "s.db"), session.session_id, "12")
        other = await asyncio.create_subprocess_exec(sys.executable, "-c", SENDER, *arguments, cwd=REPOSITORY)
        for n in range(12):
            await session.send_message(f"ours {n}")
        assert await asyncio.wait_for(other.wait(), PATIENCE_S) == 0
        path = await session.get_messages()
        assert [message.role for message in path] == [MessageRole.USER, MessageRole.ASSISTANT] * 24
        ours = [n for n, m in enumerate(path) if m.role is MessageRole.USER and m.content.startswith("ours")]
        sent = [[message.content for message in request.messages] for request in mock.requests]
        assert sent == [[message.content for message in path[: n + 1]] for n in ours]
        fresh = Tree(await session.storage.read_tree(session.key))
        assert everything_of(await session.tree()) == everything_of(fresh)
