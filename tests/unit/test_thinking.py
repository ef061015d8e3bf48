"""Thinking is kept apart from the answer, and goes back where a service wants it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.core.session import create_session_manager
from langswarm_nb.core.session.messages import MessageRole, RequestFacts, SessionMessage
from langswarm_nb.core.session.parts.vocabulary import Part
from langswarm_nb.core.session.provider_events import Delta, ProviderEvent, ProviderRequest, ThoughtSoFar
from langswarm_nb.core.session.providers import create_provider
from langswarm_nb.core.session.providers._dialect.think_tags import ThinkTags
from langswarm_nb.core.session.providers.chat import ChatProviderSession
from langswarm_nb.core.session.providers.ollama import OllamaProviderSession
from langswarm_nb.notebook.showing.reply import Reply
from tests.contract.provider_cases import event
from tests.support.replay import Replay

CODE = "<think>\nplan\n```python\nbad()\n```\n</think>\n\n```python\ngood()\n```"
plain = st.text(st.characters(exclude_characters="<>`~", exclude_categories=["Cs"]), max_size=20)


def split(text: str, cuts: list[int]) -> tuple[str, str]:
    """Return thinking and answer of a text that comes in pieces."""
    tags, told = ThinkTags(), {"reasoning": "", "text": ""}
    bounds = [0, *sorted({cut % (len(text) + 1) for cut in cuts}), len(text)]
    events: list[ProviderEvent] = []
    for start, end in itertools.pairwise(dict.fromkeys(bounds)):
        events += tags.take(text[start:end])
    for found in [*events, *tags.rest()]:
        if isinstance(found, ThoughtSoFar):
            told = {"reasoning": told["reasoning"] + told["text"].strip(), "text": ""}
        else:
            assert isinstance(found, Delta)
            assert found.text
            told[found.kind] += found.text
    return told["reasoning"], told["text"]


@given(
    plain,
    plain.filter(str.strip),
    st.lists(st.integers(0, 80), max_size=8),
    st.sampled_from(["", "\n", " \n"]),
)
def test_thinking_in_tags_is_told_apart_however_it_is_cut(
    thought: str, answer: str, cuts: list[int], blank: str
) -> None:
    """Whatever pieces it comes in: what stands in the tags is thinking, what follows is the answer."""
    written = f"{blank}<think>{blank}{thought}{blank}</think>{blank}{answer}"
    assert split(written, cuts) == (thought.strip(), answer.lstrip())


@given(
    plain,
    st.lists(st.integers(0, 80), max_size=8),
    st.sampled_from(["<think>", "<thin", "</think>", "< think>"]),
)
def test_tags_elsewhere_are_text(before: str, cuts: list[int], tag: str) -> None:
    """Only an answer that begins with the tag has thinking in it; no other text is changed or lost."""
    written = f"{before}x{tag} and more"
    assert split(written, cuts) == ("", written)
    assert split(before, cuts) == ("", before)


@given(
    plain,
    plain.filter(str.strip),
    st.lists(st.integers(0, 80), max_size=8),
    st.sampled_from(["\n", "\n\n", " \t\n"]),
    st.booleans(),
)
def test_a_closing_tag_alone_makes_thinking_of_what_came_before(
    thought: str, answer: str, cuts: list[int], blank: str, has_code: bool
) -> None:
    """On a line of its own, the first, outside of code: some servers write the opening tag into the prompt."""
    fenced = "```\nbad()\n```\n" if has_code else ""
    before = f"{thought}\n{fenced}"
    assert split(f"{before}</think>{blank}{answer}", cuts) == (before.strip(), answer.lstrip())
    more = f"{answer}\n</think>\nand more"
    assert split(f"{before}</think>{blank}{more}", cuts) == (before.strip(), more.lstrip())


@given(
    plain,
    st.lists(st.integers(0, 80), max_size=8),
    st.sampled_from(
        ["x</think>\n", " </think>\n", "```\n</think>\n```\n", "</think> is a tag\n", "</thinking>\n"]
    ),
)
def test_a_closing_tag_that_closes_nothing_is_text(before: str, cuts: list[int], text: str) -> None:
    """Within a line, within code, and as a part of another one."""
    written = f"{before}.\n{text}and more"
    assert split(written, cuts) == ("", written)


@pytest.mark.parametrize("text", ["<think>cut sho", "<think>", " <think>a</thi", "<thi"])
def test_a_text_that_is_cut_short_loses_nothing_but_tags(text: str) -> None:
    """What was held back is told at the end."""
    thought, answer = split(text, list(range(20)))
    assert text.replace("<think>", "").strip() == (thought + answer).strip()


def chat_body(*deltas: dict[str, Any]) -> bytes:
    chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return b"".join(map(event, [*chunks, end]))


def ollama_body(*messages: dict[str, Any]) -> bytes:
    lines = [{"model": "m", "message": message, "done": False} for message in messages]
    return "\n".join(map(json.dumps, [*lines, {"model": "m", "done": True, "done_reason": "stop"}])).encode()


def local(name: str) -> ChatProviderSession:
    return ChatProviderSession(name, base_url="http://127.0.0.1:9")


PROVIDERS: dict[str, tuple[Callable[[], Any], Callable[..., bytes]]] = {
    **{name: (partial(local, name), chat_body) for name in ("openai-compatible", "vllm", "llamacpp")},
    "ollama": (lambda: OllamaProviderSession(base_url="http://127.0.0.1:9"), ollama_body),
}


@pytest.mark.parametrize(
    "written", [CODE, CODE.removeprefix("<think>\n")], ids=["both tags", "the closing one"]
)
@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize("name", PROVIDERS)
async def test_code_in_thinking_is_no_answer(name: str, size: int, written: str) -> None:
    """`Reply.code` is the answer's; the thinking is kept beside it."""
    create, body = PROVIDERS[name]
    provider = create()
    Replay([body(*({"content": written[at : at + size]} for at in range(0, len(written), size)))]).into(
        provider
    )
    async with create_session_manager("memory") as manager:
        session = await manager.create_session("ada", "mock", "m")
        message = await session.send_message("Hi", provider_session=provider)
        [question, _] = await session.get_messages()
        reply = Reply(message, question, session)
    assert (reply.code, message.content) == ("good()", "```python\ngood()\n```")
    assert message.reasoning == "plan\n```python\nbad()\n```"


