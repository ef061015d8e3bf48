"""Chat Completions coming back: `ChatReader` for replies, `read_models` for the list of models."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.messages import FinishReason, Usage
from langswarm_nb.core.session.provider_events import (
    Delta,
    Finish,
    ModelInfo,
    PartDone,
    ReplyInfo,
    ThoughtSoFar,
)
from langswarm_nb.core.session.providers._dialect.call_pieces import FREE_TEXT, CallPieces
from langswarm_nb.core.session.providers._dialect.history import image_data
from langswarm_nb.core.session.providers._dialect.think_tags import ThinkTags
from langswarm_nb.core.session.providers._dialect.wire import end_word, finish_reason, models_of, token_count
from langswarm_nb.core.session.providers._http.fault_bodies import read_fault
from langswarm_nb.core.session.providers._http.faults import ReportedError
from langswarm_nb.core.session.text import as_text

from .beside import EXECUTED, Beside

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.core.session.provider_events import ProviderEvent
    from langswarm_nb.core.session.providers._dialect.call_pieces import CallPiece, ReaderEvent

DETAILS = "reasoning_details"
"""OpenRouter's opaque record of thinking, to be sent back as it came."""
EXTRA = "extra_content"
"""What Google puts beside a call, and wants back with it: its signature."""
_COUNTED = (
    "server_tool_use",
    "server_tool_use_details",
    "num_sources_used",
    "num_search_queries",
    "citation_tokens",
)
"""What hosts count beside tokens, and bill."""


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """Return the counts; cached input is inside the input and reasoning inside the output, as with us."""
    prompt = _object(usage.get("prompt_tokens_details"))
    completion = _object(usage.get("completion_tokens_details"))
    cached = (
        prompt.get("cached_tokens"),
        usage.get("prompt_cache_hit_tokens"),
        usage.get("num_cached_tokens"),
        usage.get("cached_tokens"),
        usage.get("cache_read_input_tokens"),
    )
    return Usage(
        input_tokens=token_count(usage.get("prompt_tokens")),
        cached_input_tokens=_first(*cached),
        cache_write_tokens=_first(prompt.get("cache_write_tokens"), usage.get("cache_creation_input_tokens")),
        output_tokens=token_count(usage.get("completion_tokens")),
        reasoning_tokens=_first(completion.get("reasoning_tokens"), usage.get("reasoning_tokens")),
    )


def _first(*values: Any) -> int | None:
    """Return the first that is a count: hosts report the same under different names."""
    return next((count for value in values if (count := token_count(value)) is not None), None)


