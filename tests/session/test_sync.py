"""A conversation follows the cells of a saved notebook: which versions it goes through, and what is copied for that."""

from __future__ import annotations

import asyncio
import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from langswarm_nb.analysis import messages_df, turns_df
from langswarm_nb.core.session import MessageRole, ProviderSessionError, create_session_manager
from langswarm_nb.core.session.conversation.asks import CellAsk, CellRun, KernelMemory
from langswarm_nb.core.session.conversation.syncing import SavedCell


class Notebook:
    """A kernel whose cells ask in one session."""

    def __init__(self, session, provider):
        self.session, self.provider = session, provider
        self.memory, self.runs = KernelMemory(), 0

    async def ask(self, cell_id, *texts, **options):
        """Run a cell that asks once or more; return the replies."""
        self.runs += 1
        asked = CellAsk(CellRun(cell_id, f"run {self.runs}"), self.memory)
        send = self.session.send_message
        return [await send(text, cell_id=cell_id, asked=asked, **options) for text in texts]

    async def line(self, *cells, texts=()):
        """Return the line of cells by their ids, and of cells without one by their texts."""
        return await self.session.line_of(
            [*(SavedCell(cell_id, "") for cell_id in cells), *(SavedCell(None, text) for text in texts)]
        )

    async def sync(self, *cells, branch="sync"):
        """Follow cells, and return the line."""
        line = await self.line(*cells)
        await self.session.follow(line, branch)
        return line

    async def path(self):
        """Return the addresses and texts of the questions on the path."""
        return [
            (m.address, m.content) for m in await self.session.get_messages() if m.role is MessageRole.USER
        ]


@contextlib.asynccontextmanager
async def opened(storage="memory", config=None, **options):
    async with create_session_manager(storage, config) as manager:
        session = await manager.create_session("me", "mock", "echo", **options)
        yield Notebook(session, manager.provider_session("mock"))


def copied(line):
    return [step.address for step in line.steps if not step.is_there]


def marked(line):
    return [step.address for step in line.steps if step.knew_other]


async def test_a_moved_cell_moves_its_turn(tmp_path):
    """Behind it nothing is asked anew; what stood elsewhere is copied, and tells that it knew other turns."""
    async with opened("sqlite", {"db_path": str(tmp_path / "s.db")}) as notebook:
        for cell in "abc":
            await notebook.ask(cell, f"About {cell}?")
        before, requests = turns_df(notebook.session, branch="all"), len(notebook.provider.requests)
        line = await notebook.sync("a", "c", "b")
        assert copied(line) == marked(line) == ["2.1", "1.1"]
        assert await notebook.path() == [("0.1", "About a?"), ("2.2", "About c?"), ("1.2", "About b?")]
        assert len(notebook.provider.requests) == requests
        assert len(turns_df(notebook.session, branch="all")) == len(before)
        answers = messages_df(notebook.session).query("role == 'assistant'")
        assert answers["metadata_json"].str.contains('"knew_other":true').fillna(value=False).tolist() == [
            False,
            True,
            True,
        ]
        assert answers["status"].tolist() == ["ok"] * 3
        assert answers["request_id"].notna().tolist() == [True, False, False]
        assert await notebook.session.branches() == {"main": 5, "sync": 9}
        [reply] = await notebook.ask("d", "And now?")
        assert [m.content for m in notebook.provider.requests[-1].messages if m.role == "user"] == [
            "About a?",
            "About c?",
            "About b?",
            "And now?",
        ]
        assert reply.address == "3.1"


async def test_the_turn_of_a_deleted_cell_is_left_aside():
    """Those behind it are copied; a turn that was the last one is only left."""
    async with opened() as notebook:
        for cell in "abc":
            await notebook.ask(cell, cell)
        line = await notebook.line("a", "c")
        assert (copied(line), marked(line), line.left) == (["2.1"], ["2.1"], ("1.1",))
        line = await notebook.sync("a", "b")
        assert (copied(line), marked(line), line.left) == ([], [], ("2.1",))
        assert await notebook.session.branches() == {"main": 5, "sync": 3}


async def test_a_conversation_that_follows_already_stays():
    """A notebook that was run from top to bottom is the path."""
    async with opened() as notebook:
        for cell in "ab":
            await notebook.ask(cell, cell)
        assert (await notebook.line("x", "a", "b")).is_path
        assert not (await notebook.line("a")).is_path
        assert (await notebook.line("x", "y")).steps == ()


async def test_the_newest_versions_are_lined_up():
    """A turn that was asked again takes those which stayed with its old version along."""
    async with opened() as notebook:
        for cell, text in (("a", "A"), ("b", "B"), ("c", "C"), ("b", "B again")):
            await notebook.ask(cell, text)
        await notebook.session.regenerate()
        line = await notebook.sync("a", "b", "c")
        assert (copied(line), marked(line)) == (["2.1"], ["2.1"])
        assert await notebook.path() == [("0.1", "A"), ("1.2", "B again"), ("2.2", "C")]
        assert (await notebook.session.get_messages())[3].address == "1.3"


