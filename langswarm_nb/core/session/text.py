"""Text: made fit for UTF-8 (`TextJoiner`) and for one line of an error text (`one_line`), and the nearest of words."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SURROGATE = re.compile("[\ud800-\udfff]")
_UNSEEN = re.compile(
    # controls, bidirectional and other format characters, tags, lone surrogates
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)

_NAME_OF = vars(type)["__name__"].__get__


class TextJoiner:
    """Joins the pieces of a text in which a character may be cut in two.

    JSON writes a character beyond U+FFFF as two halves, and servers cut between them. What `join` returns can
    always be encoded as UTF-8; a half that stays alone becomes U+FFFD.
    """

    __slots__ = ("_half",)

    def __init__(self) -> None:
        self._half = ""

    def join(self, text: str) -> str:
        """Return the text that is complete with this piece."""
        if not self._half and (text.isascii() or not _SURROGATE.search(text)):
            return text
        text, self._half = self._half + text, ""
        if "\ud800" <= text[-1:] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return whole(text)

    def rest(self) -> str:
        """Return what is left at the end."""
        half, self._half = self._half, ""
        return "\ufffd" if half else ""


def whole(text: str) -> str:
    """Return ``text`` with the halves of characters joined, and lone ones replaced by U+FFFD."""
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def one_line(text: str, limit: int = 500) -> str:
    """Return ``text`` on one line, at most ``limit`` characters, with what cannot be seen written as its code."""
    text = " ".join(text[: 4 * limit].split())
    text = _UNSEEN.sub(lambda found: f"\\u{{{ord(found[0]):x}}}", text)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def as_logged(value: object) -> str:
    """Return an id or a name as a log shows it: on one line, whatever who chose it wrote."""
    return one_line(str(value), 200)


def class_name(value: object) -> str:
    """Return the name of a value's class, on one line: its own, whatever the metaclass says."""
    return one_line(_NAME_OF(type(value)), 80)


def unquoted(value: str) -> str:
    """Return a value of the environment without white space and quotes around it, which some files of them leave."""
    value = value.strip()
    while len(value) > 1 and value[0] == value[-1] and value[0] in "\"'`":
        value = value[1:-1].strip()
    return value


def as_text(value: object) -> str | None:
    """Return text that is not empty; None for all else."""
    return value if isinstance(value, str) and value else None


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most like ``word``; None when none is near."""
    import difflib  # 3 ms, for who misspells

    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)), None)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that asks for the nearest of the known words; empty when none is near."""
    near = nearest(word, known)
    return f", did you mean {near}?" if near else ""
