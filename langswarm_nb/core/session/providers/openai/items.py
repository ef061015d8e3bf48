"""What a response holds beside text: calls that wait for an answer, pictures, and what the service did itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.providers._dialect.call_pieces import FREE_TEXT, free_text_arguments
from langswarm_nb.core.session.providers._dialect.reasoning_order import call_item, raw_item, text_item

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from langswarm_nb.core.session.parts.vocabulary import Part

    Item = Mapping[str, Any]

CUSTOM = "custom_tool_call"
_WAITING = {"mcp_approval_request", "shell_call", "local_shell_call", "apply_patch_call", "computer_call"}
_PICTURE = "image_generation_call"
_NOT_ARGUMENTS = {"type", "id", "call_id", "status"}


def calls(items: Sequence[Item]) -> list[Item]:
    """Return the calls that the service waits for an answer to."""
    answered = {item.get("call_id") for item in items if str(item.get("type")).endswith("_output")}
    return [item for item in items if _waits(item) and call_id(item) not in answered]


def tool_call(item: Item) -> Part:
    """Return a call as a part; one that is not a function goes by the name of its kind."""
    kind = str(item["type"])
    if kind == "function_call":
        told: dict[str, Any] = {"name": str(item["name"]), "arguments": str(item.get("arguments") or "{}")}
    elif kind == CUSTOM:
        arguments = free_text_arguments(str(item.get("input") or ""))
        told = {"name": str(item["name"]), "arguments": arguments, "opaque": {FREE_TEXT: True}}
    else:
        asked = {name: value for name, value in item.items() if name not in _NOT_ARGUMENTS}
        told = {"name": kind, "arguments": json.dumps(asked, ensure_ascii=False)}
    return {"type": "tool_call", "id": call_id(item), **told}


def call_id(item: Item) -> str:
    """Return the id by which a call is answered."""
    return str(item.get("call_id") or item.get("id") or "")


def pictures(items: Sequence[Item]) -> list[Part]:
    """Return the pictures that were made."""
    return [
        {"type": "image", "media_type": f"image/{item.get('output_format') or 'png'}", "data": item["result"]}
        for item in items
        if _has_picture(item)
    ]


def contents(item: Item, kind: str, key: str) -> Iterator[str]:
    """Yield the texts of one kind in a message."""
    if item.get("type") == "message":
        for content in item.get("content") or ():
            if content.get("type") == kind:
                yield str(content.get(key) or "")


def outline(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Return the outline of a response; empty when it holds what an outline cannot tell."""
    # Thinking without its encrypted form would be looked for by its id, under which nothing is kept; and the ids
    # of all else tie it to its thinking, without which it is refused.
    thoughts = [item for item in items if item.get("type") == "reasoning"]
    is_tied = bool(thoughts) and all(item.get("encrypted_content") for item in thoughts)
    waiting = calls(items)
    found: list[dict[str, Any]] = []
    n_pictures = 0
    for item in items:
        kind, item_id = item.get("type"), item.get("id") if is_tied else None
        if kind == "reasoning":
            found += [raw_item(_thought(item))] if is_tied else []
        elif kind == "message":
            if any(contents(item, "refusal", "refusal")):
                return []
            length = sum(map(len, contents(item, "output_text", "text")))
            found.append(text_item(length, id=item_id, phase=item.get("phase")))
        elif kind in {"function_call", CUSTOM}:
            marks = {name: item.get(name) for name in ("namespace", "caller")}
            found.append(call_item(call_id(item), id=item_id, **marks))
        elif item in waiting:
            found.append(raw_item(item, call=call_id(item)))
        elif _has_picture(item):
            bare = {name: value for name, value in item.items() if name != "result"}
            found += [raw_item(bare, images={"result": n_pictures})] if is_tied or not thoughts else []
            n_pictures += 1
        elif is_tied or not thoughts:
            found.append(raw_item(item))
    return found


def _waits(item: Item) -> bool:
    kind = item.get("type")
    if kind == "shell_call":
        place = item.get("environment")
        return not isinstance(place, dict) or place.get("type") in {None, "local"}
    if kind == "tool_search_call":
        return item.get("execution") == "client"
    return kind in _WAITING or kind in {"function_call", CUSTOM}


def _has_picture(item: Item) -> bool:
    return item.get("type") == _PICTURE and isinstance(item.get("result"), str) and bool(item["result"])


def _thought(item: Item) -> dict[str, Any]:
    """Return thinking as it came, as far as it is text: what else a server adds could not be stored."""
    lists = {name: [_only_texts(piece) for piece in item.get(name) or ()] for name in ("summary", "content")}
    if not lists["content"]:
        del lists["content"]
    return {**_only_texts(item), **lists}


def _only_texts(item: Item) -> dict[str, Any]:
    return {name: value for name, value in item.items() if isinstance(value, str)}
