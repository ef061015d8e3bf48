"""Anthropic: the Messages API, which is sent the whole path each time; message threads on request."""

from __future__ import annotations

import logging
import re
from contextlib import aclosing
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal, get_args

from langswarm_nb.core.session.closing import EventStream
from langswarm_nb.core.session.conversation.beside_the_loop import decided
from langswarm_nb.core.session.errors import ProviderSessionError, SessionValueError
from langswarm_nb.core.session.messages import MessageRole
from langswarm_nb.core.session.parts.media_types import is_text
from langswarm_nb.core.session.parts.twins import name_of
from langswarm_nb.core.session.providers._dialect.attachments import base64_of, sendable, text_of
from langswarm_nb.core.session.providers._dialect.history import arguments_object, spoken, system_text
from langswarm_nb.core.session.providers._dialect.http_session import HttpProviderSession
from langswarm_nb.core.session.providers._dialect.native_reply import as_new, is_output
from langswarm_nb.core.session.providers._dialect.reasoning_order import in_order
from langswarm_nb.core.session.providers._dialect.reply_stream import stream_reply
from langswarm_nb.core.session.providers._dialect.wire import RefusedOption, check_options, with_tools
from langswarm_nb.core.session.secret import Secret

from .binding import (
    BINDING_BETA,
    MISFITS,
    asks_to_drop,
    bound,
    has_thinking,
    without_advisor,
    without_thinking,
)
from .block import THINKING
from .reader import DIALECT, MessagesReader, read_fault_of_messages, read_models
from .schema_asking import FORMATS, add_schema, is_forced, without_force
from .server_tools import tools_of
from .threads import BETA, LOST, UNSUPPORTED, Threads, begun

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence

    from httpx import AsyncBaseTransport

    from langswarm_nb.core.session.messages import SessionMessage
    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.core.session.provider_events import ModelInfo, ProviderEvent, ProviderRequest

_log = logging.getLogger(__name__)
VERSION, SAMPLING_VERSION = "2026-10-21", "2023-06-01"
"""The API's version, and the older one that still takes `SAMPLING`."""
SAMPLING = ("temperature", "top_p", "top_k")
_DATED = r"(?:-(?:\d{8}|latest).*)?"
_TAKES_SAMPLING = (
    rf"(?!.*claude).*|(?:.*[/.])?claude-(?:[123].*|instant.*|(?:opus|sonnet|haiku)-4(?:-[0-6])?{_DATED})"
)
"""Models that take `SAMPLING`: Claude up to 4.6, and those of other makers behind this API."""
REFUSES = (
    RefusedOption("seed", ".*claude.*", "the Messages API has none"),
    RefusedOption(
        "top_p",
        rf"(?:.*[/.])?claude-(?:opus|sonnet|haiku)-4-[1-6]{_DATED}",
        "this model takes temperature or top_p, not both",
        unless=("temperature", (None,)),
    ),
    RefusedOption(
        "thinking",
        rf"(?!(?:{_TAKES_SAMPLING})$).*",
        "with a fixed budget no longer; it thinks as much as it needs, or as 'reasoning_effort' says",
        takes=lambda thinking: not (isinstance(thinking, dict) and thinking.get("type") == "enabled"),
    ),
)
RESERVED = ("model", "messages", "system", "stream", "thread")
_MAX_TOKENS = ((r".*claude-3-(?:opus|sonnet|haiku).*", 4096), (r".*claude-3.*", 8192), (".*", 16384))
"""Longest reply when none is asked for, which the API requires; thinking counts."""
CacheTime = Literal["5m", "1h"]


