"""Questions to services that decide: what goes out is what the vendors' types declare, and what comes back is read.

No decisions of real services are recorded here: the answers are made to the vendors' types, and held against them.
"""

from __future__ import annotations

import asyncio
import copy
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.answers.decided import record_of
from langswarm_nb.core.session.answers.questions import Question, levels, questions_of
from langswarm_nb.core.session.answers.schema_errors import SchemaRouteError
from langswarm_nb.core.session.messages import MessageRole, SessionMessage, Usage
from langswarm_nb.core.session.provider_events import DecisionRequest, ProviderRequest
from langswarm_nb.core.session.providers import create_provider
from tests.contract.cases_decisions import ONE_OF_EACH, QUESTIONS, SERVICES, TEXT, Change, DecidingService
from tests.contract.provider_cases import CANARY, ask
from tests.contract.test_request_types import accepted
from tests.support.faulty import FaultyServer, Reply
from tests.support.loop_clock import when_time_passes
from tests.support.typed_dicts import problems

pytest.importorskip("pydantic")
PNG = {"type": "image", "media_type": "image/png", "data": "iVBORw0KGgo=", "name": "a.png"}
PDF = {"type": "file", "media_type": "application/pdf", "data": "JVBERi0xLjc=", "name": "a.pdf"}
one_of_each = pytest.mark.parametrize("service", ONE_OF_EACH, ids=lambda service: service.form)


def about(
    *messages: SessionMessage, questions: tuple[Question, ...] = QUESTIONS, **how: Any
) -> DecisionRequest:
    request = ProviderRequest("test-model", messages or (SessionMessage(content=TEXT),), **how)
    return DecisionRequest(questions, request)


async def decided(
    service: DecidingService, server: FaultyServer, request: DecisionRequest | None = None
) -> Any:
    provider = service.create(server.url)

    async def at_once(_: float) -> None:
        """Wait for nothing."""

    provider.http.sleep = at_once
    try:
        return await provider.decide(request or about())
    finally:
        await provider.close()


def check_request(form: str, body: Any) -> None:
    """Hold a body against the vendor's own type."""
    if form == "openai":
        sdk = pytest.importorskip("openai.types.decision_create_params")
        assert problems(body, sdk.DecisionCreateParams) == []
    elif form == "gemini":
        sdk = pytest.importorskip("google.genai._gaos.types.decisions")
        accepted(sdk.CreateDecisionRequest, body)
    else:
        accepted(pytest.importorskip("ollama._types").SystemOneRequest, body)


@pytest.mark.parametrize("service", SERVICES.values(), ids=lambda service: service.name)
async def test_a_service_gets_questions_as_it_takes_them_and_its_answers_are_read(
    service: DecidingService, server: FaultyServer
) -> None:
    """Path, key and body are the vendor's; the answers have values and probabilities as they were told."""
    server.script(Reply.json(service.answer, headers={"x-request-id": "req_7"}))
    decision = await decided(service, server)
    [seen] = server.requests
    assert (seen.method, seen.path) == ("POST", service.path)
    assert CANARY in json.dumps(dict(seen.headers))
    check_request(service.form, seen.json)
    spam, topic, anger = decision.answers
    assert [one.name for one in decision.answers] == ["spam", "topic", "anger"]
    assert (spam.value, spam.probability, spam.is_refused) == (False, 0.07, False)
    assert (topic.value, topic.probability) == ("billing", 0.91)
    assert topic.probabilities == (
        ("billing", 0.91),
        ("bug", 0.08),
    )  # they do not add up to 1, and are left so
    assert (anger.value, anger.probability) == (1.7, 0.72)
    assert anger.probabilities == ((0, 0.02), (1, 0.26), (2, 0.72))
    assert (decision.usage.input_tokens, decision.usage.output_tokens) == (120, 0)
    assert decision.info.request_id == "req_7"
    if service.form != "system_one":
        assert decision.usage.cached_input_tokens == 64


@one_of_each
def test_the_answers_of_this_suite_are_what_the_vendors_types_declare(service: DecidingService) -> None:
    """What stands in for real answers is read by each vendor's SDK, with nothing left over."""
    if service.form == "openai":
        kind = pytest.importorskip("openai.types").Decision
    elif service.form == "gemini":
        kind = pytest.importorskip("google.genai._gaos.types.decisions").CreateDecisionResponse
    else:
        kind = pytest.importorskip("ollama._types").SystemOneResponse
    accepted(kind, service.answer)


