"""The sessions that a panel offers, and the messages that a search over all of them finds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from langswarm_nb.core.session import (
    BaseSession,
    MessageRole,
    SearchHit,
    SessionManager,
    SessionMessage,
    SessionStatus,
)
from langswarm_nb.core.session.conversation.homes import file_name
from langswarm_nb.core.session.conversation.titles import title_beside

from .session_info import session_name

Choice = dict[str, Any]

MAX_SESSIONS = 500
MAX_FOUND = 20
_ARCHIVED = "Archived"
_FOUND = "In messages"
_ROLES = {MessageRole.USER: "you", MessageRole.SYSTEM: "system prompt", MessageRole.TOOL: "tool"}


async def session_choices(manager: SessionManager, current: BaseSession) -> list[Choice]:
    """Return the sessions of a user, the last used first, and behind them those that were archived."""
    sessions = await manager.list_user_sessions(current.user_id, limit=MAX_SESSIONS)
    questions = await manager.storage.list_first_questions(
        user_id=current.user_id, among=[session.session_id for session in sessions]
    )
    choices = [_session_choice(session, current, questions) for session in sessions]
    return sorted(choices, key=lambda choice: "group" in choice)


def _session_choice(session: BaseSession, current: BaseSession, questions: dict[str, str]) -> Choice:
    name, record = session_name(session), session.record
    title = title_beside(session.title, record.home, questions.get(session.session_id, ""))
    is_current = session.session_id == current.session_id
    is_away = session.status is SessionStatus.ARCHIVED and not is_current
    count = record.message_count
    facts = [
        _home_text(session, current),
        "1 message" if count == 1 else f"{count} messages",
        _time_text(record.updated_at),
    ]
    return {
        "value": session.session_id,
        "label": title or name,
        "name": name if title else "",
        "hint": ", ".join(fact for fact in facts if fact),
        "current": is_current,
        **({"group": _ARCHIVED} if is_away else {}),
    }


async def found_choices(manager: SessionManager, current: BaseSession, text: str) -> list[Choice]:
    """Return the messages of all sessions of a user that hold all words of a text, the newest first."""
    hits = await manager.search_messages(text, user_id=current.user_id, limit=MAX_FOUND)
    if not hits:
        return []
    ids = dict.fromkeys(hit.session_id for hit in hits)
    sessions = [await manager.get_session(found, user_id=current.user_id) for found in ids]
    known = {session.session_id: session for session in sessions if session is not None}
    questions = await manager.storage.list_first_questions(user_id=current.user_id, among=list(known))
    return [
        _found_choice(hit, known[hit.session_id], current, questions)
        for hit in hits
        if hit.session_id in known
    ]


def _found_choice(
    hit: SearchHit, session: BaseSession, current: BaseSession, questions: dict[str, str]
) -> Choice:
    title = title_beside(session.title, session.record.home, questions.get(hit.session_id, ""))
    who = _ROLES.get(hit.message.role, "model")
    facts = [
        "archived" if session.status is SessionStatus.ARCHIVED else "",
        _home_text(session, current),
        who,
        _time_text(hit.message.timestamp),
    ]
    return {
        "value": hit.session_id,
        "message": hit.message.id,
        "label": title or session_name(session),
        "hint": ", ".join(fact for fact in facts if fact),
        "snippet": hit.snippet,
        "group": _FOUND,
    }


def elsewhere(message: SessionMessage) -> dict[str, Any]:
    """Return where a message is that is not in the conversation shown, and whether that could go on from there."""
    place = f" ({message.address})" if message.address else ""
    if message.beside == "aside":
        return {
            "told": f"The message{place} was asked outside the conversation. `%langswarm show --all` shows it.",
            "version": False,
        }
    return {"told": f"The message{place} is in a version or branch that is not shown.", "version": True}


def _home_text(session: BaseSession, current: BaseSession) -> str:
    home = session.record.home
    return "" if home is None or home == current.record.home else file_name(home)


def _time_text(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"
