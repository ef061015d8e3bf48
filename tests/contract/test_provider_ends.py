"""How a reply ended, and what it cost, as a session keeps it: no bad end passes for a good one, no 0 for a count."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from langswarm_nb.core.session import BaseSession, create_session_manager
from langswarm_nb.core.session.errors import ProviderServerError
from langswarm_nb.core.session.messages import FinishReason, SessionMessage
from tests.contract.provider_cases import TEXT, Dialect, event, impatient
from tests.contract.provider_dialects import DIALECTS
from tests.support.replay import Replay

GOOD_ENDS = {
    "chat": '"finish_reason": "stop"',
    "responses": '"status": "completed"',
    "messages": '"stop_reason": "end_turn"',
    "gemini": '"finishReason": "STOP"',
    "gemini-interactions": '"status": "completed"',
    "mistral": '"finish_reason": "stop"',
    "cohere": '"finish_reason": "COMPLETE"',
    "ollama": '"done_reason": "stop"',
}
"""Dialect -> how its sample ends; Mistral's Conversations tell no end."""
BAD_WORDS = ["insufficient_system_resource", "of_a_later_day"]


@pytest.fixture
async def session() -> Any:
    async with create_session_manager("memory") as manager:
        yield await manager.create_session("ada", "mock", "test-model")


def as_spaced(body: bytes) -> str:
    """Return a stream with the JSON of its events as Python writes it."""
    return re.sub(
        r"\{.*\}", lambda found: json.dumps(json.loads(found[0]), ensure_ascii=False), body.decode()
    )


def ended(dialect: Dialect, stream: bool, word: Any) -> bytes:
    """Return the sample of a dialect with another word for its end."""
    body = as_spaced(dialect.stream) if stream else json.dumps(dialect.whole, ensure_ascii=False)
    good = GOOD_ENDS[dialect.name]
    before, found, after = (
        body.rpartition(good) if stream and dialect.name != "responses" else body.partition(good)
    )
    if dialect.name == "responses":
        details = json.dumps({"reason": word})
        at = body.index(good, body.rindex("response.completed") if stream else 0)
        before, after = body[:at], body[at + len(good) :]
        return f'{before}"status": "incomplete", "incomplete_details": {details}{after}'.encode()
    assert found
    return (before + good.rpartition(":")[0] + ": " + json.dumps(word) + after).encode()


async def reply_to(session: BaseSession, dialect: Dialect, body: bytes, *, stream: bool) -> SessionMessage:
    provider = impatient(dialect, "http://127.0.0.1:9")
    Replay([body]).into(provider)
    return await session.send_message("Hi", provider_session=provider, stream=stream)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("word", [*BAD_WORDS, {"kind": 1}, 7])
@pytest.mark.parametrize("name", GOOD_ENDS)
async def test_an_end_that_nobody_knows_is_no_good_one(
    session: BaseSession, name: str, word: Any, stream: bool
) -> None:
    """The text is kept, the status is `error`, and the service's own word is told."""
    reply = await reply_to(session, DIALECTS[name], ended(DIALECTS[name], stream, word), stream=stream)
    facts = reply.request
    assert facts is not None
    assert (reply.content, reply.finish_reason, facts.status) == (TEXT, FinishReason.ERROR, "error")
    told = word if isinstance(word, str) else "an object" if isinstance(word, dict) else str(word)
    assert facts.provider_finish_reason == told
    assert told in (facts.error_message or "")
    stored = await session.get_message(reply.id)
    assert stored is not None
    assert stored.request is not None
    assert stored.request.status == "error"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", GOOD_ENDS)
async def test_an_end_from_which_the_service_could_go_on_is_a_stop_by_it(
    session: BaseSession, name: str, stream: bool
) -> None:
    """A paused turn is kept as what it is: cut short, without an error."""
    reply = await reply_to(
        session, DIALECTS[name], ended(DIALECTS[name], stream, "pause_turn"), stream=stream
    )
    assert (reply.content, reply.finish_reason) == (TEXT, FinishReason.INTERRUPTED)
    assert reply.request is not None
    assert (reply.request.status, reply.request.provider_finish_reason) == ("stopped", "pause_turn")


