"""`Load`: the bytes and schemas that messages carry, taken out of them before they become rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from langswarm_nb.core.session.messages import MessageRole, RequestFacts, SessionMessage
from langswarm_nb.core.session.parts.blobs import Blob, as_text, carry_bytes, hashes_in, taken_out
from langswarm_nb.core.session.values import to_json

from .rows import MESSAGE_COLUMNS, Row

if TYPE_CHECKING:
    from langswarm_nb.core.session.answers.definition import Definition
    from langswarm_nb.core.session.interfaces import Bounds, ISessionStorage
    from langswarm_nb.core.session.parts.vocabulary import Part

_PARTS = MESSAGE_COLUMNS.index("parts")


class Load(NamedTuple):
    """What messages carry: most carry nothing."""

    links: Sequence[tuple[int, str]] = ()
    """Places of messages among those that are stored, from 0, with the hashes of what each carries."""
    blobs: Mapping[str, Blob] = {}
    """What came with them, by hash."""
    definitions: Sequence[Definition] = ()
    """The schemas that came with them, each once."""

    @property
    def named(self) -> list[str]:
        """The hashes whose bytes did not come: a message of the same user carries them already, or it is refused."""
        return list(dict.fromkeys(key for _, key in self.links if key not in self.blobs))


NOTHING = Load()


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
    return light, Load(links, blobs, definitions)


def definitions_of(messages: Iterable[SessionMessage]) -> list[Definition]:
    """Return the schemas that come with messages, each once."""
    facts = (getattr(message, "request", None) for message in messages)  # of another type it is refused later
    found = (one.definition for one in facts if isinstance(one, RequestFacts) and one.definition is not None)
    return list(dict.fromkeys(found))


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
    return light, Load([(0, key) for key in hashes_in(parts)], blobs)


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
