"""Types of Python as schemas: msgspec says what they look like as JSON, and makes their instances of it.

A named tuple is asked for as an object, with the names that its fields have: a model knows what they mean, and
services take objects where they refuse arrays of different things.
"""

from __future__ import annotations

import enum
import typing
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, time
from typing import Any, ForwardRef, Literal, NamedTuple, get_args, get_origin, get_type_hints

from langswarm_nb.core.session.text import one_line

from .pointers import Node, resolved
from .schema_errors import (
    AnswerInvalidError,
    SchemaChoiceError,
    SchemaDefinitionError,
    SchemaTypeUnknownError,
)

_REF = "#/$defs/"
_MOMENTS: dict[Any, str] = {datetime: "date-time", time: "time"}
_UNION = type(int | str)


def is_type(given: object) -> bool:
    """Return whether something is a type, or a form of one such as ``list[int]`` or ``int | None``."""
    return (
        isinstance(given, type)
        or get_origin(given) is not None
        or given is Any
        or type(given).__name__
        in (
            "TypeAliasType",
            "NewType",
        )
    )


def types_in(given: Any, path: str = "$", seen: set[type] | None = None) -> Iterator[tuple[str, Any]]:
    """Yield a type and all types that it is made of, the outermost first, each with its path.

    What a class is made of is yielded once, wherever it stands: a class may be reached in many ways.

    Raises
    ------
    SchemaTypeUnknownError
        A name in an annotation stands for nothing.
    """
    yield path, given
    seen = set() if seen is None else seen
    if get_origin(given) is Literal:
        return
    for at, inner in enumerate(get_args(given)):
        if is_type(inner) or isinstance(inner, ForwardRef):
            suffix = "" if get_origin(given) in (typing.Union, typing.Annotated, _UNION) else "[]"
            suffix = suffix if at == 0 or not suffix else "[]"
            yield from types_in(inner, path + suffix, seen)
    whole = get_origin(given) or given
    if not isinstance(whole, type) or whole in seen:
        return
    seen.add(whole)
    for name, inner in _fields(whole, path).items():
        yield from types_in(inner, f"{path}.{name}", seen)


def _fields(given: Any, path: str) -> Mapping[str, Any]:
    given = get_origin(given) or given
    if not isinstance(given, type) or given.__module__ in ("builtins", "typing", "enum"):
        return {}
    if issubclass(given, enum.Enum) or not getattr(given, "__annotations__", None):
        return {}
    try:
        return get_type_hints(given, include_extras=True)
    except (NameError, AttributeError, SyntaxError, TypeError) as error:
        raise SchemaTypeUnknownError(
            f"{path} ({_shown(given)}): {error}. Define the type where the class can see it."
        ) from error


def name_of(given: Any) -> str:
    """Return how a type is called; a list is called like its elements."""
    while get_origin(given) in (list, typing.Annotated) and get_args(given):
        given = get_args(given)[0]
    return given.__name__ if isinstance(given, type) and given.__module__ != "builtins" else ""


def _shown(given: Any) -> str:
    return given.__name__ if isinstance(given, type) and not get_args(given) else one_line(str(given), 80)


class Typed(NamedTuple):
    """What a type is as a schema."""

    name: str
    json_schema: dict[str, Any]
    checked: Callable[[Any], Any]
    """Returns JSON data as an instance of the type, or raises `AnswerInvalidError`."""


def type_of(given: Any) -> Typed:
    """Return what msgspec makes of a type.

    Raises
    ------
    SchemaTypeUnknownError
        JSON cannot say a type in it.
    SchemaChoiceError
        An enumeration without members.
    """
    import msgspec

    classes = [inner for path, inner in types_in(given) if isinstance(inner, type) and _fields(inner, path)]
    try:
        (root, *refs), definitions = msgspec.json.schema_components([given, *classes])
        msgspec.json.Decoder(given)  # it says which unions it could not tell apart
    except (TypeError, NameError, ValueError) as error:
        raise _unknown(given, error) from error
    _tell_moments(given, root)
    named: dict[str, tuple[str, ...]] = {}
    for ref, one in zip([ref["$ref"] for ref in refs], classes, strict=True):
        name = ref.removeprefix(_REF)
        if _is_named_tuple(one) and ref not in named:
            named[ref] = one._fields  # type: ignore[attr-defined] # it is a named tuple
            definitions[name] = _as_object(one, definitions[name])
        for field, inner in _fields(one, "$").items():
            _tell_moments(inner, definitions[name]["properties"].get(field, {}))
    whole = {"$defs": dict(definitions)}
    schema = at_root(root, definitions)
    _put_choices_in_order(schema, given)

    def checked(data: Any) -> Any:
        listed = _listed(whole, root, data, named) if named else data
        try:
            return msgspec.convert(listed, given, str_keys=True)
        except msgspec.ValidationError as error:
            raise AnswerInvalidError.of(_problems(schema, data, error)) from error

    return Typed(name_of(given), schema, checked)


def _problems(schema: Node, data: Any, error: Exception) -> tuple[str, ...]:
    """Return all problems where the JSON schema has them, as msgspec ends with the first."""
    from .dict_check import problems_by
    from .soundness import check_sound, plain

    words, _, path = one_line(str(error)).partition(" - at `")
    first = f"{path.rstrip('`') or '$'}: {words}"
    try:
        made = plain(schema)
        check_sound(made)
        return problems_by(made)(data) or (first,)
    except SchemaDefinitionError:
        return (first,)


def _is_named_tuple(given: Any) -> bool:
    return isinstance(given, type) and issubclass(given, tuple) and hasattr(given, "_fields")


