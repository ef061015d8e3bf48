"""The readers of streams: any split of the bytes, any way to write them, and limits that hold."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.core.session.providers._dialect.sse import (
    JSONLinesDecoder,
    LineSplitter,
    ServerSentEvent,
    SSEDecoder,
    StreamFormatError,
)

ODD_TEXT = "a\u2028b\u0085c\x0bd\x0ce\x1cf\x1dg\x1eh\u2029i 🎉 é"
"""Holds what `str.splitlines` takes for line ends, and JSON texts may contain."""


def read_sse(pieces: list[bytes]) -> list[ServerSentEvent]:
    decoder = SSEDecoder()
    return [*(event for piece in pieces for event in decoder.feed(piece)), *decoder.close()]


def split(body: bytes, cuts: list[int]) -> list[bytes]:
    bounds = [0, *sorted({cut % (len(body) + 1) for cut in cuts}), len(body)]
    return [body[start:end] for start, end in pairwise(bounds)]


text = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=20)
line_ends = st.sampled_from([("\n", "\r\n"), ("\r", "\r\n")])
"""A CR and then a LF would be one line end."""


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[ServerSentEvent]]:
    """Return the bytes of a stream and the events in it."""
    body, events = draw(st.sampled_from(["", "\ufeff"])), []
    line_end = st.sampled_from(draw(line_ends))
    for _ in range(draw(st.integers(0, 4))):
        name, lines = draw(st.none() | text), draw(st.lists(text, max_size=3))
        written = [f": {draw(text)}", f"id: {draw(text)}", "retry: 7", f"later_field:{draw(text)}", "event"]
        written = draw(st.lists(st.sampled_from(written), max_size=2))
        space = draw(st.sampled_from(["", " "]))
        # One space after the colon is dropped, so a value that begins with one needs it.
        written += [f"event: {name}"] if name is not None else []
        written += [f"data:{space or (' ' if line[:1] == ' ' else '')}{line}" for line in lines]
        body += "".join(line + draw(line_end) for line in written) + draw(line_end)
        if any(lines) or len(lines) > 1:  # an event without data is none
            last = next((line for line in reversed(written) if line.startswith("event")), "")
            events.append(ServerSentEvent("\n".join(lines), last.removeprefix("event").removeprefix(": ")))
    return body.encode(), events


@given(streams(), st.lists(st.integers(0, 500), max_size=30))
def test_any_split_of_any_stream_gives_the_same_events(
    stream: tuple[bytes, list[ServerSentEvent]], cuts: list[int]
) -> None:
    """CR, LF, CRLF, a BOM, comments, unknown fields, several data lines: the events are those that were written."""
    body, events = stream
    assert read_sse([body]) == events
    assert read_sse(split(body, cuts)) == events
    assert read_sse([bytes([byte]) for byte in body]) == events


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=20))
def test_no_bytes_break_the_reader(body: bytes, cuts: list[int]) -> None:
    """Noise gives events or a typed error, the same at any split."""

    def outcome(pieces: list[bytes]) -> tuple[list[ServerSentEvent], bool]:
        decoder, events = SSEDecoder(), []
        try:
            for piece in pieces:
                events += decoder.feed(piece)
            events += decoder.close()
        except StreamFormatError:
            return events, True
        return events, False

    assert outcome([body]) == outcome(split(body, cuts)) == outcome([bytes([byte]) for byte in body])


def test_only_cr_and_lf_end_a_line() -> None:
    """Other separators are text."""
    assert read_sse([f"data: {ODD_TEXT}\n\n".encode()]) == [ServerSentEvent(ODD_TEXT)]


def test_an_event_without_an_end_is_given_at_the_end_of_the_stream() -> None:
    """Whether it is whole is for its reader to find out."""
    decoder = SSEDecoder()
    assert decoder.feed(b"event: a\ndata: 1\ndata: 2") == []
    assert decoder.close() == [ServerSentEvent("1\n2", "a")]
    assert decoder.close() == []


def test_events_before_a_bad_one_are_given_first() -> None:
    """What came whole is not lost to what follows in the same read."""
    decoder = SSEDecoder()
    assert decoder.feed(b"data: 1\n\ndata: \xff\n\ndata: 3\n\n") == [ServerSentEvent("1")]
    with pytest.raises(StreamFormatError, match="UTF-8"):
        decoder.feed(b"data: 4\n\n")
    with pytest.raises(StreamFormatError):
        decoder.close()


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
@pytest.mark.parametrize("body", [b"data: " + b"x" * 2000 + b"\n\n", b"data: xxxxxxxx\n" * 500 + b"\n"])
def test_a_line_or_an_event_beyond_the_limit_is_refused(body: bytes, size: int) -> None:
    """Both the one long line and the event of many short ones, at any split."""
    decoder = SSEDecoder(limit=1000)
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    with pytest.raises(StreamFormatError, match="1000"):
        [decoder.feed(piece) for piece in pieces]


def test_comments_do_not_add_up() -> None:
    """A stream that is kept alive for days stays below the limit."""
    decoder = SSEDecoder(limit=100)
    for _ in range(1000):
        assert decoder.feed(b": still here\n\n") == []


def test_a_long_line_in_small_pieces_takes_linear_work() -> None:
    """Joining what came at each read would take minutes here."""
    splitter, piece = LineSplitter(), b"x" * 32
    for _ in range(250_000):
        assert splitter.feed(piece) == []
    [line] = splitter.feed(b"\n")
    assert len(line) == 8_000_000


def test_many_small_events_in_one_read_are_read() -> None:
    """A read may bring many events."""
    assert len(read_sse([b"data: {}\n\n" * 10_000])) == 10_000


@given(
    st.lists(text.filter(str.strip), max_size=5),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.data(),
)
def test_json_lines_are_read_at_any_split(
    lines: list[str], end: str, ends: bool, data: st.DataObject
) -> None:
    """Blank lines are nothing; a last line without an end counts."""
    body = (
        (end.join(lines) + (end if ends else "") + (end if ends else ""))
        .encode()
        .removeprefix(b"\xef\xbb\xbf")
    )
    cuts = data.draw(st.lists(st.integers(0, 200), max_size=20))
    decoder = JSONLinesDecoder()
    events = [event for piece in split(body, cuts) for event in decoder.feed(piece)] + decoder.close()
    whole = body.decode()
    assert [event.data for event in events] == [
        line for line in whole.replace("\r\n", "\n").split("\n") if line.strip()
    ]


def test_json_lines_keep_what_came_before_a_bad_one() -> None:
    """As with events."""
    decoder = JSONLinesDecoder(limit=50)
    assert decoder.feed(b'{"a": 1}\n{"b": \xff}\n') == [ServerSentEvent('{"a": 1}')]
    with pytest.raises(StreamFormatError):
        decoder.feed(b"")
    with pytest.raises(StreamFormatError, match="50"):
        JSONLinesDecoder(limit=50).feed(b"x" * 51)
