"""`AnswerReader`: a reply whose answer is the arguments of a call, read as any other answer: as text.

It stands between the reader of a dialect and all that follows, so that no dialect has to know. What the model says
before its call is thinking; what it signed for the call is left out, as the call does not go back.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.messages import FinishReason
from langswarm_nb.core.session.provider_events import Delta, Finish, PartDone, ReplyInfo, ThoughtSoFar
from langswarm_nb.core.session.providers._http.faults import ReportedError

from .asking import tool_name
from .call_pieces import CallPiece
from .reply_reader import HoldingReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.core.session.provider_events import AskedSchema

    from .call_pieces import ReaderEvent
    from .reply_reader import ReplyReader

_NO_ANSWER = {"tool_use_failed", "json_validate_failed"}
"""Groq's codes for an answer without the call, or one that misses the schema; it streams it before it tells."""


class AnswerReader:
    """Reads one reply that was asked for by a schema.

    Parameters
    ----------
    reader
        Reads it in its dialect.
    asked
        What was asked for.
    is_in_words
        Tells whether the service has refused the field that holds it to the schema, so that words alone ask for it.
    """

    def __init__(
        self, reader: ReplyReader, asked: AskedSchema, is_in_words: Callable[[], bool] = lambda: False
    ) -> None:
        self._reader = reader
        self._name = tool_name(asked) if asked.route == "tool" else None
        self._is_in_words = is_in_words
        self._has_said = False  # a text that is the answer unless a call follows
        self._place: object = None  # of the call that is read while it comes
        self._sent: list[str] = []
        self._is_begun = False
        self._calls: list[Part] = []

    @property
    def is_whole(self) -> bool:
        """Whether the API's end mark was seen."""
        return self._reader.is_whole

    @is_whole.setter
    def is_whole(self, value: bool) -> None:
        self._reader.is_whole = value

    @property
    def is_over(self) -> bool:
        """Whether nothing can follow."""
        return self._reader.is_over

    @is_over.setter
    def is_over(self, value: bool) -> None:
        self._reader.is_over = value

    def read(self, body: Any, name: str = "") -> Iterable[ReaderEvent]:
        """Take an event; raises what the reader raises, except for an answer that its service has found wanting."""
        try:
            return list(self._answered(self._reader.read(body, name)))
        except ReportedError as error:
            if error.fault.code not in _NO_ANSWER:
                raise
            self.is_whole = self.is_over = True  # it is judged like any other
            told = body.get("error")
            made = told.get("failed_generation") if isinstance(told, dict) else None
            return [Delta(made)] if isinstance(made, str) and made else []

    def read_whole(self, body: Any) -> Iterable[ReaderEvent]:
        """Take a whole answer instead."""
        return self._answered(self._reader.read_whole(body))

    def finish(self) -> Iterator[ReaderEvent]:
        """Return what of the answer has not come yet, and what the reader knows only now."""
        events = list(self._answered(self._reader.finish()))
        yield from (event for event in events if isinstance(event, (Delta, ThoughtSoFar)))
        yield from self._rest()
        if self._is_in_words():
            yield ReplyInfo(details={"route": "prompt"})
        for event in events:
            if isinstance(event, (Delta, ThoughtSoFar)):
                continue
            if not self._is_begun:
                yield event
            elif isinstance(event, PartDone):
                part = _of_no_call(event.part)
                yield from [PartDone(part)] if part else []
            elif isinstance(event, Finish) and event.reason is FinishReason.TOOL_CALLS:
                yield replace(event, reason=FinishReason.STOP)
            else:
                yield event

    def held(self) -> list[PartDone]:
        """Return the parts that are whole and were not handed on."""
        parts = (
            [event.part for event in self._reader.held()] if isinstance(self._reader, HoldingReader) else []
        )
        if self._is_begun:
            parts = [part for one in parts if (part := _of_no_call(one)) is not None]
        return list(map(PartDone, parts))

    def _answered(self, events: Iterable[ReaderEvent]) -> Iterable[ReaderEvent]:
        return events if self._name is None else self._with_answer(events)

    def _with_answer(self, events: Iterable[ReaderEvent]) -> Iterator[ReaderEvent]:
        for event in events:
            if isinstance(event, CallPiece):
                yield from self._piece(event)
            elif isinstance(event, PartDone) and event.part["type"] == "tool_call":
                self._calls.append(event.part)
            elif isinstance(event, Delta) and event.kind == "text":
                self._has_said = self._has_said or not self._is_begun
                yield replace(event, kind="reasoning") if self._is_begun else event
            elif isinstance(event, ThoughtSoFar):
                self._has_said = False
                yield from [] if self._is_begun else [event]
            else:
                yield event

    def _piece(self, piece: CallPiece) -> Iterator[ReaderEvent]:
        """Read the first call of the tool while it comes."""
        if piece.name != self._name or (self._is_begun and piece.place != self._place):
            return
        yield from self._begin()
        self._place = piece.place
        if piece.arguments:
            self._sent.append(piece.arguments)
            yield Delta(piece.arguments)

    def _begin(self) -> Iterator[ReaderEvent]:
        if not self._is_begun and self._has_said:
            yield ThoughtSoFar()
        self._is_begun = True

    def _rest(self) -> Iterator[ReaderEvent]:
        """Yield what of the calls has not been read.

        As no other tool is there to be called, a call under another name means the same. A second one that says
        something else is added, so that the answer is seen to be none.
        """
        own = [call for call in self._calls if call["name"] == self._name] or self._calls
        if not own:
            return
        yield from self._begin()
        sent = "".join(self._sent)
        told = list(dict.fromkeys(call["arguments"] for call in own))
        first = next((text for text in told if text.startswith(sent)), None) if sent else told[0]
        if first is None:
            first = next((text for text in told if _is_same(text, sent)), told[0])
        elif first[len(sent) :]:
            yield Delta(first[len(sent) :])
        for text in told:
            if text is not first and not _is_same(text, first):
                yield Delta(f"\n{text}")


def _of_no_call(part: Part) -> Part | None:
    """Return a part of a reply whose call is its answer: nothing in it belongs to the call, or to a text before it."""
    if part["type"] == "reasoning" and "opaque" in part:
        return {"type": "reasoning", "text": part["text"]} if part["text"] else None
    if part["type"] == "citation":
        return {name: value for name, value in part.items() if name not in {"start", "end"}}
    return part


def _is_same(one: str, other: str) -> bool:
    try:
        return bool(json.loads(one) == json.loads(other))
    except (ValueError, RecursionError):
        return one == other
