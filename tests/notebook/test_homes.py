"""Notebooks and their sessions: restarted, renamed, recreated, copied, run without a front end."""

from __future__ import annotations

import asyncio
import hashlib
import re
from contextlib import closing

import pytest

from langswarm_nb.core.session import SessionManager, create_session_manager
from langswarm_nb.notebook.bridge import run_sync
from langswarm_nb.notebook.panel.actions import ACTIONS
from langswarm_nb.notebook.panel.rules import WorkspaceRules
from langswarm_nb.notebook.panel.widget import ChatPanel
from tests.support.notebooks import OpenNotebook, opened, opened_in_code, save
from tests.support.shells import running_shell

openings = pytest.mark.parametrize("open_", [opened, opened_in_code], ids=["Jupyter", "VS Code"])


@pytest.fixture
def hw(tmp_path):
    """Return the path of a saved notebook with the cells 1 and 2."""
    return save(tmp_path / "x" / "hw.ipynb", "load", "1", "2")


def elsewhere(notebook: OpenNotebook, change) -> None:
    """Do something as another kernel on the same store does it."""

    async def go() -> None:
        path = notebook.shell.workspace.full_place
        async with create_session_manager("sqlite", {"db_path": path}) as manager:
            await change(manager)

    asyncio.run(go())


def listed(notebook: OpenNotebook, flags: str = "--all") -> list[tuple[str, str, int]]:
    return [(row["session"], row["home"], row["messages"]) for row in notebook.do(f"sessions {flags}")]


# Restarts


@openings
def test_after_a_restart_the_notebooks_session_is_current(hw, open_):
    """The conversation goes on where it was, in JupyterLab and in VS Code."""
    with open_(hw) as notebook:
        notebook.ask("1", "One")
        assert notebook.do("status")["session"] == "hw"
    with open_(hw) as notebook:
        notebook.ask("2", "Two")
        assert notebook.sent == ["One", "Two"]


def test_a_notebook_in_which_only_a_panel_asked_goes_on_with_its_session(hw):
    """What was asked in the panel on the current session counts as an unmarked cell's; opening it does not."""
    with opened(hw) as notebook:
        workspace = notebook.shell.workspace
        session = run_sync(workspace.current())
        before = session.record.main_at
        panel = ChatPanel(session, rules=WorkspaceRules(workspace))
        assert run_sync(session.refresh()).main_at == before is None
        run_sync(run_sync(panel.rules.open_send(session, "From the panel", panel.fail)).read())
        panel.close()
    with opened(hw) as notebook:
        notebook.ask("1", "One")
        assert notebook.sent == ["From the panel", "One"]


def test_a_panel_on_a_session_of_another_notebook_gives_a_frame_of_it(hw, tmp_path):
    """Frames are of this notebook's sessions unless they say otherwise."""
    with opened(hw) as notebook:
        notebook.ask("1", "One")
    with opened(save(tmp_path / "y" / "other.ipynb", "load", "3")) as notebook:
        notebook.do("switch hw.ipynb:hw")
        session = run_sync(notebook.shell.workspace.current())
        with closing(ChatPanel(session, rules=WorkspaceRules(notebook.shell.workspace))) as panel:
            made = run_sync(ACTIONS["frame"](panel, {}))
        assert made is not None
        frame = notebook.shell.run(made["code"], "3")
        assert list(frame.role) == ["user", "assistant"]
        assert frame.content[0] == "One"


def test_after_a_restart_the_main_session_is_current(hw, tmp_path):
    """The one that its unmarked cells used last: neither that of a one-off `-S`, nor an import."""
    with opened(hw) as notebook:
        notebook.ask("1", "One")
        notebook.do(f"export {tmp_path}/talk.jsonl")
        notebook.ask("2", "Aside", "-S french")
        notebook.do(f"import {tmp_path}/talk.jsonl")
        assert notebook.do("status")["session"] == "hw"
    with opened(hw) as notebook:
        assert "session hw “One” (resumed)" in notebook.shell.greeting
        assert notebook.do("status")["session"] == "hw"
        notebook.do("new other")
        assert notebook.do("status")["session"] == "other"
    with opened(hw) as notebook:
        assert notebook.do("status")["session"] == "hw", "nothing was asked in the other"
        notebook.do("switch other")
        notebook.ask("2", "Two")
    with opened(hw) as notebook:
        assert notebook.do("status")["session"] == "other"


