"""What every storage promises about messages: what is accepted comes back identical, in order, once."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import pickle
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from langswarm_nb.core.session import (
    FinishReason,
    MessageRole,
    RequestFacts,
    SessionMessage,
    SessionNotFoundError,
    SessionTypeError,
    SessionValueError,
    Usage,
)
from langswarm_nb.core.session.messages import new_id
from tests.support.storages import answer, question, record, system, texts

EVERY_FACT = RequestFacts(
    provider="anthropic",
    request_model="opus",
    model="opus-4-20260101",
    started_at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    duration_s=12.345678901234567,
    time_to_first_chunk_s=0.1,
    queued_s=1e-9,
    usage=Usage(10**15, 0, 1, 2, 3),
    tokens_source="provider",
    cost_usd=0.1 + 0.2,
    cost_source="provider",
    status="error",
    error_type="ProviderServerError",
    error_message="500: «oops»",
    attempts=3,
    streamed=False,
    compare_id="c",
    params={"temperature": 0.0, "stop": ["a"]},
    provider_finish_reason="end_turn",
    provider_request_id="req_1",
    details={"x-ratelimit-remaining": "1"},
)
EVERY_FIELD = SessionMessage(
    id="an id",
    role=MessageRole.ASSISTANT,
    content="Text",
    timestamp=datetime(2026, 1, 1, 12, 0, 0, 1, tzinfo=timezone(timedelta(hours=5, minutes=45))),
    metadata={"nested": {"list": [1, 2.5, None, True, {"deep": "é"}]}},
    provider_message_id="msg_1",
    token_count=0,
    finish_reason=FinishReason.TOOL_CALLS,
    parts=(
        {"type": "reasoning", "text": "hm", "opaque": {"signature": "…"}},
        {"type": "tool_call", "id": "t", "name": "f", "arguments": '{"a": 1}'},
    ),
    source="magic",
    cell_id="cell-1",
    ask=2,
    beside="comparison",
    request=EVERY_FACT,
)
EVERY_WORD = SessionMessage(role=MessageRole.SYSTEM, content="Be brief.", scope="replace")


async def test_every_field_comes_back(storage, reopen):
    """A message with everything set is equal to what is read, at once and after reopening."""
    await storage.create_session(record())
    (returned,) = await storage.append_messages("s", [EVERY_FIELD])
    await storage.append_messages("s", [EVERY_WORD])
    again = await reopen()
    read, word = await again.get_messages("s")
    one = await again.get_message("s", "an id")
    assert word == EVERY_WORD
    for message in (returned, read, one):
        assert message == EVERY_FIELD
        assert message.is_hidden is False
        assert message.timestamp.utcoffset() == timedelta(0)
        assert type(message.role) is MessageRole
        assert type(message.request.streamed) is bool
        assert dataclasses.asdict(message.request) == dataclasses.asdict(EVERY_FACT)


async def test_a_plain_message_keeps_its_defaults(storage):
    """What was not set is not invented."""
    await storage.create_session(record())
    plain = SessionMessage(content="x")
    await storage.append_messages("s", [plain])
    (read,) = await storage.get_messages("s")
    assert read == plain
    assert (read.request, read.parts, read.metadata, read.token_count) == (None, (), {}, None)


async def test_messages_are_values(storage):
    """What was read can be compared, hashed by id, copied, changed by `replace` and pickled like any message."""
    await storage.create_session(record())
    await storage.append_messages("s", [EVERY_FIELD, question("plain")])
    first, second = await storage.get_messages("s")
    assert pickle.loads(pickle.dumps(first)) == first  # noqa: S301 - our own bytes
    assert copy.deepcopy(second) == second
    assert dataclasses.replace(second, content="changed").content == "changed"
    assert second != first
    assert "plain" in repr(second)
    assert not hasattr(first, "text")
    with pytest.raises(dataclasses.FrozenInstanceError):
        second.content = "y"


async def test_what_is_read_is_a_copy(storage):
    """Changing metadata or parts of a read message, or of the one that was stored, changes nothing stored."""
    await storage.create_session(record())
    mine = SessionMessage(content="x", metadata={"list": [1]}, parts=({"type": "image", "url": "u"},))
    (returned,) = await storage.append_messages("s", [mine])
    (read,) = await storage.get_messages("s")
    for message in (mine, returned, read):
        message.metadata["list"].append(2)
        cast("dict[str, Any]", message.parts[0])["url"] = "changed"
    (fresh,) = await storage.get_messages("s")
    assert (fresh.metadata, fresh.parts) == ({"list": [1]}, ({"type": "image", "url": "u"},))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)
IDS = st.text(min_size=1).filter(str.strip)
# In UTC, because datetimes in the hour that a clock change skips or repeats equal nothing in another zone.
MOMENTS = st.datetimes(timezones=st.just(UTC))


@pytest.mark.unmeasured
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    content=st.text()
    | st.sampled_from(["\x00", "a\x00b", "\u2028", "\u202e", "\ufeffx", "e\u0301", "\r\n\t", "🏳️‍🌈"]),
    metadata=st.dictionaries(st.text(), JSON_VALUES, max_size=4),
    message_id=IDS,
    timestamp=MOMENTS,
    number=st.none() | st.integers(-(2**53), 2**53),
)
async def test_any_text_and_any_json_comes_back(storage, content, metadata, message_id, timestamp, number):
    """All Unicode that UTF-8 can hold and all that JSON can hold is returned unchanged, types included."""
    session = record(new_id())
    await storage.create_session(session)
    message = SessionMessage(
        id=message_id,
        content=content,
        metadata=metadata,
        timestamp=timestamp,
        token_count=number,
        source=content,
    )
    await storage.append_messages(session.session_id, [message])
    (read,) = await storage.get_messages(session.session_id)
    assert read == message
    assert repr(read.metadata) == repr(metadata)
    assert (await storage.get_message(session.session_id, message_id)) == message


CYCLE: dict[str, Any] = {}
CYCLE["self"] = CYCLE
DEEP: Any = []
for _ in range(150):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "metadata, said",
    [
        ({"x": object()}, r"x.*type object"),
        ({"x": float("nan")}, "nan"),
        ({"x": [float("-inf")]}, "-inf"),
        ({"x": (1, 2)}, "tuple.*list"),
        ({"x": {1, 2}}, "set"),
        ({"x": b"bytes"}, "bytes"),
        ({"x": datetime(2020, 1, 1, tzinfo=UTC)}, "datetime"),
        ({1: "x"}, "key.*int.*text"),
        ({"x": {None: 1}}, "key.*NoneType"),
        ({"x": "\ud83d"}, "surrogate"),
        ({"\ud83d": 1}, "surrogate"),
        ({"x": DEEP}, "nested"),
        (CYCLE, "nested deeper|holds itself"),
        ({"x": 10**5000}, "digits"),
    ],
)
async def test_metadata_that_json_does_not_give_back_is_refused(storage, metadata, said):
    """Metadata is refused whole, with the place that is wrong, and none of the append is stored."""
    await storage.create_session(record())
    with pytest.raises(SessionValueError, match=f"(?s)metadata.*{said}"):
        await storage.append_messages("s", [question("fine"), question("bad", metadata=metadata)])
    assert await storage.get_messages("s") == []


async def test_metadata_may_be_any_mapping_and_nested_within_reason(storage):
    """A read-only mapping is a mapping; ninety levels are still fine, also when read from deep in a call stack."""
    await storage.create_session(record())
    deep: Any = "bottom"
    for _ in range(45):
        deep = {"k": [deep]}
    await storage.append_messages(
        "s", [question(metadata=MappingProxyType({"a": 1})), question(metadata={"d": deep})]
    )
    first, second = await storage.get_messages("s")
    assert (first.metadata, second.metadata) == ({"a": 1}, {"d": deep})


@pytest.mark.parametrize(
    "fields, error",
    [
        ({"content": "\udc80"}, SessionValueError),
        ({"id": ""}, SessionValueError),
        ({"id": "\ud800"}, SessionValueError),
        ({"id": 5}, SessionTypeError),
        ({"finish_reason": 5}, SessionTypeError),
        ({"provider_message_id": b"x"}, SessionTypeError),
        ({"token_count": "7"}, SessionTypeError),
        ({"token_count": True}, SessionTypeError),
        ({"token_count": 2**53 + 1}, SessionValueError),
        ({"source": "\ud800"}, SessionValueError),
        ({"cell_id": 1}, SessionTypeError),
        ({"is_hidden": 1}, SessionTypeError),
        ({"ask": "0"}, SessionTypeError),
        ({"scope": 1}, SessionTypeError),
        ({"beside": "\ud800"}, SessionValueError),
        ({"timestamp": datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))}, SessionValueError),
    ],
)
async def test_a_field_that_cannot_be_kept_is_refused(storage, fields, error):
    """The error names the field; the messages before it in the same append are not stored either."""
    await storage.create_session(record())
    with pytest.raises(error, match=next(iter(fields))):
        await storage.append_messages("s", [question("before"), SessionMessage(**{"content": "x", **fields})])
    assert (await storage.load_session("s")).message_count == 0


@pytest.mark.parametrize(
    "fields, error",
    [
        ({"duration_s": float("nan")}, SessionValueError),
        ({"cost_usd": float("inf")}, SessionValueError),
        ({"usage": Usage(input_tokens=cast("int", 1.5))}, SessionTypeError),
        ({"usage": Usage(output_tokens=2**63)}, SessionValueError),
        ({"attempts": None}, SessionTypeError),
        ({"params": {"f": print}}, SessionValueError),
        ({"details": []}, SessionTypeError),
        ({"streamed": "yes"}, SessionTypeError),
        ({"model": "\ud800"}, SessionValueError),
        ({"provider": ""}, SessionValueError),
    ],
)
async def test_facts_that_cannot_be_kept_are_refused(storage, fields, error):
    """What is known of a request is checked like the message itself."""
    await storage.create_session(record())
    facts = dataclasses.replace(RequestFacts("mock", "echo"), **fields)
    with pytest.raises(error):
        await storage.append_messages("s", [answer(request=facts)])
    assert await storage.get_messages("s", branch="all") == []


@pytest.mark.parametrize(
    "parts", [({"type": "x", "data": b"1"},), (["type"],), ({"type": "x", "n": float("nan")},)]
)
async def test_parts_that_cannot_be_kept_are_refused(storage, parts):
    """Parts are JSON objects."""
    await storage.create_session(record())
    message = SessionMessage(content="x")
    object.__setattr__(message, "parts", parts)  # past the checks of the class
    with pytest.raises((SessionValueError, SessionTypeError), match="parts"):
        await storage.append_messages("s", [message])


async def test_only_messages_can_be_appended(storage):
    """A dict that looks like a message is not one."""
    await storage.create_session(record())
    with pytest.raises(SessionTypeError, match="SessionMessage"):
        await storage.append_messages("s", [{"role": "user", "content": "x"}])
    assert await storage.append_messages("s", []) == []


async def test_the_order_is_that_of_sending(storage):
    """Clocks go backwards; the sequence does not."""
    await storage.create_session(record())
    for year in (2030, 2020, 2025):
        await storage.append_messages("s", [question(str(year), timestamp=datetime(year, 1, 1, tzinfo=UTC))])
    assert texts(await storage.get_messages("s")) == "2030 2020 2025"
    assert [m.seq for m in await storage.get_messages("s")] == [0, 1, 2]


async def test_a_part_of_the_path_can_be_read(storage):
    """Limit, role and since choose; with a limit the last ones of those that fit, in order."""
    await storage.create_session(record())
    await storage.append_messages("s", [system("rules")])
    for day in range(1, 6):
        at = datetime(2026, 1, day, tzinfo=UTC)
        await storage.append_messages(
            "s", [question(f"q{day}", timestamp=at), answer(f"a{day}", timestamp=at)]
        )
    get = storage.get_messages
    assert texts(await get("s", limit=3)) == "a4 q5 a5"
    assert texts(await get("s", limit=2, role=MessageRole.USER)) == "q4 q5"
    assert texts(await get("s", role="system")) == "rules"
    since = datetime(2026, 1, 4, tzinfo=timezone(timedelta(0)))
    assert texts(m for m in await get("s", since=since) if m.role != "system") == "q4 a4 q5 a5"
    assert texts(await get("s", since=since, role="assistant", limit=1)) == "a5"
    assert await get("s", limit=0) == []
    assert len(await get("s", limit=10**30)) == 11


@pytest.mark.parametrize(
    "arguments",
    [
        {"limit": -1},
        {"limit": "5"},
        {"limit": 2.0},
        {"role": "robot"},
        {"since": datetime(2020, 1, 1)},  # noqa: DTZ001
        {"since": 5},
        {"branch": "main"},
    ],
)
async def test_what_is_read_is_asked_for_in_known_terms(storage, arguments):
    """A wrong argument is an error that names it."""
    await storage.create_session(record())
    with pytest.raises((SessionValueError, SessionTypeError), match=next(iter(arguments))):
        await storage.get_messages("s", **arguments)


async def test_a_message_is_found_by_its_id(storage):
    """On whatever branch; an id of another session, or none, is None."""
    await storage.create_session(record())
    await storage.create_session(record("other"))
    first, second = question("1"), question("2")
    await storage.append_messages("s", [first])
    await storage.append_messages("s", [second], parent=None)
    assert (await storage.get_message("s", first.id)).content == "1"
    assert await storage.get_message("other", first.id) is None
    assert await storage.get_message("s", "no such id") is None


@pytest.mark.parametrize("seq", [7, -1, 2**40])
async def test_a_seq_that_is_not_there_is_an_error(storage, seq):
    """Each method that takes a seq says that the session has none such; nothing is changed."""
    await storage.create_session(record())
    await storage.create_session(record("neighbour"))
    await storage.append_messages("s", [question()])
    await storage.append_messages("neighbour", [question()])
    for call in (
        storage.set_tip("s", seq),
        storage.append_messages("s", [question()], parent=seq),
        storage.append_messages("s", [answer()], reply_to=seq),
        storage.append_messages("s", [question()], parent=seq, branch="try", lease="r"),
        storage.append_messages("s", [], parent=seq),
        storage.save_partial("s", answer(), reply_to=seq),
    ):
        with pytest.raises(SessionNotFoundError, match=str(seq)):
            await call
    assert len(await storage.get_messages("s")) == 1


@pytest.mark.parametrize("seq", ["0", 0.0, True])
async def test_a_seq_is_a_whole_number(storage, seq):
    """Anything else is a type error."""
    await storage.create_session(record())
    await storage.append_messages("s", [question()])
    for call in (
        storage.set_tip("s", seq),
        storage.append_messages("s", [question()], parent=seq),
        storage.append_messages("s", [answer()], reply_to=seq),
        storage.save_partial("s", answer(), reply_to=seq),
    ):
        with pytest.raises(SessionTypeError, match="whole number"):
            await call


async def test_many_tasks_append_at_once(storage):
    """Nothing is lost or mixed: a hundred tasks, each task's messages in its order, positions without gaps."""
    for number in range(5):
        await storage.create_session(record(f"s{number}"))

    async def write(task: int) -> None:
        for step in range(4):
            await storage.append_messages(
                f"s{task % 5}", [question(f"{task}.{step}"), answer(f"{task}.{step}")]
            )

    await asyncio.gather(*(write(task) for task in range(100)))
    for number in range(5):
        messages = await storage.get_messages(f"s{number}")
        assert [m.seq for m in messages] == list(range(160))
        assert [m.parent_seq for m in messages] == [None, *range(159)]
        for task in range(number, 100, 5):
            mine = [m.content for m in messages if m.content.startswith(f"{task}.")]
            assert mine == [f"{task}.{step}" for step in range(4) for _ in "qa"]


