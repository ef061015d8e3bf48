"""Keys: held so that nothing shows them (`Secret`), and taken out of what servers say (`Mask`)."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote
from weakref import WeakSet

from .errors import ProviderAuthenticationError, SessionTypeError, SessionValueError, next_step, shown
from .key_patterns import BEGINNINGS, FORMS
from .text import unquoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

HIDDEN = "<hidden>"
_GRAM = 8
"""So many characters of a key in a row are taken for a piece of it."""
_WHOLE_ONLY = 12
"""A key shorter than this is hidden only as a whole word: its pieces could be words."""
_KEY_LIKE = re.compile(
    rf"{BEGINNINGS}[-\w.*…]{{8,}}|{FORMS}"
    r"|(?:(?<=bearer )|(?<=basic ))[-_A-Za-z0-9.~+/=]{8,}"
    r"|(?:(?<=api-key: )|(?<=api_key=)|(?<=[?&]key=))[^\s\"'&]{8,}",
    re.IGNORECASE | re.ASCII,
)


class Secret:
    """A key that shows itself nowhere; `reveal` hands it out, for a request's header and nothing else.

    It has no attributes to look at, cannot be pickled, and a copy of it is itself.
    """

    __slots__ = ("__weakref__", "reveal")
    reveal: Callable[[], str]

    def __init__(self, value: str) -> None:
        # A closure, not a slot: what walks over attributes (reprs, debuggers, serialisers) finds no text.
        object.__setattr__(self, "reveal", lambda: value)

    @classmethod
    def of(cls, value: str | Secret) -> Secret:
        """Return ``value`` as a secret; in a signature's frame, rebind the plain parameter at once."""
        return value if isinstance(value, Secret) else cls(value)

    def __repr__(self) -> str:
        return "Secret(<hidden>)"

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Secret cannot be changed")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: pass the name of an environment variable instead")


def find_key(
    provider: str, api_key: str | Secret | None, variables: Sequence[str], *, required: bool = True
) -> tuple[Secret | None, str]:
    """Return the key given, else the first that the environment holds, and where it was found.

    Raises
    ------
    ProviderAuthenticationError
        There is none although one is ``required``, or its form is wrong; it is not shown.
    """
    secret = None if api_key is None else Secret.of(api_key)
    api_key = None
    source = "api_key"
    if secret is None:
        source = next((name for name in variables if os.environ.get(name, "").strip()), "")
        secret = Secret(os.environ[source]) if source else None
    if secret is None:
        if required:
            raise _no_key(provider, f"No key for {provider}.", variables)
        return None, "api_key"
    secret, problem = _checked(secret)
    if problem:
        what = f"The key for {provider} in {source} {problem}; it is not shown here."
        raise _no_key(provider, what, variables)
    _IN_USE.add(secret)
    return secret, source


_IN_USE: WeakSet[Secret] = WeakSet()


def secrets_in_use() -> list[Secret]:
    """Return the keys that providers of this process hold, so that they can be found in what is given away."""
    return list(_IN_USE)


def split_headers(headers: Mapping[str, str]) -> tuple[dict[str, str], dict[str, tuple[str, Secret]]]:
    """Return a caller's headers, those with a secret apart: known by their names.

    Raises
    ------
    SessionValueError
        A name or a value cannot be in a header.
    SessionTypeError
        It is not a mapping.
    """
    if not isinstance(headers, Mapping):
        raise SessionTypeError(f"headers must be a dict of names to texts, not {type(headers).__name__}.")
    plain: dict[str, str] = {}
    private: dict[str, tuple[str, Secret]] = {}
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(str(name)) or str(name).lower() in _OUR_HEADERS:
            raise SessionValueError(
                "headers has a name that is not a header's, or one that is set by us (not shown: it may be a key)."
            )
        if not str(value).isascii() or not str(value).isprintable():
            raise SessionValueError(
                f"headers[{shown(name)}] must be printable ASCII text; its value is not shown here."
            )
        if _SENSITIVE_NAME.search(name):
            private[name] = ("", Secret(str(value)))
        else:
            plain[name] = str(value)
    return plain, private


_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_SENSITIVE_NAME = re.compile("auth|key|token|secret|password|cookie|credential", re.IGNORECASE)
_OUR_HEADERS = {
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "accept-encoding",
}


def _no_key(provider: str, what: str, variables: Sequence[str]) -> ProviderAuthenticationError:
    if variables:
        step = next_step("set_key", provider=provider, variable=variables[0])
    else:
        step = next_step("pass_key", provider=provider)
    error = ProviderAuthenticationError(f"{what} {step.text}", provider=provider)
    error.next_step = step
    return error


