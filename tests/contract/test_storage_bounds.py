"""What every storage promises about the length of what it takes in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from langswarm_nb.core.session import Bounds, MessageRole, SessionTypeError, SessionValueError
from langswarm_nb.core.session.storage import create_storage
from langswarm_nb.core.session.storage.unlogged import UnloggedStorage
from tests.support.storages import answer, question, record, system

SMALL = Bounds(max_message_chars=40, max_id_chars=12, max_title_chars=8, max_metadata_chars=20)


@pytest.fixture(params=["memory", "sqlite", "unlogged"])
async def bounded(request, tmp_path):
    """Yield each storage with small bounds."""
    is_memory = request.param == "memory"
    place = {} if is_memory else {"db_path": tmp_path / "small.db"}
    opened = create_storage("memory" if is_memory else "sqlite", {**place, "bounds": SMALL})
    yield UnloggedStorage(opened) if request.param == "unlogged" else opened
    await opened.close()


async def stored(storage):
    """Return all that is stored."""
    return [(each, await storage.get_messages(each.session_id)) for each in await storage.list_sessions()]


@pytest.mark.parametrize(
    "changes, longer",
    [
        ({"session_id": "x" * 12}, {"session_id": "x" * 13}),
        ({"user_id": "x" * 12}, {"user_id": "x" * 13}),
        ({"branch": "x" * 12}, {"branch": "x" * 13}),
        ({"home": "x" * 12}, {"home": "x" * 13}),
        ({"title": "é" * 8}, {"title": "é" * 9}),
        ({"metadata": {"k": "x" * 12}}, {"metadata": {"k": "x" * 13}}),
    ],
)
async def test_a_session_is_no_longer_than_its_bounds(bounded, changes, longer):
    """What has the length of a bound is taken; one more is refused by name, with both numbers, made or restored."""
    [name] = longer
    with pytest.raises(
        SessionValueError, match=rf"{name} has \d+ char.*the limit is \d+.*Bounds\(max_"
    ) as caught:
        await bounded.create_session(replace(record(), **longer))
    assert caught.value.parameter == name
    await bounded.create_session(replace(record("shape"), user_id="u"))
    shape = (await bounded.read_tree("shape"))._replace(branch=longer.get("branch", "main"))
    with pytest.raises(SessionValueError, match=name):
        await bounded.restore_session(replace(record("r"), **longer), [], shape)
    assert len(await bounded.list_sessions()) == 1
    await bounded.create_session(replace(record(), **changes))


@pytest.mark.parametrize("change", [{"title": "x" * 9}, {"metadata": {"k": "x" * 13}}, {"home": "x" * 13}])
async def test_a_change_is_no_longer_than_its_bounds(bounded, change):
    """It is refused whole."""
    await bounded.create_session(record())
    before = await stored(bounded)
    with pytest.raises(SessionValueError, match=next(iter(change))):
        await bounded.update_session("s", status="paused", **change)
    assert await stored(bounded) == before


@pytest.mark.parametrize(
    "message",
    [
        question("x" * 41),
        system("x" * 41),
        question("x", parts=({"type": "image", "url": "x" * 40},)),
        replace(question("x" * 41), role=MessageRole.TOOL),
        question(metadata={"k": "x" * 13}),
        question(id="x" * 13),
        question(cell_id="x" * 13),
        answer(id="x" * 13),
    ],
    ids=["question", "system", "parts", "tool", "metadata", "id", "cell", "id of an answer"],
)
async def test_a_message_is_no_longer_than_its_bounds(bounded, message):
    """None of the append is stored, whether it comes alone or after others."""
    message = message if len(message.id) == 13 else replace(message, id="m")
    await bounded.create_session(record())
    with pytest.raises(SessionValueError, match="the limit is"):
        await bounded.append_messages("s", [question("fine", id="f"), message])
    assert await bounded.get_messages("s", branch="all") == []
    await bounded.append_messages("s", [question("x" * 40, id="m", metadata={"k": "x" * 12})])


async def test_what_a_model_answered_is_kept_whatever_its_length(bounded):
    """It is paid for: text, parts and metadata."""
    await bounded.create_session(record())
    parts = ({"type": "tool_call", "id": "c", "name": "f", "arguments": "x" * 99},)
    await bounded.append_messages("s", [question("go", id="q")])
    await bounded.save_partial("s", answer("x" * 500, id="r"), reply_to=0)
    long = answer("x" * 999, id="r", parts=parts, metadata={"k": "x" * 99})
    [kept] = await bounded.append_messages("s", [long], reply_to=0)
    assert (kept.content, kept.parts) == (long.content, parts)


async def test_a_branch_has_no_longer_name_than_its_bound(bounded):
    """Wherever a branch is named."""
    await bounded.create_session(record())
    await bounded.append_messages("s", [question(id="q")], branch="x" * 12)
    for call in (
        bounded.set_tip("s", 0, branch="x" * 13),
        bounded.append_messages("s", [question(id="p")], branch="x" * 13),
    ):
        with pytest.raises(SessionValueError, match="branch"):
            await call
    assert set(await bounded.list_branches("s")) == {"main", "x" * 12}


async def test_no_honest_use_meets_the_defaults(storage):
    """A book as a question, a long path as a home, a table as metadata."""
    book, table = "word " * 400_000, {"rows": [[n, "cell"] for n in range(20_000)]}
    await storage.create_session(
        record("s" * 500, "u" * 500, title="t" * 2000, home="/folder" * 600, metadata=table)
    )
    [kept] = await storage.append_messages("s" * 500, [question(book, metadata=table)])
    assert kept.content == book


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "9", None])
@pytest.mark.parametrize(
    "name",
    ["max_message_chars", "max_id_chars", "max_title_chars", "max_metadata_chars", "max_message_bytes"],
)
def test_a_bound_is_a_number_of_characters(name, value):
    """Anything else is refused by name."""
    with pytest.raises((SessionValueError, SessionTypeError), match=name):
        Bounds(**{name: value})


@pytest.mark.parametrize("storage_name", ["memory", "sqlite"])
def test_bounds_are_bounds(storage_name):
    """A dict is none; nothing is opened."""
    with pytest.raises(SessionTypeError, match="bounds must be Bounds"):
        create_storage(storage_name, {"bounds": {"max_message_chars": 5}})
