"""What every storage promises about full-text search."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from langswarm_nb.core.session import (
    MessageRole,
    SessionStorageError,
    SessionTypeError,
    SessionValueError,
)
from langswarm_nb.core.session.storage._sqlite import search as _search
from tests.support.storages import answer, question, record

# One that keeps no words has none to find.
pytestmark = pytest.mark.parametrize("storage", ["memory", "sqlite"], indirect=True)


async def filled(storage):
    """Store a few sessions of two users."""
    for session_id, user in (("s", "ada"), ("t", "ada"), ("u", "bob")):
        await storage.create_session(record(session_id, user))
    say = storage.append_messages
    await say("s", [question("How do I sort a DataFrame?", timestamp=datetime(2026, 1, 1, tzinfo=UTC))])
    await say("s", [answer("Use df.sort_values(by=...).", timestamp=datetime(2026, 1, 2, tzinfo=UTC))])
    await say("t", [question("sorting in C++ and Öl", timestamp=datetime(2026, 1, 3, tzinfo=UTC))])
    await say("u", [question("世界は広い。Straße, don't", timestamp=datetime(2026, 1, 4, tzinfo=UTC))])


async def found(storage, text, **where):
    """Return session and seq of each hit."""
    return [(hit.session_id, hit.message.seq) for hit in await storage.search_messages(text, **where)]


@pytest.mark.parametrize("where", [{}, {"session_id": "s"}])
@pytest.mark.parametrize(
    "text, hit",
    [
        ("sort", True),
        ("SORT dataframe", True),
        ("dataframe sort", True),
        ("frame", False),
        ("sort banana", False),
        ("data", True),
        ("DataFrame?", True),
        ("DataFrame!", False),
    ],
)
async def test_a_message_holds_all_words(storage, where, text, hit):
    """Words are found at their beginning, in any case and order; one that is missing rules the message out."""
    await filled(storage)
    assert (("s", 0) in await found(storage, text, **where)) is hit


@pytest.mark.parametrize(
    "text, expected",
    [
        ("c++", [("t", 0)]),
        ("df.sort_values(by=...)", [("s", 1)]),
        ("ol", [("t", 0)]),
        ("ÖL", [("t", 0)]),
        ("straße", [("u", 0)]),
        ("STRAßE,", [("u", 0)]),
        ("世界", [("u", 0)]),
        ("広い", [("u", 0)]),
        ("界は str", [("u", 0)]),
        ("don't", [("u", 0)]),
        ("sort", [("t", 0), ("s", 1), ("s", 0)]),
    ],
)
async def test_words_of_all_kinds_are_found(storage, text, expected):
    """Accents do not count; symbols do; words of scripts without spaces are found anywhere. Newest first."""
    await filled(storage)
    assert await found(storage, text) == expected


@pytest.mark.parametrize("text", ["sort", "c++", "ÖL", "straße", "世界", "SORT dataframe", "banana"])
async def test_without_an_index_the_same_is_found(storage, monkeypatch, text):
    """Where SQLite was built without FTS5 the messages are read; an index that others made stays unused."""
    await filled(storage)
    expected = await found(storage, text)
    monkeypatch.setattr(_search, "has_fts5", lambda _: False)
    assert await found(storage, text) == expected


async def test_what_an_index_holds_is_not_deleted_by_halves(storage, monkeypatch):
    """Where SQLite cannot change the index, deleting is an error, and the session stays."""
    await filled(storage)
    await found(storage, "sort")
    monkeypatch.setattr(_search, "has_fts5", lambda _: False)
    with pytest.raises(SessionStorageError, match="FTS5"):
        await storage.delete_session("s")
    assert len(await storage.get_messages("s")) == 2


async def test_where_is_looked_can_be_said(storage):
    """By user, by session, and no more than the limit."""
    await filled(storage)
    assert await found(storage, "sort", user_id="bob") == []
    assert await found(storage, "sort", user_id="ada", limit=1) == [("t", 0)]
    assert await found(storage, "sort", session_id="s") == [("s", 1), ("s", 0)]
    assert await found(storage, "sort", session_id="s", user_id="ada", limit=1) == [("s", 1)]
    assert await found(storage, "sort", limit=0) == []


@pytest.mark.parametrize("text", ["", "   ", "\n", "\x00"])
async def test_no_words_find_nothing(storage, text):
    """An empty search has no hits."""
    await filled(storage)
    assert await found(storage, text) == []


NASTY = [
    '"',
    "'",
    "*",
    "NEAR(a|b)",
    "OR",
    "NOT",
    "content:x",
    "a*b",
    "-sort",
    "(",
    "^a",
    "{a",
    "}",
    "%",
    "_",
    "\\",
    "a\x00b",
]


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=30) | st.sampled_from(NASTY), limit=st.integers(0, 5))
async def test_any_text_can_be_searched_for(storage, text, limit):
    """No text is syntax, and a message is found by each of its own words."""
    session = record(str(hash((text, limit))))
    if session.session_id not in [r.session_id for r in await storage.list_sessions()]:
        await storage.create_session(session)
        await storage.append_messages(session.session_id, [question(text)])
    hits = await storage.search_messages(text, limit=limit)
    assert len(hits) <= limit
    for word in text.replace("\x00", " ").split():
        everywhere = await storage.search_messages(word, limit=None)
        within = await storage.search_messages(word, session_id=session.session_id)
        assert session.session_id in {hit.session_id for hit in everywhere}
        assert [hit.session_id for hit in within] == [session.session_id]


@pytest.mark.parametrize(
    "arguments, error",
    [
        ({"text": None}, SessionTypeError),
        ({"text": "\ud800"}, SessionValueError),
        ({"text": "x", "limit": -1}, SessionValueError),
        ({"text": "x", "limit": "3"}, SessionTypeError),
        ({"text": "x", "user_id": 3}, SessionTypeError),
    ],
)
async def test_a_search_is_asked_for_in_known_terms(storage, arguments, error):
    """A wrong argument is an error that names it."""
    with pytest.raises(error, match=[*arguments][-1]):
        await storage.search_messages(**arguments)


async def test_new_messages_are_found_at_once(storage):
    """The index is up to date at each search, for sessions new and old, on all branches."""
    await filled(storage)
    assert await found(storage, "banana") == []
    await storage.append_messages("s", [question("banana")], parent=None)
    await storage.create_session(record("v"))
    await storage.append_messages("v", [question("Banana split")])
    assert sorted(await found(storage, "banana")) == [("s", 2), ("v", 0)]


async def test_what_was_deleted_is_not_found(storage):
    """A deleted session leaves no hits, also when another takes its id."""
    await filled(storage)
    assert await found(storage, "sort")
    await storage.delete_session("s")
    assert await found(storage, "sort") == [("t", 0)]
    await storage.create_session(record("s"))
    await storage.append_messages("s", [question("new")])
    assert await found(storage, "dataframe") == []
    assert await found(storage, "new") == [("s", 0)]


async def test_many_messages_are_indexed_in_steps(storage):
    """An index that is made of several batches misses none."""
    for number in range(3):
        await storage.create_session(record(f"s{number}"))
        await storage.append_messages(f"s{number}", [question(f"word{n % 7} common") for n in range(1500)])
    assert len(await storage.search_messages("common", limit=None)) == 4500
    assert len(await storage.search_messages("word3", limit=None)) == 3 * sum(n % 7 == 3 for n in range(1500))


async def test_a_snippet_is_one_line_around_the_match(storage):
    """Long messages are cut around the first word that was found."""
    await storage.create_session(record())
    text = "start " + "lorem\nipsum " * 100 + "the NEEDLE\tis here " + "dolor " * 100
    await storage.append_messages("s", [question(text)])
    (hit,) = await storage.search_messages("needle")
    assert "NEEDLE is here" in hit.snippet
    assert len(hit.snippet) <= 202
    assert "\n" not in hit.snippet
    assert hit.snippet.startswith("…")
    assert hit.snippet.endswith("…")
    assert hit.message.content == text


async def test_results_of_tools_and_refusals_are_found(storage, monkeypatch):
    """By the index, without it and within a session; a session that is deleted leaves none of their words."""
    parts = (
        {"type": "tool_result", "tool_call_id": "1", "content": "plums in the icebox"},
        {"type": "text", "text": "A note."},
        {"type": "tool_result", "tool_call_id": "2", "content": "probably saved"},
    )
    await storage.create_session(record("s", "ada"))
    await storage.append_messages("s", [replace(question("x", parts=parts), role=MessageRole.TOOL)])
    await storage.append_messages("s", [answer("", parts=({"type": "refusal", "text": "Breakfast? No."},))])
    for has_index in (True, False):
        if not has_index:
            monkeypatch.setattr(_search, "has_fts5", lambda _: False)
        for where in ({}, {"session_id": "s"}):
            assert await found(storage, "icebox saved note", **where) == [("s", 0)]
            assert await found(storage, "breakfast", **where) == [("s", 1)]
            assert await found(storage, "tool_result", **where) == []
    [hit] = await storage.search_messages("plums")
    assert hit.snippet == "A note. plums in the icebox probably saved"
    monkeypatch.undo()
    await storage.delete_session("s")
    assert await found(storage, "icebox") == []
