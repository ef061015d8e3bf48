"""Messages as the page shows them: JSON with text, safe HTML, versions, and a line of facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langswarm_nb.core.session import MessageRole, RequestFacts, SessionMessage, Usage
from langswarm_nb.notebook.showing.amounts import (
    ROUTES,
    cost_usd,
    count_text,
    dollars_text,
    price_text,
    seconds_text,
    tokens_text,
)

from .attachment_chips import chips


class Family:
    """All messages of a session by what they follow: who is whose version."""

    def __init__(self) -> None:
        self._siblings: dict[tuple[str, int | None], list[SessionMessage]] = {}
        self.next_seq: int = 0
        """`seq` of the first message that is not known."""
        self.totals: Totals = Totals()
        self.first_question: str = ""

    def add(self, messages: Sequence[SessionMessage]) -> None:
        """Take in messages that were stored after those known, in order of storing."""
        for message in messages:
            self._siblings.setdefault(_family_of(message), []).append(message)
            if message.role is MessageRole.USER and not self.first_question:
                self.first_question = message.content
            self.totals.add(message)
            self.next_seq = max(self.next_seq, (message.seq or 0) + 1)

    def place(self, message: SessionMessage) -> tuple[int, int, str | None, str | None]:
        """Return the number of a message among its versions, their count, and the ids of its neighbours."""
        versions = self._siblings.get(_family_of(message), [])
        ids = [version.id for version in versions]
        if message.id not in ids:
            return 1, 1, None, None
        at = ids.index(message.id)
        return at + 1, len(ids), ids[at - 1] if at else None, ids[at + 1] if at + 1 < len(ids) else None


def _family_of(message: SessionMessage) -> tuple[str, int | None]:
    """Return what the versions of a message share: questions their turn, answers their question."""
    is_question = message.role is MessageRole.USER
    return message.role.value, message.turn if is_question else message.parent_seq


class Totals:
    """Tokens, seconds and dollars of a session, all branches."""

    def __init__(self) -> None:
        self.requests: int = 0
        self.usage: Usage = Usage()
        self.duration_s: float = 0.0
        self.cost_usd: float | None = 0.0
        """None when the price of one is not known."""
        self._is_priced = False

    def add(self, message: SessionMessage) -> None:
        """Count a message in."""
        facts = message.request
        if facts is None or not facts.attempts:  # of a copied answer none was made here
            return
        self.requests += 1
        self.duration_s += facts.duration_s or 0.0
        self.usage = Usage(
            input_tokens=_sum(self.usage.input_tokens, facts.usage.input_tokens),
            output_tokens=_sum(self.usage.output_tokens, facts.usage.output_tokens),
        )
        cost = cost_usd(facts)
        if price_text(facts.provider, cost):
            self._is_priced = True
            self.cost_usd = None if cost is None or self.cost_usd is None else self.cost_usd + cost

    @property
    def text(self) -> str:
        """One line; empty before the first request."""
        if not self.requests:
            return ""
        parts = [tokens_text(self.usage, None), f"{self.duration_s:.1f} s"]
        if self._is_priced:
            parts.append(dollars_text(self.cost_usd))
        return " · ".join(part for part in parts if part)


def message_item(
    message: SessionMessage,
    place: tuple[int, int, str | None, str | None],
    html: str | None,
    thinking: str,
    told: Sequence[str] = (),
    carried: str = "",
) -> dict[str, Any]:
    """Return a message for the page.

    Parameters
    ----------
    message : SessionMessage
        As it is stored.
    place : tuple
        As `Family.place` returns it.
    html : str or None
        Its text as safe HTML; None shows it as plain text.
    thinking : str
        The model's thinking as safe HTML.
    told : sequence of str
        What its reader should know of where it went and what was sent.
    carried : str
        What else it carries, such as searches and sources, as safe HTML.
    """
    facts = message.request
    note = "" if facts is None else facts_text(facts, message.finish_reason)
    return {
        "id": message.id,
        "role": message.role.value,
        "text": message.content,
        "html": html,
        "thinking": thinking,
        "version": list(place),
        "hidden": message.is_hidden,
        "status": "ok" if facts is None else facts.status,
        "note": " · ".join(part for part in (note, note and f"turn {message.address}", *told) if part),
        "error": "" if facts is None or facts.status != "error" else facts.error_message or "",
        "at": round(message.timestamp.timestamp() * 1000),
        **({"attached": chips(message.attachments)} if message.attachments else {}),
        **({"carried": carried} if carried else {}),
    }


def facts_text(facts: RequestFacts, finish_reason: str | None) -> str:
    """Return who answered, how it ended when that is unusual, tokens, seconds and money, in one line."""
    endings = {"length": "cut at the token limit", "content_filter": "withheld by the content filter"}
    parts = [
        facts.model_id,
        endings.get(finish_reason or "", ""),
        *numbers(facts),
        ROUTES.get(str(facts.details.get("route")), ""),
    ]
    return " · ".join(part for part in parts if part)


def numbers(facts: RequestFacts) -> list[str]:
    """Return tokens, seconds and money of one request; of the copy of an answer, that it is one."""
    if not facts.attempts:
        return ["copied"]
    money = price_text(facts.provider, cost_usd(facts))
    return [tokens_text(facts.usage, facts.tokens_source), seconds_text(facts), money]


def context_text(message: SessionMessage | None, limit: int | None) -> tuple[str, str, float | None]:
    """Return tokens of the last request, the limit, and the share, as the meter shows them."""
    usage = None if message is None else message.usage
    used = None if usage is None else usage.total_tokens
    if used is None:
        return "", "", None
    return _short(used), "" if limit is None else _short(limit), None if limit is None else used / limit


def _short(tokens: int) -> str:
    return f"{tokens / 1000:.1f}k" if len(str(tokens)) == len("1000") else count_text(tokens)


def _sum(total: int | None, count: int | None) -> int | None:
    return total if count is None else (total or 0) + count
