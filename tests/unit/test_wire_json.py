"""JSON of services is read and written as `json` does it, whichever of both decoders does."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from langswarm_nb.core.session.messages import utc_now
from langswarm_nb.core.session.providers._http.wire_json import encode_json, parse_json

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())  # with halves of characters
    | st.integers(10**30, 10**40)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner), max_leaves=20
)


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same, kinds of numbers and NaN among them."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Mapping):
        return [*one] == [*other] and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return (math.isnan(one) and math.isnan(other)) or (one == other and str(one) == str(other))
    return bool(one == other)


def outcome(read: Any, text: str) -> tuple[Any, bool]:
    """Return what reading came to, and whether it failed."""
    try:
        return read(text), False
    except (ValueError, RecursionError):
        return None, True


@given(VALUES, st.booleans())
def test_what_json_writes_is_read_back(value: Any, is_ascii: bool) -> None:
    """NaN, large numbers, halves of characters: services send all of them."""
    text = json.dumps(value, ensure_ascii=is_ascii)
    assert same(parse_json(text), json.loads(text))


ODD = [
    "",
    " ",
    "\ufeff{}",
    "\u00a0{}",
    "1 2",
    '{"a": 1} x',
    '{"a": 1, "a": 2}',
    "[1,]",
    "01",
    "1.",
    "-",
    "-0",
    "-0.0",
    "1e999",
    "-1e999",
    "5e-324",
    "1E5",
    "9" * 4000,
    "9" * 5000,
    "0.1000000000000000055511151231257827",
    "18446744073709551616",
    '"\\ud83d"',
    '"\\ud83d\\ude00"',
    '{"\\ud800": 1}',
    '"\ud800"',
    '"\x01"',
    '"\t"',
    '"\\x"',
    "nul",
    "NaN",
    "[Infinity, -Infinity]",
    "[" * 100 + "]" * 100,
    "[" * 100_000 + "]" * 100_000,
    "[" * 100_000,
]


@pytest.mark.parametrize("text", ODD, ids=lambda text: ascii(text[:30]))
def test_odd_json_is_read_or_refused_as_ever(text: str) -> None:
    """Leniency is that of `json`, and so is what it refuses."""
    (value, failed), (wanted, should_fail) = outcome(parse_json, text), outcome(json.loads, text)
    assert failed == should_fail
    assert same(value, wanted)


@given(st.text(st.sampled_from('{}[]",:\\ud83e+-.0123456789 \n\t"abtrufalsen')))
@example('{"a":1}')
def test_any_text_is_read_or_refused_as_ever(text: str) -> None:
    """Whatever a server sends."""
    (value, failed), (wanted, should_fail) = outcome(parse_json, text), outcome(json.loads, text)
    assert (failed, same(value, wanted)) == (should_fail, True)


@given(VALUES)
def test_what_can_be_sent_reads_back(value: Any) -> None:
    """Invalid JSON and invalid UTF-8 are refused as `json` refuses them."""
    try:
        wanted = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        with pytest.raises(ValueError):
            encode_json(value)
    else:
        assert same(json.loads(encode_json(value)), json.loads(wanted))


class Colour(Enum):
    """A choice."""

    RED = "red"


@pytest.mark.parametrize(
    "value",
    [
        {1, 2},
        frozenset("a"),
        b"bytes",
        bytearray(b"bytes"),
        Decimal("1.5"),
        UUID(int=1),
        utc_now(),
        utc_now().date(),
        Colour.RED,
        object(),
        float("nan"),
        float("inf"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("place", [lambda value: value, lambda value: {"options": [1, {"a": value}]}])
def test_what_is_not_plain_is_refused(value: Any, place: Any) -> None:
    """Each of these msgspec would write as something else."""
    with pytest.raises((TypeError, ValueError)):
        encode_json(place(value))


def test_tuples_and_odd_names_are_written_as_ever() -> None:
    """A tuple is a list, and a number as a name a text."""
    value = {"a": (1, (2.5, None)), 1: True, None: "é"}
    assert json.loads(encode_json(value)) == {"a": [1, [2.5, None]], "1": True, "null": "é"}
