"""Fenced code blocks of an answer."""

from __future__ import annotations

import re
from typing import Any

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.core.session import MessageRole, SessionMessage
from langswarm_nb.notebook.showing.code_blocks import CodeBlock, code_blocks, code_markdown
from langswarm_nb.notebook.showing.reply import Reply
from langswarm_nb.render import render_html


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
        (
            "```yaml\na: |\n    ```\n    x\n    ```\nb: 2\n```",
            [CodeBlock("a: |\n    ```\n    x\n    ```\nb: 2", "yaml")],
        ),
        ("    ```\n    indented\n    ```", []),
        ("> ```py\n> quoted\n> ```", [CodeBlock("quoted", "py")]),
        ("- a\n\n      ```\n      deep\n", []),
        ("```\n\tx \u2028\x0b\n\n```", [CodeBlock("\tx \u2028\x0b\n")]),
        ("~~~ `tick`\nx\n~~~", [CodeBlock("x", "`tick`")]),
        ("```a`b\nno\n```\nx", [CodeBlock("x")]),
    ],
)
def test_blocks_are_found(text, expected):
    """Blocks come in order, with their language, also when nested, indented or cut short."""
    assert code_blocks(text) == expected


LINES = [
    "text",
    "",
    "```",
    "```py",
    "````",
    "~~~",
    "  ```",
    "    ```",
    "- item",
    "  - inner",
    "> quote",
    "> ```",
    "1. ```",
]


@given(st.lists(st.sampled_from(LINES), max_size=10).map("\n".join))
def test_code_is_what_is_shown_as_code(text):
    """Each fenced block is a block of the display, in its order; the display has those by indentation too."""
    page = html5lib.parseFragment(render_html(text), treebuilder="etree", namespaceHTMLElements=False)
    shown = iter(["".join(block.itertext()) for block in page.iter("pre")])
    for block in code_blocks(text):
        assert any(code.removesuffix("\n") == block.code for code in shown)


@pytest.mark.parametrize(
    "text, code, offered",
    [
        ("```python\na = 1\n```\n```sh\nls\n```\n```py\nb = 2\n```", "a = 1\n\nb = 2", ["insert 2"]),
        ("```sh\npip install x\n```\n```python\nimport x\n```", "import x", ["insert 1"]),
        ("```sql\nselect 1\n```\n```r\nx\n```\n```sql\nselect 2\n```", "select 1\n\nselect 2", ["insert 2"]),
        ("````python\n'```'\n````", "'```'", []),
    ],
)
def test_code_for_one_cell_is_of_one_language(text, code, offered):
    """Python's blocks, or else those of the first block's language, are joined; each other one is offered."""
    message = SessionMessage(role=MessageRole.ASSISTANT, content=text)
    nowhere: Any = None
    reply = Reply(message, SessionMessage(content="?"), nowhere)
    assert reply.code_of_one_language == code
    shown = code_markdown(reply.blocks)
    assert code_blocks(shown)[0].code == code
    assert re.findall(r"insert \d", shown) == offered
    assert sorted(block.code for block in code_blocks(shown)[1:]) == sorted(
        block.code for block in reply.blocks if block.kind != code_blocks(shown)[0].language
    )
