"""The Interactions API coming back: `InteractionReader`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session import errors as e
from langswarm_nb.core.session.messages import FinishReason, Usage
from langswarm_nb.core.session.provider_events import Delta, Finish, PartDone, ReplyInfo
from langswarm_nb.core.session.providers._dialect.call_pieces import place_of
from langswarm_nb.core.session.providers._dialect.citations import Bytes, Sources
from langswarm_nb.core.session.providers._dialect.history import CallIds
from langswarm_nb.core.session.providers._dialect.vendor_items import first_text
from langswarm_nb.core.session.providers._dialect.whole_items import WholeItems
from langswarm_nb.core.session.providers._dialect.wire import end_word, finish_reason, token_count
from langswarm_nb.core.session.providers._http.faults import Fault, ReportedError
from langswarm_nb.core.session.text import one_line

from .faults import read_google_fault
from .generate import added
from .interaction_steps import SAID, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from langswarm_nb.core.session.provider_events import ProviderEvent, ProviderRequest

_log = logging.getLogger(__name__)
_NOT_AN_END = {"in_progress", "queued"}


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
        self._work: WholeItems[Step] = WholeItems()  # all steps but calls
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
            case "step.stop" | "content.stop":
                yield from _parts(self._work.end(place_of(body.get("index"))))
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
        yield from _parts(self._work.rest())
        calls = [step.call(self._ids) for step in self._steps.values() if step.is_call]
        yield from map(PartDone, calls)
        yield from self._sources()
        reason = finish_reason(self._status)
        if reason is FinishReason.STOP and calls:
            reason = FinishReason.TOOL_CALLS
        yield Finish(reason, self._status)

    def held(self) -> list[PartDone]:
        """Return the parts that are whole and were not handed on; of a thought what has come of it."""
        thoughts = [part for step in self._work.open if (part := step.thought()) is not None]
        return [*_parts(self._work.whole), *map(PartDone, thoughts), *self._sources()]

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
        kept = self._begin(index, step)
        for item in step.get("summary") or ():
            yield from kept.think(item)
        if step["type"] in SAID:
            yield from self._said(index, step)
        elif step["type"] == "model_output":
            for item in step.get("content") or ():
                yield from self._said(index, item)
            if step.get("error"):
                raise ReportedError(read_google_fault({"error": step["error"]}))

    def _begin(self, index: Any, step: Mapping[str, Any]) -> Step:
        self._steps[index] = begun = Step(step)
        if not begun.is_call:
            self._work.begin(index, begun)
        return begun

    def _delta(self, index: Any, delta: Mapping[str, Any]) -> Iterator[ProviderEvent]:
        step = self._steps.get(index)
        if step is None:
            step = self._begin(index, {})
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

    def _sources(self) -> list[PartDone]:
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
        return found.parts(at)

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


def _parts(steps: Iterable[Step]) -> list[PartDone]:
    return [PartDone(part) for step in steps if (part := step.part()) is not None]


def _said(item: Mapping[str, Any]) -> Iterator[ProviderEvent]:
    """Return what a piece of the model's output is to us."""
    if item.get("type") == "image" and item.get("data"):
        media_type = item.get("mime_type") or "image/png"
        yield PartDone({"type": "image", "media_type": media_type, "data": item["data"]})
    elif item.get("text"):
        yield Delta(item["text"])
