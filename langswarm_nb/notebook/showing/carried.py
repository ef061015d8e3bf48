"""What messages carry beside their words, as HTML and as text: attachments, items of a service, sources.

Names, titles, addresses and what services tell are data of strangers: all of it is escaped, on one line where it is one
thing, bounded; no address is loaded, and links lead to http and https alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from langswarm_nb.core.session.parts.twins import facts_of, name_of, twin
from langswarm_nb.core.session.parts.vocabulary import ATTACHED, Part
from langswarm_nb.core.session.text import one_line
from langswarm_nb.render.escaping import text_block_html, text_html
from langswarm_nb.render.links import attribute, data_url, link_html, web_address
from langswarm_nb.render.thumbnails import MAX_THUMBNAIL_BYTES, picture_type

from .sources import Sources

__all__ = [
    "MAX_AUDIO_BYTES",
    "attachments_html",
    "attachments_text",
    "vendor_html",
    "vendor_text",
    "with_footnotes",
    "with_footnotes_text",
]

Bytes = tuple[str, bytes]
"""A media type, and bytes that are of it."""

MAX_AUDIO_BYTES = 64_000
"""A longer recording is not put into a page."""
_MAX_NAME_CHARS = 80
_MAX_LINE_CHARS = 200
_MAX_DETAIL_CHARS = 20_000
_MAX_ITEMS = 100
"""Of one kind, of one message; how many more there are is told."""
_HEIGHT_PX = 96
_AUDIO = re.compile(r"audio/[a-z0-9.+-]{1,40}")


def attachments_html(parts: Iterable[Part], thumbs: Mapping[str, Bytes]) -> str:
    """Return the attachments among parts as a row of chips; empty where there is none.

    Parameters
    ----------
    parts : iterable of Part
        Of one message.
    thumbs : mapping of str to tuple of str and bytes
        By the hash of an attachment, its thumbnail, or the bytes of a short recording; without one a chip has words
        alone.
    """
    chips, more = _some(_attached(parts))
    if not chips:
        return ""
    rest = f'<div class="lsnb-chip">+{more} more</div>' if more else ""
    return f'<div class="lsnb-chips">{"".join(_chip(part, thumbs) for part in chips)}{rest}</div>\n'


def attachments_text(parts: Iterable[Part]) -> str:
    """Return the attachments among parts as text, one a line."""
    lines, more = _some(_attached(parts))
    return "\n".join(
        [*(_with_note(twin(part), part) for part in lines), *([f"[+{more} more]"] if more else [])]
    )


def vendor_html(parts: Iterable[Part]) -> str:
    """Return the items of a service among parts, each as one line that unfolds to what it found or printed."""
    items, more = _some(_vendor(parts))
    rest = [f'<div class="lsnb-vendor">+{more} more</div>'] if more else []
    return "".join(f"{line}\n" for line in [*map(_vendor_item, items), *rest])


def vendor_text(parts: Iterable[Part]) -> str:
    """Return the items of a service among parts as text, one line each, without what they found or printed."""
    lines, more = _some(_vendor(parts))
    return "\n".join([*(f"[{_vendor_line(part)}]" for part in lines), *([f"[+{more} more]"] if more else [])])


def with_footnotes(markdown: str, citations: Sequence[Part]) -> tuple[str, str]:
    """Return Markdown with a marker behind each place that has a source, and the list of the sources as HTML.

    Parameters
    ----------
    markdown : str
        The whole text of a reply.
    citations : sequence of Part
        Its citations, in the order of the reply; those without ``end`` are listed and have no marker.

    Returns
    -------
    tuple of str and str
        The list is empty where there are no citations.
    """
    sources = Sources(markdown, citations)
    return sources.marked(), sources.list_html()


def with_footnotes_text(text: str, citations: Sequence[Part]) -> tuple[str, str]:
    """Return text with markers like ``[1]``, and the list of the sources as text, one a line."""
    sources = Sources(text, citations)
    return sources.marked_text(), sources.list_text()


def blob_of(part: Part) -> str:
    """Return the hash of an attachment's bytes; empty for an address."""
    if part.get("blob"):
        return str(part["blob"])
    if isinstance(part.get("data"), (bytes, str)):
        from langswarm_nb.core.session.parts.blobs import hashes_in, taken_out

        return next(iter(hashes_in(taken_out([part])[0])), "")
    return ""


def _attached(parts: Iterable[Part]) -> list[Part]:
    return [part for part in parts if part["type"] in ATTACHED]


def _vendor(parts: Iterable[Part]) -> list[Part]:
    return [part for part in parts if part["type"] == "vendor"]


def _some(parts: Sequence[Part]) -> tuple[Sequence[Part], int]:
    return parts[:_MAX_ITEMS], max(0, len(parts) - _MAX_ITEMS)


def _chip(part: Part, thumbs: Mapping[str, Bytes]) -> str:
    name = one_line(name_of(part) or part["type"], _MAX_NAME_CHARS)
    facts = [*(one_line(fact, _MAX_NAME_CHARS) for fact in facts_of(part)), *_note(part)]
    told = f" <span>{text_html(' · '.join(facts))}</span>" if facts else ""
    seen = _seen(part, name, thumbs.get(blob_of(part)))
    return f'<div class="lsnb-chip">{seen}<div>{_link(name, part.get("url"))}{told}</div></div>'


def _seen(part: Part, name: str, found: Bytes | None) -> str:
    """Return an attachment as it looks or sounds; empty where nothing of it can be shown."""
    if found is None:
        return ""
    media_type, data = found
    if part["type"] == "audio" and _AUDIO.fullmatch(media_type) and len(data) <= MAX_AUDIO_BYTES:
        return f'<audio controls="controls" src="{data_url(media_type, data)}"></audio>'
    if part["type"] != "image" or picture_type(data) != media_type or len(data) > MAX_THUMBNAIL_BYTES:
        return ""
    height = part.get("height")
    shown_px = min(height, _HEIGHT_PX) if isinstance(height, int) and height > 0 else _HEIGHT_PX
    return f'<img src="{data_url(media_type, data)}" alt="{attribute(name)}" height="{shown_px}">'


def _link(name: str, url: object) -> str:
    address, shown = web_address(url), f"<strong>{text_html(name)}</strong>"
    return link_html(address, shown) if address else shown


def _vendor_item(part: Part) -> str:
    line, detail = text_html(_vendor_line(part)), part.get("detail") or ""
    if not detail.strip():
        return f'<div class="lsnb-vendor">{line}</div>'
    more = len(detail) - _MAX_DETAIL_CHARS
    cut = f'<div class="lsnb-note">+{more:,} characters</div>' if more > 0 else ""
    block = text_block_html(detail[:_MAX_DETAIL_CHARS]).rstrip("\n")
    return f'<details class="lsnb-vendor"><summary>{line}</summary>{block}{cut}</details>'


def _vendor_line(part: Part) -> str:
    return one_line(str(part.get("text") or ""), _MAX_LINE_CHARS) or one_line(
        str(part["kind"]).replace("_", " "), _MAX_NAME_CHARS
    )


def _note(part: Part) -> list[str]:
    return [one_line(part["note"], _MAX_NAME_CHARS)] if part.get("note") else []


def _with_note(text: str, part: Part) -> str:
    return "".join([text.removesuffix("]"), *(f", {note}" for note in _note(part)), "]"])
