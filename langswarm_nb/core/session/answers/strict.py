"""A schema in the form that a service holds its model to, and the way back from it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from .answer_schema import AnswerSchema
from .as_meant import allows_null, as_meant
from .pointers import Node, pointed, refs_in, resolved
from .schema_errors import SchemaRouteError
from .vendor_rules import RULES, Rules

FORMS = tuple(RULES)

_SILENT = frozenset(
    {
        "$schema",
        "discriminator",
        "$id",
        "$defs",
        "definitions",
        "$comment",
        "title",
        "deprecated",
        "readOnly",
        "writeOnly",
    }
)
"""Words that are left out, and not told."""
_BUILT = frozenset({"type", "properties", "required", "items", "prefixItems", "additionalProperties", "anyOf", "oneOf",
                    "allOf", "enum", "const", "description", "$ref"})  # fmt: skip
"""Words that are written in another way."""
_KINDS = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
_NULL = {"type": "null"}
_MOST_PROPERTIES = 20_000
"""Of any form: where references are written out, a short schema can become a very long one."""


@dataclass(frozen=True)
class StrictForm:
    """A schema as a service takes it, and how what it answers becomes a value of the user's schema."""

    schema: Mapping[str, Any]
    """JSON schema of an object."""
    restored: Callable[[Any], Any]
    """Takes what the form added out of an answer again."""


def strict_form(schema: AnswerSchema, form: str) -> StrictForm:
    """Return a schema in the form of a service's rules.

    What a service refuses moves into the description, as text; an optional property becomes one that may be null.

    Parameters
    ----------
    schema : AnswerSchema
        What the answer has to be.
    form : str
        One of `FORMS`.

    Raises
    ------
    SchemaRouteError
        It has none: the reason says why.
    """
    rules = RULES[form]
    asked = schema.asked
    made = asked if rules is None else _Writer(asked, rules).whole()
    return StrictForm(made, partial(as_meant, asked))


