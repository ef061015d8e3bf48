"""A schema in words for a model, and what is wrong with an answer that does not fit it."""

from __future__ import annotations

import json
from collections.abc import Iterable

from .answer_schema import AnswerSchema

_MOST_PROBLEMS = 20


def told(schema: AnswerSchema) -> str:
    """Return the words that ask for an answer of a schema, with the JSON schema."""
    asked = json.dumps(schema.asked, ensure_ascii=False, separators=(",", ":"))
    return (
        "Answer with one JSON object that fits this JSON schema, and with nothing else: "
        f"no words around it, no code block.\n{asked}"
    )


def told_wrong(problems: Iterable[str]) -> str:
    """Return the words that ask once more, after an answer that did not fit; of many problems the first 20."""
    listed = list(problems)
    lines = [f"- {problem}" for problem in listed[:_MOST_PROBLEMS]]
    if len(listed) > _MOST_PROBLEMS:
        lines.append(f"- and {len(listed) - _MOST_PROBLEMS} more")
    return (
        "The answer does not fit the JSON schema:\n"
        + "\n".join(lines)
        + "\nAnswer again: the whole JSON, corrected, and nothing else."
    )
