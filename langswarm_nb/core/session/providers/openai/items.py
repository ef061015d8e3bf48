"""What a response holds beside text: calls that wait for an answer, pictures, and what the service did itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.providers._dialect.call_pieces import FREE_TEXT, free_text_arguments
from langswarm_nb.core.session.providers._dialect.citations import Sources
from langswarm_nb.core.session.providers._dialect.reasoning_order import (
    call_item,
    raw_item,
    text_item,
    vendor_item,
)
from langswarm_nb.core.session.providers._dialect.vendor_items import vendor_part

from .described import detail_of, is_known, line_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.core.session.provider_events import PartDone

    Item = Mapping[str, Any]

CUSTOM = "custom_tool_call"
_WAITING = {"mcp_approval_request", "shell_call", "local_shell_call", "apply_patch_call", "computer_call"}
_PICTURE, _COMPACTION = "image_generation_call", "compaction"
_OURS = {"message", "reasoning", "function_call", CUSTOM}
_PLACES = ("start_index", "end_index", "index")
_NEEDED = ("url", "file_id", "container_id")
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


def own(items: Sequence[Item]) -> list[Part]:
    """Return what only the service understands; a picture stands behind its item, which is without its data."""
    return [part for item in items if _is_vendors(item) for part in _parts(item)]


def _parts(item: Item) -> Iterator[Part]:
    yield vendor_part(str(item.get("type")), _bare(item), line_of(item), detail_of(item))
    if _has_picture(item):
        media_type = f"image/{item.get('output_format') or 'png'}"
        yield {"type": "image", "media_type": media_type, "data": item["result"]}


def sources(items: Sequence[Item], n_chars: int) -> Sequence[PartDone]:
    """Return what the text of a response names as its sources."""
    found = Sources()
    at = 0
    for item in items:
        for content in _contents(item, "output_text"):
            for note in content.get("annotations") or ():
                _add_source(found, note, at)
            at += len(str(content.get("text") or ""))
    return found.parts(n_chars)


def _add_source(found: Sources, note: Item, at: int) -> None:
    """Add an annotation; that of a file gives only the position it follows, and 0 where it gives none."""
    start, end = (note.get(name, note.get("index") or None) for name in ("start_index", "end_index"))
    is_span = isinstance(start, int) and isinstance(end, int)
    found.add(
        url=note.get("url"),
        title=note.get("title") or note.get("filename") or note.get("file_id"),
        quote=note.get("quote"),
        start=at + start if is_span else None,
        end=at + end if is_span else None,
    )


def notes_of(item: Item) -> list[dict[str, Any]]:
    """Return the annotations of a message whose contents are one text; the service takes none without an id."""
    kept: list[dict[str, Any]] = []
    at = 0
    for content in _contents(item, "output_text"):
        for note in content.get("annotations") or ():
            moved = {name: note[name] + at for name in _PLACES if isinstance(note.get(name), int)}
            if all(note.get(name) != "" for name in _NEEDED):
                kept.append({**note, **moved})
        at += len(str(content.get("text") or ""))
    return kept


def _contents(item: Item, kind: str) -> Iterator[Item]:
    if item.get("type") == "message":
        yield from (content for content in item.get("content") or () if content.get("type") == kind)


def contents(item: Item, kind: str, key: str) -> Iterator[str]:
    """Yield the texts of one kind in a message."""
    yield from (str(content.get(key) or "") for content in _contents(item, kind))


def outline(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Return the outline of a response; empty when it holds what an outline cannot hold."""
    # Thinking without its encrypted form would be looked for by its id, under which nothing is kept; and the ids
    # of all else tie it to its thinking, without which it is refused.
    thoughts = [item for item in items if item.get("type") == "reasoning"]
    is_tied = bool(thoughts) and all(item.get("encrypted_content") for item in thoughts)
    waiting = calls(items)
    found: list[dict[str, Any]] = []
    n_pictures = n_vendors = 0
    marks: dict[str, Any]
    for item in items:
        kind, item_id = item.get("type"), item.get("id") if is_tied else None
        if kind == "reasoning":
            found += [raw_item(_thought(item))] if is_tied else []
        elif kind == "message":
            if any(contents(item, "refusal", "refusal")):
                return []
            length = sum(map(len, contents(item, "output_text", "text")))
            notes = notes_of(item) if is_tied or not thoughts else []
            item_id = item.get("id") if notes else item_id
            found.append(
                text_item(
                    length,
                    id=item_id,
                    phase=item.get("phase"),
                    annotations=notes if item_id and notes else None,
                )
            )
        elif kind in {"function_call", CUSTOM}:
            marks = {name: item.get(name) for name in ("namespace", "caller")}
            found.append(call_item(call_id(item), id=item_id, **marks))
        else:
            marks = {"is_bound": True} if thoughts or not is_known(item) or kind == _COMPACTION else {}
            marks |= {"call": call_id(item)} if item in waiting else {}
            marks |= {"images": {"result": n_pictures}} if _has_picture(item) else {}
            if is_tied or not thoughts or item in waiting:
                found.append(vendor_item(n_vendors, **marks))
            n_pictures += _has_picture(item)
            n_vendors += 1
    return found


def _is_vendors(item: Item) -> bool:
    return item.get("type") not in _OURS


def _bare(item: Item) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "result" or not _has_picture(item)}


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
