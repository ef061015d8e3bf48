"""`BytesInMemory`: what the messages of a store carry, where it is not to be stored."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import TYPE_CHECKING

from langswarm_nb.core.session.errors import SessionNotFoundError, SessionValueError, shown

if TYPE_CHECKING:
    from langswarm_nb.core.session.answers.definition import Definition
    from langswarm_nb.core.session.interfaces import ISessionStorage

    from .carried import Load


class NotHereError(SessionValueError):
    """Raised where nothing can be looked up for hashes that messages name."""

    hashes: list[str]


class BytesInMemory:
    """Bytes by session and hash, beside a storage that may have older ones."""

    def __init__(self, inner: ISessionStorage) -> None:
        self._inner = inner
        self._kept: dict[str, dict[str, bytes]] = {}
        self._definitions: dict[str, dict[str, Definition]] = {}

    def keep(self, session_id: str, load: Load) -> None:
        """Keep what messages of a session carry.

        Raises
        ------
        NotHereError
            Bytes of some did not come with them, and the session has none of them yet.
        """
        if load.definitions:
            known = self._definitions.setdefault(str(session_id), {})
            known.update({definition.hash: definition for definition in load.definitions})
        if not load.links:
            return
        kept = self._kept.setdefault(str(session_id), {})
        missing = [key for key in load.named if key not in kept]
        if missing:
            raise _not_here(missing)
        kept.update({key: blob.data for key, blob in load.blobs.items()})

    async def fetch(self, session_id: str, hashes: Collection[str]) -> None:
        """Take into a session what messages of its user carry already.

        Raises
        ------
        SessionValueError
            None carries one of them.
        """
        if hashes:
            record = await self._inner.load_session(session_id)
            await self.fetch_for(record.user_id, session_id, hashes)

    async def fetch_for(self, user_id: str, session_id: str, hashes: Collection[str]) -> None:
        """Do the same for a session that is not there yet.

        Raises
        ------
        SessionValueError
            None carries one of them.
        """
        missing = set(hashes) - self._kept.get(str(session_id), {}).keys()
        found: dict[str, bytes] = {}
        for place in dict.fromkeys([str(session_id), *self._kept]) if missing else ():
            with suppress(SessionNotFoundError):
                if (await self._inner.load_session(place)).user_id == user_id:
                    found |= self.of(place, missing) | await self._inner.read_blobs(place, missing)
        if missing := missing - found.keys():
            raise _not_here(sorted(missing))
        if found:
            self._kept.setdefault(str(session_id), {}).update(found)

    def of(self, session_id: str, hashes: Collection[str]) -> dict[str, bytes]:
        """Return what messages of a session carry, by hash."""
        kept = self._kept.get(str(session_id), {})
        return {key: kept[key] for key in hashes if key in kept}

    def definitions_of(self, session_id: str, hashes: Collection[str] | None) -> dict[str, Definition]:
        """Return the schemas that messages of a session were asked for, by hash; all, or those with these hashes."""
        known = self._definitions.get(str(session_id), {})
        return {key: one for key, one in known.items() if hashes is None or key in hashes}

    def forget(self, session_id: str) -> None:
        """Let go of what a session carried."""
        self._kept.pop(str(session_id), None)
        self._definitions.pop(str(session_id), None)

    def clear(self) -> None:
        """Let go of all."""
        self._kept.clear()
        self._definitions.clear()


def _not_here(hashes: list[str]) -> NotHereError:
    error = NotHereError(
        f"A part names the attachment {shown(hashes[0])}, which no message of this user carries. Nothing was stored. "
        "Attach it with its bytes (`data`)."
    )
    error.parameter, error.hashes = "blob", hashes
    return error
