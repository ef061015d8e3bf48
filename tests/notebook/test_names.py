"""Names of sessions in cells and commands, and the model that a session goes by."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from langswarm_nb.core.session.providers.mock import MockProviderSession
from langswarm_nb.notebook.bridge import run_sync
from tests.support.notebooks import OpenNotebook, opened, save
from tests.support.shells import running_shell


@pytest.fixture
def notes(tmp_path):
    """Return a notebook that has asked in its own session and in `demo`."""
    path = save(tmp_path / "notes.ipynb", "n", "d")
    with opened(path) as notebook:
        notebook.ask("n", "Note")
        notebook.ask("d", "There", "-S demo")
    return path


@pytest.fixture
def notebook(notes):
    """Return a kernel of another notebook on the same store."""
    with opened(save(notes.with_name("hw.ipynb"), "1")) as notebook:
        yield notebook


def sessions(notebook):
    return {(row["home"], row["session"]): row["messages"] for row in notebook.do("sessions --all")}


# Which session is meant


def test_a_name_on_a_cell_makes_a_session_here_and_tells_of_the_one_elsewhere(notebook):
    """`-S demo` is this notebook's; the footer names the other, and `-S notes.ipynb:demo` goes on with that."""
    reply = notebook.ask("1", "Here", "-S demo")
    assert notebook.sent == ["Here"]
    told = "new session demo · another of this name in notes.ipynb, `-S notes.ipynb:demo` continues it"
    assert told in reply.footer
    assert "another" not in notebook.ask("2", "Here again", "-S demo").footer
    reply = notebook.ask("3", "Here", "-S notes:demo")
    assert notebook.sent == ["There", "Here"]
    assert "turn 1.1 of notes.ipynb:demo" in reply.footer
    assert sessions(notebook) == {("", "demo"): 4, ("notes.ipynb", "notes"): 2, ("notes.ipynb", "demo"): 4}


def test_a_name_on_a_cell_is_for_that_cell_and_stay_makes_it_last(notebook):
    """A kernel's current session changes by `new`, `switch` and `-S` with `--stay` alone."""
    notebook.ask("1", "One")
    notebook.ask("2", "Aside", "-S french")
    notebook.ask("3", "Two")
    assert notebook.sent == ["One", "Two"]
    notebook.ask("4", "Deux", "-S french --stay")
    notebook.ask("5", "Trois")
    assert notebook.sent == ["Aside", "Deux", "Trois"]
    assert notebook.do("status")["session"] == "french"
    assert "-S NAME --stay" in notebook.fail("%%langswarm --stay\nX")
    with opened(notebook.path) as again:
        assert again.do("status")["session"] == "french"


def test_a_dry_run_of_a_name_makes_nothing(notebook):
    """Neither session nor note is left of a send that did not happen."""
    before = sessions(notebook)
    notebook.shell.run("%%langswarm --dry-run -S demo --stay\nHi", "1")
    assert sessions(notebook) == before
    assert "another" not in notebook.ask("2", "Hi").footer
    assert notebook.do("status")["session"] == "hw"


def test_commands_read_the_one_session_elsewhere_and_name_its_home(notebook):
    """`show`, `switch`, `export` and `ls.session`: this notebook's, else the one elsewhere that has the name."""
    assert "the one of notes.ipynb" in repr(notebook.do("show demo"))
    assert notebook.do("switch demo") == "demo · the one of notes.ipynb"
    assert notebook.do("switch") == "notes.ipynb:demo"
    assert "demo · the one of notes.ipynb is in" in notebook.do(
        f"export {notebook.path.parent}/talk.md -S demo"
    )
    notebook.do("new demo")
    assert "notes" not in repr(notebook.do("show demo"))
    found = notebook.shell.run("import langswarm_nb as ls\nls.session('demo')", "1")
    assert found.record.home == str(notebook.path)


def test_a_name_that_two_notebooks_have_is_an_error_that_lists_them(notebook):
    """And their addresses name each of them."""
    notebook.ask("1", "Here", "-S demo")
    with opened(save(notebook.path.with_name("third.ipynb"), "3")) as third:
        complaint = third.fail("%langswarm switch demo")
        assert "notes.ipynb:demo" in complaint
        assert "hw.ipynb:demo" in complaint
        assert third.do("switch hw:demo") == "hw.ipynb:demo"


