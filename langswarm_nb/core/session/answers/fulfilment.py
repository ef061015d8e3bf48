"""Whether any value can fit a JSON schema, as far as that is told without solving it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .pointers import Node, pointed, refs_in
from .schema_errors import SchemaRecursionError, SchemaUnfulfillableError
from .soundness import TYPES

_KIND_OF = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}


def check_fulfillable(root: Node) -> None:
    """Make sure that some value fits a sound JSON schema.

    Raises
    ------
    SchemaUnfulfillableError
        None does: its parts contradict each other.
    SchemaRecursionError
        None that ends does: it contains itself without a way out.
    """
    refs = set(refs_in(root))
    if reason := _Judge(root, refs).reason(root, "$"):
        raise SchemaUnfulfillableError(f"No value fits the schema: {reason}.")
    ending: set[str] = set()
    while new := {ref for ref in refs - ending if not _Judge(root, ending).reason(pointed(root, ref), ref)}:
        ending |= new
    if reason := _Judge(root, ending).reason(root, "$"):
        raise SchemaRecursionError(
            f"No value that ends fits the schema: {reason}. Make that property optional, or a list of them."
        )


class _Judge:
    """Says why nothing fits; what the references of `ending` point to is taken for something that can be fitted."""

    def __init__(self, root: Node, ending: set[str]) -> None:
        self.root = root
        self.ending = ending

    def reason(self, node: Any, path: str) -> str:
        """Return why no value fits, with the path to it; empty where one may."""
        if not isinstance(node, Mapping):
            return f"{path}: `false` lets nothing through" if node is False else ""
        if "$ref" in node and node["$ref"] not in self.ending:
            return f"{path}: {node['$ref']} contains itself"
        return self._of_values(node, path) or self._of_parts(node, path) or self._of_types(node, path)

    def _of_values(self, node: Node, path: str) -> str:
        values = node.get("enum", [node["const"]] if "const" in node else None)
        if values is None or any(_may_be(node, value) for value in values):
            return ""
        return f"{path}: none of the values that may be chosen fits what stands beside them"

    def _of_parts(self, node: Node, path: str) -> str:
        for word in ("anyOf", "oneOf"):
            reasons = [
                self.reason(inner, f"{path}.{word}.{at}") for at, inner in enumerate(node.get(word, ()))
            ]
            if reasons and all(reasons):
                return reasons[0]
        for at, inner in enumerate(node.get("allOf", ())):
            if reason := self.reason(inner, f"{path}.allOf.{at}"):
                return reason
        if node.get("not") is True or node.get("not") == {}:
            return f"{path}: `not` lets nothing through"
        parts = [part for part in (node, *node.get("allOf", ())) if isinstance(part, Mapping)]
        if not set(TYPES).intersection(*(_types(part) for part in parts)):
            return f"{path}: `allOf` asks for two types at once"
        return ""

    def _of_types(self, node: Node, path: str) -> str:
        if "enum" in node or "const" in node:
            return ""
        reasons = [self._of_type(kind, node, path) for kind in sorted(_types(node))]
        return reasons[-1] if all(reasons) else ""

    def _of_type(self, kind: str, node: Node, path: str) -> str:
        if kind in ("integer", "number"):
            low, high = _bounds(node)
            if low > high or (kind == "integer" and math.isfinite(low + high) and not _has_integer(node)):
                return f"{path}: no {kind} is within its limits"
            return ""
        for least, most, of in (
            ("minLength", "maxLength", "string"),
            ("minItems", "maxItems", "array"),
            ("minProperties", "maxProperties", "object"),
        ):
            if kind == of and node.get(least, 0) > node.get(most, math.inf):
                return f"{path}: `{least}` is above `{most}`"
        if kind == "array":
            return self._of_items(node, path)
        return self._of_properties(node, path) if kind == "object" else ""

    def _of_items(self, node: Node, path: str) -> str:
        first = node.get("prefixItems", node["items"] if isinstance(node.get("items"), list) else [])
        others = node.get("additionalItems" if isinstance(node.get("items"), list) else "items", True)
        for at in range(min(node.get("minItems", 0), len(first) + 1)):
            reason = self.reason(first[at] if at < len(first) else others, f"{path}[{at}]")
            if reason:
                return reason
        return ""

    def _of_properties(self, node: Node, path: str) -> str:
        known = node.get("properties", {})
        for name in node.get("required", ()):
            inner = known.get(
                name, True if node.get("patternProperties") else node.get("additionalProperties", True)
            )
            if reason := self.reason(inner, f"{path}.{name}"):
                return reason
        if len(set(node.get("required", ()))) > node.get("maxProperties", math.inf):
            return f"{path}: more properties are required than it may have"
        return ""


def _types(node: Node) -> set[str]:
    given = node.get("type", list(TYPES))
    types = set(given) if isinstance(given, list) else {given}
    return types | {"integer"} if "number" in types else types


def _bounds(node: Node) -> tuple[float, float]:
    low = max(node.get("minimum", -math.inf), node.get("exclusiveMinimum", -math.inf))
    high = min(node.get("maximum", math.inf), node.get("exclusiveMaximum", math.inf))
    if low == high and low in (node.get("exclusiveMinimum"), node.get("exclusiveMaximum")):
        return 1, 0
    return low, high


def _has_integer(node: Node) -> bool:
    low, high = (math.ceil(node.get("minimum", -math.inf)) if "minimum" in node else -math.inf), math.inf
    if "exclusiveMinimum" in node:
        low = max(low, math.floor(node["exclusiveMinimum"]) + 1)
    if "maximum" in node:
        high = math.floor(node["maximum"])
    if "exclusiveMaximum" in node:
        high = min(high, math.ceil(node["exclusiveMaximum"]) - 1)
    return low <= high


def _may_be(node: Node, value: Any) -> bool:
    """Return whether a value that may be chosen is of the types and within the limits that stand beside it."""
    kind = _KIND_OF.get(type(value), "null")
    if kind == "number" and value.is_integer():
        kind = "integer"
    if kind not in _types(node):
        return False
    if kind in ("integer", "number"):
        low, high = _bounds(node)
        return bool(low <= value <= high)
    if kind == "string":
        return bool(node.get("minLength", 0) <= len(value) <= node.get("maxLength", math.inf))
    return True
