"""The drawing of a tree, cells that are told apart, and numbers in few characters."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from langswarm_nb.core.session import MessageRole, RequestFacts, SessionMessage
from langswarm_nb.core.session.conversation.nodes import TreeRows, node_of
from langswarm_nb.core.session.conversation.tree import Tree
from langswarm_nb.notebook.commands.tree_drawing import draw_tree, tree_table, tree_text, wide_tree_text
from langswarm_nb.notebook.running_cell import running_cell
from langswarm_nb.notebook.showing.amounts import count_text, dollars_text, price_text


def said(seq, role, parent, text="", *, turn=0, version=1, active=True, status="ok", **facts):
    request = RequestFacts("mock", "echo", status=status, **facts) if role == "assistant" else None
    return SessionMessage(
        id=f"m{seq}",
        role=MessageRole(role),
        content=text,
        seq=seq,
        parent_seq=parent,
        turn=turn,
        version=version,
        is_active=active,
        request=request,
    )


def drawn(messages, tips, branch="main", hidden=()):
    """Return the lines of the drawing of a session with these branches."""
    nodes = [node_of(message, message.seq, message.parent_seq) for message in messages]
    others = [(name, tip) for name, tip in tips.items() if name != branch]
    tree = Tree(TreeRows(nodes, tips[branch], branch, others, (), hidden, 0))
    return tree_text(draw_tree(tree, {message.seq: message for message in messages})).split("\n")


def test_a_tree_is_drawn_with_its_branches():
    """One line a version; branches are indented, the active path is marked, long texts are cut."""
    messages = [
        said(0, "system", None, turn=None),
        said(1, "user", 0, "first\nline"),
        said(2, "assistant", 1, "yes"),
        said(3, "user", 2, "old " * 40, active=False, turn=1),
        said(4, "assistant", 3, "yes", active=False, turn=1),
        said(5, "user", 2, "new", turn=2),
    ]
    lines = drawn(messages, {"main": 4, "other": 5, "start": 0}, "other", hidden=[("other", 0, 1)])
    assert lines[0] == "(start) start"
    assert lines[1] == "● 0.1 first line (hidden)"
    assert lines[2].startswith("├─ ○ 1.1 old old")
    assert lines[2].endswith("… main")
    assert lines[3] == "└─ ● 2.1 new (no answer) [other]"
    assert drawn([], {"main": None}) == ["Nothing has been asked yet."]


def test_a_tree_shows_who_answered_and_when():
    """What is shown has models and times in columns, as text and as a table; a line's model stands there once."""
    messages = [
        said(0, "user", None, "one", active=False),
        said(1, "assistant", 0, "a", active=False, compare_id="c"),
        said(2, "user", None, "another", version=2),
    ]
    nodes = [node_of(message, message.seq, message.parent_seq) for message in messages]
    tree = Tree(TreeRows(nodes, 2, "main", [], (), (), 0))
    lines = draw_tree(tree, {message.seq: message for message in messages})
    at = f"{messages[0].timestamp.astimezone():%Y-%m-%d %H:%M}"
    assert wide_tree_text(lines).split("\n") == [
        f"├─ ○ 0.1 one (mock:echo)             mock:echo  {at}",
        f"└─ ● 0.2 another (no answer) [main]             {at}",
    ]
    table = tree_table(lines)
    assert [tuple(map(str, row)) for row in table.rows] == [
        ("├─ ○ one", "0.1", "", "mock:echo", at),
        ("└─ ● another", "0.2", "(no answer) [main]", "", at),
    ]
    assert table.here == {1}


def test_a_tree_shows_every_version_and_how_it_ended():
    """Each version has a line that says when it failed, was stopped, asked aside, or who answered in a comparison."""
    beside = [
        replace(said(6, "user", None, "beside", turn=1, active=False), beside="aside"),
        replace(said(7, "assistant", 6, "yes", turn=1, active=False), beside="aside"),
    ]
    messages = [
        said(0, "user", None, "one", active=False),
        said(1, "assistant", 0, active=False, status="error"),
        said(2, "assistant", 0, "par", active=False, version=2, status="stopped"),
        said(3, "user", None, "one", version=3),
        said(4, "assistant", 3, "yes", version=3, active=False),
        said(5, "assistant", 3, "yes", version=4),
        *beside,
        said(8, "user", 5, "both", turn=2, active=False),
        said(9, "assistant", 8, "yes", turn=2, active=False, compare_id="c"),
    ]
    assert drawn(messages, {"main": 5}) == [
        "├─ ○ 0.1 one (failed)",
        "├─ ○ 0.2 one (stopped)",
        "├─ ○ 0.3 one",
        "├─ ● 0.4 one [main]",
        "│  ○ 2.1 both (mock:echo)",
        "└─ ○ 1.1 beside (aside)",
    ]


def test_a_long_conversation_is_drawn_too():
    """A path of thousands of turns needs no recursion."""
    messages = [said(n, "user", n - 1 if n else None, f"q{n}", turn=n) for n in range(5000)]
    assert len(drawn(messages, {"main": 4999})) == 5000


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
    """Jupyter's cell ids are taken as they are; none is not an id."""
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
        (0, "$0.00"),
        (0.00001234, "$0.000012"),
        (0.0021, "$0.0021"),
        (1234.5, "$1,234.50"),
    ],
)
def test_money_is_told_with_the_digits_that_matter(cost_usd, text):
    """An unknown price is never a 0."""
    assert dollars_text(cost_usd) == text


@pytest.mark.parametrize(
    "provider, cost_usd, text",
    [
        ("mock", None, ""),
        ("ollama", None, ""),
        ("vllm", 0.0, ""),
        ("vllm", 0.02, "$0.0200"),
        ("openai", None, "price unknown"),
        ("litellm", None, "price unknown"),
        ("openai", 0.0, "$0.00"),
    ],
)
def test_a_price_is_missed_only_where_there_is_one(provider, cost_usd, text):
    """Models of one's own servers cost nothing that anybody bills; what is known is told of all."""
    assert price_text(provider, cost_usd) == text
