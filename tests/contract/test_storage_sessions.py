"""What every storage promises about sessions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from langswarm_nb.core.session import (
    SessionBackend,
    SessionClosedError,
    SessionExistsError,
    SessionNotFoundError,
    SessionSettings,
    SessionStatus,
    SessionTypeError,
    SessionValueError,
)
from langswarm_nb.core.session.conversation.steps import Step
from langswarm_nb.core.session.storage._sqlite import head, sessions, tree
from tests.support.storages import answer, question, record

EVERY_SETTING = SessionSettings(
    "openai",
    "gpt-x",
    backend=SessionBackend.PROVIDER_NATIVE,
    max_messages=5,
    max_context_tokens=4000,
    trim="error",
    temperature=0.0,
    max_tokens=9,
    top_p=0.5,
    stop=("\n", "é"),
    seed=-3,
    reasoning_effort="low",
    options={"logit_bias": {"50256": -100}, "tools": [{"type": "x"}]},
    timeout_s=312.5,
    retries=0,
    stream=False,
)


async def test_a_session_comes_back_as_it_was_stored(storage, reopen):
    """Every field of a record survives, also in another process's eyes."""
    stored = replace(
        record(),
        settings=EVERY_SETTING,
        status=SessionStatus.PAUSED,
        title="Überschrift 🙂\x00\u2028",
        created_at=datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        updated_at=datetime(2999, 1, 1, tzinfo=timezone(timedelta(hours=-7))),
        branch="first try",
        home="lab:notes/é.ipynb",
        main_at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone(timedelta(hours=2))),
        native={"id": "conv_1", "seen": [0, 1]},
        metadata={"a": {"b": [None, True, 1.5, "x"]}},
    )
    await storage.create_session(stored)
    loaded = await (await reopen()).load_session("s")
    assert loaded == stored
    assert type(loaded.settings.backend) is SessionBackend
    assert type(loaded.status) is SessionStatus
    assert loaded.created_at.tzinfo is UTC


@pytest.mark.parametrize(
    "session_id", ["'; DROP TABLE sessions; --", "../..//etc", "a\nb", "🙂", "x" * 10_000, "%_"]
)
async def test_any_text_is_an_id(storage, session_id):
    """Ids and names are data: nothing in them is syntax."""
    await storage.create_session(record("another"))
    await storage.create_session(record(session_id, user_id=session_id))
    assert (await storage.load_session(session_id)).user_id == session_id
    assert [r.session_id for r in await storage.list_sessions(user_id=session_id)] == [session_id]


async def test_an_id_that_is_taken_overwrites_nothing(storage):
    """Creating an existing session is an error, and the stored one stays as it was."""
    await storage.create_session(record(title="first"))
    await storage.append_messages("s", [question()])
    before = await storage.load_session("s")
    with pytest.raises(SessionExistsError, match="'s'"):
        await storage.create_session(record(title="second"))
    assert await storage.load_session("s") == before


async def test_a_session_that_is_not_there_is_an_error(storage):
    """Each method says so, with the id and the storage; deleting says False."""
    for call in (
        storage.load_session("nope"),
        storage.update_session("nope", title="x"),
        storage.append_messages("nope", [question()]),
        storage.get_messages("nope"),
        storage.get_message("nope", "m"),
        storage.set_tip("nope", None),
        storage.list_branches("nope"),
        storage.set_hidden("nope", 0, 1, hidden=True),
        storage.read_tree("nope"),
        storage.ask("nope", lambda _: Step()),
        storage.pick_messages("nope", [0]),
        storage.keep_lease("nope", "r"),
        storage.leave_lease("nope", "r"),
        storage.save_partial("nope", answer(), reply_to=0),
        storage.search_messages("x", session_id="nope"),
    ):
        with pytest.raises(SessionNotFoundError, match="'nope'") as caught:
            await call
        assert storage.name in str(caught.value)
    assert await storage.delete_session("nope") is False


@pytest.mark.parametrize(
    "changes, error, said",
    [
        ({"session_id": ""}, SessionValueError, "session_id"),
        ({"session_id": "\ud800"}, SessionValueError, "session_id"),
        ({"session_id": 5}, SessionTypeError, "session_id"),
        ({"user_id": None}, SessionTypeError, "user_id"),
        ({"title": "\udfff"}, SessionValueError, "title"),
        ({"branch": " "}, SessionValueError, "branch"),
        ({"settings": {"provider": "mock"}}, SessionTypeError, "settings"),
        ({"status": "asleep"}, SessionValueError, "status.*'archived'"),
        ({"metadata": {"a": float("nan")}}, SessionValueError, "metadata.*nan"),
        ({"native": {1: "a"}}, SessionValueError, "native.*key"),
        ({"created_at": datetime(2020, 1, 1)}, SessionValueError, "created_at.*aware"),  # noqa: DTZ001
        ({"home": 5}, SessionTypeError, "home"),
        ({"main_at": datetime(2020, 1, 1)}, SessionValueError, "main_at.*aware"),  # noqa: DTZ001
        ({"updated_at": 0}, SessionTypeError, "updated_at"),
        ({"message_count": 3}, SessionValueError, "message_count"),
        ({"tip_seq": 0}, SessionValueError, "tip_seq"),
    ],
)
async def test_a_session_that_cannot_be_kept_is_refused(storage, changes, error, said):
    """What would not come back as it is, is refused with the parameter's name; nothing is stored."""
    with pytest.raises(error, match=f"(?s){said}"):
        await storage.create_session(replace(record(), **changes))
    assert await storage.list_sessions() == []