def test_a_session_of_another_notebook_is_main_where_unmarked_cells_use_it(hw, tmp_path):
    """Who switches to another notebook's conversation and goes on there finds it again after a restart."""
    with opened(save(tmp_path / "notes.ipynb", "n")) as notes:
        notes.ask("n", "Note")
    with opened(hw) as notebook:
        notebook.ask("1", "One")
        assert notebook.do("switch notes") == "notes · the one of notes.ipynb"
        notebook.ask("2", "Two")
    with opened(hw) as notebook:
        assert notebook.do("status")["session"] == "notes.ipynb:notes"
    with opened(tmp_path / "notes.ipynb") as notes:
        assert notes.do("status")["session"] == "notes"


@openings
def test_restart_and_run_all_makes_one_version_more_of_each_turn(hw, open_):
    """In order and in every front end: nothing doubles, and each question knows those before it."""
    for _ in range(3):
        with open_(hw) as notebook:
            for cell, text in (("1", "One"), ("2", "Two")):
                reply = notebook.ask(cell, text)
            assert notebook.sent == ["One", "Two"]
            assert reply.address.startswith("1.")
    assert reply.address == "1.3"


@openings
def test_a_move_in_the_tree_ends_the_asking_again(hw, open_):
    """After `undo` in a new kernel a prompt goes to the end of the path, whatever it says."""
    with open_(hw) as notebook:
        notebook.ask("1", "One")
        notebook.ask("2", "Two")
    with open_(hw) as notebook:
        notebook.do("undo")
        notebook.ask("9", "One")
        assert notebook.sent == ["One", "One"]


# What became of the notebook


def test_two_notebooks_of_one_name_have_their_own_sessions(hw, tmp_path):
    """`x/hw.ipynb` and `y/hw.ipynb`: show, export, switch and delete by name reach one's own alone."""
    other = save(tmp_path / "y" / "hw.ipynb", "load", "8")
    with opened(hw) as notebook:
        notebook.ask("1", "One")
    with opened(other) as notebook:
        notebook.ask("8", "Eight")
        assert [m.content for m in notebook.do("show hw").messages if m.role == "user"] == ["Eight"]
        assert notebook.do("switch hw") == "hw"
        assert sorted(listed(notebook)) == [("hw", "", 2), ("hw", "x/hw.ipynb", 2)]
        notebook.do(f"export {tmp_path}/talk.md -S hw")
        assert "Eight" in (tmp_path / "talk.md").read_text()
        notebook.do("delete hw --yes")
        assert listed(notebook) == [("hw", "x/hw.ipynb", 2)]
        assert "no session 'hw'" in notebook.fail("%langswarm delete hw --yes")
        assert notebook.do("delete x/hw:hw --yes").startswith("x/hw.ipynb:hw is deleted")
        assert listed(notebook) == []


def test_a_notebook_made_anew_under_an_old_name_begins_anew(hw):
    """The session of a deleted Untitled.ipynb is not gone on with; its conversation can be."""
    with opened(hw) as notebook:
        old = notebook.ask("1", "One").session.session_id[:8]
    save(hw, "other")
    with opened(hw) as notebook:
        assert "new session: this is another notebook" in notebook.shell.greeting
        assert f"`%langswarm switch {old}` continues its conversation" in notebook.shell.greeting
        assert "another" not in notebook.ask("other", "Two").footer, "it is told once"
        assert notebook.sent == ["Two"]
        assert re.match(r"hw.ipynb \(until .*\):hw", notebook.do(f"switch {old}"))
        notebook.ask("4", "Four")
        assert notebook.sent == ["One", "Four"]


