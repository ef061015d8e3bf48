"""Strategies of hypothesis: JSON schemas, and values that fit them or come near."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "b", "c d", "größe", "e-f", "x.y", "items", "type"])
WORDS = st.sampled_from(
    ["small", "Medium", "x y", 'say "so"', "it's", "back\\slash", "{braces}", "new\nline", ""]
)
TEXTS = st.text(max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | TEXTS | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def _objects(draw: st.DrawFn, inner: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    properties = draw(st.dictionaries(NAMES, inner, min_size=1, max_size=4))
    required = [name for name in properties if draw(st.booleans())]
    closed = draw(st.sampled_from([{}, {"additionalProperties": False}]))
    return {"type": "object", "properties": properties, "required": required, **closed}


@st.composite
def _texts(draw: st.DrawFn) -> dict[str, Any]:
    least, more = draw(st.integers(0, 3)), draw(st.integers(0, 5))
    return {"type": "string", **draw(st.sampled_from([{}, {"minLength": least, "maxLength": least + more}]))}


@st.composite
def _numbers(draw: st.DrawFn) -> dict[str, Any]:
    kind, least = draw(st.sampled_from(["integer", "number"])), draw(st.integers(-5, 5))
    return {
        "type": kind,
        **draw(st.sampled_from([{}, {"minimum": least}, {"minimum": least, "maximum": least + 3}])),
    }


def _nullable(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return inner.map(lambda schema: {"anyOf": [schema, {"type": "null"}]})


LEAVES: st.SearchStrategy[dict[str, Any]] = (
    _texts()
    | _numbers()
    | st.just({"type": "boolean"})
    | st.lists(WORDS, min_size=1, max_size=4, unique_by=str.casefold).map(
        lambda words: {"type": "string", "enum": words}
    )
    | WORDS.map(lambda word: {"const": word})
)
SCHEMAS: st.SearchStrategy[dict[str, Any]] = st.recursive(
    LEAVES,
    lambda inner: (
        _objects(inner)
        | _nullable(inner)
        | st.builds(
            lambda items, least: {"type": "array", "items": items, **({"minItems": least} if least else {})},
            inner,
            st.integers(0, 2),
        )
    ),
    max_leaves=8,
)
"""Schemas that every service with a strict mode takes in some form: of known names, and without a cycle."""


def values(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return a strategy of values that fit one of `SCHEMAS`."""
    if "anyOf" in schema:
        return st.one_of(*map(values, schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum", [schema.get("const")]))
    return _OF_TYPE[schema["type"]](schema)


def _values_of_object(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    known = {name: values(inner) for name, inner in schema["properties"].items()}
    required = {name: known.pop(name) for name in schema["required"]}
    return st.fixed_dictionaries(required, optional=known)


_OF_TYPE: dict[str, Callable[[Mapping[str, Any]], st.SearchStrategy[Any]]] = {
    "object": _values_of_object,
    "array": lambda schema: st.lists(values(schema["items"]), min_size=schema.get("minItems", 0), max_size=3),
    "string": lambda schema: st.text(
        min_size=schema.get("minLength", 0), max_size=schema.get("maxLength", 8)
    ),
    "integer": lambda schema: st.integers(schema.get("minimum"), schema.get("maximum")),
    "number": lambda schema: st.floats(
        schema.get("minimum"), schema.get("maximum"), allow_nan=False, allow_infinity=False
    ),
    "boolean": lambda _: st.booleans(),
    "null": lambda _: st.none(),
}
SCHEMAS_AND_VALUES = SCHEMAS.flatmap(lambda schema: st.tuples(st.just(schema), values(schema)))
