"""What home a kernel has: the same notebook, a new one, one that moved, a copy, or none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from langswarm_nb.core.session.conversation.homes import (
    NOWHERE,
    Home,
    Saved,
    Told,
    alike,
    decide,
    file_name,
    former,
    is_another,
    note_of,
    path_of,
)

A, B = "/home/ada/a.ipynb", "/home/ada/b.ipynb"
ASKED = datetime(2026, 11, 29, 10, tzinfo=UTC)
SAVED = ASKED + timedelta(hours=1)
BEFORE = ASKED - timedelta(hours=1)


def saved(*cells: str, at: datetime = SAVED) -> Saved:
    return Saved(frozenset(cells), at)


def asked(*cells: str) -> dict[str, datetime]:
    return dict.fromkeys(cells, ASKED)


def found(told: Told, homes=None, files=None) -> tuple[str, str | None]:
    home = decide(told, homes or {}, files or {})
    return home.kind, home.origin


@pytest.mark.parametrize(
    "told",
    [
        Told(None),
        Told(None, is_sure=True),
        Told(A, saved("1"), in_cell=False),
    ],
    ids=["no name", "VS Code without a file", "a variable that was inherited"],
)
def test_no_cell_ids_in_requests_or_no_name_is_no_home(told):
    """nbconvert, papermill, terminals, scripts; also where an environment variable was inherited."""
    assert decide(told, {A: asked("1")}, {}) == NOWHERE


def test_the_home_is_the_notebook_that_the_front_end_names():
    """`JPY_SESSION_NAME` with a cell id in the request; VS Code's variable and Colab's id also without."""
    assert decide(Told(A), {}, {}) == Home(A, "new")
    assert decide(Told(A, in_cell=False, is_sure=True), {}, {}) == Home(A, "new")
    assert decide(Told("colab:1aB"), {"colab:1aB": {}}, {}) == Home("colab:1aB", "same")


def test_a_notebook_with_the_cells_that_asked_is_the_same():
    """One of them is enough: cells come and go."""
    assert found(Told(A, saved("1", "9")), {A: asked("1", "2")}) == ("same", None)


def test_another_notebook_at_an_old_path_is_a_new_session():
    """If the home's session knows cell ids and none is in the file, it is another notebook."""
    for file in (saved("9"), saved()):
        assert decide(Told(A, file), {A: asked("1")}, {}) == Home(A, "new", replaces=True)


@pytest.mark.parametrize(
    "told, cells",
    [
        (Told(A, None), asked("1")),
        (Told(A, Saved(None, SAVED)), asked("1")),
        (Told(A, saved("9")), {}),
        (Told(A, saved("9", at=BEFORE)), asked("1")),
        (Told(A, saved("9"), cell_id="1"), asked("1")),
    ],
    ids=[
        "no file",
        "cells without ids",
        "no cell is known",
        "not saved since",
        "the cell that runs is known",
    ],
)
def test_without_evidence_the_notebook_is_the_same(told, cells):
    """A new session is made only when the saved cells say that the notebook is another one."""
    assert found(told, {A: cells}) == ("same", None)


def test_one_known_cell_that_was_saved_away_is_evidence_enough():
    """Cells that asked after the file was saved are not looked for; those before are."""
    cells = {"1": ASKED, "2": SAVED + timedelta(minutes=1)}
    assert is_another(saved("9"), cells)
    assert not is_another(saved("9"), {"2": cells["2"]})


def test_a_renamed_or_moved_notebook_takes_its_sessions_along():
    """A path without a session whose file has the cells of a home whose own file is gone."""
    assert found(Told(B, saved("1", "2")), {A: asked("1")}, {A: None}) == ("moved", A)


def test_the_file_is_gone_too_when_another_notebook_has_taken_its_path():
    """Renaming a notebook and making a new one under its name leaves no doubt whose cells are where."""
    assert found(Told(B, saved("1")), {A: asked("1")}, {A: saved("9")}) == ("moved", A)


def test_a_copy_is_a_new_session():
    """If both files are there it is a copy."""
    assert found(Told(B, saved("1", "2")), {A: asked("1")}, {A: saved("1")}) == ("copy", A)


def test_the_home_with_most_of_the_cells_is_the_one_that_was_copied():
    """A cell that was pasted from a third notebook makes no copy of that one."""
    homes = {"/c.ipynb": asked("3"), A: asked("1", "2")}
    told = Told(B, saved("1", "2", "3"))
    assert alike(told, homes) == [A, "/c.ipynb"]
    assert found(told, homes, {A: saved("1", "2"), "/c.ipynb": saved("3")}) == ("copy", A)


@pytest.mark.parametrize("first", [A, "/c.ipynb"])
def test_of_homes_that_are_alike_the_one_that_asked_last_was_copied(first):
    """A copy of a copy is one of that in which somebody went on, in whatever order the store tells them."""
    times = {A: SAVED - timedelta(hours=2), "/c.ipynb": SAVED - timedelta(hours=1)}
    homes = {
        home: {"1": times[home], "2": times[A]} for home in sorted(times, key=lambda home: home != first)
    }
    assert alike(Told(B, saved("1", "2")), homes) == ["/c.ipynb", A]


def test_a_notebook_without_known_cells_is_new():
    """Nothing is told of it: it begins."""
    home = decide(Told(B, saved("8")), {A: asked("1")}, {A: saved("1")})
    assert home == Home(B, "new")
    assert note_of(home, {}) == ""


def test_a_notebook_that_comes_back_finds_its_sessions():
    """Two notebooks that take turns at one path, as branches of a repository do, each find their own."""
    old = former(A, SAVED)
    home = decide(Told(A, saved("1")), {A: asked("9"), old: asked("1")}, {old: None})
    assert home == Home(A, "moved", old, replaces=True)


def test_each_change_of_home_is_told():
    """New session and why, with the way to the conversation that was here, or that was copied."""
    copy = Home(B, "copy", A)
    assert note_of(copy, {A: "a.ipynb:demo"}) == (
        "new session: this is a copy of a.ipynb, `%langswarm fork a.ipynb:demo` brings its conversation here"
    )
    assert note_of(copy, {}) == "new session: this is a copy of a.ipynb"
    assert note_of(Home(B, "moved", A), {}) == "this notebook was a.ipynb, its conversations moved with it"
    assert note_of(Home(A, "moved", former(A, SAVED), replaces=True), {}).endswith("are back")
    another = note_of(Home(A, "new", replaces=True), {A: "3fa9c2d1"})
    assert another.startswith("new session: this is another notebook")
    assert "`%langswarm switch 3fa9c2d1`" in another
    assert note_of(NOWHERE, {}) == note_of(Home(A, "same"), {}) == ""


def test_a_former_home_is_no_path():
    """What another notebook has taken the path of keeps its name, with the day it ended."""
    assert former(A, SAVED) == "/home/ada/a.ipynb (until 2026-11-29, 11:00:00)"
    assert path_of(former(A, SAVED)) == path_of(A) == A
    assert file_name(r"C:\work\a.ipynb") == "a.ipynb"
