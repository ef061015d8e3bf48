"""What carries the requests can be the caller's, for every provider that speaks HTTP; and what came can be kept."""

from __future__ import annotations

import json
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from langswarm_nb.core.session import (
    BaseSession,
    ISession,
    ISessionMiddleware,
    ProviderConnectionError,
    ProviderSessionError,
    SessionManager,
    SessionMessage,
    SessionTypeError,
    SessionValueError,
    create_provider_session,
    create_session_manager,
)
from tests.contract import cases_cohere, cases_gemini, cases_messages, cases_mistral, cases_ollama
from tests.contract.cases_responses import RESPONSES
from tests.contract.provider_cases import CANARY, CHAT, TEXT, Dialect

SAMPLES: dict[str, Dialect] = {
    "openai": RESPONSES,
    "anthropic": cases_messages.MESSAGES,
    "gemini": cases_gemini.GEMINI,
    "mistral": cases_mistral.MISTRAL,
    "cohere": cases_cohere.COHERE,
    "ollama": cases_ollama.OLLAMA,
    "openai-compatible": CHAT,
    "groq": CHAT,
    "azure": CHAT,
}
HEADERS = {
    "x-request-id": "req-1",
    "X-Served-By": "rack 7",
    "set-cookie": "door=open",
    "x-echo": f"Bearer {CANARY}",
}

Handler = Callable[[httpx.Request], httpx.Response]


