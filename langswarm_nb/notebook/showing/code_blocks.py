"""The fenced code blocks of a Markdown text."""

from __future__ import annotations

import re
from dataclasses import dataclass

_OPENING = re.compile(r"^(?P<indent>[ \t]*)(?P<fence>`{3,}(?!.*`)|~{3,})[ \t]*(?P<info>[^\n]*)$")


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """One fenced block."""

    code: str
    language: str = ""


def code_blocks(text: str) -> list[CodeBlock]:
    """Return the fenced blocks in order; one that is not closed goes to the end of the text.

    Blocks inside of lists lose the indentation of their fence.
    """
    blocks: list[CodeBlock] = []
    opening: re.Match[str] | None = None
    lines: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if opening is None:
            opening, lines = _OPENING.match(line), []
        elif _closes(line, opening["fence"]):
            blocks.append(_block(opening, lines))
            opening = None
        else:
            lines.append(line)
    if opening is not None:
        blocks.append(_block(opening, lines))
    return blocks


def _closes(line: str, fence: str) -> bool:
    mark = line.strip()
    return len(mark) >= len(fence) and set(mark) == {fence[0]}


def _block(opening: re.Match[str], lines: list[str]) -> CodeBlock:
    indent = opening["indent"]
    code = "\n".join(line.removeprefix(indent) for line in lines)
    words = opening["info"].split()
    return CodeBlock(code, words[0].strip("{}.").lower() if words else "")
