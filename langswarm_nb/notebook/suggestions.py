"""What the line of ``%load_ext`` suggests when nothing is configured; the network is not asked."""

from __future__ import annotations

from collections.abc import Mapping

_BY_VARIABLE = {
    "OPENAI_API_KEY": "openai",
    "ANTHROPIC_API_KEY": "anthropic",
    "GEMINI_API_KEY": "gemini",
    "GOOGLE_API_KEY": "gemini",
    "MISTRAL_API_KEY": "mistral",
    "GROQ_API_KEY": "groq",
    "OPENROUTER_API_KEY": "openrouter",
    "DEEPSEEK_API_KEY": "deepseek",
    "CO_API_KEY": "cohere",
    "OLLAMA_HOST": "ollama",
}
"""Variables that people set for a provider, and its name."""


def suggestion(environment: Mapping[str, str]) -> str:
    """Return how to use a provider that the environment is prepared for; empty when there is none."""
    found = [(name, provider) for name, provider in _BY_VARIABLE.items() if environment.get(name, "").strip()]
    if not found:
        return ""
    variable, provider = found[0]
    return f"{variable} is set: %langswarm use {provider}:…"
