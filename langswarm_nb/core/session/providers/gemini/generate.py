"""generateContent, Gemini's stateless API: pure functions out, `GenerateReader` in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.errors import ProviderRequestError
from langswarm_nb.core.session.messages import FinishReason, MessageRole, Usage
from langswarm_nb.core.session.parts.media_types import media_type_of
from langswarm_nb.core.session.parts.vocabulary import ATTACHED
from langswarm_nb.core.session.provider_events import Delta, Finish, PartDone, ReplyInfo
from langswarm_nb.core.session.providers._dialect.attachments import base64_of, sendable
from langswarm_nb.core.session.providers._dialect.call_pieces import CallPiece
from langswarm_nb.core.session.providers._dialect.history import (
    CallIds,
    arguments_object,
    arguments_text,
    spoken,
    system_text,
    tool_names,
)
from langswarm_nb.core.session.providers._dialect.reasoning_order import (
    call_item,
    image_item,
    in_order,
    outline_part,
    text_item,
    vendor_item,
)
from langswarm_nb.core.session.providers._dialect.vendor_items import (
    as_words,
    first_text,
    lines,
    texts,
    vendor_part,
)
from langswarm_nb.core.session.providers._dialect.wire import end_word, finish_reason, token_count, with_tools
from langswarm_nb.core.session.providers._http.faults import ReportedError

from . import grounding
from .faults import read_google_fault
from .schema_asking import add_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from langswarm_nb.core.session.messages import SessionMessage
    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.core.session.provider_events import ProviderRequest
    from langswarm_nb.core.session.providers._dialect.call_pieces import ReaderEvent

SIGNATURE = "gemini_signature"
"""Key, in ``opaque``, of the signature that Gemini puts on a part and wants back with it."""
DIALECT = "gemini_generate"
"""Marks the outlines of this dialect."""
_BY_GOOGLE = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")
"""Parts about what Google ran itself; they go back as they came."""
TOOLS: dict[str, dict[str, Any]] = {
    "web_search": {"googleSearch": {}},
    "web_fetch": {"urlContext": {}},
    "code_interpreter": {"codeExecution": {}},
}
"""Our name of a tool -> Google's tool."""
_FUNCTIONS = {"functionDeclarations", "function_declarations"}
"""What newer models take beside Google's tools only when they may show what those did."""
_NO_SIGNATURE = "skip_thought_signature_validator"
"""What Google documents for calls that another model made."""
_RENAMED = {
    "max_tokens": "maxOutputTokens",
    "top_p": "topP",
    "stop": "stopSequences",
}
_BESIDE_CONFIG = {
    name: name
    for name in ("tools", "toolConfig", "safetySettings", "cachedContent", "labels", "serviceTier", "store")
} | {"tool_config": "toolConfig", "safety_settings": "safetySettings", "cached_content": "cachedContent"}
RESERVED = ("model", "contents", "systemInstruction", "system_instruction", "stream")
_OLD = re.compile(r"(?:models/)?gemini-(?:1|2)\..*")
_THINKS_BY_LEVEL = re.compile(r"(?:models/)?gemini-(?:[3-9]|[1-9][0-9]).*")
_BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
"""Thinking tokens for the models that count them: those that Google's own translation of the words takes."""
_BAD_ENDS = {FinishReason.CONTENT_FILTER, FinishReason.ERROR}


def wire_body(request: ProviderRequest) -> dict[str, Any]:
    """Return the body of a request.

    Raises
    ------
    ProviderRequestError
        The model cannot be kept from thinking.
    """
    body: dict[str, Any] = {
        "contents": wire_contents(request.messages, request.model),
        **wire_options(request.model, request.options),
    }
    if request.tools:
        body["tools"] = tools = with_tools(body.get("tools"), request.tools, TOOLS)
        if _THINKS_BY_LEVEL.fullmatch(request.model) and any(_FUNCTIONS & tool.keys() for tool in tools):
            body["toolConfig"] = {"includeServerSideToolInvocations": True, **(body.get("toolConfig") or {})}
    add_schema(body, request)
    text = system_text(request.messages)
    return {**body, "systemInstruction": {"parts": [{"text": text}]}} if text else body


