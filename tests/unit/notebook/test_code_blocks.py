"""Fenced code blocks of an answer."""

from __future__ import annotations

from typing import Any

import pytest

from langswarm_nb.core.session import MessageRole, SessionMessage
from langswarm_nb.notebook.showing.code_blocks import CodeBlock, code_blocks
from langswarm_nb.notebook.showing.reply import Reply


@pytest.mark.parametrize(
    "text, expected",
    [
        ("no code", []),
        ("```python\nx = 1\n```", [CodeBlock("x = 1", "python")]),
        ("a\n```\none\n```\nb\n~~~sh\ntwo\n~~~\n", [CodeBlock("one"), CodeBlock("two", "sh")]),
        ("````md\n```\ninner\n```\n````", [CodeBlock("```\ninner\n```", "md")]),
        ("1. step\n   ```py\n   if x:\n       y\n   ```", [CodeBlock("if x:\n    y", "py")]),
        ("```python\ncut sho", [CodeBlock("cut sho", "python")]),
        ("``` {.python}\nx\n```", [CodeBlock("x", "python")]),
        ("inline ```x``` code", []),
        ("```x``` is inline too\n", []),
        ("```py\r\nx\r\n```\r\n", [CodeBlock("x", "py")]),
    ],
)
def test_blocks_are_found(text, expected):
    """Blocks come in order, with their language, also when nested, indented or cut short."""
    assert code_blocks(text) == expected


def test_code_for_one_cell_is_of_one_language():
    """Blocks of the first block's language are joined, others left out."""
    text = "```python\na = 1\n```\n```sh\nls\n```\n```python\nb = 2\n```"
    message = SessionMessage(role=MessageRole.ASSISTANT, content=text)
    nowhere: Any = None
    reply = Reply(message, SessionMessage(content="?"), nowhere)
    assert reply.code_of_one_language == "a = 1\n\nb = 2"
