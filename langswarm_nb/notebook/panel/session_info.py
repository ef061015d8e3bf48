"""What the panel shows about its session beside the messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session import BaseSession, SessionMessage, SessionStatus
from langswarm_nb.core.session.conversation.titles import title_beside
from langswarm_nb.core.session.providers.catalogue import OFFLINE_PROVIDERS
from langswarm_nb.notebook.showing.amounts import dollars_text

from .message_items import context_text, numbers

if TYPE_CHECKING:
    from .feed import Feed
    from .rules import Budget

OPTIONS = ("temperature", "top_p", "max_tokens", "max_context_tokens")
"""Settings that the panel offers as numbers."""
EXPORTS = ("md", "html", "ipynb", "jsonl", "csv")
"""Forms in which the panel writes a session to a file."""
_ID_CHARS = 8


def session_name(session: BaseSession) -> str:
    """Return what people call a session."""
    return session.title or session.session_id[:_ID_CHARS]


def model_name(session: BaseSession) -> str:
    """Return ``provider:model``."""
    return f"{session.provider}:{session.model}"


def session_info(feed: Feed, budget: Budget | None) -> dict[str, Any]:
    """Return the facts for header, menu and footer."""
    session, settings = feed.session, feed.session.settings
    last = next((message for message in reversed(feed.path) if message.request is not None), None)
    used, limit, share = context_text(last, settings.max_context_tokens)
    return {
        "sessionId": session.session_id,
        "name": f"{session_name(session)} (deleted)" if feed.is_deleted else session_name(session),
        "title": title_beside(session.title, session.record.home, feed.family.first_question),
        "model": model_name(session),
        "offline": session.provider in OFFLINE_PROVIDERS,
        "archived": session.status is SessionStatus.ARCHIVED,
        "branch": session.record.branch,
        "branches": feed.branches,
        "system": feed.system,
        "options": {name: getattr(settings, name) for name in OPTIONS},
        "contextUsed": used,
        "contextLimit": limit,
        "contextShare": share,
        "last": _last_text(last),
        "total": feed.family.totals.text,
        "budget": None if budget is None else _budget(budget),
        "exports": list(EXPORTS),
    }


def _budget(budget: Budget) -> dict[str, Any]:
    left = max(0.0, budget.left_usd)
    return {
        "text": f"{dollars_text(left)} of {dollars_text(budget.limit_usd)} left",
        "share": left / budget.limit_usd if budget.limit_usd > 0 else 0.0,
    }


def _last_text(message: SessionMessage | None) -> str:
    if message is None or message.request is None:
        return ""
    return " · ".join(part for part in numbers(message.request) if part)