async def test_perplexity_is_asked_in_the_form_that_it_has() -> None:
    """At its address the provider for compatible servers sends the other body."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=SERVICES["ollama"].answer)

    provider = create_provider(
        "openai-compatible",
        CANARY,
        base_url="https://api.perplexity.ai",
        transport=httpx.MockTransport(answer),
    )
    await provider.decide(about())
    assert str(seen[0].url) == "https://api.perplexity.ai/v1/decisions"
    check_request("system_one", json.loads(seen[0].content))


@pytest.mark.parametrize("provider", ["groq", "deepseek", "llamacpp", "anthropic", "mistral", "cohere"])
async def test_a_service_without_decisions_says_so_before_anything_is_sent(provider: str) -> None:
    """The error names the model and the way out."""
    session = create_provider(provider, CANARY, base_url="http://127.0.0.1:9")
    with pytest.raises(SchemaRouteError, match="schema="):
        await session.decide(about())
    assert not (await session.intake("test-model")).decides


# Refusals


async def test_openai_refuses_single_questions(server: FaultyServer) -> None:
    """One answer is a refusal; the others are there."""
    body = copy.deepcopy(SERVICES["openai"].answer)
    body["answers"][1] = {"type": "refusal", "name": "topic"}
    server.script(Reply.json(body))
    decision = await decided(SERVICES["openai"], server)
    assert [one.is_refused for one in decision.answers] == [False, True, False]
    assert decision.answers[1].value is decision.answers[1].probability is None
    assert decision.blocked is None


async def test_gemini_refuses_the_whole_input(server: FaultyServer) -> None:
    """A block leaves no answer, and its reason is told; the tokens are counted."""
    feedback = {"block_reason": "prohibited_content"}
    server.script(Reply.json({"prompt_feedback": feedback, "usage": {"total_input_tokens": 9}}))
    decision = await decided(SERVICES["gemini"], server)
    assert [one.is_refused for one in decision.answers] == [True, True, True]
    assert decision.blocked == "prohibited_content"
    assert decision.usage.input_tokens == 9


# What is no answer


def of(name: str, field: str, value: Any) -> Change:
    """Return what sets a field of the answer to a question."""

    def change(body: Any) -> None:
        answers = body["answers"]
        answer = (
            answers[name]
            if isinstance(answers, dict)
            else next(one for one in answers if one["name"] == name)
        )
        answer["noul" if field == "probability" and "noul" in answer else field] = value

    return change


def drop(body: Any) -> None:
    """Leave an answer out."""
    answers = body["answers"]
    answers.popitem() if isinstance(answers, dict) else answers.pop()


WRONG: dict[str, Change] = {
    "a probability above 1": of("spam", "probability", 1.2),
    "a negative one": of("spam", "probability", -0.1),
    "a text": of("spam", "probability", "0.9"),
    "true": of("spam", "probability", True),
    "more than a float holds": of("spam", "probability", 10**400),
    "nothing": of("spam", "probability", None),
    "another kind": of("spam", "type", "score"),
    "a choice that is none": of("topic", "choice", "<script>"),
    "a bool for a text": of("topic", "choice", True),
    "a score beyond the levels": of("anger", "score", 2.5),
    "an unknown level": of("anger", "probabilities", {"7": 1.0}),
    "an answer to something else": of("spam", "name", "ham"),
    "an answer too few": drop,
    "no answers": lambda body: body.pop("answers"),
    "a list": lambda body: body.update(answers=[1, 2, 3]),
}


@pytest.mark.parametrize(
    "service, wrong",
    [
        pytest.param(service, wrong, id=f"{service.form}: {wrong}")
        for service in ONE_OF_EACH
        for wrong in WRONG
        if service.form == "openai"
        or wrong != "an answer to something else"  # the others have no names inside
    ],
)
async def test_what_is_no_answer_is_an_error(
    service: DecidingService, wrong: str, server: FaultyServer
) -> None:
    """Nothing is made up of it: the error says that the answer is not what the API sends."""
    body = copy.deepcopy(service.answer)
    WRONG[wrong](body)
    server.script(Reply.json(body))
    with pytest.raises(errors.ProviderResponseError, match="unexpected shape") as caught:
        await decided(service, server)
    assert caught.value.maybe_processed
    assert len(server.requests) == 1


@one_of_each
async def test_rounding_beyond_the_bounds_is_no_error(service: DecidingService, server: FaultyServer) -> None:
    """A probability of 1.0000001 is one."""
    body = copy.deepcopy(service.answer)
    of("spam", "probability", 1.0000001)(body)
    server.script(Reply.json(body))
    assert (await decided(service, server)).answers[0].probability == 1.0


# As every request


@one_of_each
async def test_a_refusal_that_may_pass_is_repeated(service: DecidingService, server: FaultyServer) -> None:
    """The second attempt has the same bytes, and its answer counts."""
    server.script(Reply.json({"error": {"message": "not now"}}, 429), Reply.json(service.answer))
    assert (await decided(service, server)).answers[0].probability == 0.07
    first, second = server.requests
    assert first.body == second.body


@one_of_each
@pytest.mark.parametrize("status", [200, 401])
async def test_an_error_shows_no_key(service: DecidingService, server: FaultyServer, status: int) -> None:
    """A key that a service repeats in its error is hidden; an error inside a 200 is one."""
    told = {"error": {"message": f"bad key {CANARY}", "code": "invalid_api_key", "status": "UNAUTHENTICATED"}}
    server.script(Reply.json(told, status))
    with pytest.raises(errors.ProviderSessionError, match="bad key") as caught:
        await decided(service, server)
    assert CANARY not in f"{caught.value}{caught.value.__dict__}"
    assert isinstance(caught.value, errors.ProviderAuthenticationError)


@one_of_each
async def test_a_silent_service_is_left_when_the_time_is_over(
    service: DecidingService, server: FaultyServer
) -> None:
    """The limit of the call holds here too, and the request may have been processed."""
    server.script(Reply.json(service.answer, then="stall", cut_at=0))
    asked = asyncio.create_task(decided(service, server, about(timeout_s=777)))
    await server.stalled.wait()
    with pytest.raises(errors.ProviderTimeoutError, match="timeout_s=777") as caught:
        await when_time_passes(asked, 777)
    assert caught.value.maybe_processed


async def test_what_a_gateway_charges_and_sends_is_kept(server: FaultyServer) -> None:
    """The dollars in a header are the cost, and the body is kept where that was asked for."""
    body = SERVICES["litellm"].answer
    server.script(Reply.json(body, headers={"x-litellm-response-cost": "0.0003"}))
    decision = await decided(SERVICES["litellm"], server, about(keep_raw=True))
    assert decision.info.cost_usd == 0.0003
    assert decision.info.raw["body"] == body
    assert decision.usage == Usage(120, 64, 8, 0, 0)


# Limits, checked before anything is sent


def many(number: int) -> tuple[Question, ...]:
    return tuple(Question(f"q{place}", "predicate") for place in range(number))


def options(number: int) -> list[str]:
    return [f"c{place}" for place in range(number)]


@pytest.mark.parametrize(
    "name, most, given",
    [
        pytest.param("openai", 400, many, id="openai: questions"),
        pytest.param("openai", 255, lambda n: questions_of({"a": options(n)}), id="openai: choices"),
        pytest.param("openai", 10, lambda n: questions_of({"a": levels(*options(n))}), id="openai: levels"),
        pytest.param("gemini", 1000, many, id="gemini: questions"),
        pytest.param("gemini", 255, lambda n: questions_of({"a": options(n)}), id="gemini: choices"),
        pytest.param("gemini", 255, lambda n: questions_of({"a": levels(*options(n))}), id="gemini: levels"),
    ],
)
async def test_more_than_a_service_takes_is_not_sent(
    name: str, most: int, given: Any, server: FaultyServer
) -> None:
    """The documented number is sent; one more is an error with both numbers."""
    server.script(Reply.json({"error": {"message": "read"}}, 400))
    with pytest.raises(errors.ProviderRequestError, match="read"):
        await decided(SERVICES[name], server, about(questions=given(most)))
    check_request(SERVICES[name].form, server.requests[0].json)
    with pytest.raises(SchemaRouteError, match=rf"{most}\D.*{most + 1}"):
        await decided(SERVICES[name], server, about(questions=given(most + 1)))
    assert len(server.requests) == 1


# What questions are about


async def test_openai_looks_at_images_and_reads_turns(server: FaultyServer) -> None:
    """Images go as addresses that hold them; who said what goes with it."""
    server.script(Reply.json(SERVICES["openai"].answer))
    path = (
        SessionMessage(role=MessageRole.SYSTEM, content="A shop."),
        SessionMessage(content="What is this?", parts=({"type": "text", "text": "What is this?"}, PNG)),
        SessionMessage(role=MessageRole.ASSISTANT, content="A bill."),
        SessionMessage(content=TEXT),
    )
    await decided(SERVICES["openai"], server, about(*path, user_id="ada", options={"temperature": 0.5}))
    body = server.requests[0].json
    check_request("openai", body)
    assert [item["role"] for item in body["input"]] == ["system", "user", "assistant", "user"]
    assert body["input"][1]["content"][1]["image_url"] == "data:image/png;base64,iVBORw0KGgo="
    assert "ada" not in json.dumps(body)


async def test_gemini_reads_files(server: FaultyServer) -> None:
    """A document goes as its bytes, beside the text."""
    server.script(Reply.json(SERVICES["gemini"].answer))
    await decided(
        SERVICES["gemini"], server, about(SessionMessage(parts=({"type": "text", "text": "?"}, PDF, PNG)))
    )
    body = server.requests[0].json
    check_request("gemini", body)
    assert [content["type"] for content in body["input"]] == ["text", "document", "image"]


@pytest.mark.parametrize(
    "name, parts, words",
    [
        ("openai", (PDF,), "text and images only, and a.pdf"),
        ("openai", ({"type": "image", "url": "https://x.example/a.png"},), "no address"),
        ("openai", (PNG,) * 129, "128 images"),
        ("ollama", (PNG,), "text only, and a.png"),
    ],
    ids=["a document", "an address", "too many images", "an image"],
)
async def test_what_a_service_cannot_look_at_is_not_left_out(
    name: str, parts: tuple[Any, ...], words: str, server: FaultyServer
) -> None:
    """Nothing is decided without it: the error names it, and nothing is sent."""
    with pytest.raises(SchemaRouteError, match=words):
        await decided(SERVICES[name], server, about(SessionMessage(content="?", parts=parts)))
    assert server.requests == []


async def test_true_is_not_the_text_true(server: FaultyServer) -> None:
    """OpenAI tells both apart; where only texts are known, nothing is sent."""
    both = questions_of({"a": [True, "true", "maybe"]})
    pairs = [{"value": True, "probability": 0.5}, {"value": "true", "probability": 0.4}]
    answer = {"type": "choice", "name": None, "choice": True, "confidence": 0.5, "probabilities": pairs}
    server.script(Reply.json({**SERVICES["openai"].answer, "answers": [answer]}))
    decision = await decided(SERVICES["openai"], server, about(questions=both))
    assert decision.answers[0].value is True
    for name in ("gemini", "ollama"):
        with pytest.raises(SchemaRouteError, match="'true'"):
            await decided(SERVICES[name], server, about(questions=both))


@pytest.mark.parametrize("name, sent", [("ollama", None), ("openrouter", None), ("gemini", "")])
async def test_a_choice_without_a_description_means_what_it_is_called(
    name: str, sent: str | None, server: FaultyServer
) -> None:
    """It is left undescribed as each service has it: by null, or by nothing; an empty text may be taken for one."""
    server.script(Reply.json(SERVICES[name].answer))
    await decided(SERVICES[name], server)
    body = server.requests[0].json
    check_request(SERVICES[name].form, body)
    assert body["questions"]["topic"]["criteria"] == {"billing": "about money", "bug": sent}


async def test_names_and_bools_find_back_from_where_only_some_texts_are_known(server: FaultyServer) -> None:
    """A name with other letters goes as a number, a bool as a word; the answer has both as they were given."""
    asked = questions_of({"größe": bool, "q1": [True, False]})
    answers = {
        "q2": {"type": "noul", "noul": 0.2, "confidence": 0.8},
        "q1": {
            "type": "choice",
            "choice": "false",
            "confidence": 1,
            "probabilities": {"true": 0, "false": 1},
        },
    }
    server.script(Reply.json({"answers": answers}))
    decision = await decided(SERVICES["gemini"], server, about(questions=asked))
    assert set(server.requests[0].json["questions"]) == {"q1", "q2"}
    assert [(one.name, one.value) for one in decision.answers] == [("größe", False), ("q1", False)]
    assert decision.answers[1].value is False


@pytest.mark.parametrize(
    "model, expected",
    [
        ("openai:gpt-6-luna", True),
        ("openai:gpt-6-luna-2026-10-01", True),
        ("openai:gpt-6-sol", False),
        ("gemini:gemini-decision-1", True),
        ("gemini:gemini-3.8-flash", False),
        ("openrouter:perplexity/pplx-decider-latest", True),
        ("ollama-chat:system-one:8b", True),
        ("vllm:qwen3", False),
        ("mock:echo", True),
    ],
)
async def test_it_is_known_of_models_whether_they_decide(model: str, expected: bool) -> None:
    """The intake of a model says it, before anything is asked."""
    provider, _, name = model.partition(":")
    session = create_provider(provider, CANARY)
    assert (await session.intake(name)).decides is expected
    await session.close()


async def test_the_mock_decides_by_the_words_and_always_the_same() -> None:
    """Offline, deterministic, within the bounds; its errors are those of its replies."""
    mock = create_provider("mock")
    request = replace(about(), request=ask("Spam about billing, I am furious", model="echo"))
    first, second = await mock.decide(request), await mock.decide(request)
    assert first.answers == second.answers
    record = record_of(first.answers, QUESTIONS)
    assert record["spam"] > 0.7
    assert record["topic"] == "billing"
    assert record["anger"] > 1
    assert first.usage.output_tokens == 0
    with pytest.raises(errors.ProviderServerError):
        await mock.decide(replace(request, request=ask("x", model="error")))
