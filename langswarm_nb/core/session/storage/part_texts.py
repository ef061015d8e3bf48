"""Texts that stand in the parts of stored messages, as SQL: what tools answered, and what a search looks through."""

from __future__ import annotations

_RESULT = "WHEN 'tool_result' THEN json_extract(value, '$.content')"
_REFUSAL = "WHEN 'refusal' THEN json_extract(value, '$.text')"


def _texts(parts: str, *of_types: str) -> str:
    """Return SQL for the texts of a message's parts, with a blank line between them; NULL when there are none."""
    text = f"CASE json_extract(value, '$.type') {' '.join(of_types)} END"
    return (
        f"CASE WHEN {parts} IS NOT NULL AND json_valid({parts}) THEN"
        f" (SELECT group_concat({text}, char(10, 10)) FROM json_each({parts})) END"
    )


RESULTS = _texts("parts", _RESULT)
"""The results of tools in a row of ``messages``."""


def full_text(row: str) -> str:
    """Return SQL for all that a row of ``messages`` says, as `SessionMessage.full_text` does."""
    return f"{row}.content || ifnull(char(10, 10) || {_texts(f'{row}.parts', _RESULT, _REFUSAL)}, '')"
