"""What every storage promises to who writes only if: the path ends where it was seen, the message is not there yet."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from langswarm_nb.core.session.errors import (
    SessionExistsError,
    SessionLeasedError,
    SessionMovedError,
    SessionNotFoundError,
    SessionTypeError,
)
from tests.support.storages import answer, question, record, talk, texts


async def all_of(storage):
    """Return the texts of all messages."""
    return texts(await storage.get_messages("s", branch="all"))


async def is_free(storage):
    """Tell whether nobody holds the lease."""
    try:
        await storage.append_messages("s", [], lease="probe")
    except SessionLeasedError:
        return False
    await storage.leave_lease("s", "probe")
    return True


async def test_the_message_that_was_seen_last_must_still_be_the_last(storage):
    """``expected_tip`` is its id: with another one nothing is stored, no lease is taken, and both ids are told."""
    await talk(storage, "a", "b")
    first, last = [(await storage.get_messages("s"))[n].id for n in (1, 3)]
    for expected, told in ((first, first), ("nobody", "nobody"), ("", None)):
        with pytest.raises(SessionMovedError) as caught:
            await storage.append_messages("s", [question("c?")], expected_tip=expected, lease="r")
        assert (caught.value.expected, caught.value.found) == (told, last)
        assert all(repr(one) in str(caught.value) for one in (told, last) if one)
    assert await is_free(storage)
    await storage.append_messages("s", [question("c?")], expected_tip=last)
    assert await all_of(storage) == "a? a! b? b! c?"


async def test_a_path_without_messages_is_expected_by_an_empty_id(storage):
    """Also one that was emptied; what stands on other branches does not matter."""
    await storage.create_session(record())
    with pytest.raises(
        SessionMovedError, match="it is empty, and it was expected to end in message 'x'"
    ) as caught:
        await storage.append_messages("s", [question("a?")], expected_tip="x")
    assert (caught.value.expected, caught.value.found) == ("x", None)
    await storage.append_messages("s", [question("a?")], expected_tip="")
    await storage.set_tip("s", None)
    await storage.append_messages("s", [question("b?")], expected_tip="")
    assert texts(await storage.get_messages("s")) == "b?"


async def test_the_expected_end_is_the_active_one(storage):
    """Not where the chain hangs, nor the end of another branch."""
    await talk(storage, "a", "b")
    first, last = [(await storage.get_messages("s"))[n].id for n in (1, 3)]
    await storage.append_messages("s", [question("c?")], parent=1, expected_tip=last)
    tip = (await storage.get_messages("s"))[-1].id
    with pytest.raises(SessionMovedError):
        await storage.append_messages("s", [question("d?")], parent=1, expected_tip=first)
    await storage.append_messages("s", [], parent=3, expected_tip=tip)
    assert texts(await storage.get_messages("s")) == "a? a! b? b!"


async def test_of_many_who_saw_the_same_end_one_writes(storage):
    """However they come; the others are told what stands there now."""
    await talk(storage, "a")
    seen = (await storage.get_messages("s"))[-1].id
    asked = [question(f"q{n}?") for n in range(20)]
    done = await asyncio.gather(
        *(storage.append_messages("s", [one], expected_tip=seen) for one in asked), return_exceptions=True
    )
    [[stored]] = [one for one in done if isinstance(one, list)]
    refused = [one for one in done if isinstance(one, SessionMovedError)]
    assert [error.found for error in refused] == [stored.id] * 19
    assert [m.id for m in await storage.get_messages("s", branch="all")][2:] == [stored.id]


async def test_a_message_is_stored_once(storage):
    """With ``once`` a chain whose message is there is refused whole, wherever that stands."""
    await talk(storage, "a")
    await storage.append_messages("s", [question("b?", id="mine")], once=True)
    await storage.set_tip("s", 1, branch="try")
    for chain in ([question("b?", id="mine")], [question("x"), answer("y", id="mine")]):
        with pytest.raises(SessionExistsError, match="There is a message 'mine' in session 's' already"):
            await storage.append_messages("s", chain, once=True, lease="r")
    assert await is_free(storage)
    assert await all_of(storage) == "a? a! b?"
    await storage.append_messages("s", [question("c?", id="other")], once=True)
    assert texts(await storage.get_messages("s")) == "a? a! c?"


async def test_one_message_that_is_there_is_found_among_more_than_one_statement_takes(storage):
    """Some versions of SQLite take no more than 999 values."""
    await talk(storage, "a")
    inner = getattr(storage, "inner", storage)
    await inner._write(lambda db: db.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 999))
    await storage.append_messages("s", [question("b?", id="mine")], once=True)
    chain = [*(question("x") for _ in range(1_100)), question("b?", id="mine")]
    with pytest.raises(SessionExistsError, match="'mine'"):
        await storage.append_messages("s", chain, once=True)
    assert await all_of(storage) == "a? a! b?"


async def test_what_is_refused_changes_nothing_of_what_is_there(storage):
    """Its words least of all."""
    await talk(storage)
    await storage.append_messages("s", [question("b?", id="mine")], once=True)
    with pytest.raises(SessionExistsError):
        await storage.append_messages("s", [question("another?", id="mine")], once=True)
    assert (await storage.get_message("s", "mine")).content == "b?"
    assert await all_of(storage) == "b?"


async def test_that_a_message_is_there_is_told_before_anything_else(storage):
    """A repeat of what is being answered is told so: not that it has to wait, nor that its own question is the end."""
    await talk(storage, "a")
    seen = (await storage.get_messages("s"))[-1].id
    mine = question("b?", id="mine")
    await storage.append_messages("s", [mine], once=True, lease="r", expected_tip=seen)
    with pytest.raises(SessionExistsError):
        await storage.append_messages(
            "s", [mine], once=True, lease="r2", expected_tip=seen, turn=9, hides=[(9, 1)]
        )


async def test_an_id_belongs_to_its_session(storage):
    """Another session, also one that is made anew under the same id, may have a message of that id."""
    for session_id in ("s", "other"):
        await storage.create_session(record(session_id))
        await storage.append_messages(session_id, [question("b?", id="mine")], once=True)
    await storage.delete_session("s")
    await storage.create_session(record())
    await storage.append_messages("s", [question("c?", id="mine")], once=True)
    assert await all_of(storage) == "c?"


async def test_of_many_repeats_one_is_stored(storage):
    """However they come."""
    await talk(storage, "a")
    mine = question("b?", id="mine")
    done = await asyncio.gather(
        *(storage.append_messages("s", [mine], once=True) for _ in range(20)), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in done) == ["SessionExistsError"] * 19 + ["list"]
    assert await all_of(storage) == "a? a! b?"


async def test_conditions_of_another_kind_are_refused(storage):
    """Before anything is stored; a session that is not there is not found, whatever the condition."""
    await talk(storage, "a")
    for wrong in ({"expected_tip": 5}, {"once": "yes"}):
        with pytest.raises(SessionTypeError):
            await storage.append_messages("s", [question("b?")], **wrong)
    with pytest.raises(SessionNotFoundError):
        await storage.append_messages("nobody", [question("b?")], once=True, expected_tip="x")
    assert await all_of(storage) == "a? a!"
