"""What every storage promises about reading page by page."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from langswarm_nb.core.session import ISessionStorage, MessageRole, SessionTypeError, SessionValueError
from langswarm_nb.core.session.conversation.nodes import TreeRows
from langswarm_nb.core.session.storage._sqlite import head, sessions, tree
from langswarm_nb.core.session.storage._sqlite.contract import SQLStorage
from langswarm_nb.core.session.storage.unlogged import UnloggedStorage
from tests.support.storages import answer, question, record, talk

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


async def pages_of(read, size, place):
    """Return what a reader gets who asks for the page after or before the last one until there is none."""
    pages, at = [], None
    while page := await read(size, at):
        pages.append(page)
        at = place(page)
    return pages


@pytest.mark.parametrize("size", [1, 3, 4, 100])
@pytest.mark.parametrize("chosen", [{}, {"branch": "all"}, {"role": MessageRole.USER}])
async def test_messages_come_in_pages_from_the_end(storage, size, chosen):
    """Together they are what is read at once, none twice and none left out; what is added meanwhile shifts nothing."""
    await talk(storage, *"abcd")
    await storage.append_messages("s", [question("other"), answer("way")], parent=3)
    whole = await storage.get_messages("s", **chosen)

    async def read(limit, before):
        page = await storage.get_messages("s", limit=limit, before_seq=before, **chosen)
        await storage.append_messages("s", [question("meanwhile")])
        return page

    pages = await pages_of(read, size, lambda page: page[0].seq)
    assert [m.seq for page in reversed(pages) for m in page] == [m.seq for m in whole]
    assert all(len(page) <= size for page in pages)


async def test_before_seq_counts_alone_too(storage):
    """Without a limit all that stands before; far beyond the end it is all, before the first nothing."""
    await talk(storage, *"ab")
    await storage.create_session(record("neighbour"))
    await storage.append_messages("neighbour", [question()])
    for before, count in ((0, 0), (1, 1), (3, 3), (4, 4), (2**32, 4), (2**70, 4)):
        assert len(await storage.get_messages("s", before_seq=before)) == count


@pytest.mark.parametrize("before", [-1, "1", 1.0, True])
async def test_before_seq_is_a_seq(storage, before):
    """A wrong one is an error that names it."""
    await storage.create_session(record())
    with pytest.raises((SessionTypeError, SessionValueError), match="before_seq"):
        await storage.get_messages("s", before_seq=before)


@pytest.mark.parametrize("size", [1, 3, 100])
async def test_sessions_come_in_pages_from_the_last_used(storage, monkeypatch, size):
    """Also when a clock that stands still gave all of them the same time, and when one of them is used meanwhile."""
    for module in (head, tree, sessions):
        monkeypatch.setattr(module, "now_us", lambda: 1_767_225_600_000_000)
    for number in range(7):
        await storage.create_session(record(f"s{number}", created_at=MOMENT, updated_at=MOMENT))
    await storage.create_session(record("other", "bob", updated_at=MOMENT))
    await storage.update_session("s2", title="used")
    whole = [each.session_id for each in await storage.list_sessions(user_id="ada")]

    async def read(limit, before):
        page = await storage.list_sessions(user_id="ada", limit=limit, before=before)
        await storage.update_session("s2", title="used again")
        return page

    pages = await pages_of(read, size, lambda page: page[-1].used_at)
    assert [each.session_id for page in pages for each in page] == whole
    assert whole[0] == "s2"


async def test_sessions_that_were_taken_in_have_places_of_their_own(storage):
    """Two imports of one file were last used at the same moment; a page that ends between them loses none."""
    await storage.create_session(record())
    shape = await storage.read_tree("s")
    for number in range(3):
        await storage.restore_session(record(f"r{number}", updated_at=MOMENT), [], shape)
    listed = await storage.list_sessions(user_id="ada")
    assert len({each.used_at for each in listed}) == 4
    pages = await pages_of(
        lambda limit, before: storage.list_sessions(user_id="ada", limit=limit, before=before),
        1,
        lambda page: page[-1].used_at,
    )
    assert [page[0].session_id for page in pages] == [each.session_id for each in listed]


@pytest.mark.parametrize("before", [1, "2026", datetime(2026, 1, 1)])  # noqa: DTZ001
async def test_before_is_a_moment(storage, before):
    """A wrong one is an error that names it."""
    with pytest.raises((SessionTypeError, SessionValueError), match="before"):
        await storage.list_sessions(before=before)


async def test_no_more_is_read_than_is_returned(storage, monkeypatch):
    """What the database hands over is counted, not what is left of it."""
    await talk(storage, *(str(n) for n in range(50)))
    for number in range(20):
        await storage.create_session(record(f"t{number}"))
    inner = storage.inner if isinstance(storage, UnloggedStorage) else storage
    assert isinstance(inner, SQLStorage)
    rows = []
    real = inner._read

    async def counted(job):
        found = await real(job)
        rows.append(1 if isinstance(found, TreeRows) else len(found))  # a tree has no words
        return found

    monkeypatch.setattr(inner, "_read", counted)
    await storage.get_messages("s", limit=5, before_seq=60)
    await storage.list_sessions(user_id="ada", limit=4, before=datetime(2999, 1, 1, tzinfo=UTC))
    await storage.list_sessions(user_id="ada", limit=3, home="")
    assert rows == [5, 4, 3]
    await storage.list_first_questions(user_id="ada", among=["s", "t1", "t2"])
    assert sum(rows[3:]) < 12  # one question, and, where it is not in the file, what finds it


@pytest.mark.parametrize("size", [1, 2, 100])
async def test_sessions_of_one_notebook_or_of_none_come_in_pages(storage, size):
    """An empty home means those that belong to none; None means all."""
    homes = ["/a.ipynb", None, "/b.ipynb", None, "/a.ipynb", None]
    for number, home in enumerate(homes):
        await storage.create_session(replace(record(f"s{number}"), home=home))
    await storage.create_session(replace(record("other", "bob"), home="/c.ipynb"))
    assert await storage.list_homes(user_id="ada") == ["/a.ipynb", "/b.ipynb"]
    assert await ISessionStorage.list_homes(storage, user_id="ada") == ["/a.ipynb", "/b.ipynb"]
    for home, wanted in (("/a.ipynb", [4, 0]), ("", [5, 3, 1]), ("/c.ipynb", []), (None, [5, 4, 3, 2, 1, 0])):

        async def read(limit, before, home=home):
            return await storage.list_sessions(user_id="ada", limit=limit, before=before, home=home)

        pages = await pages_of(read, size, lambda page: page[-1].used_at)
        assert [found.session_id for page in pages for found in page] == [f"s{number}" for number in wanted]
