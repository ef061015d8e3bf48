"""`Column`: what a table has of an answer, one column for each property of a row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .pointers import Node, resolved

SCALAR = "value"
"""Name of the only column of anything but an object."""
_FORMATS = {"date-time": "datetime", "date": "date"}
_KINDS = {str: "string", bool: "boolean", int: "integer", float: "number"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table that answers make.

    Parameters
    ----------
    name : str
        The name of the property; ``value`` where an answer, or an element of it, is anything but an object.
    kind : str
        ``string``, ``integer``, ``number``, ``boolean``, ``datetime``, ``date``, ``choice``, or ``json`` for what is
        nested, or of more than one kind.
    choices : tuple of str
        With the kind ``choice``: what may be chosen, in the order of the schema.
    nullable : bool
        Whether it may be null, or missing.
    """

    name: str
    kind: str
    choices: tuple[str, ...] = ()
    nullable: bool = False


def columns_of(schema: Node) -> tuple[Column, ...]:
    """Return the columns of what a JSON schema describes; a list has those of its elements."""
    row = row_of(schema)
    if not _is_record(row):
        return (_column(schema, SCALAR, row),)
    required = row.get("required", ())
    return tuple(
        _column(schema, name, inner, is_optional=name not in required)
        for name, inner in row["properties"].items()
    )


def row_of(schema: Node) -> Node:
    """Return the schema of what makes a row: of a list that of its elements, else the whole."""
    whole = resolved(schema, schema)
    return resolved(schema, whole.get("items", {})) if whole.get("type") == "array" else whole


def records_of(schema: Node, data: Any) -> list[dict[str, Any]]:
    """Return the rows of an answer: one of an object or a scalar, as many as it has elements of a list."""
    row_schema = row_of(schema)
    rows = data if isinstance(data, list) and resolved(schema, schema).get("type") == "array" else [data]
    if not _is_record(row_schema):
        return [{SCALAR: row} for row in rows]
    names = row_schema["properties"]
    return [_record(names, row) for row in rows]


def _record(names: Iterable[str], row: Any) -> dict[str, Any]:
    """Return a row by its names; a ``NamedTuple`` may also come as a list."""
    if isinstance(row, list):
        return dict(zip(names, row, strict=False))
    return row if isinstance(row, dict) else {SCALAR: row}


def _is_record(row: Node) -> bool:
    return row.get("type", "object") == "object" and isinstance(row.get("properties"), Mapping)


def _column(root: Node, name: str, node: Any, *, is_optional: bool = False) -> Column:
    kind, choices, is_nullable = _kind(root, resolved(root, node))
    return Column(name, kind, choices, is_nullable or is_optional)


def _kind(root: Node, node: Node) -> tuple[str, tuple[str, ...], bool]:
    """Return kind, choices, and whether null is among the values."""
    if isinstance(union := node.get("anyOf", node.get("oneOf")), list):
        return _kind_of_union(root, [resolved(root, inner) for inner in union])
    if "const" in node or isinstance(node.get("enum"), list):
        return _kind_of_values([node["const"]] if "const" in node else node["enum"])
    types = node.get("type", ())
    types = [types] if isinstance(types, str) else list(types)
    is_nullable = "null" in types
    kinds = [kind for kind in types if kind != "null"]
    if kinds == ["string"]:
        return _FORMATS.get(node.get("format", ""), "string"), (), is_nullable
    if len(kinds) == 1 and kinds[0] in _KINDS.values():
        return kinds[0], (), is_nullable
    if sorted(kinds) == ["integer", "number"]:
        return "number", (), is_nullable
    return "json", (), is_nullable or not types


def _kind_of_union(root: Node, nodes: list[Node]) -> tuple[str, tuple[str, ...], bool]:
    kinds = [_kind(root, node) for node in nodes if node.get("type") != "null"]
    is_nullable = len(kinds) < len(nodes) or any(nullable for _, _, nullable in kinds)
    names = {kind for kind, _, _ in kinds}
    if names == {"choice"}:
        return "choice", tuple(dict.fromkeys(one for _, choices, _ in kinds for one in choices)), is_nullable
    if names == {"integer", "number"}:
        return "number", (), is_nullable
    return names.pop() if len(names) == 1 else "json", (), is_nullable


def _kind_of_values(values: list[Any]) -> tuple[str, tuple[str, ...], bool]:
    others = [value for value in values if value is not None]
    kinds = {_KINDS.get(type(value), "json") for value in others}
    is_nullable = len(others) < len(values)
    if kinds == {"string"}:
        return "choice", tuple(dict.fromkeys(others)), is_nullable
    if kinds == {"integer", "number"}:
        return "number", (), is_nullable
    return kinds.pop() if len(kinds) == 1 else "json", (), is_nullable
