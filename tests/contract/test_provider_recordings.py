"""Recorded traffic of real services, read as each vendor's own SDK reads it, however its bytes are split."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from langswarm_nb.core.session.errors import StreamInterruptedError
from langswarm_nb.core.session.messages import Usage
from tests.contract.provider_cases import Dialect, Outcome, ask, read
from tests.contract.provider_dialects import RECORDED_APIS
from tests.support.paths import find_shared_dir
from tests.support.replay import Replay, cut

WIRE = Path(__file__).parent / "wire"


def _folders() -> Iterator[Path]:
    yield WIRE
    shared = find_shared_dir()
    if shared is not None:
        yield shared / "recordings"


@cache
def _exchanges() -> dict[str, tuple[str, dict[str, Any], dict[str, Any]]]:
    """Return API, exchange and expectation by name; those in the checkout first."""
    found: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {}
    for folder in _folders():
        expected = json.loads((folder / "expected.json").read_text("utf-8"))["expected"]
        for row in json.loads((folder / "index.json").read_text("utf-8")):
            api = next(
                (api for api in (f"{row['provider']}/{row['api']}", row["api"]) if api in RECORDED_APIS), None
            )
            if api is None:
                continue
            case = json.loads((folder / row["file"]).read_text("utf-8"))
            for number, exchange in enumerate(case["exchanges"]):
                if not exchange["request"]["path"].endswith(RECORDED_APIS[api].path):
                    continue
                name = f"{row['file'].removesuffix('.json')}-{number}"
                found.setdefault(name, (api, exchange, expected[row["file"]][number]))
    return found


def _names(*, streams: bool) -> list[str]:
    return [
        name
        for name, (api, exchange, expected) in _exchanges().items()
        if not streams or (_is_stream(exchange) and RECORDED_APIS[api].raised(expected) is None)
    ]


def _is_stream(exchange: dict[str, Any]) -> bool:
    kind = exchange["response"]["headers"].get("content-type", "")
    return "event-stream" in kind or "ndjson" in kind


def _session(dialect: Dialect, exchange: dict[str, Any], pieces: Any) -> Any:
    provider = dialect.create("http://127.0.0.1:9")
    response = exchange["response"]
    replay = Replay(pieces, status=response["status"], headers=response["headers"])
    replay.into(provider)
    return provider


@pytest.mark.parametrize("size", [1, 7, None], ids=["1-byte", "7-byte", "whole"])
@pytest.mark.parametrize("name", _names(streams=False))
async def test_a_recorded_exchange_reads_as_the_vendors_sdk_reads_it(name: str, size: int | None) -> None:
    """Text, reasoning, tool calls, usage, finish reason, ids and errors are the same, at any split of the bytes."""
    api, exchange, expected = _exchanges()[name]
    body = exchange["response"]["body"].encode()
    provider = _session(RECORDED_APIS[api].dialect, exchange, cut(body, size or len(body)))
    request = ask(stream=_is_stream(exchange), retries=0)
    raised = RECORDED_APIS[api].raised(expected)
    if raised is not None:
        with pytest.raises(raised.kind) as caught:
            await read(provider.stream(request))
        assert (caught.value.status, caught.value.code) == (raised.status, raised.code)
        assert caught.value.request_id == raised.request_id or raised.request_id is None
        assert raised.param in str(caught.value)
        return
    outcome = await read(provider.stream(request))
    _assert_same(outcome, RECORDED_APIS[api].expected(expected), exchange)


def _assert_same(got: Outcome, expected: Outcome, exchange: dict[str, Any]) -> None:
    assert (got.text, got.tool_calls) == (expected.text, expected.tool_calls)
    if expected.reasoning or _is_stream(exchange):  # the SDKs hand on no reasoning of whole answers
        assert got.reasoning == expected.reasoning
    assert (got.finish, got.model, got.message_id) == (expected.finish, expected.model, expected.message_id)
    assert got.cost_usd == expected.cost_usd
    if expected.usage is not None:
        assert got.usage == expected.usage
    else:
        assert got.usage is None or got.usage != Usage()  # we also look where the SDKs do not
    assert got.request_id == exchange["response"]["headers"].get("x-request-id", got.request_id)


@pytest.mark.unmeasured
@pytest.mark.parametrize("breaks", [False, True], ids=["closed", "broken"])
@pytest.mark.parametrize("name", _names(streams=True))
async def test_a_stream_cut_between_events_is_never_a_finished_reply(name: str, breaks: bool) -> None:
    """A stream that ends without the API's end mark raises, with what had come before it handed on."""
    api, exchange, expected = _exchanges()[name]
    dialect = RECORDED_APIS[api].dialect
    body = exchange["response"]["body"].encode()
    ends = [match.end() for match in re.finditer(dialect.boundary, body)]
    text = RECORDED_APIS[api].expected(expected).text
    provider = _session(dialect, exchange, [])
    for end in [0, *ends]:
        Replay([body[:end]], headers=exchange["response"]["headers"], breaks=breaks).into(provider)
        outcome = Outcome()
        if dialect.is_whole(body[:end]):
            await read(provider.stream(ask()), outcome)
            assert outcome.text == text
        else:
            with pytest.raises(StreamInterruptedError) as caught:
                await read(provider.stream(ask()), outcome)
            assert caught.value.maybe_processed
            assert outcome.finish is None
            assert text.startswith(outcome.text)
