"""Addresses whose bytes are fetched here, for services that take none."""

from __future__ import annotations

from langswarm_nb.core.session.errors import AttachmentError, shown
from langswarm_nb.core.session.parts.vocabulary import Part


async def fetched(part: Part) -> Part:
    """Return an attachment that is an address with the bytes that are found there.

    Raises
    ------
    AttachmentError
        It cannot be fetched.
    """
    raise AttachmentError(f"{shown(part['url'])} cannot be fetched. Download it, and attach the file.")
