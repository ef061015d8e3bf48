"""What a block of a message says to somebody who reads it: a line, and the words behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.providers._dialect.vendor_items import (
    as_words,
    fetched,
    first_text,
    found,
    lines,
    objects,
    searched,
    texts,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_CODE = {"code_execution", "bash_code_execution", "text_editor_code_execution"}
_RESULT = "_tool_result"
_INPUTS = ("code", "command", "path", "file_text", "old_str", "new_str", "url", "query", "pattern")


def line_of(block: Mapping[str, Any]) -> str:  # noqa: PLR0911 - one for each type
    """Return the line that says what a block is."""
    kind, told = str(block.get("type")), block.get("input")
    if kind == "server_tool_use":
        return _call_line(first_text(block, "name"), told if isinstance(told, dict) else {})
    if kind == "mcp_tool_use":
        return f"called {first_text(block, 'name')} of {first_text(block, 'server_name')} (MCP)"
    if kind.endswith(_RESULT):
        return _result_line(kind.removesuffix(_RESULT), block)
    if kind == "container_upload":
        return f"took over the file {first_text(block, 'file_id')}"
    if kind == "compaction":
        return "shortened the conversation"
    if kind == "fallback":
        return f"{first_text(block.get('to'), 'model') or 'another model'} took over"
    return kind.replace("_", " ")


def _call_line(name: str, told: Mapping[str, Any]) -> str:
    if name == "web_search":
        return searched([told.get("query")])
    if name == "web_fetch":
        return fetched(told.get("url"))
    if name == "text_editor_code_execution":
        return f"edited {first_text(told, 'path') or 'a file'}"
    if name in _CODE:
        return "ran code"
    if name.startswith("tool_search"):
        return searched([told.get("query"), told.get("pattern")], "its tools")
    return "asked the advisor" if name == "advisor" else f"used {name.replace('_', ' ')}"


def _result_line(name: str, block: Mapping[str, Any]) -> str:  # noqa: PLR0911 - one for each tool
    content = block.get("content")
    if error := first_text(content, "error_code"):
        return f"{name.replace('_', ' ')} failed: {error}"
    if name == "web_search":
        n_pages = len(objects(content))
        return f"found {n_pages} page{'s' * (n_pages != 1)}"
    if name == "web_fetch":
        return fetched(first_text(content, "url"), did="got")
    if name in _CODE:
        code = content.get("return_code") if isinstance(content, dict) else None
        return "the code ended" + (f" with {code}" if code else "")
    if name == "mcp":
        return "the tool failed" if block.get("is_error") else "the tool answered"
    if name == "tool_search":
        return "found tools"
    return "the advisor answered" if name == "advisor" else f"result of {name.replace('_', ' ')}"


def detail_of(block: Mapping[str, Any]) -> str:
    """Return the words behind a block: code and what it printed, what was found, what went wrong."""
    told, content = block.get("input"), block.get("content")
    if isinstance(told, dict) and told:
        words = texts(told, *_INPUTS)
        return lines(words) if words else as_words(told)
    if isinstance(content, str):
        return content
    if block.get("type") == "fallback":
        return f"from {first_text(block.get('from'), 'model')} to {first_text(block.get('to'), 'model')}"
    return lines(
        texts(content, "error_code", "error_message") if isinstance(content, dict) else [],
        texts(content, "url", "stdout", "stderr", "text") if isinstance(content, dict) else [],
        [found(content, "title", "url", "file_id", "text")] if isinstance(content, list) else [],
        [
            found(_inner(content, "content"), "file_id"),
            found(_inner(content, "tool_references"), "tool_name"),
        ],
    )


def _inner(content: object, name: str) -> object:
    return content.get(name) if isinstance(content, dict) else None
