"""Thinking that fits only what stood before it: the newest models bind it so, and refuse it where that was changed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .block import THINKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_BINDS_THINKING = (
    r"(?:.*[/.])?claude-(?:fable-5-[1-9]|mythos-5-[2-9]|(?:opus|sonnet|haiku)-5-[5-9]"
    r"|[a-z]+-(?:[6-9]|\d\d)\b).*"
)
"""Models whose thinking fits only what stood before it."""
BINDING_BETA = "thinking-binding-controls-2026-08-01"
MISFITS = "bound to a different conversation"
"""Words of the refusal of thinking that no longer fits."""


def bound(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body that asks to leave out thinking which no longer fits what stands before it.

    The newest models bind their thinking to that, and refuse it when something was hidden, trimmed or changed.
    """
    thinking = body.get("thinking") or {"type": "adaptive"}
    is_bound = re.fullmatch(_BINDS_THINKING, str(body["model"])) and has_thinking(body)
    if not is_bound or not isinstance(thinking, dict) or thinking.get("type") != "adaptive":
        return body
    return {**body, "thinking": {"block_binding": {"prefix_mismatch_behavior": "drop_block"}, **thinking}}


def has_thinking(body: Mapping[str, Any]) -> bool:
    """Return whether thinking goes back with a body."""
    return _has(body, lambda block: block.get("type") in THINKING)


def _has(body: Mapping[str, Any], is_one: Callable[[Mapping[str, Any]], bool]) -> bool:
    turns = [turn["content"] for turn in body["messages"] if not isinstance(turn["content"], str)]
    return any(is_one(block) for blocks in turns for block in blocks)


def asks_to_drop(body: Mapping[str, Any]) -> bool:
    """Return whether a body asks to leave out what does not fit."""
    thinking = body.get("thinking")
    return isinstance(thinking, dict) and "block_binding" in thinking


def without_thinking(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body without any thinking."""
    return _without(body, lambda block: block.get("type") in THINKING)


def without_advisor(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body without what an advisor said, where none can be asked: the service refuses it then."""
    tools = body.get("tools")
    named = (
        [str(tool.get("type")) for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    )
    if any(name.startswith("advisor") for name in named) or not _has(body, _is_advisors):
        return body
    return _without(body, _is_advisors)


def _is_advisors(block: Mapping[str, Any]) -> bool:
    kind = block.get("type")
    return kind == "advisor_tool_result" or (kind == "server_tool_use" and block.get("name") == "advisor")


def _without(body: Mapping[str, Any], is_out: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
    turns = [
        turn
        if isinstance(turn["content"], str)
        else {**turn, "content": [block for block in turn["content"] if not is_out(block)]}
        for turn in body["messages"]
    ]
    return {**body, "messages": turns}
