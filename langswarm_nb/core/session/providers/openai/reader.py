"""OpenAI's Responses coming back: `ResponsesReader`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.errors import ProviderServerError
from langswarm_nb.core.session.messages import FinishReason, Usage
from langswarm_nb.core.session.provider_events import Delta, Finish, PartDone, ReplyInfo
from langswarm_nb.core.session.providers._dialect.call_pieces import CallPiece
from langswarm_nb.core.session.providers._dialect.reasoning_order import dropped_thinking, outline_part
from langswarm_nb.core.session.providers._dialect.wire import as_object, end_word, finish_reason, token_count
from langswarm_nb.core.session.providers._http.fault_bodies import read_fault
from langswarm_nb.core.session.providers._http.faults import Fault, ReportedError
from langswarm_nb.core.session.text import as_text

from . import items as items_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langswarm_nb.core.session.provider_events import ProviderEvent, TextKind
    from langswarm_nb.core.session.providers._dialect.call_pieces import ReaderEvent

DIALECT = "openai_responses"
"""Marks the outlines of this dialect."""
_ENDS = {"response.completed", "response.incomplete", "response.failed", "response.cancelled"}
_KINDS: dict[str, TextKind] = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
    "response.reasoning_summary_text.delta": "reasoning",
    "response.reasoning_text.delta": "reasoning",
}
_OF_THE_PROMPT = re.compile(r"invalid_|data_residency|.*(?:image|policy)")
"""Codes of failures that another attempt would not cure."""
_BAD_REQUEST = 400
_PARAGRAPH = "\n\n"


class ResponsesReader:
    """Reads the events of one response, or a whole one.

    Parameters
    ----------
    model
        The model that was asked; its thinking goes back to no other.
    conversation
        Id of the conversation that the request named.

    Attributes
    ----------
    is_held : bool
        Whether the service has confirmed that the response is part of the conversation.
    """

    def __init__(self, model: str, conversation: str | None = None) -> None:
        self.is_whole: bool = False
        self.is_over: bool = False
        self.is_held: bool = False
        self._model = model
        self._conversation = conversation
        self._told = ReplyInfo()
        self._sent: dict[TextKind, list[str]] = {"text": [], "refusal": [], "reasoning": []}
        self._thought: tuple[Any, ...] = ()  # the paragraph of thinking that came last
        self._items: list[Mapping[str, Any]] = []
        self._n_own = 0  # how many parts of the service's own were handed on
        self._is_in_order = True
        self._contents: list[Mapping[str, Any]] = []  # of the message that is coming, those that are whole
        self._notes: list[Mapping[str, Any]] = []  # on its text since
        self._closing: list[ProviderEvent] = []
        self._called: dict[Any, str] = {}  # place of a call -> the tool

    def read(self, body: Any, name: str = "") -> Sequence[ReaderEvent]:
        """Take an event.

        Raises
        ------
        ReportedError
            The service failed.
        """
        kind = body.get("type") or name
        if kind in _KINDS:
            return self._read_delta(_KINDS[kind], body)
        if kind == "response.output_item.done":
            return self._read_item(body)
        if kind in {"response.output_item.added", "response.function_call_arguments.delta"}:
            return self._read_call_piece(body)
        if kind in {"response.output_text.annotation.added", "response.content_part.done"}:
            self._keep(body)
            return []
        if kind == "error" or (body.get("error") and "response" not in body):
            raise ReportedError(read_fault(body))
        if isinstance(body.get("response"), dict):
            return self._read_response(body["response"], is_end=kind in _ENDS)
        return []

    def _keep(self, body: Mapping[str, Any]) -> None:
        """Keep a source of the text that is coming, or a text that is whole."""
        if "annotation" in body:
            self._notes.append(as_object(body["annotation"]))
        else:
            self._contents.append(as_object(body["part"]))
            self._notes = []

    def read_whole(self, body: Any) -> list[ProviderEvent]:
        """Take a whole response.

        Raises
        ------
        ReportedError
            The service failed.
        """
        if body.get("error") and "output" not in body:
            raise ReportedError(read_fault(body))
        output, status = body["output"], body.get("status")
        is_end = bool(output or status) and status not in {"in_progress", "queued"}
        return self._read_response(body, is_end=is_end)

    def finish(self) -> list[ProviderEvent]:
        """Return the calls of tools, the thinking that is to go back, the usage and the end."""
        return self._closing

    def held(self) -> list[PartDone]:
        """Return the parts that are whole and were not handed on."""
        if self._closing:
            return [event for event in self._closing if isinstance(event, PartDone)]
        coming = {"type": "output_text", "annotations": self._notes}
        items = [*self._items, {"type": "message", "content": [*self._contents, coming]}]
        own = items_of.own(self._items)[self._n_own :]
        return [*map(PartDone, own), *items_of.sources(items, sum(map(len, self._sent["text"])))]

    def _read_delta(self, kind: TextKind, body: Mapping[str, Any]) -> list[ProviderEvent]:
        text = body["delta"]
        if not text:
            return []
        if not isinstance(text, str):
            raise TypeError("a delta that is not text")
        sent = self._sent[kind]
        if kind == "reasoning":
            place = (body.get("item_id"), body.get("summary_index"), body.get("content_index"))
            if sent and place != self._thought:
                text = _PARAGRAPH + text
            self._thought = place
        sent.append(text)
        return [Delta(text, kind)]

    def _read_call_piece(self, body: Mapping[str, Any]) -> list[CallPiece]:
        """Return a piece of a call; its name is told when it begins."""
        place, item = body.get("output_index"), body.get("item")
        if not isinstance(item, dict):
            name, text = self._called.get(place, ""), as_text(body.get("delta"))
            return [CallPiece(place, name, text)] if text else []
        if item.get("type") == "function_call":
            self._called[place] = as_text(item.get("name")) or ""
        return []

    def _read_response(self, response: Mapping[str, Any], *, is_end: bool) -> list[ProviderEvent]:
        events = self._read_info(response)
        status = response.get("status")
        if status in {"failed", "cancelled"} or response.get("error"):
            raise ReportedError(_fault(response))
        if is_end:
            items = [as_object(item) for item in response.get("output") or self._items]
            texts = _texts(items)
            events += [*self._rest(texts), *self._new_own(items)]
            self._closing = _closing(response, items, texts, self._model)
            self.is_whole = self.is_over = True
        return events

    def _read_info(self, response: Mapping[str, Any]) -> list[ProviderEvent]:
        held = response.get("conversation")
        held_id = held.get("id") if isinstance(held, dict) else held
        self.is_held = self.is_held or (held_id is not None and held_id == self._conversation)
        tier = as_text(response.get("service_tier"))
        info = ReplyInfo(
            model=as_text(response.get("model")),
            provider_message_id=as_text(response.get("id")),
            native_id=self._conversation if self.is_held else None,
            details={"service_tier": tier} if tier else {},
        )
        if info == self._told:
            return []
        self._told = info
        return [info]

    def _read_item(self, body: Mapping[str, Any]) -> list[ProviderEvent]:
        """Take a whole item; where one before it is missing, the end of the response has their order."""
        at = body.get("output_index", len(self._items))
        self._is_in_order = self._is_in_order and at == len(self._items)
        self._items.append(as_object(body["item"]))
        self._contents, self._notes = [], []
        return self._new_own(self._items) if self._is_in_order else []

    def _new_own(self, items: Sequence[Mapping[str, Any]]) -> list[ProviderEvent]:
        """Return what the service did itself and was not handed on."""
        new = items_of.own(items)[self._n_own :]
        self._n_own += len(new)
        return [PartDone(part) for part in new]

    def _rest(self, texts: Mapping[TextKind, str]) -> list[ProviderEvent]:
        """Return what of a whole response's texts did not come in pieces."""
        events: list[ProviderEvent] = []
        for kind, text in texts.items():
            sent = "".join(self._sent[kind])
            if len(text) > len(sent) and text.startswith(sent):
                events.append(Delta(text[len(sent) :], kind))
        return events


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """Return the counts; cached input is inside the input and reasoning inside the output, as with us."""
    of_input = as_object(usage.get("input_tokens_details") or {})
    of_output = as_object(usage.get("output_tokens_details") or {})
    return Usage(
        input_tokens=token_count(usage.get("input_tokens")),
        cached_input_tokens=token_count(of_input.get("cached_tokens")),
        cache_write_tokens=token_count(of_input.get("cache_write_tokens")),
        output_tokens=token_count(usage.get("output_tokens")),
        reasoning_tokens=token_count(of_output.get("reasoning_tokens")),
    )


