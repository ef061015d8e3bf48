"""Versions of a turn, the drawing of a tree, and cells that are told apart."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from langswarm_nb.notebook.asking.versions import versions_among

from langswarm_nb.core.session import MessageRole, RequestFacts, SessionMessage
from langswarm_nb.notebook.commands.tree_drawing import draw_tree
from langswarm_nb.notebook.running_cell import running_cell
from langswarm_nb.notebook.showing.amounts import count_text, dollars_text


def said(seq, role, parent, text="", *, cell=None, active=True, turn=0, compare=None, aside=False):
    facts = RequestFacts("mock", "echo", compare_id=compare) if role == "assistant" else None
    return SessionMessage(
        id=f"m{seq}",
        role=MessageRole(role),
        content=text,
        seq=seq,
        parent_seq=parent,
        turn=turn,
        is_active=active,
        cell_id=cell,
        request=facts,
        metadata={"aside": True} if aside else {},
    )


def numbers(messages, seq):
    question = next(message for message in messages if message.seq == seq)
    return [(version.number, version.last.seq) for version in versions_among(messages, question)]


def test_versions_are_numbered_in_the_order_they_came():
    """Questions that ran again and answers that were asked again are counted together."""
    messages = [
        said(0, "user", None, cell="a"),
        said(1, "assistant", 0),
        said(2, "user", None, cell="a"),
        said(3, "assistant", 2),
        said(4, "assistant", 0),
    ]
    assert numbers(messages, 0) == numbers(messages, 2) == [(1, 1), (2, 3), (3, 4)]


def test_other_cells_and_asides_are_no_versions():
    """What hangs at the same place, but from another cell or beside the conversation, is another turn."""
    messages = [
        said(0, "user", None, cell="a"),
        said(1, "user", None, cell="b"),
        said(2, "user", None, cell="a", aside=True),
        said(3, "assistant", 2),
    ]
    assert numbers(messages, 0) == [(1, 0)]


def test_the_answers_of_a_comparison_are_numbered_as_the_models_were_named():
    """Whoever answers first, v1 is the first model; other turns at the same place are not counted."""
    messages = [
        said(0, "user", None, cell="a"),
        said(1, "user", None, cell="a"),
        said(2, "assistant", 1, compare="c"),
        said(3, "assistant", 0, compare="c"),
        said(4, "user", None, cell="a"),
        said(5, "assistant", 4),
    ]
    assert numbers(messages, 0) == [(1, 3), (2, 2)]
    assert numbers(messages, 4) == [(1, 5)]


def test_a_tree_is_drawn_with_its_branches():
    """One line a turn; branches are indented, the active path is marked, long texts are cut."""
    messages = [
        said(0, "system", None, turn=None),
        said(1, "user", 0, "first\nline"),
        said(2, "assistant", 1),
        said(3, "user", 2, "old " * 40, active=False, turn=1),
        said(4, "assistant", 3, active=False, turn=1),
        said(5, "user", 2, "new", turn=1),
    ]
    drawn = draw_tree(messages, {"main": 4, "other": 5, "start": 0}, "other").split("\n")
    assert drawn[0] == "(start) start"
    assert drawn[1] == "● #0 first line"
    assert drawn[2].startswith("├─ ○ #1 old old")
    assert drawn[2].endswith("… main")
    assert drawn[3] == "└─ ● #1 new [other]"
    assert draw_tree([], {"main": None}, "main") == "(start) [main]"


def test_a_long_conversation_is_drawn_too():
    """A path of thousands of turns needs no recursion."""
    messages = [said(n, "user", n - 1 if n else None, f"q{n}", turn=n) for n in range(5000)]
    assert draw_tree(messages, {"main": 4999}, "main").count("\n") == 4999


@pytest.mark.parametrize(
    "metadata, expected",
    [
        ({"cellId": "abc"}, "abc"),
        ({}, None),
        ({"cellId": " "}, None),
        ({"cellId": 5}, None),
    ],
)
def test_a_cell_is_known_by_the_id_that_the_front_end_tells(metadata, expected):
    """Jupyter's cell ids are taken as they are; none is no id."""
    parent = {"header": {"msg_id": "run-1"}, "metadata": metadata}
    cell = running_cell(shell_told(parent))
    assert (cell.cell_id, cell.run) == (expected, "run-1")


def shell_told(parent: dict[str, Any] | None = None) -> Any:
    """Return a stand-in for a shell that a front end has told of a cell; None is a terminal."""
    told = {} if parent is None else {"get_parent": lambda: parent}
    return SimpleNamespace(execution_count=7, **told)


def test_cells_of_vs_code_are_known_in_this_kernel_only():
    """Its ids hold the file's path and are given anew at each opening: the path is left out, the kernel put in."""
    told = {"cellId": "vscode-notebook-cell:/home/ada/secret.ipynb#W0sZmlsZQ"}
    parent = {"header": {"msg_id": "run-1"}, "metadata": told}
    cell = running_cell(shell_told(parent))
    assert cell.cell_id is not None
    assert cell.cell_id.startswith("vscode:")
    assert cell.cell_id.endswith(":W0sZmlsZQ")
    assert "ada" not in cell.cell_id


def test_a_terminal_has_runs_and_no_cells():
    """At a prompt each input is a run of its own."""
    assert running_cell(shell_told()).run == "7"


@pytest.mark.parametrize(
    "number, text", [(None, "?"), (0, "0"), (9_999, "9999"), (12_345, "12.3k"), (2_500_000, "2.5M")]
)
def test_counts_are_short(number, text):
    """Tokens are told in a few characters."""
    assert count_text(number) == text


@pytest.mark.parametrize(
    "cost_usd, text",
    [
        (None, "price unknown"),
        (0, "$0.0000"),
        (0.00001234, "$0.000012"),
        (0.0021, "$0.0021"),
        (1234.5, "$1,234.50"),
    ],
)
def test_money_is_told_with_the_digits_that_matter(cost_usd, text):
    """An unknown price is never a 0."""
    assert dollars_text(cost_usd) == text
