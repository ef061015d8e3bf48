"""`AnswerSchema`: what an answer has to be; made from whatever describes it by `schema_of`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from langswarm_nb.core.session.errors import SessionTypeError

from .columns import Column, columns_of, records_of
from .schema_errors import AnswerInvalidError, SchemaUnfulfillableError

_FENCED = re.compile(r"\s*```[\w-]*\n(?P<inside>.*)\n\s*```\s*", re.DOTALL)


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
        kind = self.json_schema.get("type")
        if kind == "object":
            return ""
        return "items" if kind == "array" else "value"

    @cached_property
    def asked(self) -> Mapping[str, Any]:
        """The JSON schema of what a model is asked for: always that of an object."""
        if not self.key:
            return self.json_schema
        inner = dict(self.json_schema)
        # What `$ref` points to stays at the root.
        above: dict[str, Any] = {
            name: inner.pop(name) for name in ("$defs", "definitions", "$schema") if name in inner
        }
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

        What is no object is a row with one column, ``value``.
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

    def read(self, text: str) -> Any:
        """Return the JSON value that an answer holds, out of a code block and out of its `key`; it is checked.

        Raises
        ------
        AnswerInvalidError
            It is not JSON, or does not fit.
        """
        data = self._unwrapped(_parsed(text))
        try:
            self.check(data)
        except AnswerInvalidError as error:
            error.text = text
            raise
        return data

    def _unwrapped(self, data: Any) -> Any:
        if self.key and isinstance(data, dict) and data.keys() == {self.key}:
            return data[self.key]
        return data


def schema_of(given: object, *, name: str | None = None) -> AnswerSchema:
    """Return the schema that something describes.

    Parameters
    ----------
    given : object
        A JSON schema as a mapping.
    name : str, optional
        How it is called.

    Raises
    ------
    SchemaDefinitionError
        It describes nothing that can be asked for.
    SessionTypeError
        It describes nothing.
    """
    if isinstance(given, AnswerSchema):
        return given
    if isinstance(given, Mapping):
        return AnswerSchema(
            name or str(given.get("title") or "answer"), given, _json_schema_check(given), given
        )
    raise SessionTypeError.of("schema", given, "a JSON schema (dict)")


def _json_schema_check(schema: Mapping[str, Any]) -> Check:
    import fastjsonschema  # few answers are described by a dict

    try:
        check = fastjsonschema.compile(dict(schema), use_default=False)
    except fastjsonschema.JsonSchemaDefinitionException as error:
        raise SchemaUnfulfillableError(f"The JSON schema cannot be used: {error}.") from error

    def checked(data: Any) -> Any:
        try:
            return check(data)
        except fastjsonschema.JsonSchemaValueException as error:
            raise _invalid([f"${(error.name or '').removeprefix('data')}: {error.message}"]) from error

    return checked


def _parsed(text: str) -> Any:
    found = _FENCED.fullmatch(text)
    try:
        return json.loads(found["inside"] if found else text)
    except ValueError as error:
        raise _invalid([f"$: not JSON ({error})"], text) from error


def _invalid(problems: list[str], text: str = "") -> AnswerInvalidError:
    error = AnswerInvalidError("The answer does not fit its schema: " + "; ".join(problems))
    error.problems, error.text = tuple(problems), text
    return error