def _closing(
    response: Mapping[str, Any],
    items: Sequence[Mapping[str, Any]],
    texts: Mapping[TextKind, str],
    model: str,
) -> list[ProviderEvent]:
    outline = outline_part(DIALECT, model, items_of.outline(items))
    calls = items_of.calls(items)
    events: list[ProviderEvent] = [PartDone(outline)] if outline else []
    events += [PartDone(items_of.tool_call(call)) for call in calls]
    events += items_of.sources(items, len(texts["text"]))
    if isinstance(response.get("tool_usage"), dict):  # what is billed by the search is reported nowhere else
        events.append(ReplyInfo(details={"tool_usage": response["tool_usage"]}))
    if details := dropped_thinking(response.get("input_transformations")):
        events.append(ReplyInfo(details=details))
    usage = read_usage(as_object(response.get("usage") or {}))
    if usage != Usage():
        events.append(usage)
    word = _end_word(response)
    reason = finish_reason(word)
    if reason is FinishReason.STOP and calls:
        reason = FinishReason.TOOL_CALLS
    elif reason is FinishReason.STOP and texts["refusal"]:
        reason = FinishReason.CONTENT_FILTER
    events.append(Finish(reason, word))
    return events


def _end_word(response: Mapping[str, Any]) -> str:
    status = end_word(response.get("status")) or "completed"
    details = response.get("incomplete_details") if status == "incomplete" else None
    return (end_word(details.get("reason")) if isinstance(details, dict) else None) or status


def _texts(items: Sequence[Mapping[str, Any]]) -> dict[TextKind, str]:
    thoughts = [_thoughts(item) for item in items if item.get("type") == "reasoning"]
    return {
        "reasoning": _PARAGRAPH.join(filter(None, thoughts)),
        "text": "".join(text for item in items for text in items_of.contents(item, "output_text", "text")),
        "refusal": "".join(text for item in items for text in items_of.contents(item, "refusal", "refusal")),
    }


def _thoughts(item: Mapping[str, Any]) -> str:
    pieces = [*(item.get("summary") or ()), *(item.get("content") or ())]
    return _PARAGRAPH.join(piece["text"] for piece in pieces if piece.get("text"))


def _fault(response: Mapping[str, Any]) -> Fault:
    error = response.get("error")
    if not error:
        words = f"the response ended as {response.get('status')!r} without a reason"
        return Fault(message=words, kind=ProviderServerError)
    fault = read_fault({"error": error})
    if _OF_THE_PROMPT.match(fault.code or ""):
        return replace(fault, kind=fault.class_for(_BAD_REQUEST))
    return fault
