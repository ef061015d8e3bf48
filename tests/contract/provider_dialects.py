"""The dialects that the provider suite holds to its promises: one entry brings a dialect into all of it."""

from __future__ import annotations

from tests.contract import cases_messages, cases_responses
from tests.contract.provider_cases import CHAT, RECORDED_CHAT, Dialect, RecordedApi

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect for dialect in (CHAT, cases_responses.RESPONSES, cases_messages.MESSAGES)
}
RECORDED_APIS: dict[str, RecordedApi] = {
    "chat.completions": RECORDED_CHAT,
    "conversations+responses": cases_responses.RECORDED,
    "responses": cases_responses.RECORDED,
    "messages": cases_messages.RECORDED,
}
"""API of a recording -> how to read it; one entry brings all its cases in."""
