"""What a session is about, in a few words: from its first question, and only where nobody has named it.

A title is shown beside the label, by which commands find a session, and never takes its place. It is made again each
time it is shown, so nothing of it is stored.
"""

from __future__ import annotations

import re

from langswarm_nb.core.session.text import one_line

from .homes import file_name

TITLED_CHARS = 600
"""So much of a question is looked at."""
MAX_TITLE_CHARS = 48
_WIDE_CHARS = 24
"""At most this many of scripts that put no spaces between words, whose characters are twice as wide."""
_LEAST_SENTENCE = 12

_OF_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?(?:-\d+)?")
_NUMBER = re.compile(r"-\d+")
_FENCE = re.compile(r"^[ \t]*(?:```|~~~).*?(?:^[ \t]*(?:```|~~~)[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_LINE_MARK = re.compile(r"^\s*(?:#{1,6}\s+|>\s?|[-*+]\s+|\d{1,9}[.)]\s+)+")
_MARKS = re.compile(r"\*\*|__|~~|`|!?\[(?=[^\]]*\]\()|\]\([^)]*\)")
_POLITE = re.compile(
    r"(?:(?:hi|hello|hey|dear \w+|good (?:morning|afternoon|evening))(?: there| all)?\s*[,.!:]+\s*"
    r"|please,?\s+|(?:can|could|would|will) you (?:please )?|i(?: would|['\u2019]d) like (?:you )?to )+",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?…](?=\s)|[\u3002\uff01\uff1f]")
_QUESTION_MARKS = ("?", "\uff1f")
_WIDE = re.compile("[\u0e00-\u0eff\u1100-\u11ff\u2e80-\ud7ff\uf900-\ufaff\uff00-\uff60]")


def title_of(question: str) -> str:
    """Return the title that a first question makes; empty when nothing of it can be read.

    Examples
    --------
    >>> title_of("Hi, can you please explain the **central limit theorem**? I know what a mean is.")
    'Explain the central limit theorem?'
    """
    text = _FENCE.sub("\n", question[:TITLED_CHARS])
    lines = [_LINE_MARK.sub("", line).strip() for line in text.splitlines()]
    words = _MARKS.sub("", next((line for line in lines if re.search(r"\w", line)), ""))
    sentences = _sentences(one_line(words, TITLED_CHARS))
    said = next((sentence for sentence in sentences if sentence.endswith(_QUESTION_MARKS)), sentences[0])
    asked = _POLITE.match(said)
    short = _cut(said.rstrip(" .,:;\u3002") if asked is None else said[asked.end() :].rstrip(" .,:;\u3002?"))
    return short[:1].upper() + short[1:]


def _sentences(text: str) -> list[str]:
    ends = [end for found in _SENTENCE_END.finditer(text) if (end := found.end()) >= _LEAST_SENTENCE]
    return [text[start:end].strip() for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


def title_beside(label: str | None, home: str | None, question: str) -> str:
    """Return the title to show beside a label; empty when somebody chose the label, or nothing was asked."""
    return title_of(question) if is_automatic(label, home) else ""


def is_automatic(label: str | None, home: str | None) -> bool:
    """Tell whether a label says no more than which notebook it was, or when."""
    if not label or _OF_TIME.fullmatch(label):
        return True
    name = "" if home is None else file_name(home).removesuffix(".ipynb")
    return (
        bool(name)
        and label.startswith(name)
        and (label == name or _NUMBER.fullmatch(label, len(name)) is not None)
    )


def _cut(words: str) -> str:
    limit = _WIDE_CHARS if 2 * len(_WIDE.findall(words)) > len(words) else MAX_TITLE_CHARS
    if len(words) <= limit:
        return words
    head = words[:limit]
    space = head.rfind(" ")
    return f"{head[:space] if space > limit // 2 else head}…".replace(",…", "…")
