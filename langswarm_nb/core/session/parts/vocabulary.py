"""The vocabulary of parts: which types there are, and what each needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Part: TypeAlias = Mapping[str, Any]
"""One piece of a message, JSON in one vocabulary for all providers.

``{"type": "text", "text": str}``;
``{"type": "image"}``, ``{"type": "file"}`` and ``{"type": "audio"}``, an *attachment*: with ``url``, or with
``media_type`` and ``data`` (bytes, or their base64 text) or, once it is stored, ``blob`` (SHA-256 of the bytes, in
hexadecimal); further ``name`` (data, not a path), ``size`` (bytes), ``width`` and ``height`` (pixels), ``pages``,
``detail`` ("low", "high"), ``note`` (what was done to it);
``{"type": "tool_call", "id": str, "name": str, "arguments": JSON text}``;
``{"type": "tool_result", "tool_call_id": str, "name"?: str, "content": str, "is_error"?: bool}``;
``{"type": "reasoning", "text": str, "opaque"?: JSON}`` (thinking; ``opaque`` goes back to its provider unchanged);
``{"type": "refusal", "text": str}``;
``{"type": "citation"}``: a source, with ``url`` or ``title``; further ``quote`` (what it says), ``start`` and ``end``
(characters of the message's content that it is the source of, the end excluded);
``{"type": "vendor", "provider": str, "kind": str, "opaque": JSON}``: what only its provider understands, and which
goes back to it unchanged; further ``text`` (one line that says what it is) and ``detail`` (what it found or printed);
``{"type": "context", "text": str, "name"?: str}``: text that the user's tools added, such as the output of a cell.
"""
ATTACHED = ("image", "file", "audio")
"""Types of attachments."""
_BYTES = (("url",), ("media_type", "data"), ("media_type", "blob"))
PART_KEYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "text": (("text",),),
    **dict.fromkeys(ATTACHED, _BYTES),
    "tool_call": (("id", "name", "arguments"),),
    "tool_result": (("tool_call_id", "content"),),
    "reasoning": (("text",),),
    "refusal": (("text",),),
    "citation": (("url",), ("title",)),
    "vendor": (("provider", "kind"),),
    "context": (("text",),),
}
"""The fields that a part of each type needs, in one or several alternative sets; all are text, except ``data``."""
