"""Streams, however they are written, framed, broken or cut."""

from __future__ import annotations

import re
from typing import Any

import pytest

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.messages import FinishReason
from langswarm_nb.core.session.providers._http import response as _answer
from tests.contract.provider_cases import TEXT, Dialect, Outcome, ask, fails, impatient, read
from tests.support.faulty import FaultyServer, Reply
from tests.support.replay import Replay

pytestmark = [  # what stands above the HTTP libraries needs only one of them
    pytest.mark.usefixtures("library"),
    pytest.mark.parametrize("library", ["httpx"], indirect=True),
]


# Streams


async def test_a_stream_may_end_without_done(provider: Any, dialect: Dialect, server: FaultyServer) -> None:
    """The API's own end mark is what counts; ``[DONE]`` may be missing."""
    server.script(Reply.events(dialect.stream.replace(b"data: [DONE]\n\n", b"")))
    assert (await read(provider.stream(ask()))).text == TEXT


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
async def test_a_stream_may_be_framed_in_any_way(
    provider: Any, dialect: Dialect, server: FaultyServer, framing: Any
) -> None:
    """By its length, in chunks, or by the end of the connection."""
    server.script(Reply.events(dialect.stream, framing=framing, piece=11))
    assert (await read(provider.stream(ask()))).text == TEXT


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.replace(b"\n", b"\r\n"),
        lambda body: body.replace(b"\n", b"\r"),
        lambda body: b"\xef\xbb\xbf" + body,
    ],
)
async def test_lines_may_end_in_any_way(
    provider: Any, dialect: Dialect, server: FaultyServer, change: Any
) -> None:
    """Line ends of every kind, and a BOM."""
    server.script(Reply.events(change(dialect.stream), piece=3))
    assert (await read(provider.stream(ask()))).text == TEXT


@pytest.mark.parametrize(
    "change",
    [
        lambda body: b": comment\nid: 7\nretry: 10\nunknown: x\nevent\n\n" + body,
        lambda body: b"event: ping\n\n" + body,
        lambda body: body.replace(b"data: ", b"data:"),
        lambda body: body + b"data: [DONE]\n\n",
        lambda body: b'data: {"type": "of_a_later_day", "x": 1}\n\n' + body,
        lambda body: b"data:\n\n" + body,
        lambda body: body.replace(b"\n\n", b"\n\ndata: \n\n"),
        lambda body: b"event: x\ndata: \ndata: \n\n" + body,
        lambda body: body.replace(b"\n\n", b"\n\nevent: heartbeat\ndata: keep-alive\n\n"),
        lambda body: body.replace(b"\n\n", b'\n\nevent: ping\ndata: {"at": 5}\n\n'),
        lambda body: b'event: ping\ndata: "2026"\n\nevent: tick\ndata: 5\n\nevent: t\ndata: []\n\n' + body,
        lambda body: body.replace(b"data: [DONE]", b"data: [DONE] "),
        lambda body: body + b"data:  [DONE]  \n\n",
    ],
    ids=[
        "comments",
        "an event without data",
        "no blank",
        "done twice",
        "a later type",
        "empty data first",
        "empty data everywhere",
        "several empty data",
        "named heartbeats",
        "heartbeats that are objects",
        "heartbeats of JSON",
        "done with a blank",
        "done between blanks",
    ],
)
async def test_an_event_stream_may_be_written_in_any_way(
    sse_dialect: Dialect, server: FaultyServer, change: Any
) -> None:
    """Comments, unknown fields and events, repeated ends."""
    provider = impatient(sse_dialect, server.url)
    server.script(Reply.events(change(sse_dialect.stream), piece=3))
    assert (await read(provider.stream(ask()))).text == TEXT
    await provider.close()


RUBBISH = {
    "text": b"data: goodbye\n\n",
    "torn": b'data: {"choices": [\n\n',
    "another shape": b'data: {"choices": 5, "candidates": 5, "type": 5}\n\n',
    "no UTF-8": b"data: \xff\xfe\n\n",
    "an error": b'data: {"error": {"message": "too busy", "code": 503}}\n\n',
    "a page": b"<html>\n\n",
}


@pytest.mark.parametrize("rubbish", RUBBISH.values(), ids=RUBBISH)
@pytest.mark.parametrize("piece", [7, None])
async def test_nothing_behind_the_end_mark_breaks_a_reply(
    sse_dialect: Dialect, server: FaultyServer, rubbish: bytes, piece: int | None
) -> None:
    """Once the API's own end mark was seen the reply is whole, whatever comes then."""
    provider = impatient(sse_dialect, server.url)
    body = sse_dialect.stream.replace(b"data: [DONE]\n\n", b"")
    server.script(Reply.events(body + rubbish, piece=piece))
    outcome = await read(provider.stream(ask()))
    assert outcome.text == TEXT
    assert outcome.finish is not None
    assert outcome.finish.reason is FinishReason.STOP
    await provider.close()


async def test_an_event_named_error_is_one_whatever_it_holds(
    sse_dialect: Dialect, server: FaultyServer
) -> None:
    """Its words are told, though they are not JSON."""
    provider = impatient(sse_dialect, server.url)
    server.script(Reply.events(sse_dialect.text_event("Half") + b"event: error\ndata: too busy\n\n"))
    outcome = Outcome()
    with pytest.raises(errors.ProviderServerError, match="too busy"):
        await read(provider.stream(ask()), outcome)
    assert outcome.text == "Half"
    await provider.close()


