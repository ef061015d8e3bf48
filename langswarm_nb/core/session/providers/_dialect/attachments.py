"""Attachments on their way out: what a dialect has no form for goes as text, so that nothing is left out unsaid."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from langswarm_nb.core.session.parts.blobs import bytes_of
from langswarm_nb.core.session.parts.media_types import is_text, media_type_of, unpacked
from langswarm_nb.core.session.parts.twins import name_of, twin
from langswarm_nb.core.session.parts.vocabulary import ATTACHED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langswarm_nb.core.session.parts.vocabulary import Part

_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_BACKTICKS = re.compile("`{3,}")
_ENDINGS = {"application/pdf": "pdf", "text/plain": "txt", "text/csv": "csv"}


def sendable(parts: Iterable[Part], *kinds: str, keeps_texts: bool = False) -> list[Part]:
    """Return parts with a text in place of each attachment that a dialect has no form for.

    Parameters
    ----------
    *kinds
        Types of attachments that it has a form for.
    keeps_texts
        Whether it has one for files that are text. Else they go inline, under their names.
    """
    return [_sendable(part, kinds, keeps_texts) for part in parts]


def _sendable(part: Part, kinds: tuple[str, ...], keeps_texts: bool) -> Part:
    if part["type"] not in ATTACHED:
        return part
    part = unpacked(part)
    is_kept = keeps_texts and part["type"] == "file"
    if "data" in part and is_text(part["media_type"]) and not is_kept:
        return {"type": "text", "text": inline_text(part)}
    return part if part["type"] in kinds else {"type": "text", "text": twin(part)}


def inline_text(part: Part) -> str:
    """Return a file that is text under its name, in a fence that nothing in it can close."""
    text = text_of(part)
    longest = max(map(len, _BACKTICKS.findall(text)), default=2)
    fence = "`" * (longest + 1)
    language = (name_of(part).rpartition(".")[2] if "." in name_of(part) else "").lower()
    language = language if re.fullmatch(r"[a-z0-9]{1,12}", language) else ""
    end = "" if text.endswith("\n") or not text else "\n"
    return f"{name_of(part) or 'A file'}:\n\n{fence}{language}\n{text}{end}{fence}"


def text_of(part: Part) -> str:
    """Return the text of a file: UTF-8, else UTF-16 with its mark, else Windows' Latin."""
    data = bytes_of(part["data"])
    if data[:2] in _MARKS:
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def base64_of(part: Part) -> str:
    """Return the bytes of an attachment as base64 text."""
    data = part["data"]
    return base64.b64encode(data).decode("ascii") if isinstance(data, bytes) else str(data)


def data_url(part: Part) -> str:
    """Return the bytes of an attachment as an address that holds them."""
    return f"data:{part['media_type']};base64,{base64_of(part)}"


def address_or_data(part: Part) -> str:
    """Return the address of an attachment, else its bytes as one."""
    return str(part["url"]) if part.get("url") else data_url(part)


def file_name(part: Part) -> str:
    """Return what a file is called; one without a name by its kind, since services ask for one."""
    media_type = media_type_of(part)
    ending = _ENDINGS.get(media_type) or media_type.rpartition("/")[2].rpartition(".")[2] or "bin"
    return name_of({"name": part.get("name")}) or f"{part['type']}.{ending}"
