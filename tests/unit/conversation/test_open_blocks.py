"""A message that stops in the midst of a block swallows none of those after it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from langswarm_nb.core.session.conversation.open_blocks import closed

PIECES = [
    *("text", "", "   more", "\tindented", "## heading", "***", "> quote", "> ```"),
    *("```", "```py", "  ```", "   ```", "      ```", "````", "~~~", "~~~~ x", "    ```x"),
    *("- item", "-   wide", "1. one", "  - inner", "- ```", "* ```py"),
    *("<!-- note", "<pre>", "<script>"),
]


def headings(text: str) -> list[str]:
    """Return the headings of the top level, as other viewers, which let HTML through, see them."""
    tokens = MarkdownIt("commonmark", {"html": True}).parse(text)
    return [
        tokens[place + 1].content
        for place, token in enumerate(tokens)
        if token.type == "heading_open" and token.level == 0
    ]


@given(st.lists(st.sampled_from(PIECES), max_size=7).map("\n".join))
def test_what_follows_is_seen(text):
    """Whatever is open, in lists and quotes or not, the next message has its heading."""
    assert headings(f"{closed(text)}\n\n## Next")[-1:] == ["Next"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "```py\nx\n```",
        "- ```py\n  x\n  ```\n\nend",
        "~~~\n```\n~~~",
        "a <!-- note --> b",
        "<!-- note -->",
        "inline ```x``` only",
        "```yaml\na: |\n    ```\n    x\n    ```\nb: 2\n```",
        "1. step\n\n   ```sh\n   ls\n   ```\n2. step",
    ],
)
def test_what_is_closed_stays_as_it_is(text):
    """Nothing is added where nothing is open."""
    assert closed(text) == text


@pytest.mark.parametrize(
    "text, end",
    [
        ("```python\nx = 1", "\n```"),
        ("````md\n```\ninner\n```\n", "\n````"),
        ("  ~~~\nx", "\n  ~~~"),
        ("```yaml\na: |\n    ```", "\n```"),
        ("<!-- the rest", "\n-->"),
        ("<pre>\nx\n\ny", "\n</pre>"),
    ],
)
def test_what_is_open_is_closed(text, end):
    """With its own mark, at its own indentation."""
    assert closed(text) == text.rstrip() + end