def wire_contents(messages: Sequence[SessionMessage], model: str = "") -> list[dict[str, Any]]:
    """Return messages as contents; the results of calls made together stand together."""
    names = tool_names(messages)
    contents: list[dict[str, Any]] = []
    were_results = False
    for message in spoken(messages):
        parts = message.all_parts
        results = [_tool_result(part, names) for part in parts if part["type"] == "tool_result"]
        if results and were_results:
            contents[-1]["parts"] += results
        elif results:
            contents.append({"role": "user", "parts": results})
        if message.role is MessageRole.ASSISTANT:
            role, said = "model", _model_parts(parts, model)
        else:
            role, said = "user", wire_parts(parts, model)
        if said:
            contents.append({"role": role, "parts": said})
        were_results = bool(results) and not said
    return contents


def wire_parts(parts: Sequence[Part], model: str) -> list[dict[str, Any]]:
    """Return the texts and attachments among parts."""
    return [
        {"text": part["text"]} if part["type"] == "text" else _media(part, model)
        for part in sendable(parts, *ATTACHED)
        if part["type"] in {"text", *ATTACHED}
    ]


def _media(part: Part, model: str) -> dict[str, Any]:
    detail = (
        part.get("detail") if _THINKS_BY_LEVEL.fullmatch(model) else None
    )  # older ones take it for all at once
    level = {"mediaResolution": {"level": f"MEDIA_RESOLUTION_{detail.upper()}"}} if detail else {}
    if "url" not in part:
        return {"inlineData": {"mimeType": part["media_type"], "data": base64_of(part)}, **level}
    kind = media_type_of(part)
    return {"fileData": {"fileUri": part["url"], **({"mimeType": kind} if kind else {})}, **level}


def _model_parts(parts: Sequence[Part], model: str) -> list[dict[str, Any]]:
    pieces = in_order(parts, DIALECT, model)
    calls = [part for part, _ in pieces if part["type"] == "tool_call"]
    are_signed = any(map(_signature, calls)) or not _THINKS_BY_LEVEL.fullmatch(model)
    unsigned = calls[0] if calls and not are_signed else None  # of calls made together the first is signed
    signed = [
        {"text": "", "thoughtSignature": part["opaque"][SIGNATURE]}
        for part in parts
        if part["type"] == "reasoning" and _signature(part)
    ]
    wire: list[dict[str, Any]] = []
    for part, marks in pieces:
        if part["type"] == "raw":
            wire.append(part["raw"])
        elif part["type"] in {"text", "refusal"}:
            wire.append({"text": part["text"]})
        elif part["type"] == "image" and marks:  # its own: a model goes on from its picture
            signature = marks.get("thoughtSignature")
            wire.append({**_media(part, model), **({"thoughtSignature": signature} if signature else {})})
        elif part["type"] == "tool_call":
            signature = _NO_SIGNATURE if part is unsigned else _signature(part)
            function = {"id": part["id"], "name": part["name"], "args": arguments_object(part)}
            wire += signed
            signed = []
            wire.append({"functionCall": function, **({"thoughtSignature": signature} if signature else {})})
    return wire + signed


def _signature(part: Part) -> str:
    opaque = part.get("opaque")
    return str(opaque.get(SIGNATURE, "")) if isinstance(opaque, dict) else ""


def _tool_result(part: Part, names: Mapping[str, str]) -> dict[str, Any]:
    name = part.get("name") or names.get(part["tool_call_id"], "")
    told = {"error" if part.get("is_error") else "result": part["content"]}
    return {"functionResponse": {"id": part["tool_call_id"], "name": name, "response": told}}


