"""Take secrets and personal identifiers out of text before it leaves, and count what was taken out."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from langswarm_nb.core.session.errors import SessionTypeError
from langswarm_nb.core.session.secret import secrets_in_use

from .secret_patterns import IS_SECRET, IS_TOKEN, RULES, Rule, is_random

if TYPE_CHECKING:
    import pandas as pd

TakeOut: TypeAlias = Callable[[str], str]
Redaction: TypeAlias = bool | TakeOut
"""True: `redact`; False: nothing is taken out; or a function of your own."""


def redact(text: str) -> str:
    """Return the text with ``[redacted …]`` in place of secrets and personal identifiers, recognised by their form.

    These are keys and tokens of the usual forms, those that this process uses (in a provider, or in an environment
    variable with a telling name), private keys, passwords in addresses and assignments, e-mail addresses, and card
    numbers and IBANs with a known issuer, the right length and a valid checksum. Code that merely mentions keys and
    tokens is left alone, and so are numbers and times. Names, telephone numbers and places are not recognised, and no
    pattern finds everything: check before you share.

    Raises
    ------
    SessionTypeError
        It is not text.

    Examples
    --------
    >>> redact("mail ada@example.org, api_key = 'abc def', max_tokens=100000")
    "mail [redacted email], api_key = '[redacted secret]', max_tokens=100000"
    """
    if not isinstance(text, str):
        raise SessionTypeError.of("text", text, "text (str)")
    return Redactor()(text)


class Redactor:
    """`redact` for many texts: it counts what it takes out.

    Parameters
    ----------
    take_out : callable, optional
        A function of the caller's own in place of ours; the texts that it changes are counted.
    """

    def __init__(self, take_out: TakeOut | None = None) -> None:
        self.counts: Counter[str] = Counter()
        """Kind -> how many of it were taken out."""
        self._own = take_out
        self._known = None if take_out is not None else _known_values()

    def __call__(self, text: str) -> str:
        """Return the text without what is to be taken out."""
        if self._own is not None:
            changed = self._own(text)
            self.counts["text"] += changed != text
            return changed
        if self._known is not None:
            text = self._known.sub(partial(self._marked, "key"), text)
        for rule in RULES:
            text = rule.pattern.sub(partial(self._replaced, rule), text)
        return text

    def field(self, name: str, text: str) -> str:
        """Return the text of a field: where its name says that it is a secret, nothing is left."""
        is_secret = IS_SECRET.fullmatch(name) or (IS_TOKEN.fullmatch(name) and is_random(text))
        if self._own is None and text and is_secret:
            self.counts["secret"] += 1
            return "[redacted secret]"
        return self(text)

    def _replaced(self, rule: Rule, found: re.Match[str]) -> str:
        if not rule.is_meant(found):
            return found[0]
        if "value" not in found.groupdict():
            return self._marked(rule.name, found)
        start, end = (place - found.start() for place in found.span("value"))
        return found[0][:start] + self._marked(rule.name, found) + found[0][end:]

    def _marked(self, name: str, _found: re.Match[str]) -> str:
        self.counts[name] += 1
        return f"[redacted {name}]"


_LEAST_CHARS = 8
"""Of a known value: a shorter one could be a word."""
_SURELY_RANDOM_CHARS = 20


def _known_values() -> re.Pattern[str] | None:
    """Return a pattern for the keys that this process uses and the secrets of its environment."""
    keys = {secret.reveal() for secret in secrets_in_use()}
    named = {v for name, v in os.environ.items() if IS_SECRET.fullmatch(name) or IS_TOKEN.fullmatch(name)}
    values = {key for key in keys if len(key) >= _LEAST_CHARS}
    values |= {v for v in named if len(v) >= _LEAST_CHARS and (is_random(v) or _is_long(v))}
    # The longest first, as one may begin another.
    ordered = sorted(values, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, ordered))})(?!\w)") if ordered else None


def _is_long(value: str) -> bool:
    return len(value) >= _SURELY_RANDOM_CHARS and re.search(r"[\s/\\:]", value) is None


_PLURALS = {"key": "keys", "email": "e-mail addresses", "secret": "secrets", "text": "texts", "iban": "IBANs"}
_SINGULARS = {"email": "e-mail address", "card": "card number", "iban": "IBAN"}


def in_words(counts: Mapping[str, int]) -> str:
    """Return what was redacted, as "2 keys, 1 e-mail address"; empty when nothing was.

    Examples
    --------
    >>> in_words({"key": 2, "email": 1})
    '2 keys, 1 e-mail address'
    """
    names = {name: _SINGULARS.get(name, name) for name in counts}
    return ", ".join(
        f"{count:,} {names[name] if count == 1 else _PLURALS.get(name, f'{names[name]}s')}"
        for name, count in counts.items()
        if count
    )


def redactor(redaction: Redaction) -> Redactor | None:
    """Return what redacts and counts; None when nothing is to be taken out.

    Raises
    ------
    SessionTypeError
        It is neither True nor False nor a function.
    """
    if isinstance(redaction, Redactor):
        return redaction
    if callable(redaction):
        return Redactor(None if redaction is redact else redaction)
    if not isinstance(redaction, bool):
        raise SessionTypeError.of("redact", redaction, "True, False or a function from text to text")
    return Redactor() if redaction else None


def redacted(value: Any, take_out: Redactor, name: str = "") -> Any:
    """Return JSON values with every text in them redacted; ``name`` is that of the field which holds the value."""
    if isinstance(value, str):
        return take_out.field(name, value)
    if isinstance(value, Mapping):
        return {key: redacted(child, take_out, key) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [redacted(child, take_out, name) for child in value]
    return value


_FREE_COLUMNS = {
    "messages": ("content", "tool_result", "metadata_json", "session"),
    "turns": ("error_message", "params_json", "data_json", "session"),
    "sessions": ("session", "title", "metadata_json"),
    "attachments": ("session", "name", "url", "note"),
}


def with_redacted(frame: pd.DataFrame, name: str, take_out: Redactor | None) -> pd.DataFrame:
    """Return a frame (by the name of its kind) with its columns of free text redacted, JSON within its values."""
    columns = (
        {}
        if take_out is None
        else {
            column: frame[column]
            .map(
                partial(redacted_json, take_out) if column.endswith("_json") else take_out,
                na_action="ignore",
            )
            .astype(frame[column].dtype)
            for column in _FREE_COLUMNS[name]
        }
    )
    return frame.assign(**columns)


def redacted_json(take_out: Redactor, text: str) -> str:
    """Return JSON as text with every text in it redacted."""
    return json.dumps(redacted(json.loads(text), take_out), ensure_ascii=False, separators=(",", ":"))
