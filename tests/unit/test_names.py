"""What names mean: labels, ids and addresses, said in one home or another."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.core.session import SessionNotFoundError, SessionValueError
from langswarm_nb.core.session.conversation.names import (
    Known,
    address,
    elsewhere_of,
    homes_named,
    labels_in,
    labels_like,
    labels_of_old,
    labels_of_time,
    normal,
    short_home,
    to_ask,
    to_change,
    to_read,
)

HERE, THERE, OTHER = "/home/ada/x/hw.ipynb", "/home/ada/y/hw.ipynb", "/home/ada/notes.ipynb"
IN_WINDOWS = r"C:\work\hw.ipynb"
AT = datetime(2026, 11, 30, 2, 57, 31, tzinfo=UTC)


def known(session_id: str, label: str, home: str | None = HERE, *, is_archived: bool = False) -> Known:
    return Known(session_id, label, home, is_archived)


MINE = known("a1b2c3d4e5", "demo")
YOURS = known("b2c3d4e5f6", "demo", THERE)
NOTES = known("c3d4e5f6a7", "notes", OTHER)
FREE = known("d4e5f6a7b8", "imported", None)
ALL = [YOURS, MINE, NOTES, FREE]


@pytest.mark.parametrize("mean", [to_read, to_ask])
def test_a_name_means_this_homes_session(mean):
    """`NAME` in a command means this home's, whatever there is elsewhere."""
    assert mean("demo", ALL, HERE) == MINE
    assert mean("demo", ALL, THERE) == YOURS


def test_a_name_that_this_home_has_not_means_the_one_elsewhere():
    """`NAME` in a command: this home's; else the one session elsewhere that has it."""
    assert to_read("notes", ALL, HERE) == NOTES
    assert to_read("imported", ALL, HERE) == FREE
    assert to_read("notes", ALL, None) == NOTES


def test_a_name_that_several_have_elsewhere_is_an_error_that_lists_them():
    """Several: an error that lists them, each by what names it."""
    with pytest.raises(SessionValueError) as raised:
        to_read("demo", ALL, OTHER)
    text = str(raised.value)
    assert all(word in text for word in ("y/hw.ipynb:demo", "x/hw.ipynb:demo", "a1b2c3d4", "b2c3d4e5"))
    for way, found in {"y/hw:demo": YOURS, "x/hw:demo": MINE, "a1b2c3d4": MINE}.items():
        assert to_read(way, ALL, OTHER) == found


def test_archived_sessions_have_their_names():
    """An archived one elsewhere is meant where it is alone, and makes a name ambiguous where it is not."""
    gone = known("e5f6a7b8c9", "notes", THERE, is_archived=True)
    assert to_read("notes", [gone], HERE) == gone
    with pytest.raises(SessionValueError, match="several"):
        to_read("notes", [gone, NOTES], HERE)


def test_a_cells_name_that_this_home_has_not_is_made_here():
    """`-S NAME` on a cell, where this home has no NAME, makes one here; `-S home:NAME` goes on with the other."""
    assert to_ask("notes", ALL, HERE) is None
    assert elsewhere_of("notes", ALL, HERE) == [NOTES]
    assert to_ask("notes:notes", ALL, HERE) == NOTES
    assert to_ask("ada/notes.ipynb:notes", ALL, HERE) == NOTES
    assert to_ask("c3d4e5f6", ALL, HERE) == NOTES
    with pytest.raises(SessionNotFoundError, match="no session 'notes:nowhere'"):
        to_ask("notes:nowhere", ALL, HERE)
    with pytest.raises(SessionNotFoundError):
        to_ask("gone.ipynb:notes", ALL, HERE)
    assert to_ask("a: b", ALL, HERE) is None


def test_what_destroys_or_renames_reaches_another_homes_session_only_by_id_or_address():
    """A label that only others have is refused, with the addresses that would do."""
    assert to_change("demo", ALL, HERE, verb="delete") == MINE
    with pytest.raises(SessionNotFoundError, match=r"`%langswarm delete notes\.ipynb:notes`"):
        to_change("notes", ALL, HERE, verb="delete")
    assert to_change("notes:notes", ALL, HERE, verb="delete") == NOTES
    assert to_change("c3d4e5", ALL, HERE, verb="delete") == NOTES
    with pytest.raises(SessionNotFoundError, match=r"did you mean demo\?"):
        to_change("dmo", ALL, HERE, verb="delete")


def test_sessions_are_found_by_id():
    """An id, or its first six characters, means one session from everywhere; fewer mean none."""
    assert to_read("c3d4e5", ALL, HERE) == NOTES
    assert to_read("c3d4e5f6a7", ALL, None) == NOTES
    with pytest.raises(SessionNotFoundError):
        to_read("c3d4e", ALL, HERE)
    alike = known("c3d4e5ffff", "other", THERE)
    with pytest.raises(SessionValueError, match="several"):
        to_read("c3d4e5", [*ALL, alike], HERE)


def test_a_label_comes_before_an_id_that_begins_alike():
    """A session of this home that is called like another's id is meant by that name."""
    decade = known("f0f0f0f0f0", "c3d4e5")
    assert to_read("c3d4e5", [*ALL, decade], HERE) == decade