class _Writer:
    """Writes a schema by the rules of a service, and counts what they limit."""

    def __init__(self, root: Node, rules: Rules) -> None:
        self.root = root
        self.rules = rules
        self.names: dict[str, str] = {}
        """What is referred to -> its name among the definitions."""
        self.definitions: dict[str, Any] = {}
        self.counts = dict.fromkeys(("levels", "properties", "choices", "optional", "unions"), 0)
        self.inside: list[tuple[str, bool]] = []
        """What is referred to and being followed, from the outermost on; whether an optional property came since."""

    def whole(self) -> dict[str, Any]:
        """Return the schema with its definitions."""
        made = self.schema({**resolved(self.root, self.root), "type": "object"}, "$", 0)
        if made.get("type") != "object":
            raise self._refused("$", "is not an object with properties of its own")
        for what, most in self.rules.most.items():
            if self.counts[what] > most:
                raise self._refused("$", f"has {self.counts[what]} {what}, and at most {most} are taken")
        return {**made, "$defs": self.definitions} if self.definitions else made

    def schema(self, node: Any, path: str, level: int) -> dict[str, Any]:
        """Return a schema as it is taken."""
        if not isinstance(node, Mapping):
            node = {} if node else {"not": {}}
        if "$ref" in node:
            return self._ref(node, path, level)
        if isinstance(node.get("type"), list):
            return self.schema(_union_of_types(node), path, level)
        if len(node.get("allOf", ())) == 1:
            inner = resolved(self.root, node["allOf"][0])
            rest = {word: value for word, value in node.items() if word != "allOf"}
            return self.schema({**inner, **rest}, path, level)
        made = self._structure(node, path, level)
        told = {}
        for word, value in node.items():
            if word in _BUILT or word in _SILENT:
                continue
            if self._takes(word, value):
                made[word] = value
            elif not (word == "default" and value is None):
                told[word] = value
        return _described(made, node.get("description", ""), told)

    def _takes(self, word: str, value: Any) -> bool:
        rules = self.rules
        if word not in rules.kept:
            return False
        if word == "format":
            return rules.formats is None or value in rules.formats
        if word == "pattern":
            return rules.pattern_without is None or not rules.pattern_without.search(value)
        return word != "minItems" or rules.min_items is None or value in rules.min_items

    def _structure(self, node: Node, path: str, level: int) -> dict[str, Any]:
        """Return what a schema is made of, without the words that only narrow it."""
        if "enum" in node or "const" in node:
            return self._choices(node.get("enum", [node.get("const")]), "const" in node)
        for word in ("anyOf", "oneOf"):
            if word in node:
                return self._union(word, node, path, level)
        if "allOf" in node:
            if "allOf" not in self.rules.kept:
                raise self._refused(path, "is made of several schemas at once (`allOf`)")
            return {"allOf": [self.schema(inner, path, level) for inner in node["allOf"]]}
        kind = node.get("type") or ("object" if "properties" in node else None)
        if kind is None:
            if self.rules.needs_type:
                raise self._refused(path, "may be anything, and a type is needed")
            return {}
        self.counts["levels"] = max(self.counts["levels"], level + (kind in ("object", "array")))
        if kind == "object":
            return self._object(node, path, level)
        return self._array(node, path, level) if kind == "array" else {"type": kind}

    def _choices(self, values: list[Any], is_const: bool) -> dict[str, Any]:
        self.counts["choices"] += len(values)
        kinds = {_KINDS.get(type(value)) for value in values}
        kind = {"type": str(kinds.pop())} if len(kinds) == 1 and None not in kinds else {}
        if is_const and "const" in self.rules.kept:
            return {**kind, "const": values[0]}
        if not kind and self.rules.needs_type and None not in kinds:
            self.counts["unions"] += 1
            alike = {
                name: [one for one in values if _KINDS[type(one)] == name] for name in sorted(map(str, kinds))
            }
            return {"anyOf": [{"type": name, "enum": ones} for name, ones in alike.items()]}
        return {**kind, "enum": values}

    def _union(self, word: str, node: Node, path: str, level: int) -> dict[str, Any]:
        self.counts["unions"] += 1
        beside = {name: node[name] for name in ("type", "properties", "required", "items") if name in node}
        if beside.keys() - {"type"}:
            raise self._refused(path, f"has properties or items beside `{word}`")
        made = [
            self.schema({**beside, **inner} if "$ref" not in inner else inner, path, level)
            for inner in node[word]
        ]
        return {word if word in self.rules.kept else "anyOf": made}

    def _object(self, node: Node, path: str, level: int) -> dict[str, Any]:
        rules = self.rules
        properties, required = node.get("properties", {}), list(node.get("required", ()))
        others = node.get("additionalProperties")
        if rules.is_closed and (
            others not in (None, False) or not properties or node.get("patternProperties")
        ):
            raise self._refused(path, "is a map of any names, and names have to be known")
        if rules.needs_required and not required:
            raise self._refused(path, "has no required property, and one is needed")
        self.counts["properties"] += len(properties)
        if self.counts["properties"] > _MOST_PROPERTIES:
            raise self._refused(path, f"is in a schema with more than {_MOST_PROPERTIES} properties")
        made: dict[str, Any] = {}
        for name, inner in properties.items():
            made[name] = self._property(inner, f"{path}.{name}", level, is_required=name in required)
        schema: dict[str, Any] = {"type": "object", "properties": made}
        schema["required"] = list(properties) if rules.is_all_required else required
        if rules.is_closed:
            schema["additionalProperties"] = False
        elif isinstance(others, Mapping):
            schema["additionalProperties"] = self.schema(others, f"{path}.*", level + 1)
        elif others is not None or (properties and rules.is_named_closed):
            schema["additionalProperties"] = bool(others)
        return schema

    def _property(self, inner: Any, path: str, level: int, *, is_required: bool) -> dict[str, Any]:
        if is_required:
            return self.schema(inner, path, level + 1)
        before = self.inside
        self.inside = [(ref, True) for ref, _ in before]
        made = self.schema(inner, path, level + 1)
        self.inside = before
        if not self.rules.is_all_required:
            self.counts["optional"] += 1
            return made
        return made if allows_null(self.root, inner) else _nullable(made)

    def _array(self, node: Node, path: str, level: int) -> dict[str, Any]:
        items = node.get("items", True)
        first = node.get("prefixItems", items if isinstance(items, list) else None)
        if first is not None and "prefixItems" in self.rules.kept:
            array: dict[str, Any] = {
                "type": "array",
                "prefixItems": [self.schema(one, f"{path}[]", level + 1) for one in first],
            }
            if isinstance(items, Mapping):
                array["items"] = self.schema(items, f"{path}[]", level + 1)
            return array
        if first is not None:
            return self._tuple(first, items, path, level)
        if items is True or items == {}:
            if self.rules.needs_type:
                raise self._refused(path, "is a list of anything, and a type is needed")
            return {"type": "array"}
        return {"type": "array", "items": self.schema(items, f"{path}[]", level + 1)}

    def _tuple(self, first: list[Any], items: Any, path: str, level: int) -> dict[str, Any]:
        """Return a list whose elements differ by place as a list of any of them, with the places in words."""
        kinds = [*first, *([items] if isinstance(items, Mapping) else [])]
        made = [self.schema(one, f"{path}[{at}]", level + 1) for at, one in enumerate(kinds)]
        distinct = [one for at, one in enumerate(made) if one not in made[:at]]
        if len(distinct) > 1:
            self.counts["unions"] += 1
        listed = {"type": "array", "items": distinct[0] if len(distinct) == 1 else {"anyOf": distinct}}
        return _described(listed, "", {"in this order": made} if len(distinct) > 1 else {})

    def _ref(self, node: Node, path: str, level: int) -> dict[str, Any]:
        ref = node["$ref"]
        known = pointed(self.root, ref)
        beside = {word: value for word, value in node.items() if word != "$ref" and word not in _SILENT}
        is_cycle = any(ref == one for one, _ in self.inside)
        if is_cycle:
            is_free = self.rules.cycles == "all" or all(free for one, free in self.inside if one == ref)
            if self.rules.cycles == "none" or not is_free or self.rules.is_inlined:
                raise self._refused(path, f"contains itself ({ref})")
            return {"$ref": f"#/$defs/{self.names[ref]}"}
        if ref not in self.names:
            self.names[ref] = self._free_name(ref)
        outer, self.inside = self.inside, [*self.inside, (ref, False)]
        try:
            if self.rules.is_inlined or (beside and not self._is_recursive(ref)):
                return self.schema({**(known if isinstance(known, Mapping) else {}), **beside}, path, level)
            if self.names[ref] not in self.definitions:
                counted = dict(self.counts)
                self.definitions[self.names[ref]] = {}
                self.definitions[self.names[ref]] = self.schema(known, path, level)
                # Anthropic does not count what is behind a reference.
                self.counts.update(optional=counted["optional"], unions=counted["unions"])
        finally:
            self.inside = outer
        made = {"$ref": f"#/$defs/{self.names[ref]}"}
        return {"anyOf": [made], "description": beside["description"]} if "description" in beside else made

    def _is_recursive(self, ref: str) -> bool:
        """Return whether what is referred to contains itself."""
        reached: set[str] = set()
        left = set(refs_in(pointed(self.root, ref)))
        while left - reached:
            one = (left - reached).pop()
            reached.add(one)
            left.update(refs_in(pointed(self.root, one)))
        return ref in reached

    def _free_name(self, ref: str) -> str:
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", ref.rpartition("/")[2].lstrip("#")).strip("_") or "whole"
        taken = set(self.names.values())
        return (
            name
            if name not in taken
            else next(f"{name}_{at}" for at in range(2, len(taken) + 3) if f"{name}_{at}" not in taken)
        )

    def _refused(self, path: str, why: str) -> SchemaRouteError:
        return SchemaRouteError(f"{self.rules.vendor} does not take the schema: {path} {why}.")


def _union_of_types(node: Node) -> dict[str, Any]:
    """Return a schema of several types as a union of schemas of one type each."""
    told = {word: node[word] for word in ("description",) if word in node}
    rest = {word: value for word, value in node.items() if word not in ("type", "description")}
    if "enum" in rest or "const" in rest:
        return {**told, **rest}
    if len(node["type"]) == 1:
        return {**node, "type": node["type"][0]}
    return {**told, "anyOf": [_NULL if kind == "null" else {"type": kind, **rest} for kind in node["type"]]}


def _nullable(made: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that is also fitted by null."""
    told = {"description": made["description"]} if "description" in made else {}
    inner = {word: value for word, value in made.items() if word != "description"}
    if inner.keys() == {"anyOf"}:
        return {"anyOf": [*inner["anyOf"], _NULL], **told}
    return {"anyOf": [inner, _NULL], **told}


def _described(made: dict[str, Any], description: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema with a description, which also says what could not be said otherwise."""
    words = "; ".join(f"{word}: {json.dumps(value, ensure_ascii=False)}" for word, value in told.items())
    said = " ".join(filter(None, (made.get("description", ""), description, f"({words})" if words else "")))
    return {**made, "description": said} if said else made
