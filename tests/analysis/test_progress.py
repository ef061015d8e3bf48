"""Progress: one output that says the last state, nothing for quick work, and no times at the end."""

from __future__ import annotations

import io
import itertools
import sys

import pytest

from langswarm_nb.analysis.transfer.progress import Progress, chosen_mode
from langswarm_nb.core.session import SessionValueError


@pytest.fixture
def slow(monkeypatch):
    """Let every step take a second."""
    now = itertools.count(0.0)
    monkeypatch.setattr("langswarm_nb.analysis.transfer.progress.time.monotonic", lambda: next(now))


@pytest.fixture
def stderr(monkeypatch, capsys):
    """Return what was written to stderr when it is called."""
    monkeypatch.setenv("LANGSWARM_PROGRESS", "text")
    return lambda: capsys.readouterr().err


def run(steps):
    with Progress("exporting", steps, "session") as progress:
        for _ in range(steps):
            progress.advance()
    return progress


def test_a_terminal_gets_one_line(slow, stderr):
    """Each state takes the place of the one before; the last has no times and ends the line."""
    run(3)
    written = stderr()
    assert written.count("\n") == 1
    assert written.endswith("exporting: 3 of 3 sessions\x1b[K\n")
    assert "s left" in written


def test_quick_work_shows_nothing(stderr):
    """What ends within a second leaves no line."""
    run(3)
    assert stderr() == ""


def test_a_notebook_gets_one_output(slow, monkeypatch):
    """One display that is updated; its HTML is a bar with a label, its text says the same."""
    monkeypatch.setenv("LANGSWARM_PROGRESS", "html")
    shown, updated = [], []

    class Handle:
        def update(self, value):
            updated.append(value._repr_mimebundle_())

    import IPython.display

    def display(value, **options):
        shown.append((value, options))
        return Handle()

    monkeypatch.setattr(IPython.display, "display", display)
    run(5)
    assert len(shown) == 1
    assert updated[-1]["text/plain"].endswith("exporting: 5 of 5 sessions")
    assert updated[-1]["text/html"].startswith('<progress value="5" max="5"')


def test_work_that_fails_says_how_far_it_got(slow, stderr):
    """An error goes through, and the last line keeps the count and no times."""

    def fail():
        with Progress("exporting", 9) as progress:
            progress.advance(2)
            progress.advance(2)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert stderr().endswith("exporting: 4 of 9 rows, stopped\x1b[K\n")


def test_the_setting_chooses(monkeypatch):
    """off, text and html as named; auto is quiet where nobody looks; anything else is an error."""
    for name in ("off", "text", "html"):
        monkeypatch.setenv("LANGSWARM_PROGRESS", name)
        assert chosen_mode() == name
    monkeypatch.setenv("LANGSWARM_PROGRESS", "auto")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert chosen_mode() == "off"
    monkeypatch.setenv("LANGSWARM_PROGRESS", "loud")
    with pytest.raises(SessionValueError, match="'loud'"):
        chosen_mode()
