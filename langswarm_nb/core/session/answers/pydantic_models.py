"""Models of pydantic as schemas, without loading it for anything else."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Annotated, Any, get_origin

from langswarm_nb.core.session.text import one_line

from .schema_errors import AnswerInvalidError, SchemaTypeUnknownError
from .typed import Typed, at_root, name_of, types_in

_MOST_CHARS = 300


def is_model(given: Any) -> bool:
    """Return whether a type is, or has in it, something that only pydantic understands."""
    if "pydantic" not in sys.modules:
        return False
    try:
        return _is_adapter(given) or any(_is_made(inner) for _, inner in types_in(given))
    except SchemaTypeUnknownError:
        return False


def _is_adapter(given: Any) -> bool:
    return type(given).__module__ == "pydantic.type_adapter"


def _is_made(given: Any) -> bool:
    if get_origin(given) is Annotated:
        return any(map(_is_rule, given.__metadata__))
    return isinstance(given, type) and (hasattr(given, "__pydantic_core_schema__") or _is_rule(given))


def _is_rule(given: Any) -> bool:
    """Return whether something in an annotation says what fits, to pydantic and not to msgspec."""
    return hasattr(given, "__get_pydantic_core_schema__") or type(given).__module__.split(".")[0] in (
        "pydantic",
        "annotated_types",
    )


def model_of(given: Any) -> Typed:
    """Return what pydantic makes of a type.

    Raises
    ------
    SchemaTypeUnknownError
        JSON cannot say something in it.
    """
    import pydantic

    try:
        adapter = given if isinstance(given, pydantic.TypeAdapter) else pydantic.TypeAdapter(given)
        schema = adapter.json_schema()
    except (
        pydantic.errors.PydanticUserError,
        pydantic.errors.PydanticUndefinedAnnotation,
        ImportError,
    ) as error:
        raise SchemaTypeUnknownError(
            f"$: pydantic has no JSON schema of {one_line(str(given), 80)}: {one_line(str(error), 300)}"
        ) from error

    def checked(data: Any) -> Any:
        try:
            return adapter.validate_json(json.dumps(data), strict=True)
        except pydantic.ValidationError as error:
            raise AnswerInvalidError.of(_problems(error)) from error

    return Typed(name_of(given), at_root(schema, schema.pop("$defs", {})), checked)


def _problems(error: Exception) -> tuple[str, ...]:
    """Return what a validation error says, each as ``$.path: reason``."""
    listed: list[Mapping[str, Any]] = error.errors(  # type: ignore[attr-defined] # of pydantic's class
        include_url=False, include_context=False, include_input=False
    )
    return tuple(one_line(f"{_path(one['loc'])}: {one['msg']}", _MOST_CHARS) for one in listed)


def _path(steps: tuple[str | int, ...]) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
