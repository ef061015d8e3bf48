"""The Interactions API, with which Gemini holds a conversation: each interaction continues the one before it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session import errors as e
from langswarm_nb.core.session.messages import FinishReason, MessageRole, Usage
from langswarm_nb.core.session.parts.media_types import media_type_of
from langswarm_nb.core.session.parts.twins import twin
from langswarm_nb.core.session.parts.vocabulary import ATTACHED
from langswarm_nb.core.session.provider_events import Delta, Finish, PartDone, ReplyInfo
from langswarm_nb.core.session.providers._dialect.attachments import base64_of, sendable
from langswarm_nb.core.session.providers._dialect.call_pieces import place_of
from langswarm_nb.core.session.providers._dialect.citations import Bytes, Sources
from langswarm_nb.core.session.providers._dialect.history import (
    CallIds,
    arguments_object,
    spoken,
    system_text,
    tool_names,
)
from langswarm_nb.core.session.providers._dialect.vendor_items import first_text
from langswarm_nb.core.session.providers._dialect.wire import end_word, finish_reason, token_count, with_tools
from langswarm_nb.core.session.providers._http.faults import Fault, ReportedError
from langswarm_nb.core.session.text import one_line

from .faults import read_google_fault
from .generate import added
from .interaction_steps import SAID, THOUGHT, Step
from .schema_asking import add_schema_to_interaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from langswarm_nb.core.session.messages import SessionMessage
    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.core.session.provider_events import ProviderEvent, ProviderRequest

_log = logging.getLogger(__name__)

STEP = "gemini_step"
"""Key, in ``opaque``, of a step that Google did itself, in what was stored before those were `vendor` parts."""
_CONTENTS = {"text", "refusal", *ATTACHED}
_SPEAKS = {*_CONTENTS, "tool_call", "tool_result"}
"""Types of our parts that make a turn."""
_MEDIA = {"image": "image", "audio": "audio", "video": "video"}
"""What a file is to this API, by the kind of its media type; else it is a document."""
RESERVED = (
    "model",
    "input",
    "stream",
    "store",
    "background",
    "previous_interaction_id",
    "system_instruction",
)
_RENAMED = {
    "max_tokens": "max_output_tokens",
    "stop": "stop_sequences",
    "reasoning_effort": "thinking_level",
}
_BESIDE_CONFIG = {
    "tools",
    "response_format",
    "response_mime_type",
    "response_modalities",
    "safety_settings",
    "service_tier",
    "cached_content",
    "labels",
    "environment",
    "webhook_config",
}
TOOLS: dict[str, dict[str, Any]] = {
    "web_search": {"type": "google_search"},
    "web_fetch": {"type": "url_context"},
    "code_interpreter": {"type": "code_execution"},
}
"""Our name of a tool -> Google's tool."""
_NOT_AN_END = {"in_progress", "queued"}


def wire_body(request: ProviderRequest) -> dict[str, Any]:
    """Return the body of a request; settings are not carried over from the interaction before, only its steps."""
    body: dict[str, Any] = {
        "model": request.model.removeprefix("models/"),
        "input": wire_input(request.messages, request.new_from if request.native_id else 0),
        **wire_options(request.options),
        "store": True,
        "stream": request.stream,
    }
    if request.tools:
        body["tools"] = with_tools(body.get("tools"), request.tools, TOOLS)
    add_schema_to_interaction(body, request)
    if request.native_id:
        body["previous_interaction_id"] = request.native_id
    if text := system_text(request.messages):
        body["system_instruction"] = text
    return body


def wire_input(messages: Sequence[SessionMessage], new_from: int) -> str | list[dict[str, Any]]:
    """Return the messages from an index on as steps; a text alone as it is."""
    names = tool_names(messages)
    new = spoken(messages[new_from:])
    if len(new) == 1 and new[0].role is MessageRole.USER and not new[0].parts:
        return new[0].content
    return [step for message in new for step in _steps(message, names)]


