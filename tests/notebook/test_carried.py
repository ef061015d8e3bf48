"""What messages carry beside their words, as it is seen in cells, saved outputs, transcripts and terminals."""

from __future__ import annotations

import ast
import base64
import hashlib
from typing import Any

import pytest

from langswarm_nb.core.session import InMemorySessionStorage, PartDone, SessionManager
from langswarm_nb.core.session.parts.vocabulary import Part
from langswarm_nb.core.session.providers.mock import MockProviderSession
from langswarm_nb.notebook.panel.static_twin import twin_bundle
from langswarm_nb.notebook.showing.carried import (
    attachments_html,
    attachments_text,
    attachments_words,
    carried_by,
    pictures_html,
    vendor_html,
    vendor_text,
)
from langswarm_nb.notebook.showing.display import open_reply_displays
from langswarm_nb.notebook.showing.footer import footer_line
from langswarm_nb.notebook.showing.reply import Reply
from langswarm_nb.notebook.showing.reply_view import Look
from langswarm_nb.notebook.showing.transcript import (
    MAX_PICTURES,
    Transcript,
    in_short,
    messages_html,
    said,
    thumbs_for,
)
from tests.support.drawn import bomb, picture
from tests.support.hostile import TEXTS
from tests.support.html import XHTML, assert_safe, elements, text_of
from tests.support.kernels import running_kernel

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="window.pwned=1"/>'
TEXT = "The tower is **330 m** high."
ANSWER: tuple[Any, ...] = (
    PartDone({"type": "vendor", "kind": "web_search_call", "opaque": {"id": 1}, "text": "Searched: tower"}),
    TEXT,
    PartDone(
        {"type": "vendor", "kind": "code_run", "opaque": {"id": 2}, "text": "Ran code", "detail": "330\n"}
    ),
    PartDone(
        {"type": "citation", "url": "https://x.y/tower", "title": "Towers", "start": 0, "end": len(TEXT)}
    ),
)


def attachment(**more: object) -> dict[str, Any]:
    return {"type": "image", "media_type": "image/png", "blob": "b", "size": 3, **more}


def sources_of(html: str) -> list[str]:
    """Return what pictures and sounds in a page are of."""
    names = {f"{XHTML}img", f"{XHTML}audio"}
    return [element.get("src", "") for element in elements(html) if element.tag in names]


async def replied(*answer: Any, attached: tuple[object, ...] = (), question: str = "How high?") -> Reply:
    """Return what a cell holds once a scripted model answered."""
    provider = MockProviderSession(replies=[list(answer)], chunk_chars=3)
    manager = SessionManager(InMemorySessionStorage(), {"mock": provider})
    session = await manager.create_session("ada", "mock", "echo")
    stream = session.stream_message(question, attachments=list(attached))
    async for _ in stream:
        pass
    assert stream.reply is not None
    assert stream.question is not None
    reply = Reply(stream.reply, stream.question, session, view=Look())
    await reply.look_at_attachments()
    reply.footer = footer_line(reply, place="turn 0.1")
    return reply


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_names_and_what_services_tell_are_text(text: str):
    """Whatever a file is called, and whatever a search found, it is text, on one line where it is one thing."""
    parts = [
        attachment(name=text, note=text, media_type=text),
        {"type": "file", "url": text},
        {"type": "vendor", "provider": "x", "kind": text, "opaque": 0},
        {"type": "vendor", "provider": "x", "kind": "k", "opaque": 0, "text": text, "detail": text},
    ]
    assert_safe(attachments_html(parts, {"b": ("image/png", picture())}))
    assert_safe(vendor_html(parts) + pictures_html(parts, {"b": ("image/png", picture())}))
    assert attachments_text(parts).count("\n") == 1
    assert vendor_text(parts).count("\n") == 1
    assert "\n" not in attachments_words(parts)


@pytest.mark.parametrize(
    "kind, found",
    [
        ("image", ("image/svg+xml", SVG)),
        ("image", ("image/png", SVG)),
        ("image", ("text/html", picture())),
        ("image", ("image/png", picture("JPEG"))),
        ("image", ("image/png", picture(size=(400, 400), noise=True))),
        ("image", ("image/png", bomb())),
        ("audio", ("audio/wav", b"x" * 64_001)),
        ("audio", ('audio/x"onerror="x', b"x")),
        ("audio", ("image/png", picture())),
        ("file", ("image/png", picture())),
    ],
)
def test_only_small_pictures_and_sounds_are_in_the_page(kind: str, found: tuple[str, bytes]):
    """SVG, what is not what it says, and what is too large has words alone."""
    html = attachments_html([attachment(type=kind, name="x")], {"b": found})
    assert_safe(html)
    assert sources_of(html) == []
    assert "x" in text_of(html)


