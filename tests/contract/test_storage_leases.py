"""What every storage promises about leases: who is being answered in a session, and when the next may ask."""

from __future__ import annotations

import os
import socket

import pytest

from langswarm_nb.core.session.errors import SessionLeasedError, SessionNotFoundError
from langswarm_nb.core.session.settings import SessionStatus
from langswarm_nb.core.session.storage._sqlite import leases, owner
from langswarm_nb.core.session.storage._sqlite.head import now_us
from langswarm_nb.core.session.values import from_us
from tests.support.storages import answer, question, record, system, talk, texts


@pytest.fixture
async def asked(storage, later):
    """Return a storage with a session whose question is being answered, as the reply ``r``."""
    await talk(storage, "a")
    await storage.append_messages("s", [question("b?")], lease="r")
    return storage


@pytest.fixture
def later(monkeypatch):
    """Set the clock of the leases, which stands still, to so many seconds after it was stopped; return that moment."""
    stopped = now_us()

    def go(seconds):
        moment = stopped + int(seconds * 1e6)
        monkeypatch.setattr(leases, "now_us", lambda: moment)
        return from_us(moment)

    go(0)
    return go


async def is_free(storage, session_id="s"):
    """Tell whether somebody else may ask; what they ask leaves no trace."""
    try:
        await storage.append_messages(session_id, [], lease="probe")
    except SessionLeasedError as error:
        assert f"Another message of session '{session_id}' is being answered" in str(error)  # noqa: PT017 - one of two
        return False
    await storage.leave_lease(session_id, "probe")
    return True


async def test_one_message_is_answered_at_a_time(asked):
    """Who asks meanwhile is told, and nothing of it is stored: neither message, nor branch, nor mark."""
    with pytest.raises(SessionLeasedError, match="is being answered"):
        await asked.append_messages("s", [question("c?")], lease="r2", branch="try", hides=[(0, 1)])
    assert texts(await asked.get_messages("s", branch="all")) == "a? a! b?"
    assert await asked.list_branches("s") == {"main": 2}
    assert (await asked.read_tree("s")).hidden == []


async def test_who_is_told_to_wait_is_told_for_whom(asked, later):
    """Which process answers, and since when: not since the last sign of life."""
    later(10)
    await asked.keep_lease("s", "r")
    await asked.append_messages("s", [], lease="r")
    with pytest.raises(SessionLeasedError, match=r"by this process, since .* UTC") as caught:
        await asked.append_messages("s", [question("c?")], lease="r2")
    assert caught.value.process == "this process"
    assert caught.value.since == later(0)


async def test_another_process_is_named(asked, monkeypatch):
    """By its number and its machine."""
    monkeypatch.setattr(owner, "this_process", lambda: "1:2:here")
    with pytest.raises(SessionLeasedError, match=rf"by process {os.getpid()} on {socket.gethostname()}, "):
        await asked.append_messages("s", [question("c?")], lease="r2")


async def test_an_answer_can_hand_the_lease_on(asked, later):
    """To the reply that follows it: nobody comes between, whoever is the next stays so, and its silence counts anew."""
    assert not await asked.queue_lease("s", "next")
    later(10)
    handed = await asked.append_messages("s", [answer("b?!", id="r")], reply_to=2, activate=False, lease="r2")
    assert [(m.version, m.is_active) for m in handed] == [(1, False)]
    later(20)
    assert not await is_free(asked)
    await asked.append_messages("s", [answer("b!", id="r2")], reply_to=2, hides=[(1, 1)])
    assert not await is_free(asked)
    assert await asked.queue_lease("s", "next")
    assert texts(await asked.get_messages("s")) == "a? a! b? b!"


async def test_a_lease_that_was_lost_is_not_handed_on(asked, later):
    """Then the answer is not stored in this way: another message is being answered."""
    later(16)
    await asked.append_messages("s", [question("c?")], lease="other")
    with pytest.raises(SessionLeasedError):
        await asked.append_messages("s", [answer("b?!", id="r")], reply_to=2, activate=False, lease="r2")
    assert texts(await asked.get_messages("s", branch="all")) == "a? a! b? c?"


async def test_a_lease_that_goes_on_leaves_a_session_archived(asked):
    """It was archived while its answer was on the way, and nothing new was asked."""
    await asked.update_session("s", status=SessionStatus.ARCHIVED)
    await asked.append_messages("s", [answer("b?!", id="r")], reply_to=2, activate=False, lease="r2")
    assert (await asked.load_session("s")).status is SessionStatus.ARCHIVED


async def test_the_answer_ends_the_lease(asked):
    """From then on the next may ask."""
    await asked.append_messages("s", [answer("b!", id="r")], reply_to=2)
    assert await is_free(asked)


async def test_another_answer_does_not_end_it(asked):
    """Nor does one that is asked beside the path, without a lease."""
    await asked.append_messages("s", [answer("a!!")], reply_to=0, activate=False)
    await asked.append_messages("s", [question("n?"), answer("n!")], parent=1, activate=False)
    assert not await is_free(asked)


async def test_sessions_have_leases_of_their_own(asked):
    """Another session of the store is not held up."""
    await talk(asked, "x", session_id="other")
    assert await is_free(asked, "other")


async def test_the_holder_may_go_on(asked):
    """A send that is not sure whether its question was stored asks for its own lease again."""
    await asked.append_messages("s", [question("b again?")], lease="r")
    assert not await is_free(asked)


async def test_a_lease_can_be_given_back(asked):
    """By its holder; who holds none gives nothing back."""
    await asked.leave_lease("s", "another")
    assert not await is_free(asked)
    await asked.leave_lease("s", "r")
    await asked.leave_lease("s", "r")
    assert await is_free(asked)


