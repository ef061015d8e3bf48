"""An answer of a schema is the text of its reply, in every dialect and by every route."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.answers.schema_errors import SchemaRouteError
from langswarm_nb.core.session.messages import FinishReason
from langswarm_nb.core.session.provider_events import (
    Delta,
    Finish,
    PartDone,
    ProviderEvent,
    ProviderRequest,
    Route,
    ThoughtSoFar,
)
from tests.contract.provider_cases import Dialect, Outcome, fails, impatient, read
from tests.contract.provider_dialects import DIALECTS
from tests.contract.schema_cases import ANSWER, CALLS, DATA, Call, Calls, inside, request, said, said_whole
from tests.contract.test_cut_replies import CASES
from tests.support.replay import Replay, cut

_JSON = {"content-type": "application/json"}
WHOLE = 10**9


def replaying(dialect: Dialect, body: bytes | Any, size: int = WHOLE, **how: Any) -> Any:
    """Return a session that gets an answer in pieces of a size."""
    provider = impatient(dialect, "http://127.0.0.1:9")
    is_stream = isinstance(body, bytes)
    data = body if is_stream else json.dumps(body, ensure_ascii=False).encode()
    Replay(cut(data, size), headers=None if is_stream else _JSON, **how).into(provider)
    return provider


async def answered(provider: Any, asked: ProviderRequest) -> Outcome:
    """Return what a reply came to, which has no calls."""
    outcome = await read(provider.stream(asked))
    assert outcome.tool_calls == []
    return outcome


@pytest.fixture(params=list(CALLS))
def calls(request: pytest.FixtureRequest) -> Calls:
    return CALLS[request.param]


in_pieces = pytest.mark.parametrize(
    "calls", [name for name, calls in CALLS.items() if calls.comes_in_pieces], indirect=True
)
"""Services that send arguments in pieces of text; others send them as one object."""


@pytest.mark.parametrize("route", ["strict", "prompt"])
async def test_a_text_is_the_answer(dialect: Dialect, route: Route) -> None:
    """Streamed in pieces of many sizes, and whole."""
    body = said(dialect)
    for size in (1, 2, 3, 7, 64, WHOLE):
        outcome = await answered(replaying(dialect, body, size), request(route))
        assert (json.loads(outcome.text), outcome.reasoning) == (DATA, "")
        assert outcome.finish is not None
        assert outcome.finish.reason is FinishReason.STOP
    whole = await answered(replaying(dialect, said_whole(dialect)), request(route, stream=False))
    assert json.loads(whole.text) == DATA


async def test_a_call_is_the_answer_wherever_the_stream_is_cut_into_pieces(calls: Calls) -> None:
    """At every byte, and in pieces of each size: always the same text, and a good end."""
    body = calls.stream([Call()], "", None)
    step = 1 if len(body) < 1000 else 3
    pieces: list[Sequence[bytes]] = [cut(body, size) for size in (1, 2, 3, 5, 64, WHOLE)]
    pieces += [(body[:at], body[at:]) for at in range(1, len(body), step)]
    provider = impatient(calls.dialect, "http://127.0.0.1:9")
    for one in pieces:
        Replay(one).into(provider)
        outcome = await answered(provider, request("tool"))
        assert (json.loads(outcome.text), outcome.refusal) == (DATA, "")
        assert outcome.finish is not None
        assert outcome.finish.reason is FinishReason.STOP


async def test_a_call_in_one_piece_is_the_answer(calls: Calls) -> None:
    """Whether it was asked for so, or as a stream."""
    for stream in (True, False):
        provider = replaying(calls.dialect, calls.whole([Call()], "", None))
        outcome = await answered(provider, request("tool", stream=stream))
        assert json.loads(outcome.text) == DATA
        assert outcome.finish is not None
        assert outcome.finish.reason is FinishReason.STOP


@in_pieces
async def test_an_answer_is_read_while_it_comes(calls: Calls) -> None:
    """Where a service sends the arguments in pieces, each is handed on, before the end is there."""
    events = await events_of(replaying(calls.dialect, calls.stream([Call()], "", None), 9), request("tool"))
    deltas = [event.text for event in events if isinstance(event, Delta) and event.kind == "text"]
    assert tuple(deltas) == Call().pieces


async def test_a_call_is_a_call_where_no_schema_is_asked_for(calls: Calls) -> None:
    """Nothing of it is text then."""
    events = await events_of(
        replaying(calls.dialect, calls.stream([Call()], "", None)), ProviderRequest("test-model", ())
    )
    assert not any(isinstance(event, Delta) and event.kind == "text" for event in events)
    parts = [event.part for event in events if isinstance(event, PartDone)]
    assert [part["name"] for part in parts if part["type"] == "tool_call"] == ["person"]


async def test_what_is_said_before_the_call_is_thinking(calls: Calls) -> None:
    """Shown as it came, until the call shows what it was; nothing that belongs to the call is kept."""
    body = calls.stream([Call()], "Let me see.", None)
    events = await events_of(replaying(calls.dialect, body, 11), request("tool"))
    outcome = Outcome()
    for event in events:
        outcome.take(event)
    assert json.loads(outcome.text) == DATA
    assert outcome.reasoning.endswith("Let me see.")
    assert sum(isinstance(event, ThoughtSoFar) for event in events) == 1
    assert not any(isinstance(event, PartDone) and "opaque" in event.part for event in events)


async def test_an_answer_in_words_stays_one(calls: Calls) -> None:
    """Where a model does not call, its text is the answer, to be checked like any other."""
    for size in (1, WHOLE):
        provider = replaying(calls.dialect, said(calls.dialect), size)
        outcome = await answered(provider, request("tool"))
        assert (json.loads(outcome.text), outcome.reasoning) == (DATA, "")


async def test_a_call_under_another_name_is_the_answer_too(calls: Calls) -> None:
    """No other tool is there that could be meant."""
    other = Call(name="persons.answer", id="call_9")
    provider = replaying(calls.dialect, calls.stream([other], "", None))
    outcome = await answered(provider, request("tool"))
    assert json.loads(outcome.text) == DATA
    assert outcome.finish is not None
    assert outcome.finish.reason is FinishReason.STOP


async def test_of_calls_under_several_names_the_one_asked_for_counts(calls: Calls) -> None:
    """Also when it is not the first."""
    several = [Call('{"x": 1}', name="other", id="call_9"), Call()]
    outcome = await answered(replaying(calls.dialect, calls.stream(several, "", None)), request("tool"))
    assert json.loads(outcome.text) == DATA


async def test_two_different_answers_are_none(calls: Calls) -> None:
    """Nothing is lost in silence: both are there, and no check takes them for one; the same one twice is one."""
    other = json.dumps({"name": "Ada", "cities": []})
    both = calls.stream([Call(), Call(other, id="call_2")], "", None)
    outcome = await answered(replaying(calls.dialect, both), request("tool"))
    assert "Zoë" in outcome.text
    assert "Ada" in outcome.text
    with pytest.raises(ValueError, match="Extra data"):
        json.loads(outcome.text)
    twice = calls.stream([Call(), Call(id="call_2")], "", None)
    assert json.loads((await answered(replaying(calls.dialect, twice), request("tool"))).text) == DATA


@in_pieces
async def test_what_is_no_json_comes_as_it_is(calls: Calls) -> None:
    """It is the answer that came, to be told what is wrong with it."""
    broken = ANSWER[:-9] + '"oops'
    outcome = await answered(
        replaying(calls.dialect, calls.stream([Call(broken)], "", None), 5), request("tool")
    )
    assert outcome.text == broken
    assert outcome.finish is not None
    assert outcome.finish.reason is FinishReason.STOP


async def test_an_answer_cut_at_a_limit_says_so(calls: Calls) -> None:
    """By the tool what came is the text, and the end is the limit's."""
    begun = Call(ANSWER[:20]) if calls.comes_in_pieces else Call()
    outcome = await answered(
        replaying(calls.dialect, calls.stream([begun], "", calls.cut_word)), request("tool")
    )
    assert outcome.text
    assert ANSWER.startswith(outcome.text[:20])
    assert outcome.finish is not None
    assert outcome.finish.reason is FinishReason.LENGTH


