"""What a reader can ask for in the panel, by the type of the message that the page sends.

Each action runs on the I/O thread, gets the panel and the content of the message, and returns JSON for the page.
A `SessionError` goes to the page as its text.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session import (
    MessageRole,
    SessionMessage,
    SessionNotFoundError,
    SessionStatus,
    SessionValueError,
)
from langswarm_nb.notebook.asking.asked_before import beside_text
from langswarm_nb.notebook.workspace.session_names import check_unused, rename

from .attachment_actions import ATTACHMENT_ACTIONS
from .finding import MAX_SESSIONS, elsewhere, found_choices, session_choices
from .model_choices import model_choices
from .session_info import EXPORTS, OPTIONS, session_name

if TYPE_CHECKING:
    from langswarm_nb.core.session.parts.vocabulary import Part

    from .widget import ChatPanel

Content = dict[str, Any]
Action = Callable[["ChatPanel", Content], Awaitable[Content | None]]

ACTIONS: dict[str, Action] = {**ATTACHMENT_ACTIONS}
_UNSAFE = re.compile(r"[^\w.-]+")


def action(run: Action) -> Action:
    """Offer a function to the page under its name, without the leading underscore."""
    ACTIONS[run.__name__.removeprefix("_")] = run
    return run


# The conversation


@action
async def _send(panel: ChatPanel, content: Content) -> None:
    key = content.get("key")
    if key is not None and not panel.is_new(str(key)):
        return  # sent again by a page that thought the kernel dead
    session = panel.session
    attached = panel.tray.taken(session.session_id, content.get("attached") or [])
    parts = [each.part for each in attached.values()]
    text = _words(content, parts)
    await panel.run(panel.rules.open_send(session, text, panel.begin_send(), parts=parts))
    for sent in attached:
        panel.tray.remove(session.session_id, sent)
    if attached:
        panel.show_tray()


@action
async def _edit(panel: ChatPanel, content: Content) -> None:
    """Ask a question in other words; what goes with it stays with it, except for attachments that were removed."""
    old = _text(content, "id")
    parts = await _kept(panel, old, content.get("without") or [])
    text = _words(content, parts)
    opening = panel.rules.open_send(panel.session, text, panel.begin_send(), version_of=old, parts=parts)
    await panel.run(opening)


@action
async def _regenerate(panel: ChatPanel, content: Content) -> None:
    reply_id, typed = _text(content, "id"), content.get("model")
    model = None if typed is None else panel.rules.model_id(str(typed), panel.session)
    await panel.run(panel.rules.open_again(panel.session, reply_id, panel.begin_send(), model=model))


@action
async def _stop(panel: ChatPanel, _content: Content) -> None:
    await panel.feed.stop_all()


@action
async def _branch(panel: ChatPanel, content: Content) -> None:
    await panel.session.fork(_text(content, "id"))
    await panel.feed.refresh()


@action
async def _switch_branch(panel: ChatPanel, content: Content) -> None:
    await panel.session.switch_branch(_text(content, "name"))
    await panel.feed.refresh()


@action
async def _version(panel: ChatPanel, content: Content) -> Content:
    told = await panel.session.use_version(_text(content, "id"))
    await panel.feed.refresh()
    return {"told": told}


@action
async def _hide(panel: ChatPanel, content: Content) -> None:
    await panel.session.hide(_text(content, "id"), hidden=content.get("hidden") is not False)
    await panel.feed.refresh()


@action
async def _system(panel: ChatPanel, content: Content) -> None:
    """Make the text the system prompt from here on; it goes with the next question."""
    text = str(content.get("text", ""))
    message = SessionMessage(role=MessageRole.SYSTEM, content=text.strip(), scope="replace", source="panel")
    await panel.session.append_between([message])
    await panel.feed.refresh()


@action
async def _earlier(panel: ChatPanel, _content: Content) -> None:
    panel.window.open_earlier(panel.feed.path)
    await panel.feed.refresh()


# Sessions


@action
async def _sessions(panel: ChatPanel, _content: Content) -> Content:
    return {"sessions": await session_choices(panel.manager, panel.session)}


@action
async def _search(panel: ChatPanel, content: Content) -> Content:
    return {"found": await found_choices(panel.manager, panel.session, _text(content, "text"))}


@action
async def _find(panel: ChatPanel, content: Content) -> Content:
    """Show the session of a message as far up as the message; what is current in it stays as it is."""
    session_id, message_id = _text(content, "id"), _text(content, "message")
    if session_id != panel.session.session_id:
        await _open(panel, content)
    if panel.window.open_at(panel.feed.path, message_id):
        await panel.feed.refresh()
        return {"shown": True}
    message = await panel.manager.storage.get_message(session_id, message_id)
    if message is None:
        raise SessionNotFoundError("This message is no longer stored.")
    return {"shown": False, **elsewhere(message)}


@action
async def _open(panel: ChatPanel, content: Content) -> None:
    session = await panel.manager.get_session(_text(content, "id"))
    if session is None:
        raise SessionNotFoundError("This session is no longer stored. Choose another.")
    await panel.move(session)


@action
async def _new(panel: ChatPanel, content: Content) -> None:
    old, name = panel.session, str(content.get("name") or "").strip() or None
    if name is not None:
        await check_unused(panel.manager, old.user_id, name, old.record.home)
    session = await panel.manager.create_session(
        old.user_id, old.provider, old.model, title=name, home=old.record.home
    )
    await panel.move(session)


@action
async def _rename(panel: ChatPanel, content: Content) -> None:
    await rename(panel.session, _text(content, "name"))
    await panel.feed.refresh()


@action
async def _archive(panel: ChatPanel, content: Content) -> None:
    away = content.get("archived") is not False
    await panel.session.set_status(SessionStatus.ARCHIVED if away else SessionStatus.ACTIVE)
    await panel.feed.refresh()


# Models and settings


@action
async def _models(panel: ChatPanel, _content: Content) -> Content:
    used = await panel.manager.list_user_sessions(panel.session.user_id, limit=MAX_SESSIONS)
    return {"models": await model_choices(panel.manager, panel.session, used, panel.rules.seen_models)}


@action
async def _model(panel: ChatPanel, content: Content) -> None:
    await panel.session.update_settings(model=panel.rules.model_id(_text(content, "model"), panel.session))
    await panel.feed.refresh()


@action
async def _options(panel: ChatPanel, content: Content) -> None:
    values = content.get("values")
    given = values if isinstance(values, dict) else {}
    changes: dict[str, Any] = {name: _number(name, given[name]) for name in OPTIONS if name in given}
    await panel.session.update_settings(**changes)
    await panel.feed.refresh()


# Out of the panel


@action
async def _frame(panel: ChatPanel, _content: Content) -> Content:
    lines = [
        "import langswarm_nb as ls",
        "",
        "messages = ls.messages_df(all=True)",  # a panel may show a session of another notebook
        f'messages[messages["session_id"] == {panel.session.session_id!r}]',
    ]
    return {"code": "\n".join(lines)}


@action
async def _export(panel: ChatPanel, content: Content) -> Content:
    form: Any = _text(content, "format")
    if form not in EXPORTS:
        raise SessionValueError.of("format", form, EXPORTS)
    from langswarm_nb.analysis import export  # pandas is loaded for it alone

    path = free_path(Path.cwd(), session_name(panel.session), form)
    await asyncio.to_thread(export, panel.session, path, format=form)
    return {"path": path.name}


@action
async def _hello(panel: ChatPanel, content: Content) -> None:
    """A page was drawn: give it what it has missed."""
    if content.get("view") is not None:
        panel.tray.drop_torn(content["view"])
    if content.get("rev") != panel.transcript["rev"]:
        panel.send_snapshot()


def free_path(folder: Path, name: str, ending: str) -> Path:
    """Return a file of this folder that is not there yet; the name is reduced to harmless characters."""
    stem = _UNSAFE.sub("-", name).strip("-.")[:80] or "session"
    number = 1
    while (path := folder / f"{stem}{'' if number == 1 else f'-{number}'}.{ending}").exists():
        number += 1
    return path


async def _kept(panel: ChatPanel, message_id: str, without: object) -> list[Part]:
    """Return the parts of a question but its text, and its attachments with these numbers."""
    numbers = without if isinstance(without, list) else []
    message = await panel.session.get_message(message_id)
    if message is None or not message.parts:
        return []
    gone = [part for number, part in enumerate(message.attachments) if number in numbers]
    return [part for part in beside_text(message) if not any(part is each for each in gone)]


def _words(content: Content, parts: Sequence[Part]) -> str:
    """Return the text of a message, which may be empty when something goes with it."""
    text = content.get("text")
    return "" if parts and isinstance(text, str) and not text.strip() else _text(content, "text")


def _text(content: Content, name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not value.strip():
        raise SessionValueError.of(name, value, "text that is not empty")
    return value


def _number(name: str, text: Any) -> float | None:
    words = str(text or "").strip()
    if not words:
        return None
    try:
        return int(words) if words.lstrip("-").isdecimal() else float(words)
    except ValueError:
        raise SessionValueError.of(name, words, "a number, or empty") from None


__all__ = ["ACTIONS", "free_path"]
