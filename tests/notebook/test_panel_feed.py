"""What a panel's feed does for a look at its session, and where it does it."""

from __future__ import annotations

import asyncio
import threading

import pytest

from langswarm_nb.core.session import SessionManager
from langswarm_nb.core.session.providers.mock import MockProviderSession
from langswarm_nb.core.session.storage.memory import InMemorySessionStorage
from langswarm_nb.notebook.panel.feed import Feed
from langswarm_nb.notebook.panel.live import MAX_CHARS
from langswarm_nb.render import incremental, markdown

BLOCKS = {
    "table": "| a | b |\n|---|---|\n" + "| some words of a row | and **others** |\n" * 800,
    "list": "- an item with some *words* in it\n" * 1000,
    "paragraph": "A *word* and `another` one. " * 1300,
    "code": "```python\n" + "value = 1  # of many\n" * 1500 + "```\n",
}


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
async def test_no_long_block_is_rendered_on_the_loop(block, monkeypatch):
    """While a long block arrives and when it is whole, the loop of the panel renders short pieces alone."""
    on_the_loop, here, render = [0], threading.current_thread(), markdown.markdown_html

    def watched(text, environment):
        if threading.current_thread() is here:
            on_the_loop.append(len(text))
        return render(text, environment)

    monkeypatch.setattr(incremental, "markdown_html", watched)
    async with SessionManager(InMemorySessionStorage()) as manager:
        manager.add_provider_session("mock", MockProviderSession(replies=[block], chunk_chars=500))
        session = await manager.create_session("ada", "mock", "echo")
        feed = Feed(session)

        async def opened():
            return session.stream_message("Hi")

        await feed.run(opened(), lambda _: None)
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})  # until all is shown
        assert feed.html[feed.path[-1].id]
        await feed.close()
    assert max(on_the_loop) <= 2 * MAX_CHARS


class Counting(InMemorySessionStorage):
    """Counts how often messages are read."""

    reads = 0

    async def get_messages(self, session_id, **choice):
        self.reads += 1
        return await super().get_messages(session_id, **choice)


async def test_messages_are_read_where_something_was_stored():
    """A look at a session that nobody has changed reads no message; each change is seen, whoever made it."""
    storage = Counting()
    async with SessionManager(storage) as manager:
        session = await manager.create_session("ada", "mock", "echo")
        feed = Feed(session)
        await session.send_message("one")
        await feed.read()
        assert len(feed.path) == 2
        storage.reads = 0
        for _ in range(5):
            await feed.read()
        assert storage.reads == 0
        turn = feed.path[0].turn or 0
        await storage.set_hidden(session.session_id, turn, 1, hidden=True)
        await feed.read()
        assert [message.is_hidden for message in feed.path] == [True, True]
        await storage.set_tip(session.session_id, None, branch="other")
        await feed.read()
        assert (feed.path, sorted(feed.branches)) == ([], ["main", "other"])
        await session.send_message("two")
        await feed.read()
        assert [message.role for message in feed.path] == ["user", "assistant"]
