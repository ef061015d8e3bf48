"""Ollama: ``/api/chat``, its own API, whose streams are lines of JSON; it keeps no conversations."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.errors import ProviderSessionError
from langswarm_nb.core.session.messages import FinishReason, MessageRole, Usage, estimate_tokens
from langswarm_nb.core.session.parts.twins import twin
from langswarm_nb.core.session.provider_events import Delta, Finish, ModelInfo, PartDone, ReplyInfo
from langswarm_nb.core.session.text import one_line, unquoted

from ._dialect.asking import function_tool, wants_json
from ._dialect.attachments import base64_of, sendable
from ._dialect.history import (
    CallIds,
    arguments_object,
    arguments_text,
    joined_text,
    reply_text,
    spoken,
    system_text,
    tool_names,
)
from ._dialect.http_session import HttpProviderSession, short_request
from ._dialect.reply_stream import stream_reply
from ._dialect.sse import JSONLinesDecoder
from ._dialect.think_tags import ThinkTags
from ._dialect.wire import RefusedOption, check_options, end_word, finish_reason, models_of, token_count
from ._http.address import check_base_url
from ._http.fault_bodies import read_fault
from ._http.faults import ReportedError
from .intakes import seen_by

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from langswarm_nb.core.session.closing import EventStream
    from langswarm_nb.core.session.messages import SessionMessage
    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.core.session.provider_events import (
        Decision,
        DecisionRequest,
        Intake,
        ProviderEvent,
        ProviderRequest,
    )

    from ._http.address import Address

_log = logging.getLogger(__name__)

REFUSES = (RefusedOption("tool_choice", r".*", "Ollama lets the model choose"),)
_OF_REQUEST = {"format", "think", "tools", "keep_alive", "logprobs", "top_logprobs", "truncate", "shift"}
"""Options that stand beside the messages; all others are parameters of the model, under ``options``."""
_OF_PARAMETERS = {"type", "properties", "required", "items", "$defs"}
"""What Ollama reads of a tool's schema at its top."""
_SMALLEST_CONTEXT = 2048
"""Tokens that a server gives a prompt when nobody says how many, at least."""


def wire_body(request: ProviderRequest) -> dict[str, Any]:
    """Return the body of a request."""
    return {
        "model": request.model,
        "messages": wire_messages(request.messages),
        "stream": request.stream,
        **_wire_schema(request),
        **wire_options(request.options),
    }


def _wire_schema(request: ProviderRequest) -> dict[str, Any]:
    """Return what asks for a schema; no model can be made to call a tool. The cloud keeps to a schema or does not."""
    asked = request.schema
    if asked is None:
        return {}
    if asked.route == "tool":
        tool = function_tool(asked)
        told = {name: value for name, value in asked.schema.items() if name in _OF_PARAMETERS}
        return {"tools": [{**tool, "function": {**tool["function"], "parameters": told}}]}
    if asked.route == "prompt" and not wants_json(request):
        return {}
    return {"format": asked.schema if asked.route == "strict" else "json"}


def wire_messages(messages: Sequence[SessionMessage]) -> list[dict[str, Any]]:
    """Return messages in Ollama's form, with one system message at the beginning."""
    text, names = system_text(messages), tool_names(messages)
    wire: list[dict[str, Any]] = [{"role": "system", "content": text}] if text else []
    for message in spoken(messages):
        parts = message.all_parts
        wire += [_tool_result(part, names) for part in parts if part["type"] == "tool_result"]
        if message.role is MessageRole.ASSISTANT:
            is_own = message.request is not None and message.request.provider == "ollama"
            wire.append(_assistant(parts, is_own=is_own))
        elif said := [part for part in sendable(parts, "image") if part["type"] in {"text", "image"}]:
            wire.append(_user(said))
    return wire


def _user(parts: Sequence[Part]) -> dict[str, Any]:
    """Return what a user says; the server goes to no address, so that of an image goes as text."""
    pictures = [part for part in parts if part["type"] == "image"]
    images = [base64_of(part) for part in pictures if "data" in part]
    addresses = [{"type": "text", "text": twin(part)} for part in pictures if "data" not in part]
    wire: dict[str, Any] = {"role": "user", "content": joined_text([*parts, *addresses])}
    return {**wire, "images": images} if images else wire