def test_a_label_may_hold_colons():
    """A label of this home is looked for as it stands, before it is taken for an address."""
    timed = known("f6a7b8c9d0", "2026-11-30 02:57")
    odd = known("a7b8c9d0e1", "notes:notes")
    assert to_read("2026-11-30 02:57", [timed], HERE) == timed
    assert to_read("notes:notes", [*ALL, odd], HERE) == odd
    assert to_read("hw:2026-11-30 02:57", [timed], OTHER) == timed


def test_labels_are_compared_in_normal_form_c_and_with_their_case():
    """`é` written in two ways is one label, and `Demo` is not `demo`."""
    composed = known("a1a1a1a1a1", "caf\u00e9")
    assert normal(" cafe\u0301 ") == "caf\u00e9"
    assert to_read("cafe\u0301", [composed], HERE) == composed
    assert to_ask("CAF\u00c9", [composed], HERE) is None


@pytest.mark.parametrize("mean", [to_read, to_ask])
def test_a_label_that_an_old_store_has_twice_means_the_last_used(mean):
    """Older versions let two sessions of a notebook share a name; the one that is not archived is meant."""
    older, archived = known("1111111111", "demo"), known("2222222222", "demo", is_archived=True)
    assert mean("demo", [archived, MINE, older], HERE) == MINE


@pytest.mark.parametrize(
    "text, meant",
    [
        ("hw", [HERE, THERE, IN_WINDOWS]),
        ("x/hw", [HERE]),
        ("x/hw.ipynb", [HERE]),
        ("notes", [OTHER]),
        ("notes.ipynb", [OTHER]),
        ("w", []),
        ("", []),
        (THERE, [THERE]),
        (IN_WINDOWS, [IN_WINDOWS]),
        (r"work\hw", [IN_WINDOWS]),
    ],
)
def test_a_home_is_named_by_the_end_of_its_path(text, meant):
    """The file's name does, with as many folders as tell it from others."""
    assert homes_named(text, [HERE, THERE, OTHER, IN_WINDOWS]) == meant


def test_an_address_is_as_short_as_can_be():
    """A session of another home is called by the shortest end of its path; one without a home by its id."""
    assert address(NOTES, ALL) == "notes.ipynb:notes"
    assert address(YOURS, ALL) == "y/hw.ipynb:demo"
    assert address(FREE, ALL) == "d4e5f6a7"
    assert short_home("/hw.ipynb", ["/x/hw.ipynb", "/hw.ipynb"]) == "/hw.ipynb"
    assert short_home(IN_WINDOWS, [IN_WINDOWS, HERE]) == "work/hw.ipynb"


def test_labels_of_time_do_not_collide():
    """Two kernels of one minute get two labels, and so does a name that is given up twice."""
    of_time = ["2026-11-30 02:57", "2026-11-30 02:57:31", "2026-11-30 02:57:31-2", "2026-11-30 02:57:31-3"]
    assert list(islice(labels_of_time(AT), 4)) == of_time
    of_old = ["demo (2026-11-30, 02:57)", "demo (2026-11-30, 02:57:31)", "demo (2026-11-30, 02:57:31)-2"]
    assert list(islice(labels_of_old("demo", AT), 3)) == of_old
    assert list(islice(labels_like("demo"), 3)) == ["demo", "demo-2", "demo-3"]


_labels = st.sampled_from(["demo", "hw", "a:b", "x/hw:demo", "notes"])
_homes = st.sampled_from([None, HERE, THERE, OTHER])


@given(
    st.lists(st.tuples(_labels, _homes, st.booleans()), max_size=6, unique_by=lambda one: one[:2]),
    _homes,
)
def test_every_session_can_be_named_from_everywhere(rows, here):
    """What `address` returns, or the whole id, means that session in every command, wherever it is said."""
    sessions = [
        known(f"{n:x}" * 12, label, home, is_archived=away) for n, (label, home, away) in enumerate(rows, 1)
    ]
    for one in sessions:
        for way in {one.session_id, one.session_id[:8]}:
            assert to_read(way, sessions, here) == one
            assert to_change(way, sessions, here, verb="delete") == one
        if one.home == here:
            assert to_read(one.label, sessions, here) == one
            assert to_ask(one.label, sessions, here) == one


@given(
    st.lists(st.tuples(_labels, _homes, st.booleans()), max_size=6),
    _homes,
    st.sampled_from(
        ["demo", "hw", "a:b", "x/hw:demo", "y/hw:notes", "111111", "22", "b", "new", "hw.ipynb:new"]
    ),
)
def test_what_a_name_may_mean_is_enough_to_tell_what_it_means(rows, here, name):
    """Sessions with one of its labels or the beginning of its id decide as all do; what they cannot is an error."""
    sessions = [
        known(f"{n:x}" * 12, label, home, is_archived=away) for n, (label, home, away) in enumerate(rows, 1)
    ]
    homes = {one.home for one in sessions if one.home is not None}
    labels = labels_in(name)
    some = [one for one in sessions if one.label in labels or one.session_id.startswith(name)]
    for mean in (to_read, to_ask, partial(to_change, verb="delete")):
        results: list[object] = []
        for candidates in (sessions, some):
            try:
                results.append(mean(name, candidates, here, homes))
            except (SessionNotFoundError, SessionValueError) as error:
                results.append(type(error))
        assert results[0] == results[1]