def test_a_notebook_that_was_not_saved_since_is_the_same(tmp_path):
    """A cell that asked and is not in the file yet is no evidence against it: a kernel may restart at once."""
    new = save(tmp_path / "Untitled.ipynb")
    with opened(new) as notebook:
        notebook.ask("1", "One")
    with opened(new) as notebook:
        notebook.ask("2", "Two")
        assert notebook.sent == ["One", "Two"]


@pytest.mark.parametrize("moved_to", ["x/homework.ipynb", "z/hw.ipynb"])
def test_a_renamed_or_moved_notebook_takes_its_sessions_along(hw, tmp_path, moved_to):
    """Told; with all its sessions, under their labels, and the model that was chosen."""
    with opened(hw) as notebook:
        notebook.do("use mock:script")
        notebook.ask("1", "One")
        notebook.ask("2", "Aside", "-S french")
    target = tmp_path / moved_to
    target.parent.mkdir(exist_ok=True)
    hw.rename(target)
    with opened(target) as notebook:
        assert "this notebook was hw.ipynb, its conversations moved with it" in notebook.shell.greeting
        assert notebook.do("use") == "mock:script"
        notebook.ask("2", "Two")
        assert notebook.sent == ["One", "Two"]
        assert sorted(listed(notebook)) == [("french", "", 2), ("hw", "", 4)]


def test_a_kernel_that_runs_while_its_notebook_is_renamed_stays_in_its_session(hw):
    """Its environment has the old path; what its cells make belongs to the renamed notebook all the same."""
    target = hw.with_name("homework.ipynb")
    with opened(hw) as notebook:
        session_id = notebook.ask("1", "One").session.session_id
        hw.rename(target)

        async def follow(manager: SessionManager) -> None:  # as a kernel on the new path does
            await manager.storage.update_session(session_id, home=str(target))

        elsewhere(notebook, follow)
        notebook.ask("2", "Two")
        assert notebook.sent == ["One", "Two"]
        notebook.ask("3", "Three", "-S french")
        assert listed(notebook) == [("french", "", 2), ("hw", "", 4)]
    with opened(target) as notebook:
        notebook.ask("2", "Dos")
        assert notebook.sent == ["One", "Dos"]


def test_a_copy_of_a_notebook_is_a_new_session(hw):
    """Both files are there: told, with the way to take the other's conversation over."""
    with opened(hw) as notebook:
        notebook.ask("1", "One")
    copy = hw.with_name("hw-Copy1.ipynb")
    copy.write_bytes(hw.read_bytes())
    with opened(copy) as notebook:
        assert "this is a copy of hw.ipynb, `%langswarm fork hw.ipynb:hw` brings" in notebook.shell.greeting
        notebook.ask("1", "Uno")
        assert notebook.sent == ["Uno"]
    with opened(hw) as notebook:
        notebook.ask("2", "Two")
        assert notebook.sent == ["One", "Two"]


def test_what_no_greeting_could_tell_is_in_the_first_footer(hw, monkeypatch):
    """Where the extension was loaded before a cell told the notebook, as by a configuration file."""
    with opened(hw) as notebook:
        notebook.ask("1", "One")
    copy = hw.with_name("copy.ipynb")
    copy.write_bytes(hw.read_bytes())
    monkeypatch.setenv("JPY_SESSION_NAME", str(copy))
    with running_shell() as shell:
        assert "copy of" not in shell.greeting
        notebook = OpenNotebook(copy, shell)
        assert "new session: this is a copy of hw.ipynb" in notebook.ask("1", "Uno").footer
        assert "copy of" not in notebook.ask("2", "Dos").footer


