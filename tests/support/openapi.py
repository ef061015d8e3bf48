"""Checks JSON against the documents in which vendors publish their APIs (OpenAPI, Google's discovery), more strictly.

Each object is closed unless its schema has no property or says otherwise: a property that is not declared is a problem,
as are a missing one, another type, a value outside an enumeration, a range or a length, and what fits no alternative.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Schema = Mapping[str, Any]
_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
    "any": (object,),
}
_LIMITS = {
    "minimum": lambda value, limit: value < limit,
    "maximum": lambda value, limit: value > limit,
    "minLength": lambda value, limit: len(value) < limit,
    "maxLength": lambda value, limit: len(value) > limit,
    "minItems": lambda value, limit: len(value) < limit,
    "maxItems": lambda value, limit: len(value) > limit,
    "pattern": lambda value, pattern: re.search(pattern, value) is None,
}
_OF_KIND = {
    str: ("minLength", "maxLength", "pattern"),
    list: ("minItems", "maxItems"),
    int: ("minimum", "maximum"),
    float: ("minimum", "maximum"),
}


@dataclass
class Document:
    """One published document.

    Parameters
    ----------
    content
        It, read from JSON or YAML.
    """

    content: Mapping[str, Any]

    def body_of(self, path: str) -> Schema:
        """Return the schema of what is posted to a path."""
        content = self.content["paths"][path]["post"]["requestBody"]["content"]
        schema: Schema = content["application/json"]["schema"]
        return schema

    def named(self, name: str) -> Schema:
        """Return a schema by its name."""
        schemas = self.content.get("schemas") or self.content["components"]["schemas"]
        found: Schema = schemas[name]
        return found

    def problems(self, value: object, schema: Schema, place: str = "") -> list[str]:
        """Return what is wrong with a value; empty when nothing is."""
        schema = self._found(schema)
        if value is None and (schema.get("nullable") or schema.get("x-nullable")):
            return []
        whole = self._joined(schema)
        found = [*_of_kind(value, whole, place), *_within(value, whole, place)]
        if found:
            return found
        for alternatives in whole.alternatives:
            found += self._nearest(value, alternatives, whole, place)
        if isinstance(value, list):
            found += self._in_items(value, whole, place)
        elif isinstance(value, dict) and not whole.alternatives:
            found += self._in_object(value, whole, place)
        return found

    def _found(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            reference = schema["$ref"]
            if reference.startswith("#/"):
                found: Any = self.content
                for name in reference[2:].split("/"):
                    found = found[name.replace("~1", "/").replace("~0", "~")]
            else:
                found = self.named(reference)  # as discovery writes it
            schema = found
        return schema

    def _joined(self, schema: Schema) -> _Whole:
        whole = _Whole()
        self._join(schema, whole)
        return whole

    def _join(self, schema: Schema, whole: _Whole) -> None:
        """Add a schema, with all that it is made of, to what a value has to fit."""
        schema = self._found(schema)
        for part in schema.get("allOf", ()):
            self._join(part, whole)
        whole.rules.append(schema)
        for name, declared in schema.get("properties", {}).items():
            whole.properties.setdefault(name, []).append(declared)
        whole.required |= {name for name in schema.get("required", ()) if isinstance(name, str)}
        others = schema.get("additionalProperties")
        whole.others += [others] if isinstance(others, dict) else []
        whole.is_open |= others is True or isinstance(others, dict)
        whole.items += [schema["items"]] if "items" in schema else []
        whole.alternatives += [schema[name] for name in ("anyOf", "oneOf") if name in schema]

    def _nearest(self, value: object, alternatives: Sequence[Schema], whole: _Whole, place: str) -> list[str]:
        """Return what is wrong with a value for the alternative that it fits best."""
        found = [
            self.problems(value, {"allOf": [whole.without_alternatives(), schema]}, place)
            for schema in alternatives
        ]
        return min(found, key=lambda one: (bool(one), -max((line.count(".") for line in one), default=0)))

    def _in_items(self, value: Iterable[object], whole: _Whole, place: str) -> Iterator[str]:
        for number, item in enumerate(value):
            for schema in whole.items:
                yield from self.problems(item, schema, f"{place}[{number}]")

    def _in_object(self, value: Mapping[str, Any], whole: _Whole, place: str) -> Iterator[str]:
        for name in sorted(whole.required - value.keys()):
            yield f"{place}.{name}: missing"
        for name, item in value.items():
            declared = whole.properties.get(name, whole.others)
            if not declared and whole.properties and not whole.is_open:
                yield f"{place}.{name}: not declared"
            for schema in declared:
                yield from self.problems(item, schema, f"{place}.{name}")


@dataclass
class _Whole:
    """A schema with all that it is made of."""

    rules: list[Schema] = field(default_factory=list)
    properties: dict[str, list[Schema]] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    others: list[Schema] = field(default_factory=list)
    is_open: bool = False
    items: list[Schema] = field(default_factory=list)
    alternatives: list[Sequence[Schema]] = field(default_factory=list)

    def without_alternatives(self) -> Schema:
        """Return it as one schema: what an alternative adds to is closed together with it."""
        left = {"allOf", "anyOf", "oneOf"}
        return {"allOf": [{name: rule[name] for name in rule.keys() - left} for rule in self.rules]}


def _of_kind(value: object, whole: _Whole, place: str) -> Iterator[str]:
    for rule in whole.rules:
        told = rule.get("type")
        kinds = [told] if isinstance(told, str) else told
        if kinds and not any(_is_kind(value, kind) for kind in kinds):
            yield f"{place}: {value!r:.80} is no {' or '.join(kinds)}"


def _is_kind(value: object, kind: str) -> bool:
    if isinstance(value, bool) and kind in {"integer", "number"}:
        return False
    return isinstance(value, _KINDS[kind])


def _within(value: object, whole: _Whole, place: str) -> Iterator[str]:
    for rule in whole.rules:
        if "enum" in rule and value not in rule["enum"]:
            yield f"{place}: {value!r:.80} is none of {rule['enum']}"
        if "const" in rule and value != rule["const"]:
            yield f"{place}: {value!r:.80} is not {rule['const']!r}"
        for name in _OF_KIND.get(type(value), ()):
            if name in rule and _is_limit(rule[name]) and _LIMITS[name](value, rule[name]):
                yield f"{place}: {value!r:.80} breaks {name} {rule[name]}"


def _is_limit(limit: object) -> bool:
    return not isinstance(limit, str) or limit.startswith(("^", "["))  # discovery writes numbers as text
