"""Anthropic's Messages coming back: `MessagesReader`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.errors import ProviderRequestError
from langswarm_nb.core.session.messages import FinishReason, Usage
from langswarm_nb.core.session.provider_events import Delta, Finish, ModelInfo, PartDone, ReplyInfo
from langswarm_nb.core.session.providers._dialect.call_pieces import CallPiece, place_of
from langswarm_nb.core.session.providers._dialect.citations import Sources
from langswarm_nb.core.session.providers._dialect.reasoning_order import dropped_thinking, outline_part
from langswarm_nb.core.session.providers._dialect.vendor_items import first_text
from langswarm_nb.core.session.providers._dialect.whole_items import WholeItems
from langswarm_nb.core.session.providers._dialect.wire import (
    as_object,
    end_word,
    finish_reason,
    models_of,
    token_count,
)
from langswarm_nb.core.session.providers._http.fault_bodies import read_fault
from langswarm_nb.core.session.providers._http.faults import Fault, ReportedError
from langswarm_nb.core.session.text import as_text

from .block import THINKING, Block

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.core.session.provider_events import ProviderEvent
    from langswarm_nb.core.session.providers._dialect.call_pieces import ReaderEvent

DIALECT = "anthropic_messages"
"""Marks the outlines of this dialect."""
_BAD_REQUEST = 400
_PARAGRAPH = "\n\n"


class MessagesReader:
    """Reads the events of one message, or a whole one.

    Parameters
    ----------
    model
        The model that was asked; its thinking goes back to no other.

    Attributes
    ----------
    message_id : str or None
    text : str
        The whole answer, once it is whole.
    is_refused : bool
        Whether the service broke the reply off.
    """

    def __init__(self, model: str) -> None:
        self.is_whole: bool = False
        self.is_over: bool = False
        self.message_id: str | None = None
        self.text: str = ""
        self.is_refused: bool = False
        self._model = model
        self._blocks: dict[Any, Block] = {}
        self._own: WholeItems[Block] = WholeItems()  # blocks of the service's own
        self._usage: dict[str, Any] = {}
        self._stop: str | None = None
        self._details: dict[str, Any] = {}
        self._has_thought = False
        self._closing: list[ProviderEvent] = []

    def read(self, body: Any, name: str = "") -> Sequence[ReaderEvent]:
        """Take an event.

        Raises
        ------
        ReportedError
            The service failed.
        """
        kind = body.get("type") or name
        if kind == "content_block_delta":
            return self._read_delta(body)
        if kind == "content_block_start":
            return self._read_start(place_of(body["index"]), as_object(body["content_block"]))
        if kind == "content_block_stop":
            return [*_vendors(self._own.end(place_of(body["index"])))]
        if kind == "message_start":
            return self._read_message(as_object(body["message"]))
        if kind == "message_delta":
            self._read_usage(body)
            self._read_transformations(body)
            self._read_stop(as_object(body["delta"]))
        elif kind == "message_stop":
            self._end()
        elif kind == "error" or body.get("error"):
            raise ReportedError(read_fault_of_messages(body))
        return []

    def read_whole(self, body: Any) -> list[ProviderEvent]:
        """Take a whole message.

        Raises
        ------
        ReportedError
            The service failed.
        """
        if body.get("error"):
            raise ReportedError(read_fault_of_messages(body))
        content = body["content"]
        events = self._read_message(body)
        for index, block in enumerate(content):
            events += self._read_start(index, as_object(block))
        self._read_stop(body)
        if content or self._stop is not None:
            self._end()
        return events

    def finish(self) -> list[ProviderEvent]:
        """Return the calls of tools, the thinking that may go back, the usage and the end."""
        return self._closing

    def held(self) -> list[PartDone]:
        """Return the parts that are whole and were not handed on."""
        if self._closing:
            return [event for event in self._closing if isinstance(event, PartDone)]
        return [*_vendors(self._own.whole), *self._sources(list(self._blocks.values()))]

    def _read_message(self, message: Mapping[str, Any]) -> list[ProviderEvent]:
        self._read_usage(message)
        self._read_transformations(message)
        self.message_id = as_text(message.get("id"))
        info = ReplyInfo(model=as_text(message.get("model")), provider_message_id=self.message_id)
        usage = read_usage({name: value for name, value in self._usage.items() if "output" not in name})
        # The input is paid for although the reply may be cut short.
        return [info] if usage == Usage() else [info, usage]

    def _read_start(self, index: Any, start: Mapping[str, Any]) -> list[ProviderEvent]:
        block = self._begin(index, start)
        if block.kind in {"text", "thinking"}:
            return self._add(block, start.get(block.kind))
        return []

    def _read_delta(self, body: Mapping[str, Any]) -> Sequence[ReaderEvent]:
        delta = body["delta"]
        kind = delta["type"]
        index = place_of(body["index"])
        block = self._blocks.get(index)
        if block is None:  # some servers do not say that a block begins
            block = self._begin(index, {"type": str(kind).removesuffix("_delta")})
        if kind == "text_delta":
            return self._add(block, delta["text"])
        if kind == "thinking_delta":
            return self._add(block, delta["thinking"])
        if kind == "input_json_delta":
            block.pieces.append(str(delta["partial_json"]))
            if block.kind == "tool_use":
                return [CallPiece(index, str(block.start.get("name") or ""), str(delta["partial_json"]))]
        elif kind == "signature_delta":
            block.signature += str(delta["signature"])
        else:
            block.add(delta)
        return []

    def _begin(self, index: Any, start: Mapping[str, Any]) -> Block:
        self._blocks[index] = block = Block(start)
        if block.is_vendors:
            self._own.begin(index, block)
        return block

    def _add(self, block: Block, text: object) -> list[ProviderEvent]:
        if not text:
            return []
        if not isinstance(text, str):
            raise TypeError("a text that is not text")
        is_new = not block.pieces
        block.pieces.append(text)
        if block.kind == "text":
            return [Delta(text)]
        if block.kind != "thinking":
            return []
        if is_new and self._has_thought:
            text = _PARAGRAPH + text
        self._has_thought = True
        return [Delta(text, "reasoning")]

    def _read_usage(self, body: Mapping[str, Any]) -> None:
        # Counts in a stream are cumulative, and later ones may be partial.
        told = as_object(body.get("usage") or {})
        self._usage |= {name: value for name, value in told.items() if value is not None}

    def _read_transformations(self, message: Mapping[str, Any]) -> None:
        self._details |= dropped_thinking(message.get("input_transformations"))

    def _read_stop(self, told: Mapping[str, Any]) -> None:
        self._stop = end_word(told.get("stop_reason")) or self._stop
        for name in ("stop_sequence", "stop_details", "container"):
            if told.get(name):
                self._details[name] = told[name]

    def _end(self) -> None:
        blocks = list(self._blocks.values())
        self.text = "".join(block.text for block in blocks if block.kind == "text")
        calls = [block.tool_call() for block in blocks if block.kind == "tool_use"]
        self._closing = [*self._parts(blocks, calls), *self._sources(blocks)]
        usage = read_usage(self._usage)
        if usage != Usage():
            self._closing.append(usage)
        for name in ("service_tier", "speed", "inference_geo"):
            if value := as_text(self._usage.get(name)):
                self._details[name] = value
        told = self._usage.get("server_tool_use")
        counts = {name: count for name, count in as_object(told or {}).items() if token_count(count)}
        if counts:  # billed by the piece, and told nowhere else
            self._details["server_tool_use"] = counts
        if self._details:
            self._closing.append(ReplyInfo(details=self._details))
        word = self._stop or "end_turn"
        self.is_refused = word == "refusal"
        reason = finish_reason(word)
        if reason is FinishReason.STOP and calls:
            reason = FinishReason.TOOL_CALLS
        self._closing.append(Finish(reason, word))
        self.is_whole = self.is_over = True

    def _parts(self, blocks: Sequence[Block], calls: Iterable[dict[str, Any]]) -> list[ProviderEvent]:
        told = []
        n_vendors = 0
        for block in blocks:
            told.append(block.item(n_vendors))
            n_vendors += block.is_vendors
        items = [item for item in told if item is not None]
        if None in told:  # thinking goes back whole or not at all
            items = [item for item in items if item.get("raw", {}).get("type") not in THINKING]
        outline = outline_part(DIALECT, self._model, items)
        parts: list[Part] = [] if outline is None else [outline]
        parts += calls
        details = self._details.get("stop_details")
        explanation = details.get("explanation") if isinstance(details, dict) else None
        if not self.text and as_text(explanation):
            parts.append({"type": "refusal", "text": explanation})
        return [*_vendors(self._own.rest()), *map(PartDone, parts)]

    def _sources(self, blocks: Sequence[Block]) -> list[PartDone]:
        """Return the sources of the texts; a text has its sources as a whole."""
        sources = Sources()
        at = 0
        for block in blocks:
            if block.kind != "text":
                continue
            start, at = at, at + len(block.text)
            for told in block.start.get("citations") or ():
                if isinstance(told, dict):
                    sources.add(
                        url=told.get("url") or told.get("source"),
                        title=first_text(told, "title", "document_title") or _document(told),
                        quote=told.get("cited_text"),
                        start=start,
                        end=at,
                    )
        return sources.parts(at)


def _vendors(blocks: Iterable[Block]) -> list[PartDone]:
    return [PartDone(block.vendor()) for block in blocks]


def _document(citation: Mapping[str, Any]) -> str:
    number = token_count(citation.get("document_index"))
    return "" if number is None else f"document {number + 1}"


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """Return the counts; the service reports its input without what came from or went to the cache."""
    plain, read, written = (
        token_count(usage.get(name))
        for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    )
    of_output = as_object(usage.get("output_tokens_details") or {})
    output = token_count(usage.get("output_tokens"))
    more = [_compaction(one) for one in usage.get("iterations") or () if isinstance(one, dict)]
    return Usage(
        input_tokens=None
        if plain is None
        else plain + (read or 0) + (written or 0) + sum(i for i, _ in more),
        cached_input_tokens=read,
        cache_write_tokens=written,
        output_tokens=None if output is None else output + sum(o for _, o in more),
        reasoning_tokens=token_count(of_output.get("thinking_tokens")),
    )


def _compaction(iteration: Mapping[str, Any]) -> tuple[int, int]:
    """Return the tokens in and out of a pass that shortened the conversation: the sums leave it out."""
    if iteration.get("type") != "compaction":
        return 0, 0
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    return sum(token_count(iteration.get(name)) or 0 for name in names), token_count(
        iteration.get("output_tokens")
    ) or 0


def read_fault_of_messages(body: Any) -> Fault:
    """Read an error's body; the service's finer code goes before its type."""
    fault = read_fault(body)
    error = body.get("error") if isinstance(body, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    code = as_text(details.get("error_code")) if isinstance(details, dict) else None
    if code is None:
        return fault
    kind = fault.class_for(_BAD_REQUEST)  # what the type says by itself
    return replace(fault, code=code, kind=None if kind is ProviderRequestError else kind)


def read_models(body: Any) -> tuple[list[ModelInfo], str | None]:
    """Return the models of one page of the list, and the id after which the next page begins; None for the last."""
    models = models_of(body["data"], _read_model)
    return models, as_text(body.get("last_id")) if body.get("has_more") else None


def _read_model(model: Mapping[str, Any]) -> ModelInfo | None:
    if model.get("lifecycle") == "retired":
        return None
    return ModelInfo(
        id=str(model["id"]),
        name=as_text(model.get("display_name")),
        context_tokens=token_count(model.get("max_input_tokens")),
        max_output_tokens=token_count(model.get("max_tokens")),
        created_at=as_text(model.get("created_at")),
        owned_by=as_text(model.get("owned_by")),
    )
