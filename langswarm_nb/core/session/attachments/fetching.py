"""Addresses whose bytes are fetched here, for services that take none."""

from __future__ import annotations

from typing import Any

from langswarm_nb.core.session.errors import AttachmentError
from langswarm_nb.core.session.parts.vocabulary import Part
from langswarm_nb.core.session.providers.download import DownloadError, Way, download

from .addresses import checked_address, name_in, place_of
from .attaching import MAX_BYTES, of_bytes
from .media import is_page

WAY = Way(checked_address, MAX_BYTES)
_NEXT = "Download it yourself, and attach the file."


async def fetched(part: Part, way: Way | None = None) -> Part:
    """Return an attachment that is an address with the bytes that are found there.

    Raises
    ------
    AttachmentError
        It cannot be fetched, or what is there cannot be attached.
    """
    url = str(part["url"])
    try:
        found = await download(url, way or WAY)
    except DownloadError as error:
        raise AttachmentError(f"{place_of(url)} {error}. {_NEXT}") from None
    if found.media_type == "text/html" or is_page(found.data):
        raise AttachmentError(
            f"{place_of(url)} is a web page, not a file. Attach the address of the image or file itself, or save the "
            "page and attach that."
        )
    if not found.data:
        raise AttachmentError(f"{place_of(url)} holds nothing. {_NEXT}")
    name: Any = part.get("name") or name_in(found.url)
    made = of_bytes(found.data, name, part.get("detail"), note="fetched")
    return made.part
