"""Tools that Anthropic has for its models, in the newest version that a model takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_RUNS_PLAIN_CODE = r"(?:.*[/.])?claude-(?:[123].*|(?:opus|sonnet|haiku)-4(?:-[0-5])?(?:-(?:\d{8}|latest).*)?)"
"""Models that know the first version of running code only."""
_DIRECT = {"allowed_callers": ["direct"]}
"""The model searches by itself, not from code that it runs, so that its sources are reported."""


def tools_of(model: str) -> Mapping[str, Mapping[str, Any]]:
    """Return our names of the tools, and what they are called for a model."""
    code = "20250825" if re.fullmatch(_RUNS_PLAIN_CODE, model) else "20260521"
    return {
        "web_search": {"type": "web_search_20260318", "name": "web_search", **_DIRECT},
        "web_fetch": {
            "type": "web_fetch_20260318",
            "name": "web_fetch",
            "citations": {"enabled": True},
            **_DIRECT,
        },
        "code_interpreter": {"type": f"code_execution_{code}", "name": "code_execution"},
    }
