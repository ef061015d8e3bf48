"""Exports carry the bytes of attachments, and imports bring them back: in the text, in a folder, in a notebook."""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import pandas as pd
import pytest

from langswarm_nb.analysis import export, export_parquet, import_sessions
from langswarm_nb.core.session import (
    SessionManager,
    SessionMessage,
    SessionValueError,
    create_session_manager,
)
from tests.support.storages import answer, question, record

PNG = b"\x89PNG\r\n" + bytes(range(256))
BIG = b"\xff\xd8\xff" + bytes(300_000)
PDF = b"%PDF-1.7"
SVG = b"<svg onload='alert(1)'>"
HOSTILE = "../../<img src=x onerror=alert(1)>](javascript:x)\n.png"
PARTS: tuple[dict[str, Any], ...] = (
    {"type": "image", "media_type": "image/png", "data": PNG, "name": HOSTILE, "width": 2, "height": 1},
    {"type": "image", "media_type": "image/jpeg", "data": BIG, "name": "photo"},
    {"type": "file", "media_type": "application/pdf", "data": PDF, "name": "for ada@example.org"},
    {"type": "file", "media_type": "image/svg+xml", "data": SVG, "name": "drawing.svg"},
    {"type": "audio", "url": "https://e.org/a.mp3?password=hunter22secret"},
    {"type": "context", "text": "x = 1", "name": "cell"},
)
REPLY: tuple[dict[str, Any], ...] = (
    {
        "type": "vendor",
        "provider": "p",
        "kind": "search",
        "opaque": {"id": 1},
        "text": "searched me@example.org",
    },
    {"type": "citation", "url": "https://e.org/page", "title": "Page", "start": 0, "end": 4},
    {"type": "image", "media_type": "image/png", "data": PNG},
)
HASHES = {sha256(data).hexdigest(): data for data in (PNG, BIG, PDF, SVG)}


@pytest.fixture
async def manager() -> AsyncIterator[SessionManager]:
    async with create_session_manager("memory") as manager:
        await manager.storage.create_session(record("s", title="Carried"))
        asked = (question("Look.", parts=PARTS), answer("Seen.", parts=REPLY))
        await manager.storage.append_messages("s", asked)
        await manager.storage.append_messages("s", [question("Again", parts=PARTS[:1]), answer("Yes")])
        yield manager


async def stored(
    manager: SessionManager, session_id: str = "s"
) -> tuple[list[SessionMessage], dict[str, bytes]]:
    found = await manager.storage.get_messages(session_id, branch="all")
    return found, await manager.storage.read_blobs(session_id, list(HASHES))


WAYS = [
    ("jsonl", "inline"),
    ("jsonl", "folder"),
    ("json", "inline"),
    ("ipynb", "inline"),
    ("ipynb", "folder"),
]


@pytest.mark.parametrize("form, how", WAYS)
async def test_what_is_exported_comes_back_with_its_bytes(manager, tmp_path, form, how) -> None:
    """In another store each message is what it was, and so is every byte that it carries."""
    path = tmp_path / f"kept.{form}"
    export(manager, path, attachments=how, redact=False)
    async with create_session_manager("sqlite", {"db_path": tmp_path / "other.db"}) as other:
        assert import_sessions(path, other) == ["s"]
        assert await stored(other) == await stored(manager)
    written = sorted(file.name for file in tmp_path.glob("kept_files/*"))
    assert written == (sorted(SAFE_NAMES) if how == "folder" else [])


SAFE_NAMES = [
    f"{sha256(data).hexdigest()}{suffix}"
    for data, suffix in ((PNG, ".png"), (BIG, ".jpg"), (PDF, ".pdf"), (SVG, ".svg"))
]


@pytest.mark.parametrize("form", ["jsonl", "json"])
async def test_a_session_alone_comes_back_with_its_bytes(manager, tmp_path, form) -> None:
    """The library's own door writes and reads them without a frame in sight."""
    session = await manager.get_session("s")
    text = await session.export(tmp_path / f"kept.{form}", format=form)
    async with create_session_manager("memory") as other:
        await other.import_session(text=text, user_id="eve")
        assert await stored(other) == await stored(manager)


