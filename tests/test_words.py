"""What a reader meets is plain English: messages, help, docs; each entry was written here once and read oddly."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY

SAY_INSTEAD = {
    r"(?<!here )\bis no (?!longer\b|more\b|one\b|doubt\b)": "is not a …",
    r"\bare no (?!longer\b|more\b)(?<!here are no )": "are not …",
    r"\btells? (?:the|what|it and|this) (?:session|version|model|settings|report|there|where)": "show",
    r"\b(?:begins?|begun|began) (?:it )?anew\b": "start over, start again",
    r"\bin good order\b": "cleanly",
    r"\bmore than to\b": "more than (without to)",
    r"\bso many, 0 for all\b": "how many at most",
    r"\bwho answers from now on\b": "the model that answers from now on",
    r"\bhas another form\b": "has an unexpected shape",
    r"\b(?:does|do) not exist any more\b": "no longer exist",
    r"\bthe words? of the reader\b": "what you wrote",
    r"\bone (?:row|column|file|message|chat|folder) an? (?:row|kind|message|request|session|event|day|line)\b": (
        "one row per …"
    ),
    r"\bor no number\b": "or not a number",
    r"\bnot stored any more\b": "no longer stored",
    r"\bfor so long\b": "for this long",
    r"\bgoes? on in it\b": "it takes no new messages",
    r"\b[Ww]ho answers\b": "the model that answers",
    r"\banew\b": "again, start over",
    r"\b(?:not|nothing|nobody|no message|never) [^.;:\n]{0,40}\bany more\b(?! \w)": "no longer …",
    r"\b(?:sent?|takes?|gives?|waits?|writes?|keep|here|path) (?:it )?no more\b(?! (?:than|\w+s\b))": "no longer …",
    r"\bbut for\b": "except for",
    r"\bfor ever\b": "forever",
    r"\bin the place of (?!the turn)": "in place of",
    r"\bwithout a word\b": "silently",
    r"\b(?:behind|about|at most|of) so many \w+": "… this many",
    r"(?:^|[:;,] |\b(?:for|by|to) )[Ww]ho (?:reads|waits|asks|calls|closes|holds|comes)\b": "whoever …",
    r"\b(?:reader|readers|user) (?:is|are|was) told\b": "what to show the reader",
    r"\b(?:is|are|was|were|be) told (?:of|about|in|beside|nowhere|to nobody)\b": "reported, shown, given",
    r"\b(?:front end|service|server|provider|host|storage|headers?) (?:does not tell|tells?)\b": "reports, says",
    r"\bit holds no \w+": "it contains no …",
    r"\bgo(?:es)? on (?:in|with) (?:it|its)\b": "continues …",
}
"""What is not written, as a regular expression, and what is."""
PAGES = sorted(
    path
    for path in [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")]
    if "decisions" not in path.parts and path.name != "CHANGELOG.md"  # they tell what was
)
SOURCES = sorted((REPOSITORY / "langswarm_nb").rglob("*.py"))
SCRIPTS = sorted((REPOSITORY / "langswarm_nb").rglob("*.js"))
_JS_TEXT = re.compile(r'"([^"\\\n]*(?:\\.[^"\\\n]*)*)"|`([^`]*)`')


def texts_of(path: Path) -> Iterator[str]:
    """Yield the texts of a file that somebody may read: of code its comments, and texts of three words or more."""
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        yield text
        return
    if path.suffix == ".js":
        found = [one or other for one, other in _JS_TEXT.findall(text)]
    else:
        found = [
            node.value
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        found += [token.string for token in tokens if token.type == tokenize.COMMENT]
    yield from (one for one in found if len(one.split()) >= 3)


@pytest.mark.parametrize("path", [*PAGES, *SOURCES, *SCRIPTS], ids=lambda path: path.name)
def test_words_are_plain(path: Path) -> None:
    """No text of the product or its pages uses a phrase that there is a plainer word for."""
    odd = {
        text[max(found.start() - 40, 0) : found.end() + 30]: words
        for text in texts_of(path)
        for pattern, words in SAY_INSTEAD.items()
        if (found := re.search(pattern, text)) and "SELECT" not in text
    }
    assert odd == {}


@pytest.mark.parametrize(
    "text",
    [
        "what was given is no key",
        "tell the session, model and store",
        "begin anew",
        "who reads it is told of what it holds",
        "it is not stored any more",
    ],
)
def test_the_list_finds_what_it_is_for(text: str) -> None:
    """The expressions match, and leave good sentences alone."""
    assert any(re.search(pattern, text) for pattern in SAY_INSTEAD)
    assert not any(re.search(pattern, "There is no session 'a'.") for pattern in SAY_INSTEAD)
