"""What has a limit reads as much as it shows: what the storage hands over is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from langswarm_nb.core.session import SessionManager, SessionSettings
from langswarm_nb.core.session.interfaces import SessionRecord
from langswarm_nb.core.session.settings import SessionStatus
from langswarm_nb.notebook.bridge import run_sync
from langswarm_nb.notebook.panel.finding import MAX_FOUND, found_choices, session_choices
from tests.support.shells import Shell, running_shell

MANY = 120
HOMES = ("/x/hw.ipynb", "/y/hw.ipynb", None)
READS = ("list_sessions", "list_first_questions", "get_messages", "load_session")


@pytest.fixture(params=[None, "/x/hw.ipynb"], ids=["nowhere", "notebook"])
def shell(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A shell without a notebook or in one, on a store of many sessions: a third of each home, each tenth archived."""
    if request.param is not None:
        monkeypatch.setenv("JPY_SESSION_NAME", request.param)
    with running_shell() as shell:
        run_sync(fill(shell.workspace.manager, shell.workspace.user_id))
        shell.run("%langswarm sessions -n 1", cell_id="c")  # who is where is found out once
        yield shell


async def fill(manager: SessionManager, user_id: str) -> None:
    for number in range(MANY):
        await manager.storage.create_session(
            SessionRecord(
                session_id=f"{number:06}",
                user_id=user_id,
                settings=SessionSettings("mock", "echo"),
                title=f"talk {number}",
                home=HOMES[number % 3],
                status=SessionStatus.ARCHIVED if number % 10 == 9 else SessionStatus.ACTIVE,
            )
        )


@pytest.fixture
def handed_over(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many records, questions and messages were handed over, by the call."""
    counts: Counter[str] = Counter()
    storage = shell.workspace.manager.storage

    def count(name: str) -> None:
        real = getattr(storage, name)

        async def counted(*values: Any, **named: Any) -> Any:
            found = await real(*values, **named)
            counts[name] += len(found) if isinstance(found, (list, dict)) else 1
            return found

        monkeypatch.setattr(storage, name, counted)

    for name in READS:
        count(name)
    return counts


@pytest.mark.parametrize("limit", [1, 7, 20, 36])
def test_the_list_of_sessions_reads_what_it_shows(
    shell: Shell, handed_over: Counter[str], limit: int
) -> None:
    """Those of this notebook and those of all: at most twice as many as are shown, and what is archived between."""
    shown = shell.run(f"%langswarm sessions -n {limit}", cell_id="c")
    assert len(shown) == limit
    assert handed_over["list_sessions"] <= 3 * limit + 1
    assert handed_over["list_first_questions"] <= limit
    assert handed_over["get_messages"] == 0


@pytest.mark.parametrize("wanted", ["", "-q 7", "-q hw.ipynb:", "-q nothing"])
def test_the_list_is_the_beginning_of_all(shell: Shell, wanted: str) -> None:
    """A limit changes nothing in what comes first."""
    every = list(shell.run(f"%langswarm sessions -n 0 {wanted}", cell_id="c"))
    for limit in (1, 5, 39, 40, 41, 90, 1000):
        assert list(shell.run(f"%langswarm sessions -n {limit} {wanted}", cell_id="c")) == every[:limit]


def test_a_name_is_looked_for_until_so_many_are_found(shell: Shell, handed_over: Counter[str]) -> None:
    """Most sessions have it, so a few are read."""
    assert len(shell.run("%langswarm sessions -q talk -n 4", cell_id="c")) == 4
    assert handed_over["list_sessions"] <= 16


@pytest.mark.parametrize("flags", ["", "--all"])
@pytest.mark.parametrize("limit", [1, 3, 6, 7, 0])
def test_a_transcript_reads_what_it_shows(
    shell: Shell, handed_over: Counter[str], limit: int, flags: str
) -> None:
    """And says how many there are, all the same."""
    for number in range(3):
        shell.run(f"%%langswarm -q\n{number}", cell_id=f"q{number}")
    handed_over.clear()
    shown = shell.run(f"%langswarm show -n {limit} {flags}", cell_id="c")
    assert [message.content[-1] for message in shown.messages] == list("001122"[-limit:])
    assert handed_over["get_messages"] == len(shown.messages)
    assert shown.total == 6


def test_the_status_counts_without_reading_a_word(shell: Shell, handed_over: Counter[str]) -> None:
    """Turns and messages are counted on the shape of the conversation."""
    shell.run("%%langswarm -q\nHello", cell_id="q")
    handed_over.clear()
    status = shell.run("%langswarm status", cell_id="c")
    assert (status["turns"], status["messages"]) == (1, "2 on this branch, 2 in all")
    assert handed_over["get_messages"] == 0


def test_a_search_in_a_panel_reads_the_sessions_that_it_shows(
    shell: Shell, handed_over: Counter[str]
) -> None:
    """Of all the others nothing."""
    shell.run("%%langswarm -q\nxylophone", cell_id="q")
    session = run_sync(shell.workspace.current())
    handed_over.clear()
    found = run_sync(found_choices(shell.workspace.manager, session, "xylophone"))
    assert {choice["value"] for choice in found} == {session.session_id}
    assert handed_over["list_sessions"] == 0
    assert handed_over["load_session"] <= MAX_FOUND
    assert handed_over["list_first_questions"] <= 1


def test_the_picker_of_a_panel_asks_for_the_titles_that_it_shows(
    shell: Shell, handed_over: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first questions of those sessions alone."""
    monkeypatch.setattr("langswarm_nb.notebook.panel.finding.MAX_SESSIONS", 3)
    for name in range(5):
        shell.run(f"%langswarm new {name}", cell_id=f"n{name}")
        shell.run("%%langswarm -q\nHello", cell_id=f"q{name}")
    session = run_sync(shell.workspace.current())
    handed_over.clear()
    choices = run_sync(session_choices(shell.workspace.manager, session))
    assert len(choices) == handed_over["list_sessions"] == handed_over["list_first_questions"] == 3
