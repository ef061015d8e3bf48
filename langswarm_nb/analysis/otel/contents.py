"""What a request sent and got, in the form that OpenTelemetry's conventions have for messages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from langswarm_nb.analysis import otel_names as names
from langswarm_nb.core.session.conversation.nodes import node_of
from langswarm_nb.core.session.conversation.path import Path
from langswarm_nb.core.session.conversation.sent_context import choose
from langswarm_nb.core.session.interfaces import ISession
from langswarm_nb.core.session.messages import MessageRole, SessionMessage
from langswarm_nb.core.session.parts.blobs import taken_out
from langswarm_nb.core.session.parts.twins import twin
from langswarm_nb.core.session.parts.vocabulary import ATTACHED, Part


async def contents(session: ISession, reply: SessionMessage) -> dict[str, str]:
    """Return the attributes with what was sent for a reply, in its order, and with the reply."""
    sent = await _sent(session, reply)
    system = [message for message in sent if message.role is MessageRole.SYSTEM]
    spoken = [message for message in sent if message.role is not MessageRole.SYSTEM]
    reason = reply.finish_reason or "error"
    answer = _message(reply) | {"finish_reason": names.FINISH_REASONS.get(reason, reason)}
    told = {
        names.SYSTEM_INSTRUCTIONS: [part for message in system for part in _parts(message)],
        names.INPUT_MESSAGES: [_message(message) for message in spoken],
        names.OUTPUT_MESSAGES: [answer],
    }
    return {name: json.dumps(value, ensure_ascii=False) for name, value in told.items() if value}


async def _sent(session: ISession, reply: SessionMessage) -> Sequence[SessionMessage]:
    """Return the messages that went with the request of a reply: those before it that are sent, within the limits."""
    known = {message.seq: message for message in await session.get_messages(branch="all")}
    path: list[SessionMessage] = []
    seq = reply.parent_seq
    while seq is not None:
        path.append(known[seq])
        seq = known[seq].parent_seq
    nodes = [node_of(message, message.seq or 0, message.parent_seq) for message in reversed(path)]
    hidden = {(message.turn, message.version) for message in path if message.is_hidden}
    settings = replace(session.settings, trim="oldest")  # it was sent, so no limit refused it
    context = choose(Path.of(nodes), hidden, settings, alone=reply.beside == "aside")
    return [known[seq] for seq in context.seqs]


def _message(message: SessionMessage) -> dict[str, Any]:
    return {"role": message.role.value, "parts": _parts(message)}


def _parts(message: SessionMessage) -> list[dict[str, Any]]:
    return [_part(part) for part in message.all_parts]


def _part(part: Part) -> dict[str, Any]:
    match part["type"]:
        case "tool_call":
            return {
                "type": "tool_call",
                "id": part["id"],
                "name": part["name"],
                "arguments": _arguments(part["arguments"]),
            }
        case "tool_result":
            return {"type": "tool_call_response", "id": part["tool_call_id"], "response": part["content"]}
        case kind if kind in ATTACHED:
            return _attachment(part)
        case "reasoning":
            return {"type": "reasoning", "content": part["text"]}
        case "text" | "refusal":  # a refusal is what the model answered
            return {"type": "text", "content": part["text"]}
        case kind:
            return {"type": kind, "content": twin(part)}


def _attachment(part: Part) -> dict[str, Any]:
    """Return an attachment by its address or its hash: bytes do not belong into a trace."""
    told = {"modality": part["type"], "mime_type": part.get("media_type")}
    about = {name: value for name, value in told.items() if value is not None}
    if "url" in part:
        return {"type": "uri", **about, "uri": part["url"]}
    hashed, _ = taken_out([part])
    return {"type": "file", **about, "file_id": hashed[0]["blob"]}


def _arguments(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