class Pieces(httpx.AsyncByteStream):
    """A body that comes in pieces, and may break."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece


class Mine(httpx.AsyncBaseTransport):
    """Answers by itself and remembers what it got."""

    def __init__(self, answer: Handler) -> None:
        self.answer, self.seen, self.is_closed = answer, list[httpx.Request](), False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.seen.append(request)
        return self.answer(request)

    async def aclose(self) -> None:
        self.is_closed = True


def as_stream(dialect: Dialect, *end: Exception, cut: int | None = None) -> Handler:
    """Return what answers with the sample of a dialect, or its beginning."""
    kind = "application/x-ndjson" if dialect.is_lines else "text/event-stream"
    body = dialect.stream[:cut]
    return lambda _: httpx.Response(
        200, headers={**HEADERS, "content-type": kind}, stream=Pieces(body[:20], body[20:], *end)
    )


async def opened(manager: SessionManager, name: str, transport: Any) -> BaseSession:
    """Return a session whose provider sends through a transport."""
    how: dict[str, Any] = {"base_url": "https://api.example.com", "transport": transport}
    if name == "azure":
        how["api_version"] = "2024-10-21"
    manager.add_provider_session(name, create_provider_session(name, CANARY, **how))
    return await manager.create_session("ada", name, "test-model")


@pytest.fixture
async def manager() -> AsyncIterator[SessionManager]:
    async with create_session_manager("memory") as manager:
        yield manager


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_requests_go_through_a_transport_of_the_callers(
    manager: SessionManager, name: str, stream: bool
) -> None:
    """With key and body, and nothing else; the library never closes it."""
    dialect = SAMPLES[name]
    mine = Mine(
        as_stream(dialect) if stream else lambda _: httpx.Response(200, json=dict(dialect.whole)),
    )
    session = await opened(manager, name, mine)
    assert (await session.send_message("Hi", stream=stream)).content == TEXT
    assert (await session.send_message("And?", stream=stream)).content == TEXT
    assert [request.url.host for request in mine.seen] == ["api.example.com"] * 2
    assert all(any(CANARY in value for value in request.headers.values()) for request in mine.seen)
    assert "And?" in mine.seen[1].content.decode()
    await manager.close()
    assert not mine.is_closed


async def test_what_a_transport_says_is_our_errors(manager: SessionManager) -> None:
    """A failure on the way is repeated where that is safe, and ends as an error of the library without the key."""
    answers: list[Exception | httpx.Response] = [
        httpx.ConnectError("no route"),
        httpx.Response(200, json=dict(CHAT.whole)),
        httpx.ReadError(f"lost {CANARY}"),
    ]

    def answer(_: httpx.Request) -> httpx.Response:
        told = answers.pop(0)
        if isinstance(told, Exception):
            raise told
        return told

    session = await opened(manager, "groq", Mine(answer))
    session.manager.provider_session("groq").http.sleep = _at_once  # type: ignore[attr-defined]
    assert (await session.send_message("Hi", stream=False)).content == TEXT
    with pytest.raises(ProviderConnectionError) as caught:
        await session.send_message("Hi", stream=False)
    assert caught.value.maybe_processed
    assert CANARY not in str(caught.value)


async def _at_once(seconds: float) -> None:
    """Do not wait."""


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("wrong", [5, "https", httpx.Client, object()])
def test_what_is_no_transport_is_refused(name: str, wrong: Any) -> None:
    """At once, with the name of the option."""
    with pytest.raises(SessionTypeError, match="transport must be"):
        create_provider_session(name, CANARY, base_url="https://api.example.com", transport=wrong)


# -- keep_raw ------------------------------------------------------------------------------------------------------


def events_of(dialect: Dialect) -> list[Any]:
    """Return the JSON of a sample, event by event."""
    lines = [line.removeprefix("data:").strip() for line in dialect.stream.decode().splitlines()]
    return [json.loads(line) for line in lines if line.startswith("{")]


@pytest.mark.parametrize("name", SAMPLES)
async def test_what_a_service_streamed_can_be_kept(manager: SessionManager, name: str) -> None:
    """Every event in its order, and the headers by name; doors and keys are left out."""
    session = await opened(manager, name, Mine(as_stream(SAMPLES[name])))
    reply = await session.send_message("Hi", keep_raw=True)
    [_, stored] = await session.get_messages()
    assert reply.request is not None
    assert stored.request is not None
    assert stored.request.raw == reply.request.raw
    raw = reply.request.raw
    assert raw["events"] == events_of(SAMPLES[name])
    assert raw["headers"]["x-served-by"] == "rack 7"
    assert "set-cookie" not in raw["headers"]
    assert CANARY not in str(stored.request)
    plain = await session.send_message("Hi")
    assert plain.request is not None
    assert plain.request.raw == {}


@pytest.mark.parametrize("name", SAMPLES)
async def test_a_whole_answer_can_be_kept(manager: SessionManager, name: str) -> None:
    """Its body, with what has no name here; as a setting of the session."""
    body = {**SAMPLES[name].whole, "logprobs": {"content": [{"token": "G", "logprob": -0.5}]}}
    session = await opened(manager, name, Mine(lambda _: httpx.Response(200, json=body, headers=HEADERS)))
    await session.update_settings(keep_raw=True, stream=False)
    reply = await session.send_message("Hi")
    assert reply.request is not None
    assert reply.request.raw["body"] == body
    assert reply.request.raw["headers"]["x-request-id"] == "req-1"


async def test_a_whole_answer_that_is_no_reply_is_kept(manager: SessionManager) -> None:
    """There it is seen what came instead."""
    session = await opened(
        manager, "groq", Mine(lambda _: httpx.Response(200, json={"hello": "world"}, headers=HEADERS))
    )
    with pytest.raises(ProviderSessionError) as caught:
        await session.send_message("Hi", keep_raw=True, stream=False)
    stored = (await session.get_messages(branch="all"))[-1]
    assert stored.request is not None
    assert stored.request.raw["body"] == {"hello": "world"}
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert CANARY not in shown.replace(__file__, "")


@pytest.mark.parametrize("name", SAMPLES)
async def test_what_came_of_a_cut_reply_is_kept(manager: SessionManager, name: str) -> None:
    """Also when reading fails: that is when it is wanted."""
    dialect = SAMPLES[name]
    cut = dialect.stream.index("世界".encode())
    session = await opened(manager, name, Mine(as_stream(dialect, httpx.ReadError("gone"), cut=cut)))
    with pytest.raises(ProviderSessionError):
        await session.send_message("Hi", keep_raw=True)
    stored = (await session.get_messages(branch="all"))[-1]
    assert stored.request is not None
    kept = stored.request.raw["events"]
    assert kept == events_of(dialect)[: len(kept)] != []


@pytest.mark.parametrize("name", SAMPLES)
async def test_an_event_that_cannot_be_read_is_kept(manager: SessionManager, name: str) -> None:
    """Word for word."""
    dialect = SAMPLES[name]
    kind = "application/x-ndjson" if dialect.is_lines else "text/event-stream"
    answer = httpx.Response(200, headers={"content-type": kind}, stream=Pieces(dialect.bad_event))
    session = await opened(manager, name, Mine(lambda _: answer))
    with pytest.raises(ProviderSessionError):
        await session.send_message("Hi", keep_raw=True)
    stored = (await session.get_messages(branch="all"))[-1]
    assert stored.request is not None
    [bad] = stored.request.raw["events"]
    line = dialect.bad_event.decode().strip().splitlines()[-1]
    assert bad == json.loads(line.removeprefix("data:"))


class Reader(ISessionMiddleware):
    """Sees what is kept before it is stored."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    async def process_outgoing_message(self, session: ISession, message: SessionMessage) -> SessionMessage:
        return message

    async def process_incoming_message(self, session: ISession, message: SessionMessage) -> SessionMessage:
        assert message.request is not None
        self.seen.append(message.request.raw)
        return message


async def test_a_stop_keeps_what_had_come_and_exports_bring_it_along(manager: SessionManager) -> None:
    """An export is the same conversation, with what was kept of it."""
    session = await opened(manager, "groq", Mine(as_stream(CHAT)))
    session.add_middleware(reader := Reader())
    await session.send_message("Hi", keep_raw=True)
    assert reader.seen[0]["events"] == events_of(CHAT)
    head, _, last = (json.loads(line) for line in (await session.export()).splitlines())
    assert last["request"]["details"]["raw"]["events"] == events_of(CHAT)
    assert "keep_raw" not in str(head) or head["session"]["settings"]["keep_raw"] is False


async def test_keep_raw_is_true_or_false(manager: SessionManager) -> None:
    """Nothing else is taken for either."""
    session = await manager.create_session("ada", "mock", "echo")
    for wrong in (1, "yes", None):
        with pytest.raises(SessionTypeError, match="keep_raw"):
            await session.send_message("x", keep_raw=wrong)  # type: ignore[arg-type]
    with pytest.raises(SessionValueError):
        await session.send_message("x", keep_rav=True)  # type: ignore[call-arg]
