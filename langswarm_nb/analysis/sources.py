"""The sources of a reply: numbered as they appear in it, marked behind what they stand for, listed below it."""

from __future__ import annotations

import functools
import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple

from langswarm_nb.core.session.parts.twins import source_of
from langswarm_nb.core.session.parts.vocabulary import Part
from langswarm_nb.core.session.text import one_line
from langswarm_nb.render.escaping import text_html
from langswarm_nb.render.incremental import MAX_MARKDOWN_CHARS
from langswarm_nb.render.links import host_of, link_html, web_address
from langswarm_nb.render.places import Places, inserted
from langswarm_nb.render.source_marks import SOURCE_MARK, source_mark

__all__ = ["Footnotes", "count_sources", "footnotes"]

_MAX_SOURCES = 1000
_MAX_MARKS = 8
"""At one place; the list has them all."""
_MAX_OPEN = 10
"""So many are listed at once, the rest unfolds."""
_MAX_TITLE_CHARS = 200
_MAX_CLAIM_CHARS = 60
_NEAR_CHARS = 3
_OWN_BEFORE = re.compile(r"(?:\\?\[\^?\d{1,4}\\?\]\]?(?:\([^()\s]*\))?|【[^【】]{1,40}】)[.,;:!?)\]]?\s?$")
_OWN_AFTER = re.compile(r"\s?[(\[]?(?:\\?\[\^?\d{1,4}\\?\]|【[^【】]{1,40}】)")
_OWN_CHARS = 60
_TOLD = ("url", "title", "start", "end")
_TRACKING = re.compile(r"[?&]utm_source=[^&#]*")


class Footnotes(NamedTuple):
    """The sources of one text, as they are shown."""

    marked: str
    """The text with a mark behind each place that has a source, for the renderer."""
    marked_text: str
    """The text with marks like ``[1]``."""
    list_html: str
    """Number, title and host of each source; empty where there is none."""
    list_text: str
    claims_text: str
    """The same list for a text without marks: each source with the beginning of what it stands for."""
    listed: tuple[Part, ...]
    """A citation of each source, in the order of the numbers."""


def footnotes(text: str, citations: Sequence[Part]) -> Footnotes:
    """Return the sources of a text, given with the whole of a reply and its citations; other parts are passed over."""
    return _footnotes(
        text, tuple(tuple(map(part.get, _TOLD)) for part in citations if part["type"] == "citation")
    )


@functools.lru_cache(maxsize=128)
def _footnotes(text: str, told: tuple[tuple[Any, ...], ...]) -> Footnotes:
    """Return what `footnotes` does; a transcript asks for the same again at each of its turns."""
    sources = _Sources(text, [dict(zip(_TOLD, values, strict=True)) for values in told])
    marks = sources.marks()
    plain = {place: SOURCE_MARK.sub(r"[\g<number>]", mark) for place, mark in marks.items()}
    return Footnotes(
        inserted(text, marks),
        inserted(text, plain),
        sources.list_html(),
        sources.list_text(),
        sources.list_text(names_places=True),
        tuple({"type": "citation", **_told(parts)} for parts in sources.listed()),
    )