async def test_changes_are_kept_and_the_rest_stays(storage, reopen):
    """An update changes what it names, and the time of the last use."""
    await storage.create_session(
        replace(record(), metadata={"k": 1}, updated_at=datetime(2020, 1, 1, tzinfo=UTC))
    )
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    changed = await storage.update_session(
        "s",
        settings=EVERY_SETTING,
        status="archived",
        title="T",
        native={"id": "c"},
        home="h",
        main_at=moment,
    )
    assert changed.settings == EVERY_SETTING
    assert (changed.status, changed.title, changed.native) == (SessionStatus.ARCHIVED, "T", {"id": "c"})
    assert (changed.home, changed.main_at) == ("h", moment)
    assert changed.metadata == {"k": 1}
    assert changed.updated_at.year > 2020
    emptied = await storage.update_session("s", metadata={}, title=None, home=None, main_at=None)
    assert (emptied.metadata, emptied.title, emptied.home, emptied.main_at) == ({}, None, None, None)
    assert await (await reopen()).load_session("s") == emptied


@pytest.mark.parametrize(
    "changes", [{"titel": "x"}, {"user_id": "t"}, {"message_count": 0}, {"status": "gone"}]
)
async def test_a_change_that_is_not_allowed_changes_nothing(storage, changes):
    """A misspelt name, or what the storage itself keeps, is refused."""
    await storage.create_session(record())
    before = await storage.load_session("s")
    with pytest.raises(SessionValueError, match=next(iter(changes))):
        await storage.update_session("s", title="new", **changes)
    assert await storage.load_session("s") == before


@pytest.mark.parametrize("use", ["append", "update", "move", "hide", "create"])
async def test_the_last_used_comes_first_though_the_clock_went_back(storage, monkeypatch, use):
    """Whatever the use; the times themselves are those that the clock told."""
    for name in ("a", "b", "c"):
        await storage.create_session(record(name))
        await storage.append_messages(name, [question(), answer()])
    before = (await storage.load_session("a")).updated_at
    back = before - timedelta(days=400)
    for module in (head, tree, sessions):
        monkeypatch.setattr(module, "now_us", lambda: int(back.timestamp() * 1e6))
    uses = {
        "append": lambda name: storage.append_messages(name, [question()]),
        "update": lambda name: storage.update_session(name, title=name),
        "move": lambda name: storage.set_tip(name, 0),
        "hide": lambda name: storage.set_hidden(name, 0, 1, hidden=True),
        "create": lambda name: storage.create_session(record(f"{name}2", created_at=back, updated_at=back)),
    }
    for name in ("b", "a", "c"):
        await uses[use](name)
    listed = await storage.list_sessions(user_id="ada")
    assert [each.session_id[0] for each in listed[:3]] == ["c", "a", "b"]
    assert abs(listed[0].updated_at - back) < timedelta(seconds=1)
    assert await storage.list_sessions() == listed


async def test_sessions_are_listed_last_used_first(storage):
    """Any use of a session brings it to the front; filters and limit apply."""
    for number, user in enumerate(["ada", "bob", "ada"]):
        await storage.create_session(
            replace(record(f"s{number}", user), updated_at=datetime(2020, 1, 1 + number, tzinfo=UTC))
        )
    assert [r.session_id for r in await storage.list_sessions()] == ["s2", "s1", "s0"]
    await storage.append_messages("s1", [question()])
    await storage.update_session("s0", status=SessionStatus.ARCHIVED)
    assert [r.session_id for r in await storage.list_sessions()] == ["s0", "s1", "s2"]
    assert [r.session_id for r in await storage.list_sessions(user_id="ada")] == ["s0", "s2"]
    assert [r.session_id for r in await storage.list_sessions(status="archived")] == ["s0"]
    assert [r.session_id for r in await storage.list_sessions(limit=1)] == ["s0"]
    assert await storage.list_sessions(limit=0) == []
    old = datetime(2020, 2, 1, tzinfo=UTC)
    assert [r.session_id for r in await storage.list_sessions(updated_before=old)] == ["s2"]
    assert await storage.list_sessions(user_id="ad") == []