def test_fork_takes_the_conversation_of_another_notebook_over(hw):
    """The path comes along, hidden turns hidden, with texts and models and no cost; cells go on with it."""
    with opened(hw) as notebook:
        notebook.ask("1", "One", '-s "Be brief"')
        notebook.ask("2", "Two", "mock:script")
        notebook.ask("3", "Three")
        notebook.do("hide 2")
    copy = hw.with_name("copy.ipynb")
    copy.write_bytes(hw.read_bytes())
    with opened(copy) as notebook:
        notebook.ask("1", "Uno")
        assert notebook.do("fork hw:hw") == "hw, with 3 turns of hw.ipynb:hw"
        assert notebook.do("status")["session"] == "hw"
        messages = notebook.do("show").messages
        assert [m.content for m in messages if m.role == "system"] == ["Be brief"]
        answers = [m for m in messages if m.role == "assistant"]
        assert [m.request.model_id for m in answers] == ["mock:echo", "mock:script", "mock:echo"]
        assert all(m.usage.total_tokens is m.request.cost_usd is m.token_count is None for m in answers)
        assert all(m.metadata["copy_of"] for m in messages)
        assert notebook.ask("2", "Dos").address == "1.2"
        assert notebook.sent == ["One", "Dos"]
        tokens = notebook.do("df sessions --all").set_index("title").input_tokens
        assert tokens["hw"].min() < tokens["hw"].max(), "what was copied counts nothing"
    with opened(hw) as notebook:
        assert [m.content for m in notebook.do("show").messages if m.role == "user"] == [
            "One",
            "Two",
            "Three",
        ]


# No notebook


@pytest.fixture
def inherited(hw, monkeypatch):
    """Set the variable that a kernel's children inherit, as nbconvert that is started from a cell does."""
    with opened(hw) as notebook:
        notebook.ask("1", "One")
    monkeypatch.setenv("JPY_SESSION_NAME", str(hw))


def test_a_kernel_whose_requests_tell_no_cell_has_no_home(hw, inherited):
    """nbconvert, papermill: nothing is written into the parent's conversation, whose name was inherited."""
    with running_shell() as shell:
        assert re.search(r"session \d{4}-\d\d-\d\d \d\d:\d\d \(new\)", shell.greeting)
        shell.run("%%langswarm -q\nAlone")
        assert OpenNotebook(hw, shell).sent == ["Alone"]
        assert [row["messages"] for row in shell.run("%langswarm sessions")] == [2, 2]


def test_kernels_without_a_notebook_have_sessions_of_their_own():
    """Labelled by day and time; the greeting names the last one and how to go on with it."""
    with running_shell() as shell:
        assert "last session" not in shell.greeting
        label = shell.run("%langswarm")["session"]
        shell.run("%%langswarm -q\nOne")
    with running_shell() as shell:
        assert shell.run("%langswarm")["turns"] == 0
        told = re.search(
            r"The last session without a notebook was (.*); `(%langswarm switch .*)` continues it",
            shell.greeting,
        )
        assert told is not None
        assert told[1] == f"{label} “One”"
        shell.run(told[2])
        assert shell.run("%langswarm")["turns"] == 1


def test_a_console_beside_a_notebook_is_told_nothing_before_the_notebook_is(hw):
    """A first request without a cell settles nothing: the notebook's cells find their session."""
    with opened(hw) as notebook:
        notebook.ask("1", "One")
    with opened(hw) as notebook:
        notebook.shell.run("%langswarm version")
        notebook.ask("2", "Two")
        assert notebook.sent == ["One", "Two"]


# When the current session is gone


async def _delete(manager: SessionManager, session_id: str) -> None:
    assert await manager.delete_session(session_id)


async def _archive(manager: SessionManager, session_id: str) -> None:
    assert await manager.archive_session(session_id)


