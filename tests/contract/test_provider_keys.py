"""A key lives in memory and in the headers of requests, and is found nowhere else, however a server echoes it."""

from __future__ import annotations

import asyncio
import base64
import copy
import gc
import json
import logging
import pickle
import traceback
import weakref
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.providers import create_provider
from tests.contract.provider_cases import CANARY, TEXT, Dialect, Outcome, ask, impatient, read
from tests.support.faulty import FaultyServer, Reply, SeenRequest

pytestmark = pytest.mark.usefixtures("library")

FORMS = {
    "plain": CANARY,
    "url": quote(CANARY, safe=""),
    "json": json.dumps(CANARY)[1:-1].replace("/", "\\/"),
    "base64": base64.b64encode(CANARY.encode()).decode(),
    "base64 of the header": base64.b64encode(f"Authorization: Bearer {CANARY}\r\n".encode()).decode(),
    "hex": CANARY.encode().hex(),
    "upper case": CANARY.upper(),
    "first half": CANARY[: len(CANARY) // 2],
    "second half": CANARY[len(CANARY) // 2 :],
}
_CODED = FORMS["base64 of the header"]
UNWANTED = [
    *(text for name, text in FORMS.items() if name != "base64 of the header"),
    _CODED[len("Authorization: Bearer ") * 4 // 3 + 1 : -5],
]


def pieces_of(text: str) -> Iterator[str]:
    """Yield what of a text must not be seen: every stretch of ten characters."""
    for start in range(len(text) - 9):
        yield text[start : start + 10]


def assert_hidden(shown: str) -> None:
    """Fail when a piece of the key can be seen, in whatever form."""
    shown = shown.lower()
    for form in UNWANTED:
        assert not [piece for piece in pieces_of(form.lower()) if piece in shown]


def all_of(error: BaseException) -> str:
    """Return all that an error can show: texts, attributes, causes, pickle, frames with their variables."""
    shown: list[str] = []
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        shown += [str(link), repr(link), repr(link.args), repr(vars(link))]
        frames = traceback.TracebackException.from_exception(link, capture_locals=True)
        shown += [
            f"{name}={value}"
            for frame in frames.stack
            if "/tests/" not in frame.filename
            for name, value in (frame.locals or {}).items()
        ]
        link = link.__cause__ or link.__context__
    shown.append(repr(pickle.dumps(error)))
    return "\n".join(shown)


def no_request_object(error: BaseException) -> bool:
    """Return whether no error in the chain leads to an object of the HTTP library, which holds the headers."""
    link: BaseException | None = error
    while link is not None:
        if type(link).__module__.partition(".")[0] in {"httpx", "httpcore", "aiohttp", "h11"}:
            return False
        link = link.__cause__ or link.__context__
    return True


ECHOES = {
    "refusal": lambda text: Reply.json({"error": {"message": f"bad key {text}", "code": text}}, 401),
    "text": lambda text: Reply(400, f"you sent {text}".encode()),
    "web page": lambda text: Reply(200, f"<html>{text}".encode(), {"content-type": "text/html"}),
    "request id": lambda text: Reply.json({}, 403, headers={"x-request-id": text}),
    "redirect": lambda text: Reply(302, b"", {"location": f"https://elsewhere.example/{text}"}),
    "error in 200": lambda text: Reply.json({"error": {"message": text, "type": text}}),
    "no JSON": lambda text: Reply(200, text.encode(), {"content-type": "application/json"}),
    "event": lambda text: Reply.events(f'data: {{"error": {{"message": "{text}"}}}}\n\n'.encode()),
    "broken event": lambda text: Reply.events(f"data: {text}\n\n".encode()),
    "cut": lambda text: Reply.events(f"data: {text}".encode(), then="reset", cut_at=30),
    "header of a cut stream": lambda text: Reply.events(b"\n\n", headers={"x-ratelimit-reset": text}),
    "wait": lambda text: Reply.json({"error": text}, 429, headers={"retry-after": "9999"}),
}


@pytest.mark.parametrize("echo", ECHOES)
async def test_an_echoed_key_is_hidden(
    provider: Any, server: FaultyServer, echo: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a server sends back, no error, cause, frame, pickle or log shows the key or a piece of it."""
    caplog.set_level(logging.DEBUG)
    for form in FORMS.values():
        server.script(ECHOES[echo](form))
        with pytest.raises(errors.ProviderSessionError) as caught:
            await read(provider.stream(ask()))
        assert_hidden(all_of(caught.value) + caplog.text)
        assert no_request_object(caught.value)
    assert CANARY in str(server.requests[0].headers)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, cut_at=-1, then="reset"),
        Reply(200, cut_at=-2, then="close"),
        Reply(200, b"x" * 100, cut_at=50, then="reset"),
    ],
)
async def test_a_broken_connection_shows_no_headers(
    provider: Any, server: FaultyServer, reply: Reply
) -> None:
    """The library's own errors hold the request; ours do not lead to them."""
    server.script(reply)
    with pytest.raises(errors.ProviderSessionError) as caught:
        await read(provider.stream(ask()))
    assert_hidden(all_of(caught.value))
    assert no_request_object(caught.value)


@pytest.mark.parametrize("fault", [{"cut_at": -1}, {"cut_at": -2}, {"cut_at": 60}])
async def test_a_cancelled_request_shows_no_headers(
    provider: Any, server: FaultyServer, good: Reply, fault: dict[str, Any]
) -> None:
    """The traceback of an interrupt shows no frame of the HTTP library, whose variables hold the headers."""
    server.script(good.but(then="stall", **fault))
    task = asyncio.create_task(read(provider.stream(ask())))
    await server.arrived.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert_hidden(all_of(caught.value))
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert not [frame for frame in frames if "httpcore" in frame.filename or "aiohttp" in frame.filename]


async def test_logs_hold_neither_bodies_nor_headers(
    provider: Any, dialect: Dialect, server: FaultyServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A log at DEBUG can be pasted into an issue, also what the HTTP library logs."""
    caplog.set_level(logging.DEBUG)
    busy = {"error": {"message": "words of the server"}}
    server.script(
        Reply.json(busy, 503, headers={"x-echo": f"Bearer {CANARY}"}),
        Reply.events(dialect.stream, headers={"x-echo": f"Bearer {CANARY}"}),
    )
    await read(provider.stream(ask("the question")))
    assert_hidden(caplog.text)
    for unwanted in ("the question", "words of the server", TEXT[:4], "x-echo", "authorization"):
        assert unwanted not in caplog.text.lower()
    assert "503" in caplog.text


@pytest.mark.parametrize("size", [1, 5, 8, 1000])
async def test_a_key_in_a_reply_is_not_kept(
    provider: Any, dialect: Dialect, server: FaultyServer, size: int
) -> None:
    """A server that answers with the request's headers gets no key into a message, also in small pieces."""

    def echo(request: SeenRequest) -> Reply:
        text = f"You sent {request.headers}, over."
        pieces = [text[start : start + size] for start in range(0, len(text), size)]
        return Reply.events(b"".join(map(dialect.text_event, pieces)) + dialect.stream)

    server.script(echo)
    outcome = await read(provider.stream(ask()), Outcome())
    assert "You sent" in outcome.text
    assert ", over." in outcome.text
    assert CANARY not in outcome.text
    assert CANARY[8:] not in outcome.text


async def test_a_key_in_what_is_told_about_a_reply_is_not_kept(
    provider: Any, dialect: Dialect, server: FaultyServer
) -> None:
    """Model, ids and rate limits are stored with a message: a key in them is hidden."""
    headers = {"x-request-id": CANARY, "x-ratelimit-limit": f"of {CANARY}"}
    body = dialect.stream.replace(b"test-model-1", CANARY.encode())
    server.script(Reply.events(body, headers=headers))
    outcome = await read(provider.stream(ask()))
    assert_hidden(repr(outcome))
    assert outcome.details


async def test_a_session_shows_no_key(provider: Any, dialect: Dialect) -> None:
    """Neither its repr nor its attributes, nor those of what it holds."""
    shown = [repr(provider), str(provider)]
    reachable = [provider]
    for _ in range(4):
        reachable = [
            inner
            for holder in reachable
            for inner in (*vars_of(holder), *(holder if isinstance(holder, (list, tuple)) else ()))
        ]
        shown += [repr(inner) for inner in reachable]
    assert_hidden("\n".join(shown))


def vars_of(holder: Any) -> list[Any]:
    if isinstance(holder, dict):
        return [*holder, *holder.values()]
    slots = [getattr(holder, name, None) for name in getattr(type(holder), "__slots__", ()) or ()]
    return [*getattr(holder, "__dict__", {}).values(), *slots]


async def test_a_session_cannot_be_pickled_with_its_key(provider: Any) -> None:
    """A key does not travel in pickles, and a copy of its holder is the holder."""
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)) as caught:
        pickle.dumps(provider.http._secret_headers)
    assert_hidden(str(caught.value))
    secrets = provider.http._secret_headers
    assert copy.deepcopy(secrets) == secrets


BAD_KEYS = [f"{CANARY}\nX: y", f"{CANARY} {CANARY}", f"“{CANARY}”", f"{CANARY}\x00", "  ", ""]


@pytest.mark.parametrize("key", BAD_KEYS)
@pytest.mark.parametrize("source", ["argument", "environment"])
def test_a_key_of_the_wrong_form_is_refused_unseen(
    key: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what is wrong and where the key came from, and shows nothing of it."""
    if source == "environment":
        if "\x00" in key:
            pytest.skip("no environment holds it")
        monkeypatch.setenv("GROQ_API_KEY", key)
    with pytest.raises(errors.ProviderAuthenticationError, match="GROQ_API_KEY") as caught:
        create_provider("groq", key if source == "argument" else None)
    assert_hidden(all_of(caught.value))


@pytest.mark.parametrize(
    "misplaced",
    [
        {"base_url": CANARY},
        {"base_url": f"https://user:{CANARY}@api.example.com"},
        {"base_url": f"https://api.example.com/v1?key={CANARY}"},
        {"headers": {CANARY + "\n": "x"}},
        {"headers": {"X-Title": CANARY + "\n"}},
        {"bas_url": CANARY},
    ],
)
def test_a_key_in_the_wrong_place_is_refused_unseen(misplaced: dict[str, Any]) -> None:
    """The parameter is named, the value is not shown."""
    with pytest.raises(errors.SessionValueError) as caught:
        create_provider("groq", CANARY, **misplaced)
    assert_hidden(str(caught.value) + repr(caught.value))


def test_a_missing_key_names_its_variable() -> None:
    """Nothing is made, and the error says how to give one."""
    with pytest.raises(errors.ProviderAuthenticationError, match="OPENROUTER_API_KEY"):
        create_provider("openrouter")


async def test_an_argument_beats_the_environment(
    dialect: Dialect, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key given is the key sent; spaces and a line's end around it do not matter."""
    monkeypatch.setenv("GROQ_API_KEY", "gsk_" + "e" * 30)
    server.script(Reply.json({"data": []}))
    given = create_provider("groq", f" {CANARY}\n", base_url=server.url)
    taken = create_provider("groq", base_url=server.url)
    for provider in (given, taken):
        await provider.list_models()
        await provider.close()
    sent = [request.headers["authorization"] for request in server.requests]
    assert sent == [f"Bearer {CANARY}", "Bearer gsk_" + "e" * 30]


@pytest.mark.usefixtures("small_heap")
async def test_a_key_is_gone_with_its_session(dialect: Dialect, server: FaultyServer) -> None:
    """No cache and no global keeps what a session held, also when it was not closed; nor its connections."""
    server.script(Reply.events(dialect.stream))
    provider = impatient(dialect, server.url)
    await read(provider.stream(ask()))
    holder = weakref.ref(provider.http)
    del provider
    gc.collect()
    assert holder() is None
    await server.gone.wait()