def test_a_chip_tells_what_is_attached():
    """Name, type, pixels, size, what was done to it; an address as a link, which loads nothing."""
    data = picture()
    parts = [
        attachment(name="plot.png", size=1_234_567, width=40, height=30, note="location removed"),
        {
            "type": "file",
            "media_type": "application/pdf",
            "blob": "p",
            "size": 8,
            "pages": 3,
            "name": "paper.pdf",
        },
        {"type": "image", "url": "https://evil.invalid/cat.png"},
        {"type": "audio", "media_type": "audio/wav", "blob": "a", "size": 4},
    ]
    html = attachments_html(parts, {"b": ("image/png", data), "a": ("audio/wav", b"RIFF")})
    assert_safe(html)
    chips = [
        text_of_one
        for text_of_one in text_of(html.replace('<div class="lsnb-chip">', "\n")).split("\n")
        if text_of_one
    ]
    assert chips == [
        "plot.png image/png · 40×30 · 1.2 MB · location removed",  # noqa: RUF001
        "paper.pdf application/pdf · 3 pages · 8 B",
        "https://evil.invalid/cat.png",
        "audio audio/wav · 4 B",
    ]
    url = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    assert sources_of(html) == [url, "data:audio/wav;base64,UklGRg=="]
    assert attachments_words(parts) == "plot.png and 3 more attached (location removed)"


def test_what_is_not_stored_yet_has_a_thumbnail_too():
    """A preview of what is to be sent shows the bytes that it has, as bytes and as base64."""
    data = picture()
    for held in (data, base64.b64encode(data).decode()):
        html = attachments_html([{"type": "image", "media_type": "image/png", "data": held}], {})
        assert sources_of(html) == [f"data:image/png;base64,{base64.b64encode(data).decode()}"]


def test_what_a_service_found_is_bounded():
    """Of a long find so much is in the page, and how much more there is; of many items the first hundred."""
    long = {"type": "vendor", "provider": "x", "kind": "web_search_call", "opaque": 0, "detail": "x" * 30_000}
    html = vendor_html([long] * 150)
    assert_safe(html)
    assert text_of(vendor_html([long])).startswith("web search call")
    assert text_of(vendor_html([long])).endswith("+10,000 characters\n")
    assert text_of(html).endswith("+50 more\n")


async def test_a_cell_shows_what_a_reply_carries():
    """What was attached and what the service did above the words, sources below, and all of it as text too."""
    reply = await replied(*ANSWER, attached=(picture(),))
    (data, _) = reply.bundle
    html = data["text/html"].partition("</style>")[2].removesuffix("</div>")
    assert_safe(html)
    assert len(sources_of(html)) == 1
    order = [
        "image",
        "Searched: tower",
        "Ran code",
        "The tower is 330 m high.[1]",
        "Sources",
        "Towers",
        "1 source",
    ]
    places = [text_of(html).index(piece) for piece in order]
    assert places == sorted(places)
    plain = data["text/plain"]
    assert f"{TEXT}[1]" in plain
    assert plain.endswith("Sources:\n[1] Towers https://x.y/tower")
    assert "image attached" in reply.footer
    assert [part["url"] for part in reply.citations] == ["https://x.y/tower"]


async def test_an_answer_of_words_alone_looks_as_ever():
    """Nothing is added where nothing is carried."""
    reply = await replied(TEXT)
    assert reply.bundle[0]["text/plain"] == TEXT
    assert "lsnb-chip" not in reply.bundle[0]["text/html"]
    assert (reply.attachments, reply.citations) == ([], [])


async def test_a_picture_that_the_model_made_is_seen_and_saved(tmp_path):
    """As it is up to a size, as its thumbnail beyond, with the way to the whole; its bytes are what was sent."""
    small, large = picture(size=(200, 200), noise=True), picture(size=(900, 900), noise=True)
    made = [
        PartDone({"type": "image", "media_type": "image/png", "data": base64.b64encode(data).decode()})
        for data in (small, large)
    ]
    reply = await replied("Here.", *made)
    html = reply.bundle[0]["text/html"]
    first, second = sources_of(html)
    assert base64.b64decode(first.partition(",")[2]) == small
    assert len(second) < 100_000
    assert 'reply.attachments[1].save("image.' in text_of(html)
    assert repr(reply.attachments[0]) == f"<image, image/png, {len(small) / 1000:.0f} kB>"
    # The bytes are read on a loop of their own in a kernel; here on this one.
    stored = await reply.session.read_attachment(reply.attachments[1].hash or "")
    assert hashlib.sha256(stored).hexdigest() == hashlib.sha256(large).hexdigest()


async def test_a_transcript_shows_thumbnails_within_bounds():
    """Small pictures for the last attachments, words for those before; the twin of a panel has the same."""
    reply = await replied(*ANSWER, attached=(picture(size=(500, 400), noise=True),), question="")
    messages = await reply.session.get_messages()
    thumbs = await thumbs_for(reply.session, messages)
    assert [len(data) <= 8_000 for _, data in thumbs.values()] == [True]
    html = messages_html("x", messages, thumbs=thumbs).partition("</style>")[2].removesuffix("</div>")
    assert_safe(html)
    assert len(sources_of(html)) == 1
    assert "Sources" in text_of(html)
    question, answer = messages
    assert in_short(question) == "[image]"
    assert "Searched: tower" in said(answer, "Model")
    many = messages_html("x", [question] * 60, thumbs=thumbs)
    assert len(sources_of(many)) == MAX_PICTURES
    assert len(many) < 400_000
    twin = twin_bundle("id", "name", messages, thumbs=thumbs)
    assert len(sources_of(twin["text/html"])) == 1
    assert "[1] Towers" in twin["text/plain"]
    assert "[image" in repr(Transcript("x", messages, 2, thumbs))


