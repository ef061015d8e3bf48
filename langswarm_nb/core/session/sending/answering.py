"""`Answering`: how one send asks for a value, and what becomes of the answer.

The route is chosen before anything is stored: the first of those that the model has whose form the schema fits.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.answers.answer_schema import AnswerSchema, schema_of
from langswarm_nb.core.session.answers.definition import Definition
from langswarm_nb.core.session.answers.schema_errors import (
    AnswerError,
    AnswerInvalidError,
    AnswerRefusedError,
    AnswerTruncatedError,
    SchemaRouteError,
)
from langswarm_nb.core.session.answers.strict import strict_form
from langswarm_nb.core.session.answers.telling import told, told_wrong
from langswarm_nb.core.session.errors import in_words, next_step, shown
from langswarm_nb.core.session.messages import FinishReason, MessageRole, RequestFacts, SessionMessage
from langswarm_nb.core.session.provider_events import AskedSchema, ReplyInfo
from langswarm_nb.core.session.text import one_line

if TYPE_CHECKING:
    from langswarm_nb.core.session.provider_events import Intake

_MOST_SHOWN = 5
_PROBLEM_CHARS = 300
"""Problems quote what a model wrote."""


@dataclass(frozen=True, slots=True)
class Answering:
    """How a model is asked for a value."""

    schema: AnswerSchema
    asked: AskedSchema
    """What its service gets."""
    words: str
    """What the messages say of it; empty for nothing."""
    repair: int
    """How often an answer that does not fit is asked for once more."""
    restored: Callable[[Any], Any] | None = None
    """Takes out of an answer what the form of its service added."""

    @property
    def definition(self) -> Definition:
        """The schema, as it is kept beside the answers."""
        return Definition("schema", self.schema.name, self.schema.body)

    def told(self, attempt: int) -> ReplyInfo:
        """Return what the reply tells of how it was asked for."""
        more = {"schema_attempt": attempt} if attempt > 1 else {}
        return ReplyInfo(details={"route": self.asked.route, **more})

    def with_words(self, messages: Sequence[SessionMessage]) -> Sequence[SessionMessage]:
        """Return the messages of a request with the words on the schema: the last of the system text."""
        if not self.words:
            return messages
        at = max((n for n, one in enumerate(messages) if one.role is MessageRole.SYSTEM), default=None)
        if at is None:
            return [SessionMessage(role=MessageRole.SYSTEM, content=self.words), *messages]
        system = messages[at]
        longer = replace(system, content="\n\n".join(filter(None, (system.content, self.words))), parts=())
        return [*messages[:at], longer, *messages[at + 1 :]]

    def judged(self, reply: SessionMessage, who: str) -> tuple[SessionMessage, AnswerError | None]:
        """Return a whole reply with the value that it holds, or with what is wrong with it."""
        facts = reply.request
        if facts is None:
            raise AssertionError("a reply has the facts of its request")
        try:
            _check_said(reply, facts, who)
            data_json = self._data_json(reply.content, who)
        except AnswerError as error:
            error.text = reply.content
            failed = replace(
                facts,
                status="error",
                error_type=type(error).__name__,
                error_message=str(error),
                data_json=None,
            )
            return replace(reply, request=failed), error
        return replace(reply, request=replace(facts, data_json=data_json)), None

    def _data_json(self, text: str, who: str) -> str:
        try:
            data = self.schema.read(text, self.restored)
            return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        except AnswerInvalidError as error:
            problems = error.problems
        except Exception as error:  # noqa: BLE001 - a check of the user's own: the answer came, and is kept
            problems = (f"$: {in_words(error)}",)
        raise _invalid([one_line(problem, _PROBLEM_CHARS) for problem in problems], who)

    def may_ask_again(self, error: AnswerError, attempt: int) -> bool:
        """Tell whether an answer is asked for once more, after an attempt that failed."""
        return isinstance(error, AnswerInvalidError) and attempt <= self.repair

    @staticmethod
    def once_more(reply: SessionMessage, error: AnswerError) -> list[SessionMessage]:
        """Return what asks for it once more: the answer that did not fit, and why it does not."""
        return [
            SessionMessage(role=MessageRole.ASSISTANT, content=reply.content),
            SessionMessage(content=told_wrong(error.problems)),
        ]


def answering(
    schema: AnswerSchema, repair: int | None, intake: Intake, who: str, tools: Collection[str] = ()
) -> Answering:
    """Return how a model is asked for a value: by the first of its routes that the schema has a form for.

    Where nobody says how often, an answer is asked for once more unless the service holds its model to the schema by
    itself; one that is told the schema as well may have to do with words.

    Raises
    ------
    SchemaRouteError
        There is none.
    """
    reasons: list[str] = []
    for route in intake.routes_for(tools):
        restored: Callable[[Any], Any] | None = None
        form: Mapping[str, Any] = schema.asked
        if route == "strict":
            try:
                strict = strict_form(schema, intake.schema_form or "plain")
            except SchemaRouteError as error:
                reasons.append(str(error))
                continue
            form, restored = strict.schema, strict.restored
        is_told = route == "prompt" or (route == "strict" and intake.is_told_schema)
        return Answering(
            schema,
            AskedSchema(schema.name, form, route),
            told(schema) if is_told else "",
            int(route != "strict" or is_told) if repair is None else repair,
            restored,
        )
    why = f": {' '.join(reasons)}" if reasons else "."
    raise SchemaRouteError(f"{who} cannot be asked for an answer of a schema{why}")


def schema_of_setting(setting: Mapping[str, Any] | str) -> AnswerSchema:
    """Return the schema that a session has as a setting; one that was met before costs nothing."""
    return _met(setting if isinstance(setting, str) else json.dumps(setting), isinstance(setting, str), None)


def schema_of_definition(definition: Definition) -> AnswerSchema:
    """Return the schema that an earlier answer was asked for."""
    return _met(definition.body, False, definition.name)


@lru_cache(maxsize=64)
def _met(text: str, is_words: bool, name: str | None) -> AnswerSchema:
    return schema_of(text if is_words else json.loads(text), name=name)


def _check_said(reply: SessionMessage, facts: RequestFacts, who: str) -> None:
    """Make sure that an answer came, and came to its end."""
    refusal = "".join(part["text"] for part in reply.parts if part["type"] == "refusal" and part.get("text"))
    if refusal or reply.finish_reason == FinishReason.CONTENT_FILTER:
        words = f": {shown(refusal)}" if refusal else ""
        raise AnswerRefusedError(
            f"{who} refused to answer{words}. The reply is kept. Ask in another way, or ask another model."
        )
    if reply.finish_reason == FinishReason.LENGTH:
        limit = facts.params.get("max_tokens")
        used = facts.usage.output_tokens
        numbers = [
            "max_tokens is not set, so it was the model's own limit"
            if limit is None
            else f"max_tokens is {limit}",
            *([] if used is None else [f"it took {used} tokens"]),
            *([f"{facts.usage.reasoning_tokens} of them to think"] if facts.usage.reasoning_tokens else []),
        ]
        step = next_step("allow_tokens")
        error = AnswerTruncatedError(
            f"The answer of {who} was cut at a limit: {', '.join(numbers)}. What came is kept, and nothing more was "
            f"asked. {step.text}"
        )
        error.next_step = step
        raise error


def _invalid(problems: Sequence[str], who: str) -> AnswerInvalidError:
    more = len(problems) - _MOST_SHOWN
    listed = "; ".join([*problems[:_MOST_SHOWN], *([f"and {more} more"] if more > 0 else [])])
    step = next_step("ask_again")
    error = AnswerInvalidError(
        f"The answer of {who} does not fit its schema: {listed}. It is kept. {step.text}"
    )
    error.problems, error.next_step = tuple(problems), step
    return error
