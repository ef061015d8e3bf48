"""What a panel's page attaches: the kernel's side of it, which believes nothing that the page says."""

from __future__ import annotations

import re

import pytest

from langswarm_nb.core.session import (
    AttachmentError,
    MessageRole,
    SessionMessage,
    SessionValueError,
    attach,
    create_session_manager,
)
from langswarm_nb.core.session.attachments.attaching import MAX_BYTES, MAX_BYTES_TOGETHER
from langswarm_nb.core.session.parts.vocabulary import Part
from langswarm_nb.notebook.panel.attachment_chips import chips
from langswarm_nb.notebook.panel.feed import Feed
from langswarm_nb.notebook.panel.scripts import script
from langswarm_nb.notebook.panel.tray import MAX_FILES, PIECE_BYTES, Tray
from tests.support.panel_kernel import opened

S = "s1"


@pytest.fixture
def tray():
    """Return a tray in which nothing lies."""
    return Tray()


@pytest.fixture
async def memory_session():
    """Return a session in memory."""
    async with create_session_manager("memory") as manager:
        yield await manager.create_session("me", "mock", "echo")


async def put(tray, key, data, name="a.txt", session=S):
    done = await tray.begin(session, key, name, len(data), "view")
    for at in range(0, len(data), PIECE_BYTES):
        done = await tray.piece(session, key, at, [memoryview(data)[at : at + PIECE_BYTES]])
    return done


async def test_what_was_done_to_a_file_is_told(tray):
    """Apart from what it is, so that a narrow chip shows it whole."""
    assert await put(tray, "k1", "words".encode("utf-16"))
    [shown] = tray.chips(S)
    assert (shown["facts"], shown["note"]) == ("text/plain · 5 B", "converted to UTF-8")


async def test_pieces_make_the_file(tray):
    """A file of several pieces is attached with its bytes when the last one came, and not before."""
    data = b"words\n" * 400_000
    assert await put(tray, "k1", data)
    assert tray.taken(S, ["k1"])["k1"].data == data
    [shown] = tray.chips(S)
    assert (shown["id"], shown["name"], shown["facts"]) == ("k1", "a.txt", "text/plain · 2.4 MB")
    assert "note" not in shown
    assert tray.chips("other") == []
    tray.remove(S, "k1")
    assert tray.chips(S) == []
    with pytest.raises(AttachmentError, match="no longer kept"):
        tray.taken(S, ["k1"])


@pytest.mark.parametrize(
    "begun, words",
    [
        (("k", "a.bin", MAX_BYTES + 1), "at most 20 MB"),
        (("k", "a.bin", 0), "empty"),
        (("k", "a.bin", -1), "size"),
        (("k", "a.bin", True), "size"),
        (("k", "a.bin", "7"), "size"),
        (("k/../x", "a.bin", 7), "id"),
        (("k" * 65, "a.bin", 7), "id"),
        ((None, "a.bin", 7), "id"),
        (("k", None, 7), "name"),
    ],
)
async def test_a_file_that_is_announced_wrongly_is_refused(tray, begun, words):
    """Ids, names and sizes are checked, and nothing of what was refused is kept."""
    with pytest.raises((AttachmentError, SessionValueError), match=words):
        await tray.begin(S, *begun, "view")
    assert await put(tray, "k", b"fine")


@pytest.mark.parametrize(
    "at, pieces",
    [
        (1, [b"abc"]),
        (-1, [b"abc"]),
        (None, [b"abc"]),
        (0, [b"abcdefghi"]),
        (0, []),
        (0, [b"abc", b"def"]),
        (0, [b""]),
        (0, [bytes(PIECE_BYTES + 1)]),
    ],
    ids=["later", "before", "nowhere", "too long", "none", "two", "empty", "large"],
)
async def test_a_wrong_piece_ends_the_upload(tray, at, pieces):
    """A piece that is not the next one is refused, and what came of its file is let go."""
    await tray.begin(S, "k", "a.txt", 8, "view")
    with pytest.raises(SessionValueError):
        await tray.piece(S, "k", at, pieces)
    with pytest.raises(AttachmentError, match="Attach it again"):
        await tray.piece(S, "k", 0, [b"abcdefgh"])
    assert tray.chips(S) == []


async def test_a_message_has_bounds(tray):
    """What is announced counts before it came; what is removed makes room again."""
    for number in range(2):
        await tray.begin(S, f"k{number}", "a.bin", MAX_BYTES, "view")
    with pytest.raises(AttachmentError, match="at most 50 MB go with one message"):
        await tray.begin(S, "k2", "a.bin", MAX_BYTES_TOGETHER - 2 * MAX_BYTES + 1, "view")
    tray.remove(S, "k0")
    await tray.begin(S, "k2", "a.bin", MAX_BYTES, "view")
    for number in range(MAX_FILES):
        await tray.begin("many", f"k{number}", "a.bin", 1, "view")
    with pytest.raises(AttachmentError, match="At most 50 files"):
        await tray.begin("many", "more", "a.bin", 1, "view")
    with pytest.raises(SessionValueError):
        await tray.begin("many", "k0", "a.bin", 1, "view")