@pytest.mark.parametrize("name", PROVIDERS)
async def test_tags_are_text_where_the_service_tells_thinking_apart(name: str) -> None:
    """A model that is asked about tags may begin with one."""
    create, body = PROVIDERS[name]
    provider = create()
    field = "thinking" if name == "ollama" else "reasoning_content"
    Replay([body({"content": "", field: "hm"}, {"content": "<think> is a tag"})]).into(provider)
    request = ProviderRequest("m", (SessionMessage(content="Hi"),))
    told = [event async for event in provider.stream(request) if isinstance(event, Delta)]
    assert told == [Delta("hm", "reasoning"), Delta("<think> is a tag")]


@pytest.mark.parametrize("name", PROVIDERS)
async def test_words_before_thinking_that_is_told_apart_keep_their_place(name: str) -> None:
    """What looked like the beginning of a tag is told before what follows it."""
    create, body = PROVIDERS[name]
    provider = create()
    field = "thinking" if name == "ollama" else "reasoning_content"
    Replay([body({"content": "<thi"}, {"content": "", field: "hm"}, {"content": "ngs>"})]).into(provider)
    request = ProviderRequest("m", (SessionMessage(content="Hi"),))
    told = [event async for event in provider.stream(request) if isinstance(event, Delta)]
    assert told == [Delta("<thi"), Delta("hm", "reasoning"), Delta("ngs>")]


CALL: Part = {"type": "tool_call", "id": "c1", "name": "f", "arguments": "{}"}
RESULT: Part = {"type": "tool_result", "tool_call_id": "c1", "content": "42"}


def path(provider: str, *thoughts: str) -> tuple[SessionMessage, ...]:
    thinking = tuple({"type": "reasoning", "text": thought} for thought in thoughts)
    called = SessionMessage(
        role=MessageRole.ASSISTANT, parts=(*thinking, CALL), request=RequestFacts(provider, "m")
    )
    said = SessionMessage(role=MessageRole.ASSISTANT, content="Done", parts=thinking, request=called.request)
    return (
        SessionMessage(content="Hi"),
        called,
        SessionMessage(role=MessageRole.TOOL, parts=(RESULT,)),
        said,
        SessionMessage(content="And?"),
    )


@pytest.mark.parametrize(
    "config, wants",
    [
        ({"name": "deepseek"}, True),
        ({"name": "openai-compatible", "base_url": "https://api.deepseek.com/v1"}, True),
        ({"name": "openai-compatible", "base_url": "https://notdeepseek.com.example/v1"}, False),
        ({"name": "vllm"}, False),
    ],
)
@pytest.mark.parametrize("thoughts", [("I look it up.",), ()])
async def test_thinking_goes_back_with_calls_to_who_wants_it(
    config: dict[str, Any], wants: bool, thoughts: tuple[str, ...]
) -> None:
    """DeepSeek refuses a second round of tools without it; the field is there even when it was empty."""
    name = config["name"]
    provider: Any = create_provider(name, api_key="sk-1", **{k: v for k, v in config.items() if k != "name"})
    for by in (name, "anthropic"):
        sent = Replay([chat_body({"content": "ok"})])
        sent.into(provider)
        request = ProviderRequest("m", path(by, *thoughts))
        assert [event async for event in provider.stream(request)]
        called, done = (json.loads(sent.sent[0].content)["messages"][at] for at in (1, 3))
        expected = "".join(thoughts) if by == name else ""
        assert called.get("reasoning_content") == (expected if wants else None)
        assert "reasoning_content" not in done
    await provider.close()
