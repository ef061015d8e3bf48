"""What messages carry beside their words, as HTML and as text: attachments, items of a service, sources.

Names, titles, addresses and what services report come from strangers: all of it is escaped, on one line where it is one
thing, bounded; no address is loaded, and links lead to http and https alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from langswarm_nb.analysis.sources import footnotes
from langswarm_nb.core.session.parts.blobs import bytes_of, hashes_in, taken_out
from langswarm_nb.core.session.parts.twins import facts_of, name_of, twin
from langswarm_nb.core.session.parts.vocabulary import ATTACHED, Part
from langswarm_nb.core.session.text import one_line
from langswarm_nb.render.controls import visible_controls
from langswarm_nb.render.escaping import text_block_html, text_html
from langswarm_nb.render.links import attribute, data_url, link_html, web_address
from langswarm_nb.render.thumbnails import MAX_THUMBNAIL_BYTES, is_picture, thumbnail

from .seen import MAX_AUDIO_BYTES, MAX_PICTURE_BYTES, Bytes

__all__ = [
    "Carried",
    "attachments_html",
    "attachments_text",
    "attachments_words",
    "carried_by",
    "pictures_html",
    "vendor_html",
    "vendor_text",
    "with_footnotes",
    "with_footnotes_text",
]

_MAX_NAME_CHARS = 80
_MAX_WORD_CHARS = 40
_MAX_LINE_CHARS = 200
_MAX_DETAIL_CHARS = 20_000
_MAX_ITEMS = 100
"""Of one kind, of one message; the rest is counted."""
_HEIGHT_PX = 96
_AUDIO = re.compile(r"audio/[a-z0-9.+-]{1,40}")


@dataclass(frozen=True, slots=True)
class Carried:
    """What stands above and below the words of a reply, in a page and as text."""

    asked_html: str = ""
    """Above all replies to one question: what was attached to it."""
    asked_text: str = ""
    above_html: str = ""
    above_text: str = ""
    below_html: str = ""
    below_text: str = ""
    below_bare_text: str = ""
    """The same below words without marks: each source with the beginning of what it stands for."""
    marked: str | None = None
    """The words with the marks of their sources, as Markdown for the renderer; None where there are none."""
    marked_text: str | None = None
    """The same as text."""

    def around(self, body: str) -> str:
        """Return HTML of the words with what belongs to the reply itself."""
        return f"{self.above_html}{body}{self.below_html}"

    def around_text(self, text: str) -> str:
        """Return the words, in which what hides is visible, with what belongs to the reply itself."""
        pieces = [visible_controls(self.above_text), text, visible_controls(self.below_text)]
        return "\n\n".join(filter(None, pieces))


def carried_by(text: str, asked: Sequence[Part], parts: Sequence[Part], seen: Mapping[str, Bytes]) -> Carried:
    """Return what a question and its answer carry beside their words.

    Parameters
    ----------
    text : str
        The words of the answer that are shown.
    asked : sequence of Part
        Of the question.
    parts : sequence of Part
        Of the answer.
    seen : mapping of str to tuple of str and bytes
        See `pictures_html`.
    """
    found = footnotes(text, parts)
    is_marked = found.marked != text
    made = attachments_text(parts)
    return Carried(
        asked_html=attachments_html(asked, seen),
        asked_text=attachments_text(asked),
        above_html=vendor_html(parts),
        above_text=vendor_text(parts),
        below_html=pictures_html(parts, seen) + found.list_html,
        below_text="\n\n".join(filter(None, [made, found.list_text])),
        below_bare_text="\n\n".join(filter(None, [made, found.claims_text])),
        marked=found.marked if is_marked else None,
        marked_text=found.marked_text if is_marked else None,
    )


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


def attachments_words(parts: Iterable[Part]) -> str:
    """Return in a few words what was attached, for a line about the whole; empty where nothing was."""
    found = _attached(parts)
    if not found:
        return ""
    first = one_line(name_of(found[0]) or found[0]["type"], _MAX_WORD_CHARS)
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    notes = list(dict.fromkeys(note for part in found for note in _note(part)))
    return f"{first}{more} attached" + (f" ({', '.join(notes[:2])})" if notes else "")


def pictures_html(parts: Iterable[Part], seen: Mapping[str, Bytes]) -> str:
    """Return the attachments of an answer: its pictures as they are, all else as chips.

    Parameters
    ----------
    parts : iterable of Part
        Of the answer.
    seen : mapping of str to tuple of str and bytes
        By the hash of an attachment, the picture itself, or its thumbnail.
    """
    blocks: list[str] = []
    found, more = _some(_attached(parts))
    for number, part in enumerate(found):
        media_type, data = seen.get(blob_of(part), ("", b""))
        if part["type"] != "image" or len(data) > MAX_PICTURE_BYTES or not is_picture(data, media_type):
            blocks.append(attachments_html([part], seen))
            continue
        alt = attribute(one_line(name_of(part) or "image", _MAX_NAME_CHARS))
        picture = f'<img src="{data_url(media_type, data)}" alt="{alt}">'
        is_small = part.get("size") is not None and part["size"] != len(data)
        way = f'reply.attachments[{number}].save("image.{media_type.removeprefix("image/")}")'
        note = (
            f'<div class="lsnb-note">shown small · <code>{way}</code> writes it to a file</div>'
            if is_small
            else ""
        )
        blocks.append(f'<div class="lsnb-picture">{picture}{note}</div>\n')
    return "".join([*blocks, *([f'<div class="lsnb-note">+{more} more</div>\n'] if more else [])])


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
    found = footnotes(markdown, citations)
    return found.marked, found.list_html


def with_footnotes_text(text: str, citations: Sequence[Part]) -> tuple[str, str]:
    """Return text with markers like ``[1]``, and the list of the sources as text, one a line."""
    found = footnotes(text, citations)
    return found.marked_text, found.list_text


def blob_of(part: Part) -> str:
    """Return the hash of an attachment's bytes; empty for an address."""
    if part.get("blob"):
        return str(part["blob"])
    if isinstance(part.get("data"), (bytes, str)):
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
    seen = _seen(part, name, thumbs.get(blob_of(part)) or _own_thumbnail(part))
    return f'<div class="lsnb-chip">{seen}<div>{_link(name, part.get("url"))}{told}</div></div>'


def _seen(part: Part, name: str, found: Bytes | None) -> str:
    """Return an attachment as it looks or sounds; empty where nothing of it can be shown."""
    if found is None:
        return ""
    media_type, data = found
    if part["type"] == "audio" and _AUDIO.fullmatch(media_type) and len(data) <= MAX_AUDIO_BYTES:
        return f'<audio controls="controls" src="{data_url(media_type, data)}"></audio>'
    if part["type"] != "image" or not is_picture(data, media_type) or len(data) > MAX_THUMBNAIL_BYTES:
        return ""
    height = part.get("height")
    shown_px = min(height, _HEIGHT_PX) if isinstance(height, int) and height > 0 else _HEIGHT_PX
    return f'<img src="{data_url(media_type, data)}" alt="{attribute(name)}" height="{shown_px}">'


def _own_thumbnail(part: Part) -> Bytes | None:
    """Return a thumbnail of an attachment that is not stored yet, and has its bytes with it."""
    if part.get("data") is None:
        return None
    return thumbnail(bytes_of(part["data"]), str(part["media_type"]))


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
