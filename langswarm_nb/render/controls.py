r"""Characters that hide, move or overwrite text, shown as codes: ``\x1b``, ``\u202e``, ``\U000e0041``.

What becomes visible: control characters (C0, C1, DEL; tab and newline stay, CR LF counts as newline), bidirectional
controls, tag characters, line separators, lone surrogates, and variation selectors and other invisible characters
where they stand in a row or after a character they have no meaning for.
What stays as it is: the single invisible characters that scripts and emoji need, such as the joiners of
"👩‍💻" and Persian, the selectors of "☀️" and "1️⃣", the tags of the flags of England, Scotland and Wales.
"""

from __future__ import annotations

import re

__all__ = ["TerminalEscaper", "plain_repr", "visible_controls"]

_ALWAYS_SHOWN = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # the Unicode property Bidi_Control
    r"\u2028\u2029\u206a-\u206f\ufff9-\ufffb\ufffe\uffff"  # separators, deprecated and interlinear controls
    r"\ud800-\udfff"  # lone surrogates: no UTF-8 exists for them
    r"\U0001d173-\U0001d17a\U000e0000-\U000e007f"  # musical controls, tags
)
_VARIATION_SELECTORS = r"\ufe00-\ufe0f\U000e0100-\U000e01ef\u180b-\u180d\u180f"
_INVISIBLE = (
    r"\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200d\u2060-\u2065\u3164\ufeff\uffa0"
    + _VARIATION_SELECTORS
)
_RUN = re.compile(f"[{_ALWAYS_SHOWN}{_INVISIBLE}]+")
_SUSPECT = re.compile(f"[{_ALWAYS_SHOWN}{_INVISIBLE}]")
_INNOCENT_RUN = re.compile(f"[{_INVISIBLE}]|[\ufe0e\ufe0f]\u200d")
_SELECTOR = re.compile(f"[{_VARIATION_SELECTORS}]")
_IDEOGRAPH = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_MONGOLIAN = re.compile("[\u1800-\u18af]")
_FLAG_BASE = "\U0001f3f4"
_FLAG_TAGS = frozenset(
    "".join(chr(0xE0000 + ord(letter)) for letter in region) + "\U000e007f"
    for region in ("gbeng", "gbsct", "gbwls")
)
_LONGEST_HELD = 64
"""Longer than any innocent run, so that a stream of invisible characters is not held forever."""


def visible_controls(text: str, before: str = "") -> str:
    """Return the text with what hides, moves or overwrites shown as codes; other text unchanged.

    A terminal shows what is returned and does not obey it.

    Parameters
    ----------
    text
        Any string, lone surrogates included; the result can always be encoded.
    before
        The character that precedes the text, when it is a piece of a longer one.
    """
    if _SUSPECT.search(text) is None:
        return text
    text = text.replace("\r\n", "\n")

    def show(match: re.Match[str]) -> str:
        start = match.start()
        base = text[start - 1] if start else before
        return match[0] if _is_innocent(match[0], base) else "".join(map(_code, match[0]))

    return _RUN.sub(show, text)


class TerminalEscaper:
    r"""`visible_controls` for text that arrives in pieces, split anywhere.

    Examples
    --------
    >>> escaper = TerminalEscaper()
    >>> escaper.feed("a\x1b") + escaper.feed("[2Jb\r") + escaper.feed("\nc\r") + escaper.finish()
    'a\\x1b[2Jb\nc\\x0d'
    """

    def __init__(self) -> None:
        self._held = ""
        self._before = ""

    def feed(self, piece: str) -> str:
        """Return what can be shown now; a run of invisible characters at the end waits for what follows it."""
        text = self._held + piece
        kept = len(text)
        while kept and _SUSPECT.match(text, kept - 1):
            kept -= 1
        if len(text) - kept > _LONGEST_HELD:
            kept = len(text) - text.endswith("\r")
        self._held = text[kept:]
        return self._show(text[:kept])

    def finish(self) -> str:
        """Return what was held back."""
        held, self._held = self._held, ""
        return self._show(held)

    def _show(self, text: str) -> str:
        shown = visible_controls(text, self._before)
        self._before = text[-1:] or self._before
        return shown


def plain_repr(text: str, limit: int = 80) -> str:
    r"""Return one line in quotes, at most ``limit`` characters long, with control characters as codes.

    Examples
    --------
    >>> plain_repr("first line\nsecond line", 20)
    "'first line\\nsecon…'"
    """
    line = visible_controls(text[:limit].replace("\\", "\\\\")).replace("\n", "\\n").replace("\t", "\\t")
    quote = '"' if "'" in line and '"' not in line else "'"
    line = line.replace(quote, "\\" + quote)
    room = max(1, limit - 2)
    if len(line) > room or len(text) > limit:
        line = line[: room - 1] + "…"
    return f"{quote}{line}{quote}"


def _is_innocent(run: str, base: str) -> bool:
    if base == _FLAG_BASE and run in _FLAG_TAGS:
        return True
    if not _INNOCENT_RUN.fullmatch(run) or _SUSPECT.match(base):
        return False
    return not _SELECTOR.match(run) or _selects(run[0], base)


def _selects(selector: str, base: str) -> bool:
    """Tell whether a variation selector has a meaning after this character."""
    if not base or base.isspace():
        return False
    if selector in "\ufe0e\ufe0f":  # text or emoji form: of symbols, digits, # and *
        return not base.isalpha() or base == "\u2139"
    if selector <= "\u180f":
        return _MONGOLIAN.match(base) is not None
    if selector <= "\ufe0d":
        return not base.isascii()
    return _IDEOGRAPH.match(base) is not None


def _code(character: str) -> str:
    number = ord(character)
    if number <= 0xFF:  # noqa: PLR2004
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"  # noqa: PLR2004
