"""OpenAI: the Responses API, with conversations that it keeps (Conversations API) or without.

Without, all of the path is sent each time and nothing is stored there; models that think hand their thinking out
encrypted, and get it back (see `reasoning_order`). The older API, Chat Completions, is the provider ``openai-chat``.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace
from hashlib import sha256
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

from langswarm_nb.core.session.closing import EventStream
from langswarm_nb.core.session.conversation.beside_the_loop import decided
from langswarm_nb.core.session.errors import ProviderNotFoundError, ProviderSessionError
from langswarm_nb.core.session.messages import MessageRole
from langswarm_nb.core.session.provider_events import Finish, ProviderRequest, ReplyInfo
from langswarm_nb.core.session.providers._dialect.adjustments import Adjusted, Adjustment
from langswarm_nb.core.session.providers._dialect.asking import wants_json
from langswarm_nb.core.session.providers._dialect.call_pieces import free_text
from langswarm_nb.core.session.providers._dialect.history import system_text
from langswarm_nb.core.session.providers._dialect.http_session import HttpProviderSession
from langswarm_nb.core.session.providers._dialect.native_reply import as_new, delete_at, is_output
from langswarm_nb.core.session.providers._dialect.reasoning_order import Piece, in_order
from langswarm_nb.core.session.providers._dialect.reply_stream import stream_reply
from langswarm_nb.core.session.providers._dialect.wire import RefusedOption, check_options, with_tools
from langswarm_nb.core.session.providers._http.address import segment
from langswarm_nb.core.session.providers.chat.model_rules import MAY_THINK, OPENAI_REFUSES, THINKING
from langswarm_nb.core.session.providers.chat.reader import read_models
from langswarm_nb.core.session.providers.intakes import intake_of
from langswarm_nb.core.session.secret import Secret
from langswarm_nb.core.session.text import one_line, unquoted

from .answers import answer, call_kinds
from .held import Memory
from .items import CUSTOM
from .questions import FULL_DATA, TOOLS, wire_content
from .reader import DIALECT, ResponsesReader
from .schema_asking import FORMATS, add_schema, schema_adjustments

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from httpx import AsyncBaseTransport

    from langswarm_nb.core.session.messages import SessionMessage
    from langswarm_nb.core.session.provider_events import Decision, DecisionRequest, ModelInfo, ProviderEvent

_log = logging.getLogger(__name__)
_OPENAI_MODELS = r"(?:.*/)?(?:gpt-[3-9]|chatgpt|o[1-9](?:-|$)|codex|computer-use).*"
"""OpenAI's own: servers that speak Responses with other models may take more."""
REFUSES = (
    *(row for row in OPENAI_REFUSES if row.option != "stop"),
    *(
        RefusedOption(option, _OPENAI_MODELS, "the Responses API has none; the provider 'openai-chat' does")
        for option in ("stop", "seed")
    ),
    RefusedOption("reasoning_effort", r"(?:.*/)?(?:gpt-[34]|chatgpt).*", "this model does not reason"),
    RefusedOption("background", ".*", "a reply is waited for"),
)
RESERVED = ("model", "input", "messages", "instructions", "stream", "conversation", "previous_response_id")
_ENCRYPTED_THINKING = "reasoning.encrypted_content"
_BAD_THINKING = "invalid_encrypted_content"


def wire_input(
    messages: Iterable[SessionMessage], model: str, *, system_role: str = "system", with_thinking: bool = True
) -> list[dict[str, Any]]:
    """Return messages as the input items of Responses.

    Parameters
    ----------
    with_thinking
        Whether the thinking of replies by ``model`` goes back with them.
    """
    wire: list[dict[str, Any]] = []
    kinds: dict[str, str] = {}  # of calls, by their ids
    for message in messages:
        parts = message.all_parts
        results = [part for part in parts if part["type"] == "tool_result"]
        wire += [answer(part, kinds.get(part["tool_call_id"], "")) for part in results]
        if message.role is MessageRole.ASSISTANT:
            dialect = DIALECT if with_thinking else ""
            said = [item for piece in in_order(parts, dialect, model) for item in _assistant(piece)]
            kinds |= call_kinds(said)
            wire += said
        elif content := wire_content(parts):
            role = system_role if message.role is MessageRole.SYSTEM else MessageRole.USER.value
            wire.append({"role": role, "content": content})
    return wire


def _assistant(piece: Piece) -> list[dict[str, Any]]:
    part, marks = piece
    kind = part["type"]
    if kind == "raw":
        return [part["raw"]]
    if kind == "tool_call" and (text := free_text(part)) is not None:
        return [{"type": CUSTOM, "call_id": part["id"], "name": part["name"], "input": text, **marks}]
    if kind == "tool_call":
        call = {"call_id": part["id"], "name": part["name"], "arguments": part["arguments"]}
        return [{"type": "function_call", **call, **marks}]
    if kind not in {"text", "refusal"}:
        return []
    said = {"type": "message", "role": "assistant", "content": part["text"], **marks}
    if "id" in marks:  # a reply's own item, with all its fields
        notes = said.pop("annotations", [])
        said["content"] = [
            {"type": "output_text", "text": part["text"], "annotations": notes, "logprobs": []}
        ]
        said["status"] = "completed"
    return [said]


