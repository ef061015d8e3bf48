"""What an item of a response says to somebody who reads it: a line, and the words behind it."""

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

_GOOD = {None, "completed", "in_progress", "searching", "interpreting", "generating"}
_LINES = {
    "image_generation_call": "made a picture",
    "code_interpreter_call": "ran code",
    "shell_call": "ran in a shell",
    "local_shell_call": "asked to run in a shell",
    "shell_call_output": "the shell answered",
    "computer_call": "asked to use the computer",
    "tool_search_call": "searched for tools",
    "program": "ran a program",
    "program_output": "the program ended",
    "compaction": "shortened the conversation",
}
_KNOWN = {
    *_LINES,
    *("web_search_call", "file_search_call", "mcp_call", "mcp_approval_request", "mcp_list_tools"),
    *("apply_patch_call", "tool_search_output"),
}
_OUTPUTS = ("logs", "stdout", "stderr", "text", "url")


def is_known(item: Mapping[str, Any]) -> bool:
    """Return whether an item is of a kind that is described here; others may belong to the model that made them."""
    return item.get("type") in _KNOWN


def line_of(item: Mapping[str, Any]) -> str:
    """Return the line that says what an item is."""
    status = item.get("status")
    ended = "" if status in _GOOD or not isinstance(status, str) else f" ({status})"
    return f"{_line(item)}{ended}"


def _line(item: Mapping[str, Any]) -> str:  # noqa: PLR0911 - one for each type
    kind = str(item.get("type"))
    if kind == "web_search_call":
        return _web_line(_object(item.get("action")))
    if kind == "file_search_call":
        return searched(_list(item.get("queries")), "files")
    if kind in {"mcp_call", "mcp_approval_request"}:
        did = "called" if kind == "mcp_call" else "asked approval:"
        return f"{did} {first_text(item, 'name')} of {first_text(item, 'server_label')} (MCP)"
    if kind == "mcp_list_tools":
        return f"listed the tools of {first_text(item, 'server_label')} (MCP)"
    if kind == "apply_patch_call":
        return f"asked to change {first_text(item.get('operation'), 'path') or 'a file'}"
    if kind == "tool_search_output":
        return f"found tools: {', '.join(name for tool in objects(item.get('tools')) for name in texts(tool, 'name'))}"
    return _LINES.get(kind, kind.replace("_", " "))


def _web_line(action: Mapping[str, Any]) -> str:
    if action.get("type") == "open_page":
        return fetched(action.get("url"), did="opened")
    if action.get("type") == "find_in_page":
        return f'looked for "{first_text(action, "pattern")}" in {fetched(action.get("url"), did="").strip()}'
    return searched([*_list(action.get("queries")), action.get("query")])


def detail_of(item: Mapping[str, Any]) -> str:
    """Return the words behind an item: code and what it printed, what was found, what went wrong."""
    action, operation = _object(item.get("action")), _object(item.get("operation"))
    commands = action.get("commands") or action.get("command")
    return lines(
        texts(item, "code", "revised_prompt", "arguments"),
        texts(operation, "type", "path", "diff"),
        [" ".join(map(str, commands)) if action.get("command") else "\n".join(map(str, commands))]
        if isinstance(commands, list)
        else [],
        texts(action, "url"),
        [found(action.get("sources"), "title", "url")],
        [found(item.get("results"), "title", "filename", "url", "file_id")],
        [found(item.get("tools"), "name", "description")],
        _outputs(item),
        [_error(item.get("error"))],
    )


def _outputs(item: Mapping[str, Any]) -> list[str]:
    told = item.get("outputs") or item.get("output")
    if isinstance(told, str):
        return [told]
    return [
        line
        for output in objects(told)
        for line in [*texts(output, *_OUTPUTS), *_outcome(_object(output.get("outcome")))]
        if not line.startswith("data:")
    ]


def _outcome(outcome: Mapping[str, Any]) -> list[str]:
    if outcome.get("type") == "timeout":
        return ["timeout"]
    return [f"exit code {outcome['exit_code']}"] if outcome.get("exit_code") else []


def _error(error: Any) -> str:
    if not error:
        return ""
    told = " ".join(dict.fromkeys(texts(error, "code", "type", "message"))) or as_words(error)
    return f"error: {told}"


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
