"""Whether a JSON schema says what it means: known words with values of their kinds, and references within."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from langswarm_nb.core.session.text import nearest

from .pointers import Node, inner_nodes, pointed
from .schema_errors import (
    SchemaChoiceError,
    SchemaDefinitionError,
    SchemaNameError,
    SchemaRecursionError,
    SchemaTypeUnknownError,
    check_utf8,
)

TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
MOST_LEVELS = 60
"""So deep may schemas stand in each other, without those that are referred to."""
_UNCHECKED = (
    "$dynamicRef",
    "$recursiveRef",
    "maxContains",
    "minContains",
    "unevaluatedItems",
    "unevaluatedProperties",
)
"""Words that change what fits, and that are not checked here."""
_IN_PLACE = frozenset({"anyOf", "oneOf", "allOf", "not", "if", "then", "else", "dependentSchemas"})
"""Words whose schemas are about the same value as the one that they stand in."""
# In a name these could end the text of a program that a check is made of.
_UNSAFE_NAME = re.compile(r"[\"'\\{}\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _is_count(value: Any) -> bool:
    return (type(value) is int or (type(value) is float and value.is_integer())) and value >= 0


def _is_schema(value: Any) -> bool:
    return isinstance(value, (dict, bool))


def _are_schemas(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_schema, value))


def _are_named_schemas(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_schema, value.values()))


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_pattern(value: Any) -> bool:
    try:
        re.compile(value)
    except (re.error, TypeError, RecursionError, OverflowError):
        return False
    return True


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(
        ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
        ("a whole number from 0 on", _is_count),
    ),
    **dict.fromkeys(
        ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
        ("a number", _is_number),
    ),
    "multipleOf": ("a number above 0", lambda value: _is_number(value) and value > 0),
    **dict.fromkeys(
        ("properties", "$defs", "definitions"), ("a mapping of names to schemas", _are_named_schemas)
    ),
    "patternProperties": (
        "a mapping of patterns to schemas",
        lambda value: _are_named_schemas(value) and all(map(_is_pattern, value)),
    ),
    "dependentSchemas": ("a mapping of names to schemas", _are_named_schemas),
    "dependentRequired": (
        "a mapping of names to lists of names",
        lambda value: isinstance(value, dict) and all(map(_are_texts, value.values())),
    ),
    **dict.fromkeys(("anyOf", "oneOf", "allOf", "prefixItems"), ("a list of schemas", _are_schemas)),
    **dict.fromkeys(
        ("additionalProperties", "additionalItems", "contains", "propertyNames", "not", "if", "then", "else"),
        ("a schema", _is_schema),
    ),
    "items": ("a schema", lambda value: _is_schema(value) or _are_schemas(value)),
    "required": ("a list of names", _are_texts),
    "enum": ("a list of values", lambda value: isinstance(value, list)),
    "uniqueItems": ("true or false", lambda value: isinstance(value, bool)),
    "pattern": ("a regular expression of Python", _is_pattern),
    **dict.fromkeys(("format", "description", "title", "$ref"), ("text", _is_text)),
}

_WORDS = frozenset(
    {
        *_KINDS,
        *_UNCHECKED,
        "type",
        "const",
        "default",
        "examples",
        "contentMediaType",
        "contentEncoding",
        "deprecated",
    }
    | {"readOnly", "writeOnly", "dependencies", "$schema", "$id", "$anchor", "$comment"}
)
_ELSE = (
    'To ask for values by their names, write them in one line, as in "name, age int", use a dataclass or a TypedDict, '
    "or put JSON schemas under `properties`."
)


def plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a JSON schema that is made of nothing but JSON.

    Raises
    ------
    SchemaDefinitionError
        Something in it is not JSON, or a text that UTF-8 cannot hold; or none of its names is a word of JSON schemas,
        so that it says nothing.
    SchemaRecursionError
        It contains itself, or is nested too deeply.
    """
    try:
        text = json.dumps(dict(schema), allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        if isinstance(error, RecursionError) or "Circular" in str(error):
            raise SchemaRecursionError(
                "The schema contains itself as an object, or is nested too deeply. "
                "Refer to what occurs again by a `$ref`."
            ) from error
        raise SchemaDefinitionError(f"The schema is not made of JSON: {error}. {_ELSE}") from error
    check_utf8("The schema", text)
    copied: dict[str, Any] = json.loads(text)
    if copied and not copied.keys() & _WORDS:
        names = ", ".join(map(repr, list(copied)[:5]))
        raise SchemaDefinitionError(
            f"Any answer would fit the schema: a JSON schema has words such as `type`, and this has {names}. {_ELSE}"
        )
    return copied


def check_sound(root: Node) -> None:
    """Make sure that a JSON schema, made of JSON alone, can be checked against.

    Raises
    ------
    SchemaTypeUnknownError
        A type that JSON does not have, a word that cannot be checked, or a reference that leads nowhere.
    SchemaChoiceError
        A choice of nothing.
    SchemaNameError
        A name with quotes, brackets or the like.
    SchemaRecursionError
        Schemas stand in each other too deeply.
    SchemaDefinitionError
        A word with a value of another kind.
    """
    _check(root, root, "$", 0)


def _check(root: Node, node: Node, path: str, level: int) -> None:
    if level > MOST_LEVELS:
        raise SchemaRecursionError(
            f"The schema is nested in more than {MOST_LEVELS} levels, at {path[:200]}."
        )
    _check_words(node, path, level)
    _check_types(node, path)
    if node.get("enum") == []:
        raise SchemaChoiceError(f"{path}: `enum` is a choice of nothing. Say what may be chosen.")
    for name in (*node.get("properties", ()), *node.get("required", ()), *_dependents(node)):
        if not name or _UNSAFE_NAME.search(name):
            raise SchemaNameError(
                f"{path}: {name!r} is not a name. A name is not empty, and has no quotes, brackets {{}}, backslashes "
                "or control characters."
            )
    if "$ref" in node:
        _check_ends(root, node["$ref"], path)
    for steps, inner in inner_nodes(node):
        if isinstance(inner, Mapping):
            _check(root, inner, path + _shown(steps), level + 1)


def _check_ends(root: Node, ref: str, path: str) -> None:
    """Make sure that what is referred to does not contain itself at its own place, which no check would get out of."""
    left, seen = [ref], {""}
    while left:
        one = left.pop()
        inner = list(_refs_in_place(pointed(root, one)))
        if ref in inner:
            raise SchemaRecursionError(
                f"{path}: {ref} contains itself at the same place. Let it do so in an optional property, or in a list."
            )
        left += set(inner) - seen
        seen.update(inner)


def _refs_in_place(node: Any) -> Iterator[str]:
    """Yield the references in a schema that are about the same value."""
    if not isinstance(node, Mapping):
        return
    if "$ref" in node:
        yield node["$ref"]
    for steps, inner in inner_nodes(node):
        if steps[0] in _IN_PLACE:
            yield from _refs_in_place(inner)


def _check_words(node: Node, path: str, level: int) -> None:
    for word, value in node.items():
        if word in _UNCHECKED or (word == "$id" and level):
            raise SchemaTypeUnknownError(
                f"{path}: `{word}` cannot be checked. Leave it out, or describe it in words in `description`."
            )
        if word in _KINDS and not _KINDS[word][1](value):
            raise SchemaDefinitionError(
                f"{path}: `{word}` has to be {_KINDS[word][0]}, and is {json.dumps(value)[:80]}."
            )


def _check_types(node: Node, path: str) -> None:
    if "type" not in node:
        return
    types = node["type"] if isinstance(node["type"], list) else [node["type"]]
    for kind in types:
        if kind not in TYPES:
            near = nearest(kind, TYPES) if isinstance(kind, str) else None
            raise SchemaTypeUnknownError(
                f"{path}: {json.dumps(kind)[:80]} is not a type. JSON has {', '.join(TYPES)}."
                + (f" Did you mean {near!r}?" if near else "")
            )
    if not types:
        raise SchemaChoiceError(f"{path}: `type` is a choice of nothing.")


def _dependents(node: Node) -> list[str]:
    named = node.get("dependentRequired", {})
    return [*named, *node.get("dependentSchemas", ()), *(one for names in named.values() for one in names)]


def _shown(steps: tuple[str | int, ...]) -> str:
    """Return steps from a schema to one in it as the path of the values that it describes, where they have one."""
    if steps[0] == "properties":
        return f".{steps[1]}"
    if steps[0] == "items":
        return "[]" if len(steps) == 1 else f"[{steps[1]}]"
    return "." + ".".join(map(str, steps))
