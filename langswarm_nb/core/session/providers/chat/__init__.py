"""Chat Completions: OpenAI's older API, spoken by most other services and by local servers.

Pure functions from messages to wire form, a reader of events (`reader`), and one thin class whose `_begin` calls
`stream_reply`, as every dialect has them; what differs between hosts stands in their rows of `providers.catalogue`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.errors import ProviderSessionError, SessionTypeError, SessionValueError
from langswarm_nb.core.session.messages import MessageRole
from langswarm_nb.core.session.parts.vocabulary import ATTACHED
from langswarm_nb.core.session.providers._dialect.adjustments import Adjusted, Adjustment
from langswarm_nb.core.session.providers._dialect.asking import asked_by
from langswarm_nb.core.session.providers._dialect.attachments import (
    address_or_data,
    base64_of,
    file_name,
    sendable,
)
from langswarm_nb.core.session.providers._dialect.call_pieces import free_text
from langswarm_nb.core.session.providers._dialect.history import reply_text
from langswarm_nb.core.session.providers._dialect.http_session import HttpProviderSession, short_request
from langswarm_nb.core.session.providers._dialect.reply_stream import stream_reply
from langswarm_nb.core.session.providers._dialect.wire import check_options
from langswarm_nb.core.session.providers._http.address import segment
from langswarm_nb.core.session.providers.catalogue import PROVIDERS, ChatHost
from langswarm_nb.core.session.providers.intakes import intake_of, seen_by
from langswarm_nb.core.session.secret import Secret
from langswarm_nb.core.session.text import unquoted

from .host_tools import add_tools
from .modalities import modalities_in, parameters_in
from .model_rules import MAY_THINK, OPENAI_REFUSES, THINKING
from .reader import DETAILS, EXTRA, ChatReader, read_models
from .schema_asking import add_schema, schema_adjustments, with_routes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from httpx import AsyncBaseTransport

    from langswarm_nb.core.session.closing import EventStream
    from langswarm_nb.core.session.messages import SessionMessage
    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.core.session.provider_events import (
        Decision,
        DecisionRequest,
        Intake,
        ModelInfo,
        ProviderEvent,
        ProviderRequest,
    )
    from langswarm_nb.core.session.providers._http.address import Address

_OTHER_LIMIT = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
"""Both spellings of the limit: older servers, and Azure's older versions, know the first only."""
_DEVELOPER = "developer"
_AZURE_TARGET = re.compile(
    r"(?P<resource>https?://[^/?#]+)/openai/(?:deployments/[^/?#]+/)?(?:chat/completions|responses)"
    r"(?:\?api-version=(?P<version>[\w.-]+))?"
)


def wire_messages(
    messages: Iterable[SessionMessage],
    *,
    system_role: str = "system",
    sends_reasoning: bool = False,
    host: str = "",
    wants_thinking: bool = False,
    pieces_of: Callable[[Iterable[Part]], list[dict[str, Any]]] | None = None,
) -> list[dict[str, Any]]:
    """Return messages in the form of Chat Completions.

    Parameters
    ----------
    host
        Who gets them: what a host put beside its own calls goes back to it, and to no other.
    wants_thinking
        Whether replies with calls of tools are refused without their thinking.
    pieces_of
        Returns the texts and attachments among parts; `wire_pieces` unless a service wants them otherwise.
    """
    pieces_of = pieces_of or wire_pieces
    wire: list[dict[str, Any]] = []
    roles = {MessageRole.SYSTEM: system_role, MessageRole.ASSISTANT: "assistant"}
    for message in messages:
        if message.content and not message.parts:  # nearly all, and a history may have thousands
            wire.append({"role": roles.get(message.role, "user"), "content": message.content})
            continue
        parts = message.all_parts
        wire += wire_results(parts)
        if message.role is MessageRole.ASSISTANT:
            said = _assistant(parts, sends_reasoning=sends_reasoning)
            is_own = message.request is not None and message.request.provider == host
            if is_own:
                _add_extras(said, parts)
            if wants_thinking and "tool_calls" in said:
                said["reasoning_content"] = message.reasoning if is_own else ""
            wire.append(said)
        elif content := wire_content(parts, pieces_of):
            role = system_role if message.role is MessageRole.SYSTEM else MessageRole.USER.value
            wire.append({"role": role, "content": content})
    return wire