class _Sources:
    def __init__(self, text: str, found: Sequence[Part]) -> None:
        self._text = text
        head = text[:MAX_MARKDOWN_CHARS]
        self._places = Places(head) if any(_end(part) for part in found) else None
        self._links = _by_address(self._places)
        placed = [(self._place(part), number, part) for number, part in enumerate(found)]
        placed.sort(key=lambda item: (item[0] is None, item[0] or 0, item[1]))
        self._sources: dict[str, list[Part]] = {}
        self._marks: dict[int, dict[int, Part]] = {}
        numbers: dict[str, int] = {}
        for place, _, part in placed:
            number = numbers.setdefault(_key(part), len(numbers) + 1)
            self._sources.setdefault(_key(part), []).append(part)
            if place is not None and number <= _MAX_SOURCES and not self._says_itself(part, place):
                self._marks.setdefault(place, {})[number] = part

    def marks(self) -> dict[int, str]:
        """Return what is put into the text, by its place."""
        if self._places is None or not self._marks:
            return {}
        shown = {place: sorted(found.items())[:_MAX_MARKS] for place, found in self._marks.items()}
        return self._places.harmless(
            {
                place: "".join(source_mark(number, part.get("url")) for number, part in found)
                for place, found in shown.items()
            }
        )

    def list_html(self) -> str:
        items = [f"<li>{_source(parts)}</li>" for parts in self.listed()]
        if not items:
            return ""
        first, folded = "".join(items[:_MAX_OPEN]), "".join(items[_MAX_OPEN:])
        rest = ""
        if folded:
            more = len(self._sources) - len(items)
            note = f'<div class="lsnb-note">+{more:,} more</div>' if more else ""
            line = f"<summary>{len(self._sources) - _MAX_OPEN:,} more</summary>"
            rest = f'<details>{line}<ol start="{_MAX_OPEN + 1}">{folded}</ol>{note}</details>'
        return f'<div class="lsnb-sources"><div>Sources</div><ol>{first}</ol>{rest}</div>\n'

    def list_text(self, *, names_places: bool = False) -> str:
        lines = [f"[{number}] {source_of(_told(parts))}" for number, parts in enumerate(self.listed(), 1)]
        if names_places:
            lines = [line + self._claim(parts) for line, parts in zip(lines, self.listed(), strict=True)]
        more = len(self._sources) - len(lines)
        return "\n".join(["Sources:", *lines, *([f"+{more:,} more"] if more else [])]) if lines else ""

    def _claim(self, parts: Sequence[Part]) -> str:
        """Return the beginning of the words that a source stands for, where they are known."""
        starts = {end: part.get("start") for part in reversed(parts) if (end := _end(part))}
        if not starts:
            return ""
        end = min(starts)
        start = starts[end] if starts[end] not in {None, end} else max(0, end - _MAX_CLAIM_CHARS)
        words = self._text[start:end]
        more = f" and {len(starts) - 1} more" if len(starts) > 1 else ""
        return f" for “{one_line(words, _MAX_CLAIM_CHARS)}”{more}" if words.strip() else ""

    def listed(self) -> list[list[Part]]:
        """Return the citations of each source that is shown, in the order of the numbers."""
        return list(self._sources.values())[:_MAX_SOURCES]

    def _place(self, citation: Part) -> int | None:
        end = _end(citation)
        if (
            self._places is None
            or not end
            or (end > MAX_MARKDOWN_CHARS and len(self._text) > MAX_MARKDOWN_CHARS)
        ):
            return None
        return self._places.behind(min(end, len(self._text)))

    def _says_itself(self, citation: Part, place: int) -> bool:
        """Tell whether the text has a mark of its own there, or the link itself."""
        before = self._text[max(0, place - _OWN_CHARS) : place]
        if _OWN_BEFORE.search(before) or _OWN_AFTER.match(self._text, place):
            return True
        links = self._links.get(_bare(str(citation.get("url") or "")), [])
        at = bisect_left(links, (place - _NEAR_CHARS, 0))  # by their ends
        return at < len(links) and links[at][1] <= place + _NEAR_CHARS


def count_sources(parts: Sequence[Part]) -> int:
    """Return how many different sources parts name."""
    return len({_key(part) for part in parts if part["type"] == "citation"})


def _end(citation: Part) -> int:
    start, end = citation.get("start"), citation.get("end")
    return 0 if end is None or (start is not None and start > end) else int(end)


def _key(citation: Part) -> str:
    return _bare(str(citation.get("url") or "")) or str(citation.get("title"))


def _bare(address: str) -> str:
    """Return an address without what does not tell one source from another."""
    without = _TRACKING.sub("", address.strip())
    return without.removesuffix("/")


def _by_address(places: Places | None) -> dict[str, list[tuple[int, int]]]:
    """Return ends and beginnings of links by their addresses."""
    found: dict[str, list[tuple[int, int]]] = {}
    for link in () if places is None else places.links:
        found.setdefault(_bare(link.address), []).append((link.end, link.begin))
    return found


def _told(parts: Sequence[Part]) -> Part:
    """Return the part of a source that says most."""
    return next((part for part in parts if part.get("title")), parts[0])


def _source(parts: Sequence[Part]) -> str:
    part = _told(parts)
    address = web_address(part.get("url"))
    name = text_html(one_line(str(part.get("title") or part.get("url")), _MAX_TITLE_CHARS))
    if not address:
        beside = (
            [one_line(str(part["url"]), _MAX_TITLE_CHARS)] if part.get("title") and part.get("url") else []
        )
        return " ".join([name, *(f"<span>{text_html(line)}</span>" for line in beside)])
    return f"{link_html(address, name)} <span>({text_html(host_of(address))})</span>"