async def test_a_page_that_is_drawn_anew_ends_what_the_old_one_sent(tray):
    """What was whole stays, what was half there is let go, what the new page sends goes on."""
    await put(tray, "whole", b"words")
    await tray.begin(S, "half", "a.txt", 8, "old")
    await tray.begin(S, "new", "a.txt", 5, "view")
    tray.drop_torn("view")
    with pytest.raises(AttachmentError):
        await tray.piece(S, "half", 0, [b"ab"])
    assert await tray.piece(S, "new", 0, [b"words"])
    assert [shown["id"] for shown in tray.chips(S)] == ["whole", "new"]


async def test_what_cannot_be_attached_says_why(tray):
    """The words are those of `attach`, and nothing is kept."""
    broken = b"\x89PNG\r\n\x1a\n" + bytes(40)
    with pytest.raises(AttachmentError, match="PNG"):
        await put(tray, "k", broken, "broken.png")
    assert tray.chips(S) == []
    assert await put(tray, "k", b"fine")


async def test_drafts_of_many_sessions_are_bounded(tray):
    """A page that goes through sessions does not fill the kernel's memory."""
    for number in range(40):
        await put(tray, "k", b"words", session=f"s{number}")
    kept = [number for number in range(40) if tray.chips(f"s{number}")]
    assert kept == list(range(32, 40))


def test_the_page_and_the_kernel_have_the_same_bounds():
    """What the page lets through the kernel takes."""
    numbers = dict(re.findall(r"const (\w+) = ([\d_]+);", script()))
    told = [numbers[name] for name in ("PIECE_BYTES", "FILE_BYTES", "MESSAGE_BYTES", "MAX_FILES")]
    assert [int(number) for number in told] == [PIECE_BYTES, MAX_BYTES, MAX_BYTES_TOGETHER, MAX_FILES]


def test_items_of_attachments_are_small_and_lead_nowhere():
    """No bytes go into the transcript, and only addresses of the web become links."""
    data = b"words" * 100_000
    [whole] = chips([attach(data, name="a\nb.txt").part])
    assert whole["name"] == "a b.txt"
    assert len(str(whole)) < 300
    shown = chips(
        {"type": "image", "url": url} for url in ("https://a.example/x.png", "javascript:x", "file:///etc")
    )
    assert ["url" in each for each in shown] == [True, False, False]


def _attach(panel, key, name, data, session):
    panel.ask("attach_begin", id=key, name=name, size=len(data), session=session, view="v")
    return panel.ask("attach_piece", id=key, at=0, session=session, buffers=[data])


@pytest.mark.kernel
def test_what_is_attached_goes_out_is_kept_by_edits_and_can_be_read(kernel):
    """Through a real kernel: bytes beside the messages, a new version without one of two, another session's refused."""
    panel = opened(kernel)
    session = panel.eval("panel.session.session_id")
    assert _attach(panel, "k1", "a.csv", b"a,b", session) == {"done": True}
    _attach(panel, "k2", "b.txt", b"words", session)
    with pytest.raises(RuntimeError, match="no longer kept"):
        panel.ask("send", text="", attached=["k1", "gone"])
    with pytest.raises(RuntimeError, match="text"):
        panel.ask("send", text=" ")
    panel.ask("send", text="", attached=["k2", "k1"])
    [question, _] = panel.wait(lambda t: not t["live"] and len(t["messages"]) == 2)["messages"]
    assert [each["name"] for each in question["attached"]] == ["b.txt", "a.csv"]
    assert panel.eval("panel.attached") == "[]"
    panel.ask("edit", id=question["id"], text="", without=[0])
    [edited, _] = panel.wait(
        lambda t: not t["live"] and len(t["messages"]) == 2 and t["messages"][0]["id"] != question["id"]
    )["messages"]
    [left] = edited["attached"]
    assert left == question["attached"][1]
    with pytest.raises(RuntimeError, match="text"):
        panel.ask("edit", id=edited["id"], text="", without=[0])
    assert panel.ask("bytes", hash=left["hash"]) == {"mediaType": "application/octet-stream"}
    assert panel.ask("thumbnail", hash=left["hash"]) == {}
    panel.ask("new")
    with pytest.raises(RuntimeError, match="carries the attachment"):
        panel.ask("bytes", hash=left["hash"])
    with pytest.raises(RuntimeError, match="hash"):
        panel.ask("bytes", hash="../etc/passwd")


async def test_sources_and_what_a_service_did_are_html_beside_the_text(memory_session):
    """Marks stand in the rendered text, the list and the folded lines below it; the stored text stays as it is."""
    told = "<b>found</b>"
    parts: tuple[Part, ...] = (
        {
            "type": "vendor",
            "provider": "p",
            "kind": "web_search_call",
            "opaque": {},
            "text": "searched",
            "detail": told,
        },
        {"type": "citation", "url": "https://a.example/x", "title": "A source", "start": 0, "end": 5},
        {"type": "citation", "url": "javascript:alert(1)", "title": "Another", "start": 6, "end": 11},
    )
    message = SessionMessage(role=MessageRole.ASSISTANT, content="Hello world.", parts=parts)
    [shown] = await Feed(memory_session).items([message])
    assert shown["text"] == "Hello world."
    assert shown["html"].count("lsnb-cite") == 2
    assert "searched" in shown["carried"]
    assert "A source" in shown["carried"]
    assert "<b>" not in shown["carried"]
    assert "javascript" not in re.sub(r"<span>.*?</span>", "", shown["carried"])
    [plain] = await Feed(memory_session).items([SessionMessage(role=MessageRole.ASSISTANT, content="Hi")])
    assert not {"carried", "attached"} & plain.keys(), "what carries nothing costs nothing"
