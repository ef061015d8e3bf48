"""Chunks of HTTP are joined so that who reads the answer, h11, finds the same one."""

from __future__ import annotations

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from langswarm_nb.core.session.providers._http.chunks import ChunkJoiner

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
Answer = tuple[int, bytes, str]
"""Status, body, and how it ended."""


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    """Cut bytes at some places."""
    at = sorted({cut % (len(data) + 1) for cut in cuts})
    return [piece for piece in (data[a:b] for a, b in zip([0, *at], [*at, len(data)], strict=True)) if piece]


def joined(pieces: list[bytes]) -> list[bytes]:
    """Return what comes out of a joiner."""
    joiner = ChunkJoiner()
    return [given for piece in pieces if (given := joiner.feed(piece))]


def read(pieces: list[bytes]) -> tuple[Answer, int]:
    """Read an answer with h11, to its end; return the number of its pieces, too."""
    reader = h11.Connection(our_role=h11.CLIENT)
    reader.send(h11.Request(method="POST", target="/", headers=[("Host", "h"), ("Content-Length", "0")]))
    reader.send(h11.EndOfMessage())
    status, body, end, count = 0, b"", "", 0
    feed = iter([*pieces, b""])
    while not end:
        try:
            event = reader.next_event()
            if event is h11.NEED_DATA:
                reader.receive_data(next(feed))
        except (h11.RemoteProtocolError, RuntimeError, StopIteration):
            end = "broken"
        else:
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body, count = body + bytes(event.data), count + 1
            elif isinstance(event, (h11.EndOfMessage, h11.ConnectionClosed)):
                end = type(event).__name__
    return (status, body, end), count


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Make an answer in chunks, with the oddities that HTTP allows and some that it does not."""
    head = draw(
        st.sampled_from(
            [
                HEAD,
                HEAD.lower().replace(b"http/1.1", b"HTTP/1.1"),
                HEAD.replace(b"\r\n", b"\n"),
                b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD,
                b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n",
                b"HTTP/1.1 200 OK\r\n\r\n",
            ]
        )
    )
    body = b""
    for data in draw(st.lists(st.binary(min_size=1, max_size=40) | st.sampled_from([b"\r\n", b"0\r\n\r\n"]))):
        size = draw(st.sampled_from([b"%x", b"%X", b"00%x", b"%x;name=value", b"%x ", b"%x\t"])) % len(data)
        body += size + draw(st.sampled_from([b"\r\n"] * 9 + [b"\n", b""])) + data
        body += draw(st.sampled_from([b"\r\n"] * 19 + [b"XX"]))
    end = draw(
        st.sampled_from([b"0\r\n\r\n", b"0\r\nX-Trailer: 1\r\n\r\n", b"", b"zz\r\n", b"00\r\n\r\n", b"\r\n"])
    )
    whole = head + body + end
    return whole[: draw(st.sampled_from([len(whole), draw(st.integers(0, len(whole)))]))]


@given(answers(), st.lists(st.integers(0, 1000)))
@example(HEAD + b"5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n", [len(HEAD) + 9])
def test_joining_changes_no_answer(answer: bytes, cuts: list[int]) -> None:
    """However it is chunked and cut, also where it is broken: status, body and end are the same."""
    pieces = pieces_of(answer, cuts)
    assert read(joined(pieces))[0] == read(pieces)[0]


@pytest.mark.parametrize("n_pieces", [1, 2, 10])
def test_chunks_that_come_together_are_one(n_pieces: int) -> None:
    """Of a thousand chunks h11 sees as many as there were reads, and all of their bytes."""
    body = b"".join(
        b"%x\r\n%b\r\n" % (len(event), event) for event in [b"data: %d\n\n" % n for n in range(1000)]
    )
    answer = HEAD + body + b"0\r\n\r\n"
    at = [len(answer) * n // n_pieces for n in range(n_pieces)]
    (status, read_body, end), count = read(joined(pieces_of(answer, at)))
    assert (status, end, count) == (200, "EndOfMessage", n_pieces)
    assert read_body == b"".join(b"data: %d\n\n" % n for n in range(1000))


def test_the_next_answer_is_joined_too() -> None:
    """A connection serves one request after the other; an answer that was not chunked changes nothing for the next."""
    joiner = ChunkJoiner()
    plain = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    assert joiner.feed(plain) == plain
    joiner.begin()
    assert joiner.feed(HEAD + b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n") == HEAD + b"2\r\nab" + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize("endless", [b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 2**16, HEAD + b"1" * 2**16])
def test_what_never_ends_is_not_held(endless: bytes) -> None:
    """A head, or a size, that goes on and on is passed on for h11 to refuse; nothing of it is kept."""
    joiner = ChunkJoiner()
    passed = sum(len(joiner.feed(endless[at : at + 100])) for at in range(0, len(endless), 100))
    assert passed == len(endless)
    assert not joiner._take or len(joiner._rest) < 2**14
