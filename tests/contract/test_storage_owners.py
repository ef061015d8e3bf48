"""What every storage promises about whose a session is, and which of two with one id."""

from __future__ import annotations

import pickle
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from langswarm_nb.core.session import ISessionStorage, SessionNotFoundError
from langswarm_nb.core.session.conversation.steps import Step
from tests.support.storages import answer, question, record

CALLS: dict[str, Callable[[ISessionStorage, str], Awaitable[Any]]] = {
    "load": lambda s, key: s.load_session(key),
    "update": lambda s, key: s.update_session(key, title="mine"),
    "append": lambda s, key: s.append_messages(key, [question("for ada")]),
    "reply": lambda s, key: s.append_messages(key, [answer("for ada")], reply_to=0),
    "read": lambda s, key: s.get_messages(key),
    "read one": lambda s, key: s.get_message(key, "m"),
    "pick": lambda s, key: s.pick_messages(key, [0]),
    "tree": lambda s, key: s.read_tree(key),
    "ask": lambda s, key: s.ask(key, lambda _: Step([question("for ada")], {}, [0])),
    "move": lambda s, key: s.set_tip(key, None),
    "branches": lambda s, key: s.list_branches(key),
    "hide": lambda s, key: s.set_hidden(key, 0, 1, hidden=True),
    "keep lease": lambda s, key: s.keep_lease(key, "r"),
    "leave lease": lambda s, key: s.leave_lease(key, "r"),
    "partial": lambda s, key: s.save_partial(key, answer(), reply_to=0),
    "search": lambda s, key: s.search_messages("word", session_id=key),
}


async def test_a_session_has_a_number_that_no_other_gets(storage):
    """Those who made it and those who read it see the same; it is not part of what is compared."""
    made = await storage.create_session(record())
    assert made.number is not None
    assert made == record(created_at=made.created_at, updated_at=made.updated_at)
    listed = await storage.list_sessions()
    assert {each.number for each in (await storage.load_session("s"), *listed)} == {made.number}
    assert pickle.loads(pickle.dumps(made.key)).number == made.number  # noqa: S301 - our own bytes
    await storage.delete_session("s")
    assert (await storage.create_session(record())).number != made.number


@pytest.mark.parametrize("call", CALLS)
async def test_a_session_made_anew_under_an_id_is_another(storage, call):
    """Who holds the deleted one finds nothing and changes nothing; by the plain id the new one is found."""
    old = (await storage.create_session(record())).key
    await storage.append_messages(old, [question("word"), answer()])
    await CALLS[call](storage, old)
    await storage.delete_session(old)
    new = (await storage.create_session(record("s", "bob"))).key
    await storage.append_messages(new, [question("word of bob")])
    before = await storage.load_session("s"), await storage.get_messages("s", branch="all")
    with pytest.raises(SessionNotFoundError, match="'s'"):
        await CALLS[call](storage, old)
    assert (await storage.load_session(new), await storage.get_messages(new, branch="all")) == before
    await CALLS[call](storage, "s")


async def test_deleting_by_key_deletes_that_session_alone(storage):
    """A second delete of the old one leaves the new one alone."""
    old = (await storage.create_session(record())).key
    assert await storage.delete_session(old) is True
    await storage.create_session(record("s", "bob"))
    assert await storage.delete_session(old) is False
    assert (await storage.load_session("s")).user_id == "bob"
    assert await storage.delete_session("s") is True


async def test_a_search_in_somebody_elses_session_finds_no_session(storage):
    """It is the same error as for none, so that nobody learns which ids there are."""
    await storage.create_session(record("s", "ada"))
    await storage.append_messages("s", [question("word")])
    told = []
    for session_id in ("s", "t"):
        with pytest.raises(SessionNotFoundError) as caught:
            await storage.search_messages("word", user_id="bob", session_id=session_id)
        told.append(str(caught.value).replace(f"'{session_id}'", "ID"))
    assert told[0] == told[1]
    await storage.search_messages("word", user_id="ada", session_id="s")
