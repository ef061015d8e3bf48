"""A whole session can be taken in as it is elsewhere: with its numbers, or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from langswarm_nb.core.session import (
    ISessionStorage,
    MessageRole,
    SessionExistsError,
    SessionMessage,
    SessionRecord,
    SessionSettings,
    SessionValueError,
)
from langswarm_nb.core.session.conversation.nodes import TreeRows
from langswarm_nb.core.session.storage.unlogged import UnloggedStorage

RECORD = SessionRecord("s", "me", SessionSettings("mock", "echo"), title="Taken over")
NO_TREE = TreeRows((), None, "main", (), (), (), 0)


def message(
    seq: int, above: int | None, turn: int | None, version: int = 1, **told: object
) -> SessionMessage:
    role = MessageRole.USER if seq % 2 else MessageRole.ASSISTANT
    made = SessionMessage(role=role, content=f"text {seq}", **told)  # type: ignore[arg-type]
    return replace(made, seq=seq, parent_seq=above, turn=turn, version=version)


MESSAGES = [
    replace(message(0, None, None, scope="session"), role=MessageRole.SYSTEM),
    message(1, 0, 4),
    message(2, 1, 4),
    message(3, 0, 4, 7),
    message(4, 3, 4, 7),
    message(5, 4, 9, beside="aside"),
]
TREE = TreeRows(
    (),
    2,
    "idea",
    [("b", None), ("main", 4)],
    [("main", 3), ("idea", 4)],
    [("idea", 4, 1), ("main", 4, 7)],
    12,
)


async def test_a_session_is_taken_in_with_its_numbers(storage: ISessionStorage) -> None:
    """Turns, versions, branches in their order, former tips and marks are as they were; the path is that of the tip."""
    await storage.restore_session(RECORD, MESSAGES, TREE)
    rows = await storage.read_tree("s")
    assert rows._replace(nodes=(), hidden=sorted(rows.hidden), stamp=TREE.stamp) == TREE
    stored = await storage.get_messages("s", branch="all")
    assert [(m.seq, m.parent_seq, m.turn, m.version) for m in stored] == [
        (m.seq, m.parent_seq, m.turn, m.version) for m in MESSAGES
    ]
    assert [m.seq for m in stored if m.is_active] == [0, 1, 2]
    assert [m.seq for m in stored if m.is_hidden] == [1, 2]
    assert [m.content for m in stored] == [m.content for m in MESSAGES]
    record = await storage.load_session("s")
    assert (record.message_count, record.tip_seq, record.branch, record.title) == (6, 2, "idea", "Taken over")
    await storage.set_tip("s", 4, branch="main")
    assert [m.seq for m in await storage.get_messages("s") if m.is_hidden] == [3, 4]


async def test_it_goes_on_behind_its_numbers(storage: ISessionStorage) -> None:
    """The next turn and the next version get the next numbers."""
    await storage.restore_session(RECORD, MESSAGES, TREE)
    new = SessionMessage(role=MessageRole.USER, content="next")
    [asked] = await storage.append_messages("s", [new])
    [again] = await storage.append_messages("s", [replace(new, id="again")], parent=0, turn=4)
    assert (asked.seq, asked.parent_seq, asked.address) == (6, 2, "12.1")
    assert again.address == "4.8"


async def test_it_can_be_searched(storage: ISessionStorage) -> None:
    """Its words are found, where any are."""
    await storage.restore_session(RECORD, MESSAGES, TREE)
    found = [hit.message.seq for hit in await storage.search_messages("text 4")]
    assert found == ([] if isinstance(storage, UnloggedStorage) else [4])


@pytest.mark.parametrize(
    "messages, tree",
    [
        ([message(1, None, 0)], NO_TREE),
        ([message(0, 0, 0)], NO_TREE),
        ([message(0, None, 0), message(1, 5, 0)], NO_TREE),
        ([message(0, None, 0)], NO_TREE._replace(tip=1)),
        ([message(0, None, 0)], NO_TREE._replace(others=[("b", -1)])),
        ([message(0, None, 0)], NO_TREE._replace(former=[("main", 3)])),
        ([replace(message(0, None, 0), content="\ud800")], NO_TREE),
    ],
)
async def test_what_is_no_tree_is_refused(
    storage: ISessionStorage, messages: list[SessionMessage], tree: TreeRows
) -> None:
    """Nothing of it is stored."""
    with pytest.raises(SessionValueError):
        await storage.restore_session(RECORD, messages, tree)
    assert await storage.list_sessions() == []


async def test_a_session_that_is_there_stays(storage: ISessionStorage) -> None:
    """Its id is taken."""
    await storage.restore_session(RECORD, MESSAGES, TREE)
    with pytest.raises(SessionExistsError):
        await storage.restore_session(RECORD, [], NO_TREE)
    assert len(await storage.get_messages("s", branch="all")) == len(MESSAGES)