def wire_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options under the names of Responses."""
    wire = dict(options)
    if "max_tokens" in wire:
        wire["max_output_tokens"] = wire.pop("max_tokens")
    if "reasoning_effort" in wire:
        wire["reasoning"] = {**(wire.get("reasoning") or {}), "effort": wire.pop("reasoning_effort")}
    if isinstance(wire.get("stop"), tuple):
        wire["stop"] = list(wire["stop"])
    return wire


def wire_request(
    request: ProviderRequest,
    *,
    conversation: str | None = None,
    new_from: int = 0,
    with_thinking: bool = True,
) -> dict[str, Any]:
    """Return the body of a request.

    Parameters
    ----------
    conversation
        The conversation that the service keeps and that this request adds to; None for none.
    new_from
        Index of the first of the messages that are sent; what stands before it the conversation holds.
    with_thinking
        Whether the thinking of earlier replies goes back.
    """
    thinks = re.fullmatch(f"{THINKING}|{MAY_THINK}", request.model) is not None
    messages = request.messages
    leading = [*takewhile(lambda message: message.role is MessageRole.SYSTEM, messages)]
    if wants_json(request):  # the word must be in the input itself
        leading = []
    body = {
        "model": request.model,
        "input": wire_input(
            messages[max(len(leading), new_from) :],
            request.model,
            system_role="developer" if thinks else "system",
            with_thinking=with_thinking and conversation is None,
        ),
        **wire_options(request.options),
    }
    add_schema(body, request)
    if request.tools:
        body["tools"] = with_tools(body.get("tools"), request.tools, TOOLS)
        told = [FULL_DATA[tool] for tool in request.tools if tool in FULL_DATA]
        body["include"] = list(dict.fromkeys([*(body.get("include") or ()), *told]))
    if leading:  # not kept by a conversation: sent each time
        body["instructions"] = system_text(leading)
    if request.user_id:
        body.setdefault("safety_identifier", sha256(request.user_id.encode()).hexdigest())
    if conversation is not None:
        body["conversation"] = conversation
    else:
        body.setdefault("store", False)
        if thinks:
            body["include"] = list(dict.fromkeys([*(body.get("include") or ()), _ENCRYPTED_THINKING]))
    if request.stream:
        body["stream"] = True
    return body


class _Plan(NamedTuple):
    """One way to ask for a reply."""

    body: dict[str, Any]
    conversation: str | None = None
    """The conversation that the service keeps and the request adds to."""
    builds_on_it: bool = False
    """Whether it sends only what the conversation does not hold."""


class _NotHeldError(Exception):
    """The service answered without the conversation that it was asked to go on with."""


class OpenAIProviderSession(HttpProviderSession):
    """OpenAI, or a server that speaks its Responses API.

    Parameters
    ----------
    api_key
        None takes it from ``OPENAI_API_KEY``; a server on this machine needs none.
    base_url
        Address up to, but without, ``/responses``; None takes ``OPENAI_BASE_URL``, else OpenAI's.
    organization, project
        Whose account is charged; None takes ``OPENAI_ORG_ID`` and ``OPENAI_PROJECT_ID``.
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
        ``base_url`` or a header is not allowed.

    Notes
    -----
    A conversation that OpenAI keeps begins with the whole path. Later requests send only what is new, and only what the
    answer confirms counts as kept: when the conversation is lost, or a server ignores it, the whole path is sent
    again. Deleting a conversation leaves its responses with OpenAI for as long as it keeps those.
    """

    name = "openai"
    supports_native = True

    def __init__(
        self,
        api_key: str | Secret | None = None,
        *,
        base_url: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        headers: Mapping[str, str] | None = None,
        allow_http: bool | None = None,
        connect_timeout_s: float = 5.0,
        silence_s: float = 600.0,
        transport: AsyncBaseTransport | None = None,
    ) -> None:
        api_key = None if api_key is None else Secret.of(api_key)
        accounts = {
            name: value
            for name, value in (
                ("OpenAI-Organization", organization or unquoted(os.environ.get("OPENAI_ORG_ID", ""))),
                ("OpenAI-Project", project or unquoted(os.environ.get("OPENAI_PROJECT_ID", ""))),
            )
            if value
        }
        if headers is None or isinstance(headers, Mapping):  # else it is refused below
            headers = {**accounts, **(headers or {})}
        super().__init__(
            api_key,
            base_url=base_url,
            headers=headers,
            allow_http=allow_http,
            connect_timeout_s=connect_timeout_s,
            silence_s=silence_s,
            transport=transport,
        )
        self._memory = Memory(self.http)

    def _begin(self, request: ProviderRequest) -> EventStream[ProviderEvent]:
        return EventStream(self._reply(request))

    async def _reply(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent, None]:
        check_options(self.name, _with_effort(request), REFUSES, RESERVED, FORMATS)
        plan = await self._first_plan(request)
        has_spoken = False
        while True:
            try:
                async with aclosing(self._ask(request, plan)) as events:
                    async for event in events:
                        has_spoken = has_spoken or is_output(event)
                        yield event
                return
            except (ProviderSessionError, _NotHeldError) as error:
                if has_spoken:
                    raise
                request = as_new(request)
                plan = await self._other_plan(request, plan, error)

    async def decide(self, request: DecisionRequest) -> Decision:
        """Answer questions about messages, with probabilities."""
        from langswarm_nb.core.session.providers._decisions import openai_form  # few ask for it

        return await openai_form.decide(self.http, "/decisions", request)

    async def list_models(self) -> list[ModelInfo]:
        """Return the models that the service offers."""
        return await self.http.get_json("/models", read_models)

    async def delete_conversation(self, native_id: str) -> bool:
        """Delete a conversation; one that is gone already counts as deleted."""
        return await delete_at(self.http, f"/conversations/{segment(native_id)}")

    async def _first_plan(self, request: ProviderRequest) -> _Plan:
        if not request.native:
            return _Plan(await decided(request.messages, lambda: wire_request(request)))
        if request.native_id is None or self._memory.state == "none":
            return await self._new_conversation(request)
        body = wire_request(request, conversation=request.native_id, new_from=request.new_from)
        return _Plan(body, request.native_id, builds_on_it=True)

    async def _other_plan(self, request: ProviderRequest, plan: _Plan, error: Exception) -> _Plan:
        """Return what to do after a failure of which nothing can have been kept; else raise it."""
        if plan.builds_on_it and _is_lost(error):
            problem = "takes no notice of" if isinstance(error, _NotHeldError) else "has lost"
            _log.warning(
                "%s %s conversation %s. It is started again with everything stored here.",
                self.name,
                problem,
                one_line(plan.conversation or "", 100),
            )
            return await self._new_conversation(request)
        bare = wire_request(request, with_thinking=False)
        if _is_unreadable_thinking(error) and bare != plan.body:
            _log.warning("%s cannot read the thinking of earlier replies; it is sent without.", self.name)
            return _Plan(bare)
        raise error

    async def _new_conversation(self, request: ProviderRequest) -> _Plan:
        """Begin a conversation, to be sent the whole path; without one where the service keeps none."""
        conversation = await self._memory.begin(request)
        if conversation is None:
            return _Plan(wire_request(request))
        return _Plan(wire_request(request, conversation=conversation), conversation)

    async def _ask(self, request: ProviderRequest, plan: _Plan) -> AsyncGenerator[ProviderEvent, None]:
        conversation = plan.conversation
        reader = ResponsesReader(request.model, conversation)
        once = conversation is not None
        try:
            adjusted = Adjusted(
                plan.body, _adjustments(request, plan.body), self.http.address.url, request.model
            )
            events = stream_reply(
                self.http,
                "/responses",
                adjusted.body,
                request,
                reader,
                is_in_words=lambda: adjusted.is_in_words,
                once=once,
                amend=adjusted.amend,
            )
            async with aclosing(events):
                async for event in events:
                    if reader.is_held:
                        self._memory.state = "told"
                    is_held = reader.is_held or self._memory.state == "untold"
                    if plan.builds_on_it and not is_held and not isinstance(event, ReplyInfo):
                        raise _NotHeldError
                    if isinstance(event, Finish) and conversation is not None and not reader.is_held:
                        reader.is_held = await self._memory.is_kept(conversation)
                        if reader.is_held:
                            yield ReplyInfo(native_id=conversation)
                    yield event
        finally:
            if conversation is not None and not plan.builds_on_it and not reader.is_held:
                await self._memory.forget(conversation)


def _adjustments(request: ProviderRequest, body: Mapping[str, Any]) -> list[Adjustment]:
    """Return what is ours in a body, and how it goes without."""
    ours = {"safety_identifier", "include"} & (body.keys() - request.options.keys())
    found = [Adjustment(name, lambda body, name=name: body.pop(name)) for name in sorted(ours)]  # type: ignore[misc]
    is_told = intake_of("openai", request.model).is_told_schema
    return found + schema_adjustments(body, request, is_told=is_told)


def _with_effort(request: ProviderRequest) -> ProviderRequest:
    """Return the request with the effort under its common name, for the table of what is refused."""
    reasoning = request.options.get("reasoning")
    if not isinstance(reasoning, dict) or reasoning.get("effort") is None:
        return request
    return replace(request, options={"reasoning_effort": reasoning["effort"], **request.options})


def _is_lost(error: Exception) -> bool:
    if isinstance(error, ProviderNotFoundError):
        return error.code != "model_not_found"
    return isinstance(error, _NotHeldError)


def _is_unreadable_thinking(error: Exception) -> bool:
    return isinstance(error, ProviderSessionError) and error.code == _BAD_THINKING
