"""The check of a JSON schema: fastjsonschema, on a copy that holds nothing which it would not check as it is meant.

fastjsonschema makes a program of a schema and runs it. So what it gets is plain JSON (`soundness.plain`) whose words
and names were looked at (`soundness.check_sound`): no text of a schema gets into the program but in quotes, nothing is
fetched, and no default is filled in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from langswarm_nb.core.session.text import one_line

from .pointers import SINGLE, Node, pointed
from .schema_errors import SchemaDefinitionError

_SAME = (
    "type", "enum", "minLength", "maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "multipleOf", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "required",
)  # fmt: skip
_SCHEMAS = tuple(name for name in SINGLE if name != "items" and not name.startswith("unevaluated"))
"""Keywords of draft 7 that hold one schema; ``items`` may hold a list."""
_FORMATS = frozenset({"date-time", "date", "time", "email", "hostname", "ipv4", "ipv6", "uri"})
"""Formats that are checked; others only say what is meant."""
_LEVELS = 3
"""After so many levels a function of its own begins: Python nests blocks in each other only so deep."""
_MOST_CHARS = 300
_KINDS = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
}
"""How a sentence names a type of JSON schemas."""

Problems = Callable[[Any], tuple[str, ...]]
"""Returns what is wrong with JSON data, each as ``$.path: reason``; nothing where it fits."""


def problems_by(schema: Node) -> Problems:
    """Return a function that says what is wrong with JSON data, by a sound JSON schema.

    Raises
    ------
    SchemaDefinitionError
        No check can be made of it: it is too large, or too deep.
    """
    import fastjsonschema  # few answers are described by a dict

    made = _Copy(schema).whole()
    try:
        check = fastjsonschema.compile(made, use_default=False)
    except (fastjsonschema.JsonSchemaException, re.error, SyntaxError, RecursionError, MemoryError) as error:
        raise SchemaDefinitionError(
            f"No check can be made of the schema ({one_line(str(error))}). Make it smaller, or its patterns simpler."
        ) from error
    thorough: list[Callable[[Any], Any]] = []

    def problems(data: Any) -> tuple[str, ...]:
        try:
            check(data)
        except fastjsonschema.JsonSchemaException as error:
            if not thorough:  # it takes longer, and few answers need it
                thorough.append(fastjsonschema.compile(made, use_default=False, fast_fail=False))
            return _all_problems(thorough[0], data) or (_worded(error),)
        except RecursionError:
            return ("$: it is nested too deeply",)
        return ()

    return problems


def _all_problems(check: Callable[[Any], Any], data: Any) -> tuple[str, ...]:
    import fastjsonschema

    try:
        check(data)
    except fastjsonschema.JsonSchemaException as error:
        return tuple(dict.fromkeys(_worded(one) for one in getattr(error, "errors", [error])))
    return ()


def _worded(error: Any) -> str:
    """Return an error of fastjsonschema as ``$.path: reason``."""
    name, message = str(error.name or "data"), str(error.message)
    reason = _reason(error) or message.removeprefix(name).strip() or message
    return one_line(f"${name.removeprefix('data')}: {reason}", _MOST_CHARS)


def _reason(error: Any) -> str:
    """Return what is wrong in words for people and models; empty where those of fastjsonschema will do."""
    match error.rule, error.rule_definition, error.value:
        case "required", [*names], dict(value):
            missing = [repr(name) for name in names if name not in value]
            return f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing" if missing else ""
        case "type", str(kind), _:
            return f"must be {_KINDS[kind]}"
        case "type", [*kinds], _:
            return f"must be {' or '.join(_KINDS[kind] for kind in kinds)}"
        case "anyOf", _, _:
            return "fits none of the schemas in `anyOf`"
    return ""


class _Copy:
    """Writes a schema in the words of draft 7; what `$ref` points to gets a name of ours."""

    def __init__(self, root: Node) -> None:
        self.root = root
        self.names: dict[str, str] = {}
        self.definitions: dict[str, Any] = {}

    def whole(self) -> dict[str, Any]:
        """Return the copy with all that it refers to."""
        made = self.schema(self.root, 0)
        body = made if isinstance(made, dict) else {"allOf": [made]}
        return {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "allOf": [body],
            "definitions": self.definitions,
        }

    def schema(self, node: Any, level: int) -> Any:
        """Return the copy of a schema."""
        if not isinstance(node, Mapping):
            return node
        if level and level % _LEVELS == 0:
            name = f"inner{len(self.definitions)}"
            self.definitions[name] = True
            self.definitions[name] = self._written(node, 1)
            return {"$ref": f"#/definitions/{name}"}
        return self._written(node, level + 1)

    def _written(self, node: Node, level: int) -> dict[str, Any]:
        made: dict[str, Any] = {word: node[word] for word in _SAME if word in node}
        if "const" in node:
            made["allOf"] = [{"enum": [node["const"]]}]
        if node.get("format") in _FORMATS:
            made["format"] = node["format"]
        self._write_parts(made, node, level)
        self._write_items(made, node, level)
        self._write_dependents(made, node, level)
        if "$ref" not in node:
            return made
        ref = {"$ref": self._name_of(node["$ref"])}
        return {"allOf": [ref, made]} if made else ref

    def _write_parts(self, made: dict[str, Any], node: Node, level: int) -> None:
        for word in _SCHEMAS:
            if word in node:
                made[word] = self.schema(node[word], level)
        for word in ("properties", "patternProperties"):
            if word in node:
                made[word] = {name: self.schema(inner, level) for name, inner in node[word].items()}
        for word in ("anyOf", "oneOf", "allOf"):
            if word in node:
                made[word] = [*made.get(word, ()), *(self.schema(inner, level) for inner in node[word])]

    def _write_dependents(self, made: dict[str, Any], node: Node, level: int) -> None:
        depends = {**node.get("dependentRequired", {})}
        for name, inner in node.get("dependentSchemas", {}).items():
            also = [{"required": depends[name]}] if name in depends else []
            depends[name] = {"allOf": [self.schema(inner, level), *also]}
        if depends:
            made["dependencies"] = depends

    def _write_items(self, made: dict[str, Any], node: Node, level: int) -> None:
        first = node.get("prefixItems", node["items"] if isinstance(node.get("items"), list) else None)
        if first is not None:
            made["items"] = [self.schema(inner, level) for inner in first]
            if "prefixItems" in node and "items" in node:
                made["additionalItems"] = self.schema(node["items"], level)
        elif "items" in node:
            made["items"] = self.schema(node["items"], level)

    def _name_of(self, ref: str) -> str:
        if ref not in self.names:
            name = f"at{len(self.names)}"
            self.names[ref] = name
            made = self.schema(pointed(self.root, ref), 0)
            self.definitions[name] = made
        return f"#/definitions/{self.names[ref]}"
