"""What every storage promises about archiving what nobody uses, and about what is asked in an archived session."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from langswarm_nb.core.session import SessionStatus, SessionTypeError, SessionValueError
from langswarm_nb.core.session.storage._sqlite import head, leases, sessions
from tests.support.storages import answer, question, record, system

OLD = datetime(2020, 1, 1, tzinfo=UTC)
THEN = datetime(2021, 1, 1, tzinfo=UTC)
LATER = datetime(2999, 1, 1, tzinfo=UTC)


async def filled(storage):
    """Store a session that was used long ago for each status, and one that is used now."""
    for status in SessionStatus:
        await storage.create_session(replace(record(status.value), status=status, updated_at=OLD))
    await storage.create_session(record("used"))
    await storage.append_messages("used", [question(), answer()])


async def test_what_was_not_used_is_archived(storage, reopen):
    """Active ones alone, which are returned as they are then; it is of no use, so that order and times stay."""
    await filled(storage)
    before = await storage.list_sessions()
    archived = await storage.archive_inactive(THEN)
    assert [(each.session_id, each.status) for each in archived] == [("active", SessionStatus.ARCHIVED)]
    storage = await reopen()
    after = await storage.list_sessions()
    assert archived == [each for each in after if each.session_id == "active"]
    assert [replace(each, status=SessionStatus.ACTIVE) for each in archived] == [
        each for each in before if each.session_id == "active"
    ]
    assert [each for each in after if each.session_id != "active"] == [
        each for each in before if each.session_id != "active"
    ]
    assert await storage.archive_inactive(THEN) == []


@pytest.mark.parametrize("beside", [False, True])
async def test_what_is_being_answered_stays_active(storage, monkeypatch, beside):
    """However long ago the question was; when its writer is silent, it is archived like others."""
    await storage.create_session(record())
    place = {"activate": False} if beside else {"lease": "r"}
    await storage.append_messages("s", [question()], **place)
    await storage.save_partial("s", answer(id="r"), reply_to=0)
    assert await storage.archive_inactive(LATER) == []
    real = head.now_us
    monkeypatch.setattr(sessions, "now_us", lambda: real() + leases.SILENCE_US + 1_000_000)
    assert [each.session_id for each in await storage.archive_inactive(LATER)] == ["s"]


async def test_the_end_of_an_answer_is_the_end_of_its_stay(storage):
    """From then on only its last use counts."""
    await storage.create_session(record())
    await storage.append_messages("s", [question()], lease="r")
    await storage.append_messages("s", [answer(id="r")], reply_to=0)
    assert await storage.archive_inactive(THEN) == []
    assert [each.session_id for each in await storage.archive_inactive(LATER)] == ["s"]


@pytest.mark.parametrize(
    "messages, place, status",
    [
        ([question("more")], {}, "active"),
        ([system(), question("more")], {"lease": "r"}, "active"),
        ([question("more")], {"activate": False}, "active"),
        ([], {"parent": 0, "lease": "r"}, "active"),
        ([], {"parent": 0, "activate": False}, "active"),
        ([answer(id="r")], {"reply_to": 0}, "archived"),
        ([replace(system(), id="s1")], {"lease": "s1"}, "archived"),
        ([], {"parent": None}, "archived"),
    ],
    ids=["question", "with system", "aside", "again", "again aside", "answer", "system alone", "move"],
)
async def test_what_is_asked_in_an_archived_session_makes_it_active(storage, messages, place, status):
    """An answer that was on its way, or a move in the tree, asks nothing."""
    await storage.create_session(record())
    await storage.append_messages("s", [question(), answer()])
    await storage.update_session("s", status="archived")
    await storage.append_messages("s", messages, **place)
    assert (await storage.load_session("s")).status == status


@pytest.mark.parametrize("status", ["paused", "completed", "error"])
async def test_what_is_asked_changes_no_other_status(storage, status):
    """They mean what the program means by them."""
    await storage.create_session(record())
    await storage.update_session("s", status=status)
    await storage.append_messages("s", [question()], lease="r")
    assert (await storage.load_session("s")).status == status


@pytest.mark.parametrize("before", [None, 5, datetime(2020, 1, 1), timedelta(1)])  # noqa: DTZ001
async def test_inactive_since_when_is_a_moment(storage, before):
    """Anything else is an error that names it, and archives nothing."""
    await storage.create_session(record(updated_at=OLD))
    with pytest.raises((SessionTypeError, SessionValueError), match="before"):
        await storage.archive_inactive(before)
    assert (await storage.load_session("s")).status is SessionStatus.ACTIVE
