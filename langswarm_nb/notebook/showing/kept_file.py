"""`KeptFile`: an attachment of a message that is stored, to be looked at and saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.errors import AttachmentError, shown
from langswarm_nb.core.session.parts.blobs import bytes_of
from langswarm_nb.core.session.parts.twins import twin
from langswarm_nb.core.session.parts.vocabulary import Part
from langswarm_nb.notebook.bridge import kernel_shell, run_sync

if TYPE_CHECKING:
    from langswarm_nb.core.session import BaseSession


class KeptFile:
    """An image, a file or a recording that a message carries.

    Parameters
    ----------
    part : Part
        The part of the message.
    session : BaseSession
        Where the message is.
    """

    def __init__(self, part: Part, session: BaseSession) -> None:
        self.part = part
        self._session = session

    @property
    def kind(self) -> str:
        """``"image"``, ``"file"`` or ``"audio"``."""
        return str(self.part["type"])

    @property
    def name(self) -> str | None:
        """What it is called; data of whoever made it, not a path."""
        return self.part.get("name")

    @property
    def media_type(self) -> str | None:
        """What it is; None for an address that was not looked at."""
        return self.part.get("media_type")

    @property
    def url(self) -> str | None:
        """Its address, when it was attached as one."""
        return self.part.get("url")

    @property
    def size(self) -> int | None:
        """Bytes."""
        return self.part.get("size")

    @property
    def width(self) -> int | None:
        """Pixels, of an image."""
        return self.part.get("width")

    @property
    def height(self) -> int | None:
        """Pixels, of an image."""
        return self.part.get("height")

    @property
    def pages(self) -> int | None:
        """Of a document, where it says so."""
        return self.part.get("pages")

    @property
    def hash(self) -> str | None:
        """SHA-256 of its bytes, in hexadecimal; None for an address."""
        return self.part.get("blob")

    @property
    def data(self) -> bytes:
        """Its bytes; see `read`."""
        return self.read()

    def read(self) -> bytes:
        """Return its bytes.

        Raises
        ------
        AttachmentError
            It is an address, of which no bytes are kept.
        SessionNotFoundError
            It was deleted meanwhile.
        """
        if self.part.get("data") is not None:
            return bytes_of(self.part["data"])
        if self.hash is None:
            raise AttachmentError(
                f"{shown(self.url)} went to the model as an address; its contents are not kept here."
            )
        return run_sync(self._session.read_attachment(self.hash))

    def save(self, path: str | Path) -> Path:
        """Write its bytes to a file, in place of what is there, and return the path.

        Raises
        ------
        AttachmentError, SessionNotFoundError
            See `read`; or the path is a folder.
        OSError
            The file cannot be written.
        """
        target = Path(path)
        if target.is_dir():
            raise AttachmentError(f"{shown(str(path))} is a folder. Name the file in it to write.")
        target.write_bytes(self.read())
        return target

    def __repr__(self) -> str:
        return f"<{twin(self.part)[1:-1]}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        if kernel_shell() is None:
            return {}
        from langswarm_nb.render.page import scoped_page

        from .carried import attachments_html
        from .seen import thumbs_of

        thumbs = run_sync(thumbs_of(self._session, [self.part]))
        return {"text/html": scoped_page(attachments_html([self.part], thumbs)), "text/plain": repr(self)}
