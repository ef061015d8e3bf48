"""A message with attachments: what the library takes, and that what it refuses leaves no trace."""

from __future__ import annotations

import pytest

from langswarm_nb.core.session import (
    AttachmentError,
    BaseSession,
    ContextLengthError,
    SessionValueError,
    create_session_manager,
)
from langswarm_nb.core.session.attachments.attaching import attach
from langswarm_nb.core.session.messages import SessionMessage, estimate_tokens
from langswarm_nb.core.session.parts.blobs import bytes_of
from langswarm_nb.core.session.providers.mock import MockProviderSession
from tests.support.pictures import pdf, png


@pytest.fixture
async def session() -> BaseSession:
    """Return a session with the mock."""
    manager = create_session_manager("memory")
    manager.add_provider_session("mock", MockProviderSession(replies=["Seen."] * 9))
    return await manager.create_session("me", "mock", "echo")


async def test_a_message_takes_whatever_can_be_attached(session, tmp_path):
    """Sent as bytes, stored once each, and read back by their hash."""
    file = tmp_path / "plot.png"
    file.write_bytes(png())
    await session.send_message("What?", attachments=[file, str(file), png(), attach(pdf(), name="a.pdf")])
    [request] = session.provider_session("mock").requests
    sent = request.messages[-1].attachments
    assert [bytes_of(part["data"]) for part in sent] == [png(), png(), png(), pdf()]
    [question, _] = await session.get_messages()
    assert len({part["blob"] for part in question.attachments}) == 2
    assert await session.read_attachment(question.attachments[0]["blob"]) == png()


@pytest.mark.parametrize("way", ["send_message", "plan_message", "stream_comparison"])
async def test_what_cannot_be_attached_leaves_no_trace(session, way):
    """Nothing is stored and nothing sent, however it was to be."""
    large = [b"x" * 20_000_000] * 3
    more = (["mock:a", "mock:b"],) if way == "stream_comparison" else ()
    for bad in (["nope.png"], [png(), png()[:-5]], ["https://10.0.0.1/a"], [object()], large, [b""]):
        with pytest.raises(AttachmentError):
            await getattr(session, way)("Hi", *more, attachments=bad)
    assert await session.get_messages(branch="all") == []
    assert not session.provider_session("mock").requests


@pytest.mark.parametrize(
    "part, words",
    [
        ({"type": "image", "media_type": "image/png", "data": b""}, "empty"),
        ({"type": "file", "media_type": "text/plain", "data": "", "name": "a.txt"}, "'a.txt' is empty"),
        ({"type": "image", "url": "data:image/png;base64,"}, "empty"),
        ({"type": "image", "media_type": "image/png", "data": png()[:-5]}, "broken PNG"),
        (
            {"type": "image", "media_type": "image/jpeg", "data": png()},
            "is image/png, .* says .* 'image/jpeg'",
        ),
        ({"type": "file", "media_type": "text/plain", "data": png()}, "is image/png"),
        ({"type": "image", "media_type": "image/svg+xml", "data": b"<svg/>"}, "a part of type 'file'"),
        (
            {"type": "image", "media_type": "image/png", "data": b"\xef\xbb\xbf<?xml version='1.0'?><svg>"},
            "svg",
        ),
    ],
    ids=str,
)
async def test_a_part_that_says_what_it_is_not_is_refused(session, part, words):
    """What its bytes say themselves holds, though it did not come from `attach`; nothing is stored or sent."""
    with pytest.raises(AttachmentError, match=words):
        await session.send_message("Look", parts=[part])
    assert await session.get_messages() == []
    assert not session.provider_session("mock").requests


@pytest.mark.parametrize("name", ["a/b\n\x1b[31m.png", "C:\\a\\\u202eb.png", "x" * 300, "a/"])
def test_a_name_stays_the_same_however_often_it_is_attached(name):
    """What was written in place of what cannot be seen is part of the name, and no folder."""
    once = attach(png(), name=name)
    again = attach(once.part)
    assert again.name == once.name == attach(again, name=again.name).name


@pytest.mark.parametrize(
    "thing, detail, tokens",
    [
        (png(), None, 1000),
        (png(), "low", 100),
        (b"x" * 4000, None, 1000),
        (pdf(3), None, 6000),
        ("https://example.com/a.png", None, 1000),
        ("https://example.com/a.pdf", None, 1000),
    ],
    ids=str,
)
def test_attachments_count_about_what_they_cost(thing, detail, tokens):
    """An image by how closely it is looked at, a text by its length, a PDF by its pages."""
    with_it = SessionMessage(content="Hi", parts=(attach(thing, detail=detail).part,))
    assert estimate_tokens([with_it]) - estimate_tokens([SessionMessage(content="Hi")]) == tokens


@pytest.mark.parametrize("storage", ["memory", "sqlite"])
async def test_a_limit_on_what_is_sent_counts_attachments(storage, tmp_path):
    """Of earlier turns those go that fit with what they carry, and what is too much by itself is refused."""
    config = {"db_path": tmp_path / "a.db"} if storage == "sqlite" else {}
    async with create_session_manager(storage, config) as manager:
        manager.add_provider_session("mock", mock := MockProviderSession(replies=["Seen."] * 9))
        session = await manager.create_session("me", "mock", "echo", max_context_tokens=2500)
        for number in range(4):
            await session.send_message(f"Picture {number}", attachments=[png()])
        await session.send_message("", parts=[{"type": "image", "media_type": "image/png", "data": png()}])
        sent = [len(each.attachments) for each in mock.requests[-1].messages]
        assert sent == [1, 0, 1]
        assert estimate_tokens(mock.requests[-1].messages) <= 2500
        with pytest.raises(ContextLengthError, match=r"about 3.{3} tokens, max_context_tokens is 2500"):
            await session.send_message("All", attachments=[png(), png(), png()])
        assert len(await session.get_messages()) == 10


async def test_a_file_that_claims_any_number_of_pages_can_be_stored(session):
    """What it would cost is bounded, and the session goes on."""
    part = {"type": "file", "media_type": "application/pdf", "data": pdf(), "pages": 10**30}
    await session.send_message("Read it", parts=[part])
    assert (await session.send_message("And now?")).content == "Seen."


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image", "url": ""},
        {"type": "image", "media_type": "image/png", "blob": ""},
        {"type": "image", "media_type": "", "data": b"x"},
        {"type": "citation", "url": "", "title": ""},
    ],
    ids=str,
)
async def test_a_part_that_leads_nowhere_is_refused(session, part):
    """An empty address or name is none; nothing is stored or sent."""
    with pytest.raises(SessionValueError, match="complete"):
        await session.send_message("Look", parts=[part])
    assert await session.get_messages() == []