def wire_options(model: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options where Gemini has them: a few beside the contents, most in ``generationConfig``.

    Raises
    ------
    ProviderRequestError
        The model cannot be kept from thinking.
    """
    named = dict(options)
    config = dict(named.pop("generationConfig", None) or named.pop("generation_config", None) or {})
    effort = named.pop("reasoning_effort", None)
    wire = {_BESIDE_CONFIG[name]: named.pop(name) for name in list(named) if name in _BESIDE_CONFIG}
    for name, value in named.items():
        config[_RENAMED.get(name, name)] = list(value) if isinstance(value, tuple) else value
    if effort is not None:
        own = config.get("thinkingConfig") or {}
        config["thinkingConfig"] = {**_thinking(model, effort), **own}
    return {**wire, "generationConfig": config} if config else wire


def _thinking(model: str, effort: str) -> dict[str, Any]:
    if _OLD.fullmatch(model) and effort in _BUDGETS:
        return {"thinkingBudget": _BUDGETS[effort]}
    if effort == "none":
        raise ProviderRequestError(
            f"gemini:{model} does not take reasoning_effort='none': it always thinks. Set 'minimal' or 'low'.",
            provider="gemini",
            model=model,
            code="unsupported_parameter",
        )
    return {"thinkingLevel": effort.upper()}  # as the API's document declares it


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """Return the counts; Gemini reports thoughts beside the answer's tokens, and the prompts of tools beside ours."""
    thoughts = token_count(usage.get("thoughtsTokenCount"))
    return Usage(
        input_tokens=added(usage.get("promptTokenCount"), usage.get("toolUsePromptTokenCount")),
        cached_input_tokens=token_count(usage.get("cachedContentTokenCount")),
        output_tokens=added(usage.get("candidatesTokenCount"), thoughts),
        reasoning_tokens=thoughts,
    )


def added(*counts: object) -> int | None:
    """Return the sum of the counts that are known; None when none is."""
    known = [count for value in counts if (count := token_count(value)) is not None]
    return sum(known) if known else None


class GenerateReader:
    """Reads the chunks of one reply, or a whole one; of several candidates it takes the first.

    Each chunk is an answer of its own, with the counts up to it. After the one with the reason of the end the
    connection just ends.
    """

    def __init__(self, request: ProviderRequest) -> None:
        self.is_whole: bool = False
        self.is_over: bool = False
        self._model = request.model
        self._order: list[dict[str, Any]] = []
        self._texts: list[str] = []
        self._n_vendors = 0
        self._n_images = 0
        self._beside: dict[str, Any] = {}
        self._ids = CallIds(request.messages)
        self._is_named = False
        self._calls: list[Part] = []
        self._signature = ""
        self._usage: Mapping[str, Any] = {}
        self._finish = ""
        self._is_blocked = False
        self._details: dict[str, Any] = {}

    def read(self, body: Any, name: str = "") -> Iterator[ReaderEvent]:
        """Take a chunk.

        Raises
        ------
        ReportedError
            It holds an error.
        """
        if body.get("error"):
            raise ReportedError(read_google_fault(body))
        if not self._is_named and (body.get("modelVersion") or body.get("responseId")):
            self._is_named = True
            yield ReplyInfo(model=body.get("modelVersion"), provider_message_id=body.get("responseId"))
        for candidate in body.get("candidates") or ():
            if not candidate.get("index"):
                yield from self._read_candidate(candidate)
        self._usage = body.get("usageMetadata") or self._usage
        feedback = body.get("promptFeedback") or {}
        if feedback.get("blockReason"):
            self._details["prompt_feedback"] = feedback
            self._is_blocked = True
            self._end(feedback["blockReason"])

    def read_whole(self, body: Any) -> Iterator[ReaderEvent]:
        """Take a whole answer; raises what `read` raises."""
        return self.read(body)

    def finish(self) -> Iterator[ReaderEvent]:
        """Return the signature of the answer, the usage and the end."""
        if (outline := outline_part(DIALECT, self._model, self._order)) is not None:
            yield PartDone(outline)
        yield from map(PartDone, (*grounding.work(self._beside), *self._calls))
        yield from grounding.sources(self._beside, self._texts)
        if self._signature:
            yield PartDone({"type": "reasoning", "text": "", "opaque": {SIGNATURE: self._signature}})
        usage = read_usage(self._usage)
        if usage != Usage():
            yield usage
        reason = FinishReason.CONTENT_FILTER if self._is_blocked else finish_reason(self._finish)
        if reason is FinishReason.STOP and self._calls:
            reason = FinishReason.TOOL_CALLS
        if self._details:
            yield ReplyInfo(details=self._details)
        yield Finish(reason, self._finish)

    def held(self) -> Iterator[PartDone]:
        """Return what came beside the text so far."""
        yield from map(PartDone, grounding.work(self._beside))
        yield from grounding.sources(self._beside, self._texts)

    def _read_candidate(self, candidate: Mapping[str, Any]) -> Iterator[ReaderEvent]:
        content = candidate.get("content") or {}
        for part in content.get("parts") or ():
            yield from self._read_part(part)
        self._beside |= {name: candidate[name] for name in grounding.TOLD if candidate.get(name)}
        if candidate.get("finishReason"):
            self._end(candidate["finishReason"])
            if finish_reason(self._finish) in _BAD_ENDS:
                told = {
                    name: candidate[name] for name in ("finishMessage", "safetyRatings") if name in candidate
                }
                self._details |= told

    def _read_part(self, part: Mapping[str, Any]) -> Iterator[ReaderEvent]:
        if part.get("text"):
            yield Delta(part["text"], "reasoning" if part.get("thought") else "text")
            if not part.get("thought"):
                self._texts.append(part["text"])
                self._note_text(len(part["text"]))
        elif any(name in part for name in _BY_GOOGLE):
            # A signature belongs to the model that gave it.
            self._order.append(
                vendor_item(self._n_vendors, is_bound=True if part.get("thoughtSignature") else None)
            )
            self._n_vendors += 1
            yield PartDone(_vendor(part))  # a reply that is cut keeps it
            return
        signature = part.get("thoughtSignature")
        call, blob = part.get("functionCall"), part.get("inlineData")
        if call:
            call_id = str(call.get("id") or self._ids.next())
            self._order.append(call_item(call_id))
            self._calls.append(
                {
                    "type": "tool_call",
                    "id": call_id,
                    "name": str(call["name"]),
                    "arguments": (arguments := arguments_text(call.get("args"))),
                    **({"opaque": {SIGNATURE: signature}} if signature else {}),
                }
            )
            yield CallPiece(len(self._calls), str(call["name"]), arguments)
        elif signature and not blob:
            self._signature = str(signature)
        if blob:
            yield PartDone(self._media(blob, signature))

    def _media(self, blob: Mapping[str, Any], signature: object) -> Part:
        """Return a picture, a sound or a file that the model made; a picture goes back in its place."""
        media_type = str(blob["mimeType"])
        kind = media_type.partition("/")[0]
        if kind == "image":
            self._order.append(image_item(self._n_images, is_own=True, thoughtSignature=signature or None))
            self._n_images += 1
        return {
            "type": kind if kind in {"image", "audio"} else "file",
            "media_type": media_type,
            "data": blob["data"],
        }

    def _note_text(self, n_chars: int) -> None:
        if self._order and "text" in self._order[-1]:
            self._order[-1]["text"] += n_chars
        else:
            self._order.append(text_item(n_chars))

    def _end(self, reason: object) -> None:
        self._finish = end_word(reason) or ""
        self.is_whole = True


def _vendor(part: Mapping[str, Any]) -> Part:
    """Return what Google ran itself as a part of the message."""
    kind = next(name for name in _BY_GOOGLE if name in part)
    told = part[kind] if isinstance(part[kind], dict) else {}
    if kind == "executableCode":
        return vendor_part(kind, part, "ran code", first_text(told, "code"))
    if kind == "codeExecutionResult":
        outcome = first_text(told, "outcome").removeprefix("OUTCOME_").lower()
        ended = "the code ended" if outcome in {"", "ok"} else f"the code ended: {outcome}"
        return vendor_part(kind, part, ended, first_text(told, "output"))
    tool = first_text(told, "toolType").lower().replace("_", " ") or "a tool"
    line = f"used {tool}" if kind == "toolCall" else f"{tool} answered"
    return vendor_part(
        kind, part, line, lines(texts(told, "error"), [as_words(told.get("args") or told.get("response"))])
    )