@pytest.mark.parametrize(
    "change, complaint, command",
    [(_delete, "was deleted", "delete hw --yes"), (_archive, "is archived", "archive hw")],
)
@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_a_cell_stops_when_the_current_session_is_deleted_or_archived(hw, change, complaint, command, where):
    """The next cell says so and stops, each time, until another session is chosen; nothing is asked elsewhere."""
    with opened(hw) as notebook:
        session_id = notebook.ask("1", "One").session.session_id
        if where == "here":
            notebook.do(command)
        else:
            elsewhere(notebook, lambda manager: change(manager, session_id))
        for _ in range(2):
            assert complaint in notebook.fail("%%langswarm\nTwo")
        assert notebook.sent == ["One"]
        assert "`%langswarm new`" in notebook.fail("%%langswarm --dry-run\nTwo")
        notebook.do("new")
        notebook.ask("2", "Two")
        assert notebook.sent == ["Two"]


def test_an_archived_session_stops_its_notebook_after_a_restart_too(hw):
    """And `unarchive` brings it back."""
    with opened(hw) as notebook:
        notebook.ask("1", "One")
        assert "`%langswarm unarchive hw` brings it back" in notebook.do("archive")
    with opened(hw) as notebook:
        assert "is archived" in notebook.shell.greeting
        assert "is archived" in notebook.fail("%%langswarm\nTwo")
        assert listed(notebook, "") == []
        assert listed(notebook) == [("hw", "", 2)]
        assert notebook.do("unarchive hw") == "hw is back"
        assert "is not archived" in notebook.fail("%langswarm unarchive hw")
        notebook.ask("2", "Two")
        assert notebook.sent == ["One", "Two"]


def test_an_archived_session_is_not_switched_to_or_asked(hw):
    """It says how it is taken back."""
    with opened(hw) as notebook:
        notebook.ask("1", "One", "-S old")
        notebook.do("archive old")
        assert "unarchive old" in notebook.fail("%langswarm switch old")
        assert "unarchive old" in notebook.fail("%%langswarm -S old\nTwo")


# Stores of older versions


def test_an_old_store_keeps_its_notebooks(hw):
    """Sessions that knew their notebook by a hash of its path are found as that notebook's, the last used first."""
    key = hashlib.sha256(str(hw).encode()).hexdigest()[:16]

    async def fill(manager: SessionManager) -> None:
        for title in ("hw~1", "hw"):
            session = await manager.create_session(
                manager_user, "mock", "script", title=title, metadata={"notebook": key}
            )
            await session.send_message(title)
        await manager.create_session(
            manager_user, "mock", "echo", title="other", metadata={"notebook": "0" * 16}
        )

    with running_shell() as shell:
        manager_user = shell.workspace.user_id
        run_sync(fill(shell.workspace.manager))
    with opened(hw) as notebook:
        assert "session hw “Hw” (resumed)" in notebook.shell.greeting
        notebook.ask("1", "One")
        assert notebook.sent == ["hw", "One"]
        assert {(label, home) for label, home, _ in listed(notebook)} == {
            ("hw", ""), ("hw~1", ""), ("other", "no notebook"),
        }  # fmt: skip


def test_an_export_does_not_tell_where_a_notebook_is(hw, tmp_path):
    """Nor which sessions its cells used: what is imported elsewhere, or from an old version, becomes nobody's main."""
    file = tmp_path / "talk.jsonl"
    with opened(hw) as notebook:
        notebook.ask("1", "One")
        notebook.do(f"export {file} --whole")
    assert str(tmp_path) not in file.read_text()
    key = hashlib.sha256(str(hw).encode()).hexdigest()[:16]
    file.write_text(
        file.read_text().replace('"session": {', f'"session": {{"metadata": {{"notebook": "{key}"}}, ', 1)
    )
    with opened(hw) as notebook:
        notebook.do(f"import {file}")
    with opened(hw) as notebook:
        assert sorted(listed(notebook)) == [("hw", "", 2), ("hw", "no notebook", 2)]
        notebook.ask("2", "Two")
        assert notebook.sent == ["One", "Two"]
        assert sorted(listed(notebook)) == [("hw", "", 4), ("hw", "no notebook", 2)]
