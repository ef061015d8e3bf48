"""The fenced code blocks of a Markdown text, as the renderer sees them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """One fenced block."""

    code: str
    language: str = ""


def code_blocks(text: str) -> list[CodeBlock]:
    """Return the fenced blocks in order; one that is not closed goes to the end of what it stands in.

    Blocks inside of lists and quotes lose the indentation and the marks of those.
    """
    from langswarm_nb.render.markdown import fences  # takes 30 ms, and few ask for it

    return [
        CodeBlock(code.removesuffix("\n"), _language(info))
        for info, code in fences(text.replace("\r\n", "\n"))
    ]


def _language(info: str) -> str:
    words = info.split()
    return words[0].strip("{}.").lower() if words else ""
