"""The second set of recorded exchanges: which of them are replies, and what of them a reading must agree on."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from langswarm_nb.core.session.messages import Usage
from langswarm_nb.core.session.parts.vocabulary import Part
from langswarm_nb.core.session.provider_events import (
    Delta,
    Finish,
    PartDone,
    ProviderEvent,
    ReplyInfo,
    ThoughtSoFar,
)
from langswarm_nb.core.session.providers.chat import ChatProviderSession
from tests.contract import cases_cohere, cases_gemini, cases_messages, cases_mistral, cases_responses
from tests.contract.provider_cases import CANARY
from tests.support.paths import find_shared_dir

_DIALECTS = {
    "messages": cases_messages.MESSAGES,
    "responses": cases_responses.RESPONSES,
    "generateContent": cases_gemini.GEMINI,
    "streamGenerateContent": cases_gemini.GEMINI,
    "interactions": cases_gemini.INTERACTIONS,
    "v2/chat": cases_cohere.COHERE,
    "mistral/chat.completions": cases_mistral.MISTRAL,
}
_HOSTS = {
    "openai": "openai-chat",
    "azure": "azure",
    "groq": "groq",
    "openrouter": "openrouter",
    "deepseek": "deepseek",
}
_TWO_IN_ONE = "azure/tools_parallel__vercel_fixture_azure_reasoning_encrypted_content-1_stream-0"
"""Two responses in one body: no service sends that."""


@dataclass(frozen=True)
class Recorded:
    """One recorded exchange of a reply."""

    name: str
    api: str
    provider: str
    exchange: Mapping[str, Any]
    expected: Mapping[str, Any]

    @property
    def body(self) -> bytes:
        """The answer, as it came."""
        response = self.exchange["response"]
        if "body_base64" in response:
            return base64.b64decode(response["body_base64"])
        return str(response["body"]).encode()

    @property
    def is_stream(self) -> bool:
        """Whether the answer came in events."""
        return self.body[:1] not in {b"{", b"["}

    @property
    def family(self) -> str:
        """The form of the API, whoever serves it."""
        return "generateContent" if self.api == "streamGenerateContent" else self.api

    def session(self) -> Any:
        """Return a session of the provider that speaks this API."""
        dialect = _DIALECTS.get(f"{self.provider}/{self.api}") or _DIALECTS.get(self.api)
        if dialect is not None:
            return dialect.create("http://127.0.0.1:9")
        host = _HOSTS.get(self.provider, "openai-compatible")
        return ChatProviderSession(host, CANARY, base_url="http://127.0.0.1:9")


@cache
def recorded() -> dict[str, Recorded]:
    """Return the exchanges by name; none where the folder is missing."""
    shared = find_shared_dir()
    folder = shared / "recordings2" if shared else None
    if folder is None or not folder.is_dir():
        return {}
    expected = json.loads((folder / "expected.json").read_text("utf-8"))["expected"]
    found = {}
    for row in json.loads((folder / "index.json").read_text("utf-8")):
        case = json.loads((folder / row["file"]).read_text("utf-8"))
        for number, (exchange, told) in enumerate(zip(case["exchanges"], expected[row["file"]], strict=True)):
            api, provider = exchange["api"], exchange["provider"]
            if api in _DIALECTS or api == "chat.completions":
                name = f"{row['file'].removesuffix('.json')}-{number}"
                found[name] = Recorded(name, api, provider, exchange, told)
    found.pop(_TWO_IN_ONE, None)
    return found


@dataclass
class Reading:
    """What a reply came to, parts and all."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    parts: list[Part] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    details: dict[str, Any] = field(default_factory=dict)
    finish: Finish | None = None

    @classmethod
    def of(cls, events: Iterable[ProviderEvent]) -> Reading:
        """Return what events come to."""
        reading = cls()
        for event in events:
            if isinstance(event, Delta):
                setattr(reading, event.kind, getattr(reading, event.kind) + event.text)
            elif isinstance(event, ThoughtSoFar):
                reading.reasoning, reading.text = reading.reasoning + reading.text.strip(), ""
            elif isinstance(event, PartDone):
                reading.parts.append(event.part)
            elif isinstance(event, ReplyInfo):
                reading.details |= event.details
            elif isinstance(event, Finish):
                reading.finish = event
            else:
                reading.usage = reading.usage.updated(event)
        return reading

    def of_type(self, kind: str) -> list[Part]:
        """Return the parts of one type."""
        return [part for part in self.parts if part["type"] == kind]


