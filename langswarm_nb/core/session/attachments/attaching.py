"""`attach`: what a user hands over, as an `Attachment`."""

from __future__ import annotations

from pathlib import Path

from langswarm_nb.core.session.errors import AttachmentError, shown

from .attachment import Attachment, Detail


def attach(obj: object, *, name: str | None = None, detail: Detail | None = None) -> Attachment:
    """Return something as an attachment.

    Raises
    ------
    AttachmentError
        It cannot be attached.
    """
    if isinstance(obj, Attachment):
        return obj
    if isinstance(obj, (str, Path)):
        path = Path(obj)
        return attach(path.read_bytes(), name=name or path.name, detail=detail)
    if isinstance(obj, bytes):
        kind = "image" if obj.startswith(b"\x89PNG") else "file"
        media_type = "image/png" if kind == "image" else "text/plain"
        return Attachment(kind, media_type, obj, name=name, detail=detail)  # type: ignore[arg-type]
    raise AttachmentError(f"{shown(obj)} cannot be attached.")
