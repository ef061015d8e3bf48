"""`AnswerSchema`: what an answer has to be; made from whatever describes it by `schema_of`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from langswarm_nb.core.session.errors import SessionTypeError

from .answer_json import NotJsonError, json_in
from .as_meant import as_meant
from .columns import Column, columns_of, records_of
from .pointers import ROOMS, moved, resolved
from .schema_errors import AnswerInvalidError

_MOST_NAME_CHARS = 64

Check: TypeAlias = Callable[[Any], Any]
"""Returns a JSON value as an instance of what the user described, or raises `AnswerInvalidError`."""


@dataclass(frozen=True, eq=False)
class AnswerSchema:
    """What an answer has to be.

    Parameters
    ----------
    name : str
        How it is called, of letters, digits, ``_`` and ``-``, at most 64.
    json_schema : mapping
        The JSON schema of the value, as the user described it.
    check : callable
        Checks a value of JSON and returns it as the user's type.
    given : object, optional
        What describes it: a type, a text, a mapping.
    """

    name: str
    json_schema: Mapping[str, Any]
    check: Check
    given: object = field(default=None, repr=False)

    @cached_property
    def body(self) -> str:
        """The JSON schema as compact JSON, its names in their order."""
        return json.dumps(self.json_schema, ensure_ascii=False, separators=(",", ":"))

    @cached_property
    def hash(self) -> str:
        """SHA-256 of `body`, in hexadecimal."""
        from hashlib import sha256  # it loads OpenSSL

        return sha256(self.body.encode()).hexdigest()

    @cached_property
    def key(self) -> str:
        """The name under which a model hands over a list, or a value other than an object; empty for an object.

        Services want an object, so a list is asked for as ``{"items": […]}``, anything else as ``{"value": …}``.
        """
        whole = resolved(self.json_schema, self.json_schema)
        kind = whole.get("type", "object" if "properties" in whole else None)
        if kind == "object" and not whole.keys() & {"anyOf", "oneOf", "allOf", "enum", "const"}:
            return ""
        return "items" if kind == "array" else "value"

    @cached_property
    def asked(self) -> Mapping[str, Any]:
        """The JSON schema of what a model is asked for: always that of an object."""
        if not self.key:
            return {**resolved(self.json_schema, self.json_schema), "type": "object"}
        inner = moved(self.json_schema, f"#/properties/{self.key}")
        # What `$ref` points to stays at the root.
        above: dict[str, Any] = {name: inner.pop(name) for name in (*ROOMS, "$schema") if name in inner}
        return {
            **above,
            "type": "object",
            "properties": {self.key: inner},
            "required": [self.key],
            "additionalProperties": False,
        }

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the table that answers make."""
        return columns_of(self.json_schema)

    def records(self, data: Any) -> list[dict[str, Any]]:
        """Return the rows of checked data: one of an object, as many as it has elements of a list.

        Anything but an object is a row with one column, ``value``.
        """
        return records_of(self.json_schema, data)

    def value_of(self, data: Any) -> Any:
        """Return JSON data as an instance of what the user described; as it is for a JSON schema or a text.

        Raises
        ------
        AnswerInvalidError
            It does not fit.
        """
        return self.check(data)

    def read(self, text: str, restored: Callable[[Any], Any] | None = None) -> Any:
        """Return the JSON value that an answer holds, out of the words around it and out of its `key`; it is checked.

        A null that stands for a missing property is taken out, and a choice gets the capitals that it has.

        Parameters
        ----------
        text : str
            The answer.
        restored : callable, optional
            Takes out of the JSON, as it came, what the form of a service added to it; see `StrictForm`.

        Raises
        ------
        AnswerInvalidError
            It is not JSON, or does not fit.
        """
        try:
            parsed = json_in(text, self._is_of_kind)
            return self._checked(
                parsed, restored or self._meant, is_likely_meant=restored is not None and "null" in text
            )
        except NotJsonError as error:
            raise AnswerInvalidError.of([f"$: {error}"], text) from error
        except AnswerInvalidError as error:
            error.text = text
            raise

    def _checked(self, parsed: Any, mean: Callable[[Any], Any], *, is_likely_meant: bool) -> Any:
        """Return data that fits: as it came, which is what most answers do, or as it is meant."""
        data = self._unwrapped(mean(parsed) if is_likely_meant else parsed)
        try:
            self.check(data)
        except AnswerInvalidError:
            meant = self._unwrapped(mean(parsed))
            if meant == data:
                raise
            self.check(meant)
            return meant
        return data

    def _is_of_kind(self, data: Any) -> bool:
        """Return whether a value between words may be the one that was asked for."""
        return isinstance(data, dict) if self.key != "items" else isinstance(data, (dict, list))

    def _meant(self, parsed: Any) -> Any:
        return as_meant(self.json_schema, self._unwrapped(parsed))

    def _unwrapped(self, data: Any) -> Any:
        if self.key and isinstance(data, dict) and data.keys() == {self.key}:
            return data[self.key]
        return data


def schema_of(given: object, *, name: str | None = None) -> AnswerSchema:
    """Return the schema that something describes.

    Parameters
    ----------
    given : object
        A text in the one-line language, such as ``"name, age int, tags [str]"``; a type: a dataclass, TypedDict,
        NamedTuple, Enum, Literal, a model of pydantic, a list of one of them, and all else that msgspec knows; or a
        JSON schema as a mapping.
    name : str, optional
        How it is called; by default like the type.

    Raises
    ------
    SchemaDefinitionError
        It describes nothing that can be asked for: the class of the error, and its message, say why and where.
    SessionTypeError
        It describes nothing.

    Examples
    --------
    >>> schema_of("[name, age int]").read('{"items": [{"name": "Ada", "age": 36}]}')
    [{'name': 'Ada', 'age': 36}]
    """
    if isinstance(given, AnswerSchema):
        return given
    if isinstance(given, str):
        from .one_line import one_line_schema

        return _of_dict(one_line_schema(given), name, given)
    if isinstance(given, Mapping):
        return _of_dict(given, name, given)
    return _of_type(given, name)


def _of_dict(described: Mapping[str, Any], name: str | None, given: object) -> AnswerSchema:
    from .dict_check import problems_by
    from .fulfilment import check_fulfillable
    from .soundness import check_sound, plain

    schema = plain(described)
    check_sound(schema)
    check_fulfillable(schema)
    problems = problems_by(schema)

    def checked(data: Any) -> Any:
        if found := problems(data):
            raise AnswerInvalidError.of(found)
        return data

    return AnswerSchema(_name(name or schema.get("title")), schema, checked, given)


def _of_type(given: object, name: str | None) -> AnswerSchema:
    from .fulfilment import check_fulfillable
    from .pydantic_models import is_model, model_of
    from .soundness import plain
    from .typed import is_type, type_of

    if is_model(given):
        typed = model_of(given)
    elif is_type(given):
        typed = type_of(given)
    else:
        what = "a text, a type (a dataclass, list[…], Literal[…], a pydantic model) or a JSON schema (dict)"
        raise SessionTypeError.of("schema", given, what)
    schema = plain(typed.json_schema)
    check_fulfillable(schema)
    return AnswerSchema(_name(name or typed.name), schema, typed.checked, given)


def _name(given: object) -> str:
    """Return a name as services take it."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", str(given or "")).strip("_")
    return name[:_MOST_NAME_CHARS] or "answer"
