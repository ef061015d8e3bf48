"""What Gemini reports beside an answer: its sources, in bytes of the text, and what it looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.providers._dialect.citations import Bytes, Sources
from langswarm_nb.core.session.providers._dialect.vendor_items import (
    fetched,
    first_text,
    objects,
    searched,
    vendor_part,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.core.session.provider_events import PartDone

GROUNDING, PAGES, RECITED = "groundingMetadata", "urlContextMetadata", "citationMetadata"
TOLD = (GROUNDING, PAGES, RECITED)
"""Fields of a candidate that are read here."""
_KINDS = ("web", "maps", "image", "retrievedContext")
_RETRIEVED = "URL_RETRIEVAL_STATUS_SUCCESS"


def sources(told: Mapping[str, Any], texts: Sequence[str]) -> list[PartDone]:
    """Return the sources of an answer.

    Parameters
    ----------
    told
        The fields `TOLD` of its candidate, as far as it has them.
    texts
        The text of each of its parts; empty for a part that is none of the answer.
    """
    text = "".join(texts)
    found = Sources()
    grounding = told.get(GROUNDING) or {}
    chunks = [_chunk(chunk) for chunk in grounding.get("groundingChunks") or ()]
    supported: set[int] = set()
    for support in grounding.get("groundingSupports") or ():
        span = _span(support.get("segment") or {}, texts)
        for number in support.get("groundingChunkIndices") or ():
            if isinstance(number, int) and 0 <= number < len(chunks):
                supported.add(number)
                found.add(**chunks[number], **_places(span))
    for number, chunk in enumerate(chunks):
        if number not in supported:
            found.add(**chunk)
    places = Bytes(text)
    for one in objects((told.get(RECITED) or {}).get("citations") or []):
        span = places.span(one.get("startIndex"), one.get("endIndex"))
        found.add(url=one.get("uri"), title=one.get("title"), **_places(span))
    for page in _pages(told):
        if page.get("urlRetrievalStatus") == _RETRIEVED:
            found.add(url=page.get("retrievedUrl"))
    return found.parts(len(text))


def work(told: Mapping[str, Any]) -> Iterator[Part]:
    """Yield what was looked for and read; it is about the answer and does not go back."""
    queries = (told.get(GROUNDING) or {}).get("webSearchQueries") or []
    if line := searched(queries) if any(queries) else "":
        yield vendor_part(GROUNDING, {"webSearchQueries": queries}, line)
    if pages := _pages(told):
        line = fetched(*(page.get("retrievedUrl") for page in pages))
        states = [f"{page.get('retrievedUrl')} {page.get('urlRetrievalStatus')}" for page in pages]
        yield vendor_part(PAGES, {"urlMetadata": pages}, line, "\n".join(states))


def _pages(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    return objects((told.get(PAGES) or {}).get("urlMetadata") or [])


def _chunk(chunk: Any) -> dict[str, Any]:
    """Return the source that a chunk is."""
    kind = next(
        (name for name in _KINDS if isinstance(chunk, dict) and isinstance(chunk.get(name), dict)), None
    )
    source = chunk[kind] if kind else {}
    return {
        "url": first_text(source, "uri", "sourceUri"),
        "title": first_text(source, "title", "documentName")
        or ("a file" if kind == "retrievedContext" else ""),
        "quote": source.get("text"),
    }


def _span(segment: Mapping[str, Any], texts: Sequence[str]) -> tuple[int, int] | None:
    """Return the characters of the answer that a segment is; it is given in bytes, of a part or of the whole text.

    In streams the parts come in pieces, so that its own words say which of the two it is.
    """
    start, end, words = segment.get("startIndex"), segment.get("endIndex"), first_text(segment, "text")
    number = segment.get("partIndex") or 0
    if isinstance(number, int) and 0 <= number < len(texts):
        before = sum(map(len, texts[:number]))
        span = Bytes(texts[number]).span(start, end, words)
        if span is not None:
            return before + span[0], before + span[1]
    text = "".join(texts)
    if (span := Bytes(text).span(start, end, words)) is not None:
        return span
    at = text.find(words) if words else -1
    return None if at < 0 else (at, at + len(words))


def _places(span: tuple[int, int] | None) -> dict[str, int]:
    return {} if span is None else {"start": span[0], "end": span[1]}
