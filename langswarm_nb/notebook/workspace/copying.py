"""Take the conversation of another notebook over, into a session of this one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from langswarm_nb.core.session import BaseSession, SessionMessage, SessionRecord
from langswarm_nb.core.session.conversation.copies import copy_of
from langswarm_nb.core.session.messages import new_id
from langswarm_nb.core.session.storage.carried import loaded

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
    if old.user_id != workspace.user_id:  # what another user carries cannot be named, only given
        path = await loaded(source.storage, source.key, path)
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
        await _append(workspace, record, source.session_id, path)
    except BaseException:
        await storage.delete_session(record.session_id)
        raise
    found = await workspace.manager.get_session(record.session_id)
    if found is None:
        raise AssertionError("the session was just stored")
    return found


async def _append(
    workspace: Workspace, record: SessionRecord, source: str, path: Sequence[SessionMessage]
) -> None:
    storage = workspace.manager.storage
    # Their cells stay known, so that a copied cell asks its turn again; they are none that this notebook has asked.
    copies = [replace(copy_of(message, source), source="import", beside=None) for message in path]
    stored = await storage.append_messages(record.session_id, copies)
    hidden = {
        (new.turn, new.version)
        for old, new in zip(path, stored, strict=True)
        if old.is_hidden and new.turn is not None
    }
    for turn, version in sorted(hidden):
        await storage.set_hidden(record.session_id, turn, version, hidden=True)
