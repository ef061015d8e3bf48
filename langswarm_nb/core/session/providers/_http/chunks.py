"""`ChunkJoiner`: an answer in many small chunks, as the same answer in few; no I/O.

Services send each event of a stream as a chunk of HTTP of its own, and h11 takes longer to read a chunk than all that
follows takes to make text of it. So chunks that arrived together go to it as one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_HEAD = 2**14
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_IS_CHUNKED = re.compile(rb"\ntransfer-encoding:[ \t]*chunked[ \t]*\r?\n", re.IGNORECASE)
_SIZE = re.compile(rb"\r\n([0-9a-fA-F]{1,8})\r\n")
"""Between two chunks: the end of one, and the size of the next."""
_BEGINS_SIZE = re.compile(rb"(?:\r(?:\n[0-9a-fA-F]{0,8}\r?)?)?")


class ChunkJoiner:
    """Takes the bytes of one connection as they come, and returns them with chunks joined.

    What is not a plain chunk (its end, one with an extension, a mistake) goes through as it is, with all that follows
    in this answer: whoever reads it knows better what to make of it.
    """

    __slots__ = ("_before", "_left", "_rest", "_take")

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Expect another answer."""
        self._rest = b""  # of what cannot be read yet; of a head, all that has gone through
        self._left = 0  # bytes of a chunk that are still to come
        self._before = b""  # what ends the chunk that was given last, where there was one
        self._take: Callable[[bytes], bytes] | None = self._head

    def feed(self, data: bytes) -> bytes:
        """Return what can be known about an answer with these bytes; nothing while a chunk has only begun."""
        return data if self._take is None else self._take(data)

    def _head(self, data: bytes) -> bytes:
        n_before = len(self._rest)
        self._rest += data
        end = _HEAD_END.search(self._rest)
        if end is None:
            if len(self._rest) > _LONGEST_HEAD:
                self._take = None
            return data
        head, body = self._rest[: end.end()], data[end.end() - n_before :]
        shown = data[: len(data) - len(body)]
        self._take = None
        if _IS_CHUNKED.search(head):
            self._take, self._rest = self._chunks, b"\r\n"  # as if behind another chunk
        return shown + self.feed(body) if body else shown

    def _chunks(self, data: bytes) -> bytes:
        data = self._rest + data
        pieces: list[bytes] = []
        at, left = 0, self._left
        while True:
            if left:
                piece = data[at : at + left]
                pieces.append(piece)
                at += len(piece)
                left -= len(piece)
            found = _SIZE.match(data, at)
            if found is None or not (left := int(found[1], 16)):
                break
            at = found.end()
        self._left, self._rest = left, data[at:]
        joined = b"".join(pieces)
        if joined:
            joined = b"%b%x\r\n%b" % (self._before, len(joined), joined)
            self._before = b"\r\n"
        if _BEGINS_SIZE.fullmatch(self._rest):
            return joined
        self._take = None
        return joined + self._rest[0 if self._before else 2 :]