@pytest.mark.parametrize(
    "command", ["delete demo --yes", "archive demo", "rename demo mine"], ids=["delete", "archive", "rename"]
)
def test_another_notebooks_session_is_changed_by_its_address_alone(notebook, command):
    """`delete`, `archive` and `rename` do not take a label that only another notebook has."""
    before = sessions(notebook)
    complaint = notebook.fail(f"%langswarm {command}")
    assert "`%langswarm " in complaint
    assert "notes.ipynb:demo" in complaint
    assert sessions(notebook) == before
    notebook.do(command.replace("demo", "notes:demo"))
    assert sessions(notebook) != before or "archived" in repr(notebook.do("sessions --all"))


def test_the_current_session_of_another_notebook_is_not_renamed_in_passing(notebook):
    """`rename NEW` and `archive` are about the current session, when that is this notebook's."""
    notebook.do("switch demo")
    for command in ("rename mine", "archive"):
        assert "belongs to another notebook" in notebook.fail(f"%langswarm {command}")
    assert notebook.do("rename notes:demo mine") == "notes.ipynb:mine"
    assert notebook.do("rename") == "notes.ipynb:mine"


def test_new_with_a_name_that_this_notebook_has_renames_its_own_and_says_so(notebook):
    """The old one becomes `NAME (day, time)`; another notebook's session of that name stays what it is."""
    assert notebook.do("new demo") == "demo"
    notebook.ask("1", "Old")
    said = notebook.do("new demo")
    old = re.fullmatch(r"demo · the old one is now (demo \(\d{4}-\d\d-\d\d, \d\d:\d\d\))", said)
    assert old is not None
    assert sessions(notebook) == {
        ("", "demo"): 0, ("", old[1]): 2, ("notes.ipynb", "notes"): 2, ("notes.ipynb", "demo"): 2,
    }  # fmt: skip
    reply = notebook.ask("2", "Newer", "--new demo")
    assert f"the old one is now {old[1].removesuffix(')')}" in reply.footer


def test_new_without_a_name_is_numbered_after_the_notebook(notebook):
    """`new` twice: `hw-2`, `hw-3`."""
    notebook.ask("1", "One")
    assert [notebook.do("new"), notebook.do("new")] == ["hw-2", "hw-3"]


def test_no_two_sessions_of_a_notebook_share_a_label(notebook):
    """`rename` refuses a label of this notebook's, in whatever form it is written, and takes others'."""
    notebook.do("new café")
    notebook.do("new work")
    assert "There is a session" in notebook.fail("%langswarm rename cafe\u0301")
    assert notebook.do("rename demo") == "demo"
    assert notebook.do("rename Demo") == "Demo"


def test_the_list_has_this_notebooks_sessions_first(notebook):
    """Then the others with their homes; `--all` shows archived ones too."""
    notebook.ask("1", "One")
    notebook.do("archive notes:demo")
    rows = [(row["session"], row["home"]) for row in notebook.do("sessions")]
    assert rows == [("hw", ""), ("notes", "notes.ipynb")]
    assert [row[""] for row in notebook.do("sessions --all")] == ["→", "archived", ""]


def test_an_import_changes_nothing_current(notebook):
    """It belongs to no notebook; the command names how to go there."""
    notebook.ask("1", "One")
    file = notebook.path.with_name("talk.jsonl")
    notebook.do(f"export {file} -S notes:demo")
    way = re.search(r"`%langswarm (switch .*)` goes there", notebook.do(f"import {file}"))
    assert way is not None
    assert notebook.do("status")["session"] == "hw"
    notebook.do(way[1])
    notebook.ask("2", "Two")
    assert notebook.sent == ["There", "Two"]


# Which model is meant


@pytest.fixture
def groq(notebook):
    """Let groq's models answer offline."""
    notebook.shell.workspace.manager.add_provider_session("groq", MockProviderSession(replies=["Yes"] * 9))
    return notebook


