"""The JSON that an answer holds: strictly read, and found between the words of a model that was only asked for it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from langswarm_nb.core.session.text import whole

_FENCE_OPENS = re.compile(r"```[\w-]*[ \t]*\n")
_FENCE_ENDS = re.compile(r"\n[ \t]*```")
_OPENING = re.compile(r"[{\[]")
_HALF = re.compile(r"\\ud[89a-f]", re.IGNORECASE)
_MOST_TRIES = 32
"""So many brackets in a text are taken for the beginning of a value: each may be read to the end of the text."""
_THOUGHT_ENDS = re.compile(r"</(?:think|thinking|thought|reasoning)>", re.IGNORECASE)


class NotJsonError(ValueError):
    """A text is not JSON, or JSON that two readers may understand in two ways."""


def json_in(text: str, fits: Callable[[Any], bool]) -> Any:
    """Return the JSON value that an answer is; else the first one of the right kind that stands in it.

    Parameters
    ----------
    text : str
        The answer; what a model thought may stand before it, a code block and words around it.
    fits : callable
        Whether a value is of the right kind: asked of values between words.

    Raises
    ------
    NotJsonError
        There is none. The reason is that of the whole text.
    """
    text = whole(text).strip().removeprefix("\ufeff")
    if not text:
        raise NotJsonError("the answer is empty")
    try:
        return strict_json(text)
    except NotJsonError as error:
        reason = error
    said = _THOUGHT_ENDS.split(text)[-1]
    for inside in _fenced(said):
        try:
            return strict_json(inside)
        except NotJsonError as error:
            reason = error
    for value in _values_in(said):
        if fits(value):
            return value
    raise reason


def strict_json(text: str) -> Any:
    """Return the value of a JSON text; halves of characters become U+FFFD.

    Raises
    ------
    NotJsonError
        It is not JSON, names a key twice, or has a number that is none, or is nested too deeply.
    """
    value = _read(lambda: _DECODER.decode(text))
    return _without_halves(value) if _HALF.search(text) else value


def _fenced(text: str) -> Iterator[str]:
    """Yield what stands in the code blocks of a text; it is read once, whatever opens in it and never ends."""
    place = 0
    while opened := _FENCE_OPENS.search(text, place):
        ended = _FENCE_ENDS.search(text, opened.end() - 1)
        if ended is None:
            return
        yield text[opened.end() : ended.start()]
        place = ended.end()


def _values_in(text: str) -> Iterator[Any]:
    """Yield the values that stand between words, from the first bracket on."""
    place = 0
    for _ in range(_MOST_TRIES):
        found = _OPENING.search(text, place)
        if found is None:
            return
        place = found.start()
        try:
            value, place = _read(partial(_DECODER.raw_decode, text, place))
        except NotJsonError:
            place += 1
        else:
            yield _without_halves(value)


def _read(decode: Callable[[], Any]) -> Any:
    try:
        return decode()
    except RecursionError:
        raise NotJsonError("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise NotJsonError(f"not JSON: {error}") from None
    except ValueError as error:  # of ours, or an integer with thousands of digits
        raise NotJsonError(str(error).partition(";")[0]) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:80]!r} is there twice")
    return made


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text[:40]} is too large")
    return number


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is not a number of JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_number, parse_constant=_constant)


def _without_halves(value: Any) -> Any:
    """Return a value whose texts can be encoded."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, list):
        return [_without_halves(inner) for inner in value]
    if isinstance(value, dict):
        return {whole(name): _without_halves(inner) for name, inner in value.items()}
    return value
