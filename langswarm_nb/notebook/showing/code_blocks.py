"""The fenced code blocks of a Markdown text, as the renderer sees them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from langswarm_nb.render.languages import NAMES

_CELLS = "python"


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """One fenced block."""

    code: str
    language: str = ""

    @property
    def kind(self) -> str:
        """Its language under one name: that of ``py`` and ``python3`` is ``"python"``."""
        return NAMES.get(self.language, self.language)


def code_blocks(text: str) -> list[CodeBlock]:
    """Return the fenced blocks in order; one that is not closed goes to the end of what it stands in.

    Blocks inside of lists and quotes lose the indentation and the marks of those.
    """
    from langswarm_nb.render.markdown import fences  # takes 30 ms, and few ask for it

    return [
        CodeBlock(code.removesuffix("\n"), _language(info))
        for info, code in fences(text.replace("\r\n", "\n"))
    ]


def kind_for_cell(blocks: Sequence[CodeBlock]) -> str:
    """Return which language of an answer goes into a cell: Python, or else that of the first block."""
    kinds = [block.kind for block in blocks]
    return _CELLS if _CELLS in kinds or not kinds else kinds[0]


def code_markdown(blocks: Sequence[CodeBlock]) -> str:
    """Return what goes into a cell as one block, and each other block below the line that puts it into one."""
    kind = kind_for_cell(blocks)
    code = "\n\n".join(block.code for block in blocks if block.kind == kind)
    others = [
        f"Block {n} is another language; `%langswarm insert {n}` puts it into a cell:\n\n"
        f"{_fenced(block.code, block.language)}"
        for n, block in enumerate(blocks, 1)
        if block.kind != kind
    ]
    return "\n\n".join([_fenced(code, kind), *others])


def _fenced(code: str, language: str) -> str:
    longest = max((len(run) for run in re.findall("`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{code}\n{fence}"


def _language(info: str) -> str:
    words = info.split()
    return words[0].strip("{}.").lower() if words else ""