async def test_a_message_that_waits_for_no_answer_only_looks(asked):
    """With its own id as the lease it is refused while another is answered, and holds nothing up itself."""
    rule = system("rule")
    with pytest.raises(SessionLeasedError):
        await asked.append_messages("s", [rule], lease=rule.id)
    await asked.append_messages("s", [answer("b!", id="r")], reply_to=2)
    await asked.append_messages("s", [rule], lease=rule.id)
    assert await is_free(asked)


async def test_a_holder_that_is_silent_for_fifteen_seconds_is_taken_for_gone(asked, later):
    """Its lease is free, and the next one's is not its own any more: it can neither keep it nor give it back."""
    later(14.9)
    assert not await is_free(asked)
    later(15.1)
    await asked.append_messages("s", [question("c?")], lease="r2")
    await asked.keep_lease("s", "r")
    await asked.leave_lease("s", "r")
    await asked.append_messages("s", [answer("b!", id="r")], reply_to=2)
    assert not await is_free(asked)
    assert texts(await asked.get_messages("s")) == "a? a! b? c?"


@pytest.mark.parametrize("sign", ["beat", "part"])
async def test_a_holder_that_tells_it_is_alive_keeps_its_lease(asked, later, sign):
    """By a beat, or by a part of the reply."""
    for moment in (10, 20, 30):
        later(moment)
        if sign == "beat":
            await asked.keep_lease("s", "r")
        else:
            await asked.save_partial("s", answer("b", id="r"), reply_to=2)
        assert not await is_free(asked)
    later(46)
    assert await is_free(asked)


async def test_a_holder_whose_process_is_gone_holds_nothing(asked, monkeypatch):
    """Without waiting for its silence."""
    monkeypatch.setattr(owner, "is_gone", lambda *_: True)
    assert await is_free(asked)


async def test_a_lease_is_deleted_with_its_session(asked):
    """One that has the id afterwards is free."""
    await asked.delete_session("s")
    await asked.create_session(record())
    assert await is_free(asked)


async def test_an_append_that_is_refused_takes_no_lease(storage):
    """Whatever the reason: a place, a turn or a version that is not there."""
    await talk(storage, "a")
    for wrong in ({"parent": 9}, {"reply_to": 9}, {"turn": 9}, {"hides": [(9, 1)]}):
        with pytest.raises(SessionNotFoundError):
            await storage.append_messages("s", [question()], lease="r", **wrong)
    assert await is_free(storage)


async def test_who_waits_is_the_next(asked):
    """At the end of the lease it is theirs: others are told to wait, and they go on when they come."""
    assert not await asked.queue_lease("s", "r2")
    assert not await asked.queue_lease("s", "r2")
    await asked.append_messages("s", [answer("b!", id="r")], reply_to=2)
    assert not await is_free(asked)
    assert not await asked.queue_lease("s", "r3")
    assert await asked.queue_lease("s", "r2")
    await asked.append_messages("s", [question("c?")], lease="r2", expected_tip="r")
    await asked.append_messages("s", [answer("c!", id="r2")], reply_to=4)
    assert await asked.queue_lease("s", "r3")
    assert not await is_free(asked)
    await asked.leave_lease("s", "r3")
    assert await is_free(asked)
    assert texts(await asked.get_messages("s")) == "a? a! b? b! c? c!"


async def test_one_is_the_next(asked):
    """Who comes later has its place when that is free; the holder itself, or who waits for nobody, has none."""
    for waiting in ("r", "r2", "r3", "r2"):
        await asked.queue_lease("s", waiting)
    await asked.append_messages("s", [answer("b!", id="r")], reply_to=2)
    await asked.queue_lease("s", "r3")
    await asked.append_messages("s", [], lease="r2")
    await asked.leave_lease("s", "r2")
    with pytest.raises(SessionLeasedError):
        await asked.append_messages("s", [], lease="r2")
    await asked.append_messages("s", [], lease="r3")
    await asked.leave_lease("s", "r3")
    assert await asked.queue_lease("s", "r4")
    assert await is_free(asked)


async def test_who_waits_no_more_is_not_the_next(asked):
    """It gives its place back as it would the lease."""
    await asked.queue_lease("s", "r2")
    await asked.leave_lease("s", "r2")
    await asked.append_messages("s", [answer("b!", id="r")], reply_to=2)
    assert await is_free(asked)


async def test_a_lease_given_back_goes_to_the_next_too(asked):
    """Where no answer was stored."""
    await asked.queue_lease("s", "r2")
    await asked.leave_lease("s", "r")
    assert not await is_free(asked)
    await asked.append_messages("s", [], lease="r2")


async def test_the_next_has_a_few_seconds_to_come(asked, later):
    """After that the lease is free for all."""
    await asked.queue_lease("s", "r2")
    await asked.append_messages("s", [answer("b!", id="r")], reply_to=2)
    later(2.9)
    assert not await is_free(asked)
    later(3.1)
    assert await asked.queue_lease("s", "r3")
    assert await is_free(asked)


async def test_a_message_that_waited_for_no_answer_leaves_the_lease_free(asked):
    """It was the next, with its own id as the lease, and holds nothing up once it is stored."""
    rule = system("rule")
    await asked.queue_lease("s", rule.id)
    await asked.append_messages("s", [answer("b!", id="r")], reply_to=2)
    await asked.append_messages("s", [rule], lease=rule.id)
    assert await is_free(asked)


async def test_a_place_is_asked_for_in_a_session_that_is_there(asked):
    """Who waits in one that was deleted is told."""
    await asked.delete_session("s")
    with pytest.raises(SessionNotFoundError):
        await asked.queue_lease("s", "r2")
