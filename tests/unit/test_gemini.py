"""Gemini's two dialects, going out and coming back, without a network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.messages import FinishReason, MessageRole, SessionMessage, Usage
from langswarm_nb.core.session.provider_events import (
    Delta,
    Finish,
    PartDone,
    ProviderEvent,
    ProviderRequest,
    ReplyInfo,
)
from langswarm_nb.core.session.providers import create_provider
from langswarm_nb.core.session.providers._http.faults import ReportedError
from langswarm_nb.core.session.providers.gemini import generate
from langswarm_nb.core.session.providers.gemini.faults import read_google_fault
from langswarm_nb.core.session.providers.gemini.interaction_reader import InteractionReader
from langswarm_nb.core.session.providers.gemini.interaction_steps import THOUGHT

QUESTION = SessionMessage(content="Hi")


def ask(*messages: SessionMessage, model: str = "gemini-3.8-flash", **options: Any) -> ProviderRequest:
    return ProviderRequest(model, messages or (QUESTION,), options)


def read_all(reader: Any, bodies: Iterable[Any]) -> list[ProviderEvent]:
    events = [event for body in bodies for event in reader.read(body)]
    assert reader.is_whole
    return [*events, *reader.finish()]


def kept(events: Iterable[ProviderEvent], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


# Errors


def google_error(code: int, status: str, message: str = "no", *details: Any) -> dict[str, Any]:
    return {"error": {"code": code, "status": status, "message": message, "details": list(details)}}


BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}
DAILY = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}],
}


@pytest.mark.parametrize(
    "body, status, kind",
    [
        (
            google_error(400, "INVALID_ARGUMENT", "API key not valid", BAD_KEY),
            400,
            errors.ProviderAuthenticationError,
        ),
        (google_error(403, "PERMISSION_DENIED"), 403, errors.ProviderAuthenticationError),
        (google_error(404, "NOT_FOUND"), 404, errors.ProviderNotFoundError),
        (google_error(400, "INVALID_ARGUMENT"), 400, errors.ProviderRequestError),
        (google_error(429, "RESOURCE_EXHAUSTED", "slow", RETRY), 429, errors.ProviderRateLimitError),
        (google_error(429, "RESOURCE_EXHAUSTED", "enough", RETRY, DAILY), 429, errors.ProviderQuotaError),
        (google_error(503, "UNAVAILABLE"), 503, errors.ProviderOverloadedError),
        (google_error(500, "INTERNAL"), 500, errors.ProviderServerError),
        (
            google_error(
                400,
                "INVALID_ARGUMENT",
                "The input token count (2) exceeds the maximum number of tokens allowed (1).",
            ),
            400,
            errors.ContextLengthError,
        ),
        (
            {"error": {"message": "Invalid interaction name: interactions/x", "code": "invalid_request"}},
            400,
            errors.ProviderNotFoundError,
        ),
        ({"error": {"message": "no", "code": "service_unavailable"}}, 200, errors.ProviderOverloadedError),
        ([google_error(503, "UNAVAILABLE")], 503, errors.ProviderOverloadedError),
        ("gone", 502, errors.ProviderServerError),
        ({"error": {"details": "text", "code": [1]}}, 400, errors.ProviderRequestError),
    ],
)
def test_errors_have_their_class(body: Any, status: int, kind: type) -> None:
    """Google's codes tell more than the status: a bad key is a 400."""
    assert read_google_fault(body).class_for(status) is kind


def test_the_wait_that_google_asks_for_is_read() -> None:
    """It stands in the details, in seconds with an s."""
    assert read_google_fault(google_error(429, "RESOURCE_EXHAUSTED", "slow", RETRY)).retry_after_s == 34.5
    odd = {"retryDelay": ["34s"]}
    assert read_google_fault(google_error(429, "RESOURCE_EXHAUSTED", "slow", odd)).retry_after_s is None


# generateContent, coming back