@pytest.mark.parametrize(
    "word, reason",
    [
        ("max_output_tokens", FinishReason.LENGTH),
        ("max_messages", FinishReason.LENGTH),
        ("content_filter", FinishReason.CONTENT_FILTER),
        ("steered", FinishReason.INTERRUPTED),
        ("of_a_later_day", FinishReason.ERROR),
        (None, FinishReason.LENGTH),
    ],
)
async def test_an_incomplete_response_is_never_a_good_one(
    session: BaseSession, word: str | None, reason: FinishReason
) -> None:
    """Whatever the reason, told or not."""
    dialect = DIALECTS["responses"]
    reply = await reply_to(session, dialect, ended(dialect, True, word), stream=True)
    assert reply.finish_reason == reason


@pytest.mark.parametrize("name", GOOD_ENDS)
async def test_a_bad_end_without_a_reply_is_an_error(session: BaseSession, name: str) -> None:
    """Where nothing came, there is nothing to keep: the send fails, in the service's word."""
    dialect = DIALECTS[name]
    body = ended(dialect, True, "abort").decode()
    for piece in ("Grü", "ße, ", "世界", " 🎉", TEXT):
        body = body.replace(f'"{piece}"', '""')
    with pytest.raises(ProviderServerError, match="abort"):
        await reply_to(session, dialect, body.encode(), stream=True)


COUNTS = re.compile(
    r'("(?:prompt_tokens|completion_tokens|input_tokens|output_tokens|total_tokens|promptTokenCount|totalTokenCount|'
    r'candidatesTokenCount|total_input_tokens|total_output_tokens|prompt_eval_count|eval_count)": )\d+'
)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_count_of_0_is_none(session: BaseSession, dialect: Dialect, stream: bool) -> None:
    """A question was sent and a text came, so neither took 0 tokens: they are not known."""
    body = as_spaced(dialect.stream) if stream else json.dumps(dialect.whole, ensure_ascii=False)
    zeros, n_found = COUNTS.subn(r"\g<1>0", body)
    assert n_found
    reply = await reply_to(session, dialect, zeros.encode(), stream=stream)
    assert reply.content == TEXT
    assert reply.request is not None
    usage = reply.request.usage
    assert (usage.input_tokens, usage.output_tokens, reply.token_count) == (None, None, None)
    assert reply.request.tokens_source is None
    whole = await reply_to(session, dialect, body.encode(), stream=stream)
    assert whole.request is not None
    assert (whole.request.usage.input_tokens, whole.token_count) == (5, 4)


def chat(choice: Mapping[str, Any], usage: Mapping[str, Any]) -> bytes:
    return event({"choices": [{"index": 0, **choice}], "usage": usage})


@pytest.mark.parametrize(
    "usage, kept",
    [
        ({"prompt_tokens": 7, "completion_tokens": 0}, (7, None)),
        ({"prompt_tokens": 0, "completion_tokens": 3}, (None, 3)),
        ({"prompt_tokens": 0, "prompt_tokens_details": {"cached_tokens": 2}}, (None, None)),
    ],
)
async def test_a_count_is_kept_beside_one_that_is_0(
    session: BaseSession, usage: Mapping[str, Any], kept: tuple[int | None, int | None]
) -> None:
    """Each count is judged by itself."""
    body = chat({"delta": {"content": "A"}, "finish_reason": "stop"}, usage)
    reply = await reply_to(session, DIALECTS["chat"], body, stream=True)
    assert reply.request is not None
    assert (reply.request.usage.input_tokens, reply.request.usage.output_tokens) == kept


async def test_no_output_is_0_tokens(session: BaseSession) -> None:
    """Where nothing came, a 0 is true."""
    body = chat(
        {"delta": {}, "finish_reason": "content_filter"}, {"prompt_tokens": 7, "completion_tokens": 0}
    )
    reply = await reply_to(session, DIALECTS["chat"], body, stream=True)
    assert reply.token_count == 0


async def test_an_unknown_count_is_none_in_frames(session: BaseSession) -> None:
    """The frame of turns holds no 0 that was no count."""
    pytest.importorskip("pandas")
    from langswarm_nb import turns_df

    body = chat(
        {"delta": {"content": "A"}, "finish_reason": "stop"}, {"prompt_tokens": 0, "completion_tokens": 0}
    )
    await reply_to(session, DIALECTS["chat"], body, stream=True)
    row = turns_df(session).iloc[0]
    assert row[["input_tokens", "output_tokens"]].isna().all()
