"""Streams that are lines of JSON, as Ollama's: how they may be written, cut and broken."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from langswarm_nb.core.session import errors
from tests.contract.cases_ollama import OLLAMA
from tests.contract.provider_cases import TEXT, Outcome, ask, fails, impatient, read
from tests.support.faulty import FaultyServer, Reply

pytestmark = pytest.mark.usefixtures("library")
HALF = OLLAMA.text_event("Half")


@pytest.fixture
async def provider(server: FaultyServer) -> AsyncIterator[Any]:
    provider = impatient(OLLAMA, server.url)
    yield provider
    await provider.close()


def lines(body: bytes, **how: Any) -> Reply:
    return Reply.events(body, **{"headers": {"content-type": "application/x-ndjson"}, **how})


@pytest.mark.parametrize(
    "change",
    [
        lambda body: b"\n\n" + body.replace(b"\n", b"\n \n"),
        lambda body: body.rstrip(b"\n"),
        lambda body: body.replace(b'"done": false', b'"done": false, "of_a_later_day": {"x": [1]}'),
        lambda body: b'{"status": "loading the model"}\n' + body,
        lambda body: body.replace(b'"content": ""', b'"content": null'),
    ],
    ids=["blank lines", "no last line end", "unknown fields", "unknown line", "no content"],
)
@pytest.mark.parametrize("piece", [1, 7, None])
async def test_lines_may_be_written_in_any_way(
    provider: Any, server: FaultyServer, change: Callable[[bytes], bytes], piece: int | None
) -> None:
    """Blank lines, a missing last line end, and what a later version adds."""
    server.script(lines(change(OLLAMA.stream), piece=piece))
    assert (await read(provider.stream(ask()))).text == TEXT


async def test_every_beginning_of_a_stream_is_no_reply(provider: Any, server: FaultyServer) -> None:
    """Wherever the lines end before the one that is done, also in the midst of one, the reply is interrupted."""
    end = OLLAMA.stream.rindex(b"{")
    for size in range(0, len(OLLAMA.stream) - 1, 5):
        server.script(lines(OLLAMA.stream[:size]))
        outcome = Outcome()
        with pytest.raises(errors.ProviderResponseError) as caught:
            await read(provider.stream(ask()), outcome)
        assert caught.value.maybe_processed
        assert TEXT.startswith(outcome.text)
        if size >= end:
            assert outcome.text == TEXT


@pytest.mark.parametrize(
    "bad",
    [b"{not json}\n", b'"text"\n', b"5\n", b"[]\n", b"\xff\xfe\n", b"data: {}\n", b"[" * 100_000 + b"\n"],
)
async def test_a_broken_line_hands_on_the_part_and_raises(
    provider: Any, server: FaultyServer, bad: bytes
) -> None:
    """A line that is not a JSON object interrupts the reply; what came before it is kept."""
    server.script(lines(HALF + bad + OLLAMA.stream))
    outcome = Outcome()
    with pytest.raises(errors.StreamInterruptedError):
        await read(provider.stream(ask()), outcome)
    assert outcome.text == "Half"


async def test_an_error_line_is_an_error_although_the_status_was_200(
    provider: Any, server: FaultyServer
) -> None:
    """Its words are told, the part before it is kept, and nothing is repeated."""
    server.script(lines(HALF + b'{"error": "llama runner process has terminated"}\n'))
    outcome = Outcome()
    with pytest.raises(errors.ProviderServerError, match="runner process has terminated") as caught:
        await read(provider.stream(ask()), outcome)
    assert outcome.text == "Half"
    assert caught.value.maybe_processed
    assert len(server.requests) == 1


async def test_an_endless_line_is_stopped(provider: Any, server: FaultyServer) -> None:
    """A line beyond the limit interrupts the reply, after what came before it."""
    server.script(lines(HALF + b'{"message": "' + b"x" * (17 * 2**20)))
    outcome = Outcome()
    with pytest.raises(errors.StreamInterruptedError, match="longer than"):
        await read(provider.stream(ask()), outcome)
    assert outcome.text == "Half"


async def test_an_unknown_model_is_not_found(provider: Any, server: FaultyServer) -> None:
    """Ollama's errors are an object with one text."""
    server.script(Reply.json({"error": "model 'x' not found"}, 404))
    error = await fails(provider, errors.ProviderNotFoundError)
    assert "model 'x' not found" in str(error)