class Told:
    """What a vendor's SDK read, in our words."""

    def __init__(self, row: Recorded) -> None:
        expected = row.expected
        self._told = {**expected, **expected["choices"][0]} if expected.get("choices") else expected
        self.family, self.raises = row.family, "raises" in expected
        self._usage = expected.get("usage") or {}

    @property
    def text(self) -> str:
        """The answer."""
        return self._told.get("text") or ""

    @property
    def reasoning(self) -> str | None:
        """The thinking; None where the SDK reads less of it than there is."""
        told = self._told
        if self.family == "responses":
            return told.get("reasoning_summary") or None
        names = ("thinking", "reasoning", "thoughts", "tool_plan")
        return "".join(told.get(name) or "" for name in names)

    @property
    def calls(self) -> list[tuple[str, Any]]:
        """Names and arguments of the calls of our tools."""
        return [(call["name"], as_json(_arguments(call))) for call in self._told.get("tool_calls") or ()]

    @property
    def server_items(self) -> list[Mapping[str, Any]]:
        """What the service did itself."""
        told = self._told
        done = [*(told.get("server_calls") or ()), *(told.get("server_results") or ())]
        done += [{"executableCode": {"code": code}} for code in told.get("code") or ()]
        return done + [{"codeExecutionResult": result} for result in told.get("code_results") or ()]

    @property
    def sources(self) -> set[str]:
        """Addresses of the sources, or their titles; empty where the SDK has no such list."""
        told = self._told
        listed = told.get("citations")
        found = [_source(one) for one in listed if one] if isinstance(listed, list) else []
        found += [_source(one) for one in (told.get("grounding") or {}).get("chunks") or () if one]
        pages = [page for page in told.get("url_context") or () if page["status"].endswith("SUCCESS")]
        return {*found, *(page["url"] for page in pages)} - {""}

    @property
    def finish(self) -> str | None:
        """The service's word for the end."""
        told, cut_short = self._told, self._told.get("incomplete_details")
        word = told.get("stop_reason") or told.get("finish_reason") or told.get("status")
        return str(cut_short["reason"]) if cut_short else word

    @property
    def tokens(self) -> tuple[int, int] | None:
        """Tokens in and out; None when they were not told."""
        usage = self._usage
        counts = [sum(int(usage.get(name) or 0) for name in names) for names in _COUNTS[self.family]]
        if self.family == "v2/chat" and usage:
            counts = [int(usage["tokens"][name]) for name in ("input_tokens", "output_tokens")]
        for one in usage.get("iterations") or ():
            if one["type"] == "compaction":
                counts = [counts[0] + one["input_tokens"], counts[1] + one["output_tokens"]]
        return (counts[0], counts[1]) if any(counts) else None


_COUNTS = {
    "messages": (
        ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"),
        ("output_tokens",),
    ),
    "responses": (("input_tokens",), ("output_tokens",)),
    "chat.completions": (("prompt_tokens",), ("completion_tokens",)),
    "generateContent": (
        ("prompt_token_count", "tool_use_prompt_token_count"),
        ("candidates_token_count", "thoughts_token_count"),
    ),
    "interactions": (
        ("total_input_tokens", "total_tool_use_tokens"),
        ("total_output_tokens", "total_thought_tokens"),
    ),
    "v2/chat": ((), ()),
}


def _source(one: Mapping[str, Any]) -> str:
    """Return what tells a source from others."""
    inner = one.get("url_citation") or one
    url = inner.get("url") or inner.get("uri") or inner.get("source") or ""
    if url.startswith("http"):
        return url.replace(" ", "%20")
    names = ("title", "document_title", "filename", "file_name", "file_id")
    named = [inner.get(name) for name in names if inner.get(name)]
    return str(named[0]) if named else ""


def _arguments(call: Mapping[str, Any]) -> Any:
    return call.get("arguments", call.get("input", call.get("args")))


def as_json(arguments: Any) -> Any:
    """Return arguments as JSON, whether they came as text or as an object."""
    if isinstance(arguments, str):
        try:
            return json.loads(arguments or "{}")
        except ValueError:
            return arguments
    return {} if arguments is None else arguments
