"""Answers of the mock that fit a schema: the same for the same question, and of its words where those fit."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any
from zlib import crc32

from langswarm_nb.core.session.messages import MessageRole, SessionMessage

_WORD = re.compile(r"[^\W\d_][\w'-]*")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.]*\w)")
_SMALL_WORDS = re.compile(
    r"(?i)am|an?|and|are|as|at|be|by|for|from|give|i|in|is|it|me|of|on|or|our|that|the|this|to|we|with"
)
_TOLD = 3
"""Messages in which a question is answered and its answer found wanting."""
_DEEPEST = 5
"""Levels after which what need not be there is left out, so that a schema that contains itself has an end."""
_IN_TEXT = {
    "date": r"\d{4}-\d{2}-\d{2}",
    "date-time": r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?Z",
    "email": r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    "uri": r"https?://[^\s\"'<>)]+",
}
_SAMPLES = {
    "date": "2026-11-30",
    "date-time": "2026-11-30T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "ada@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "12345678-1234-4123-8123-123456789abc",
    "uri": "https://example.com",
}


def conversed(schema: Mapping[str, Any], messages: Iterable[SessionMessage], *, misses: bool) -> str:
    """Return the answer to a conversation: one that fits a schema, or one that misses it until that was pointed out."""
    said = [message.content for message in messages if message.role is not MessageRole.SYSTEM] or [""]
    question, is_told = said[-1], False
    if misses and len(said) >= _TOLD:
        before, answer, _ = said[-_TOLD:]
        is_told = answer == _missing(schema, before)
        question = before if is_told else question
    if misses and not is_told:
        return _missing(schema, question)
    return json.dumps(answer_to(schema, question), ensure_ascii=False)


def _missing(schema: Mapping[str, Any], question: str) -> str:
    """Return an answer that does not fit: without what has to be there, or cut short."""
    answer = answer_to(schema, question)
    wrong = spoiled(schema, answer)
    return json.dumps(answer)[:-1] if wrong is None else json.dumps(wrong, ensure_ascii=False)


def answer_to(schema: Mapping[str, Any], question: str) -> Any:
    """Return a value that fits a JSON schema, as far as that is simple, made of the words of a question."""
    return _Answer(schema, question).value(schema, "", 0)


def spoiled(schema: Mapping[str, Any], answer: Any) -> Any:
    """Return an answer that no longer fits: without something that has to be there; None where nothing has to."""
    needed = schema.get("required")
    if not isinstance(answer, dict) or not needed or needed[0] not in answer:
        return None
    return {name: value for name, value in answer.items() if name != needed[0]}


class _Answer:
    """One answer while it is made; each word and number is used once, as long as there are more."""

    def __init__(self, root: Mapping[str, Any], question: str) -> None:
        self._root, self._question = root, question
        words: list[str] = [word for word in _WORD.findall(question) if not _SMALL_WORDS.fullmatch(word)]
        names = set(_names_in(root))
        kept = [word for word in words if word.lower() not in names] or words or ["nothing"]
        self._words = sorted(dict.fromkeys(kept), key=lambda word: not word[0].isupper())
        self._numbers = [float(found) for found in _NUMBER.findall(question)]
        self._n_words = self._n_numbers = 0

    def value(self, schema: Any, name: str, depth: int) -> Any:  # noqa: PLR0911 - one for each kind
        schema = self._resolved(schema, depth)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self._chosen(schema["enum"])
        for several in ("anyOf", "oneOf"):
            if schema.get(several):
                return self.value(self._branch(schema[several], depth), name, depth)
        kind = _kind(schema, is_deep=depth > _DEEPEST)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        if kind in {"integer", "number"}:
            return self._number(schema, name, is_whole=kind == "integer")
        if kind == "boolean":
            return any(word in self._question.lower() for word in _parts_of(name))
        return None if kind == "null" else self._text(schema, name)

    def _resolved(self, schema: Any, depth: int) -> dict[str, Any]:
        """Return a schema without what it points to elsewhere, and with all that has to hold at once."""
        found = dict(schema) if isinstance(schema, Mapping) else {}
        for _ in range(_DEEPEST):
            if "$ref" not in found:
                break
            found = {**_at(self._root, str(found.pop("$ref"))), **found}
        for part in found.pop("allOf", ()):
            more = self._resolved(part, depth)
            joined = {**(found.get("properties") or {}), **(more.get("properties") or {})}
            needed = [*(found.get("required") or ()), *(more.get("required") or ())]
            found = {**more, **found}
            found |= {"properties": joined, "required": needed} if joined else {}
        return found

    def _branch(self, branches: Sequence[Any], depth: int) -> Any:
        """Return the first that says something; where it has become deep, nothing if that is one."""
        nulls = [branch for branch in branches if _is_null(branch)]
        others = [branch for branch in branches if not _is_null(branch)]
        return (nulls or others)[0] if depth > _DEEPEST or not others else others[0]

    def _chosen(self, choices: Sequence[Any]) -> Any:
        asked = self._question.lower()
        return next((one for one in choices if isinstance(one, str) and one.lower() in asked), choices[0])

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        needed = set(schema.get("required") or ())
        made = {
            name: self.value(inner, name, depth + 1)
            for name, inner in (schema.get("properties") or {}).items()
            if name in needed or depth < _DEEPEST
        }
        for number in range(len(made), int(schema.get("minProperties") or 0)):
            made[f"key{number + 1}"] = self.value(schema.get("additionalProperties"), "", depth + 1)
        return made

    def _array(self, schema: Mapping[str, Any], name: str, depth: int) -> list[Any]:
        first = list(schema.get("prefixItems") or ())
        wanted = 0 if depth >= _DEEPEST else max(2, len(first))
        size = max(int(schema.get("minItems") or 0), min(wanted, int(schema.get("maxItems", wanted))))
        items = schema.get("items")
        made: list[Any] = []
        for number in range(size):
            inner = first[number] if number < len(first) else items
            found = self.value(inner, name, depth + 1)
            if schema.get("uniqueItems") and found in made:
                found = self._another(inner, made, number)
            made.append(found)
        return made

    def _another(self, schema: Any, made: Sequence[Any], number: int) -> Any:
        choices = self._resolved(schema, 0).get("enum") or ()
        told = made[number - 1]
        count = isinstance(told, (int, float)) and not isinstance(told, bool)
        other = told + 1 if count else f"{told} {number + 1}" if isinstance(told, str) else not told
        return next((one for one in choices if one not in made), other)

    def _number(self, schema: Mapping[str, Any], name: str, *, is_whole: bool) -> float | int:
        step = schema.get("multipleOf") or (1 if is_whole else None)
        low, high = schema.get("minimum"), schema.get("maximum")
        if schema.get("exclusiveMinimum") is not None:
            low = schema["exclusiveMinimum"] + (step or 0.5)
        if schema.get("exclusiveMaximum") is not None:
            high = schema["exclusiveMaximum"] - (step or 0.5)
        found = self._told_number(name)
        if found is None:
            found = crc32(name.encode()) % 10 + 1 if low is None else low
        if (
            low is not None and high is not None and low > high
        ):  # a narrow gap between two bounds that are left out
            low = high = found = (low + high) / 2
        found = found if low is None else max(found, low)
        found = found if high is None else min(found, high)
        if step:
            found = found // step * step
            found = found + step if low is not None and found < low else found
        return int(found) if is_whole or float(found).is_integer() else found

    def _told_number(self, name: str) -> float | None:
        beside = (
            re.search(rf"(?i)\b{re.escape(name)}\W+(?:is\W+)?(-?\d+(?:\.\d+)?)", self._question)
            if name
            else None
        )
        if beside:
            return float(beside[1])
        if self._n_numbers >= len(self._numbers):
            return None
        self._n_numbers += 1
        return self._numbers[self._n_numbers - 1]

    def _text(self, schema: Mapping[str, Any], name: str) -> str:
        form, pattern = schema.get("format"), schema.get("pattern")
        if form in _SAMPLES:
            told = re.search(_IN_TEXT[form], self._question) if form in _IN_TEXT else None
            return str(told[0]) if told and _is_good(form, told[0]) else _SAMPLES[form]
        if isinstance(pattern, str):
            return self._matching(pattern)
        text = self._word(name)
        least, most = int(schema.get("minLength") or 0), schema.get("maxLength")
        while len(text) < least:
            text = f"{text} {self._word('')}"
        return text if most is None else text[: int(most)]

    def _word(self, name: str) -> str:
        """Return what stands behind the name in the question, else the next word that has not been used."""
        beside = (
            re.search(rf"(?i)\b{re.escape(name)}\s*(?::|=|\bis\b)?\s*([^\W\d_][\w'-]*)", self._question)
            if name
            else None
        )
        if beside and not _SMALL_WORDS.fullmatch(beside[1]):
            return str(beside[1])
        self._n_words += 1
        return self._words[(self._n_words - 1) % len(self._words)]

    def _matching(self, pattern: str) -> str:
        try:
            found = next((word for word in self._question.split() if re.search(pattern, word)), None)
            return pattern_sample(pattern) if found is None else found
        except re.error:
            return self._word("")


def _names_in(schema: Any) -> Iterator[str]:
    """Yield the names of all properties."""
    if isinstance(schema, Mapping):
        for name in schema.get("properties") or ():
            yield str(name).lower()
        for inner in schema.values():
            yield from _names_in(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _names_in(inner)


def _kind(schema: Mapping[str, Any], *, is_deep: bool) -> str:
    told = schema.get("type")
    if isinstance(told, (list, tuple)):
        named = [kind for kind in told if kind != "null"]
        return "null" if not named or (is_deep and "null" in told) else str(named[0])
    if told:
        return str(told)
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "string"


def _is_null(schema: Any) -> bool:
    return isinstance(schema, Mapping) and (schema.get("type") == "null" or schema.get("const", 0) is None)


def _at(root: Mapping[str, Any], pointer: str) -> Mapping[str, Any]:
    """Return what a pointer inside a schema means; nothing for one that leads elsewhere."""
    place: Any = root
    for step in pointer.partition("#")[2].split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        place = place.get(name) if isinstance(place, Mapping) else None
    return place if isinstance(place, Mapping) else {}


def _parts_of(name: str) -> list[str]:
    """Return the words of a name that say something."""
    return re.findall(r"(?!(?:has|was|the)(?![^\W_]))[^\W_]{3,}", name.lower())


def _is_good(form: str, text: str) -> bool:
    if not form.startswith("date"):
        return True
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True


_TOKEN = re.compile(
    r"(?P<class>\[\^?\]?[^\]]*\])|\\(?P<escape>.)|(?P<dot>\.)|(?P<end>[\^$])|(?P<plain>[^(|])"
)
_USUAL = string.ascii_letters + string.digits + string.punctuation + " "
_TIMES = re.compile(r"(?:\{(?P<least>\d+)(?:,\d*)?\}|(?P<sign>[*+?]))\??")
_ESCAPES = {
    "d": "1",
    "w": "a",
    "s": " ",
    "D": "a",
    "W": "-",
    "S": "a",
    "b": "",
    "B": "",
    "n": "\n",
    "t": "\t",
}


def pattern_sample(pattern: str) -> str:
    """Return a text that fits a simple pattern: characters, classes, groups, alternatives and how often."""
    text, end = _sample(pattern, 0)
    return text if end >= len(pattern) else ""


def _sample(pattern: str, at: int) -> tuple[str, int]:
    """Return a text for the first alternative from a place on, and where the group ends."""
    made: list[str] = []
    is_first = True
    while at < len(pattern) and pattern[at] != ")":
        if pattern[at] == "|":
            is_first, at = False, at + 1
            continue
        if pattern[at] == "(":
            start = at + 3 if pattern.startswith("(?:", at) else at + 1
            piece, at = _sample(pattern, start)
            at += 1
        else:
            token = _TOKEN.match(pattern, at)
            if token is None:
                return "", len(pattern)
            piece, at = _character(token), token.end()
        times = _TIMES.match(pattern, at)
        if times is not None:
            at = times.end()
            piece *= int(times["least"]) if times["least"] else times["sign"] == "+"
        made += [piece] if is_first else []
    return "".join(made), at


def _character(token: re.Match[str]) -> str:
    if token["end"]:
        return ""
    if token["escape"]:
        return _ESCAPES.get(token["escape"], token["escape"])
    if token["class"]:
        return next((one for one in _USUAL if re.match(token["class"], one)), "")
    return "a" if token["dot"] else token["plain"]
