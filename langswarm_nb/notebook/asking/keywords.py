"""The flags of ``%%langswarm`` as keywords of a function, each by its own name: ``no_history=True``."""

from __future__ import annotations

import argparse
import keyword
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from langswarm_nb.core.session import SessionValueError
from langswarm_nb.core.session.text import did_you_mean
from langswarm_nb.notebook.config import FORMATS, Format

from .cell_flags import line_parser
from .options import CellOptions


class AskKeywords(TypedDict, total=False):
    """What `langswarm_nb.ask` takes beside prompt and models: the flags, and provider options as ``options``."""

    model: str | None
    system: str | None
    system_file: str | None
    session: str | None
    stay: bool
    new: str | None
    branch: str | None
    from_: int | str | None
    format: Format | None
    extract: Literal["first", "last"] | bool | None
    xl: bool
    temperature: float | None
    max_tokens: int | None
    options: Mapping[str, Any]
    attachment: object
    detail: Literal["low", "high"] | None
    tool: str | Sequence[str]
    schema: object
    repair: int | None
    decide: object
    no_history: bool
    append: bool
    replace: bool
    no_stream: bool
    quiet: bool
    usage: bool
    raw: bool
    timeout: float | None
    retries: int | None
    dry_run: bool
    budget: float | None
    api_base: str | None
    api_key_name: str | None
    # The names that the flags have in `CellOptions`.
    from_turn: int | str | None
    attachments: Sequence[object]
    tools: Sequence[str]
    history: bool
    rerun: Literal["append", "replace"] | None
    stream: bool | None
    timeout_s: float | None
    budget_usd: float | None


def options_of(models: tuple[str, ...], given: Mapping[str, Any], *, shows: bool) -> CellOptions:
    """Return what keywords ask for.

    Raises
    ------
    SessionValueError
        A name is not a flag, of which the nearest is named; or a flag has no such value.
    """
    flags = {_keyword(action): action for action in line_parser().actions if action.option_strings}
    found: dict[str, Any] = {}
    for name, value in given.items():
        if (list_of := _list_of(name, flags)) is not None:
            found[list_of] = (*found.get(list_of, ()), *_several(value))
        elif name in flags and not _is_plain(name, value):
            found |= _from_flag(flags[name], value)
        elif name in _FIELDS:
            found[name] = value
        else:
            raise SessionValueError(
                f"There is no keyword {name!r}{did_you_mean(name, [*flags, *_FIELDS]) or '.'} They are the flags of "
                "`%%langswarm`, see `%langswarm help`; options of the provider go in `options={...}`."
            )
    for name, value in found.items():
        if value is not None and name in _WORDS and value not in _WORDS[name]:
            raise SessionValueError.of(name, value, list(_WORDS[name]))
    if "from_turn" in found and found["from_turn"] is not None:
        found["from_turn"] = str(found["from_turn"])
    named = found.pop("model", None)
    asked = (*models, *(named.split(",") if isinstance(named, str) else named or ()))
    quiet = bool(found.pop("quiet", False))
    return CellOptions(models=tuple(asked), shows=shows and not quiet, **found)


_LISTS = ("attachments", "tools")
"""What a flag adds one to each time; a keyword takes one, or a list."""
_WORDS = {
    "detail": ("low", "high"),
    "format": FORMATS,
    "extract": ("first", "last"),
    "rerun": ("append", "replace"),
}
"""What some flags can say."""
_FIELDS = frozenset(CellOptions.__dataclass_fields__) - {"models", "name", "shows"}


def _is_plain(name: str, value: object) -> bool:
    """Tell whether a keyword holds what its field holds: ``extract="last"``, ``options={...}``."""
    return name in _FIELDS and not isinstance(value, bool)


def _list_of(name: str, flags: Mapping[str, argparse.Action]) -> str | None:
    """Return the field that a keyword adds to."""
    field = flags[name].dest if name in flags else name
    return field if field in _LISTS else None


def _several(value: object) -> tuple[Any, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def _keyword(action: argparse.Action) -> str:
    """Return the name of a flag as Python writes it."""
    name = max(action.option_strings, key=len).lstrip("-").replace("-", "_")
    return f"{name}_" if keyword.iskeyword(name) else name


def _from_flag(action: argparse.Action, value: object) -> dict[str, Any]:
    if action.nargs != 0:
        return {action.dest: value}
    return {action.dest: action.const} if value else {}
