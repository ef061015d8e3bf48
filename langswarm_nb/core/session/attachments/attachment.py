"""`Attachment`: an image, a file or a recording that goes with a message."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from langswarm_nb.core.session.parts.twins import twin
from langswarm_nb.core.session.parts.vocabulary import Part

AttachmentKind = Literal["image", "file", "audio"]
Detail = Literal["low", "high"]


@dataclass(frozen=True, slots=True)
class Attachment:
    """Something that goes with a message; made by `attach`."""

    kind: AttachmentKind
    media_type: str | None = None
    """None for an address that was not looked at yet."""
    data: bytes | None = field(default=None, repr=False)
    """The bytes; None for an address, and for what is stored."""
    blob: str | None = None
    """Of what a message of the same user carries already: SHA-256 of its bytes, in hexadecimal."""
    size: int | None = None
    """Bytes; known from the bytes where they are there."""
    url: str | None = None
    name: str | None = None
    """What it is called; not a path."""
    detail: Detail | None = None
    """How closely a model is to look at an image, where it can be asked to."""
    width: int | None = None
    """Pixels, of an image; as `height`."""
    height: int | None = None
    pages: int | None = None
    note: str | None = None
    """What was done to it, such as "location removed"."""

    @property
    def part(self) -> Part:
        """The part of a message that it is."""
        told: dict[str, Any] = {
            "media_type": self.media_type,
            "data": self.data,
            "blob": self.blob,
            "url": self.url,
            "name": self.name,
            "size": self.size if self.data is None else len(self.data),
            "width": self.width,
            "height": self.height,
            "pages": self.pages,
            "detail": self.detail,
            "note": self.note,
        }
        return {"type": self.kind, **{name: value for name, value in told.items() if value is not None}}

    @property
    def hash(self) -> str | None:
        """SHA-256 of the bytes, in hexadecimal: what it is stored under; None for an address."""
        if self.data is None:
            return self.blob
        from hashlib import sha256  # it loads OpenSSL

        return sha256(self.data).hexdigest()

    def __str__(self) -> str:
        return twin(self.part).strip("[]")
