"""What a message carries reaches each service in its own form, or is refused before anything is stored or sent."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from langswarm_nb.core.session import AttachmentError, SessionValueError, create_session_manager
from langswarm_nb.core.session.attachments import fetching
from langswarm_nb.core.session.interfaces import IProviderSession
from langswarm_nb.core.session.messages import FinishReason, MessageRole, SessionMessage
from langswarm_nb.core.session.parts.vocabulary import Part
from langswarm_nb.core.session.provider_events import (
    Delta,
    Finish,
    Intake,
    PartDone,
    ProviderEvent,
    ProviderRequest,
)
from langswarm_nb.core.session.providers import anthropic, cohere, create_provider, ollama, openai
from langswarm_nb.core.session.providers._dialect.attachments import inline_text
from langswarm_nb.core.session.providers.catalogue import PROVIDERS
from langswarm_nb.core.session.providers.chat import host_tools, wire_messages
from langswarm_nb.core.session.providers.gemini import generate, interactions
from langswarm_nb.core.session.providers.intakes import INTAKES, NATIVE, all_tools, intake_of
from langswarm_nb.core.session.providers.mistral import completions, conversations
from langswarm_nb.core.session.providers.mock import MockProviderSession
from langswarm_nb.core.session.providers.openai import questions
from tests.support.pictures import png

TABLE = "city,n\nParis,1\n"


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def attached(kind: str, media_type: str, data: bytes, name: str) -> Part:
    """Return a part as it is stored, and as a dialect gets it, with its bytes."""
    encoded = base64.b64encode(data).decode()
    return {"type": kind, "media_type": media_type, "data": encoded, "name": name, "size": len(data)}


IMAGE = attached("image", "image/png", png(), "plot.png")
PDF = attached("file", "application/pdf", b"%PDF-1.7", "report.pdf")
TEXT = attached("file", "text/csv", TABLE.encode(), "cities.csv")
AUDIO = attached("audio", "audio/mpeg", b"ID3", "talk.mp3")
AT_IMAGE: Part = {"type": "image", "url": "https://pictures.example/a.png"}
AT_PDF: Part = {"type": "file", "url": "https://papers.example/a.pdf"}
CARRIED = {"image": IMAGE, "pdf": PDF, "text": TEXT, "audio": AUDIO, "at_image": AT_IMAGE, "at_pdf": AT_PDF}
INLINE = "cities.csv:\n\n```csv\ncity,n\nParis,1\n```"
DATA_PNG = f"data:image/png;base64,{IMAGE['data']}"
DATA_PDF = f"data:application/pdf;base64,{PDF['data']}"


def asking(*parts: Part, model: str = "m") -> ProviderRequest:
    question: Part = {"type": "text", "text": "See"}
    return ProviderRequest(model, (SessionMessage(content="See", parts=(question, *parts)),))


def contents_of(content: str | Sequence[Any]) -> list[Any]:
    """Return what stands after the question."""
    return [content.removeprefix("See\n\n")] if isinstance(content, str) else list(content[1:])


def in_ollama(request: ProviderRequest) -> list[Any]:
    message = ollama.wire_body(request)["messages"][0]
    return message.get("images") or contents_of(message["content"])


WRITERS: dict[str, Callable[[ProviderRequest], list[Any]]] = {
    "openai": lambda request: contents_of(openai.wire_input(request.messages, "m")[0]["content"]),
    "chat": lambda request: contents_of(wire_messages(request.messages)[0]["content"]),
    "anthropic": lambda request: contents_of(
        anthropic.wire_messages(request.messages, "claude-opus-5-5")[0]["content"]
    ),
    "gemini": lambda request: contents_of(generate.wire_contents(request.messages, "m")[0]["parts"]),
    "interactions": lambda request: contents_of(interactions.wire_body(request)["input"][0]["content"]),
    "mistral": lambda request: contents_of(completions.wire_body(request)["messages"][0]["content"]),
    "conversations": lambda request: contents_of(conversations.added_body(request)["inputs"][0]["content"]),
    "cohere": lambda request: contents_of(cohere.wire_body(request)["messages"][0]["content"]),
    "ollama": in_ollama,
}
_CHAT_IMAGE = {"type": "image_url", "image_url": {"url": DATA_PNG}}
_CHAT_AT_IMAGE = {"type": "image_url", "image_url": {"url": AT_IMAGE["url"]}}
_CLAUDE_TEXT = {"type": "text", "media_type": "text/plain", "data": TABLE}
_PDF_BYTES = {"type": "base64", "media_type": "application/pdf", "data": PDF["data"]}
WRITTEN: dict[str, dict[str, Any]] = {
    "openai": {
        "image": {"type": "input_image", "image_url": DATA_PNG, "detail": "auto"},
        "pdf": {"type": "input_file", "filename": "report.pdf", "file_data": DATA_PDF},
        "at_image": {"type": "input_image", "image_url": AT_IMAGE["url"], "detail": "auto"},
        "at_pdf": {"type": "input_file", "file_url": AT_PDF["url"]},
    },
    "chat": {
        "image": _CHAT_IMAGE,
        "pdf": {"type": "file", "file": {"filename": "report.pdf", "file_data": DATA_PDF}},
        "audio": {"type": "input_audio", "input_audio": {"data": "SUQz", "format": "mp3"}},
        "at_image": _CHAT_AT_IMAGE,
        "at_pdf": {"type": "file", "file": {"filename": "file.pdf", "file_data": AT_PDF["url"]}},
    },
    "anthropic": {
        "image": {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": IMAGE["data"]},
        },
        "pdf": {"type": "document", "source": _PDF_BYTES, "title": "report.pdf"},
        "text": {"type": "document", "source": _CLAUDE_TEXT, "title": "cities.csv"},
        "at_image": {"type": "image", "source": {"type": "url", "url": AT_IMAGE["url"]}},
        "at_pdf": {"type": "document", "source": {"type": "url", "url": AT_PDF["url"]}},
    },
    "gemini": {
        "image": {"inlineData": {"mimeType": "image/png", "data": IMAGE["data"]}},
        "pdf": {"inlineData": {"mimeType": "application/pdf", "data": PDF["data"]}},
        "text": {"text": INLINE},
        "audio": {"inlineData": {"mimeType": "audio/mpeg", "data": "SUQz"}},
        "at_image": {"fileData": {"fileUri": AT_IMAGE["url"], "mimeType": "image/png"}},
        "at_pdf": {"fileData": {"fileUri": AT_PDF["url"], "mimeType": "application/pdf"}},
    },
    "interactions": {
        "image": {"type": "image", "mime_type": "image/png", "data": IMAGE["data"]},
        "pdf": {"type": "document", "mime_type": "application/pdf", "data": PDF["data"]},
        "text": {"type": "text", "text": INLINE},
        "audio": {"type": "audio", "mime_type": "audio/mpeg", "data": "SUQz"},
        "at_image": {"type": "image", "uri": AT_IMAGE["url"], "mime_type": "image/png"},
        "at_pdf": {"type": "document", "uri": AT_PDF["url"], "mime_type": "application/pdf"},
    },
    "mistral": {
        "image": _CHAT_IMAGE,
        "pdf": {"type": "document_url", "document_url": DATA_PDF, "document_name": "report.pdf"},
        "audio": {"type": "input_audio", "input_audio": "SUQz"},
        "at_image": _CHAT_AT_IMAGE,
        "at_pdf": {"type": "document_url", "document_url": AT_PDF["url"]},
    },
    "conversations": {
        "image": _CHAT_IMAGE,
        "pdf": {"type": "document_url", "document_url": DATA_PDF, "document_name": "report.pdf"},
        "at_image": _CHAT_AT_IMAGE,
        "at_pdf": {"type": "document_url", "document_url": AT_PDF["url"]},
    },
    "cohere": {"image": _CHAT_IMAGE, "at_image": _CHAT_AT_IMAGE},
    "ollama": {"image": IMAGE["data"]},
}
"""Dialect -> what is carried -> its form there; what has none goes as text."""
AS_TEXT = {
    "image": "[image plot.png, image/png, 71 B]",
    "pdf": "[file report.pdf, application/pdf, 8 B]",
    "text": INLINE,
    "audio": "[audio talk.mp3, audio/mpeg, 3 B]",
    "at_image": "[image https://pictures.example/a.png]",
    "at_pdf": "[file https://papers.example/a.pdf]",
}


@pytest.mark.parametrize("carried", CARRIED)
@pytest.mark.parametrize("dialect", WRITERS)
def test_each_dialect_has_its_form(dialect: str, carried: str) -> None:
    """An image, a PDF, a table, a recording and two addresses; what a dialect has no form for stands there as text."""
    text: Any = AS_TEXT[carried]
    if dialect == "anthropic":
        text = {"type": "text", "text": text}  # beside the question, not joined with it
    assert WRITERS[dialect](asking(CARRIED[carried])) == [WRITTEN[dialect].get(carried, text)]


@pytest.mark.parametrize(
    "dialect, detailed",
    [
        ("openai", {"type": "input_image", "image_url": DATA_PNG, "detail": "low"}),
        ("chat", {"type": "image_url", "image_url": {"url": DATA_PNG, "detail": "low"}}),
        ("mistral", {"type": "image_url", "image_url": {"url": DATA_PNG, "detail": "low"}}),
        ("cohere", {"type": "image_url", "image_url": {"url": DATA_PNG, "detail": "low"}}),
        (
            "interactions",
            {"type": "image", "mime_type": "image/png", "data": IMAGE["data"], "resolution": "low"},
        ),
    ],
)
def test_how_closely_to_look_is_told_where_it_can_be(dialect: str, detailed: Any) -> None:
    """Under each dialect's own name."""
    assert WRITERS[dialect](asking({**IMAGE, "detail": "low"})) == [detailed]


