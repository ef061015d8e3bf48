"""Take the conversation of another notebook over, into a session of this one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from langswarm_nb.core.session import BaseSession, SessionMessage, SessionRecord
from langswarm_nb.core.session.messages import RequestFacts, new_id

if TYPE_CHECKING:
    from . import Workspace


async def copy_here(workspace: Workspace, source: BaseSession) -> BaseSession:
    """Return a new session of this notebook that goes on from the path of another.

    Answers keep their text and model, and carry no tokens and no cost: those were counted where they were asked.

    Raises
    ------
    SessionError
        The other could not be read, or the new one not be stored; nothing is left of it then.
    """
    home = await workspace.home()
    path = await source.get_messages()
    old = await source.refresh()
    record = SessionRecord(
        session_id=new_id(),
        user_id=workspace.user_id,
        settings=old.settings,
        title=await workspace.free_label(workspace.label_of(source), home),
        home=home,
        metadata={"copied_from": source.session_id},
    )
    storage = workspace.manager.storage
    await storage.create_session(record)
    try:
        await _append(workspace, record, path)
    except BaseException:
        await storage.delete_session(record.session_id)
        raise
    found = await workspace.manager.get_session(record.session_id)
    if found is None:
        raise AssertionError("the session was just stored")
    return found


async def _append(workspace: Workspace, record: SessionRecord, path: Sequence[SessionMessage]) -> None:
    storage = workspace.manager.storage
    stored = await storage.append_messages(record.session_id, [_copied(message) for message in path])
    hidden = {
        (new.turn, new.version)
        for old, new in zip(path, stored, strict=True)
        if old.is_hidden and new.turn is not None
    }
    for turn, version in sorted(hidden):
        await storage.set_hidden(record.session_id, turn, version, hidden=True)


def _copied(message: SessionMessage) -> SessionMessage:
    """Return a message as a new session keeps it; its cell stays known, so that a copied cell asks it again."""
    facts = message.request
    return SessionMessage(
        role=message.role,
        content=message.content,
        parts=message.parts,
        timestamp=message.timestamp,
        metadata={**message.metadata, "copied_from": message.id},
        finish_reason=message.finish_reason,
        source="import",
        cell_id=message.cell_id,
        ask=message.ask,
        scope=message.scope,
        request=None if facts is None else _without_use(facts),
    )


def _without_use(facts: RequestFacts) -> RequestFacts:
    kept = RequestFacts(facts.provider, facts.request_model, facts.model, params=facts.params)
    return replace(
        kept,
        status=facts.status,
        error_type=facts.error_type,
        error_message=facts.error_message,
        provider_finish_reason=facts.provider_finish_reason,
    )