async def test_an_order_that_comes_back_is_the_old_path():
    """Copies are the same answers as the originals, which stand where they are wanted again."""
    async with opened() as notebook:
        for cell in "abc":
            await notebook.ask(cell, cell)
        old = await notebook.session.get_messages()
        await notebook.sync("b", "a", "c")
        line = await notebook.sync("a", "b", "c", branch="back")
        assert (copied(line), marked(line)) == ([], [])
        assert [m.id for m in await notebook.session.get_messages()] == [m.id for m in old]
        line = await notebook.line("b", "a", "c")
        assert (copied(line), marked(line)) == ([], ["1.2", "0.2", "2.2"])


async def test_what_was_not_sent_makes_no_other_context():
    """An answer is not marked for a hidden or a failed turn that is gone; hidden turns stay hidden."""
    async with opened() as notebook:
        await notebook.ask("a", "A")
        with contextlib.suppress(ProviderSessionError):
            await notebook.ask("failing", "Fail.", model="mock:error")
        await notebook.ask("hidden", "H")
        tree = await notebook.session.tree()
        await notebook.session.hide_versions([tree.turns[2].key])
        await notebook.ask("b", "B")
        line = await notebook.line("a", "b")
        assert (copied(line), marked(line)) == (["3.1"], [])
        line = await notebook.sync("hidden", "a", "b")
        assert marked(line) == ["2.1"]
        hidden = [m.address for m in await notebook.session.get_messages() if m.is_hidden]
        assert hidden == ["2.2", "2.2"]


async def test_asides_and_what_was_not_chosen_are_in_no_line():
    """They are on no path; a comparison is lined up when an answer was chosen, with that one."""
    async with opened() as notebook:
        await notebook.ask("a", "A")
        await notebook.ask("aside", "By the way", history=False)
        for cell in ("chosen", "unchosen"):
            streams = await notebook.session.stream_comparison(
                "Who?", ["mock:echo", "mock:script"], cell_id=cell, source="magic"
            )
            replies = [await stream.read() for stream in streams]
            if cell == "chosen":
                await notebook.session.use_version(replies[1].id)
        line = await notebook.line("chosen", "aside", "unchosen", "a")
        assert [step.address for step in line.steps] == ["2.2", "0.1"]


async def test_a_cell_that_asks_several_times_keeps_their_order():
    """Its asks follow in the order of one run, each as its newest turn."""
    async with opened() as notebook:
        await notebook.ask("loop", "One", "Two", "Three")
        await notebook.ask("a", "A")
        line = await notebook.sync("a", "loop")
        assert [step.turn for step in line.steps] == [3, 0, 1, 2]
        assert [text for _, text in await notebook.path()] == ["A", "One", "Two", "Three"]


async def test_cells_without_an_id_are_known_by_their_texts():
    """As in VS Code: equal prompts in the order of the path; a cell that never asked has no turn."""
    async with opened() as notebook:
        for run, text in enumerate(["Go on", "Why?", "Go on"]):
            await notebook.ask(f"vscode:{run}", text)
        line = await notebook.line(texts=["Why?", " Go on\n", "import os", "Go on"])
        assert [step.turn for step in line.steps] == [1, 0, 2]


async def test_system_texts_go_along():
    """That of the session stays in front, those given with a turn or waiting for it go where it goes."""
    async with opened(system="Be kind.") as notebook:
        await notebook.ask("a", "A")
        await notebook.ask("b", "B", system="Be brief.")
        await notebook.session.add_system_message("No jokes.")
        await notebook.ask("c", "C")
        assert marked(await notebook.line("b", "c")) == ["1.1", "2.1"]
        await notebook.sync("c", "a", "b")
        said = [(m.role.value, m.content) for m in await notebook.session.get_messages()]
        assert [content for role, content in said if role in ("system", "user")] == [
            "Be kind.",
            "No jokes.",
            "C",
            "A",
            "Be brief.",
            "B",
        ]
        tree = await notebook.session.tree()
        assert [(len(turn.pending), len(turn.given)) for turn in tree.turns] == [(1, 0), (0, 0), (0, 1)]


async def test_tool_rounds_go_along():
    """A turn is moved with all that was called and returned in it."""
    async with opened() as notebook:
        await notebook.ask("a", "A")
        await notebook.ask("b", "B")
        result = {"type": "tool_result", "tool_call_id": "c", "content": "42"}
        await notebook.session.send_message("", MessageRole.TOOL, parts=[result])
        await notebook.sync("b", "a")
        roles = [m.role.value for m in await notebook.session.get_messages()]
        assert roles == ["user", "assistant", "tool", "assistant", "user", "assistant"]


@given(
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=8),
    st.lists(st.permutations("abcd").map(lambda cells: cells[:3]), min_size=1, max_size=4),
)
@settings(max_examples=40, deadline=None)
def test_whatever_was_run_the_line_is_the_notebook(runs, notebooks):
    """After a sync the path has the turns of the cells, with what each said last; a second one does nothing."""

    async def check():
        async with opened() as notebook:
            newest = {}
            for n, cell in enumerate(runs):
                await notebook.ask(cell, f"{cell}{n}")
                newest[cell] = f"{cell}{n}"
            requests = len(notebook.provider.requests)
            for n, cells in enumerate(notebooks):
                expected = [newest[cell] for cell in cells if cell in newest]
                if not expected:
                    continue
                await notebook.sync(*cells, branch=f"sync-{n}")
                assert [text for _, text in await notebook.path()] == expected
                assert (await notebook.line(*cells)).is_path
            assert len(notebook.provider.requests) == requests
            assert len(turns_df(notebook.session, branch="all")) == requests

    asyncio.run(check())