def test_the_first_real_model_that_is_named_becomes_the_sessions(groq):
    """`-m` holds for its cell; a session whose model was never chosen takes the first real one over, and says so."""
    groq.ask("1", "Hi", "-m mock:script")
    assert groq.do("use") == "mock:echo"
    assert "groq:first is now the model of this session" in groq.ask("2", "Hi", "-m groq:first").footer
    assert groq.do("use") == "groq:first"
    assert "model of this session" not in groq.ask("3", "Hi", "-m groq:second").footer
    assert groq.do("use") == "groq:first"
    groq.ask("4", "Hi", "-S other -m groq:second,groq:third")
    reply = groq.ask("5", "Hi", "-S other")
    assert reply.message.request.request_model == "second", "the first of several"


def test_a_model_that_was_chosen_is_not_taken_over(groq):
    """Also where it is the one that a session has anyway."""
    groq.do("use mock:echo")
    groq.ask("1", "Hi", "-m groq:first")
    assert groq.do("use") == "mock:echo"


def test_what_is_reached_by_the_flags_of_a_cell_becomes_nobodys_model(groq, monkeypatch):
    """The cells after it have neither its address nor its key."""
    monkeypatch.setenv("MY_OWN_KEY", "gsk-0123456789abcdef0123")
    groq.try_("%%langswarm -m groq:first --api-key-name MY_OWN_KEY --timeout 0.01\nHi")
    assert groq.do("use") == "mock:echo"


def test_a_send_that_did_not_happen_names_no_model(notebook):
    """A key that is missing is told before anything is stored."""
    assert "GROQ_API_KEY" in notebook.fail("%%langswarm -m groq:first\nHi")
    assert sessions(notebook) == {("notes.ipynb", "notes"): 2, ("notes.ipynb", "demo"): 2}
    assert notebook.do("use") == "mock:echo"


def test_the_environment_is_for_new_sessions(notebook, monkeypatch):
    """`LANGSWARM_MODEL` never overwrites what a session was told, and counts as chosen."""
    notebook.do("use mock:script")
    notebook.ask("1", "Hi")
    monkeypatch.setenv("LANGSWARM_MODEL", "mock:slow")
    with opened(notebook.path) as again:
        assert again.do("use") == "mock:script"
        again.do("new other")
        assert again.do("use") == "mock:slow"
        again.shell.run("%config LangSwarmMagics.model = 'mock:echo'")
        assert again.do("use") == "mock:slow"
        again.do("new third")
        again.shell.workspace.manager.add_provider_session("groq", MockProviderSession(replies=["Yes"]))
        again.ask("2", "Hi", "-m groq:first")
        assert again.do("use") == "mock:echo"


def test_a_new_session_has_the_model_of_the_settings_or_the_default(notebook):
    """What another session was told is that one's alone."""
    notebook.do("use mock:script")
    notebook.do("new other")
    assert notebook.do("use") == "mock:echo"


def test_settings_of_a_session_come_before_those_of_the_environment():
    """Cell flag, then what the session was told, then the trait, then the default."""
    with running_shell(timeout_s=50.0, retries=5) as shell:  # short on purpose: a setting
        session = shell.run("%%langswarm -q\nHi").session
        notebook = OpenNotebook(Path(), shell)
        assert (notebook.requests[-1].timeout_s, notebook.requests[-1].retries) == (50.0, 5)
        run_sync(session.update_settings(timeout_s=20.0))  # short on purpose: a setting
        shell.run("%%langswarm -q\nHi")
        assert (notebook.requests[-1].timeout_s, notebook.requests[-1].retries) == (20.0, 5)
        shell.run("%%langswarm -q --timeout 7\nHi")
        assert notebook.requests[-1].timeout_s == 7.0


def test_a_name_in_either_normal_form_is_one_name(notebook):
    """Typed on one system, pasted from another; in commands, on cells and for branches."""
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    notebook.do(f"new {composed}")
    notebook.ask("1", "One")
    notebook.do("new other")
    notebook.do(f"switch {decomposed}")
    notebook.ask("2", "Two")
    assert notebook.sent == ["One", "Two"]
    notebook.ask("3", "Three", f"-S {decomposed}")
    assert notebook.sent == ["One", "Two", "Three"]
    notebook.do(f"fork 0 {decomposed}")
    notebook.ask("4", "Four", f"-b {composed}")
    assert notebook.sent == ["One", "Four"]
