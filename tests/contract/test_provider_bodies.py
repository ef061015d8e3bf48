"""The body decides what an answer is: a stream, lines of JSON, or one piece, whatever its label says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.providers._dialect.sse import JSONDecoder, ServerSentEvent
from tests.contract.cases_ollama import OLLAMA
from tests.contract.provider_cases import TEXT, Dialect, Outcome, ask, impatient, read
from tests.support.faulty import FaultyServer, Reply
from tests.support.replay import Replay, cut

pytestmark = [  # what stands above the HTTP libraries needs only one of them
    pytest.mark.usefixtures("library"),
    pytest.mark.parametrize("library", ["httpx"], indirect=True),
]

LABELS = ["text/event-stream", "application/json", "application/x-ndjson", "text/plain", "text/html", ""]
DONE = b"data: [DONE]\n\n"


def bodies_of(stream: bytes) -> list[bytes]:
    """Return the JSON of each event of a stream."""
    lines = re.sub(rb"(?m)^(?:data: ?|event: .*|: .*)", b"", stream).splitlines()
    return [line for line in lines if line.startswith(b"{")]


def named(dialect: Dialect) -> bool:
    """Return whether the events of a dialect say in their JSON what they are."""
    return (
        b"event: " not in dialect.stream or b'"type"' in dialect.stream or b'"event_type"' in dialect.stream
    )


FORMS: dict[str, Callable[[Dialect], bytes]] = {
    "events": lambda dialect: b"".join(b"data: " + body + b"\n\n" for body in bodies_of(dialect.stream)),
    "events and done": lambda dialect: (
        b"".join(b"data: " + body + b"\n\n" for body in bodies_of(dialect.stream)) + DONE
    ),
    "lines": lambda dialect: b"\n".join(bodies_of(dialect.stream)),
    "lines and done": lambda dialect: b"\n".join(bodies_of(dialect.stream)) + b"\n" + DONE,
    "a list": lambda dialect: b"[" + b"\n,\n".join(bodies_of(dialect.stream)) + b"]",
    "one piece": lambda dialect: json.dumps(dialect.whole).encode(),
    "one piece with a line end": lambda dialect: b"\n" + json.dumps(dialect.whole).encode() + b"\r\n",
    "one piece in lines": lambda dialect: json.dumps(dialect.whole, indent=2).encode(),
    "one piece and done": lambda dialect: json.dumps(dialect.whole).encode() + b"\n\n" + DONE,
    "one piece in lines and done": lambda dialect: (
        json.dumps(dialect.whole, indent=2).encode() + b"\n" + DONE
    ),
    "one piece in an event": lambda dialect: b"data: " + json.dumps(dialect.whole).encode() + b"\n\n",
    "one piece in an event and done": lambda dialect: (
        b": hello\n\ndata: " + json.dumps(dialect.whole).encode() + b"\n\n" + DONE
    ),
    "a list of one": lambda dialect: json.dumps([dialect.whole]).encode(),
    "one piece after a mark": lambda dialect: b"\xef\xbb\xbf" + json.dumps(dialect.whole).encode(),
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
async def test_a_reply_is_read_whatever_its_label_says(
    dialect: Dialect, form: Callable[[Dialect], bytes], stream: bool
) -> None:
    """Events, lines of JSON and one piece are told apart by what they are, under every label."""
    assert named(dialect)
    provider = impatient(dialect, "http://127.0.0.1:9")
    for label in LABELS:
        Replay(cut(form(dialect), 11), headers={"content-type": label} if label else {"x": "y"}).into(
            provider
        )
        outcome = await read(provider.stream(ask(stream=stream)))
        assert (label, outcome.text) == (label, TEXT)


@pytest.mark.parametrize("label", LABELS)
async def test_a_page_of_a_proxy_is_told_under_every_label(
    provider: Any, server: FaultyServer, label: str
) -> None:
    """A web page is not a reply; the error names what to check."""
    server.script(Reply(200, b" \n<html><p>Sign in", {"content-type": label}))
    with pytest.raises(errors.ProviderResponseError, match=r"web page.*base_url"):
        await read(provider.stream(ask()))


async def test_lines_come_one_by_one_where_they_are_the_way_of_the_service() -> None:
    """The first piece of a stream is not held back until the next one."""
    provider = impatient(OLLAMA, "http://127.0.0.1:9")
    first = OLLAMA.text_event("Half")
    Replay([first], headers={"content-type": "application/json"}, breaks=True).into(provider)
    outcome = Outcome()
    with pytest.raises(errors.ProviderSessionError):
        await read(provider.stream(ask()), outcome)
    assert outcome.text == "Half"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=8), values, max_size=4)
cuts = st.lists(st.integers(0, 300), max_size=20)


def pieces_of(body: bytes, at: list[int]) -> list[bytes]:
    bounds = [0, *sorted({cut % (len(body) + 1) for cut in at}), len(body)]
    return [body[start:end] for start, end in pairwise(bounds)]


def decoded(body: bytes, at: list[int], **how: Any) -> list[ServerSentEvent]:
    decoder = JSONDecoder(**how)
    return [*(event for piece in pieces_of(body, at) for event in decoder.feed(piece)), *decoder.close()]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(objects, cuts, st.sampled_from([None, 1, 4]), st.sampled_from([b"", b"\n", b"\n\ndata: [DONE]\n\n"]))
def test_one_value_is_all_however_it_is_written_and_cut(
    value: dict[str, Any], at: list[int], indent: int | None, end: bytes
) -> None:
    """One object, on one line or many, in any pieces, is one answer."""
    first = decoded(json.dumps(value, indent=indent).encode() + end, at)[0]
    assert (json.loads(first.data), first.is_all) == (value, True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(objects, min_size=2, max_size=5), cuts, st.sampled_from([None, 2]), st.booleans())
def test_several_values_are_a_stream_however_they_are_written_and_cut(
    written: list[dict[str, Any]], at: list[int], indent: int | None, is_stream: bool
) -> None:
    """Objects one after another, on a line each or on many, come each for itself, in order."""
    if not written[0]:
        indent = None  # an empty object is one line, and the others then are too
    body = "\n".join(json.dumps(value, indent=indent) for value in written).encode()
    found = decoded(body, at, is_stream=is_stream)
    assert [(json.loads(event.data), event.is_all) for event in found] == [
        (value, False) for value in written
    ]