def wire_messages(messages: Iterable[SessionMessage], model: str) -> list[dict[str, Any]]:
    """Return messages, but system messages, in Anthropic's form: turns of two roles that alternate."""
    turns: list[tuple[str, list[dict[str, Any]]]] = []
    said = spoken(messages)
    for number, message in enumerate(said):
        is_reply = message.role is MessageRole.ASSISTANT
        role = "assistant" if is_reply else "user"
        is_open = all(later.role is MessageRole.TOOL for later in said[number + 1 : number + 2])
        blocks = (
            _reply_blocks(message, model, is_open=is_open) if is_reply else _blocks(message.all_parts, model)
        )
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(blocks)
        elif blocks:
            turns.append((role, blocks))
    return [{"role": role, "content": _plain(blocks)} for role, blocks in turns]


def _plain(blocks: list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
        return str(blocks[0]["text"])
    return blocks


def _blocks(parts: Sequence[Part], model: str) -> list[dict[str, Any]]:
    """Return what a user says; results of tools must come first.

    Claude reads documents; other models behind this API get texts and images.
    """
    results = [_tool_result(part) for part in parts if part["type"] == "tool_result"]
    is_claude = "claude" in model.lower()
    said = sendable(parts, "image", *(("file",) if is_claude else ()), keeps_texts=is_claude)
    return results + [block for part in said for block in _said(part)]


def _said(part: Part) -> list[dict[str, Any]]:
    if part["type"] == "text" and part["text"].strip():  # blank blocks are refused
        return [{"type": "text", "text": part["text"]}]
    if part["type"] == "image":
        return [{"type": "image", "source": _source(part)}]
    if part["type"] != "file":
        return []
    title = {"title": name_of(part)} if part.get("name") else {}
    return [{"type": "document", "source": _source(part), **title}]


def _source(part: Part) -> dict[str, Any]:
    if "url" in part:
        return {"type": "url", "url": part["url"]}
    if is_text(part["media_type"]):
        return {"type": "text", "media_type": "text/plain", "data": text_of(part)}
    return {"type": "base64", "media_type": part["media_type"], "data": base64_of(part)}


def _tool_result(part: Part) -> dict[str, Any]:
    result = {"type": "tool_result", "tool_use_id": part["tool_call_id"], "content": part["content"]}
    return {**result, "is_error": True} if part.get("is_error") else result


def _reply_blocks(message: SessionMessage, model: str, *, is_open: bool) -> list[dict[str, Any]]:
    """Return what the model said, with the blocks of the service's own in their places.

    Thinking goes back with what was done for it, where it is needed: with calls of tools, ours and the service's.

    Parameters
    ----------
    is_open
        Whether the turn can still be gone on with: no question comes after it.
    """
    parts = message.all_parts
    pieces = in_order(parts, DIALECT, model)
    raws = [part["raw"] for part, _ in pieces if part["type"] == "raw"]
    has_calls = any(part["type"] == "tool_call" for part in parts)
    if not has_calls and all(raw.get("type") in THINKING for raw in raws):
        pieces = in_order(parts, "", model)
    done = {raw.get("tool_use_id") for raw in raws}
    blocks: list[dict[str, Any]] = []
    for part, marks in pieces:
        if part["type"] == "raw":
            is_undone = (
                str(part["raw"].get("type")).endswith("tool_use") and part["raw"].get("id") not in done
            )
            blocks += [] if is_undone and not is_open else [part["raw"]]
        elif part["type"] == "tool_call":
            call = {"id": part["id"], "name": part["name"], "input": arguments_object(part)}
            blocks.append({"type": "tool_use", **call, **marks})
        elif (
            part["type"] == "refusal" and part["text"] in message.content
        ):  # words of the model, not of the service
            blocks.append({"type": "text", "text": part["text"]})
        elif part["type"] == "text":
            blocks += [block | _cited(marks) for block in _said(part)]
    return blocks


def _cited(marks: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sources of a text that go back with it: of those from the web the service holds one half."""
    told = marks.get("citations")
    listed = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
    found = [one for one in listed if one.get("type") == "web_search_result_location"]
    return {"citations": found} if found else {}


def wire_options(options: Mapping[str, Any], model: str) -> dict[str, Any]:
    """Return options under Anthropic's names."""
    wire = dict(options)
    default = next(limit for pattern, limit in _MAX_TOKENS if re.fullmatch(pattern, model))
    wire.setdefault("max_tokens", default)
    if "stop" in wire:
        stop = wire.pop("stop")
        wire["stop_sequences"] = [stop] if isinstance(stop, str) else list(stop)
    effort = wire.pop("reasoning_effort", None)
    if effort == "none":
        wire.setdefault("thinking", {"type": "disabled"})
    elif effort is not None:
        wire["output_config"] = {**(wire.get("output_config") or {}), "effort": effort}
    return wire


def wire_request(request: ProviderRequest, cache: CacheTime | None = None) -> dict[str, Any]:
    """Return the body of a request.

    Parameters
    ----------
    cache
        How long the service is to keep what it has read, for the next request to be cheaper.
    """
    body = {
        "model": request.model,
        "messages": wire_messages(request.messages, request.model),
        **wire_options(request.options, request.model),
    }
    if system := system_text(request.messages):
        body["system"] = system
    if request.tools:
        body["tools"] = with_tools(body.get("tools"), request.tools, tools_of(request.model))
    add_schema(body, request)
    if cache is not None:
        body.setdefault("cache_control", {"type": "ephemeral", "ttl": cache})
    if request.user_id:
        body.setdefault("metadata", {"user_id": sha256(request.user_id.encode()).hexdigest()})
    if request.stream:
        body["stream"] = True
    return bound(without_advisor(body))


def choose_version(body: Mapping[str, Any], version: str | None = None) -> tuple[str, list[str]]:
    """Return the API's version for a body, and the options of `SAMPLING` that it cannot take.

    Parameters
    ----------
    version
        The one the caller wants.
    """
    asked = [name for name in SAMPLING if body.get(name) is not None]
    if not asked or re.fullmatch(_TAKES_SAMPLING, str(body["model"])) is None:
        return version or VERSION, asked
    version = version or SAMPLING_VERSION
    return version, [] if version <= SAMPLING_VERSION else asked


class AnthropicProviderSession(HttpProviderSession):
    """Anthropic, or a server that speaks its Messages API.

    Parameters
    ----------
    api_key
        None takes it from ``ANTHROPIC_API_KEY``, else a token from ``ANTHROPIC_AUTH_TOKEN``; a server on this
        machine needs none.
    base_url
        Address up to, but without, ``/v1``; None takes ``ANTHROPIC_BASE_URL``, else Anthropic's.
    prompt_cache
        ``"5m"`` or ``"1h"``: how long the service should cache the path, so that the next request costs less.
    message_threads
        Whether to let the service hold conversations between requests (beta). It saves upload, not money; when the
        service no longer holds one, the whole path is sent. Cannot be combined with ``prompt_cache``.
    version
        The API's version; None takes the newest, and an older one for models that take a temperature.
    beta
        Names of other beta features.
    headers
        More headers for each request.
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
    SessionValueError
        ``base_url`` or a header is not allowed, or another value is not.
    """

    name = "anthropic"
    _read_fault = staticmethod(read_fault_of_messages)

    def __init__(
        self,
        api_key: str | Secret | None = None,
        *,
        base_url: str | None = None,
        prompt_cache: CacheTime | None = None,
        message_threads: bool = False,
        version: str | None = None,
        beta: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        allow_http: bool | None = None,
        connect_timeout_s: float = 5.0,
        silence_s: float = 600.0,
        transport: AsyncBaseTransport | None = None,
    ) -> None:
        api_key = None if api_key is None else Secret.of(api_key)
        if prompt_cache is not None and prompt_cache not in get_args(CacheTime):
            raise SessionValueError.of("prompt_cache", prompt_cache, get_args(CacheTime))
        if prompt_cache is not None and message_threads:
            raise SessionValueError(
                "prompt_cache and message_threads exclude each other: the service accepts no cache_control in threads."
            )
        super().__init__(
            api_key,
            base_url=base_url,
            headers=headers,
            allow_http=allow_http,
            connect_timeout_s=connect_timeout_s,
            silence_s=silence_s,
            transport=transport,
        )
        self._cache: CacheTime | None = prompt_cache
        self._threads = Threads() if message_threads else None
        self._version = version
        self._beta = tuple(beta)
        self._warned: set[str] = set()

    def _begin(self, request: ProviderRequest) -> EventStream[ProviderEvent]:
        return EventStream(self._reply(request))

    async def _reply(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent, None]:
        check_options(self.name, request, REFUSES, RESERVED, FORMATS)
        whole = await decided(request.messages, partial(wire_request, request, self._cache))
        version, refused = choose_version(whole, self._version)
        self._leave_out(refused, whole)
        body = whole if self._threads is None else self._threads.first(request, whole)
        has_spoken = False
        while True:
            reader = MessagesReader(request.model)
            headers = self._headers(version, body)
            try:
                async with aclosing(
                    stream_reply(self.http, "/v1/messages", body, request, reader, headers=headers)
                ) as events:
                    async for event in events:
                        has_spoken = has_spoken or is_output(event)
                        yield event
            except ProviderSessionError as error:
                if has_spoken:
                    raise
                request = as_new(request)
                body = self._other_body(whole, body, error)
            else:
                break
        if self._threads is not None and "thread" in body and reader.message_id and not reader.is_refused:
            self._threads.keep(whole, reader.message_id, reader.text)

    async def list_models(self) -> list[ModelInfo]:
        """Return the models that the service offers, without retired ones."""
        headers = self._headers(self._version or VERSION, {})
        query = {"limit": "1000"}
        return await self._list_pages("/v1/models", read_models, query, "after_id", headers=headers)

    def _headers(self, version: str, body: Mapping[str, Any]) -> dict[str, str]:
        own = [BETA] if "thread" in body else []
        own += [BINDING_BETA] if asks_to_drop(body) else []
        beta = dict.fromkeys([*self._beta, *own])
        return {"anthropic-version": version, **({"anthropic-beta": ",".join(beta)} if beta else {})}

    def _leave_out(self, refused: Sequence[str], body: dict[str, Any]) -> None:
        """Take out the options that the model does not take; told once for each model."""
        for name in refused:
            del body[name]
        model = body["model"]
        if refused and model not in self._warned:
            self._warned.add(model)
            _log.warning(
                "%s chooses %s itself; what was asked for is left out.", model, " and ".join(refused)
            )

    def _other_body(
        self, whole: dict[str, Any], body: Mapping[str, Any], error: ProviderSessionError
    ) -> dict[str, Any]:
        """Return what to send after a thread, or thinking, was refused; else raise the error."""
        if is_forced(body) and "tool_choice" in str(error):
            _log.info("%s is not made to call its tool: it refuses to be.", whole["model"])
            return without_force(body)
        thread = body.get("thread")
        if MISFITS in str(error) and has_thinking(body):
            _log.warning("%s no longer accepts earlier thinking; it is left out.", self.name)
            return without_thinking(whole)
        if asks_to_drop(body) and any(word in str(error) for word in ("block_binding", BINDING_BETA)):
            thinking = {name: value for name, value in body["thinking"].items() if name != "block_binding"}
            return {**body, "thinking": thinking}
        if self._threads is None or thread is None:
            raise error
        if error.code == UNSUPPORTED:
            _log.warning("%s accepts requests like this one only without a thread.", self.name)
            self._threads.refuse(whole)
            return whole
        if error.code in LOST and thread["type"] == "continue":
            _log.info("%s: the thread is gone (%s); the whole path is sent.", self.name, error.code)
            return begun(whole)
        raise error
