"""`StoredAttachment`: an attachment that a conversation carries, with its bytes, to be looked at or saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session import BaseSession, SessionNotFoundError, SessionValueError, checks
from langswarm_nb.core.session.errors import shown
from langswarm_nb.core.session.parts.twins import name_of, twin
from langswarm_nb.core.session.parts.vocabulary import Part

if TYPE_CHECKING:
    from langswarm_nb.notebook.workspace import Workspace

_SHOWN = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""Types that a front end shows; one that is written in text would be run."""
_FEWEST_CHARS, _HASH_CHARS = 8, 64


@dataclass(frozen=True, slots=True)
class StoredAttachment:
    """An attachment of a stored message."""

    part: Part
    """What its message says of it."""
    data: bytes = field(repr=False)

    @property
    def name(self) -> str | None:
        """What it is called; data, not a path."""
        return name_of(self.part) or None

    @property
    def media_type(self) -> str:
        """Its type, such as ``image/png``."""
        return str(self.part["media_type"])

    @property
    def hash(self) -> str:
        """SHA-256 of the bytes, in hexadecimal."""
        return str(self.part["blob"])

    def save(self, path: str | Path) -> Path:
        """Write the bytes to a file that is not there yet, and return its path.

        Raises
        ------
        SessionValueError
            There is a file of this name, or it cannot be written.
        """
        file = Path(path).expanduser()
        try:
            with file.open("xb") as out:
                out.write(self.data)
        except FileExistsError:
            raise SessionValueError(f"{shown(str(file))} exists already. Choose another name.") from None
        except OSError as error:
            raise SessionValueError(
                f"{shown(str(file))} cannot be written: {error.strerror or error}."
            ) from None
        return file

    def __repr__(self) -> str:
        return f"{twin(self.part).strip('[]')} · {self.hash[:12]}"

    def _repr_mimebundle_(self, **_: Any) -> Mapping[str, Any]:
        shown_as = {"text/plain": repr(self)}
        return {**shown_as, self.media_type: self.data} if self.media_type in _SHOWN else shown_as


async def find_attachment(workspace: Workspace, blob: str) -> StoredAttachment:
    """Return an attachment of any conversation of the user: of the current one first, then of those used last.

    Raises
    ------
    SessionNotFoundError
        No conversation carries it.
    """
    if len(checks.text("blob", blob)) < _FEWEST_CHARS:
        raise SessionValueError(
            f"blob={shown(blob)} is not the hash of an attachment, or at least its first {_FEWEST_CHARS} characters."
        )
    current = await workspace.peek()
    others = await workspace.manager.list_user_sessions(workspace.user_id, limit=None)
    for session in ([current] if current is not None else []) + list(others):
        if found := await _in_session(session, blob):
            return found
    raise SessionNotFoundError(
        f"No conversation of this store carries the attachment {shown(blob)}. The `attachments` of a message have the "
        "hashes of theirs, as `blob`."
    )


async def _in_session(session: BaseSession, blob: str) -> StoredAttachment | None:
    if len(blob) == _HASH_CHARS and not await session.storage.read_blobs(session.key, [blob]):
        return None  # without a look at its messages
    for message in await session.get_messages(branch="all"):
        for part in message.attachments:
            if str(part.get("blob", "")).startswith(blob):
                return StoredAttachment(part, await session.read_attachment(part["blob"]))
    return None
