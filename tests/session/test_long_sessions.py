"""Sessions of tens of thousands of messages: a send costs what is sent, and holds up nothing else."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from langswarm_nb.core.session import BaseSession, ContextLengthError, create_session_manager
from langswarm_nb.core.session.conversation import sent_context
from langswarm_nb.core.session.conversation.tree import Tree
from langswarm_nb.core.session.messages import estimate_tokens
from langswarm_nb.core.session.providers.mock import MockProviderSession
from langswarm_nb.core.session.storage._sqlite import reading
from tests.support.storages import answer, question

MESSAGES = 50_000


@pytest.fixture(scope="module", params=["memory", "sqlite"])
def long(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BaseSession]:
    path = tmp_path_factory.mktemp("long") / "s.db"
    config = {"db_path": str(path), "durability": "fast"} if request.param == "sqlite" else None
    manager = create_session_manager(request.param, config)
    manager.add_provider_session("mock", MockProviderSession())
    texts = [f"{n:06}".ljust(40) for n in range(MESSAGES // 2)]

    async def make() -> BaseSession:
        session = await manager.create_session("ada", "mock", "echo")
        await session.append([each for text in texts for each in (question(text), answer(text))])
        return session

    yield asyncio.run(make())
    asyncio.run(manager.close())


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count what a send reads and measures, and what it decides on the thread of the event loop."""
    done: Counter[str] = Counter()
    read, chars, loop_thread = reading._among, sent_context._chars, threading.get_ident()

    def counting_read(*args: Any) -> Any:
        rows = read(*args)
        done["rows with words read"] += len(rows)
        return rows

    def counting_chars(turn: Any) -> int:
        done["turns measured"] += 1
        return chars(turn)

    def beside(function: Any) -> Any:
        def wrapper(*args: Any, **options: Any) -> Any:
            done["long work on the loop"] += threading.get_ident() == loop_thread
            return function(*args, **options)

        return wrapper

    monkeypatch.setattr(reading, "_among", counting_read)
    monkeypatch.setattr(sent_context, "_chars", counting_chars)
    monkeypatch.setattr(reading, "tree", beside(reading.tree))
    monkeypatch.setattr("langswarm_nb.core.session.sending.ask.choose", beside(sent_context.choose))
    monkeypatch.setattr(Tree, "__init__", beside(Tree.__init__))
    return done


@pytest.mark.unmeasured
@pytest.mark.parametrize(
    "limits",
    [
        {"max_messages": 20},
        {"max_messages": 200},
        {"max_context_tokens": 300},
        {"max_context_tokens": 3000},
        {"max_messages": 20, "max_context_tokens": 3000},
        {"max_messages": 200, "max_context_tokens": 300},
    ],
    ids=str,
)
@pytest.mark.parametrize("door", ["send", "plan"])
async def test_what_a_send_reads_and_measures_grows_with_what_is_sent(
    long: BaseSession, work: Counter[str], limits: dict[str, Any], door: str
) -> None:
    """However long the session is; nothing that goes through all of it does so on the event loop."""
    if door == "plan":
        sent = (await long.plan_message("Why?", **limits)).messages
    else:
        await long.send_message("Why?", activate=False, **limits)
        mock = long.provider_session("mock")
        assert isinstance(mock, MockProviderSession)
        sent = mock.requests[-1].messages
    assert 2 < len(sent) <= limits.get("max_messages", MESSAGES)
    assert estimate_tokens(sent) <= limits.get("max_context_tokens", 10**9)
    assert work["rows with words read"] <= len(sent)
    assert work["turns measured"] <= len(sent) // 2 + 4
    assert work["long work on the loop"] == 0


async def test_a_refusal_reads_no_words(long: BaseSession, work: Counter[str]) -> None:
    """Where nothing may be left out, the shape of the session tells enough."""
    with pytest.raises(ContextLengthError):
        await long.send_message("Why?", max_context_tokens=300, trim="error")
    assert work["rows with words read"] == work["long work on the loop"] == 0