def _steps(message: SessionMessage, names: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    parts = message.all_parts
    for part in message.parts:  # thoughts between what Google did, as they came
        if part["type"] == "reasoning" and _signature(part):
            summary = [{"type": "text", "text": part["text"]}] if part["text"] else []
            yield {
                "type": "thought",
                "signature": _signature(part),
                **({"summary": summary} if summary else {}),
            }
        elif part["type"] == "reasoning" and isinstance(part.get("opaque"), dict) and STEP in part["opaque"]:
            yield part["opaque"][STEP]
        elif part["type"] == "vendor" and _is_step(part):
            yield part["opaque"]
        elif part["type"] == "tool_result":
            yield _tool_result(part, names)
    if not any(part["type"] in _SPEAKS or (part["type"] == "vendor" and _is_step(part)) for part in parts):
        parts += tuple({"type": "text", "text": twin(part)} for part in parts if part["type"] == "vendor")
    said = [wire_content(part) for part in sendable(parts, *ATTACHED) if part["type"] in _CONTENTS]
    if said:
        kind = "model_output" if message.role is MessageRole.ASSISTANT else "user_input"
        yield {"type": kind, "content": said}
    for part in parts:
        if part["type"] == "tool_call":
            function = {"id": part["id"], "name": part["name"], "arguments": arguments_object(part)}
            yield {"type": "function_call", **function}


def _is_step(part: Part) -> bool:
    """Return whether what Google did is a step of this API: those of its other one have no type."""
    opaque = part["opaque"]
    return isinstance(opaque, dict) and opaque.get("type") == part["kind"]


def wire_content(part: Part) -> dict[str, Any]:
    """Return a text or an attachment as a content."""
    if part["type"] not in ATTACHED:
        return {"type": "text", "text": part["text"]}
    kind = _MEDIA.get(media_type_of(part).partition("/")[0], "document")
    kind = part["type"] if part["type"] != "file" else kind
    resolution = {"resolution": part["detail"]} if part.get("detail") and kind != "audio" else {}
    if "url" in part:
        told = media_type_of(part)
        return {"type": kind, "uri": part["url"], **({"mime_type": told} if told else {}), **resolution}
    return {"type": kind, "mime_type": part["media_type"], "data": base64_of(part), **resolution}


def _signature(part: Part) -> str:
    opaque = part.get("opaque")
    return str(opaque.get(THOUGHT, "")) if isinstance(opaque, dict) else ""


def _tool_result(part: Part, names: Mapping[str, str]) -> dict[str, Any]:
    name = part.get("name") or names.get(part["tool_call_id"])
    return {
        "type": "function_result",
        "call_id": part["tool_call_id"],
        "result": part["content"],
        **({"name": name} if name else {}),
        **({"is_error": True} if part.get("is_error") else {}),
    }


def wire_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options where the API has them: a few beside the input, most in ``generation_config``."""
    named = dict(options)
    config = dict(named.pop("generation_config", None) or {})
    wire = {name: named.pop(name) for name in list(named) if name in _BESIDE_CONFIG}
    for name, value in named.items():
        config[_RENAMED.get(name, name)] = list(value) if isinstance(value, tuple) else value
    return {**wire, "generation_config": config} if config else wire


def is_lost(error: e.ProviderSessionError) -> bool:
    """Return whether the interaction to go on from is gone, or is none that can be gone on from."""
    if isinstance(error, e.ProviderNotFoundError):
        return True
    return type(error) is e.ProviderRequestError and "interaction" in str(error)


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """Return the counts; thoughts are reported beside the output, and the prompts of tools beside the input."""
    thoughts = token_count(usage.get("total_thought_tokens"))
    return Usage(
        input_tokens=added(usage.get("total_input_tokens"), usage.get("total_tool_use_tokens")),
        cached_input_tokens=token_count(usage.get("total_cached_tokens")),
        output_tokens=added(usage.get("total_output_tokens"), thoughts),
        reasoning_tokens=thoughts,
    )


class InteractionReader:
    """Reads the events of one interaction, or a whole one.

    Parameters
    ----------
    previous_id
        The interaction that this one is to continue.
    """

    def __init__(self, request: ProviderRequest) -> None:
        self.is_whole: bool = False
        self.is_over: bool = False
        self._previous_id = request.native_id
        self._ids = CallIds(request.messages)
        self._steps: dict[Any, Step] = {}
        self._is_named = False
        self._status = ""
        self._notes: dict[Any, tuple[list[str], list[Any]]] = {}  # step -> its text, notes about it

    def read(self, body: Any, name: str = "") -> Iterator[ProviderEvent]:
        """Take an event; those that are not known are passed over.

        Raises
        ------
        ReportedError
            The service failed, with HTTP's status 200 long told.
        """
        match body.get("event_type") or name:
            case "interaction.created" | "interaction.start":
                yield from self._named(body["interaction"])
            case "step.start" | "content.start":
                yield from self._start(place_of(body.get("index")), body.get("step") or body["content"])
            case "step.delta" | "content.delta":
                yield from self._delta(place_of(body.get("index")), body["delta"])
            case "interaction.completed" | "interaction.complete":
                yield from self._named(body["interaction"])
                if not self._steps:
                    yield from self._all_steps(body["interaction"])
                yield from self._completed(body["interaction"])
            case "error":
                raise ReportedError(read_google_fault(body))
            case _ if body.get("error"):
                raise ReportedError(read_google_fault(body))

    def read_whole(self, body: Any) -> Iterator[ProviderEvent]:
        """Take a whole interaction; raises what `read` raises.

        Raises
        ------
        ReportedError
            The service reports an error in place of an answer.
        """
        if body.get("error"):
            raise ReportedError(read_google_fault(body))
        yield from self._named(body)
        yield from self._all_steps(body)
        yield from self._completed(body)

    def finish(self) -> Iterator[ProviderEvent]:
        """Return thoughts with their signatures, the calls of tools, and the end."""
        parts = [part for step in self._steps.values() if (part := step.part(self._ids)) is not None]
        yield from map(PartDone, parts)
        yield from self._sources()
        reason = finish_reason(self._status)
        if reason is FinishReason.STOP and any(part["type"] == "tool_call" for part in parts):
            reason = FinishReason.TOOL_CALLS
        yield Finish(reason, self._status)

    def _named(self, interaction: Mapping[str, Any]) -> Iterator[ProviderEvent]:
        if self._is_named:
            return
        self._is_named = True
        own_id, tier = interaction.get("id"), interaction.get("service_tier")
        yield ReplyInfo(
            model=interaction.get("model"),
            provider_message_id=own_id,
            native_id=own_id if self._is_continued(interaction) else None,
            details={"service_tier": tier} if tier else {},
        )

    def _is_continued(self, interaction: Mapping[str, Any]) -> bool:
        """Return whether the service holds the whole conversation, as far as it says what it continued."""
        continued = interaction.get("previous_interaction_id", self._previous_id) or None
        if continued == self._previous_id:
            return True
        _log.warning(
            "Gemini did not continue the interaction %s: the history is sent again with the next message.",
            one_line(self._previous_id or "", 100),
        )
        return False

    def _all_steps(self, interaction: Mapping[str, Any]) -> Iterator[ProviderEvent]:
        for index, step in enumerate(interaction.get("steps") or interaction.get("outputs") or ()):
            yield from self._start(index, step)

    def _start(self, index: Any, step: Mapping[str, Any]) -> Iterator[ProviderEvent]:
        kept = self._steps[index] = Step(step)
        for item in step.get("summary") or ():
            yield from kept.think(item)
        if step["type"] in SAID:
            yield from self._said(index, step)
        elif step["type"] == "model_output":
            for item in step.get("content") or ():
                yield from self._said(index, item)
            if step.get("error"):
                raise ReportedError(read_google_fault({"error": step["error"]}))

    def _delta(self, index: Any, delta: Mapping[str, Any]) -> Iterator[ProviderEvent]:
        step = self._steps.get(index)
        if step is None:
            step = self._steps[index] = Step({})
        match delta.get("type"):
            case "text" | "image":
                yield from self._said(index, delta)
            case "text_annotation_delta" | "text_annotation":
                self._note(index, delta)
            case "thought_summary":
                yield from step.think(delta.get("content") or {})
            case "thought_signature":
                step.signature += delta.get("signature") or ""
            case "arguments_delta":
                step.arguments.append(delta.get("arguments") or "")
            case _:
                step.add(delta)

    def _said(self, index: Any, item: Mapping[str, Any]) -> Iterator[ProviderEvent]:
        """Return what a piece of the model's output is to us; what is reported about its text is kept for the end."""
        for event in _said(item):
            if isinstance(event, Delta):
                self._note(index, {})
                self._notes[index][0].append(event.text)
            yield event
        self._note(index, item)

    def _note(self, index: Any, item: Mapping[str, Any]) -> None:
        self._notes.setdefault(index, ([], []))[1].extend(item.get("annotations") or ())

    def _sources(self) -> Iterator[ProviderEvent]:
        """Return the sources of the text; their places are given in bytes of the step's text."""
        found = Sources()
        at = 0
        for texts, notes in self._notes.values():
            text = "".join(texts)
            places = Bytes(text)
            for note in notes:
                span = places.span(note.get("start_index"), note.get("end_index"))
                start, end = (None, None) if span is None else (at + span[0], at + span[1])
                title = first_text(note, "title", "file_name", "name", "document_uri")
                url = first_text(note, "url", "document_uri")
                found.add(url=url, title=title, quote=note.get("source"), start=start, end=end)
            at += len(text)
        return iter(found.parts(at))

    def _completed(self, interaction: Mapping[str, Any]) -> Iterator[ProviderEvent]:
        status = end_word(interaction["status"]) or ""
        errors = interaction.get("errors")
        if status == "failed" and errors:
            raise ReportedError(read_google_fault({"error": errors[0]}))
        usage = read_usage(interaction.get("usage") or {})
        if usage != Usage():
            yield usage
        details = {
            name: told
            for name in ("grounding_tool_count",)
            if (told := (interaction.get("usage") or {}).get(name))
        }
        if details:  # searches are billed by their number
            yield ReplyInfo(details=details)
        self._status = status
        self.is_whole = self.is_over = status not in _NOT_AN_END
        if not self.is_whole:
            fault = Fault(message=f"it is still {status}, in the background", kind=e.ProviderResponseError)
            raise ReportedError(fault)


def _said(item: Mapping[str, Any]) -> Iterator[ProviderEvent]:
    """Return what a piece of the model's output is to us."""
    if item.get("type") == "image" and item.get("data"):
        media_type = item.get("mime_type") or "image/png"
        yield PartDone({"type": "image", "media_type": media_type, "data": item["data"]})
    elif item.get("text"):
        yield Delta(item["text"])
