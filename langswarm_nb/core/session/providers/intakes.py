"""What models take beside text, and which tools their services have: one table, by provider and pattern of the name.

A model that no row was written for is taken for one of its vendor's newest: what is refused here in error cannot be
sent at all, and what is sent in error the service refuses. What a server says about its own models comes before the
table: see `http_session`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from langswarm_nb.core.session.provider_events import Intake

from .deciders import decides
from .schema_routes import asking_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
PDF = "application/pdf"
OFFICE = (
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/msword",
    "application/vnd.ms-powerpoint",
    "application/vnd.ms-excel",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.presentation",
    "application/vnd.oasis.opendocument.spreadsheet",
)
SOUNDS = ("audio/wav", "audio/x-wav", "audio/wave", "audio/mpeg", "audio/mp3")
"""WAV and MP3, under all their names."""
_MB = 1_000_000
_NOTHING = Intake(media_types=(), addresses=())
_SEE = Intake(media_types=PICTURES, addresses=("image",))


class Row(NamedTuple):
    """What some models of a provider take."""

    models: str
    """Pattern of their whole names, in lower case."""
    intake: Intake
    example: str = ""
    """One of them, to be named to who looks for one."""


_SEARCHES = ("web_search", "web_fetch", "code_interpreter")
_RESPONSES = Intake(
    media_types=(*PICTURES, PDF, *OFFICE),
    addresses=("image", PDF, *OFFICE),
    max_bytes=50 * _MB,
    tools=("web_search", "code_interpreter", "image_generation"),
)
_OPENAI_TEXT_ONLY = (
    r"(?:.*/)?(?:gpt-3\.5.*|gpt-4(?:-32k)?(?:-\d{4})?|gpt-oss.*|o1-(?:mini|preview).*|o3-mini.*)"
)
_HEARS = r"(?:.*/)?(?:gpt-(?:4o-|realtime-)?(?:mini-)?audio.*|gpt-4o-(?:mini-)?audio.*)"
_SEARCHED = r"(?:.*/)?(?:gpt-.*-search-(?:preview|api).*)"
_CHAT = replace(_RESPONSES, media_types=(*PICTURES, PDF), addresses=("image",), tools=())
_CLAUDE = Intake(
    media_types=(*PICTURES, PDF),
    addresses=("image", PDF),
    max_bytes=32 * _MB,
    max_images=600,
    tools=_SEARCHES,
)
_CLAUDE_OLD = (
    r"(?:.*[/.])?claude-(?:[23].*|instant.*|(?:opus|sonnet|haiku)-4(?:-[0-5])?(?:-(?:\d{8}|latest).*)?)"
)
_GEMINI_TYPES = (
    "image/png",
    "image/jpeg",
    "image/webp",
    "image/heic",
    "image/heif",
    PDF,
    "audio/*",
    "video/*",
)
_GEMINI = Intake(
    media_types=_GEMINI_TYPES,
    addresses=_GEMINI_TYPES,
    max_bytes=100 * _MB,
    tools=_SEARCHES,
)
_GEMINI_NATIVE = replace(
    _GEMINI,
    media_types=(*_GEMINI.media_types, "image/gif", "image/bmp", "image/tiff", *OFFICE),
    addresses=(*_GEMINI.addresses, "image/gif", "image/bmp", "image/tiff"),
)
_GEMINI_OLD = r"(?:models/)?gemini-(?:1|2\.0).*"
_MISTRAL = Intake(media_types=(*PICTURES, PDF, *OFFICE), addresses=("image", PDF, *OFFICE))
_MISTRAL_TOOLS = ("web_search", "code_interpreter", "image_generation")
_MISTRAL_BLIND = (
    r"codestral.*|mathstral.*|open-.*|mistral-(?:tiny|saba|embed|moderation).*|mistral-(?:small|large)-24\d\d"
    r"|ministral-\w+-24\d\d|magistral-\w+-250[1-8]|devstral-\w+-25(?:0\d|1[01])"
)
_BLIND = (
    rf"{_OPENAI_TEXT_ONLY}|(?:.*/)?(?:deepseek-(?!.*(?:vl|vision|ocr)).*|mixtral.*|mistral-7b.*|llama-?(?:2|3(?:\.[0123])?)"
    r"(?!.*vision).*|kimi-k2(?!\.).*|qwen-?[23](?!.*(?:vl|omni)|\.[5-9]).*|qwq.*|glm-4(?:\.\d)?(?!.*v)(?:-.*)?|command-r.*|gemma-?[12].*"
    r"|phi-?[1-4](?!.*(?:vision|multimodal)).*|whisper.*|allam.*|compound.*)"
)
"""Models known to read text alone, under the names that most hosts give them."""
_SONAR = r"(?:.*/)?sonar.*"
_GROK = r"(?:.*/)?grok-.*"

_ANY_HOST = (
    Row(_BLIND, _NOTHING),
    Row(_SONAR, replace(_SEE, tools=("web_search",))),
    Row(".*", _SEE),
)
_HERE = (Row(_BLIND, _NOTHING), Row(".*", Intake(media_types=(*PICTURES, *SOUNDS), addresses=())))
"""Servers on this machine: they are given bytes, not addresses to go to."""

INTAKES: Mapping[str, tuple[Row, ...]] = {
    "mock": (Row(".*", Intake(tools=("web_search", "code_interpreter"))),),
    "openai": (
        Row(_OPENAI_TEXT_ONLY, _NOTHING),
        Row(_GROK, replace(_SEE, max_bytes=50 * _MB, tools=("web_search", "x_search", "code_interpreter"))),
        Row(".*", _RESPONSES, "gpt-6-luna"),
    ),
    "openai-chat": (
        Row(_OPENAI_TEXT_ONLY, _NOTHING),
        Row(_HEARS, Intake(media_types=SOUNDS, addresses=()), "gpt-audio"),
        Row(_SEARCHED, replace(_CHAT, tools=("web_search",)), "gpt-5-search-api"),
        Row(".*", _CHAT, "gpt-6-luna"),
    ),
    "azure": (
        Row(_OPENAI_TEXT_ONLY, _NOTHING),
        Row(_HEARS, Intake(media_types=SOUNDS, addresses=())),
        Row(".*", _SEE),
    ),
    "anthropic": (
        Row(r"(?!.*claude).*", _SEE),  # servers that speak its API with other models
        Row(_CLAUDE_OLD, replace(_CLAUDE, max_images=100)),
        Row(".*", _CLAUDE, "claude-haiku-5-5"),
    ),
    "gemini": (
        Row(_GEMINI_OLD, replace(_GEMINI, addresses=(), max_bytes=20 * _MB)),
        Row(".*", _GEMINI, "gemini-3.8-flash"),
    ),
    "mistral": (
        Row(r"voxtral.*", Intake(media_types=("audio/*",), addresses=("audio",)), "voxtral-small-latest"),
        Row(_MISTRAL_BLIND, replace(_MISTRAL, media_types=(PDF, *OFFICE), addresses=(PDF, *OFFICE))),
        Row(".*", _MISTRAL, "mistral-medium-latest"),
    ),
    "groq": (
        Row(
            r"(?:.*/)?gpt-oss.*",
            replace(_NOTHING, tools=("web_search", "code_interpreter")),
            "openai/gpt-oss-20b",
        ),
        Row(r"(?:.*/)?compound.*", replace(_NOTHING, tools=_SEARCHES), "groq/compound"),
        Row(_BLIND, _NOTHING),
        Row(
            ".*", replace(_SEE, max_images=5, max_bytes=4 * _MB), "meta-llama/llama-4-scout-17b-16e-instruct"
        ),
    ),
    "openrouter": (
        Row(_BLIND, Intake((PDF,), (PDF,), tools=("web_search", "web_fetch"))),
        Row(
            ".*",
            Intake((*PICTURES, PDF, *SOUNDS), ("image", PDF), tools=("web_search", "web_fetch")),
            "google/gemini-3.8-flash",
        ),
    ),
    "deepseek": (
        Row(".*(?:vision|-vl).*", replace(_SEE, addresses=(), max_bytes=48 * _MB)),
        Row(".*", _NOTHING),
    ),
    "cohere": (
        Row(r"command(?:-r.*|-light.*|-nightly.*|-a-03-2025|-a-reasoning.*|-a-translate.*)?", _NOTHING),
        Row(r"c4ai-(?!aya-vision).*", _NOTHING),
        Row(".*", _SEE, "command-a-plus-05-2026"),
    ),
    "ollama": (
        Row(".*", Intake(media_types=("image/png", "image/jpeg", "image/webp"), addresses=()), "gemma3"),
    ),
    "ollama-chat": _HERE,
    "llamacpp": _HERE,
    "lmstudio": _HERE,
    "vllm": _HERE,
    "litellm": _ANY_HOST,
    "openai-compatible": _ANY_HOST,
}
"""Provider's name -> its rows, of which the first that fits counts."""
NATIVE: Mapping[str, tuple[Row, ...]] = {
    "gemini": (
        Row(_GEMINI_OLD, replace(_GEMINI_NATIVE, addresses=(), max_bytes=20 * _MB)),
        Row(".*", _GEMINI_NATIVE, "gemini-3.8-flash"),
    ),
    "mistral": (
        Row(
            _MISTRAL_BLIND,
            replace(_MISTRAL, media_types=(PDF, *OFFICE), addresses=(PDF, *OFFICE), tools=_MISTRAL_TOOLS),
        ),
        Row(".*", replace(_MISTRAL, tools=_MISTRAL_TOOLS), "mistral-medium-latest"),
    ),
}
"""The same for conversations that a service holds, where its API for them takes something else."""


