"""Take secrets and personal identifiers out of text before it leaves: keys, passwords, addresses, card numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from langswarm_nb.core.session.errors import SessionTypeError
from langswarm_nb.core.session.key_patterns import BEGINNINGS, FORMS, JWT

if TYPE_CHECKING:
    import pandas as pd

TakeOut: TypeAlias = Callable[[str], str]
Redaction: TypeAlias = bool | TakeOut
"""True: `redact`; False: nothing is taken out; or a function of your own."""

_NAMES_OF_SECRETS = r"(?:api[_-]?key|access[_-]?key|secret|token|passwd|password|authorization|credential)s?"
_IS_SECRET = re.compile(rf"(?i:[\w-]*{_NAMES_OF_SECRETS})")


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0  # noqa: PLR2004 - the algorithm's


def _is_card(found: re.Match[str]) -> bool:
    digits = re.sub(r"\D", "", found[0])
    return len(set(digits)) > 1 and _luhn(digits)


def _is_iban(found: re.Match[str]) -> bool:
    plain = found[0].replace(" ", "")
    moved = plain[4:] + plain[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


_ALWAYS: Callable[[re.Match[str]], bool] = bool
_RULES: tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str]], bool]], ...] = (
    (
        "key",
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
        _ALWAYS,
    ),
    ("token", re.compile(JWT), _ALWAYS),
    (
        "key",
        # Text may speak of `sk-learn`; a key has a digit.
        re.compile(rf"(?:{BEGINNINGS}|\b(?:npm|pypi)[-_])(?=[\w-]{{0,99}}\d)[\w-]{{12,}}|{FORMS}"),
        _ALWAYS,
    ),
    ("token", re.compile(r"(?i:(?<=\bbearer )|(?<=\bbasic ))[\w.~+/=-]{12,}"), _ALWAYS),
    ("password", re.compile(r"(?<=://)[^\s/:@]+:[^\s/@]+(?=@)"), _ALWAYS),
    (
        "secret",
        re.compile(rf"(?i:\b\w*{_NAMES_OF_SECRETS}\b[\"']?\s*[=:]\s*)([\"'])(?P<value>(?:(?!\1)[^\n])+)\1"),
        _ALWAYS,
    ),
    ("secret", re.compile(rf"(?i:\b\w*{_NAMES_OF_SECRETS}\s*=\s*)(?P<value>[^\s\"',;&]{{6,}})"), _ALWAYS),
    (
        "secret",
        re.compile(
            rf"(?i:\b\w*{_NAMES_OF_SECRETS}:\s*)(?P<value>(?=[^\s\"',;&]{{0,99}}\d)[^\s\"',;&]{{12,}})"
        ),
        _ALWAYS,
    ),
    ("email", re.compile(r"\b[\w.+-]{1,64}@(?:[\w-]{1,63}\.)+[A-Za-z]{2,24}\b"), _ALWAYS),
    ("card", re.compile(r"(?<![\w.])(?:\d[ -]?){12,18}\d(?![\w.]\d|\w)"), _is_card),
    ("iban", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[0-9A-Z]{4}){2,7}(?: ?[0-9A-Z]{1,4})?\b"), _is_iban),
)


def redact(text: str) -> str:
    """Return the text with ``[redacted …]`` in the place of what looks like a secret or a personal identifier.

    Keys and tokens of the usual forms, private keys, passwords in addresses and assignments, e-mail addresses, card
    numbers and IBANs (both only with a right checksum). Names, telephone numbers and places are not recognised, and
    no pattern finds everything: look at what you give away.

    Examples
    --------
    >>> redact("mail ada@example.org, api_key = 'abc def'")
    "mail [redacted email], api_key = '[redacted secret]'"
    """
    for name, pattern, is_meant in _RULES:
        text = pattern.sub(_replacement(name, is_meant), text)
    return text


def _replacement(name: str, is_meant: Callable[[re.Match[str]], bool]) -> Callable[[re.Match[str]], str]:
    def replace(found: re.Match[str]) -> str:
        if not is_meant(found):
            return found[0]
        value = found.groupdict().get("value")
        mark = f"[redacted {name}]"
        return mark if value is None else found[0].replace(value, mark)

    return replace


def redactor(redaction: Redaction) -> TakeOut | None:
    """Return the function that redacts; None when nothing is to be taken out.

    Raises
    ------
    SessionTypeError
        It is neither True nor False nor a function.
    """
    if callable(redaction):
        return redaction
    if not isinstance(redaction, bool):
        raise SessionTypeError.of("redact", redaction, "True, False or a function from text to text")
    return redact if redaction else None


def redacted(value: Any, take_out: TakeOut, name: str = "") -> Any:
    """Return JSON values with every text in them redacted; ``name`` is that of the field which holds the value."""
    if isinstance(value, str):
        return "[redacted secret]" if take_out is redact and _IS_SECRET.fullmatch(name) else take_out(value)
    if isinstance(value, Mapping):
        return {key: redacted(child, take_out, key) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [redacted(child, take_out, name) for child in value]
    return value


_FREE_COLUMNS = {
    "messages": ("content", "metadata_json", "session"),
    "turns": ("error_message", "params_json", "session"),
    "sessions": ("title", "metadata_json"),
}


def with_redacted(frame: pd.DataFrame, name: str, take_out: TakeOut | None) -> pd.DataFrame:
    """Return a frame (by the name of its kind) with its columns of free text redacted, JSON within its values."""
    columns = (
        {}
        if take_out is None
        else {
            column: frame[column]
            .map(
                partial(_redacted_json, take_out) if column.endswith("_json") else take_out,
                na_action="ignore",
            )
            .astype(frame[column].dtype)
            for column in _FREE_COLUMNS[name]
        }
    )
    return frame.assign(**columns)


def _redacted_json(take_out: TakeOut, text: str) -> str:
    return json.dumps(redacted(json.loads(text), take_out), ensure_ascii=False, separators=(",", ":"))