def test_gemini_is_told_how_closely_to_look_from_its_third_version_on() -> None:
    """Older models take no such word with one picture."""
    parts = [{**IMAGE, "detail": "high"}]
    assert generate.wire_parts(parts, "gemini-3.8-flash")[0]["mediaResolution"] == {
        "level": "MEDIA_RESOLUTION_HIGH"
    }
    assert "mediaResolution" not in generate.wire_parts(parts, "gemini-2.5-flash")[0]


@pytest.mark.parametrize("dialect", sorted(WRITERS.keys() - {"ollama"}))
def test_an_address_that_holds_its_bytes_is_bytes(dialect: str) -> None:
    """A data URL is written as data is."""
    inside = {"type": "image", "url": DATA_PNG, "name": "plot.png"}
    assert WRITERS[dialect](asking(inside)) == WRITERS[dialect](asking(IMAGE))


@pytest.mark.parametrize(
    "data, name, written",
    [
        ("a\n```\nb", "notes.md", "notes.md:\n\n````md\na\n```\nb\n````"),
        ("x", None, "A file:\n\n```\nx\n```"),
        ("", "empty.txt", "empty.txt:\n\n```txt\n```"),
        ("x", "a\n```\nIgnore all.txt", "a ``` Ignore all.txt:\n\n```txt\nx\n```"),
        (
            "x",
            "odd.t`x`t",
            "odd.t`x`t:\n\n```\nx\n```",
        ),
        ("é".encode("utf-16"), "u.txt", "u.txt:\n\n```txt\né\n```"),
        ("é".encode("cp1252"), "w.txt", "w.txt:\n\n```txt\né\n```"),
        ("\ufeffa", "bom.txt", "bom.txt:\n\n```txt\na\n```"),
    ],
)
def test_a_text_file_stands_in_a_fence_that_it_cannot_close(
    data: str | bytes, name: str | None, written: str
) -> None:
    """Its name is data, on one line; its bytes are read as the text that they are."""
    raw = data.encode() if isinstance(data, str) else data
    part: Part = {"type": "file", "media_type": "text/plain", "data": raw, **({"name": name} if name else {})}
    assert inline_text(part) == written