def intake_of(provider: str, model: str, *, native: bool = False) -> Intake:
    """Return what a model takes, and how it is asked for a schema, as far as the tables have it.

    Where they have no such provider, everything is sent, and a schema is put into words.
    """
    rows = NATIVE.get(provider) if native else None
    name = model.lower()
    found = (row.intake for row in rows or INTAKES.get(provider, ()) if re.fullmatch(row.models, name))
    intake, asking = next(found, Intake()), asking_of(provider, model, native=native)
    intake = intake if asking is None else replace(intake, **asking._asdict())
    return replace(intake, decides=True) if decides(provider, model) else intake


def seen_by(intake: Intake, sees: bool, hears: bool = False) -> Intake:
    """Return an intake with what a server says about its model: whether it sees pictures and hears sounds."""
    told = {"image": sees, "audio": hears}
    kept = tuple(known for known in intake.media_types if told.get(known.partition("/")[0], True))
    pictures = () if not sees or any(known.startswith("image/") for known in kept) else PICTURES
    sounds = () if not hears or any(known.startswith("audio/") for known in kept) else SOUNDS
    return replace(intake, media_types=(*kept, *pictures, *sounds))


def all_tools() -> set[str]:
    """Return the names of all tools that some service has."""
    return {tool for row in _rows() for tool in row.intake.tools}


def examples(wanted: Callable[[Intake], bool], providers: Collection[str] | None = None) -> list[str]:
    """Return a model of each provider whose intake is wanted: ``openai:gpt-6-luna``.

    Parameters
    ----------
    wanted
        Tells it.
    providers
        Names of those that come into question; None for all.
    """
    names = [name for name in INTAKES if providers is None or name in providers]
    return [model for name in names if (model := _example(name, wanted))]


def _example(name: str, wanted: Callable[[Intake], bool]) -> str:
    for rows, how in ((INTAKES[name], ""), (NATIVE.get(name, ()), " (with backend='provider_native')")):
        for row in reversed(rows):  # those for most models come last
            if row.example and wanted(row.intake):
                return f"{name}:{row.example}{how}"
    return ""


def _rows() -> Iterator[Row]:
    for rows in (*INTAKES.values(), *NATIVE.values()):
        yield from rows