def _assistant(parts: Sequence[Part], *, is_own: bool) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": "assistant", "content": reply_text(parts)}
    calls = [
        {"function": {"name": part["name"], "arguments": arguments_object(part)}}
        for part in parts
        if part["type"] == "tool_call"
    ]
    if not calls:
        return wire
    thinking = "".join(part["text"] for part in parts if part["type"] == "reasoning")
    if thinking and is_own:  # a model goes on from its thoughts when it called tools
        wire["thinking"] = thinking
    return {**wire, "tool_calls": calls}


def _tool_result(part: Part, names: Mapping[str, str]) -> dict[str, Any]:
    name = part.get("name") or names.get(part["tool_call_id"])
    return {"role": "tool", "content": part["content"], **({"tool_name": name} if name else {})}


def wire_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options where Ollama has them: a few beside the messages, most under ``options``."""
    named = dict(options)
    parameters = dict(named.pop("options", None) or {})
    if (limit := named.pop("max_tokens", None)) is not None:
        parameters.setdefault("num_predict", limit)
    effort = named.pop("reasoning_effort", None)
    wire = {name: named.pop(name) for name in list(named) if name in _OF_REQUEST}
    if effort is not None:
        wire.setdefault("think", False if effort == "none" else effort)
    for name, value in named.items():
        parameters[name] = list(value) if isinstance(value, tuple) else value
    return {**wire, "options": parameters} if parameters else wire


def cut_warning(messages: Sequence[SessionMessage], parameters: Mapping[str, Any], read: int | None) -> str:
    """Return a warning when the server can have read only a part of the prompt; else nothing.

    A prompt longer than ``num_ctx`` is cut silently. The only sign is that fewer tokens were read than the
    prompt has, and how many it has is known about, at 4 characters each.
    """
    about = estimate_tokens(messages)
    asked = token_count(parameters.get("num_ctx"))
    limit, share = (_SMALLEST_CONTEXT, 0.5) if asked is None else (asked, 0.8)
    if read is None or about <= limit or read >= share * about:
        return ""
    setting = "num_ctx is not set" if asked is None else f"num_ctx={asked}"
    return (
        f"Ollama read {read} tokens of a prompt of about {about}, so its beginning was probably cut off "
        f"({setting}). Set the option num_ctx to more, or max_context_tokens to less."
    )


class OllamaReader:
    """Reads the lines of one reply, or a whole one."""

    def __init__(self, messages: Sequence[SessionMessage], parameters: Mapping[str, Any]) -> None:
        self.is_whole: bool = False
        self.is_over: bool = False
        self._messages = messages
        self._parameters = parameters
        self._ids = CallIds(messages)
        self._tags = ThinkTags()
        self._has_calls = False
        self._is_named = False
        self._end: Mapping[str, Any] = {}

    def read(self, body: Any, name: str = "") -> Iterator[ProviderEvent]:
        """Take a line.

        Raises
        ------
        ReportedError
            It holds an error; HTTP's status said 200 before.
        """
        if body.get("error"):
            raise ReportedError(read_fault(body))
        if body.get("model") and not self._is_named:
            self._is_named = True
            yield ReplyInfo(model=str(body["model"]))
        message = body.get("message") or {}
        if message.get("thinking"):
            yield from self._tags.rest()  # the server separates it, so that tags are text
            yield Delta(message["thinking"], "reasoning")
        if text := message.get("content"):
            yield from self._tags.take(text)
        for call in message.get("tool_calls") or ():
            self._has_calls = True
            yield self._tool_call(call)
        if body.get("done"):
            self._end = body
            self.is_whole = self.is_over = True

    def read_whole(self, body: Any) -> Iterator[ProviderEvent]:
        """Take a whole answer; raises what `read` raises."""
        return self.read(body)

    def finish(self) -> Iterator[ProviderEvent]:
        """Return the usage, a warning when the prompt was cut, and the end."""
        yield from self._tags.rest()
        end = self._end
        usage = Usage(
            input_tokens=token_count(end.get("prompt_eval_count")),
            output_tokens=token_count(end.get("eval_count")),
        )
        if usage != Usage():
            yield usage
        warning = cut_warning(self._messages, self._parameters, usage.input_tokens)
        if warning:
            _log.warning("%s", warning)
            yield ReplyInfo(details={"warning": warning})
        word = end_word(end.get("done_reason"))
        reason = finish_reason(word)
        if reason is FinishReason.STOP and self._has_calls:
            reason = FinishReason.TOOL_CALLS
        yield Finish(reason, word)

    def _tool_call(self, call: Mapping[str, Any]) -> PartDone:
        function = call["function"]
        return PartDone(
            {
                "type": "tool_call",
                "id": str(call.get("id") or self._ids.next()),
                "name": str(function["name"]),
                "arguments": arguments_text(function.get("arguments")),
            }
        )


class OllamaProviderSession(HttpProviderSession):
    """Models that an Ollama server runs, on this machine or in Ollama's cloud.

    Parameters
    ----------
    api_key
        For the cloud and for servers behind a proxy; this machine needs none. None takes it from
        ``OLLAMA_API_KEY``, for another machine only.
    base_url
        Address of the server; None takes ``OLLAMA_HOST``, else ``http://127.0.0.1:11434``.
    headers
        More headers for each request.
    allow_http
        Whether a key may go over plain http to a private network; None: when ``LANGSWARM_ALLOW_HTTP=1`` is set.
    connect_timeout_s, silence_s
        Time limits for connecting and for silence while the answer arrives, in seconds: loading a model counts.

    Raises
    ------
    ProviderAuthenticationError
        The key's format is wrong.
    SessionValueError
        The address is not allowed.
    """

    name = "ollama"

    def _begin(self, request: ProviderRequest) -> EventStream[ProviderEvent]:
        check_options(self.name, request, REFUSES, formats=("format",))
        body = wire_body(request)
        reader = OllamaReader(request.messages, body.get("options") or {})
        return stream_reply(self.http, "/api/chat", body, request, reader, decoder=JSONLinesDecoder())

    async def decide(self, request: DecisionRequest) -> Decision:
        """Answer questions about messages, with probabilities."""
        from ._decisions import system_one  # few ask for it

        return await system_one.decide(self.http, "/v1/systemone", request)

    async def list_models(self) -> list[ModelInfo]:
        """Return the models that the server has."""
        return await self.http.get_json("/api/tags", _read_models)

    async def intake(self, model: str, *, native: bool = False) -> Intake:
        """Return what a model takes; the server is asked once whether it accepts images."""
        known = await super().intake(model, native=native)
        if re.search(
            r"[/.]ollama\.com(?::|$)", self.http.address.origin
        ):  # it takes schemas, and keeps to none
            known = replace(known, routes=("prompt",))
        told = await self._capabilities(model)
        if told is None:
            return known
        if "tools" not in told:
            known = replace(known, routes=tuple(route for route in known.routes if route != "tool"))
        return seen_by(known, "vision" in told)

    async def _capabilities(self, model: str) -> list[str] | None:
        """Return what the server says that a model can do; None when it does not say."""
        if model not in self._can:
            try:
                body, _ = await self.http.request_json(
                    "POST", "/api/show", {"model": model}, request=short_request()
                )
            except ProviderSessionError as error:  # what is wrong is said when it is sent to
                _log.debug("What %s takes is not known: %s", one_line(model, 100), error)
                return None
            can = body.get("capabilities") if isinstance(body, dict) else None
            self._can[model] = [str(word) for word in can] if isinstance(can, list) else None
        return self._can[model]

    @cached_property
    def _can(self) -> dict[str, list[str] | None]:
        """Model -> what the server said of it."""
        return {}

    def _find_address(self, base_url: str | None) -> Address:
        host = unquoted(os.environ.get("OLLAMA_HOST", ""))
        if base_url is None and host:
            return check_base_url(host_url(host), "OLLAMA_HOST")
        return super()._find_address(base_url)


def host_url(host: str) -> str:
    """Return the address that ``OLLAMA_HOST`` means: scheme and port may be missing, and 0.0.0.0 is this machine."""
    scheme, found, rest = host.partition("://")
    if not found:
        scheme, rest = "http", host
    place, slash, path = rest.partition("/")
    match = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::([0-9]*))?", place)
    if match is None:
        return host
    name, port = match.groups()
    if name in {"", "0.0.0.0", "[::]"}:  # noqa: S104 - what a server listens on is not a place to connect to
        name = "127.0.0.1"
    if not port and not found:
        port = "11434"
    return f"{scheme}://{name}" + (f":{port}" if port else "") + (slash + path).rstrip("/")


def _read_models(body: Any) -> list[ModelInfo]:
    return models_of(body["models"], lambda model: ModelInfo(str(model.get("model") or model["name"])))
