"""The first line of a cell: what each flag means, and what is told of a wrong one."""

from __future__ import annotations

import pytest
from IPython.core.error import UsageError

from langswarm_nb.notebook.asking.cell_flags import cell_parser
from langswarm_nb.notebook.asking.options import CellOptions, parse_cell_line


@pytest.mark.parametrize(
    "line, expected",
    [
        ("", {}),
        ("mock:echo", {"models": ("mock:echo",)}),
        ("-m a -m b,c", {"models": ("a", "b", "c")}),
        ("a -m b", {"models": ("a", "b")}),
        ("-m a -m a,b", {"models": ("a", "a", "b")}),
        ("x <<", {"name": "x", "shows": False}),
        ("x<<", {"name": "x", "shows": False}),
        ("x = <<", {"name": "x", "shows": True}),
        ("x=<< -q", {"name": "x", "shows": False}),
        ("mock:echo x << -t 0", {"models": ("mock:echo",), "name": "x", "shows": False, "temperature": 0.0}),
        ('-s "Be brief"', {"system": "Be brief"}),
        ('-s "Answer as <<"', {"system": "Answer as <<"}),
        ("-s '<<'", {"system": "<<"}),
        ("-s 'x <<' y <<", {"system": "x <<", "name": "y", "shows": False}),
        ("-S a'<<'", {"session": "a<<"}),
        ('-s Don"\'t guess"', {"system": "Don't guess"}),
        ("-s ''", {"system": ""}),
        (r"--system-file C:\new\file.txt", {"system_file": r"C:\new\file.txt"}),
        ("-S work", {"session": "work"}),
        ("--new", {"new": ""}),
        ("--new work", {"new": "work"}),
        ("-b alt --from 3", {"branch": "alt", "from_turn": "3"}),
        ("--from 3.2", {"from_turn": "3.2"}),
        ("-f json", {"format": "json"}),
        ("-x", {"extract": "first"}),
        ("--xl", {"extract": "last"}),
        ("--max-tokens 5", {"max_tokens": 5}),
        ("-o top_p 0.5 -o user me", {"options": {"top_p": 0.5, "user": "me"}}),
        ("""-o format '{"type": "json"}'""", {"options": {"format": {"type": "json"}}}),
        ("-o bias NaN", {"options": {"bias": "NaN"}}),
        ("--no-history", {"history": False}),
        ("--append", {"rerun": "append"}),
        ("--replace", {"rerun": "replace"}),
        ("--no-stream", {"stream": False}),
        ("-q", {"shows": False}),
        ("-u", {"usage": True}),
        ("--raw", {"raw": True}),
        ("--dry-run", {"dry_run": True}),
        ("--timeout 2.5 --retries 0", {"timeout_s": 2.5, "retries": 0}),
        ("--budget 0.01", {"budget_usd": 0.01}),
        ("--api-base http://localhost:1/v1", {"api_base": "http://localhost:1/v1"}),
        ("--api-key-name MY_KEY", {"api_key_name": "MY_KEY"}),
    ],
)
def test_a_line_is_read(line, expected):
    """Every flag sets what it is for, and nothing else."""
    assert parse_cell_line(line) == CellOptions(**expected)


@pytest.mark.parametrize(
    "line, complaint",
    [
        ("--budget nan", "'nan' is not an amount in US dollars"),
        ("--from v2", "'v2' is neither the number of a turn nor TURN.VERSION"),
        ("--from 3.", "'3.' is neither"),
        ("--budget -1", "'-1' is not an amount in US dollars"),
        ('-o format {"type":1}', "'{type:1}' is not JSON"),
        ("--sesion x", "unknown flag --sesion, did you mean --session?"),
        ("--temprature 1", "did you mean --temperature?"),
        ("-t hot", "invalid float value: 'hot'"),
        ("-f pdf", "choose from"),
        ("-m", "expected one argument"),
        ("-o top_p", "expected 2 arguments"),
        ("--append --replace", "not allowed with"),
        ("one two", "unexpected word 'two'"),
        ("-s don't", "A quote is not closed"),
        ("1x <<", "cannot be a variable"),
        ("class <<", "cannot be a variable"),
        ("'x' <<", "cannot be a variable"),
        ("<<", "cannot be a variable"),
    ],
)
def test_a_wrong_line_is_refused(line, complaint):
    """The error says what is wrong, with the nearest flag."""
    with pytest.raises(UsageError) as caught:
        parse_cell_line(line)
    assert complaint in str(caught.value)


def test_no_flag_takes_a_key():
    """A key can be named by its variable only."""
    assert not [flag for flag in cell_parser().flags if "key" in flag and flag != "--api-key-name"]