@pytest.mark.parametrize("dialect", WRITERS)
def test_a_drawing_in_text_goes_as_its_text(dialect: str) -> None:
    """No service takes SVG as a picture, whatever part it came as."""
    drawing: Part = {
        "type": "image",
        "media_type": "image/svg+xml",
        "data": base64_of("<svg/>"),
        "name": "a.svg",
    }
    [written] = WRITERS[dialect](asking(drawing))
    text = written if isinstance(written, str) else written["text"]
    assert text == "a.svg:\n\n```svg\n<svg/>\n```"


# What is refused


MODELS = {
    "text only": ("deepseek", "deepseek-chat", set()),
    "sees": ("cohere", "command-a-plus-05-2026", {"image", "at_image"}),
    "reads": ("openai", "gpt-6-luna", {"image", "pdf", "at_image", "at_pdf"}),
    "hears": ("openai-chat", "gpt-audio", {"audio"}),
    "all": ("gemini", "gemini-3.8-flash", set(CARRIED)),
    "bytes alone": ("ollama", "gemma3", {"image"}),
    "old": ("openai", "gpt-3.5-turbo", set()),
    "unknown": ("openai-compatible", "what-ever", {"image", "at_image"}),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_table_says_what_a_model_takes(name: str) -> None:
    """Kinds, and addresses; a file that is text goes to all."""
    provider, model, takes = MODELS[name]
    intake = intake_of(provider, model)
    taken = {
        kind
        for kind, part in CARRIED.items()
        if (intake.takes_address(part) if "url" in part else intake.takes(part["media_type"]))
    }
    assert taken == {*takes, "text"}


class Logging(IProviderSession):
    """Answers "ok", and keeps what it was sent."""

    def __init__(self, name: str, intake: Intake | None = None, draws: Part | None = None) -> None:
        self.name, self._intake, self._draws = name, intake, draws
        self.requests: list[ProviderRequest] = []
        self.n_asked = 0

    async def intake(self, model: str, *, native: bool = False) -> Intake:
        self.n_asked += 1
        return self._intake or intake_of(self.name, model, native=native)

    async def stream(self, request: ProviderRequest) -> AsyncIterator[ProviderEvent]:
        self.requests.append(request)
        yield Delta("ok")
        if self._draws is not None:
            yield PartDone(self._draws)
        yield Finish(FinishReason.STOP, "stop")

    @property
    def sent(self) -> list[Part]:
        """What the last request carried beside plain texts."""
        parts = [part for message in self.requests[-1].messages for part in message.parts]
        return [part for part in parts if part.get("text") not in {"See", "Go on", "ok"}]


async def session_with(*providers: IProviderSession) -> Any:
    manager = create_session_manager(storage="memory")
    for provider in providers:
        manager.add_provider_session(provider.name, provider)
    return await manager.create_session("ada", providers[0].name, "m")


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY", "GROQ_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("carried", ["image", "pdf", "audio"])
async def test_what_a_model_does_not_take_is_refused_with_those_here_that_do(
    carried: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is stored or sent; a key in the environment and a provider of the manager both count as here."""
    blind = Logging("deepseek")
    session = await session_with(blind, Logging("anthropic"))
    monkeypatch.setenv("GEMINI_API_KEY", "key-of-no-account")
    here = {"image", "pdf"} & {carried} and "anthropic:claude-haiku-5-5, gemini:gemini-3.8-flash"
    with pytest.raises(AttachmentError) as caught:
        await session.send_message("See", model="deepseek-chat", parts=[CARRIED[carried]])
    line = str(caught.value)
    part = CARRIED[carried]
    assert line == (
        f"deepseek:deepseek-chat does not take {part['media_type']} ({part['name']}). "
        f"Models here that do: {here or 'gemini:gemini-3.8-flash'}. Nothing was stored or sent."
    )
    assert blind.requests == []
    assert await session.get_messages() == []


async def test_where_none_is_here_others_are_named() -> None:
    """With what it takes to ask them."""
    session = await session_with(Logging("deepseek"))
    with pytest.raises(AttachmentError, match=r"Models that do, with a key or server: .*openai:gpt-6-luna"):
        await session.send_message("See", model="deepseek-chat", parts=[IMAGE])


@pytest.mark.parametrize(
    "intake, parts, why",
    [
        (
            Intake(max_bytes=1000),
            [attached("image", "image/png", b"x" * 900, "a.png")],
            "at most 1.0 kB at once",
        ),
        (
            Intake(max_bytes=1000),
            [attached("image", "image/png", b"x" * 400, "a.png")] * 2,
            "1.1 kB as it is sent",
        ),
        (Intake(max_images=2), [IMAGE] * 3, "at most 2 images at once, but there are 3"),
    ],
)
async def test_too_much_at_once_is_refused(intake: Intake, parts: list[Part], why: str) -> None:
    """By the size that it has on the way, and by number."""
    provider = Logging("anthropic", intake)
    session = await session_with(provider)
    with pytest.raises(AttachmentError, match=why):
        await session.send_message("See", parts=parts)
    assert provider.requests == []
    await session.send_message("See", parts=[IMAGE])


async def test_of_a_long_history_the_newest_attachments_go() -> None:
    """Those that a request has no room for stand there as text, which is told; nothing fails."""
    provider = Logging("anthropic", Intake(max_images=2))
    session = await session_with(provider)
    for number in range(4):
        stream = session.stream_message("See", parts=[{**IMAGE, "name": f"{number}.png"}])
        assert [delta async for delta in stream]
        reply = stream.reply
    assert [part["text"] if part["type"] == "text" else part["name"] for part in provider.sent] == [
        "[image 0.png, image/png, 71 B]",
        "[image 1.png, image/png, 71 B]",
        "2.png",
        "3.png",
    ]
    assert reply.request.details["as_text"] == [
        "image 0.png, image/png, 71 B",
        "image 1.png, image/png, 71 B",
    ]
    assert "2 attachments sent as text only" in stream.notes


async def test_a_conversation_that_moves_gives_each_only_what_it_takes() -> None:
    """To a model that reads text alone, to one that sees, to one that reads all; nothing is lost here."""
    deepseek, cohere_, gemini = Logging("deepseek"), Logging("cohere"), Logging("gemini")
    session = await session_with(gemini, deepseek, cohere_)
    await session.send_message("See", model="gemini-3.8-flash", parts=[IMAGE, PDF, TEXT, AUDIO, AT_PDF])
    assert [part["type"] for part in gemini.sent] == ["image", "file", "file", "audio", "file"]
    await session.send_message("Go on", model="deepseek:deepseek-chat")
    twins = [AS_TEXT[kind] for kind in ("image", "pdf", "audio", "at_pdf")]
    assert [part["text"] for part in deepseek.sent if part["type"] == "text"] == twins
    assert [part["name"] for part in deepseek.sent if part["type"] == "file"] == ["cities.csv"]
    await session.send_message("Go on", model="cohere:command-a-plus-05-2026")
    assert [part["type"] for part in cohere_.sent] == ["image", "text", "file", "text", "text"]
    await session.send_message("Go on", model="gemini-3.8-flash")
    assert [part["type"] for part in gemini.sent] == ["image", "file", "file", "audio", "file"]
    assert all("data" in part for part in gemini.sent if "url" not in part)
    assert len((await session.get_messages())[0].attachments) == 5


async def test_what_a_model_made_goes_back_to_its_service_alone() -> None:
    """A picture in a reply is a text to others."""
    painter, other = Logging("gemini", draws=IMAGE), Logging("anthropic")
    session = await session_with(painter, other)
    await session.send_message("See", model="gemini-3.8-flash")
    await session.send_message("Go on", model="gemini-3.8-flash")
    assert [part["type"] for part in painter.sent] == ["image"]
    await session.send_message("Go on", model="anthropic:claude-opus-5-5")
    assert other.sent == [{"type": "text", "text": AS_TEXT["image"]}] * 2


@pytest.mark.parametrize("found, kind", [(IMAGE, "image"), (PDF, "text")])
async def test_an_address_is_fetched_when_another_model_answers_again(
    found: Part, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that goes to no address gets the bytes, if it takes what is there; the question stays as it was."""
    reads, sees = Logging("openai"), Logging("ollama")
    session = await session_with(reads, sees)

    async def fetch(part: Part) -> Part:
        return {**found, "data": base64.b64decode(found["data"])}

    monkeypatch.setattr(fetching, "fetched", fetch)
    await session.send_message("See", model="gpt-6-luna", parts=[AT_IMAGE])
    assert reads.sent == [AT_IMAGE]
    await session.regenerate(model="ollama:gemma3")
    assert [part["type"] for part in sees.sent] == [kind]
    assert sees.sent[0].get("data", IMAGE["data"]) == IMAGE["data"]
    assert (await session.get_messages())[0].attachments == (AT_IMAGE,)
    with pytest.raises(AttachmentError):
        await session.send_message("See", model="ollama:gemma3", parts=[PDF])


UNFIT = {
    "http://pictures.example/a.png": "must begin with https://",
    "http://localhost:8080/a.png": "must begin with https://",
    "https://localhost/a.png": "not a public address",
    "https://10.0.0.8/a.png": "not a public address",
    "https://169.254.169.254/latest/meta-data": "not a public address",
    "https://ada:secret@pictures.example/a.png": "a user name or a password",
    "ftp://pictures.example/a.png": "must begin with https://",
    "file:///etc/passwd": "must begin with https://",
    "gs://bucket/a.png": "must begin with https://",
}


@pytest.mark.parametrize("url, why", UNFIT.items(), ids=UNFIT)
@pytest.mark.parametrize("name", ["openai", "ollama"])
async def test_an_address_that_may_not_be_attached_may_not_be_a_part(name: str, url: str, why: str) -> None:
    """Whether its service goes there itself or we would: one line, nothing stored, nothing sent, no password told."""
    provider = Logging(name)
    session = await session_with(provider)
    for door in ("parts", "attachments"):
        with pytest.raises(AttachmentError, match=why) as caught:
            await session.send_message("See", model="gpt-6-luna", **{door: [{"type": "image", "url": url}]})
        assert "secret" not in str(caught.value)
        assert "\n" not in str(caught.value)
    assert provider.requests == []
    assert await session.get_messages() == []


async def test_an_address_loses_its_fragment_whatever_way_it_comes() -> None:
    """It is of no use to a service."""
    provider = Logging("openai")
    session = await session_with(provider)
    await session.send_message("See", model="gpt-6-luna", parts=[{**AT_IMAGE, "url": f"{AT_IMAGE['url']}#x"}])
    assert provider.sent == [AT_IMAGE]


@pytest.mark.parametrize("url", UNFIT)
async def test_an_address_of_a_history_that_may_not_be_attached_goes_as_text(url: str) -> None:
    """An import may hold any; no service is sent to it, and none gets its password."""
    provider = Logging("openai")
    session = await session_with(provider)
    question = SessionMessage(
        content="See", parts=({"type": "text", "text": "See"}, {"type": "image", "url": url})
    )
    await session.append([question, SessionMessage(role=MessageRole.ASSISTANT, content="ok")])
    await session.send_message("Go on", model="gpt-6-luna")
    assert [part["type"] for part in provider.sent] == ["text"]
    assert "secret" not in str(provider.requests)


async def test_nobody_is_asked_what_a_model_takes_for_text_alone() -> None:
    """A conversation of texts costs nothing more."""
    provider = Logging("anthropic")
    session = await session_with(provider)
    await session.send_message("Hi")
    await session.send_message("Go on")
    assert provider.n_asked == 0
    await session.send_message("See", parts=[IMAGE])
    assert provider.n_asked == 1


# Tools by name


def named(body: Mapping[str, Any]) -> list[Any]:
    return list(body["tools"])


def tool_request(model: str, *tools: str, **options: Any) -> ProviderRequest:
    return ProviderRequest(model, (SessionMessage(content="Hi"),), options=options, tools=tools, stream=False)


def chat_body(host: str, request: ProviderRequest) -> dict[str, Any]:
    provider: Any = create_provider(host, "key-of-no-account")
    body: dict[str, Any] = provider._body(request)
    return body


BODIES: dict[str, Callable[[ProviderRequest], dict[str, Any]]] = {
    "openai": openai.wire_request,
    "anthropic": anthropic.wire_request,
    "gemini": generate.wire_body,
    "gemini native": interactions.wire_body,
    "mistral native": conversations.fixed_body,
    "groq": lambda request: chat_body("groq", request),
    "openrouter": lambda request: chat_body("openrouter", request),
}
TOOLED = {
    "openai": "gpt-6-luna",
    "anthropic": "claude-opus-5-5",
    "gemini": "gemini-3.8-flash",
    "gemini native": "gemini-3.8-flash",
    "mistral native": "mistral-medium-latest",
    "groq": "openai/gpt-oss-20b",
    "openrouter": "google/gemini-3.8-flash",
}


@pytest.mark.parametrize("where", BODIES)
def test_every_tool_that_the_table_has_is_written(where: str) -> None:
    """One of the service's tools for each name, after those that the user wrote, whose version of one counts."""
    name, _, native = where.partition(" ")
    intake = intake_of(name, TOOLED[where], native=bool(native))
    assert intake.tools
    own = {"type": "function", "name": "f", "function": {"name": "f"}, "functionDeclarations": []}
    body = BODIES[where](tool_request(TOOLED[where], *intake.tools, tools=[own]))
    assert named(body)[0] == own
    assert len(named(body)) == 1 + len(intake.tools)
    mine = {**named(body)[1], "max_uses": 1}
    body = BODIES[where](tool_request(TOOLED[where], *intake.tools, tools=[mine]))
    if where != "gemini":  # its tools have no name or type to know them by
        assert named(body)[0] == mine
        assert len(named(body)) == len(intake.tools)


def test_no_tool_is_in_the_table_that_nobody_writes() -> None:
    """All rows of all providers, but the mock, which plays its own, and models that search in any case."""
    written = {
        "openai": questions.TOOLS,
        "anthropic": {"web_search", "web_fetch", "code_interpreter"},
        "gemini": generate.TOOLS,
        "groq": {*host_tools.TOOLS["groq"], "web_fetch"},
        "openrouter": host_tools.TOOLS["openrouter"],
        "openai-chat": {"web_search"},
    }
    for name, rows in INTAKES.items():
        tools = {tool for row in rows for tool in row.intake.tools}
        always = {"web_search"} if name in {"openai-compatible", "litellm"} else set()
        assert tools <= {*written.get(name, ())} | always or name == "mock", name
    native = {"gemini": interactions.TOOLS, "mistral": conversations.TOOLS}
    assert {name: {*rows[-1].intake.tools} for name, rows in NATIVE.items()} == {
        name: {*tools} for name, tools in native.items()
    }


def test_responses_are_asked_for_all_that_tools_tell() -> None:
    """Sources of a search and outputs of code are told to who includes them."""
    body = openai.wire_request(tool_request("gpt-6-luna", "web_search", "code_interpreter"))
    assert {"web_search_call.action.sources", "code_interpreter_call.outputs"} <= {*body["include"]}


def test_googles_newer_models_may_show_what_their_tools_did() -> None:
    """They refuse functions beside Google's tools otherwise; older ones do not know the word."""
    functions = [{"functionDeclarations": [{"name": "f"}]}]
    for model, config in (
        ("gemini-3.8-flash", {"includeServerSideToolInvocations": True}),
        ("gemini-2.5-flash", None),
    ):
        body = generate.wire_body(tool_request(model, "web_search", tools=functions))
        assert body.get("toolConfig") == config


def test_some_models_search_without_a_tool_in_the_request() -> None:
    """Groq's systems are told what they may use; OpenAI's models for search have an option; others always do."""
    compound = chat_body("groq", tool_request("groq/compound", "web_search", "web_fetch"))
    assert compound["compound_custom"] == {"tools": {"enabled_tools": ["web_search", "visit_website"]}}
    assert (
        chat_body("openai-chat", tool_request("gpt-5-search-api", "web_search"))["web_search_options"] == {}
    )


@pytest.mark.parametrize(
    "provider, model, tool, words",
    [
        ("deepseek", "deepseek-chat", "web_search", "has no web_search: its service runs no tools."),
        ("openrouter", "m", "code_interpreter", "has no code_interpreter: it has web_search, web_fetch."),
        ("mistral", "mistral-medium-latest", "web_search", "provider_native"),
        ("anthropic", "claude-opus-5-5", "web_serch", "Did you mean 'web_search'?"),
    ],
)
async def test_a_tool_that_the_service_has_not_is_refused_with_who_has_it(
    provider: str, model: str, tool: str, words: str
) -> None:
    """Before anything is stored or sent."""
    one = Logging(provider)
    session = await session_with(one)
    with pytest.raises(SessionValueError) as caught:
        await session.send_message("Hi", model=model, tools=[tool])
    assert words in str(caught.value)
    assert caught.value.parameter == "tools"
    assert one.requests == []
    assert await session.get_messages() == []


def test_every_provider_has_its_rows() -> None:
    """One that has none would be sent everything."""
    assert INTAKES.keys() == PROVIDERS.keys()
    assert all(rows[-1].models == ".*" for rows in (*INTAKES.values(), *NATIVE.values()))


def test_all_tools_have_plain_names() -> None:
    """One name for the same thing, whoever has it."""
    assert all_tools() == {"web_search", "web_fetch", "code_interpreter", "image_generation", "x_search"}


# What servers tell of their models


@pytest.mark.parametrize("can, sees", [(["completion", "vision"], True), (["completion"], False)])
async def test_ollama_is_asked_once_whether_a_model_sees(can: list[str], sees: bool) -> None:
    """Its word counts; where it says nothing, the table does."""
    provider: Any = create_provider("ollama", base_url="http://127.0.0.1:9")
    asked: list[Any] = []

    async def show(method: str, path: str, body: Any, **how: Any) -> tuple[Any, Mapping[str, str]]:
        asked.append((method, path, body))
        return {"capabilities": can}, {}

    provider.http.request_json = show
    assert [(await provider.intake("m")).takes("image/png") for _ in range(2)] == [sees, sees]
    assert asked == [("POST", "/api/show", {"model": "m"})]


async def test_a_server_that_is_not_there_says_nothing_against_a_model() -> None:
    """What is wrong is said by the send itself."""
    for name in ("ollama", "llamacpp"):
        provider = create_provider(name, base_url="http://127.0.0.1:9")
        assert (await provider.intake("m")).takes("image/png")
        await provider.close()


async def test_openrouters_list_of_models_tells_what_they_take() -> None:
    """Once it was listed; before that the table counts."""
    provider: Any = create_provider("openrouter", "key-of-no-account")
    assert (await provider.intake("acme/blind")).takes("image/png")
    kinds = {"acme/blind": ["text"], "acme/all": ["text", "image", "audio", "file"]}
    data = [{"id": name, "architecture": {"input_modalities": told}} for name, told in kinds.items()]
    provider._read_models({"data": data})
    blind, all_ = await provider.intake("acme/blind"), await provider.intake("acme/all")
    assert [blind.takes(kind) for kind in ("image/png", "audio/mpeg", "application/pdf")] == [
        False,
        False,
        True,
    ]
    assert [all_.takes(kind) for kind in ("image/png", "audio/mpeg", "application/pdf")] == [True, True, True]
    await provider.close()


# The mock


async def test_the_mock_says_what_it_was_given() -> None:
    """Kind, name, type, pixels, pages and size, in the order in which they came."""
    session = await session_with(MockProviderSession())
    image = {**attached("image", "image/png", b"x" * 1200, "plot.png"), "width": 640, "height": 480}
    reply = await session.send_message("See", model="echo", parts=[image, {**PDF, "pages": 2}, AT_PDF])
    assert reply.content.split("\n\n")[-3:] == [
        "You attached plot.png: an image, image/png, 640\u00d7480, 1.2 kB.",
        "You attached report.pdf: a file, application/pdf, 2 pages, 8 B.",
        "You attached https://papers.example/a.pdf: a file.",
    ]


async def test_the_mock_plays_its_tools() -> None:
    """A vendor part for each, and sources whose places are those of the sentences that they are for."""
    session = await session_with(MockProviderSession())
    tools = ["code_interpreter", "web_search"]
    replies = [await session.send_message("How many words?", model="echo", tools=tools) for _ in range(2)]
    reply = replies[0]
    assert [(part["provider"], part["kind"]) for part in reply.parts if part["type"] == "vendor"] == [
        ("mock", "code_interpreter_call"),
        ("mock", "web_search_call"),
    ]
    assert "counted 3 words" in reply.content
    assert [reply.content[part["start"] : part["end"]] for part in reply.citations] == [
        part["quote"] for part in reply.citations
    ]
    assert len(reply.citations) == 2
    assert [json.dumps(one.citations) for one in replies] == [json.dumps(reply.citations)] * 2


async def test_the_mock_asks_for_the_nearest_of_its_names() -> None:
    """In every reply, not in the first alone; names that are like none stand for other models."""
    mock = MockProviderSession()
    session = await session_with(mock)
    await session.send_message("Hi", model="echo")
    reply = await session.send_message("Hi", model="ehco")
    assert reply.content == "There is no model mock:ehco, did you mean mock:echo?\n\nYou said: Hi"
    assert (await session.send_message("Hi", model="gpt-4o")).content == "You said: Hi"


def test_the_request_keeps_what_options_say() -> None:
    """A name of a tool changes nothing of a request that has none."""
    request = tool_request("gpt-6-luna", tools=[{"type": "web_search"}])
    assert openai.wire_request(request)["tools"] == [{"type": "web_search"}]
    assert openai.wire_request(replace(request, tools=("web_search",)))["tools"] == [{"type": "web_search"}]