async def test_a_content_stands_in_a_notebook_once(manager) -> None:
    """The notebook shows the image at its first place, and the import needs no second copy of it."""
    text = export(manager, format="ipynb")
    for data in HASHES.values():
        assert text.count(b64encode(data).decode()) == 1
    outputs = [output for cell in json.loads(text)["cells"] for output in cell.get("outputs", ())]
    assert {kind for output in outputs for kind in output["data"]} == {
        "text/plain",
        "image/png",
        "image/jpeg",
    }


async def test_what_lies_beside_is_looked_at(manager, tmp_path) -> None:
    """A changed file is refused by its name; a missing one leaves a text, and the import says so."""
    path = tmp_path / "kept.jsonl"
    export(manager, path, attachments="folder", redact=False)
    [pdf] = tmp_path.glob("kept_files/*.pdf")
    pdf.write_bytes(b"other")
    async with create_session_manager("memory") as other:
        with pytest.raises(SessionValueError, match=rf"{pdf.name}.*changed"):
            import_sessions(path, other)
        pdf.unlink()
        import_sessions(path, other)
        [asked, *_], blobs = await stored(other)
        assert asked.parts[2]["type"] == "context"
        assert "for ada@example.org" in asked.parts[2]["text"]
        assert PDF not in blobs.values()


async def test_texts_to_read_have_the_numbers_of_their_sources() -> None:
    """In Markdown as they stand in the text, in HTML as links; the list below has the same order."""
    async with create_session_manager("memory") as manager:
        session = await manager.create_session("ada", "mock", "echo")
        await session.send_message("Who?", tools=["web_search"])
        read, page = [await asyncio.to_thread(export, session, format=form) for form in ("md", "html")]
    assert "is a good question.[1] Another says that no network is needed to ask it.[2]" in read
    assert "1. The page of good questions https://example.com/questions\n2. Working offline" in read
    assert '<a href="https://example.com/offline"' in page
    assert page.index(">[1]</a>") < page.index(">[2]</a>") < page.index("<li>Working offline")


def test_markdown_links_to_files_beside_it(manager, tmp_path) -> None:
    """Images are shown and files linked by harmless names; without a file, they are named."""
    path = tmp_path / "my chat.md"
    text = export(manager, path, redact=False)
    links = re.findall(r"(!?)\[([^\]]*)\]\(<([^>]*)>\)", text)
    assert [(shown, place) for shown, _, place in links[:4]] == [
        (shown, f"my%20chat_files/{name}") for shown, name in zip(("!", "!", "", ""), SAFE_NAMES, strict=True)
    ]
    assert sorted(file.name for file in tmp_path.glob("my chat_files/*")) == sorted(SAFE_NAMES)
    assert "](javascript" not in text
    assert "\n\nSources:\n\n1. Page https://e.org/page\n" in text
    assert "x = 1" in text
    named = export(manager, format="md")
    assert "_files" not in named
    assert "[image photo, image/jpeg, 300 kB]" in named


@pytest.mark.parametrize("how", ["folder", "inline", "names"])
def test_html_shows_images(manager, tmp_path, how) -> None:
    """Small ones from the page itself, large ones from beside it; names are text, and nothing else loads."""
    text = export(manager, tmp_path / "chat.html", attachments=how, redact=False)
    sources = re.findall(r'<img src="([^"]*)"', text)
    small = f"data:image/png;base64,{b64encode(PNG).decode()}"
    large = f"data:image/jpeg;base64,{b64encode(BIG).decode()}"
    beside = f"chat_files/{SAFE_NAMES[1]}"
    assert sources == {
        "folder": [small, beside, small, small], "inline": [small, large, small, small], "names": []
    }[how]  # fmt: skip
    assert "<img src=x" not in text
    assert "svg+xml;base64" not in text
    assert "img-src data: 'self'" in text
    assert "e.org/a.mp3" in text


