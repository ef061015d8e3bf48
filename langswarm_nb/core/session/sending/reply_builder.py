"""The reply while it arrives: a provider's events become one assistant message."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from langswarm_nb.core.session.answers.definition import Definition
from langswarm_nb.core.session.errors import (
    ProviderResponseError,
    ProviderServerError,
    ProviderSessionError,
    SessionError,
    SessionTypeError,
    SessionValueError,
    StreamInterruptedError,
)
from langswarm_nb.core.session.messages import (
    RAW,
    FinishReason,
    MessageRole,
    RequestFacts,
    SessionMessage,
    Status,
    Usage,
    new_id,
    utc_now,
)
from langswarm_nb.core.session.parts.blobs import bytes_of, salvaged
from langswarm_nb.core.session.parts.checking import checked_parts
from langswarm_nb.core.session.parts.media_types import unpacked
from langswarm_nb.core.session.parts.vocabulary import ATTACHED, Part
from langswarm_nb.core.session.provider_events import (
    DECISIONS,
    Delta,
    Finish,
    Held,
    PartDone,
    ProviderEvent,
    ReplyInfo,
    RetryNotice,
    TextKind,
    ThoughtSoFar,
)
from langswarm_nb.core.session.text import TextJoiner
from langswarm_nb.core.session.values import (
    member,
    optional_mapping,
    optional_number,
    optional_text,
    optional_whole,
    text,
)

_STATUS: dict[FinishReason, Status] = {FinishReason.ERROR: "error", FinishReason.INTERRUPTED: "stopped"}
"""How a reply ended although its end mark came."""


class ReplyBuilder:
    """Collects the events of one request; gives the message at any moment.

    Parameters
    ----------
    provider, model : str
        Who was asked.
    origin : SessionMessage
        The question; its source and cell are the reply's too.
    streamed : bool
        Whether the reply was asked for piece by piece.
    params : Mapping
        What was asked for beside the messages, for the record.
    compare_id : str, optional
        Joins the replies of one comparison.
    definition : Definition, optional
        Of the schema that the answer is asked for.
    """

    def __init__(
        self,
        provider: str,
        model: str,
        origin: SessionMessage,
        *,
        streamed: bool,
        params: Mapping[str, Any],
        compare_id: str | None = None,
        definition: Definition | None = None,
    ) -> None:
        self.id: str = new_id()
        self.info: ReplyInfo = ReplyInfo()
        self.provider, self._model, self._origin, self._streamed = provider, model, origin, streamed
        self._params, self._compare_id, self._definition = params, compare_id, definition
        self._texts: dict[TextKind, list[str]] = {"text": [], "reasoning": [], "refusal": []}
        # A custom provider may hand on what JSON held: characters cut in two.
        self._joiners: dict[TextKind, TextJoiner] = {kind: TextJoiner() for kind in self._texts}
        self._parts: list[Part] = []
        self._held: Held = tuple
        self._usage: Usage | None = None
        self._finish: Finish | None = None
        self._started_at, self._begun = utc_now(), time.monotonic()
        self._first_s: float | None = None
        self._queued_s, self._attempts = 0.0, 1
        self._raw_events: list[Any] = []

    def anew(self) -> ReplyBuilder:
        """Return the builder of one more reply to the same question."""
        return ReplyBuilder(
            self.provider,
            self._model,
            self._origin,
            streamed=self._streamed,
            params=self._params,
            compare_id=self._compare_id,
            definition=self._definition,
        )

    @property
    def is_whole(self) -> bool:
        """Whether the end mark was seen."""
        return self._finish is not None

    def check_whole(self) -> None:
        """Make sure that the end mark was seen, and that a reply that failed holds something.

        Raises
        ------
        StreamInterruptedError
            The end mark was not seen.
        ProviderSessionError
            The service told a failure and nothing else.
        """
        if self.failure is not None and self.is_empty:
            raise self.failure
        if not self.is_whole:
            raise StreamInterruptedError(
                f"The reply of {self.provider!r} ended without an end mark, so it may be cut short; "
                f"the {len(self.text)} characters that came are kept. Send again, or regenerate the reply.",
                provider=self.provider,
                maybe_processed=True,
                partial_text=self.text,
            )

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self._texts["text"]) or "".join(self._texts["refusal"])

    @property
    def is_empty(self) -> bool:
        """Whether nothing of the reply has arrived."""
        return not any(self._texts.values()) and not any(self._parts_so_far)

    @property
    def failure(self) -> ProviderServerError | None:
        """What is wrong with a reply whose service ended it badly, or in words that we do not know."""
        if self._finish is None or self._finish.reason is not FinishReason.ERROR:
            return None
        word = f" ({self._finish.provider_reason})" if self._finish.provider_reason else ""
        return ProviderServerError(
            f"{self.provider} ended the reply in an unusual way{word}, so it may be cut short. "
            "What had arrived is kept. Send again, or regenerate the reply.",
            provider=self.provider,
            model=self._model,
            code=self._finish.provider_reason,
            request_id=self.info.request_id,
            maybe_processed=True,
            partial_text=self.text,
        )

    @property
    def _counts(self) -> Usage:
        """Tokens as they were reported; a 0 where there were tokens is not a count."""
        usage = self._usage or Usage()
        if usage.input_tokens == 0:  # of what was sent
            usage = replace(
                usage,
                input_tokens=None,
                cached_input_tokens=usage.cached_input_tokens or None,
                cache_write_tokens=usage.cache_write_tokens or None,
            )
        has_output = not self.is_empty and self.info.details.get("processing") != DECISIONS
        if usage.output_tokens == 0 and has_output:
            usage = replace(usage, output_tokens=None, reasoning_tokens=usage.reasoning_tokens or None)
        return usage

    def take(self, event: ProviderEvent) -> Delta | None:
        """Take an event in; return the delta to hand on, if it is one.

        Raises
        ------
        ProviderResponseError
            The provider yielded what cannot be kept.
        """
        if isinstance(event, Delta):
            return self._take_delta(event)
        try:
            self._take_fact(event)
        except (SessionTypeError, SessionValueError) as error:
            raise ProviderResponseError(
                f"Provider {self.provider!r} yielded a {type(event).__name__} that cannot be kept: {error} "
                "Correct the provider.",
                provider=self.provider,
                model=self._model,
            ) from error
        return None

    def rest(self) -> list[Delta]:
        """Take in what was held back at the end of a text, half a surrogate pair, and return it to hand on."""
        rest = [Delta(text, kind) for kind, joiner in self._joiners.items() if (text := joiner.rest())]
        for delta in rest:
            self._texts[delta.kind].append(delta.text)
        return rest

    def hold(self, held: Held) -> None:
        """Take the way to ask for what has arrived and comes only at the end of the reply."""
        self._held = held

    def wait(self, notice: RetryNotice) -> None:
        """Count a wait before a repeat."""
        self._queued_s += notice.wait_s
        self._attempts = notice.attempt + 1

    def message(self, status: Status = "ok", error: BaseException | None = None) -> SessionMessage:
        """Return the reply as it is now."""
        finish = self._finish.reason if self._finish and status == "ok" else FinishReason.INTERRUPTED
        if status == "ok":
            status, error = _STATUS.get(finish, status), self.failure
        elif status == "error" and self.is_empty and not isinstance(error, StreamInterruptedError):
            finish = FinishReason.ERROR
        return SessionMessage(
            id=self.id,
            role=MessageRole.ASSISTANT,
            content=self.text,
            provider_message_id=self.info.provider_message_id,
            token_count=self._counts.output_tokens,
            finish_reason=finish.value,
            parts=self._all_parts(),
            source=self._origin.source,
            cell_id=self._origin.cell_id,
            request=self._facts(status, error),
        )

    def _take_delta(self, delta: Delta) -> Delta | None:
        text = self._joiners[delta.kind].join(delta.text)
        if not text:
            return None
        if self._first_s is None:
            self._first_s = time.monotonic() - self._begun
        self._texts[delta.kind].append(text)
        return delta if text is delta.text else Delta(text, delta.kind)

    def _take_fact(self, event: ProviderEvent) -> None:
        if isinstance(event, Usage):
            for name in Usage.__slots__:
                optional_whole(name, getattr(event, name))
            self._usage = event if self._usage is None else self._usage.updated(event)
        elif isinstance(event, ThoughtSoFar):
            self._texts["reasoning"] += ["".join(self._texts["text"]).strip()]
            self._texts["text"] = []
        elif isinstance(event, PartDone):
            self._parts.append(_checked_part(event.part, self.provider))
        elif isinstance(event, ReplyInfo):
            self._take_info(event)
        elif isinstance(event, Finish):
            self._finish = _checked_finish(event)
        else:
            kinds = "a Delta, ThoughtSoFar, PartDone, ReplyInfo, Usage or Finish"
            raise SessionTypeError.of("event", event, kinds)

    def _take_info(self, info: ReplyInfo) -> None:
        for name in ("model", "provider_message_id", "request_id", "native_id"):
            optional_text(name, getattr(info, name))
        optional_number("cost_usd", info.cost_usd)
        optional_mapping("details", info.details)
        optional_mapping("raw", info.raw)
        self._raw_events += info.raw.get("events", ())
        old = self.info
        self.info = ReplyInfo(
            model=info.model or old.model,
            provider_message_id=info.provider_message_id or old.provider_message_id,
            request_id=info.request_id or old.request_id,
            native_id=info.native_id or old.native_id,
            cost_usd=old.cost_usd if info.cost_usd is None else info.cost_usd,
            details={**old.details, **info.details},
            raw={**old.raw, **info.raw},
        )

    @property
    def _parts_so_far(self) -> list[Part]:
        """The parts that came; while the end is missing, with those that were to come with it."""
        return [*self._parts, *(() if self.is_whole else self._held_parts())]

    def _held_parts(self) -> Iterable[Part]:
        for event in self._held():
            with suppress(SessionTypeError, SessionValueError):  # what cannot be kept must not cost the rest
                yield _checked_part(event.part, self.provider)

    def _all_parts(self) -> tuple[Part, ...]:
        reasoning, refusal = "".join(self._texts["reasoning"]), "".join(self._texts["refusal"])
        came = self._parts_so_far
        has_own = any(part["type"] == "reasoning" and part.get("text") for part in came)
        parts: list[Part] = [] if has_own or not reasoning else [{"type": "reasoning", "text": reasoning}]
        return (*parts, *came, *([{"type": "refusal", "text": refusal}] if refusal else []))

    def _facts(self, status: Status, error: BaseException | None) -> RequestFacts:
        info = self.info
        elapsed = time.monotonic() - self._begun
        return RequestFacts(
            provider=self.provider,
            request_model=self._model,
            model=info.model,
            started_at=self._started_at,
            duration_s=max(0.0, elapsed - self._queued_s),
            time_to_first_chunk_s=self._time_to_first_chunk_s(),
            queued_s=self._queued_s,
            usage=self._counts,
            tokens_source="provider" if self._counts != Usage() else None,
            cost_usd=info.cost_usd,
            cost_source=None if info.cost_usd is None else "provider",
            status=status,
            error_type=None if error is None or status != "error" else type(error).__name__,
            error_message=_error_text(error) if status == "error" else None,
            attempts=self._attempts,
            streamed=self._streamed,
            compare_id=self._compare_id,
            params=self._params,
            provider_finish_reason=self._finish.provider_reason if self._finish else None,
            provider_request_id=info.request_id
            or (error.request_id if isinstance(error, ProviderSessionError) else None),
            details=self._details(),
            schema_hash=None if self._definition is None else self._definition.hash,
            definition=self._definition,
        )

    def _details(self) -> dict[str, Any]:
        raw = dict(self.info.raw)
        if self._raw_events:
            raw["events"] = list(self._raw_events)
        return {**self.info.details, **({RAW: raw} if raw else {})}

    def _time_to_first_chunk_s(self) -> float | None:
        if self._first_s is None or not self._streamed:
            return None
        return max(0.0, self._first_s - self._queued_s)


def _checked_part(told: Any, provider: str) -> Part:
    """Return a part that can be kept; what only its provider understands, with its name."""
    has_bytes = isinstance(told, Mapping) and isinstance(told.get("data"), bytes)
    optional_mapping("part", {**told, "data": ""} if has_bytes else told)
    part: Part = told
    if text("type of the part", part.get("type")) == "vendor":
        part = {"type": "vendor", "provider": provider, "opaque": None, **part}
    checked_parts([part])
    return _with_bytes(part) if part["type"] in ATTACHED else part


def _with_bytes(part: Part) -> Part:
    """Return what a model made as it can be stored; of damaged bytes what can be read, so that the reply is kept."""
    part = unpacked(part)
    if "url" in part:
        return part
    if part.get("data") is None:
        raise SessionValueError.of(
            "part", part, "complete: what a model made comes with its bytes or its address"
        )
    try:
        bytes_of(part["data"])
    except SessionValueError:
        return {**part, "data": salvaged(part["data"]), "note": "damaged when it came"}
    return part


def _checked_finish(finish: Finish) -> Finish:
    """Return an end mark that can be kept; its reason may come by its name."""
    optional_text("provider_reason", finish.provider_reason)
    return replace(finish, reason=member("reason", finish.reason, FinishReason))


def _error_text(error: BaseException | None) -> str | None:
    # Only our own errors are known to hold no key; of others the type alone is kept.
    # How a program asks again is not a fact of the request.
    return Exception.__str__(error) if isinstance(error, SessionError) else None
