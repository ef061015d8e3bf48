"""Texts that stand in the parts of stored messages, as SQL: what tools answered, and what a search looks through."""

from __future__ import annotations

from langswarm_nb.core.session.parts.vocabulary import ATTACHED

_GAP = "char(10, 10)"
_SEARCHED = {
    "tool_result": ("content",),
    "refusal": ("name", "text"),
    "context": ("name", "text"),
    "citation": ("title", "url"),
    "vendor": ("text", "detail"),
    **dict.fromkeys(ATTACHED, ("name", "url")),
}
"""What a search looks through in a part of each type: the twin of `parts.twins.searched`."""


def _texts(parts: str, of_types: dict[str, str]) -> str:
    """Return SQL for the texts of a message's parts, with a blank line between them; NULL when there are none."""
    cases = " ".join(f"WHEN '{kind}' THEN {text}" for kind, text in of_types.items())
    text = f"CASE json_extract(value, '$.type') {cases} END"
    return (
        f"CASE WHEN {parts} IS NOT NULL AND json_valid({parts}) THEN"
        f" (SELECT group_concat({text}, {_GAP}) FROM json_each({parts})) END"
    )


def _joined(names: tuple[str, ...]) -> str:
    """Return SQL for one or two fields of a part; NULL when they are empty."""
    first, *others = (f"json_extract(value, '$.{name}')" for name in names)
    if not others:
        return f"nullif({first}, '')"
    [second] = others
    between = f"CASE WHEN {first} <> '' AND {second} <> '' THEN {_GAP} ELSE '' END"
    return f"nullif(ifnull({first}, '') || {between} || ifnull({second}, ''), '')"


RESULTS = (
    "CASE WHEN instr(parts, 'tool_result') THEN "
    + _texts("parts", {"tool_result": "json_extract(value, '$.content')"})
    + " END"
)
"""The results of tools in a row of ``messages``; JSON without the word is not looked into."""


def full_text(row: str) -> str:
    """Return SQL for all that a row of ``messages`` says, as `SessionMessage.full_text` does."""
    words = _texts(f"{row}.parts", {kind: _joined(names) for kind, names in _SEARCHED.items()})
    gap = f"CASE {row}.content WHEN '' THEN '' ELSE {_GAP} END"
    return f"{row}.content || ifnull({gap} || {words}, '')"
