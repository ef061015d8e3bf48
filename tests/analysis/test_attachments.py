"""`attachments_df`: a row for each thing that a message carries, with fixed columns, and no bytes read for it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from langswarm_nb.analysis import attachments_df, messages_df
from langswarm_nb.analysis.columns import ATTACHMENTS
from langswarm_nb.core.session import SessionManager, create_session_manager
from langswarm_nb.core.session.storage.unlogged import UnloggedStorage
from tests.analysis.support import custom_storage
from tests.support.storages import answer, question, record

PNG = b"\x89PNG picture"
IMAGE = {"type": "image", "media_type": "image/png", "name": "=a.png", "data": PNG, "width": 4, "height": 3}
FILE = {"type": "file", "media_type": "application/pdf", "data": b"%PDF", "pages": 2, "note": "cut"}
ADDRESS = {"type": "audio", "url": "https://e.org/a.mp3"}
SOURCES = ({"type": "citation", "url": "https://e.org"}, {"type": "citation", "title": "Book"})


async def fill(storage: Any) -> None:
    await storage.create_session(record("s", "ada", title="Plots"))
    await storage.create_session(record("t", "bob"))
    await storage.append_messages("s", [question("a", parts=(IMAGE, FILE)), answer("b", parts=SOURCES)])
    await storage.append_messages("t", [question("c"), answer("d")])
    await storage.append_messages("s", [question("e", parts=(ADDRESS, IMAGE)), answer("f")])
    await storage.append_messages("s", [question("e", parts=(IMAGE,))], parent=1, turn=1)


@pytest.fixture(params=["memory", "sqlite", "custom", "unlogged"])
async def filled(request: pytest.FixtureRequest, tmp_path: Any) -> Any:
    storage: Any = None
    is_file = request.param == "sqlite"
    async with create_session_manager(
        "sqlite" if is_file else "memory", {"db_path": tmp_path / "s.db"} if is_file else {}
    ) as manager:
        storage = manager.storage
        if request.param == "custom":
            storage = custom_storage(storage)
        if request.param == "unlogged":
            storage = UnloggedStorage(storage)
        await fill(storage)
        yield storage


def dtypes(frame: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(dtype) for name, dtype in frame.dtypes.items()}


def plain(frame: pd.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    values = frame[list(columns)].astype(object)
    return [tuple(row) for row in values.where(values.notna(), None).itertuples(index=False)]


def test_each_attachment_is_a_row(filled: Any) -> None:
    """In the order of messages and of parts, with what is known of each; unknown is NA."""
    frame = attachments_df(filled, branch="all")
    assert list(frame.columns) == [column.name for column in ATTACHMENTS]
    columns = ("session", "turn", "version", "kind", "name", "media_type", "size", "width", "pages", "url")
    assert plain(frame, *columns) == [
        ("Plots", 0, 1, "image", "=a.png", "image/png", len(PNG), 4, None, None),
        ("Plots", 0, 1, "file", None, "application/pdf", 4, None, 2, None),
        ("Plots", 1, 1, "audio", None, None, None, None, None, ADDRESS["url"]),
        ("Plots", 1, 1, "image", "=a.png", "image/png", len(PNG), 4, None, None),
        ("Plots", 1, 2, "image", "=a.png", "image/png", len(PNG), 4, None, None),
    ]
    assert frame["hash"].nunique() == 2
    assert frame["note"].dropna().tolist() == ["cut"]
    active = attachments_df(filled)
    assert active["is_active"].all()
    assert len(active) == 3


def test_messages_count_what_they_carry(filled: Any) -> None:
    """Attachments and sources, 0 for none; the columns stand at the end."""
    frame = messages_df(filled, branch="all")
    assert list(frame.columns[-2:]) == ["n_attachments", "n_citations"]
    assert frame["n_attachments"].tolist() == [2, 0, 2, 0, 1, 0, 0]
    assert frame["n_citations"].tolist() == [0, 2, 0, 0, 0, 0, 0]
    assert dtypes(frame)["n_attachments"] == "Int16"


def test_rows_and_columns_can_be_chosen(filled: Any) -> None:
    """As in every frame: by user, by time, by name."""
    assert len(attachments_df(filled, user_id="bob")) == 0
    assert len(attachments_df(filled, since="2100-01-01")) == 0
    assert list(attachments_df(filled, columns=["hash", "session_id"]).columns) == ["hash", "session_id"]


async def test_columns_are_fixed() -> None:
    """The same names and dtypes with rows, without a message, and without a store."""
    async with create_session_manager("memory") as manager:
        empty = dtypes(attachments_df(manager))
        await fill(manager.storage)
        assert dtypes(attachments_df(manager)) == empty
        session = await manager.get_session("s")
        assert session is not None
        assert dtypes(session.attachments_df()) == empty
        assert len(session.attachments_df()) == len(manager.attachments_df()) == 3
    assert dtypes(attachments_df([])) == empty
    assert {empty[name] for name in ("size", "width", "created_at")} == {
        "Int64",
        "Int32",
        "datetime64[us, UTC]",
    }


async def test_parts_that_are_damaged_are_rows_of_what_they_tell(tmp_path: Any) -> None:
    """What is not of its kind is NA; nothing fails."""
    async with create_session_manager("sqlite", {"db_path": tmp_path / "s.db"}) as manager:
        assert isinstance(manager, SessionManager)
        await fill(manager.storage)
        import sqlite3
        from contextlib import closing

        odd = (
            '[{"type": "image", "name": 7, "size": "big", "width": true, "blob": null, "media_type": ["x"]}]'
        )
        with closing(sqlite3.connect(tmp_path / "s.db")) as db, db:
            db.execute("UPDATE message_rows SET parts = ? WHERE json_extract(marks, '$[10]') = 2", [odd])
        frame = attachments_df(manager)
        assert plain(frame, "kind", "name", "size", "width", "hash", "media_type")[0] == (
            "image", None, None, None, None, None
        )  # fmt: skip
