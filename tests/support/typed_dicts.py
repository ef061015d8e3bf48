"""Checks JSON against the typed dictionaries that vendors publish, more strictly than a type checker would.

Each dictionary is closed: a key that its type does not declare is a problem, as are a required one that is missing, a
value outside a `Literal` and a value that fits no member of a union. Names of models may be any text, as vendors say.
What types cannot tell stays unseen: ranges, which role may follow which, what a model takes.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any, Literal, Union

import typing_extensions

_REQUIRED: Any = typing_extensions.Required
_WRAPPERS = {_REQUIRED, typing_extensions.NotRequired, typing_extensions.Annotated}


def problems(value: object, declared: Any, place: str = "") -> list[str]:
    """Return what is wrong with a value; empty when nothing is."""
    if typing_extensions.is_typeddict(declared):
        return _in_dictionary(value, declared, place)
    origin, arguments = typing_extensions.get_origin(declared), typing_extensions.get_args(declared)
    if origin is None:
        return _of_kind(value, declared, place)
    if origin in _WRAPPERS:
        return problems(value, arguments[0], place)
    if origin in {Union, types.UnionType}:
        found = [problems(value, member, place) for member in arguments]
        # The nearest member tells most: the one whose problems lie deepest.
        return min(found, key=lambda one: (bool(one), -max((line.count(".") for line in one), default=0)))
    if origin is Literal:
        return [] if value in arguments else [f"{place}: {value!r} is none of {arguments}"]
    # What is left is a mapping, or a list, iterable or sequence of something.
    return (_in_mapping if issubclass(origin, Mapping) else _in_list)(value, arguments, place)


def _in_dictionary(value: object, declared: Any, place: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{place}: {type(value).__name__} is no {declared.__name__}"]
    hints = typing_extensions.get_type_hints(declared, include_extras=True)
    found = [f"{place}.{name}: not declared by {declared.__name__}" for name in value.keys() - hints.keys()]
    # `__required_keys__` is empty where annotations are text, as they are there.
    required = {name for name, hint in hints.items() if typing_extensions.get_origin(hint) is _REQUIRED}
    found += [f"{place}.{name}: missing" for name in required - value.keys()]
    for name in value.keys() & hints.keys():
        found += problems(value[name], hints[name], f"{place}.{name}")
    return found


def _in_mapping(value: object, arguments: tuple[Any, ...], place: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{place}: {type(value).__name__} is not a mapping"]
    return [line for name, item in value.items() for line in problems(item, arguments[1], f"{place}.{name}")]


def _in_list(value: object, arguments: tuple[Any, ...], place: str) -> list[str]:
    if not isinstance(value, list):
        return [f"{place}: {type(value).__name__} is not a list"]
    item_type = arguments[0] if arguments else object
    return [
        line for number, item in enumerate(value) for line in problems(item, item_type, f"{place}[{number}]")
    ]


def _of_kind(value: object, declared: Any, place: str) -> list[str]:
    if declared is None or declared is type(None):
        fits = value is None
    elif declared in {Any, object}:
        fits = True
    elif declared is float:
        fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    elif declared is int:
        fits = isinstance(value, int) and not isinstance(value, bool)
    else:
        fits = isinstance(declared, type) and isinstance(value, declared)
    return [] if fits else [f"{place}: {value!r} is no {getattr(declared, '__name__', declared)}"]
