"""A schema in the form that a service holds its model to, and the way back from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .answer_schema import AnswerSchema

FORMS = ("openai", "anthropic", "gemini", "mistral", "cohere", "ollama", "groq", "plain")


@dataclass(frozen=True)
class StrictForm:
    """A schema as a service takes it, and how what it answers becomes a value of the user's schema."""

    schema: Mapping[str, Any]
    """JSON schema of an object."""
    restored: Callable[[Any], Any]
    """Takes what the form added out of an answer again."""


def strict_form(schema: AnswerSchema, form: str) -> StrictForm:
    """Return a schema in the form of a service's rules.

    Parameters
    ----------
    schema : AnswerSchema
        What the answer has to be.
    form : str
        One of `FORMS`.

    Raises
    ------
    SchemaRouteError
        It has none: the reason says why.
    """
    return StrictForm(schema.asked, lambda data: data)