async def test_one_bad_append_among_many_fails_alone(storage):
    """Appends that share a transaction do not share their errors."""
    await storage.create_session(record())
    appends = [storage.append_messages("s" if n % 10 else "gone", [question(str(n))]) for n in range(50)]
    outcomes = await asyncio.gather(*appends, return_exceptions=True)
    assert all(isinstance(outcomes[n], SessionNotFoundError) for n in range(0, 50, 10))
    assert texts(await storage.get_messages("s")) == " ".join(str(n) for n in range(50) if n % 10)


async def test_a_cancelled_append_is_stored_whole_or_not_at_all(storage):
    """Cancelling tasks that wait for the storage leaves no half of an append, and the storage works on."""
    await storage.create_session(record())
    tasks = [
        asyncio.create_task(storage.append_messages("s", [question(str(n)), answer(str(n))]))
        for n in range(40)
    ]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    await storage.append_messages("s", [question("after")])
    contents = [m.content for m in await storage.get_messages("s")]
    assert contents[-1] == "after"
    stored = contents[:-1:2]
    assert stored == contents[1::2]
    acknowledged = [str(n) for n, outcome in enumerate(outcomes) if isinstance(outcome, list)]
    assert set(acknowledged) <= set(stored)
    assert len(stored) == len(set(stored))
