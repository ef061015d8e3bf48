"""Data as its schema means it: without the nulls that stand for what is missing, choices in their own capitals.

A service that knows no optional properties is asked for null instead, and models answer so without being asked. Some
write a choice with other capitals than it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .pointers import Node, resolved

_MOST_LEVELS = 8
"""Unions are looked for so deep in each other."""


def as_meant(root: Node, data: Any) -> Any:
    """Return data as a schema means it; what does not fit the schema stays as it is."""
    return _meant(root, root, data)


def allows_null(root: Node, node: Any) -> bool:
    """Return whether null fits a schema."""
    known = resolved(root, node)
    if "enum" in known or "const" in known:
        return None in known.get("enum", [known.get("const")])
    types = known.get("type", "null")
    if "null" not in ([types] if isinstance(types, str) else types):
        return False
    unions = [known[word] for word in ("anyOf", "oneOf") if word in known]
    return all(any(allows_null(root, one) for one in union) for union in unions) and all(
        allows_null(root, one) for one in known.get("allOf", ())
    )


def _meant(root: Node, node: Any, data: Any) -> Any:
    if not isinstance(data, (dict, list, str)) or not isinstance(node, dict):
        return data
    known = resolved(root, node)
    if "allOf" in known:
        for part in known["allOf"]:
            data = _meant(root, part, data)
    if union := known.get("anyOf") or known.get("oneOf"):
        data = _meant(root, _branch(root, union, data), data)
    if isinstance(data, str):
        return _choice(known, data) if "enum" in known or "const" in known else data
    if isinstance(data, list):
        return _meant_list(root, known, data)
    return _meant_object(root, known, data)


def _choice(known: Node, data: str) -> str:
    choices = known.get("enum", [known.get("const")])
    if data in choices:
        return data
    alike = [one for one in choices if isinstance(one, str) and one.casefold() == data.casefold()]
    return alike[0] if len(alike) == 1 else data


def _meant_list(root: Node, known: Node, data: list[Any]) -> list[Any]:
    items = known.get("items", True)
    first = known.get("prefixItems", items if isinstance(items, list) else [])
    others = known.get("additionalItems", True) if isinstance(items, list) else items
    return [_meant(root, first[at] if at < len(first) else others, one) for at, one in enumerate(data)]


def _meant_object(root: Node, known: Node, data: dict[str, Any]) -> dict[str, Any]:
    properties, required = known.get("properties", {}), known.get("required", ())
    others = known.get("additionalProperties", True)
    return {
        name: _meant(root, properties.get(name, others), one)
        for name, one in data.items()
        if one is not None
        or name in required
        or name not in properties
        or allows_null(root, properties[name])
    }


def _branch(root: Node, union: list[Any], data: Any) -> Any:
    """Return the schema of a union that data is meant to fit, or one that says nothing."""
    known = list(_kinds(root, union))
    if isinstance(data, str):
        meant = [one for one in known if _choice(one, data) in one.get("enum", [one.get("const")])]
        return meant[0] if meant and not any(_is_text(one) for one in known) else True
    if isinstance(data, list):
        return next((one for one in known if one.get("type") == "array"), True)
    objects = [one for one in known if one.get("type", "object") == "object" and "properties" in one]
    meant = [
        one for one in objects if set(one.get("required", ())) <= data.keys() and _has_marks(root, one, data)
    ]
    same = [one for one in meant if data.keys() == one["properties"].keys()]
    within = [one for one in meant if data.keys() <= one["properties"].keys()]
    return next(iter([*same, *within, *meant]), True)


def _kinds(root: Node, union: list[Any], level: int = 0) -> Iterator[Node]:
    """Yield the schemas of a union, and those of the unions in it."""
    for one in union:
        known = resolved(root, one)
        inner = known.get("anyOf", known.get("oneOf"))
        if inner and level < _MOST_LEVELS:
            yield from _kinds(root, inner, level + 1)
        else:
            yield known


def _is_text(known: Node) -> bool:
    """Return whether any text fits."""
    return known.get("type") == "string" and "enum" not in known and "const" not in known


def _has_marks(root: Node, known: Node, data: dict[str, Any]) -> bool:
    """Return whether data has the constants by which objects of a union are told apart."""
    required = known.get("required", ())
    marks = {name: resolved(root, one) for name, one in known["properties"].items()}
    return all(
        _choice(mark, data[name]) == mark["const"]
        if isinstance(data[name], str)
        else data[name] == mark["const"]
        for name, mark in marks.items()
        if "const" in mark and name in data and (data[name] is not None or name in required)
    )
