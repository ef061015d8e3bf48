"""The tables for people who come from other libraries: what they are told to write here runs."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

import langswarm_nb.core.session as library
from langswarm_nb.core.session import create_session_manager
from tests.support.pages import GUIDES

PAGE = (GUIDES / "coming-from.md").read_text("utf-8")
ROWS = [
    (title, *cells)
    for title, table in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)
    for cells in re.findall(r"^\| (.+?) \| (.+?) \|$", table, flags=re.MULTILINE)
    if cells != ("there", "here")
]
_CODE = re.compile(r"`([^`]+)`")


@pytest.fixture
async def names() -> AsyncIterator[dict[str, Any]]:
    """Return what a row may use: the names of the library, a manager, a session with a turn, one named `s1`."""
    async with create_session_manager("memory") as manager:
        session = await manager.create_session("ada", "mock", "echo")
        await session.send_message("Good morning!")
        public = {name: getattr(library, name) for name in library.__all__}
        yield {**public, "manager": manager, "session": session}


def test_there_are_three_tables() -> None:
    """They are found by this test, so that the next one runs something."""
    assert {title for title, _, _ in ROWS} == {"langswarm", "langchain", "openai-agents sessions"}
    assert len(ROWS) >= 40


@pytest.mark.parametrize("title, there, here", ROWS, ids=lambda cell: cell[:40])
async def test_what_a_row_tells_to_write_here_runs(
    title: str, there: str, here: str, names: dict[str, Any]
) -> None:
    """Each piece of code in its right cell, in order; words such as `"local"` and names of the library count, too."""
    for code in _CODE.findall(here):
        found: dict[str, Any] = {}
        cell = compile(_kept(code), f"{title}: {there}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        running = eval(cell, names, found)  # noqa: S307 - our own page
        if inspect.isawaitable(running):
            await running
        value = found.pop("value", None)
        names.update(found)
        if hasattr(value, "close") and hasattr(value, "storage"):  # a manager of its own
            await value.close()


def _kept(code: str) -> str:
    """Return code that keeps the value of an expression; a keyword alone is one of a send."""
    if code.startswith("from "):
        return code
    if re.fullmatch(r"\w+=.+", code):
        code = f'await session.send_message("Hello!", {code})'
    elif re.fullmatch(r"[a-z_]+", code) and hasattr(library.BaseSession, code):
        code = f"session.{code}"
    return f"value = ({code})"
