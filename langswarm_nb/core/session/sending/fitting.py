"""What is sent, as a model takes it: attachments with their bytes, and a text in the place of what it does not take."""

from __future__ import annotations

import base64
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from langswarm_nb.core.session.errors import AttachmentError, SessionValueError
from langswarm_nb.core.session.messages import SessionMessage
from langswarm_nb.core.session.parts.blobs import hashes_in, put_back
from langswarm_nb.core.session.parts.twins import twin
from langswarm_nb.core.session.parts.vocabulary import ATTACHED

if TYPE_CHECKING:
    from langswarm_nb.core.session.message_tree import MessageTree
    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.core.session.provider_events import Intake
    from langswarm_nb.core.session.settings import SessionSettings

_CHANGED = {*ATTACHED, "context", "vendor"}


async def fitted(
    messages: Sequence[SessionMessage], intake: Intake, provider: str, session: MessageTree
) -> list[SessionMessage]:
    """Return messages of a session as a model takes them; the bytes of what it takes are read.

    Parameters
    ----------
    intake : Intake
        What it takes.
    provider : str
        Name of its service: what only that understands goes back to it alone.
    """
    fit = [_fit(message, intake, provider) for message in messages]
    hashes = hashes_in(part for message in fit for part in message.parts if part["type"] in ATTACHED)
    if not hashes:
        return fit
    blobs = await session.storage.read_blobs(session.key, hashes)
    return [_with_bytes(message, blobs.keys() & hashes_in(message.parts), blobs) for message in fit]


def _fit(message: SessionMessage, intake: Intake, provider: str) -> SessionMessage:
    if not any(part["type"] in _CHANGED for part in message.parts):
        return message
    parts = [kept for part in message.all_parts for kept in _taken(part, intake, provider)]
    if not any(part["type"] not in ("reasoning", "citation") for part in parts):
        # A turn that says nothing would be refused.
        parts += [{"type": "text", "text": twin(part)} for part in message.parts if part["type"] == "vendor"]
    return replace(message, parts=tuple(parts))


def _taken(part: Part, intake: Intake, provider: str) -> list[Part]:
    kind = part["type"]
    if kind == "vendor":
        return [part] if part["provider"] == provider else []
    if kind == "context" or (kind in ATTACHED and not takes(intake, part)):
        return [{"type": "text", "text": twin(part)}]
    if isinstance(part.get("data"), bytes):  # fetched for this request alone
        return [{**part, "data": base64.b64encode(part["data"]).decode("ascii")}]
    return [part]


def takes(intake: Intake, attachment: Part) -> bool:
    """Tell whether a model takes an attachment as it is."""
    if "url" in attachment:
        return attachment["type"] in intake.addresses
    return intake.takes(attachment["media_type"])


def _with_bytes(message: SessionMessage, there: Collection[str], blobs: dict[str, bytes]) -> SessionMessage:
    return replace(message, parts=put_back(message.parts, blobs)) if there else message


async def settled(message: SessionMessage, intake: Intake) -> SessionMessage:
    """Return a question whose attachments are known: those that the model does not take as an address are fetched.

    Raises
    ------
    AttachmentError
        An address cannot be fetched.
    """
    if all("url" not in part or takes(intake, part) for part in message.attachments):
        return message
    from langswarm_nb.core.session.attachments.fetching import fetched  # few messages need it

    parts = [
        part
        if part["type"] not in ATTACHED or "url" not in part or takes(intake, part)
        else await fetched(part)
        for part in message.parts
    ]
    return replace(message, parts=tuple(parts))


def check_taken(
    message: SessionMessage, tools: Sequence[str], intake: Intake, settings: SessionSettings
) -> None:
    """Check that a model takes what a question carries, and that its service has the tools that are asked for.

    Raises
    ------
    AttachmentError
        It does not take an attachment, or all of them together are too large.
    SessionValueError
        There is no such tool.
    """
    missing = [tool for tool in tools if tool not in intake.tools]
    if missing:
        raise SessionValueError.of("tools", missing[0], intake.tools)
    refused = [part for part in message.attachments if not takes(intake, part)]
    if refused:
        raise AttachmentError(
            f"{settings.provider}:{settings.model} does not take {twin(refused[0])}. Nothing was stored or sent."
        )
