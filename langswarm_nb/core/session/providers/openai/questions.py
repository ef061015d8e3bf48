"""What a question says to Responses, with what it carries; and the tools that the service has for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.providers._dialect.attachments import (
    address_or_data,
    data_url,
    file_name,
    sendable,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langswarm_nb.core.session.parts.vocabulary import Part

TOOLS: dict[str, dict[str, Any]] = {
    "web_search": {"type": "web_search"},
    "code_interpreter": {"type": "code_interpreter", "container": {"type": "auto"}},
    "image_generation": {"type": "image_generation"},
    "x_search": {"type": "x_search"},  # xAI's
}
"""Our name of a tool -> the service's tool."""
FULL_DATA = {
    "web_search": "web_search_call.action.sources",
    "code_interpreter": "code_interpreter_call.outputs",
}
"""What of a tool's work is reported only on request."""


def wire_content(parts: Sequence[Part]) -> str | list[dict[str, Any]]:
    """Return what a user says: plain text when there is nothing else.

    Files that are text go inline: as files the service reads no more than the beginning of a table.
    """
    pieces = [piece for part in sendable(parts, "image", "file") for piece in _piece(part)]
    if all(piece["type"] == "input_text" for piece in pieces):
        return "\n\n".join(piece["text"] for piece in pieces)
    return pieces


def _piece(part: Part) -> list[dict[str, Any]]:
    match part["type"]:
        case "text":
            return [{"type": "input_text", "text": part["text"]}]
        case "image":
            detail = part.get("detail") or "auto"
            return [{"type": "input_image", "image_url": address_or_data(part), "detail": detail}]
        case "file" if "url" in part:
            return [{"type": "input_file", "file_url": part["url"]}]
        case "file":
            return [{"type": "input_file", "filename": file_name(part), "file_data": data_url(part)}]
    return []
