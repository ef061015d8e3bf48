"""`Load`: the bytes and schemas that messages carry, taken out of them before they become rows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from langswarm_nb.core.session.errors import SessionValueError, shown
from langswarm_nb.core.session.messages import MessageRole, RequestFacts, SessionMessage
from langswarm_nb.core.session.parts.blobs import Blob, as_text, carry_bytes, hashes_in, taken_out
from langswarm_nb.core.session.values import to_json

from .rows import MESSAGE_COLUMNS, Row

if TYPE_CHECKING:
    from langswarm_nb.core.session.answers.definition import Definition
    from langswarm_nb.core.session.interfaces import Bounds, ISessionStorage
    from langswarm_nb.core.session.parts.vocabulary import Part

_PARTS = MESSAGE_COLUMNS.index("parts")


class Named(NamedTuple):
    """A content, and what is said of it."""

    hash: str
    media_type: str
    size: int | None
    """Bytes; None where it is not said."""

    def agrees_with(self, known: Named) -> bool:
        """Tell whether it says what is known, as far as it says something."""
        return self.media_type == known.media_type and self.size in {None, known.size}

    def __str__(self) -> str:
        return f"{shown(self.media_type)}{'' if self.size is None else f' of {self.size:,} bytes'}"


class Load(NamedTuple):
    """What messages carry: most carry nothing."""

    links: Sequence[tuple[int, str]] = ()
    """Places of messages among those that are stored, from 0, with the hashes of what each carries."""
    blobs: Mapping[str, Blob] = {}
    """What came with them, by hash."""
    definitions: Sequence[Definition] = ()
    """The schemas that came with them, each once."""
    told: Sequence[Named] = ()
    """What parts say of bytes that they name and do not bring."""

    @property
    def named(self) -> list[str]:
        """The hashes whose bytes did not come: a message of the same user carries them already, or it is refused."""
        return list(dict.fromkeys(key for _, key in self.links if key not in self.blobs))


NOTHING = Load()


def check_named(load: Load, stored: Callable[[Named], Named | None]) -> None:
    """Make sure that bytes which parts name are there, and are what the parts say.

    Parameters
    ----------
    stored
        Returns what messages of the user say of a content: where they differ, what the part says; None when none
        carries it.

    Raises
    ------
    NotHereError
        No message of the user carries them: what others store cannot be had by its hash.
    SessionValueError
        They are of another type or size.
    """
    missing = []
    for told in load.told:
        blob = load.blobs.get(told.hash)
        known = None if blob is None else Named(told.hash, blob.media_type, len(blob.data))
        if known is None or not told.agrees_with(known):
            known = stored(told) or known
        if known is None:
            missing.append(told.hash)
        elif not told.agrees_with(known):
            raise _not_so(told, known)
    if missing:
        raise not_here(missing)


class NotHereError(SessionValueError):
    """Raised for hashes that parts name and nothing is known of."""

    hashes: list[str]


def not_here(hashes: list[str]) -> NotHereError:
    """Return the error about hashes that parts name and nothing is known of."""
    error = NotHereError(
        f"A part names the attachment {shown(hashes[0])}, which no message of this user has. Nothing was stored. "
        "Attach it with its bytes (`data`)."
    )
    error.parameter, error.hashes = "blob", hashes
    return error


def _not_so(told: Named, known: Named) -> SessionValueError:
    error = SessionValueError(
        f"A part says that the attachment {shown(told.hash)} is {told}, and it is {known}. Nothing was stored. "
        "Say what it is, or attach it with its bytes (`data`)."
    )
    error.parameter = "parts"
    return error


def unloaded(messages: Sequence[SessionMessage], bounds: Bounds) -> tuple[Sequence[SessionMessage], Load]:
    """Return messages without bytes, and what they carry.

    Raises
    ------
    SessionValueError, SessionTypeError
        ``data`` of a part is not bytes, or there are more than the bounds allow.
    """
    definitions = definitions_of(messages)
    for definition in definitions:
        bounds.check("max_message_chars", "schema", definition.body)
    for message in messages:
        if getattr(message, "parts", None) and _carries(message):
            break
    else:  # nearly always
        return messages, Load(definitions=definitions) if definitions else NOTHING
    links: list[tuple[int, str]] = []
    blobs: dict[str, Blob] = {}
    told: list[Named] = []
    light = list(messages)
    for at, message in enumerate(messages):
        if not _carries(message):
            continue
        parts, found = taken_out(message.parts)
        if message.role is not MessageRole.ASSISTANT:  # what a model answered is kept as it is
            bounds.check_bytes(parts)
        light[at] = replace(message, parts=parts)
        links += [(at, key) for key in hashes_in(parts)]
        blobs |= found
        told += _told(message.parts)
    return light, Load(links, blobs, definitions, told)


def definitions_of(messages: Iterable[SessionMessage]) -> list[Definition]:
    """Return the schemas that come with messages, each once."""
    found: list[Definition] = []
    for message in messages:
        facts = getattr(message, "request", None)  # of another type it is refused later
        definition = facts.definition if isinstance(facts, RequestFacts) else None
        if definition is not None and definition not in found:
            found.append(definition)
    return found


def unloaded_row(payload: Row) -> tuple[Row, Load]:
    """Return the payload of a message whose parts may hold bytes as base64 text without them, and what it carries.

    Raises
    ------
    SessionValueError, SessionTypeError
        ``data`` of a part is not base64.
    """
    if payload[_PARTS] is None or not carry_bytes(found := json.loads(payload[_PARTS])):
        return payload, NOTHING
    parts, blobs = taken_out(found)
    light = (*payload[:_PARTS], to_json("parts", list(parts)), *payload[_PARTS + 1 :])
    return light, Load([(0, key) for key in hashes_in(parts)], blobs, told=_told(found))


def _told(parts: Sequence[Part]) -> list[Named]:
    return [
        Named(str(part["blob"]), str(part.get("media_type")), part.get("size"))
        for part in parts
        if part.get("blob") and part.get("data") is None
    ]


def as_json(message: SessionMessage) -> SessionMessage:
    """Return a message whose parts are JSON: bytes as base64 text."""
    return replace(message, parts=as_text(message.parts)) if _carries(message) else message


def stored_hash(key: str) -> bytes | None:
    """Return a hash as it is stored; None for what is none."""
    return bytes.fromhex(key) if _IS_HASH(key) else None


_IS_HASH = re.compile("[0-9a-f]{64}").fullmatch


async def loaded(
    storage: ISessionStorage, session_id: str, messages: Sequence[SessionMessage]
) -> list[SessionMessage]:
    """Return messages of a session with the bytes and schemas that they carry, to be stored in another storage.

    Raises
    ------
    SessionError
        They cannot be read.
    """
    hashes = list(dict.fromkeys(key for message in messages for key in hashes_in(message.parts)))
    blobs = await storage.read_blobs(session_id, hashes) if hashes else {}
    filled = [
        replace(message, parts=tuple(_filled(part, blobs) for part in message.parts))
        if blobs.keys() & hashes_in(message.parts)
        else message
        for message in messages
    ]
    wanted = schemas_named(filled)
    return defined(filled, await storage.read_definitions(session_id, wanted)) if wanted else filled


def schemas_named(messages: Iterable[SessionMessage]) -> list[str]:
    """Return the hashes of the schemas that messages were asked for, each once."""
    facts = (message.request for message in messages)
    return list(dict.fromkeys(one.schema_hash for one in facts if one is not None and one.schema_hash))


def defined(
    messages: Iterable[SessionMessage], definitions: Mapping[str, Definition]
) -> list[SessionMessage]:
    """Return messages with the schemas that they were asked for, as far as those are known."""
    return [
        replace(message, request=replace(facts, definition=definitions[str(facts.schema_hash)]))
        if (facts := message.request) is not None and facts.schema_hash in definitions
        else message
        for message in messages
    ]


def _filled(part: Part, blobs: Mapping[str, bytes]) -> Part:
    data = blobs.get(str(part.get("blob")))
    return part if data is None else {**part, "data": data}


def _carries(message: SessionMessage) -> bool:
    parts: object = getattr(message, "parts", None)  # of another type it is refused when it becomes a row
    return bool(parts) and isinstance(parts, tuple) and _are_mappings(parts) and carry_bytes(parts)


def _are_mappings(parts: tuple[object, ...]) -> bool:
    return all(isinstance(part, Mapping) for part in parts)