@in_pieces
async def test_a_stream_that_breaks_keeps_what_came_of_the_answer(calls: Calls) -> None:
    """As text, and the break is told."""
    body = calls.stream([Call()], "", None)
    provider = replaying(calls.dialect, body[: body.index(inside(Call().pieces[3]))], 50, breaks=True)
    part = Outcome()
    with pytest.raises(errors.StreamInterruptedError):
        await read(provider.stream(request("tool", retries=0)), part)
    assert ANSWER.startswith(part.text)
    assert part.text


@pytest.mark.parametrize("route", ["strict", "tool"])
@pytest.mark.parametrize("name", ["responses", "messages", "gemini"])
async def test_what_was_whole_of_an_answer_that_breaks_off_is_kept(name: str, route: Route) -> None:
    """Sources and what a service did, as of any reply; never a call that nobody made."""
    case = CASES[name]
    provider = case.create("http://127.0.0.1:9")
    Replay(case.pieces[:-1], breaks=True).into(provider)
    held: list[Any] = []
    with pytest.raises(errors.StreamInterruptedError):
        await read(provider.stream(request(route, retries=0, on_answer=held.append)), Outcome())
    kinds = {done.part["type"] for done in held[0]()}
    assert "citation" in kinds
    assert "tool_call" not in kinds


REFUSALS: dict[str, tuple[Any, str]] = {
    "chat": (
        {"choices": [{"message": {"content": None, "refusal": "I cannot."}, "finish_reason": "stop"}]},
        "I cannot.",
    ),
    "responses": (
        {
            "status": "completed",
            "output": [{"type": "message", "content": [{"type": "refusal", "refusal": "I cannot."}]}],
        },
        "I cannot.",
    ),
    "messages": ({"content": [], "stop_reason": "refusal"}, ""),
    "gemini": ({"candidates": [{"content": {"parts": []}, "finishReason": "SAFETY"}]}, ""),
}


@pytest.mark.parametrize("route", ["strict", "tool", "prompt"])
@pytest.mark.parametrize("name", REFUSALS)
async def test_a_refusal_is_no_answer(name: str, route: Route) -> None:
    """By every route: its words are a refusal, and the end says so."""
    body, words = REFUSALS[name]
    provider = replaying(CALLS[name].dialect, body)
    outcome = await answered(provider, request(route, stream=False))
    assert (outcome.text, outcome.refusal) == ("", words)
    assert outcome.finish is not None
    assert outcome.finish.reason is FinishReason.CONTENT_FILTER


@pytest.mark.parametrize("name", ["gemini-interactions", "mistral-conversations"])
async def test_no_tool_is_called_in_a_conversation_that_a_service_holds(name: str) -> None:
    """It would wait for the result of the call: nothing is sent."""
    provider = replaying(DIALECTS[name], b"")
    error = await fails(provider, SchemaRouteError, request("tool"))
    assert "holds" in str(error)
    assert provider.http._transports.sent == []


async def events_of(provider: Any, asked: ProviderRequest) -> list[ProviderEvent]:
    """Return the events of a reply, the last of which is its end."""
    events = [event async for event in provider.stream(asked)]
    assert isinstance(events[-1], Finish)
    return events