async def test_sessions_are_found_by_home_and_title(storage):
    """Each alone, both together and with the other filters; none of it is a pattern."""
    for name, home, title in (("s0", "a", "x"), ("s1", "a", "y"), ("s2", "b", "x"), ("s3", None, "x")):
        await storage.create_session(record(name, home=home, title=title))
    await storage.update_session("s1", status="archived")

    async def found(**wanted):
        return sorted(r.session_id for r in await storage.list_sessions(**wanted))

    assert await found(home="a") == ["s0", "s1"]
    assert await found(title="x") == ["s0", "s2", "s3"]
    assert await found(home="a", title="x") == ["s0"]
    assert await found(home="a", status="active") == ["s0"]
    assert await found(home="%") == await found(title="X") == []


async def test_sessions_are_found_by_label(storage):
    """A label is the title in normal form, without the blanks around it, as it is now; none of it is a pattern."""
    for name, title in (("s0", " cafe\u0301 "), ("s1", "caf\u00e9"), ("s2", "other"), ("s3", None)):
        await storage.create_session(record(name, title=title))
    assert (await storage.load_session("s0")).title == " cafe\u0301 "

    async def found(*labels, **wanted):
        return sorted(r.session_id for r in await storage.list_sessions(labels=labels, **wanted))

    assert await found("caf\u00e9") == ["s0", "s1"]
    assert await found("caf\u00e9", "other", limit=9) == ["s0", "s1", "s2"]
    assert await found("") == ["s3"]
    assert await found() == await found("cafe\u0301") == await found("%", "OTHER") == []
    await storage.update_session("s2", title="another")
    assert (await found("other"), await found("another")) == ([], ["s2"])
    await storage.update_session("s2", title=None)
    assert await found("") == ["s2", "s3"]


async def test_sessions_are_found_by_what_they_have(storage):
    """The beginning of an id, a home or none, a main moment, a name among the metadata; and all of it together."""
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    rows: list[tuple[str, str | None, datetime | None, dict[str, object]]] = [
        ("abc1", "/a", moment, {"seen": {"x": 1}}),
        ("abc2", None, moment, {}),
        ("ab_", "/b", None, {"seen": False}),
        ("ABC3", "/b", None, {"other": {"seen": 1}}),
    ]
    for name, home, main_at, metadata in rows:
        await storage.create_session(replace(record(name), home=home, main_at=main_at, metadata=metadata))
    await storage.create_session(replace(record("abc4", user_id="bob"), home="/bob"))

    async def found(**wanted):
        listed = await storage.list_sessions(user_id="ada", **wanted)
        assert [r.used_at for r in listed] == sorted((r.used_at for r in listed), reverse=True)
        return sorted(r.session_id for r in listed)

    assert await found(id_begins="abc") == ["abc1", "abc2"]
    assert await found(id_begins="ab_") == ["ab_"]
    assert await found(id_begins="abc1") == ["abc1"]
    assert await found(id_begins="%") == []
    assert await found(home="/b") == ["ABC3", "ab_"]
    assert await found(home="") == ["abc2"]
    assert await found(is_main=True) == ["abc1", "abc2"]
    assert await found(is_main=False) == ["ABC3", "ab_"]
    assert await found(noting="seen") == ["ab_", "abc1"]
    assert await found(noting="x") == []
    assert await found(noting="seen", is_main=True, id_begins="a", home="/a") == ["abc1"]
    assert await found(is_main=True, limit=1) == ["abc2"]
    assert await storage.list_homes(user_id="ada") == ["/a", "/b"]
    assert await storage.list_homes(user_id="nobody") == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"labels": "x"},
        {"labels": [3]},
        {"id_begins": 3},
        {"is_main": 1},
        {"noting": "a.b"},
        {"noting": "'"},
        {"limit": -1},
        {"limit": 1.0},
        {"limit": True},
        {"status": "x"},
        {"user_id": 3},
        {"updated_before": 3},
        {"home": 3},
        {"title": b"x"},
    ],
)
async def test_a_list_is_asked_for_in_known_terms(storage, arguments):
    """A wrong argument is an error that names it."""
    with pytest.raises((SessionValueError, SessionTypeError), match=next(iter(arguments))):
        await storage.list_sessions(**arguments)