def chunk(*parts: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    return {"candidates": [{**candidate, **({"finishReason": finish} if finish else {})}], **more}


def test_thoughts_are_kept_apart() -> None:
    """Parts marked as thought are reasoning, the others the answer."""
    bodies = [chunk({"text": "Hm.", "thought": True}), chunk({"text": "Yes."}, finish="STOP")]
    events = read_all(generate.GenerateReader(ask()), bodies)
    assert kept(events, Delta) == [Delta("Hm.", "reasoning"), Delta("Yes.")]


def test_counts_are_those_of_the_last_chunk_with_thoughts_in_the_output() -> None:
    """Each chunk counts from the beginning; thoughts and the prompts of tools are counted in."""
    first = chunk({"text": "a"}, usageMetadata={"promptTokenCount": 5, "candidatesTokenCount": 1})
    usage = {
        "promptTokenCount": 5,
        "candidatesTokenCount": 2,
        "thoughtsTokenCount": 30,
        "toolUsePromptTokenCount": 100,
        "cachedContentTokenCount": 3,
    }
    last = chunk({"text": "b"}, finish="STOP", usageMetadata=usage)
    assert kept(read_all(generate.GenerateReader(ask()), [first, last]), Usage) == [
        Usage(input_tokens=105, cached_input_tokens=3, output_tokens=32, reasoning_tokens=30)
    ]


@pytest.mark.parametrize(
    "word, reason",
    [
        ("STOP", FinishReason.STOP),
        ("MAX_TOKENS", FinishReason.LENGTH),
        *((word, FinishReason.CONTENT_FILTER) for word in ("SAFETY", "RECITATION", "BLOCKLIST", "SPII")),
        *(
            (word, FinishReason.CONTENT_FILTER)
            for word in ("PROHIBITED_CONTENT", "IMAGE_SAFETY", "MODEL_ARMOR")
        ),
        ("MALFORMED_FUNCTION_CALL", FinishReason.ERROR),
        ("OTHER", FinishReason.ERROR),
        ("A_WORD_OF_A_LATER_DAY", FinishReason.ERROR),
        ("PUP_LIMITED_DISABLED", FinishReason.ERROR),
        ("ESCALATION", FinishReason.CONTENT_FILTER),
        ("CONTINUATION", FinishReason.LENGTH),
    ],
)
def test_ends_are_told_in_our_words_and_in_googles(word: str, reason: FinishReason) -> None:
    """The end keeps Google's word."""
    body = {"candidates": [{"content": {}, "finishReason": word, "safetyRatings": [{"blocked": True}]}]}
    events = read_all(generate.GenerateReader(ask()), [body])
    assert events[-1] == Finish(reason, word)
    details = {name: value for info in kept(events, ReplyInfo) for name, value in info.details.items()}
    assert ("safetyRatings" in details) == (reason in {FinishReason.CONTENT_FILTER, FinishReason.ERROR})


def test_a_blocked_prompt_is_a_filtered_reply() -> None:
    """There is no candidate then, and Google says why."""
    body = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}}
    events = read_all(generate.GenerateReader(ask()), [body])
    assert events[-1] == Finish(FinishReason.CONTENT_FILTER, "SAFETY")
    assert kept(events, Usage) == [Usage(input_tokens=4)]
    assert kept(events, ReplyInfo)[-1].details == {"prompt_feedback": {"blockReason": "SAFETY"}}


@pytest.mark.parametrize(
    "body", [{}, {"candidates": []}, {"candidates": None}, {"candidates": [{"content": {}}]}]
)
def test_an_answer_without_an_end_is_no_reply(body: dict[str, Any]) -> None:
    """Neither text nor silence is taken for a finished answer."""
    reader = generate.GenerateReader(ask())
    list(reader.read_whole(body))
    assert not reader.is_whole


def test_other_candidates_are_left_out() -> None:
    """Of several answers the first is read."""
    bodies = [
        {"candidates": [{"index": 1, "content": {"parts": [{"text": "B"}]}, "finishReason": "STOP"}]},
        chunk({"text": "A"}, finish="STOP"),
    ]
    assert kept(read_all(generate.GenerateReader(ask()), bodies), Delta) == [Delta("A")]


def test_an_image_is_a_part() -> None:
    """Models that draw send their pictures inline."""
    blob = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    events = read_all(generate.GenerateReader(ask()), [chunk(blob, finish="STOP")])
    picture, outline = kept(events, PartDone)
    assert picture == PartDone({"type": "image", "media_type": "image/png", "data": "AAAA"})
    message = SessionMessage(role=MessageRole.ASSISTANT, parts=(picture.part, outline.part))
    model = ask().model
    assert generate.wire_contents([message], model) == [{"role": "model", "parts": [blob]}]


