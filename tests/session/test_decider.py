"""Decisions through a session: stored, priced and read back like any reply; and models that tell no probabilities."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from langswarm_nb.core.session import Usage, create_provider_session, create_session_manager
from langswarm_nb.core.session.answers.decided import decision_schema
from langswarm_nb.core.session.answers.questions import levels, questions_of
from langswarm_nb.core.session.answers.schema_errors import (
    AnswerInvalidError,
    AnswerTruncatedError,
    SchemaRouteError,
)
from langswarm_nb.core.session.interfaces import IProviderSession
from langswarm_nb.core.session.messages import FinishReason, SessionMessage
from langswarm_nb.core.session.provider_events import (
    DecisionRequest,
    Delta,
    Finish,
    Intake,
    ProviderEvent,
    ProviderRequest,
    ReplyInfo,
    Route,
)
from langswarm_nb.core.session.providers.decider import Decider
from langswarm_nb.core.session.providers.mock import MockProviderSession

QUESTIONS = questions_of({"spam": bool, "topic": ["billing", "bug"], "anger": levels("calm", "furious")})
FITS = '{"spam": true, "topic": "bug", "anger": "furious"}'


class Talker(IProviderSession):
    """A model that does not decide: it says what it was given, one text for each request."""

    name = "talker"

    def __init__(self, texts: Sequence[str], *, routes: tuple[Route, ...] = ("prompt",), **end: Any) -> None:
        self.requests: list[ProviderRequest] = []
        self._texts = list(texts)
        self._routes = routes
        self._kind = end.get("kind", "text")
        self._finish = Finish(end.get("reason", FinishReason.STOP), end.get("word"))

    async def stream(self, request: ProviderRequest) -> AsyncIterator[ProviderEvent]:
        self.requests.append(request)
        yield ReplyInfo(model="talker-1", cost_usd=0.25)
        yield Delta("hm", "reasoning")
        yield Delta(self._texts.pop(0), self._kind)
        yield Usage(input_tokens=10, output_tokens=5)
        yield self._finish

    async def intake(self, model: str, *, native: bool = False) -> Intake:
        return Intake(routes=self._routes, schema_form="plain")


def about(text: str = "Why was I charged twice?") -> DecisionRequest:
    return DecisionRequest(QUESTIONS, ProviderRequest("m", (SessionMessage(content=text),)))


async def test_a_decision_is_stored_like_any_reply() -> None:
    """Its text is the JSON of the answers; the facts have tokens, the way it is priced, and all probabilities."""
    async with create_session_manager("memory") as manager:
        session = await manager.create_session("ada", "mock", "echo")
        decider = Decider(MockProviderSession(), QUESTIONS)
        schema = decision_schema(QUESTIONS)
        reply = await session.send_message(
            "I am furious: spam", provider_session=decider, history=False, schema=schema
        )
        stored = await session.get_message(reply.id)
    assert stored is not None
    data: Any = stored.data
    assert data == json.loads(stored.content)
    assert stored.request is not None and stored.request.schema_hash == schema.hash  # noqa: PT018
    assert data["spam"] > 0.5 < data["anger"]
    assert set(data) >= {"spam_value", "topic_p", "anger_p", "topic_refused"}
    assert (reply.id, reply.finish_reason) == (stored.id, FinishReason.STOP)
    assert stored.request is not None
    assert stored.request.usage.output_tokens == 0
    assert stored.request.details["processing"] == "decisions"
    assert [name for name, _ in stored.request.details["probabilities"]["topic"]] == ["billing", "bug"]


async def test_a_model_that_does_not_decide_is_asked_by_a_schema() -> None:
    """Values are filled in; nobody makes up a probability. The words say what is asked."""
    talker = Talker([FITS])
    decision = await Decider(talker, QUESTIONS).decide(about())
    assert [one.value for one in decision.answers] == [True, "bug", 1.0]
    assert [one.probability for one in decision.answers] == [None] * 3
    assert decision.info.details["route"] == "prompt"
    assert "processing" not in decision.info.details
    [request] = talker.requests
    assert request.schema is not None
    assert (request.schema.route, list(request.schema.schema["properties"])) == (
        "prompt",
        ["spam", "topic", "anger"],
    )
    assert "JSON schema" in request.messages[0].content


async def test_an_answer_that_does_not_fit_is_asked_for_once_more() -> None:
    """The model is told what was wrong; tokens and dollars of both are counted."""
    talker = Talker(["no", FITS])
    decision = await Decider(talker, QUESTIONS).decide(about())
    assert decision.answers[1].value == "bug"
    assert (decision.usage.input_tokens, decision.usage.output_tokens) == (20, 10)
    assert decision.info.cost_usd == 0.5
    assert [message.content for message in talker.requests[1].messages[2:3]] == ["no"]


@pytest.mark.parametrize(
    "talker, error, requests",
    [
        (Talker(["no", '{"spam": 1}', FITS]), AnswerInvalidError, 2),
        (Talker(["no", FITS], routes=("strict",)), AnswerInvalidError, 1),
        (Talker(["{", FITS], reason=FinishReason.LENGTH), AnswerTruncatedError, 1),
        (Talker([], routes=()), SchemaRouteError, 0),
    ],
    ids=["wrong twice", "strict", "cut", "no route"],
)
async def test_what_is_no_answer_is_an_error(talker: Talker, error: Any, requests: int) -> None:
    """It has a class of its own, and not more is sent than can help."""
    with pytest.raises(error):
        await Decider(talker, QUESTIONS).decide(about())
    assert len(talker.requests) == requests


@pytest.mark.parametrize(
    "talker, error, text, spent",
    [
        (Talker(["no", "neither"]), AnswerInvalidError, "neither", (20, 10, 0.5)),
        (Talker(["no"], routes=("strict",)), AnswerInvalidError, "no", (10, 5, 0.25)),
        (Talker(["{"], reason=FinishReason.LENGTH), AnswerTruncatedError, "{", (10, 5, 0.25)),
    ],
    ids=["wrong twice", "strict", "cut"],
)
async def test_what_was_paid_for_is_kept(talker: Talker, error: Any, text: str, spent: Any) -> None:
    """An answer that is none stays in the conversation: its text, and tokens and dollars of all attempts."""
    async with create_session_manager("memory") as manager:
        session = await manager.create_session("ada", "mock", "echo")
        with pytest.raises(error) as caught:
            await session.send_message(
                "spam?", provider_session=Decider(talker, QUESTIONS), schema=decision_schema(QUESTIONS)
            )
        stored = (await session.get_messages())[-1]
    assert caught.value.text == stored.content == text
    assert stored.request is not None
    usage = stored.request.usage
    assert (usage.input_tokens, usage.output_tokens, stored.request.cost_usd) == spent
    assert stored.request.error_type == error.__name__


async def test_a_price_that_only_one_attempt_tells_is_not_that_of_both() -> None:
    """It is not known then, and is left to the price list."""

    class Forgetful(Talker):
        async def stream(self, request: ProviderRequest) -> AsyncIterator[ProviderEvent]:
            async for event in super().stream(request):
                if not isinstance(event, ReplyInfo) or len(self.requests) == 2:
                    yield event

    decision = await Decider(Forgetful(["no", FITS]), QUESTIONS).decide(about())
    assert decision.info.cost_usd is None
    assert decision.usage.input_tokens == 20


@pytest.mark.parametrize(
    "end", [{"kind": "refusal"}, {"reason": FinishReason.CONTENT_FILTER}], ids=["said", "filter"]
)
async def test_a_refusal_is_one_of_all_questions(end: Any) -> None:
    """It is not asked again, and no value stands where none was given."""
    talker = Talker(["I cannot."], **end)
    decision = await Decider(talker, QUESTIONS).decide(about())
    assert [(one.value, one.is_refused) for one in decision.answers] == [(None, True)] * 3
    assert decision.blocked == "refusal"


@pytest.mark.parametrize(
    "provider, model, taken, refused",
    [
        ("openai", "gpt-6-luna", ["image/png"], ["application/pdf"]),
        ("gemini", "gemini-decision-1", ["image/png", "application/pdf"], []),
        ("ollama-chat", "system-one", [], ["image/png"]),
        ("openai", "gpt-6-sol", ["image/png", "application/pdf"], []),
    ],
)
async def test_what_a_model_decides_about_is_known_before_anything_is_stored(
    provider: str, model: str, taken: list[str], refused: list[str]
) -> None:
    """Of what its models take in replies only some can be decided about, and no address."""
    session = create_provider_session(provider, "key-0123456789")
    intake = await Decider(session, QUESTIONS).intake(model)
    assert [kind for kind in [*taken, *refused] if intake.takes(kind)] == taken
    assert intake.addresses == () or not intake.decides
    assert intake.takes("text/csv")
    await session.close()


async def test_who_asks_can_say_whether_a_model_decides() -> None:
    """What is not known of a model can be told, one way or the other."""
    with pytest.raises(SchemaRouteError, match="talker:m"):
        await Decider(Talker([]), QUESTIONS, decides=True).decide(about())
    mock = MockProviderSession()
    decision = await Decider(mock, QUESTIONS, decides=False).decide(about())
    assert decision.answers[0].probability is None
    assert decision.answers[1].value in {"billing", "bug"}