FILES = {
    "image/svg+xml": ".svg",
    "text/html": ".txt",
    "text/javascript": ".txt",
    "text/x-python": ".txt",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/msword": ".bin",
    "application/x-sh": ".txt",
    "application/x-msdownload": ".bin",
}


@pytest.mark.parametrize("form", ["md", "html"])
async def test_the_suffix_of_a_file_says_what_it_is_and_starts_nothing(tmp_path, form) -> None:
    """A drawing is a file with its suffix, and no image of the page; one content of two types is one file."""
    names = [f"{number}.x" for number in range(len(FILES))]
    parts = [
        {"type": "file", "media_type": media_type, "data": name.encode(), "name": name}
        for name, media_type in zip(names, FILES, strict=True)
    ]
    again = {**parts[0], "media_type": "text/plain", "name": "again.x"}
    async with create_session_manager("memory") as manager:
        await manager.storage.create_session(record("s"))
        await manager.storage.append_messages("s", [question("Look.", parts=(*parts, again))])
        text = await asyncio.to_thread(
            export, manager, tmp_path / f"chat.{form}", attachments="folder", redact=False
        )
    written = {file.read_text(): file for file in tmp_path.glob("chat_files/*")}
    assert [written[name].suffix for name in names] == list(FILES.values())
    linked = set(re.findall(r"chat_files/(\w+\.\w+)", str(text)))
    assert linked == {file.name for file in written.values()}
    assert "![" not in text
    assert "<img" not in text


@pytest.mark.parametrize("form", ["md", "html", "jsonl"])
async def test_no_part_says_where_its_file_is(form) -> None:
    """What came with an import under that name leads nowhere: links go to what an export has written."""
    async with create_session_manager("memory") as manager:
        await manager.storage.create_session(record("s"))
        part = {**PARTS[0], "file": "javascript:alert(1)"}
        await manager.storage.append_messages("s", [question("Look.", parts=(part,)), answer()])
        for how in (None, "names"):
            assert "javascript:alert" not in export(manager, format=form, attachments=how)


@pytest.mark.parametrize("form", ["jsonl", "ipynb", "md", "html"])
def test_redaction_takes_words_and_leaves_bytes(manager, tmp_path, form) -> None:
    """Names, addresses and what a service found are text like any other; hashes and bytes stay."""
    text = export(manager, tmp_path / f"chat.{form}")
    assert set(text.redacted) == {"email", "secret"}
    for secret in ("ada@example.org", "me@example.org", "hunter22secret"):
        assert secret not in text
    if form in ("jsonl", "ipynb"):
        assert b64encode(PNG).decode() in text


def test_tables_have_names_and_hashes(manager, tmp_path) -> None:
    """CSV in a column of messages, Parquet in a table of its own; neither has bytes."""
    export(manager, tmp_path / "chat.csv", redact=False)
    frame = pd.read_csv(tmp_path / "chat.csv")
    assert frame["attachments"].notna().tolist() == [True, True, True, False]
    assert f"photo {sha256(BIG).hexdigest()}; " in str(frame.loc[0, "attachments"])
    pytest.importorskip("pyarrow")
    export_parquet(tmp_path / "all", source=manager)
    kept = pd.read_parquet(tmp_path / "all" / "attachments")
    assert set(kept["hash"].dropna()) == set(HASHES)


def test_chats_to_train_on_have_images(manager) -> None:
    """A chat line holds images as services take them, and a text for what it cannot hold."""
    [line] = export(manager, format="openai", redact=False).splitlines()
    content = json.loads(line)["messages"][0]["content"]
    assert sum(part["type"] == "image_url" for part in content) == 2
    assert "application/pdf" in json.dumps(content)


@pytest.mark.parametrize("form, how", [("md", "inline"), ("jsonl", "beside"), ("openai", "folder")])
def test_a_form_that_cannot_hold_bytes_so_says_so(manager, tmp_path, form, how) -> None:
    """The error lists what it can."""
    with pytest.raises(SessionValueError, match=r"attachments.*names"):
        export(manager, tmp_path / "chat.txt", format=form, attachments=how)
    with pytest.raises(SessionValueError, match="path"):
        export(manager, format="jsonl", attachments="folder")