class ChatReader:
    """Reads the chunks of one reply, or a whole one; of several choices it takes the first.

    Parameters
    ----------
    keeps_details
        Whether to keep ``reasoning_details``, to be sent back.
    has_tags
        Whether thinking may stand between tags at the beginning of the answer.
    """

    def __init__(self, *, keeps_details: bool = False, has_tags: bool = False) -> None:
        self.is_whole: bool = False
        self.is_over: bool = False
        self._keeps_details = keeps_details
        self._tags = ThinkTags() if has_tags else None
        self._is_named = self._is_in_one = False
        self._finish: str | None = None
        self._others: dict[Any, bool] = {}  # choices beside the first -> whether they have ended
        self._calls = CallPieces()
        self._details: list[Any] = []
        self._is_refusal = False
        self._usage: Mapping[str, Any] = {}
        self._beside = Beside()
        self._n_chars = self._n_raw = 0  # of the answer, and of what came as its text

    def read(self, body: Any, name: str = "") -> list[ReaderEvent]:
        """Take a chunk.

        Raises
        ------
        ReportedError
            It holds an error.
        """
        if body.get("error"):
            raise ReportedError(read_fault(body))
        events: list[ReaderEvent] = []
        if not self._is_named:
            self._read_name(body, events)
        if "citations" in body or "search_results" in body:
            self._beside.take_body(body)
        choices = body.get("choices")
        if choices:
            for choice in choices:
                self._read_choice(choice, events)
        elif name == "error" or body.get("object") == "error":
            raise ReportedError(read_fault(body))
        usage = body.get("usage")
        if usage:
            self._usage = _object(usage)
        elif "x_groq" in body:
            self._read_groq(_object(body["x_groq"]), events)
        return events

    def read_whole(self, body: Any) -> list[ReaderEvent]:
        """Take a whole answer.

        Raises
        ------
        ReportedError
            It holds an error.
        """
        self._is_in_one = True
        events = self.read(body)
        # A whole message needs no end mark, some hosts send null for it; Azure leaves out one that it filtered.
        is_there = any(isinstance(choice.get("message"), dict) for choice in body["choices"])
        self.is_whole = is_there or self._finish is not None
        return events

    def finish(self) -> list[ReaderEvent]:
        """Return the tool calls, the usage and the end."""
        events: list[ReaderEvent] = [*(self._tags.rest() if self._tags else ())]
        if self._details and self._keeps_details:
            events.append(PartDone({"type": "reasoning", "text": "", "opaque": {DETAILS: self._details}}))
        self._count(events)
        events += [*self._beside.vendors(), *map(PartDone, self._calls.parts())]
        events += self._beside.sources(self._n_chars, self._n_raw - self._n_chars)
        usage = read_usage(self._usage)
        if usage != Usage():
            events.append(usage)
        if details := {name: self._usage[name] for name in _COUNTED if self._usage.get(name)}:
            events.append(ReplyInfo(details=details))
        events.append(Finish(self._reason(), self._finish))
        return events

    def held(self) -> list[PartDone]:
        """Return the parts that are whole and were not handed on."""
        return self._beside.held(self._n_chars, self._n_raw - self._n_chars)

    def _read_choice(self, choice: Mapping[str, Any], events: list[ReaderEvent]) -> None:
        if choice.get("index"):
            self._others[choice["index"]] = end_word(choice.get("finish_reason")) is not None
            self._note_end()
            return
        # Perplexity puts an empty piece beside a whole message, and all that came so far beside a piece.
        first, second = ("message", "delta") if self._is_in_one else ("delta", "message")
        delta: Any = choice.get(first)
        if delta is None:
            delta = {} if choice.get(second) is None else choice[second]
        if self._tags is not None and (delta.get("reasoning") or delta.get("reasoning_content")):
            events += self._tags.rest()  # the service separates thinking, so that tags are text
            self._tags = None
        content = delta.get("content")
        if content:
            said: Sequence[ProviderEvent] = (
                self._said(content) if isinstance(content, str) else self._listed(content)
            )
            self._count(said)
            events += said
        if not content or len(delta) > 1:
            self._read_more(delta, events)
        end = choice.get("finish_reason")
        if end is not None and (word := end_word(end)) is not None:
            self._read_end(choice, word)

    def _said(self, text: str) -> Sequence[ProviderEvent]:
        self._n_raw += len(text)
        return [Delta(text)] if self._tags is None else self._tags.take(text)

    def _count(self, said: Iterable[ReaderEvent]) -> None:
        """Count the characters of the answer: places in it are given in them."""
        for event in said:
            if type(event) is Delta:
                if event.kind == "text":
                    self._n_chars += len(event.text)
            elif isinstance(event, ThoughtSoFar):
                self._n_chars = 0

    def _listed(self, content: Iterable[Mapping[str, Any]]) -> list[ProviderEvent]:
        """Return the deltas of content that comes as a list: text, thinking and sources (Mistral and others)."""
        events: list[ProviderEvent] = []
        n_chars = self._n_chars
        for item in content:
            if item["type"] == "text":
                n_chars += len(item["text"])
                events += [Delta(item["text"])] if item["text"] else []
            elif item["type"] == "thinking":
                inner = item["thinking"]
                texts = [inner] if isinstance(inner, str) else [piece.get("text", "") for piece in inner]
                events += [Delta(text, "reasoning") for text in texts if text]
            elif item["type"] == "reference":
                self._beside.take_reference(item, n_chars)
        self._n_raw += n_chars - self._n_chars
        return events

    def _reason(self) -> FinishReason:
        reason = finish_reason(self._finish)
        if reason is FinishReason.STOP and self._calls:
            return FinishReason.TOOL_CALLS
        if reason is FinishReason.STOP and self._is_refusal:
            return FinishReason.CONTENT_FILTER
        return reason

    def _read_name(self, body: Mapping[str, Any], events: list[ReaderEvent]) -> None:
        model, message_id = as_text(body.get("model")), as_text(body.get("id"))
        if model or message_id:  # Azure's first chunk has them empty
            self._is_named = True
            details = {name: body[name] for name in ("service_tier", "provider") if body.get(name)}
            events.append(ReplyInfo(model=model, provider_message_id=message_id, details=details))

    def _read_more(self, delta: Mapping[str, Any], events: list[ReaderEvent]) -> None:
        thought = delta.get("reasoning") or delta.get("reasoning_content")
        if thought and isinstance(thought, str):
            events.append(Delta(thought, "reasoning"))
        if delta.get("refusal"):
            self._is_refusal = True
            events.append(Delta(delta["refusal"], "refusal"))
        events += map(PartDone, _pictures(delta.get("images")))
        self._details += delta.get(DETAILS) or ()
        if "annotations" in delta or EXECUTED in delta:
            events += self._beside.take_message(delta)
        for piece in delta.get("tool_calls") or ():
            events.append(self._read_call(piece))
        if delta.get("function_call"):  # the form before tools
            events.append(self._read_call({"index": 0, "function": delta["function_call"]}))

    def _read_call(self, piece: Mapping[str, Any]) -> CallPiece:
        custom = piece.get("custom")
        function = custom or piece.get("function") or {}
        opaque = {FREE_TEXT: True} if custom else {}
        if piece.get(EXTRA):
            opaque[EXTRA] = piece[EXTRA]
        return self._calls.take(
            (piece.get("index"),),
            call_id=piece.get("id"),
            name=function.get("name"),
            arguments=function.get("input" if custom else "arguments"),
            opaque=opaque,
        )

    def _read_end(self, choice: Mapping[str, Any], word: str) -> None:
        if word == "error":
            raise ReportedError(read_fault(choice if choice.get("error") else {"error": "it broke off"}))
        self._finish = self._finish or word
        self._note_end()

    def _note_end(self) -> None:
        self.is_whole = self._finish is not None and all(self._others.values())

    def _read_groq(self, told: Mapping[str, Any], events: list[ReaderEvent]) -> None:
        if told.get("error"):
            raise ReportedError(read_fault(told))
        self._usage = _object(told.get("usage")) or self._usage
        if told.get("id"):
            events.append(ReplyInfo(request_id=str(told["id"])))


