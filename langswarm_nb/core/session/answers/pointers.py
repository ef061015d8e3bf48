"""Where the `$ref` of a JSON schema points, and what stands there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from .schema_errors import SchemaRecursionError, SchemaTypeUnknownError

Node = Mapping[str, Any]

NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
"""Keywords that hold schemas by name."""
LISTED = ("anyOf", "oneOf", "allOf", "prefixItems")
"""Keywords that hold a list of schemas."""
ROOMS = ("$defs", "definitions")
"""Where schemas stand that are referred to."""
SINGLE = (
    "items",
    "additionalProperties",
    "additionalItems",
    "contains",
    "propertyNames",
    "not",
    "if",
    "then",
    "else",
    "unevaluatedItems",
    "unevaluatedProperties",
)
"""Keywords that hold one schema; of older drafts also a list, or true and false."""


def inner_nodes(node: Node) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield the schemas right inside a schema, each with its path from there."""
    for word in NAMED:
        held = node.get(word)
        if isinstance(held, Mapping):
            yield from (((word, name), inner) for name, inner in held.items())
    for word in (*LISTED, *SINGLE):
        held = node.get(word)
        if isinstance(held, list):
            yield from (((word, index), inner) for index, inner in enumerate(held))
        elif word in SINGLE and isinstance(held, Mapping):
            yield (word,), held


def refs_in(node: Any) -> Iterator[str]:
    """Yield the references in a schema, without those in what they point to."""
    if isinstance(node, Mapping):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for _, inner in inner_nodes(node):
            yield from refs_in(inner)


def pointed(root: Node, ref: str) -> Any:
    """Return what a `$ref` points to inside its schema.

    Raises
    ------
    SchemaTypeUnknownError
        It leads out of the schema, or nowhere.
    """
    if not ref.startswith("#"):
        raise SchemaTypeUnknownError(
            f"The schema refers to {ref!r}, which is not in it: nothing is fetched. "
            "Put it under `$defs`, and refer to it as `#/$defs/NAME`."
        )
    place: Any = root
    for quoted in ref[1:].split("/")[1:]:
        step = unquote(quoted).replace("~1", "/").replace("~0", "~")
        if isinstance(place, Mapping) and step in place:
            place = place[step]
        elif isinstance(place, list) and step.isdecimal() and int(step) < len(place):
            place = place[int(step)]
        else:
            raise SchemaTypeUnknownError(f"The schema refers to {ref!r}, and nothing is there.")
    if ref[1:2] not in ("", "/"):
        raise SchemaTypeUnknownError(
            f"The schema refers to {ref!r} by an anchor. Refer to it by its place, such as `#/$defs/NAME`."
        )
    return place


def resolved(root: Node, node: Any) -> Node:
    """Return a schema, or what its `$ref` points to in the end, with the words beside it.

    Raises
    ------
    SchemaRecursionError
        References that point to each other only.
    SchemaTypeUnknownError
        One that leads out of the schema, or nowhere.
    """
    if isinstance(node, dict) and "$ref" not in node:  # as most do: answers are read by them
        return node
    seen: list[str] = []
    beside: dict[str, Any] = {}
    while isinstance(node, Mapping) and isinstance(node.get("$ref"), str):
        ref = node["$ref"]
        if ref in seen:
            raise SchemaRecursionError(
                f"The schema refers to {ref!r}, which refers to itself and nothing else."
            )
        seen.append(ref)
        beside = {**{word: value for word, value in node.items() if word != "$ref"}, **beside}
        node = pointed(root, ref)
    if not isinstance(node, Mapping):  # true and false are schemas too
        return beside if node is not False else {"not": {}}
    return {**node, **beside} if beside else node


def moved(root: Node, place: str) -> dict[str, Any]:
    """Return a schema that will stand at a place of another one: its references to itself lead there.

    Those to its definitions stay as they are: these are to stand at the root.
    """

    def inside(value: Any, *, is_schema: bool) -> Any:
        if isinstance(value, list):
            return [inside(one, is_schema=True) for one in value]
        if not isinstance(value, Mapping):
            return value
        if not is_schema:
            return {name: inside(one, is_schema=True) for name, one in value.items()}
        made = {
            word: inside(one, is_schema=word not in NAMED) if word in _HOLDING else one
            for word, one in value.items()
        }
        ref = made.get("$ref")
        if isinstance(ref, str) and not ref.startswith(tuple(f"#/{room}/" for room in ROOMS)):
            made["$ref"] = place + ref.removeprefix("#")
        return made

    made: dict[str, Any] = inside(root, is_schema=True)
    return made


_HOLDING = frozenset({*NAMED, *LISTED, *SINGLE})
