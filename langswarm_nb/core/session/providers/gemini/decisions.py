"""Gemini's decisions: questions about contents, without turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.providers._decisions.evidence import Limits, Said, check_questions, said
from langswarm_nb.core.session.providers._decisions.reader import ask
from langswarm_nb.core.session.providers._decisions.system_one import read_answers, wire_questions

from .interaction_reader import read_usage
from .interactions import wire_content

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langswarm_nb.core.session.provider_events import Decision, DecisionRequest
    from langswarm_nb.core.session.providers._http.client import HttpClient

LIMITS = Limits(questions=1000, choices=255, levels=255, attached=("image", "file", "audio"))


def wire_body(provider: str, request: DecisionRequest) -> dict[str, Any]:
    """Return the body of a request.

    Raises
    ------
    SchemaRouteError
        The questions, or what they are about, are beyond the limits.
    """
    check_questions(provider, request.questions, LIMITS)
    return {
        "model": request.request.model.removeprefix("models/"),
        "input": _input(said(provider, request, LIMITS)),
        "questions": wire_questions(request.questions, undescribed=""),
    }


def _input(messages: Sequence[Said]) -> str | list[dict[str, Any]]:
    if len(messages) == 1 and all(part["type"] == "text" for part in messages[0].parts):
        return messages[0].text
    contents: list[dict[str, Any]] = []
    for message in messages:
        if len(messages) > 1:  # it has no turns: who said what is said in words
            contents.append({"type": "text", "text": f"{message.role}:"})
        contents += [wire_content(part) for part in message.parts]
    return contents


async def decide(http: HttpClient, path: str, request: DecisionRequest) -> Decision:
    """Ask Gemini; errors as from `wire_body` and `ask`."""
    body = wire_body(http.provider, request)
    return await ask(http, path, body, request, read_answers=read_answers, read_usage=read_usage)
