"""What answers a call that waits for us: each kind wants its own form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langswarm_nb.core.session.parts.vocabulary import Part

_YES = {"yes", "y", "true", "ok", "approve", "approved", "allow"}


def call_kinds(items: list[dict[str, Any]]) -> dict[str, str]:
    """Return the kind of each call among items, by the id that it is answered by."""
    return {
        str(item.get("call_id") or item.get("id")): str(item["type"])
        for item in items
        if item.get("type") and ("call_id" in item or "id" in item)
    }


def answer(result: Part, kind: str) -> dict[str, Any]:
    """Return the result of a tool as the answer to a call of a kind."""
    call_id, content, is_bad = result["tool_call_id"], result["content"], bool(result.get("is_error"))
    if kind == "mcp_approval_request":
        return _approval(call_id, content, is_bad=is_bad)
    if kind == "local_shell_call":
        return {"type": "local_shell_call_output", "id": call_id, "output": content}
    if kind == "shell_call":
        told = {"stdout": "" if is_bad else content, "stderr": content if is_bad else ""}
        output = {**told, "outcome": {"type": "exit", "exit_code": int(is_bad)}}
        return {"type": "shell_call_output", "call_id": call_id, "output": [output]}
    if kind == "apply_patch_call":
        status = "failed" if is_bad else "completed"
        return {"type": "apply_patch_call_output", "call_id": call_id, "status": status, "output": content}
    if kind == "tool_search_call":
        tools = _json(content)
        found = tools if isinstance(tools, list) else []
        return {"type": "tool_search_output", "call_id": call_id, "execution": "client", "tools": found}
    kind = kind if kind == "custom_tool_call" else "function_call"
    return {"type": f"{kind}_output", "call_id": call_id, "output": content}


def _approval(call_id: str, content: str, *, is_bad: bool) -> dict[str, Any]:
    """Return whether a call of a server's tool is approved: a yes in words or as JSON, and nothing else."""
    told = _json(content)
    said_yes = told is True or content.strip().lower() in _YES
    if isinstance(told, dict):
        said_yes, content = told.get("approve") is True, str(told.get("reason") or "")
    approve = said_yes and not is_bad
    reason = {} if approve or not content else {"reason": content}
    return {"type": "mcp_approval_response", "approval_request_id": call_id, "approve": approve, **reason}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