def _tell_moments(given: Any, node: dict[str, Any]) -> None:
    """Say of a text that it is a moment, where msgspec says so only of one with a time zone."""
    args = get_args(given)
    if given in _MOMENTS and node.get("type") == "string":
        node["format"] = _MOMENTS[given]
    elif get_origin(given) in (typing.Union, _UNION) and str not in args:
        for one in node.get("anyOf", ()):
            if one == {"type": "string"}:
                _tell_moments(next((arg for arg in args if arg in _MOMENTS), None), one)
    elif get_origin(given) is list and isinstance(node.get("items"), dict):
        _tell_moments(args[0], node["items"])


def _as_object(given: Any, listed: Node) -> dict[str, Any]:
    """Return the schema of a named tuple as that of an object."""
    properties = dict(zip(given._fields, listed["prefixItems"], strict=True))
    told = {word: listed[word] for word in ("title", "description") if word in listed}
    return {
        **told,
        "type": "object",
        "properties": properties,
        "required": list(given._fields[: listed["minItems"]]),
    }


def _listed(root: Node, node: Any, data: Any, named: Mapping[str, tuple[str, ...]]) -> Any:
    """Return data with the objects that stand for named tuples as the lists that msgspec makes tuples of."""
    if isinstance(node, Mapping) and node.get("$ref") in named and isinstance(data, dict):
        known = resolved(root, node)
        inner = {name: _listed(root, known["properties"].get(name), one, named) for name, one in data.items()}
        return _in_order(known, named[node["$ref"]], inner)
    if not isinstance(node, Mapping) or not isinstance(data, (dict, list)):
        return data
    known = resolved(root, node)
    for union in known.get("anyOf", ()):
        if _could_be(resolved(root, union), data):
            return _listed(root, union, data, named)
    if isinstance(data, list):
        first = known.get("prefixItems", ())
        kinds = [*first[: len(data)], *[known.get("items")] * (len(data) - len(first))]
        return [_listed(root, kind, one, named) for kind, one in zip(kinds, data, strict=True)]
    properties = known.get("properties", {})
    return {
        name: _listed(root, properties.get(name, known.get("additionalProperties")), one, named)
        for name, one in data.items()
    }


def _in_order(known: Node, names: tuple[str, ...], data: dict[str, Any]) -> Any:
    if not set(known["required"]) <= data.keys():
        return data  # msgspec says that it is none
    last = max((at for at, name in enumerate(names) if name in data), default=-1)
    return [
        data[name] if name in data else known["properties"][name].get("default") for name in names[: last + 1]
    ]


def _could_be(known: Node, data: Any) -> bool:
    """Return whether data may be meant by one type of a union."""
    if isinstance(data, list):
        return known.get("type") == "array"
    return known.get("type") == "object" and set(known.get("required", ())) <= data.keys()


def at_root(root: Node, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return one schema with its definitions; that of the whole stands at the root, unless it contains itself."""
    schema = dict(root)
    if "$ref" in schema and not _refers(definitions, schema["$ref"]):
        schema = definitions.pop(schema["$ref"].removeprefix(_REF))
    elif "$ref" in schema:
        schema = dict(definitions[schema["$ref"].removeprefix(_REF)])
    used = {
        name: one
        for name, one in definitions.items()
        if _refers([schema, *definitions.values()], _REF + name)
    }
    return {**schema, "$defs": used} if used else schema


def _refers(place: Any, ref: str) -> bool:
    if isinstance(place, Mapping):
        return place.get("$ref") == ref or any(_refers(inner, ref) for inner in place.values())
    return isinstance(place, list) and any(_refers(inner, ref) for inner in place)


def _put_choices_in_order(place: Any, given: Any) -> None:
    """Put choices in the order in which they were written: msgspec sorts them."""
    orders: dict[frozenset[Any], list[Any]] = {}
    for _, inner in types_in(given):
        if get_origin(inner) is Literal:
            values = _flat(inner)
        elif isinstance(inner, type) and issubclass(inner, enum.Enum):
            values = [member.value for member in inner]
        else:
            continue
        orders[frozenset(map(_typed, values))] = values
    _reorder(place, orders)


def _flat(literal: Any) -> list[Any]:
    return [
        value for one in get_args(literal) for value in (_flat(one) if get_origin(one) is Literal else [one])
    ]


def _typed(value: Any) -> tuple[str, Any]:
    return type(value).__name__, value


def _reorder(place: Any, orders: Mapping[frozenset[Any], list[Any]]) -> None:
    if isinstance(place, dict):
        if isinstance(place.get("enum"), list):
            place["enum"] = orders.get(frozenset(map(_typed, place["enum"])), place["enum"])
        for inner in place.values():
            _reorder(inner, orders)
    elif isinstance(place, list):
        for inner in place:
            _reorder(inner, orders)


def _unknown(given: Any, error: Exception) -> SchemaDefinitionError:
    """Return the error about the innermost type that cannot be one of JSON."""
    import msgspec

    worst = ("$", given)
    for path, inner in types_in(given):
        try:
            msgspec.json.schema_components([inner])
            msgspec.json.Decoder(inner)
        except Exception:  # noqa: BLE001 - it is only asked whether there is one
            worst = (path, inner)
    path, inner = worst
    name = _shown(inner)
    if isinstance(inner, type) and issubclass(inner, enum.Enum) and not len(inner):
        return SchemaChoiceError(f"{path}: the enumeration {name} has no members. Say what may be chosen.")
    why = "" if "schema_hook" in str(error) else f" ({one_line(str(error), 200)})"
    return SchemaTypeUnknownError(
        f"{path}: {name} cannot be read from JSON{why}. "
        "Use str, int, float, bool, list, dict, a date, Literal, Enum, a dataclass, TypedDict or NamedTuple."
    )
