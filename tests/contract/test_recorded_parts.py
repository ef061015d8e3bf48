"""Recorded replies with tools, searches, code, documents and sources, read as the vendors' own SDKs read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from langswarm_nb.core.session.errors import ProviderSessionError
from langswarm_nb.core.session.parts.checking import checked_parts
from langswarm_nb.core.session.parts.vocabulary import Part
from tests.contract.provider_cases import ask
from tests.contract.recorded_parts import Reading, Recorded, Told, as_json, recorded
from tests.support.replay import Replay, cut

if not recorded():
    pytest.skip("needs the second set of recordings: see LANGSWARM_SHARED", allow_module_level=True)


async def read(row: Recorded, size: int) -> Reading:
    provider, response = row.session(), row.exchange["response"]
    Replay(cut(row.body, size), status=response["status"], headers=response["headers"]).into(provider)
    request = ask(stream=row.is_stream, retries=0)
    return Reading.of([event async for event in provider.stream(request)])


@pytest.mark.parametrize("row", recorded().values(), ids=lambda row: row.name)
async def test_a_recorded_reply_is_read_with_all_that_it_carries(row: Recorded) -> None:
    """Text, thinking, calls, what the service did, sources, counts and end; the same at any split of the bytes."""
    told, whole = Told(row), max(len(row.body), 1)
    sizes = (whole, 7, 1)
    if told.raises or row.name in _NO_REPLY:
        for size in sizes:
            with pytest.raises(ProviderSessionError):
                await read(row, size)
        return
    reading, *others = [await read(row, size) for size in sizes]
    assert all(other == reading for other in others)
    assert reading.text == told.text
    assert "".join(reading.reasoning.split()) == "".join((told.reasoning or reading.reasoning).split())
    assert reading.finish is not None
    assert reading.finish.provider_reason == told.finish
    assert told.tokens in {None, (reading.usage.input_tokens, reading.usage.output_tokens)}
    vendors = reading.of_type("vendor")
    asked = {part["kind"] for part in vendors}
    calls = [(part["name"], as_json(part["arguments"])) for part in reading.of_type("tool_call")]
    assert _sorted(call for call in calls if call[0] not in asked) == _sorted(told.calls)
    for item in told.server_items:
        assert any(_is_of(item, part) for part in vendors), item
    assert told.sources <= {part.get("url", part.get("title")) for part in reading.of_type("citation")}
    _check_parts(reading)
    assert _cited_words(row) in (
        None,
        {_words_at(reading, part) for part in reading.parts if part.get("end")},
    )


_NO_REPLY = {"openai/retrieve__pai_openai_responses_background_mode_reasoning_vcr-0"}


def _words_at(reading: Reading, part: Part) -> str:
    return reading.text[part["start"] : part["end"]]


def _cited_words(row: Recorded) -> set[str] | None:
    """Return the words of the reply that have sources, where the service repeats them; None where it does not."""
    if row.family == "v2/chat":
        told = row.expected.get("citations") or ()
        return {one["text"] for one in told if one["type"] == "TEXT_CONTENT"}
    if row.family != "generateContent":
        return None
    bodies = [json.loads(line[5:]) for line in row.body.decode().splitlines() if line.startswith("data:")]
    bodies = bodies or [json.loads(row.body)]
    told = (
        [one for body in bodies for one in body.get("candidates", ())] if isinstance(bodies[0], dict) else []
    )
    grounding = [one.get("groundingMetadata") or {} for one in told]
    supports = [support for one in grounding for support in one.get("groundingSupports") or ()]
    return {one["segment"]["text"] for one in supports if one.get("groundingChunkIndices")}


def _sorted(calls: Iterator[Any] | list[Any]) -> list[Any]:
    return sorted(calls, key=repr)


def _is_of(item: Any, part: Part) -> bool:
    """Return whether a part is the item that an SDK read, in all that both tell."""
    opaque = part["opaque"]
    for name, value in item.items():
        told = opaque.get(name, value)
        if isinstance(value, dict) and isinstance(told, dict):
            if any(told.get(key, inner) != inner for key, inner in value.items()):
                return False
        elif type(value) is type(told) and not isinstance(value, (list, dict)) and told != value:
            return False
    return bool(opaque.keys() & item.keys())


def _check_parts(reading: Reading) -> None:
    """Each part can be stored, each line is one line, and each place lies in the text."""
    assert checked_parts([{"provider": "p", **part} for part in reading.parts]) or not reading.parts
    for part in reading.of_type("vendor"):
        assert part["text"]
        assert "\n" not in part["text"]
    for part in reading.of_type("citation"):
        assert part.get("url", "https://").startswith(("https://", "http://"))
        assert 0 <= part.get("start", 0) <= part.get("end", 0) <= len(reading.text)
