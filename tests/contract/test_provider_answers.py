"""Answers that are not what an API sends are told from replies, and cost one request."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.providers._http import response as _answer
from tests.contract.provider_cases import TEXT, Dialect, ask, fails, read
from tests.support.faulty import FaultyServer, Reply

pytestmark = [  # what stands above the HTTP libraries needs only one of them
    pytest.mark.usefixtures("library"),
    pytest.mark.parametrize("library", ["httpx"], indirect=True),
]


# Answers that are none

NO_ANSWERS = {
    "web page": Reply(200, b"<!doctype html><p>Sign in", {"content-type": "text/html"}),
    "mislabelled page": Reply(200, b"<!doctype html><p>Sign in", {"content-type": "application/json"}),
    "empty": Reply(200, b"", {"content-type": "application/json"}),
    "no content": Reply(204, b"", {}),
    "torn JSON": Reply(200, b'{"choices": [', {"content-type": "application/json"}),
    "other JSON": Reply.json({"hello": "world"}),
    "a list": Reply.json([1, 2]),
    "a number": Reply.json(5),
    "no choices": Reply.json({"choices": [], "output": [], "content": []}),
    "an empty message": Reply.json({"id": "x", "message": {}}),
    "deep": Reply(200, b"[" * 200_000 + b"]" * 200_000, {"content-type": "application/json"}),
    "long number": Reply(200, b"1" * 10_000, {"content-type": "application/json"}),
    "no UTF-8": Reply(200, b'{"a": "\xff\xfe"}', {"content-type": "application/json"}),
    "half a character": Reply(200, b'{"a": "\xe4\xb8"}', {"content-type": "application/json"}),
    "unknown packing": Reply.json({}, headers={"content-encoding": "br"}),
    "broken packing": Reply.json({}, headers={"content-encoding": "gzip"}),
    "plain text": Reply(200, b"Hello there", {"content-type": "text/plain"}),
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("reply", NO_ANSWERS.values(), ids=NO_ANSWERS)
async def test_an_answer_that_is_none_is_said_to_be_none(
    provider: Any, server: FaultyServer, reply: Reply, stream: bool
) -> None:
    """A page of a proxy, nothing, or other JSON: one request, and a hint at base_url and proxies."""
    server.script(reply)
    error = await fails(provider, errors.ProviderResponseError, ask(stream=stream))
    assert "base_url" in str(error)
    assert len(server.requests) == 1


@pytest.mark.parametrize("stream", [True, False])
async def test_an_error_inside_an_answer_of_200_is_an_error(
    provider: Any, server: FaultyServer, stream: bool
) -> None:
    """An error object is reported with its words and its own status, and not repeated."""
    server.script(Reply.json({"error": {"message": "too busy", "code": 503}}))
    error = await fails(provider, errors.ProviderOverloadedError, ask(stream=stream))
    assert "too busy" in str(error)
    assert len(server.requests) == 1


async def test_a_whole_answer_is_taken_where_a_stream_was_asked_for(
    provider: Any, dialect: Dialect, server: FaultyServer
) -> None:
    """A server that does not stream is understood all the same."""
    server.script(Reply.json(dialect.whole))
    assert (await read(provider.stream(ask()))).text == TEXT


async def test_a_stream_is_taken_where_a_whole_answer_was_asked_for(
    provider: Any, server: FaultyServer, good: Reply
) -> None:
    """So is one that always streams."""
    server.script(good)
    assert (await read(provider.stream(ask(stream=False)))).text == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "identity"])
async def test_a_packed_answer_is_unpacked(
    provider: Any, dialect: Dialect, server: FaultyServer, encoding: str
) -> None:
    """What was asked for is read, in one piece or many."""
    packed = {"deflate": zlib.compress(dialect.stream), "identity": dialect.stream}
    body = packed.get(encoding) or gzip.compress(dialect.stream)
    server.script(Reply.events(body, headers={"content-encoding": encoding}, piece=5))
    assert (await read(provider.stream(ask()))).text == TEXT


async def test_a_packed_stream_that_is_cut_is_cut(
    provider: Any, dialect: Dialect, server: FaultyServer
) -> None:
    """The end of the bytes is not an end of the reply, which was cut short."""
    body = gzip.compress(dialect.stream)
    server.script(Reply.events(body[: len(body) // 2], headers={"content-encoding": "gzip"}))
    await fails(provider, errors.StreamInterruptedError)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_few_bytes_that_unpack_to_very_many_are_stopped(
    provider: Any, server: FaultyServer, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit on an answer's size counts what comes out, a piece at a time."""
    monkeypatch.setattr(_answer, "MAX_ANSWER_BYTES", 2**20)
    bomb = gzip.compress(bytes(50 * 2**20))
    kind = "text/event-stream" if stream else "application/json"
    server.script(Reply(200, bomb, {"content-type": kind, "content-encoding": "gzip"}))
    error = await fails(provider, errors.ProviderResponseError, ask(stream=stream))
    assert str(2**20) in str(error)
