"""Titles: what a session is about, from its first question."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.core.session.conversation.names import labels_of_time
from langswarm_nb.core.session.conversation.titles import (
    MAX_TITLE_CHARS,
    is_automatic,
    title_beside,
    title_of,
)

AT = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


@pytest.mark.parametrize(
    "question, title",
    [
        (
            "Can you please explain the **central limit theorem**? I know what a mean is.",
            "Explain the central limit theorem",
        ),
        ("I have the flights. How do I find the cheapest one?", "How do I find the cheapest one?"),
        ("```python\nx = 1\n```\nWhy does this fail?", "Why does this fail?"),
        ("# Task: tidy up\n\n- first", "Task: tidy up"),
        ("Hello, I'd like you to fix [this](https://example.org).", "Fix this"),
        ("日本の首都はどこですか\uff1fそして人口は\uff1f", "日本の首都はどこですか\uff1f"),
        (
            "Was ist der Zentrale Grenzwertsatz und wofür braucht man ihn?",
            "Was ist der Zentrale Grenzwertsatz und wofür…",
        ),
        ("   \n\n", ""),
        ("```\nonly code\n```", ""),
    ],
)
def test_a_title_is_the_question_in_short(question, title):
    """The first question that stands in it, without politeness, marks and code."""
    assert title_of(question) == title


@given(st.text(max_size=700))
def test_a_title_is_one_short_visible_line(question):
    """Whatever was asked: no line break, nothing that reorders or hides text."""
    title = title_of(question)
    assert len(title) <= MAX_TITLE_CHARS + 1
    assert title == title.strip()
    assert not UNSEEN.search(title)


@pytest.mark.parametrize(
    "label, home, automatic",
    [
        (None, None, True),
        ("hw", "/x/hw.ipynb", True),
        ("hw-2", "/x/hw.ipynb", True),
        ("hw-final", "/x/hw.ipynb", False),
        ("A weekend in May", "/x/hw.ipynb", False),
        *((label, None, True) for label in islice(labels_of_time(AT), 4)),
    ],
)
def test_a_label_that_says_where_or_when_is_automatic(label, home, automatic):
    """All others somebody has chosen, and no title stands in their place."""
    assert is_automatic(label, home) is automatic
    assert title_beside(label, home, "why?") == ("Why?" if automatic else "")