async def test_cells_are_listed_by_home(storage):
    """Each cell that asked in sessions of a home, with its first time; what was imported does not count."""
    for number, home in enumerate(["/a.ipynb", "/a.ipynb", "/b.ipynb", None]):
        await storage.create_session(record(f"s{number}", home=home))
        await storage.append_messages(
            f"s{number}",
            [question(cell_id="1", timestamp=datetime(2020, 1, 9 - number, tzinfo=UTC)), answer(cell_id="9")],
        )
    await storage.append_messages("s2", [question(cell_id="2"), question(cell_id="3", source="import")])
    await storage.create_session(record("other", "bob", home="/a.ipynb"))
    await storage.append_messages("other", [question(cell_id="4")])
    found = await storage.list_cells(user_id="ada")
    assert {home: sorted(cells) for home, cells in found.items()} == {
        "/a.ipynb": ["1"],
        "/b.ipynb": ["1", "2"],
    }
    assert found["/a.ipynb"]["1"] == datetime(2020, 1, 8, tzinfo=UTC)
    assert await storage.list_cells(user_id="ada", home="/a.ipynb") == {"/a.ipynb": found["/a.ipynb"]}
    assert list(await storage.list_cells(user_id="ada", among=["2", "5"])) == ["/b.ipynb"]
    assert await storage.list_cells(user_id="ada", home="/none.ipynb") == {}


async def test_first_questions_are_listed(storage):
    """What was asked first in each session of a user, as far as it is wanted; where nothing was, there is nothing."""
    for number in range(3):
        await storage.create_session(record(f"s{number}"))
    await storage.append_messages("s0", [question("first"), answer(), question("second")])
    await storage.append_messages("s1", [question("x" * 50)])
    await storage.append_messages("s0", [question("an edit of the first")], parent=None)
    await storage.create_session(record("other", "bob"))
    await storage.append_messages("other", [question("not yours")])
    found = await storage.list_first_questions(user_id="ada", chars=20)
    assert found == {"s0": "first", "s1": "x" * 20}
    for among, wanted in ((["s1", "s2", "other", "none"], {"s1"}), ([], set()), (["s0", "s0"], {"s0"})):
        chosen = await storage.list_first_questions(user_id="ada", chars=20, among=among)
        assert chosen == {name: found[name] for name in wanted}
    with pytest.raises(SessionTypeError, match="several ids of sessions"):
        await storage.list_first_questions(user_id="ada", among="s0")
    assert await storage.list_first_questions(user_id="nobody") == {}


async def test_counters_follow_the_messages(storage, reopen):
    """A session counts its messages on all branches and the tokens that are known."""
    await storage.create_session(record())
    await storage.append_messages("s", [question(), answer(token_count=7)])
    await storage.append_messages("s", [question("Again?"), answer(token_count=None)], parent=None)
    loaded = await (await reopen()).load_session("s")
    assert (loaded.message_count, loaded.token_count, loaded.tip_seq) == (4, 7, 3)


async def test_a_deleted_session_is_gone(storage, reopen):
    """Deleting takes the messages along, and the id may be used anew, empty."""
    await storage.create_session(record())
    await storage.create_session(record("other"))
    await storage.append_messages("s", [question(), answer()])
    await storage.append_messages("other", [question("kept")])
    await storage.set_tip("s", 0, branch="b")
    await storage.save_partial("s", answer(), reply_to=0)
    await storage.append_messages("s", [], parent=None, hides=[(0, 1)], lease="r")
    assert await storage.delete_session("s") is True
    assert await storage.delete_session("s") is False
    with pytest.raises(SessionNotFoundError):
        await storage.get_messages("s")
    await storage.create_session(record())
    storage = await reopen()
    assert await storage.get_messages("s", branch="all") == []
    assert (await storage.read_tree("s"))[:7] == ([], None, "main", [], [], [], 0)
    assert [m.content for m in await storage.get_messages("other")] == ["kept"]


async def test_health_tells_where_and_how_much(storage):
    """Diagnostics name the SQLite version and count what is stored."""
    await storage.create_session(record())
    await storage.append_messages("s", [question(), answer()])
    facts = await storage.health_check()
    assert (facts["sessions"], facts["messages"]) == (1, 2)
    assert facts["sqlite_version"]


async def test_close_may_be_called_twice_and_ends_all_use(storage):
    """After close every method is a typed error, never a hang."""
    await storage.create_session(record())
    await storage.close()
    await storage.close()
    for call in (
        storage.create_session(record("t")),
        storage.load_session("s"),
        storage.list_sessions(),
        storage.append_messages("s", [question()]),
        storage.read_tree("s"),
        storage.ask("s", lambda _: Step()),
        storage.pick_messages("s", [0]),
        storage.set_hidden("s", 0, 1, hidden=True),
        storage.keep_lease("s", "r"),
        storage.search_messages("x"),
        storage.delete_session("s"),
        storage.health_check(),
    ):
        with pytest.raises(SessionClosedError, match="closed"):
            await call


async def test_a_storage_that_was_never_used_closes(storage):
    """Nothing has to be opened before it can be closed, and closed it stays."""
    await storage.close()
    with pytest.raises(SessionClosedError):
        await storage.list_sessions()