def test_a_call_goes_back_with_its_signature_and_its_results_together() -> None:
    """What Gemini signed goes back in its place; results of calls made together are one turn."""
    signed = {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"}
    other = {"functionCall": {"id": "g1", "name": "g"}}
    events = read_all(
        generate.GenerateReader(ask()), [chunk(signed, other), chunk({"text": ""}, finish="STOP")]
    )
    parts = tuple(event.part for event in kept(events, PartDone))
    assert [(part["id"], part["arguments"]) for part in parts] == [("call_0", '{"a": 1}'), ("g1", "{}")]
    assert events[-1] == Finish(FinishReason.TOOL_CALLS, "STOP")
    results = [
        SessionMessage(
            role=MessageRole.TOOL,
            parts=({"type": "tool_result", "tool_call_id": part["id"], "content": "ok"},),
        )
        for part in parts
    ]
    reply = SessionMessage(role=MessageRole.ASSISTANT, parts=parts)
    assert generate.wire_contents([QUESTION, reply, *results, QUESTION], "gemini-3.8-flash") == [
        {"role": "user", "parts": [{"text": "Hi"}]},
        {
            "role": "model",
            "parts": [
                {"functionCall": {"id": "call_0", "name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"},
                {"functionCall": {"id": "g1", "name": "g", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "call_0", "name": "f", "response": {"result": "ok"}}},
                {"functionResponse": {"id": "g1", "name": "g", "response": {"result": "ok"}}},
            ],
        },
        {"role": "user", "parts": [{"text": "Hi"}]},
    ]


@pytest.mark.parametrize(
    "model, signature", [("gemini-3.8-flash", "skip_thought_signature_validator"), ("gemini-2.5-pro", None)]
)
def test_a_call_of_another_model_is_marked_as_such(model: str, signature: str | None) -> None:
    """Models that sign their calls refuse those without a signature, but for one that says why."""
    call = {"type": "tool_call", "id": "c", "name": "f", "arguments": "{not JSON"}
    wire = generate.wire_contents([SessionMessage(role=MessageRole.ASSISTANT, parts=(call,))], model)
    (part,) = wire[0]["parts"]
    assert part.get("thoughtSignature") == signature
    assert part["functionCall"]["args"] == {"arguments": "{not JSON"}


def test_ids_of_calls_are_new_on_the_path() -> None:
    """A call without an id gets one that no earlier call has."""
    earlier = {"type": "tool_call", "id": "call_1", "name": "f", "arguments": "{}"}
    request = ask(QUESTION, SessionMessage(role=MessageRole.ASSISTANT, parts=(earlier,)), QUESTION)
    calls = [{"functionCall": {"name": "f"}}, {"functionCall": {"name": "f"}}]
    events = read_all(generate.GenerateReader(request), [chunk(*calls, finish="STOP")])
    assert [event.part["id"] for event in kept(events, PartDone)] == ["call_2", "call_3"]


# Options


@pytest.mark.parametrize(
    "model, effort, config",
    [
        ("gemini-3.8-flash", "low", {"thinkingLevel": "LOW"}),
        ("gemini-4-argon", "xhigh", {"thinkingLevel": "XHIGH"}),
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
        ("models/gemini-2.5-flash", "high", {"thinkingBudget": 24576}),
    ],
)
def test_effort_is_told_as_the_model_takes_it(model: str, effort: str, config: dict[str, Any]) -> None:
    """Older models count thinking tokens, newer ones take a word; the caller's own settings stay."""
    options = {"reasoning_effort": effort, "thinkingConfig": {"includeThoughts": True}}
    wire = generate.wire_options(model, options)
    assert wire == {"generationConfig": {"thinkingConfig": {**config, "includeThoughts": True}}}


def test_a_model_that_always_thinks_says_so() -> None:
    """No request is sent in vain."""
    provider = create_provider("gemini", "key-of-no-account")
    with pytest.raises(errors.ProviderRequestError, match="always thinks"):
        provider.stream(ask(reasoning_effort="none"))


@pytest.mark.parametrize("option", ["contents", "systemInstruction", "stream"])
def test_what_the_session_sets_is_no_option(option: str) -> None:
    """A clash is an error that names the option."""
    options: dict[str, Any] = {option: 1}
    with pytest.raises(errors.ProviderRequestError, match=option):
        create_provider("gemini", "key-of-no-account").stream(ask(**options))


# Interactions


def test_what_an_interaction_tells_beside_its_text_is_kept() -> None:
    """Summaries of thoughts, their signatures, calls in pieces, pictures."""
    bodies = [
        {"event_type": "interaction.created", "interaction": {"id": "v1_1", "model": "m"}},
        {"event_type": "step.start", "index": 0, "step": {"type": "thought"}},
        {
            "index": 0,
            "event_type": "step.delta",
            "delta": {"type": "thought_summary", "content": {"text": "Hm."}},
        },
        {"index": 0, "event_type": "step.delta", "delta": {"type": "thought_signature", "signature": "c2ln"}},
        {"event_type": "step.start", "index": 1, "step": {"type": "google_search_call"}},
        {
            "index": 1,
            "event_type": "step.delta",
            "delta": {"type": "google_search_call", "text": "not an answer"},
        },
        {
            "event_type": "step.start",
            "index": 2,
            "step": {"type": "function_call", "id": "f1", "name": "f", "arguments": {}},
        },
        {"index": 2, "event_type": "step.delta", "delta": {"type": "arguments_delta", "arguments": '{"a"'}},
        {"index": 2, "event_type": "step.delta", "delta": {"type": "arguments_delta", "arguments": ": 1}"}},
        {
            "index": 3,
            "event_type": "step.delta",
            "delta": {"type": "image", "mime_type": "image/png", "data": "AAAA"},
        },
        {"event_type": "of.a.later.day", "x": 1},
        {"event_type": "interaction.completed", "interaction": {"id": "v1_1", "status": "requires_action"}},
    ]
    events = read_all(InteractionReader(ask()), bodies)
    assert kept(events, Delta) == [Delta("Hm.", "reasoning")]
    assert [event.part for event in kept(events, PartDone)] == [
        {"type": "image", "media_type": "image/png", "data": "AAAA"},
        {"type": "reasoning", "text": "Hm.", "opaque": {THOUGHT: "c2ln"}},
        {
            "type": "vendor",
            "kind": "google_search_call",
            "opaque": {"type": "google_search_call", "text": "not an answer"},
            "text": "searched the web",
        },
        {"type": "tool_call", "id": "f1", "name": "f", "arguments": '{"a": 1}'},
    ]
    assert events[-1] == Finish(FinishReason.TOOL_CALLS, "requires_action")
    assert [info.native_id for info in kept(events, ReplyInfo)] == ["v1_1"]


@pytest.mark.parametrize(
    "status, reason",
    [
        ("completed", FinishReason.STOP),
        ("incomplete", FinishReason.LENGTH),
        ("budget_exceeded", FinishReason.LENGTH),
        ("idle", FinishReason.INTERRUPTED),
        ("of_a_later_day", FinishReason.ERROR),
        ("failed", FinishReason.ERROR),
        ("cancelled", FinishReason.ERROR),
    ],
)
def test_the_status_of_an_interaction_is_its_end(status: str, reason: FinishReason) -> None:
    """In our words and in Google's."""
    reader = InteractionReader(ask())
    list(reader.read_whole({"id": "v1_1", "status": status}))
    assert list(reader.finish())[-1] == Finish(reason, status)


@pytest.mark.parametrize(
    "body, words",
    [
        (
            {"id": "v1_1", "status": "failed", "errors": [{"code": "internal", "message": "it broke"}]},
            "it broke",
        ),
        (
            {
                "id": "v1_1",
                "status": "failed",
                "steps": [{"type": "model_output", "error": {"code": 3, "message": "it was refused"}}],
            },
            "it was refused",
        ),
        ({"id": "v1_1", "status": "in_progress"}, "in_progress"),
    ],
)
def test_an_interaction_that_failed_is_an_error(body: dict[str, Any], words: str) -> None:
    """Its own words are told; one that is still going on has no reply yet."""
    with pytest.raises(ReportedError, match=words):
        list(InteractionReader(ask()).read_whole(body))


def test_the_models_path_and_the_version_are_kept() -> None:
    """A tuned model has a path of its own, and an address may name the version."""
    from langswarm_nb.core.session.providers import gemini

    assert gemini._model_path("gemini-3.8-flash") == "models/gemini-3.8-flash"
    assert gemini._model_path("models/gemini-3.8-flash") == "models/gemini-3.8-flash"
    assert gemini._model_path("tunedModels/mine") == "tunedModels/mine"
    assert gemini._model_path("../../x") == "%2E%2E/..%2Fx"
    for base_url, version in (("https://x.example", "/v1beta"), ("https://x.example/v1", "")):
        assert gemini.GeminiProviderSession("key-of-no-account", base_url=base_url)._version == version
