"""What the services take of JSON schemas in their strict modes: one table."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_STRUCTURE = frozenset(
    {"type", "enum", "const", "anyOf", "properties", "required", "items", "$ref", "description"}
)
_LIMITS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What one service takes."""

    vendor: str
    """How it is called in errors."""
    kept: frozenset[str] = frozenset()
    """Words that it takes; others move into the description."""
    formats: frozenset[str] | None = None
    """Formats that it takes; None for all."""
    pattern_without: re.Pattern[str] | None = None
    """What a pattern may not have."""
    is_closed: bool = False
    """Whether an object has the properties that are named, and no others."""
    is_named_closed: bool = False
    """Whether an object has no others than the properties that are named, where any are."""
    is_all_required: bool = False
    """Whether every property is required: an optional one may be null instead."""
    needs_type: bool = False
    """Whether every schema, and every list, says what it is of."""
    is_inlined: bool = False
    """Whether `$ref` is not followed."""
    cycles: str = "all"
    """Where a schema may contain itself: ``all``, ``optional`` properties only, or ``none``."""
    needs_required: bool = False
    """Whether every object has at least one required property."""
    min_items: frozenset[int] | None = None
    """Values of ``minItems`` that it takes; None for all."""
    most: dict[str, int] = field(default_factory=dict)
    """Limits: ``levels`` of objects and lists, ``properties``, ``choices``, ``optional`` properties, ``unions``."""


_OPENAI = Rules(
    vendor="OpenAI's strict mode",
    kept=_STRUCTURE | _LIMITS | {"pattern", "format", "minItems", "maxItems"},
    formats=_FORMATS,
    pattern_without=re.compile(r"\(\?<?[=!]"),
    is_closed=True,
    is_all_required=True,
    needs_type=True,
    most={"levels": 10, "properties": 5_000, "choices": 1_000},
)
_INLINED = {**vars(_OPENAI), "is_inlined": True, "cycles": "none"}

RULES: dict[str, Rules | None] = {
    "openai": _OPENAI,
    "openai-inlined": Rules(**_INLINED),
    "groq": Rules(**{**_INLINED, "vendor": "Groq's strict mode"}),
    "anthropic": Rules(
        vendor="Anthropic's structured output",
        kept=_STRUCTURE | {"allOf", "format", "minItems"},
        formats=_FORMATS | {"uri"},
        is_closed=True,
        needs_type=True,
        cycles="none",
        min_items=frozenset({0, 1}),
        most={"optional": 24, "unions": 16},
    ),
    "gemini": Rules(
        vendor="Gemini's structured output",
        kept=(_STRUCTURE - {"const"})
        | {
            "format", "prefixItems", "minItems", "maxItems", "minimum", "maximum", "oneOf", "additionalProperties",
        },
        cycles="optional",
    ),
    "mistral": Rules(
        vendor="Mistral's strict mode",
        is_named_closed=True,
        kept=_STRUCTURE
        | _LIMITS
        | {"allOf", "oneOf", "pattern", "format", "minItems", "maxItems", "minLength", "maxLength", "prefixItems",
           "uniqueItems", "additionalProperties"},
    ),
    "cohere": Rules(
        vendor="Cohere's structured output",
        kept=_STRUCTURE | {"pattern", "format", "additionalProperties"},
        formats=frozenset({"date-time", "date", "time", "uuid"}),
        pattern_without=re.compile(r"[\^$]|\(\?<?[=!]"),
        needs_required=True,
    ),
    "ollama": None,
    "plain": None,
}  # fmt: skip
"""Name of a form -> its rules; None where a schema goes as it is."""
