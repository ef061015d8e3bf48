"""`BytesInMemory`: what the messages of a store carry, where it is not to be stored."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from langswarm_nb.core.session.errors import SessionNotFoundError

from .carried import Named, check_named, not_here

if TYPE_CHECKING:
    from langswarm_nb.core.session.answers.definition import Definition
    from langswarm_nb.core.session.interfaces import ISessionStorage

    from .carried import Load


class _Kept(NamedTuple):
    data: bytes
    media_types: frozenset[str] = frozenset()
    """What messages say that it is; empty where that is not known."""


_NOTHING = _Kept(b"")


class BytesInMemory:
    """Bytes by session and hash, beside a storage that may have older ones."""

    def __init__(self, inner: ISessionStorage) -> None:
        self._inner = inner
        self._kept: dict[str, dict[str, _Kept]] = {}
        self._definitions: dict[str, dict[str, Definition]] = {}

    def check(self, session_id: str, load: Load) -> None:
        """Make sure that what messages of a session name is there, and is what they say.

        Raises
        ------
        NotHereError
            Bytes of some did not come with them, and the session has none of them yet.
        SessionValueError
            Some are of another type or size.
        """
        kept = self._kept.get(str(session_id), {})

        def stored(told: Named) -> Named | None:
            if told.hash not in kept:
                return None
            data = kept[told.hash].data
            media_types = {name for one in self._kept.values() for name in one.get(told.hash, _NOTHING)[1]}
            is_known = not media_types or told.media_type in media_types
            return Named(told.hash, told.media_type if is_known else min(media_types), len(data))

        check_named(load, stored)

    def keep(self, session_id: str, load: Load) -> None:
        """Keep what messages of a session bring."""
        if load.definitions:
            known = self._definitions.setdefault(str(session_id), {})
            known.update({definition.hash: definition for definition in load.definitions})
        if not load.blobs:
            return
        kept = self._kept.setdefault(str(session_id), {})
        for key, blob in load.blobs.items():
            before = kept.get(key, _Kept(blob.data))
            kept[key] = _Kept(blob.data, before.media_types | {blob.media_type})

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
        found: dict[str, _Kept] = {}
        for place in dict.fromkeys([str(session_id), *self._kept]) if missing else ():
            with suppress(SessionNotFoundError):
                if (await self._inner.load_session(place)).user_id == user_id:
                    older = await self._inner.read_blobs(place, missing)
                    found |= {key: _Kept(data) for key, data in older.items()} | self._of(place, missing)
        if missing := missing - found.keys():
            raise not_here(sorted(missing))
        if found:
            self._kept.setdefault(str(session_id), {}).update(found)

    def of(self, session_id: str, hashes: Collection[str]) -> dict[str, bytes]:
        """Return what messages of a session carry, by hash."""
        return {key: kept.data for key, kept in self._of(session_id, hashes).items()}

    def _of(self, session_id: str, hashes: Collection[str]) -> dict[str, _Kept]:
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