async def test_thumbnails_of_a_transcript_are_read_once(monkeypatch: pytest.MonkeyPatch):
    """The next turn reads no bytes of those before."""
    reply = await replied("ok", attached=(picture(size=(500, 400), noise=True),))
    messages = await reply.session.get_messages()
    thumbs = await thumbs_for(reply.session, messages)
    monkeypatch.setattr(type(reply.session), "read_attachment", lambda *_: pytest.fail("read again"))
    assert await thumbs_for(reply.session, messages) == thumbs


SETUP = f"""
import asyncio, langswarm_nb as ls
from langswarm_nb.notebook.showing.carried import carried_by
from langswarm_nb.notebook.showing.display import open_reply_displays, reply_bundle

TEXT = {TEXT!r}
PARTS = [
    {{"type": "vendor", "provider": "x", "kind": "web_search_call", "opaque": 0, "text": "Searched: tower"}},
    {{"type": "citation", "url": "https://x.y/tower", "title": "Towers", "end": len(TEXT)}},
]
CARRIED = carried_by(TEXT, [{{"type": "image", "url": "https://x.y/a.png"}}], PARTS, {{}})
"""


@pytest.mark.kernel
def test_what_streamed_is_saved_as_what_is_shown_at_once():
    """Marks may come at the end; the saved output is the same as that of a reply which was there at once."""
    with running_kernel() as kernel:
        kernel.run(SETUP)
        kernel.run("[display] = open_reply_displays([''], format='markdown', stream=True)")
        kernel.run("for n in range(len(TEXT)): display.update(TEXT[n])")
        kernel.run("display.finish(carried=CARRIED, footer='f')")
        streamed = ast.literal_eval(kernel.run("display.part().body").result)
        at_once = ast.literal_eval(
            kernel.run("reply_bundle(TEXT, carried=CARRIED, footer='f')['text/html']").result
        )
        assert streamed in at_once
        assert "Searched: tower" in text_of(streamed)


@pytest.mark.kernel
def test_a_cell_with_an_attachment_looks_the_same_wherever_it_is_shown(tmp_path):
    """The cell, asked again too, the transcript and the search have the picture or its name, and the sources."""
    (tmp_path / "plot.png").write_bytes(picture(size=(500, 400), noise=True))
    with running_kernel() as kernel:
        kernel.run("%load_ext langswarm_nb")
        kernel.run(f"%cd -q {tmp_path}")
        asked = kernel.run("%%langswarm mock:echo -a plot.png -T web_search\nWhat is this?")
        again = kernel.run("%langswarm retry")
        for cell in (asked, again):
            html = cell.displays[-1]["data"]["text/html"].partition("</style>")[2].removesuffix("</div>")
            assert_safe(html)
            assert len(sources_of(html)) == 1
            assert "2 sources · plot.png attached" in text_of(html)
            assert "[1] The page of good questions" in cell.displays[-1]["data"]["text/plain"]
        shown = kernel.run("%langswarm show").displays[-1]["data"]
        assert len(sources_of(shown["text/html"])) == 1
        assert "[image plot.png, image/png" in shown["text/plain"]
        assert "plot.png" in kernel.run("%langswarm search plot").displays[-1]["data"]["text/plain"]
        both = kernel.run("%%langswarm -m mock:echo,mock:script -a plot.png\nAnd this?").displays[-1]["data"]
        html = both["text/html"].partition("</style>")[2].removesuffix("</div>")
        assert_safe(html)
        assert len(sources_of(html)) == 1
        assert html.index("<img ") < html.index("lsnb-columns")
        assert both["text/plain"].startswith("[image plot.png, image/png")
        assert both["text/plain"].count("[image plot.png") == 1


def test_a_terminal_prints_no_words_twice(capsys):
    """What streamed has its sources with the words that they stand for; what was not printed yet has marks."""
    citation: Part = {"type": "citation", "url": "https://x.y/tower", "start": 0, "end": len(TEXT)}
    carried = carried_by(TEXT, [{"type": "image", "url": "https://x.y/a.png"}], [citation], {})
    [live] = open_reply_displays([""], format="markdown", stream=True)
    live.update(TEXT)
    live.finish(TEXT, carried=carried)
    assert capsys.readouterr().out == (
        f"{TEXT}\n[image https://x.y/a.png]\nSources:\n[1] https://x.y/tower for “{TEXT}”\n"
    )
    first, second = open_reply_displays(["one", "two"], format="markdown", stream=True)
    for display in (first, second):
        display.update(TEXT)
        display.finish(TEXT, carried=carried)
    said = f"{TEXT}[1]\n\nSources:\n[1] https://x.y/tower\n"
    assert capsys.readouterr().out == f"[image https://x.y/a.png]\none:\n{said}two:\n{said}"