def _pictures(told: Any) -> Iterator[Part]:
    """Yield the pictures that a model made, in the form of OpenRouter and LiteLLM; anything else is skipped."""
    for image in told if isinstance(told, list) else ():
        url = _object(_object(image).get("image_url")).get("url")
        if isinstance(url, str) and url:
            found = image_data({"type": "image", "url": url})
            data = {"url": url} if found is None else {"media_type": found[0], "data": found[1]}
            yield {"type": "image", **data}


def read_models(body: Any) -> list[ModelInfo]:
    """Return the models of a list in OpenAI's form."""
    return models_of(body if isinstance(body, list) else body["data"], _model)


def _model(model: Mapping[str, Any]) -> ModelInfo:
    meta, top = model.get("meta") or {}, model.get("top_provider") or {}
    context = ("context_length", "context_window", "max_model_len", "max_context_length")
    sizes = [*(model.get(name) for name in context), meta.get("n_ctx_train")]
    return ModelInfo(
        id=str(model["id"]),
        name=as_text(model.get("name")),
        context_tokens=next((size for value in sizes if (size := token_count(value))), None),
        max_output_tokens=token_count(model.get("max_completion_tokens") or top.get("max_completion_tokens")),
        created_at=_moment(model.get("created")),
        owned_by=as_text(model.get("owned_by")),
    )


def _moment(value: Any) -> str | None:
    """Return the moment of a number of seconds; None for what is none, such as milliseconds."""
    seconds = token_count(value)
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds else None
    except (ValueError, OverflowError, OSError):
        return None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