def _checked(secret: Secret) -> tuple[Secret, str]:
    """Return the key without white space and quotes around it, and what is wrong with it."""
    # Runs in a frame of its own, which is gone before anything is raised.
    value = unquoted(secret.reveal())
    if not value:
        problem = "is empty"
    elif not value.isascii() or not value.isprintable():
        problem = "has characters that no key has (a line break, a quotation mark from a text editor?)"
    elif any(character.isspace() for character in value):
        problem = "has a space in it"
    else:
        problem = ""
    return Secret(value), problem


class Mask:
    """Hides keys in text that came from elsewhere, however they are written there.

    Known keys are found in plain, URL, HTML, JSON, hexadecimal and base64 form, whole or in pieces of at least
    8 characters; others by the look of vendors' keys.
    """

    __slots__ = ("_grams", "_words")
    _grams: Callable[[], frozenset[str]]
    _words: Callable[[], re.Pattern[str] | None]

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        grams: set[str] = set()
        words: list[str] = []
        for secret in secrets:
            value = secret.reveal()
            if len(value) < _WHOLE_ONLY:
                words.append(re.escape(value))
            else:
                for form in _forms(value):
                    grams.update(form[start : start + _GRAM] for start in range(len(form) - _GRAM + 1))
        known, pattern = (
            frozenset(grams),
            re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)") if words else None,
        )
        # Closures for the same reason as in `Secret`.
        object.__setattr__(self, "_grams", lambda: known)
        object.__setattr__(self, "_words", lambda: pattern)

    def __repr__(self) -> str:
        return "Mask(<hidden>)"

    def __call__(self, text: str) -> str:
        """Return ``text`` with every key in it replaced by ``<hidden>``."""
        text = self.known(text)
        words = self._words()
        if words is not None:
            text = words.sub(HIDDEN, text)
        return _KEY_LIKE.sub(HIDDEN, text)

    def known(self, text: str) -> str:
        """Return ``text`` without the known keys; for content, in which what looks like a key may be meant."""
        grams = self._grams()
        if not grams:
            return text
        folded = text.translate(_LOWER)
        kept: list[str] = []
        start = position = 0
        while position <= len(folded) - _GRAM:
            if folded[position : position + _GRAM] not in grams:
                position += 1
                continue
            kept += [text[start:position], HIDDEN]
            position += _GRAM
            while folded[position - _GRAM + 1 : position + 1] in grams:
                position += 1
            start = position
        return "".join([*kept, text[start:]]) if kept else text


class KeyFilter:
    """Takes a key out of a text that arrives in pieces, in the cheapest way that still finds it.

    Only the plain form is looked for. When the key's first `_GRAM` characters arrive in different pieces, those
    before the last of them have gone through.
    """

    __slots__ = ("_matched", "_secret", "_start", "_tail")

    def __init__(self, secret: Secret) -> None:
        self._secret = secret
        self._start = secret.reveal()[:_GRAM]
        self._matched = 0  # characters of the key seen so far, when in the midst of one
        self._tail = ""

    @staticmethod
    def takes(secret: Secret) -> bool:
        """Return whether the key is long enough not to be a word."""
        return len(secret.reveal()) >= _WHOLE_ONLY

    def __call__(self, text: str) -> str:
        """Return the piece with what belongs to the key replaced."""
        if not self._matched:
            seen = self._tail + text
            if self._start not in seen:
                self._tail = seen[1 - _GRAM :]
                return text
            return self._begin(seen, len(self._tail))
        return self._go_on(text)

    def _begin(self, seen: str, n_gone: int) -> str:
        at = seen.index(self._start)
        self._matched = _GRAM
        return seen[n_gone:at] + HIDDEN + self._go_on(seen[max(n_gone, at + _GRAM) :])

    def _go_on(self, text: str) -> str:
        rest = self._secret.reveal()[self._matched :]
        common = next((i for i, pair in enumerate(zip(rest, text, strict=False)) if pair[0] != pair[1]), None)
        if common is None and len(text) < len(rest):  # all of the piece belongs to the key
            self._matched += len(text)
            return ""
        self._matched, self._tail = 0, ""
        return self(text[len(rest) if common is None else common :])


_LOWER = {
    upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)
}  # keeps the length, `str.lower` does not


def _forms(value: str) -> set[str]:
    """Return the ways in which a key may be written, in lower case."""
    from html import escape  # its table of all entities is for whoever has a key

    raw = value.encode()
    forms = {value, quote(value, safe=""), escape(value), json.dumps(value)[1:-1], raw.hex()}
    for padding in range(3):  # where in a longer base64 text it stands
        coded = base64.b64encode(bytes(padding) + raw)
        inner = coded[-(-padding * 8 // 6) : len(coded) - 4].decode()
        forms |= {inner, inner.replace("+", "-").replace("/", "_")}
    return {form.translate(_LOWER) for form in forms}
