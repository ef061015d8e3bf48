"""The dialects that the provider suite holds to its promises: one entry brings a dialect into all of it."""

from __future__ import annotations

from tests.contract import (
    cases_cohere,
    cases_gemini,
    cases_messages,
    cases_mistral,
    cases_ollama,
    cases_responses,
)
from tests.contract.provider_cases import CHAT, RECORDED_CHAT, Dialect, RecordedApi

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        CHAT,
        cases_responses.RESPONSES,
        cases_messages.MESSAGES,
        cases_gemini.GEMINI,
        cases_gemini.INTERACTIONS,
        cases_mistral.MISTRAL,
        cases_mistral.CONVERSATIONS,
        cases_cohere.COHERE,
        cases_ollama.OLLAMA,
    )
}
RECORDED_APIS: dict[str, RecordedApi] = {
    "chat.completions": RECORDED_CHAT,
    "conversations+responses": cases_responses.RECORDED,
    "responses": cases_responses.RECORDED,
    "messages": cases_messages.RECORDED,
    "generateContent": cases_gemini.RECORDED_GENERATE,
    "streamGenerateContent": cases_gemini.RECORDED_GENERATE,
    "interactions": cases_gemini.RECORDED_INTERACTIONS,
    "mistral/chat.completions": cases_mistral.RECORDED_CHAT,
    "v2/chat": cases_cohere.RECORDED,
    "api/chat": cases_ollama.RECORDED,
}
"""API of a recording, with or without its provider -> how to read it; one entry brings all its cases in."""
