"""`Tray`: what is attached to the message that a reader writes, taken in pieces and kept until it is sent.

The page is not trusted: ids, sizes, places and counts are checked here too.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from langswarm_nb.core.session import Attachment, AttachmentError, SessionValueError, attach
from langswarm_nb.core.session.attachments.attaching import MAX_BYTES, MAX_BYTES_TOGETHER
from langswarm_nb.core.session.errors import shown
from langswarm_nb.core.session.parts.twins import size_text

from .attachment_chips import chip

PIECE_BYTES = 1_000_000
MAX_FILES = 50
_DRAFTS = 8
"""Sessions whose drafts keep what is attached to them; a panel that goes through many forgets the oldest."""
_NAME_CHARS = 300
_ID = re.compile(r"[\w-]{1,64}", re.ASCII)


@dataclass(slots=True)
class _Upload:
    """A file of which a part is there."""

    name: str
    size: int
    view: str
    """Page that sends it."""
    data: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class _Draft:
    """What is attached in one session, by the ids that the page gave."""

    there: dict[str, Attachment] = field(default_factory=dict)
    coming: dict[str, _Upload] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of all, also of what is still coming."""
        return sum(len(each.data or b"") for each in self.there.values()) + sum(
            upload.size for upload in self.coming.values()
        )

    @property
    def count(self) -> int:
        return len(self.there) + len(self.coming)


class Tray:
    """What is attached to the drafts of one panel; a draft belongs to a session."""

    def __init__(self) -> None:
        self._drafts: dict[str, _Draft] = {}

    def chips(self, session_id: str) -> list[dict[str, Any]]:
        """Return what is attached in a session, as the page shows it."""
        draft = self._drafts.get(session_id, _Draft())
        return [{"id": key, **chip(each.part, each.hash)} for key, each in draft.there.items()]

    async def begin(self, session_id: str, key: object, name: object, size: object, view: object) -> bool:
        """Make room for a file; True when it is already whole, since it has no bytes.

        Raises
        ------
        AttachmentError
            It is too large, alone or with what is there, or cannot be attached.
        SessionValueError
            The page does not say properly what comes.
        """
        known, length = _checked_id(key), _checked_size(size)
        draft = self._draft(session_id)
        if known in draft.there or known in draft.coming:
            raise SessionValueError.of("id", known, "a new one")
        upload = _Upload(_checked_name(name), length, str(view)[:64])
        _check_room(draft, upload)
        draft.coming[known] = upload
        return await self._finish(draft, known, upload) if not length else False

    async def piece(self, session_id: str, key: object, at: object, data: Sequence[Any]) -> bool:
        """Take the next piece of a file; True when it is the last, and the file is attached.

        Raises
        ------
        AttachmentError
            It is no longer being attached, or cannot be attached.
        SessionValueError
            It is not the next piece, or too large.
        """
        draft, known = self._draft(session_id), _checked_id(key)
        upload = draft.coming.get(known)
        if upload is None:
            raise AttachmentError("This file is no longer being attached. Attach it again.")
        try:
            if at != len(upload.data):
                raise SessionValueError.of("at", at, f"{len(upload.data)}, where the next piece begins")
            if len(data) != 1 or not 0 < (size := memoryview(data[0]).nbytes) <= PIECE_BYTES:
                raise SessionValueError.of("buffers", len(data), f"one piece of up to {PIECE_BYTES} bytes")
            if len(upload.data) + size > upload.size:
                raise SessionValueError.of("size", upload.size, "the size of the file that is sent")
        except SessionValueError:
            del draft.coming[known]
            raise
        upload.data += data[0]
        return await self._finish(draft, known, upload) if len(upload.data) == upload.size else False

    async def _finish(self, draft: _Draft, key: str, upload: _Upload) -> bool:
        """Look at a file that is whole, and attach it, unless it was removed meanwhile."""
        try:
            made = await asyncio.to_thread(attach, bytes(upload.data), name=upload.name)
            if draft.coming.get(key) is upload:
                draft.there[key] = made
        finally:
            if draft.coming.get(key) is upload:
                del draft.coming[key]
        return True

    def remove(self, session_id: str, key: object) -> None:
        """Forget a file; one that is still coming is not taken any further."""
        draft = self._drafts.get(session_id, _Draft())
        draft.there.pop(str(key), None)
        draft.coming.pop(str(key), None)

    def drop_torn(self, view: object) -> None:
        """Forget files that other pages have begun to send: a page was drawn again, and theirs is gone."""
        for draft in self._drafts.values():
            draft.coming = {key: each for key, each in draft.coming.items() if each.view == view}

    def taken(self, session_id: str, keys: object) -> dict[str, Attachment]:
        """Return what is attached under these ids, in their order.

        Raises
        ------
        AttachmentError
            One of them is not there.
        """
        if not isinstance(keys, list):
            raise SessionValueError.of("attached", keys, "a list of ids")
        draft = self._drafts.get(session_id, _Draft())
        for key in keys:
            if not isinstance(key, str) or key not in draft.there:
                raise AttachmentError(
                    "What is attached here is no longer kept. Remove it, and attach it again."
                )
        return {key: draft.there[key] for key in keys}

    def find(self, hash_: str) -> Attachment | None:
        """Return what has these bytes."""
        every = (each for draft in self._drafts.values() for each in draft.there.values())
        return next((each for each in every if each.hash == hash_), None)

    def _draft(self, session_id: str) -> _Draft:
        draft = self._drafts.pop(session_id, None) or _Draft()
        self._drafts[session_id] = draft  # as the newest
        for old in list(self._drafts)[:-_DRAFTS]:
            del self._drafts[old]
        return draft


def _check_room(draft: _Draft, upload: _Upload) -> None:
    if upload.size > MAX_BYTES:
        raise AttachmentError(
            f"{shown(upload.name)} has {size_text(upload.size)}; at most {size_text(MAX_BYTES)} can be attached."
        )
    if draft.count >= MAX_FILES:
        raise AttachmentError(
            f"At most {MAX_FILES} files go with one message. Send some of them with the next."
        )
    if draft.size + upload.size > MAX_BYTES_TOGETHER:
        raise AttachmentError(
            f"With {shown(upload.name)} the message would have {size_text(draft.size + upload.size)}; at most "
            f"{size_text(MAX_BYTES_TOGETHER)} go with one message."
        )


def _checked_id(key: object) -> str:
    if not isinstance(key, str) or not _ID.fullmatch(key):
        raise SessionValueError.of("id", key, "up to 64 letters, digits and dashes")
    return key


def _checked_size(size: object) -> int:
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise SessionValueError.of("size", size, "a number of bytes")
    return size


def _checked_name(name: object) -> str:
    if not isinstance(name, str):
        raise SessionValueError.of("name", name, "text")
    return name.encode("utf-8", "replace").decode("utf-8")[:_NAME_CHARS]
