"""The code in a page of the documents: its blocks, and running them as a reader would, one after the other."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import sys
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from tests.support.paths import REPOSITORY

GUIDES = REPOSITORY / "docs" / "guide"
_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str = "python") -> list[str]:
    """Return the blocks of a page that are in one language, in order."""
    found = _BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [block["code"] for block in found if block["language"] == language]


def compiled(page: Path) -> list[CodeType]:
    """Return the Python of a page; its blocks may await."""
    text = page.read_text(encoding="utf-8")
    found = []
    for block in _BLOCK.finditer(text):
        if block["language"] == "python":
            above = "\n" * text.count(
                "\n", 0, block.start("code")
            )  # a traceback then names the line of the page
            code = above + block["code"]
            found.append(compile(code, str(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))
    return found


async def run(page: Path) -> None:
    """Run the blocks of a page in order, in one namespace."""
    module = ModuleType(f"page_{page.stem}")
    sys.modules[module.__name__] = module  # where types of the page are looked up
    names: dict[str, Any] = vars(module)
    for code in compiled(page):
        running = eval(code, names)  # noqa: S307 - our own page
        if inspect.isawaitable(running):
            await running


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1])))