def wire_pieces(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """Return the texts and attachments among parts."""
    return [piece for part in sendable(parts, *ATTACHED) for piece in _piece(part)]


def wire_image(part: Part) -> dict[str, Any]:
    """Return an image, with how closely it is to be looked at where that was said."""
    detail = {"detail": part["detail"]} if part.get("detail") else {}
    return {"type": "image_url", "image_url": {"url": address_or_data(part), **detail}}


def _piece(part: Part) -> list[dict[str, Any]]:
    match part["type"]:
        case "text":
            return [{"type": "text", "text": part["text"]}]
        case "image":
            return [wire_image(part)]
        case "file":  # an address in place of data is OpenRouter's
            file = {"filename": file_name(part), "file_data": address_or_data(part)}
            return [{"type": "file", "file": file}]
        case "audio" if "data" in part:
            kind = "wav" if "wav" in part["media_type"] else "mp3"
            return [{"type": "input_audio", "input_audio": {"data": base64_of(part), "format": kind}}]
    return []


def wire_calls(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """Return the calls of tools among parts."""
    return [
        {
            "id": part["id"],
            "type": "function",
            "function": {"name": part["name"], "arguments": part["arguments"]},
        }
        for part in parts
        if part["type"] == "tool_call"
    ]


def _calls(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """Return the calls of tools with what belongs to this dialect alone."""
    own = [part for part in parts if part["type"] == "tool_call"]
    wire = wire_calls(own)
    for call, part in zip(wire, own, strict=True):
        if (text := free_text(part)) is not None:
            call["type"], call["custom"] = "custom", {"name": part["name"], "input": text}
            del call["function"]
    return wire


def _add_extras(said: dict[str, Any], parts: Iterable[Part]) -> None:
    """Put what a host told beside its calls beside them again."""
    own = [part.get("opaque") for part in parts if part["type"] == "tool_call"]
    for call, opaque in zip(said.get("tool_calls", ()), own, strict=False):
        if isinstance(opaque, dict) and EXTRA in opaque:
            call[EXTRA] = opaque[EXTRA]


def wire_results(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """Return the results of tools among parts, each a message."""
    return [
        {"role": "tool", "tool_call_id": part["tool_call_id"], "content": part["content"]}
        for part in parts
        if part["type"] == "tool_result"
    ]


def wire_content(
    parts: Iterable[Part], pieces_of: Callable[[Iterable[Part]], list[dict[str, Any]]] = wire_pieces
) -> str | list[dict[str, Any]]:
    """Return what a user says: plain text when there is nothing else, since every host takes that.

    Parameters
    ----------
    pieces_of
        Returns the texts and attachments among parts, as a service wants them.
    """
    pieces = pieces_of(parts)
    if all(piece["type"] == "text" for piece in pieces):
        return "\n\n".join(piece["text"] for piece in pieces)
    return pieces


def _assistant(parts: Sequence[Part], *, sends_reasoning: bool) -> dict[str, Any]:
    text, calls = reply_text(parts), _calls(parts)
    wire: dict[str, Any] = {"role": "assistant", "content": text if text or not calls else None}
    if calls:
        wire["tool_calls"] = calls
    if sends_reasoning:
        details = [part["opaque"] for part in parts if part["type"] == "reasoning" and part.get("opaque")]
        wire |= {name: value for opaque in details for name, value in opaque.items() if name == DETAILS}
    return wire


def wire_options(options: Mapping[str, Any], limit_name: str) -> dict[str, Any]:
    """Return options under the names of Chat Completions."""
    wire = dict(options)
    if "max_tokens" in wire:
        wire[limit_name] = wire.pop("max_tokens")
    if isinstance(wire.get("stop"), tuple):
        wire["stop"] = list(wire["stop"])
    return wire


class ChatProviderSession(HttpProviderSession):
    """A service that speaks Chat Completions.

    Parameters
    ----------
    provider
        Name of a `ChatHost`.
    api_key
        None takes it from the host's environment variable.
    base_url
        Address up to, but without, ``/chat/completions``; None takes the host's. For Azure that of the resource, or
        what its portal shows.
    headers
        More headers for each request.
    stream_usage
        Whether to ask for the usage of streams (``stream_options``); None: as the host. A server that refuses it is
        not asked again.
    api_version
        Azure's older addresses, with a deployment in the path, need it; None uses the newer ones.
    allow_http
        Whether a key may go over plain http to a private network; None: when ``LANGSWARM_ALLOW_HTTP=1`` is set.
    connect_timeout_s, silence_s
        Time limits for connecting and for silence while the answer arrives, in seconds.
    transport
        An asynchronous httpx transport that carries the requests instead of the library's own connections.

    Raises
    ------
    ProviderAuthenticationError
        There is no key, or its format is wrong.
    SessionValueError, SessionTypeError
        ``base_url`` is missing or not allowed, or another value is not.
    """

    def __init__(
        self,
        provider: str = "openai-compatible",
        api_key: str | Secret | None = None,
        *,
        base_url: str | None = None,
        headers: Mapping[str, str] | None = None,
        stream_usage: bool | None = None,
        api_version: str | None = None,
        allow_http: bool | None = None,
        connect_timeout_s: float = 5.0,
        silence_s: float = 600.0,
        transport: AsyncBaseTransport | None = None,
    ) -> None:
        api_key = None if api_key is None else Secret.of(api_key)
        host = PROVIDERS.get(provider)
        if not isinstance(host, ChatHost):
            hosts = [name for name, known in PROVIDERS.items() if isinstance(known, ChatHost)]
            raise SessionValueError.of("provider", provider, hosts)
        self.name, self._host = provider, host
        self._stream_usage = host.has_stream_options if stream_usage is None else stream_usage
        self._api_version = api_version or _variable(host.version_variable)
        self._modalities: dict[str, Collection[str]] = {}
        self._parameters: dict[str, Collection[str]] = {}
        if headers is not None and not isinstance(headers, Mapping):
            raise SessionTypeError.of("headers", headers, "a dict of names to texts")
        named = {name: value for name, variable in host.header_variables if (value := _variable(variable))}
        super().__init__(
            api_key,
            base_url=base_url,
            headers={**host.headers, **named, **(headers or {})},
            allow_http=allow_http,
            connect_timeout_s=connect_timeout_s,
            silence_s=silence_s,
            transport=transport,
        )

    def _begin(self, request: ProviderRequest) -> EventStream[ProviderEvent]:
        check_options(self.name, request, OPENAI_REFUSES if self._host.is_openai else ())
        path, query = self._path("/chat/completions", request.model)
        reader = ChatReader(keeps_details=self._host.sends_reasoning, has_tags=not self._host.is_openai)
        body = self._body(request)
        adjusted = Adjusted(body, self._adjustments(request, body), self.http.address.url, request.model)
        return stream_reply(
            self.http,
            path,
            adjusted.body,
            request,
            reader,
            is_in_words=lambda: adjusted.is_in_words,
            query=query,
            amend=adjusted.amend,
        )

    async def decide(self, request: DecisionRequest) -> Decision:
        """Answer questions about messages, with probabilities, where the host can."""
        from .deciding_hosts import decide  # few ask for it

        return await decide(self.http, request)

    async def list_models(self) -> list[ModelInfo]:
        """Return the models that the service offers."""
        path, query = self._path("/models", "")
        return await self.http.get_json(path, self._read_models, query=query)

    async def intake(self, model: str, *, native: bool = False) -> Intake:
        """Return what a model takes, from the host's list of models, else from what is known about it."""
        known = with_routes(
            await super().intake(model, native=native), self._parameters.get(model), self._api_version
        )
        if self.name == "llamacpp" and not self._modalities:
            with suppress(ProviderSessionError):  # then it fails, and says so, when it is sent to
                await self.http.get_json("/models", self._read_models, request=short_request())
        told = self._modalities.get(model)
        if told is None and self.name == "llamacpp":  # it has one model, whatever that is called
            told = next(iter(self._modalities.values()), None)
        return known if told is None else seen_by(known, "image" in told, "audio" in told)

    def _read_models(self, body: Any) -> list[ModelInfo]:
        """Return the models of a list, and note what it says that they take."""
        models = read_models(body)
        self._modalities |= modalities_in(body)
        self._parameters |= parameters_in(body)
        return models

    def _find_address(self, base_url: str | None) -> Address:
        """Return the address; that of Azure may be what its portal shows, with deployment and version."""
        if self.name == "azure":
            shown = base_url if base_url is not None else _variable(self._host.url_variables[0])
            if isinstance(shown, str) and (target := _AZURE_TARGET.fullmatch(unquoted(shown))):
                self._api_version = self._api_version or target["version"]
                base_url = target["resource"]
        return super()._find_address(base_url)

    def _body(self, request: ProviderRequest) -> dict[str, Any]:
        thinks = self._host.is_openai and re.fullmatch(f"{THINKING}|{MAY_THINK}", request.model)
        body = {
            "model": request.model,
            "messages": wire_messages(
                request.messages,
                system_role=_DEVELOPER if thinks else "system",
                sends_reasoning=self._host.sends_reasoning,
                host=self.name,
                wants_thinking=self._host.wants_thinking or _is_deepseek(self.http.address.origin),
            ),
            **wire_options(request.options, self._host.limit_name),
        }
        add_tools(body, self.name, request)
        add_schema(body, self._host, request)
        if request.stream and (self._host.streams_schemas or asked_by(request, "strict") is None):
            body["stream"] = True
            if self._stream_usage:
                body.setdefault("stream_options", {"include_usage": True})
        return body

    def _adjustments(self, request: ProviderRequest, body: Mapping[str, Any]) -> list[Adjustment]:
        """Return what is ours in a body, and how it goes without."""
        found: list[Adjustment] = []
        if "stream_options" in body and "stream_options" not in request.options:
            found.append(Adjustment("stream_options", lambda body: body.pop("stream_options")))
        if "max_tokens" in request.options:
            one, other = self._host.limit_name, _OTHER_LIMIT[self._host.limit_name]
            found.append(Adjustment(one, lambda body: body.update({other: body.pop(one)})))
        if any(message["role"] == _DEVELOPER for message in body["messages"]):
            found.append(Adjustment(_DEVELOPER, _without_developer))
        is_told = intake_of(self.name, request.model).is_told_schema
        return found + schema_adjustments(body, request, is_told=is_told)

    def _path(self, path: str, model: str) -> tuple[str, dict[str, str]]:
        if self.name != "azure" or self.http.address.url.endswith("/v1"):
            return path, {}
        if self._api_version is None:
            return f"/openai/v1{path}", {}
        deployment = f"/deployments/{segment(model)}" if model else ""
        return f"/openai{deployment}{path}", {"api-version": self._api_version}


def _without_developer(body: dict[str, Any]) -> None:
    for message in body["messages"]:
        if message["role"] == _DEVELOPER:
            message["role"] = "system"


def _is_deepseek(origin: str) -> bool:
    """Return whether an address is DeepSeek's own, which people also use under another name."""
    return re.search(r"[/.]deepseek\.com(?::|$)", origin) is not None


def _variable(name: str | None) -> str | None:
    return (unquoted(os.environ.get(name, "")) or None) if name else None
