"""Outlines: a reply goes back in the order in which it came, or plainly."""

from __future__ import annotations

from typing import Any

import pytest

from langswarm_nb.core.session.parts.vocabulary import Part
from langswarm_nb.core.session.providers._dialect.reasoning_order import (
    call_item,
    in_order,
    outline_part,
    raw_item,
    text_item,
)

THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
ITEMS = [text_item(2), raw_item(THOUGHT), text_item(5, id="m1"), call_item("c1", id="f1"), call_item("c2")]


def text(words: str) -> Part:
    return {"type": "text", "text": words}


def call(call_id: str) -> Part:
    return {"type": "tool_call", "id": call_id, "name": "f", "arguments": "{}"}


def outline(items: Any = ITEMS, model: str = "m") -> Part:
    part = outline_part("d", model, items)
    assert part is not None
    return part


def kinds(pieces: Any) -> list[str]:
    return [piece.part["type"] for piece in pieces]


def test_texts_calls_and_thinking_come_back_in_their_places() -> None:
    """One text is parted again where thinking stood, and each piece has its marks."""
    pieces = in_order([outline(), text("A Bcdef"), call("c2"), call("c1")], "d", "m")
    assert [(piece.part.get("text"), dict(piece.marks)) for piece in pieces] == [
        ("A ", {}),
        (None, {}),
        ("Bcdef", {"id": "m1"}),
        (None, {"id": "f1"}),
        (None, {}),
    ]
    assert pieces[1].part == {"type": "raw", "raw": THOUGHT}
    assert [piece.part["id"] for piece in pieces[3:]] == ["c1", "c2"]


@pytest.mark.parametrize(
    "parts, dialect, model",
    [
        ([text("A Bcdef changed"), call("c1"), call("c2")], "d", "m"),
        ([text("A Bcdef"), call("c1")], "d", "m"),
        ([call("c1"), call("c2")], "d", "m"),
        ([text("A Bcdef"), call("c1"), call("c2")], "d", "another model"),
    ],
    ids=["changed text", "a call without result", "no text", "another model"],
)
def test_a_reply_that_was_changed_goes_without_its_thinking(
    parts: list[Part], dialect: str, model: str
) -> None:
    """Thinking goes back whole and in its place, or not at all; texts and calls go in any case."""
    pieces = in_order([outline(), *parts], dialect, model)
    assert [piece.part for piece in pieces] == parts
    assert not any(piece.marks for piece in pieces)


def test_the_outline_of_another_dialect_is_left_alone() -> None:
    """It stays a reasoning part, which no dialect sends."""
    assert kinds(in_order([outline(), text("A Bcdef")], "other", "m")) == ["reasoning", "text"]
    assert kinds(in_order([outline(), text("A Bcdef")], "", "m")) == ["reasoning", "text"]


def test_replies_that_were_joined_are_each_in_their_own_order() -> None:
    """Two replies in a row are one message when they are sent; each has its outline."""
    short = outline([raw_item(THOUGHT), text_item(3)])
    pieces = in_order([short, text("One"), short, text("Two"), text("Three")], "d", "m")
    assert kinds(pieces) == ["raw", "text", "raw", "text", "text"]
    assert [piece.part["text"] for piece in pieces if "text" in piece.part] == ["One", "Two", "Three"]


def test_an_outline_that_says_nothing_is_not_kept() -> None:
    """Plain replies need none."""
    assert outline_part("d", "m", [text_item(5), call_item("c1")]) is None
    assert outline_part("d", "m", []) is None


@pytest.mark.parametrize(
    "opaque", [{"d": None}, {"d": []}, {"d": {"model": "m"}}, {"d": {"model": "m", "items": [5]}}, "d", None]
)
def test_an_outline_that_cannot_be_read_is_left_out(opaque: Any) -> None:
    """A record that somebody has edited, or that came from a file, does no harm."""
    part = {"type": "reasoning", "text": "", "opaque": opaque}
    assert [piece.part for piece in in_order([part, text("Hi")], "d", "m")][-1] == text("Hi")
