"""What questions are about, and what a service takes of it: checked before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from langswarm_nb.core.session.answers.schema_errors import SchemaRouteError
from langswarm_nb.core.session.parts.twins import name_of
from langswarm_nb.core.session.parts.vocabulary import ATTACHED
from langswarm_nb.core.session.providers._dialect.attachments import sendable
from langswarm_nb.core.session.providers._dialect.history import joined_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langswarm_nb.core.session.answers.questions import Question
    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.core.session.provider_events import DecisionRequest


class Limits(NamedTuple):
    """How much a service takes in one request; None where it tells no limit."""

    questions: int | None = None
    choices: int | None = None
    levels: int | None = None
    images: int | None = None
    attached: tuple[str, ...] = ()
    """Types of attachments that it takes, as bytes."""
    has_typed_choices: bool = False
    """Whether ``True`` and ``"true"`` can both be chosen."""


class Said(NamedTuple):
    """One message that questions are about."""

    role: str
    parts: list[Part]
    """Texts, and attachments that the service takes."""

    @property
    def text(self) -> str:
        """Its words."""
        return joined_text(self.parts)


def check_questions(provider: str, questions: Sequence[Question], limits: Limits) -> None:
    """Make sure that a service takes questions.

    Raises
    ------
    SchemaRouteError
        It does not; nothing was sent.
    """
    _check_count(f"{provider} answers at most", limits.questions, len(questions), "questions in one request")
    for question in questions:
        where = f"{provider} takes at most"
        most, what = (limits.levels, "levels") if question.kind == "score" else (limits.choices, "choices")
        _check_count(where, most, len(question.options), f"{what}, and {question.name!r} has more")
        texts = {str(value).lower() for value in question.labels if isinstance(value, bool)}
        if not limits.has_typed_choices and texts & {str(value) for value in question.labels}:
            raise SchemaRouteError(
                f"{provider} does not tell True from 'true', and {question.name!r} has both among its choices. "
                "Name one of them otherwise."
            )


def said(provider: str, request: DecisionRequest, limits: Limits) -> list[Said]:
    """Return the messages that questions are about, as far as they can be sent.

    Raises
    ------
    SchemaRouteError
        Something is attached that the service does not take, or too many images; nothing was sent.
    """
    found: list[Said] = []
    images = 0
    for message in request.request.messages:
        parts = sendable(message.all_parts, *ATTACHED)
        for part in parts:
            if part["type"] in ATTACHED:
                _check_attachment(provider, part, limits)
                images += part["type"] == "image"
        parts = [_as_text(part) for part in parts]
        kept = [part for part in parts if part["type"] in {"text", "refusal", *ATTACHED}]
        if kept:
            found.append(Said(message.role.value, kept))
    _check_count(f"{provider} looks at no more than", limits.images, images, "images in one request")
    return found


def _as_text(part: Part) -> Part:
    return {"type": "text", "text": str(part["content"])} if part["type"] == "tool_result" else part


def _check_attachment(provider: str, part: Part, limits: Limits) -> None:
    name = name_of(part) or f"the {part['type']}"
    if part["type"] not in limits.attached:
        kinds = " and ".join(["text", *(f"{kind}s" for kind in limits.attached)])
        raise SchemaRouteError(
            f"{provider} decides about {kinds} only, and {name} is attached. Send its text."
        )
    if "data" not in part:
        raise SchemaRouteError(
            f"{provider} goes to no address, and {name} is attached as one. Attach the file itself."
        )


def _check_count(start: str, most: int | None, count: int, what: str) -> None:
    if most is not None and count > most:
        raise SchemaRouteError(f"{start} {most} {what} ({count}). Ask for fewer.")


def label(value: Any) -> str:
    """Return what can be chosen as a text; ``True`` is ``true``."""
    return str(value).lower() if isinstance(value, bool) else str(value)
