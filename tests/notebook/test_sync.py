"""`%langswarm sync`: the conversation follows the saved notebook, in every front end that has one."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.kernels import running_kernel
from tests.support.notebooks import OpenNotebook, opened, opened_in_code, save
from tests.support.shells import running_shell

SAVED = r", saved \d{4}-\d\d-\d\d \d\d:\d\d:\d\d"


@pytest.fixture
def talk(tmp_path):
    """Return the path of a notebook with three cells."""
    return save(tmp_path / "talk.ipynb", "load", "a", "b", "c")


def ask_all(notebook):
    for cell in "abc":
        notebook.ask(cell, f"About {cell}?")


def without_time(text):
    return re.sub(SAVED, "", text)


def requests_of(notebook: OpenNotebook) -> list[Any]:
    """Return what the offline model was asked."""
    provider: Any = notebook.shell.workspace.manager.provider_session("mock")
    requests: list[Any] = provider.requests
    return requests


def test_the_conversation_follows_cells_that_were_moved(talk):
    """A branch has the turns in the order of the file; told what was copied, marked and left, and nothing is asked."""
    with opened(talk) as notebook:
        ask_all(notebook)
        save(talk, "load", "c", "a")
        sent = len(requests_of(notebook))
        told = notebook.do("sync")
        assert without_time(told) == (
            "branch sync follows talk.ipynb · 2 turns · 2 copied · 2 answered in another context · 1.1 stays on main"
        )
        assert len(requests_of(notebook)) == sent
        assert notebook.do("branch") == "sync"
        assert notebook.do("tree").splitlines() == [
            "├─ ○ 0.1 About a?",
            "│  ○ 1.1 About b?",
            "│  ○ 2.1 About c? main",
            "└─ ● 2.2 About c? (copy of 2.1)",
            "   ● 0.2 About a? (copy of 0.1) [sync]",
        ]
        shown = repr(notebook.do("show"))
        assert "user · 2.2: About c?" in shown
        assert "assistant · 0.2 · answered in another context: " in shown
        assert without_time(notebook.do("sync")) == "the conversation is as talk.ipynb already"
        assert notebook.ask("a", "About a, again?").address == "0.3"
        assert notebook.sent == ["About c?", "About a, again?"]


def test_a_dry_run_tells_and_does_nothing(talk):
    """It names the branch, each turn with what becomes of it, and what is left."""
    with opened(talk) as notebook:
        ask_all(notebook)
        notebook.do("hide 0")
        edited = {"b": "%%langswarm -q\nAbout b, in other words?", "c": "%%langswarm -q\nAbout c?\n"}
        save(talk, "load", "a", "c", "b", sources=edited)
        before = notebook.do("tree"), notebook.do("branches").rows
        assert without_time(notebook.do("sync --dry-run")).splitlines() == [
            "branch sync would follow talk.ipynb",
            "  0.1 About a? (hidden from the model)",
            "  2.1 About c? (copied, answered in another context)",
            "  1.1 About b? (copied, answered in another context, edited since, and not asked)",
            "3 turns",
            "2 copied",
            "2 answered in another context",
            "1 edited since, and not asked",
        ]
        assert (notebook.do("tree"), notebook.do("branches").rows) == before


def test_cells_of_vs_code_are_known_by_their_prompts(tmp_path):
    """Its ids of cells are not those in the file."""
    prompts = {cell: f"%%langswarm -q\nAbout {cell}?" for cell in "abc"}
    talk = save(tmp_path / "talk.ipynb", "a", "b", "c", sources=prompts)
    with opened_in_code(talk) as notebook:
        ask_all(notebook)
        save(talk, "b", "a", sources=prompts)
        assert "2 turns · 2 copied" in notebook.do("sync")
        assert [m.content for m in notebook.do("show").messages if m.role == "user"] == [
            "About b?",
            "About a?",
        ]


def test_a_sync_ends_the_asking_again(talk):
    """In a new kernel, a cell that runs after it is asked where the conversation is now."""
    with opened(talk) as notebook:
        ask_all(notebook)
    with opened(talk) as notebook:
        save(talk, "load", "a", "c", "b")
        notebook.do("sync")
        notebook.ask("new", "About a?")
        assert notebook.sent == ["About a?", "About c?", "About b?", "About a?"]


@pytest.mark.parametrize(
    "content, words",
    [
        ('{"cells": [], "metadata": {}}', "no cell of talk.ipynb"),
        ("{", "talk.ipynb is not a notebook that can be read"),
        ('{"cells": [{"cell_type": "code"}]}', "talk.ipynb is not a notebook that can be read"),
        ('{"cells": {"a": 1}}', "talk.ipynb is not a notebook that can be read"),
        (None, "could not be read"),
    ],
)
def test_without_a_notebook_to_follow_nothing_is_done(talk, content, words):
    """A file without cells that asked, a damaged one, none: the error says which, and the path stays."""
    with opened(talk) as notebook:
        ask_all(notebook)
        talk.unlink()
        if content is not None:
            talk.write_text(content, "utf-8")
        assert words in notebook.fail("%langswarm sync")
        assert notebook.do("branch") == "main"


def test_where_no_notebook_is_known_there_is_none_to_follow():
    """In a terminal or under nbconvert the command says why it cannot do anything."""
    with running_shell(store="memory") as shell:
        shell.run("%%langswarm -q\nHi")
        assert "does not say which notebook this is" in shell.fail("%langswarm sync")


@pytest.mark.kernel
def test_a_kernel_follows_its_notebook(tmp_path, monkeypatch):
    """In a real kernel, with the path that Jupyter's server tells and the ids that JupyterLab sends."""
    talk = save(tmp_path / "talk.ipynb", "a", "b")
    monkeypatch.setenv("JPY_SESSION_NAME", str(talk))
    monkeypatch.setenv("LANGSWARM_DB_PATH", str(tmp_path / "sessions.db"))
    with running_kernel() as kernel:
        kernel.execute("%load_ext langswarm_nb")
        for cell in "ab":
            kernel.execute(f"%%langswarm\nAbout {cell}?", cell_id=cell)
        save(talk, "b", "a")
        told = kernel.execute("%langswarm sync", cell_id="c").result
        assert without_time(told).startswith("branch sync follows talk.ipynb · 2 turns · 2 copied")
        tree = kernel.execute("%langswarm tree", cell_id="c").result
        first, second = tree.splitlines()[-2:]
        assert first.startswith("└─ ● 1.2 About b? (copy of 1.1) ")
        assert second.startswith("   ● 0.2 About a? (copy of 0.1) [sync]  mock:echo  20")
        answer = kernel.execute("%%langswarm\nAnd now?", cell_id="d").displays[-1]
        assert answer["metadata"]["langswarm"]["address"] == "2.1"
