"""The keywords of `langswarm_nb.ask`: the flags of the cell, each by its own name."""

from __future__ import annotations

from typing import get_type_hints

import pytest

from langswarm_nb.core.session import SessionValueError
from langswarm_nb.notebook.asking.cell_flags import cell_parser
from langswarm_nb.notebook.asking.keywords import AskKeywords, options_of
from langswarm_nb.notebook.asking.options import CellOptions, parse_cell_line


def keywords() -> set[str]:
    """The long names of all flags, as Python writes them."""
    names = (max(a.option_strings, key=len) for a in cell_parser().actions if a.option_strings)
    return {name.lstrip("-").replace("-", "_") for name in names}


@pytest.mark.parametrize(
    "line, given",
    [
        ("--from 7.2 -b idea", {"from_": "7.2", "branch": "idea"}),
        ("--from 7", {"from_": 7}),
        ("--no-history", {"no_history": True}),
        ("--append", {"append": True}),
        ("--replace", {"replace": True}),
        ("--no-stream -u --raw --dry-run", {"no_stream": True, "usage": True, "raw": True, "dry_run": True}),
        ("--timeout 3 --retries 0 --budget 0.5", {"timeout": 3.0, "retries": 0, "budget": 0.5}),
        ("-x", {"extract": True}),
        ("--xl", {"xl": True}),
        ("-x", {"extract": "first"}),
        ("-q", {"quiet": True}),
        ("-s Brief -S work", {"system": "Brief", "session": "work"}),
        ("-m mock:echo -m mock:script", {"model": "mock:echo,mock:script"}),
        ("-m mock:echo,mock:echo", {"model": "mock:echo,mock:echo"}),
        ("-o seed 3", {"options": {"seed": 3}}),
        ("-a a.png -a cell", {"attachments": ["a.png", "cell"]}),
        ("-a a.png -a b.png", {"attachment": "a.png", "attachments": ("b.png",)}),
        ("-T web_search --detail low", {"tool": "web_search", "detail": "low"}),
        ("-T web_search -T x", {"tools": ["web_search", "x"], "attachment": None}),
        ("", {"no_history": False, "append": False}),
    ],
)
def test_a_keyword_asks_for_what_its_flag_asks_for(line, given):
    """`--no-history` and `no_history=True` are one."""
    assert options_of((), given, shows=True) == parse_cell_line(line)


def test_every_flag_is_a_keyword_that_type_checkers_know():
    """A new flag of the cell joins the keywords."""
    known = {name.removesuffix("_") for name in get_type_hints(AskKeywords)}
    assert keywords() - {"option"} <= known


@pytest.mark.parametrize(
    "given",
    [{"format": "nope"}, {"detail": "medium"}, {"extract": "second"}, {"rerun": "again"}],
    ids=lambda given: next(iter(given)),
)
def test_a_word_that_a_flag_does_not_have_is_an_error(given):
    """It is not taken for the default."""
    [(name, value)] = given.items()
    with pytest.raises(SessionValueError, match=f"{name}='{value}' is not allowed"):
        options_of((), given, shows=True)


def test_the_names_of_the_fields_are_understood_too():
    """What was passed before goes on working."""
    given = {"timeout_s": 90.0, "history": False, "rerun": "append", "budget_usd": 1.0, "from_turn": 3}
    wanted = CellOptions(timeout_s=90.0, history=False, rerun="append", budget_usd=1.0, from_turn="3")
    assert options_of((), given, shows=True) == wanted


@pytest.mark.parametrize(
    "name, near", [("temprature", "temperature"), ("buget", "budget"), ("sistem", "system")]
)
def test_a_misspelt_keyword_is_an_error_with_the_nearest(name, near):
    """Nothing that was meant for us goes to the provider."""
    with pytest.raises(SessionValueError, match=f"{name}.*did you mean {near}"):
        options_of((), {name: 1}, shows=True)


def test_a_stop_word_may_be_a_line_end():
    r"""`-o stop "\n"` stops at the end of the line; other options keep their backslashes."""
    options = parse_cell_line(r'-o stop "\n" -o path "C:\new"').options
    assert options == {"stop": "\n", "path": r"C:\new"}
