"""The key of a request: equal for what asks the same, another for what asks anything else."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.core.session import MessageRole, SessionMessage, SessionTypeError, SessionValueError
from langswarm_nb.core.session.conversation.request_key import canonical, request_key
from langswarm_nb.core.session.parts.blobs import put_back, taken_out
from langswarm_nb.core.session.storage import create_storage
from tests.support.storages import record

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def key(*messages: SessionMessage, **changes: Any) -> str:
    asked: dict[str, Any] = {"provider": "openai", "base_url": "https://api.example/v1", "model": "m"}
    return request_key(**{**asked, "messages": messages, **changes})


def image(**told: Any) -> SessionMessage:
    return SessionMessage(content="Look.", parts=({"type": "image", **told},))


def test_the_canonical_form_is_what_is_written_down() -> None:
    """Anybody can make the key from the words of its documentation."""
    parts = [
        {"text": "Caf\u00e9?", "type": "text"},
        {"blob": "%s", "media_type": "image/png", "type": "image"},
    ]
    written = {
        "base_url": "https://api.example/v1",
        "form": 1,
        "messages": [{"parts": parts, "role": "user"}],
        "model": "m",
        "options": {"temperature": 1},
        "provider": "openai",
        "sample": 2,
        "schema": None,
        "tools": ["web_search"],
    }
    text = json.dumps(written, separators=(",", ":")) % hashlib.sha256(b"png").hexdigest()
    message = SessionMessage(
        content="Caf\u00e9?",
        parts=({"type": "image", "media_type": "image/png", "data": b"png", "width": 7, "note": "turned"},),
    )
    options = {"temperature": 1.0, "seed": None}
    assert (
        key(message, options=options, tools=("web_search",), sample=2)
        == hashlib.sha256(text.encode()).hexdigest()
    )


@given(st.binary(max_size=40), st.sampled_from(["image/png", "application/pdf"]))
def test_bytes_are_the_same_in_whatever_form(data: bytes, media_type: str) -> None:
    """As bytes, as base64, as a data: address, stored, and read back again."""
    text = base64.b64encode(data).decode()
    as_bytes = image(media_type=media_type, data=data)
    parts, blobs = taken_out(as_bytes.parts)
    forms = [
        as_bytes,
        image(media_type=media_type, data=text),
        image(url=f"data:{media_type};base64,{text}"),
        replace(as_bytes, parts=parts),
        replace(as_bytes, parts=put_back(parts, {name: blob.data for name, blob in blobs.items()})),
    ]
    assert len({key(form) for form in forms}) == 1
    assert key(image(media_type=media_type, data=data + b"x")) != key(as_bytes)


async def test_what_was_stored_has_the_key_of_what_was_asked() -> None:
    """Ids, moments, places and metadata do not count."""
    asked = image(media_type="image/png", data=b"png")
    storage = create_storage("memory")
    await storage.create_session(record())
    _, stored = await storage.append_messages("s", [SessionMessage(content="before"), asked])
    again = replace(stored, id="other", metadata={"a": 1}, source="panel", turn=9, token_count=3)
    assert key(asked) == key(stored) == key(again)
    await storage.close()


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_the_order_of_keys_does_not_count(options: dict[str, Any]) -> None:
    """Objects are the same in any order, and after a round trip through JSON; other values are not."""
    turned = dict(reversed(options.items()))
    assert key(options=options) == key(options=turned) == key(options=json.loads(json.dumps(options)))
    assert key(options={**options, "\0more": 1}) != key(options=options)


@given(JSON, JSON)
def test_different_values_have_different_forms(one: Any, other: Any) -> None:
    """What JSON tells apart, the form does, but for 1 and 1.0."""
    same = json.loads(canonical(one)) == json.loads(canonical(other))
    assert (canonical(one) == canonical(other)) is (
        json.dumps(json.loads(canonical(one)), sort_keys=True)
        == json.dumps(json.loads(canonical(other)), sort_keys=True)
    )
    assert same or canonical(one) != canonical(other)


@pytest.mark.parametrize(
    "change",
    [
        {"provider": "mistral"},
        {"base_url": "https://api.example/v2"},
        {"base_url": None},
        {"model": "m2"},
        {"messages": [SessionMessage(content="b")]},
        {"messages": [SessionMessage(content="a", role=MessageRole.SYSTEM)]},
        {"messages": [SessionMessage(content="a"), SessionMessage(content="a")]},
        {"messages": [SessionMessage(parts=({"type": "context", "text": "a"},))]},
        {"options": {"temperature": 0}},
        {"tools": ["web_search"]},
        {"schema": {"type": "object"}},
        {"sample": 1},
    ],
    ids=str,
)
def test_each_thing_counts(change: dict[str, Any]) -> None:
    """Who is asked, where, what, how, and which of several answers."""
    asked = {"messages": [SessionMessage(content="a")]}
    assert key(**asked) != key(**{**asked, **change})


def test_text_is_a_part() -> None:
    """A message of plain text, and one with a part of text; sources, which are never sent, do not count."""
    text = {"type": "text", "text": "a"}
    same = [SessionMessage(content="a"), SessionMessage(parts=(text,))]
    same.append(SessionMessage(parts=(text, {"type": "citation", "url": "https://e.org"})))
    assert len({key(message) for message in same}) == 1


def test_an_address_is_known_by_where_it_leads() -> None:
    """A slash at the end, the case of the host and a password do not count."""
    urls = ("https://API.example/v1/", "HTTPS://api.example/v1", "https://me:secret@api.example/v1")
    assert {key(base_url=url) for url in urls} == {key()}


@pytest.mark.parametrize(
    "options, error",
    [
        ({"a": float("nan")}, SessionValueError),
        ({"a": object()}, SessionTypeError),
        ({"a": {1: 2}}, SessionTypeError),
    ],
)
def test_what_is_no_json_is_refused(options: dict[str, Any], error: type[Exception]) -> None:
    """Two requests are never told apart, or taken for one, by how Python writes a thing."""
    with pytest.raises(error):
        key(options=options)
