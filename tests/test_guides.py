"""Every Python block of the guides runs as written, in order, offline."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from tests.support.paths import REPOSITORY

# The guide to frames starts from a filled store; tests/analysis/test_guide.py makes one and runs it.
GUIDES = [page for page in sorted((REPOSITORY / "docs" / "guide").glob("*.md")) if page.stem != "analysis"]
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
async def test_the_blocks_of_a_guide_run_in_order(guide: Path) -> None:
    """A reader who copies the blocks one after the other sees no error."""
    blocks = _compiled(guide)
    assert blocks
    names: dict[str, Any] = {"__name__": guide.stem}
    for code in blocks:
        running = eval(code, names)  # noqa: S307 - our own page
        if inspect.isawaitable(running):
            await running


def _compiled(guide: Path) -> list[CodeType]:
    text = guide.read_text(encoding="utf-8")
    blocks = []
    for block in _BLOCK.finditer(text):
        above = "\n" * text.count("\n", 0, block.start(1))  # a traceback then names the line of the page
        blocks.append(compile(above + block[1], str(guide), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))
    return blocks
