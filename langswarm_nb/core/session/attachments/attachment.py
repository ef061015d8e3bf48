"""`Attachment`: an image, a file or a recording that goes with a message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from langswarm_nb.core.session.parts.twins import twin
from langswarm_nb.core.session.parts.vocabulary import Part

AttachmentKind = Literal["image", "file", "audio"]
Detail = Literal["low", "high"]


@dataclass(frozen=True, slots=True, repr=False)
class Attachment:
    """Something that goes with a message; made by `attach`."""

    kind: AttachmentKind
    media_type: str | None = None
    """None for an address that was not fetched yet."""
    data: bytes | None = None
    """The bytes; None for an address, and for an attachment that is stored already."""
    blob: str | None = None
    """SHA-256 of the bytes, in hexadecimal, of an attachment that a message of the same user has already."""
    size: int | None = None
    """Size in bytes; computed from the bytes if they are given."""
    url: str | None = None
    name: str | None = None
    """Its name; not a path."""
    detail: Detail | None = None
    """How closely the model should look at an image, where this can be chosen."""
    width: int | None = None
    """Width of an image in pixels, as is `height`."""
    height: int | None = None
    pages: int | None = None
    note: str | None = None
    """What was done to it, such as "location removed"."""

    @property
    def part(self) -> Part:
        """The message part for this attachment."""
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
        """SHA-256 of the bytes, in hexadecimal, under which it is stored; None for an address."""
        if self.data is None:
            return self.blob
        from hashlib import sha256  # it loads OpenSSL

        return sha256(self.data).hexdigest()

    def __str__(self) -> str:
        return twin(self.part)[1:-1]

    def __repr__(self) -> str:
        return f"<{self}>"

    def _repr_png_(self) -> bytes | None:
        return self.data if self.media_type == "image/png" else None

    def _repr_jpeg_(self) -> bytes | None:
        return self.data if self.media_type == "image/jpeg" else None