@pytest.mark.parametrize("label", ["text/event-stream; charset=latin-1", "text/plain", ""])
async def test_a_label_does_not_change_what_is_read(
    provider: Any, dialect: Dialect, server: FaultyServer, label: str
) -> None:
    """A wrong charset or content type of a good stream is overlooked."""
    server.script(Reply.events(dialect.stream, headers={"content-type": label}))
    assert (await read(provider.stream(ask()))).text == TEXT


async def test_characters_cut_in_two_are_joined(
    provider: Any, dialect: Dialect, server: FaultyServer
) -> None:
    """Two halves in two pieces are one character; a lone half becomes U+FFFD."""
    halves = [dialect.text_event(piece) for piece in ("a\ud83d", "\ude00b", "\ud83d", "c")]
    server.script(Reply.events(b"".join(halves) + dialect.stream))
    assert (await read(provider.stream(ask()))).text == f"a😀b\ufffdc{TEXT}"


async def test_a_cut_stream_hands_on_its_part_and_raises(
    provider: Any, dialect: Dialect, server: FaultyServer
) -> None:
    """What came is handed on; then the error says that it is not all, and the next request works."""
    part = dialect.text_event("The first half")
    server.script(Reply.events(part, then="reset", cut_at=len(part)), Reply.events(dialect.stream))
    outcome = Outcome()
    with pytest.raises(errors.StreamInterruptedError, match="cut short"):
        await read(provider.stream(ask()), outcome)
    assert outcome.text == "The first half"
    assert (await read(provider.stream(ask()))).text == TEXT
    assert len(server.requests) == 2


async def test_an_error_event_hands_on_the_part_and_raises(
    provider: Any, dialect: Dialect, server: FaultyServer
) -> None:
    """An error inside a stream of 200 keeps its words, its class and the text before it; it is not repeated."""
    server.script(Reply.events(dialect.text_event("Half") + dialect.error_event))
    outcome = Outcome()
    with pytest.raises(dialect.error_kind, match="too busy") as caught:
        await read(provider.stream(ask()), outcome)
    assert outcome.text == "Half"
    assert caught.value.maybe_processed
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "bad",
    [b"data: {not json}\n\n", b"data: {\xff}\n\n", b"data: 5\n\n", b"data: " + b"[" * 100_000 + b"\n\n"],
)
async def test_a_broken_event_hands_on_the_part_and_raises(
    provider: Any, dialect: Dialect, server: FaultyServer, bad: bytes
) -> None:
    """An event that is not JSON, or JSON of another kind, interrupts the reply."""
    server.script(Reply.events(dialect.text_event("Half") + bad + dialect.stream))
    outcome = Outcome()
    with pytest.raises(errors.StreamInterruptedError):
        await read(provider.stream(ask()), outcome)
    assert outcome.text == "Half"


async def test_an_event_of_another_shape_interrupts(
    provider: Any, dialect: Dialect, server: FaultyServer
) -> None:
    """No KeyError or TypeError gets out, whatever the JSON looks like."""
    server.script(Reply.events(dialect.text_event("Half") + dialect.bad_event + dialect.stream))
    await fails(provider, errors.StreamInterruptedError)


async def test_an_endless_line_is_stopped(provider: Any, dialect: Dialect, server: FaultyServer) -> None:
    """A line beyond the limit interrupts the reply, after what came before it."""
    body = dialect.text_event("Half") + b"data: " + b"x" * (17 * 2**20)
    server.script(Reply.events(body))
    outcome = Outcome()
    with pytest.raises(errors.StreamInterruptedError, match="longer than"):
        await read(provider.stream(ask()), outcome)
    assert outcome.text == "Half"


async def test_an_endless_reply_is_stopped(
    provider: Any, dialect: Dialect, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reply has a largest size, even when each event is small."""
    monkeypatch.setattr(_answer, "MAX_ANSWER_BYTES", 100_000)
    server.script(Reply.events(dialect.text_event("word ") * 2_000))
    error = await fails(provider, errors.StreamInterruptedError)
    assert "100000" in str(error)


async def test_a_stall_after_the_end_mark_loses_nothing(
    provider: Any, dialect: Dialect, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reply whose end mark came is whole, though the server then keeps the connection open and silent."""
    monkeypatch.setattr("langswarm_nb.core.session.providers._dialect.reply_stream._LAST_WAIT_S", 0.05)
    server.script(Reply.events(dialect.stream.replace(b"data: [DONE]\n\n", b""), then="stall"))
    assert (await read(provider.stream(ask()))).text == TEXT


@pytest.mark.unmeasured
@pytest.mark.parametrize("breaks", [False, True], ids=["closed", "broken"])
async def test_a_stream_cut_anywhere_is_never_a_finished_reply(dialect: Dialect, breaks: bool) -> None:
    """At each byte: without the end mark it raises, with it nothing of the reply is lost."""
    provider = impatient(dialect, "http://127.0.0.1:9")
    for end in range(len(dialect.stream)):
        Replay([dialect.stream[:end]], breaks=breaks).into(provider)
        outcome = Outcome()
        seen = dialect.stream[:end]
        if breaks:  # what had no end by then is not read
            seen = seen[: max((found.end() for found in re.finditer(dialect.boundary, seen)), default=0)]
        if dialect.is_whole(seen):
            assert (await read(provider.stream(ask()), outcome)).text == TEXT
        else:
            with pytest.raises(errors.StreamInterruptedError):
                await read(provider.stream(ask()), outcome)
            assert TEXT.startswith(outcome.text)
