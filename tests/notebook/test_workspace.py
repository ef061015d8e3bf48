"""The store and the current session of a kernel: found, chosen, reopened, while other things happen or fail."""

from __future__ import annotations

import asyncio
import threading

import pytest

from langswarm_nb.core.session.providers.mock import MockProviderSession
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage
from langswarm_nb.notebook.bridge import run_within, submit
from langswarm_nb.notebook.shell import extension
from tests.support.shells import running_shell

PATIENCE_S = 60


class Held:
    """Calls of a method of the storage wait for `go_on` while they are held."""

    def __init__(self, monkeypatch, method):
        self.holds, self.begun, self._may_go_on = True, threading.Event(), asyncio.Event()
        original = getattr(SQLiteSessionStorage, method)

        async def held(storage, *args, **kwargs):
            if self.holds:
                self.begun.set()
                await self._may_go_on.wait()
            return await original(storage, *args, **kwargs)

        monkeypatch.setattr(SQLiteSessionStorage, method, held)

    async def go_on(self):
        self._may_go_on.set()


async def all_done():
    """Wait until nothing else runs on the I/O thread."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)


@pytest.fixture
def shell():
    """Return a shell with the extension, offline, on a store of its own."""
    with running_shell(session="default") as shell:
        yield shell


def test_a_look_that_takes_too_long_is_given_up(shell, monkeypatch, capsys):
    """The greeting says so in a whole sentence, and the look does not go on behind the cells that follow."""
    shell.ipython.run_line_magic("unload_ext", "langswarm_nb")
    listing = Held(monkeypatch, "list_sessions")
    monkeypatch.setattr(extension, "_LOOK_S", 0.01)
    shell.ipython.run_line_magic("load_ext", "langswarm_nb")
    [line] = capsys.readouterr().out.splitlines()
    assert "sessions.db gave no answer within 0.01 s; cells wait for it longer · %langswarm help" in line
    run_within(PATIENCE_S, all_done())
    listing.holds = False
    shell.run("%langswarm new work")
    assert shell.run("%%langswarm -q\nHi").session.title == "work"


@pytest.mark.parametrize(
    "move", ["%langswarm new work", "%langswarm switch work", "%config LangSwarmMagics.session = 'work'"]
)
def test_a_late_look_takes_back_no_choice(shell, monkeypatch, move):
    """Who moves to another session stays there, whatever a look that began before finds afterwards."""
    shell.run("%%langswarm -q\nHi")
    shell.run("%langswarm new work")
    shell.run("%langswarm switch default")
    shell.workspace._move_to(None)  # as in a kernel that has just begun
    listing = Held(monkeypatch, "list_sessions")
    look = submit(shell.workspace.peek())
    assert listing.begun.wait(PATIENCE_S)
    listing.holds = False
    shell.run(move)
    run_within(PATIENCE_S, listing.go_on())
    look.result(PATIENCE_S)
    assert shell.run("%%langswarm -q\nHi again").session.title == "work"


class Unclosable(MockProviderSession):
    async def close(self):
        raise OSError("half-closed")


def test_a_provider_that_cannot_close_leaves_nobody_in_another_session(shell):
    """`log off` shows the error, and the next prompt goes where the last one went."""
    shell.run("%%langswarm -q\nHi")
    shell.run("%langswarm new work")
    manager = shell.workspace.manager
    manager.add_provider_session("mock", Unclosable())
    assert "half-closed" in shell.fail("%langswarm log off")
    assert shell.run("%%langswarm -q\nHi again").session.title == "work"
    assert shell.workspace.manager is not manager


def test_every_provider_of_a_workspace_is_closed(shell):
    """Those for other addresses too, when the manager's cannot be closed."""
    closed = []

    class Other(MockProviderSession):
        async def close(self):
            closed.append(self)

    workspace = shell.workspace
    workspace.manager.add_provider_session("mock", Unclosable())
    workspace.other_providers["mock", None, None] = other = Other()
    with pytest.raises(OSError, match="half-closed"):
        run_within(PATIENCE_S, workspace.close())
    assert closed == [other]


def test_a_store_in_memory_keeps_its_words_there():
    """`log off` and `log on` are about disks: what was said in memory is neither lost nor emptied."""
    with running_shell(store="memory") as shell:
        shell.run("%%langswarm -q\nThe word is xylophone")
        for what in ("off", "on"):
            shell.run(f"%langswarm log {what}")
            assert "xylophone" in repr(shell.run("%langswarm show"))
