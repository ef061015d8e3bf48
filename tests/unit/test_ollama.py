"""Ollama's dialect, going out and coming back, without a network."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.messages import FinishReason, MessageRole, RequestFacts, SessionMessage, Usage
from langswarm_nb.core.session.provider_events import Delta, Finish, PartDone, ProviderRequest, ReplyInfo
from langswarm_nb.core.session.providers import create_provider
from langswarm_nb.core.session.providers.ollama import (
    OllamaProviderSession,
    OllamaReader,
    host_url,
    wire_body,
    wire_messages,
    wire_options,
)

QUESTION = SessionMessage(content="Hi")
END = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}


def read_all(
    *bodies: Any, messages: tuple[SessionMessage, ...] = (QUESTION,), **parameters: Any
) -> list[Any]:
    reader = OllamaReader(messages, parameters)
    events = [event for body in bodies for event in reader.read(body)]
    assert reader.is_whole
    return [*events, *reader.finish()]


def line(**message: Any) -> dict[str, Any]:
    return {"model": "m", "message": {"role": "assistant", **message}, "done": False}


def test_thoughts_and_calls_are_kept_apart_from_the_answer() -> None:
    """Calls come whole, with an object, mostly without ids."""
    function = {"name": "f", "arguments": {"city": "Zürich"}}
    events = read_all(
        line(thinking="Hm."),
        line(content="Yes."),
        line(tool_calls=[{"function": function}, {"function": function}]),
        END,
    )
    assert [event for event in events if isinstance(event, Delta)] == [
        Delta("Hm.", "reasoning"),
        Delta("Yes."),
    ]
    parts = [event.part for event in events if isinstance(event, PartDone)]
    assert [part["id"] for part in parts] == ["call_0", "call_1"]
    assert parts[0]["arguments"] == '{"city": "Zürich"}'
    assert events[-1] == Finish(FinishReason.TOOL_CALLS, "stop")


def test_ids_of_calls_are_new_on_the_path() -> None:
    """The second turn's call is not taken for the first's."""
    call = {"type": "tool_call", "id": "call_0", "name": "f", "arguments": "{}"}
    result = {"type": "tool_result", "tool_call_id": "call_0", "content": "ok"}
    messages = (
        QUESTION,
        SessionMessage(role=MessageRole.ASSISTANT, parts=(call,)),
        SessionMessage(role=MessageRole.TOOL, parts=(result,)),
    )
    events = read_all(line(tool_calls=[{"function": {"name": "f"}}]), END, messages=messages)
    assert [event.part["id"] for event in events if isinstance(event, PartDone)] == ["call_1"]
    wire = wire_messages(messages)
    assert wire[1]["tool_calls"] == [{"function": {"name": "f", "arguments": {}}}]
    assert wire[2] == {"role": "tool", "content": "ok", "tool_name": "f"}


def test_a_count_that_is_not_told_is_not_known() -> None:
    """``prompt_eval_count`` is missing when the whole prompt was in the cache."""
    assert Usage(output_tokens=4) in read_all({**END, "eval_count": 4})
    assert not [event for event in read_all(END) if isinstance(event, Usage)]


@pytest.mark.parametrize(
    "word, reason",
    [
        ("stop", FinishReason.STOP),
        ("length", FinishReason.LENGTH),
        ("load", FinishReason.STOP),
        (None, FinishReason.STOP),
    ],
)
def test_ends_are_told_in_our_words_and_in_ollamas(word: str | None, reason: FinishReason) -> None:
    """The end keeps Ollama's word."""
    assert read_all({**END, "done_reason": word})[-1] == Finish(reason, word)


LONG = (SessionMessage(content="word " * 4_000), QUESTION)  # about 5,000 tokens


@pytest.mark.parametrize(
    "read, num_ctx, warns",
    [
        (2048, None, True),
        (4_000, None, False),
        (4_090, 4_096, False),
        (3_900, 4_096, True),
        (5_000, 8_192, False),
        (3_000, 8_192, False),
        (None, 4_096, False),
    ],
)
def test_a_prompt_that_was_cut_is_said_to_be(
    read: int | None, num_ctx: int | None, warns: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Ollama cuts without a word what is longer than ``num_ctx``; a line in the log and a detail tell."""
    parameters = {} if num_ctx is None else {"num_ctx": num_ctx}
    end = END if read is None else {**END, "prompt_eval_count": read}
    with caplog.at_level(logging.WARNING, "langswarm_nb"):
        events = read_all(end, messages=LONG, **parameters)
    told = [event.details for event in events if isinstance(event, ReplyInfo) and "warning" in event.details]
    assert bool(told) == ("num_ctx" in caplog.text) == warns


def test_options_stand_where_ollama_has_them() -> None:
    """A few beside the messages, the others among the parameters of the model."""
    options = {
        "temperature": 0.5,
        "max_tokens": 9,
        "stop": ("a",),
        "seed": 1,
        "reasoning_effort": "low",
        "num_ctx": 8192,
        "keep_alive": "5m",
        "format": "json",
        "options": {"top_k": 3},
    }
    assert wire_options(options) == {
        "keep_alive": "5m",
        "format": "json",
        "think": "low",
        "options": {
            "top_k": 3,
            "num_predict": 9,
            "temperature": 0.5,
            "stop": ["a"],
            "seed": 1,
            "num_ctx": 8192,
        },
    }
    assert wire_options({"reasoning_effort": "none"}) == {"think": False}
    assert wire_options({}) == {}


def test_whole_replies_are_asked_for_as_such() -> None:
    """Ollama streams when nothing is said."""
    assert wire_body(ProviderRequest("m", (QUESTION,), stream=False))["stream"] is False


def test_an_image_goes_as_data() -> None:
    """Ollama fetches no addresses."""
    url = {"type": "image", "url": "data:image/png;base64,AAAA"}
    (wire,) = wire_messages([SessionMessage(content="See", parts=(url,))])
    assert wire == {"role": "user", "content": "See", "images": ["AAAA"]}
    remote = {"type": "image", "url": "https://x.example/a.png"}
    (wire,) = wire_messages([SessionMessage(content="See", parts=(remote,))])
    assert wire == {"role": "user", "content": "See\n\n[image https://x.example/a.png]"}


def test_only_its_own_thoughts_go_back_with_calls() -> None:
    """Those of another service are not sent to this one."""
    parts = (
        {"type": "reasoning", "text": "Hm."},
        {"type": "tool_call", "id": "a", "name": "f", "arguments": "{}"},
    )
    for provider, thinking in (("ollama", "Hm."), ("openai", None)):
        message = SessionMessage(role=MessageRole.ASSISTANT, parts=parts, request=RequestFacts(provider, "m"))
        assert wire_messages([message])[0].get("thinking") == thinking


def test_a_choice_of_tools_is_refused() -> None:
    """Ollama has none, and would not say so."""
    with pytest.raises(errors.ProviderRequestError, match="tool_choice"):
        create_provider("ollama").stream(ProviderRequest("m", (QUESTION,), {"tool_choice": "auto"}))


@pytest.mark.parametrize(
    "host, url",
    [
        ("127.0.0.1", "http://127.0.0.1:11434"),
        ("localhost:8080", "http://localhost:8080"),
        (":8080", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:11434"),  # noqa: S104
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("[::]:8080", "http://127.0.0.1:8080"),
        ("[::1]", "http://[::1]:11434"),
        ("http://localhost", "http://localhost"),
        ("https://ollama.com", "https://ollama.com"),
        ("https://ollama.example:8443/at/", "https://ollama.example:8443/at"),
        ("localhost/at/", "http://localhost:11434/at"),
    ],
)
def test_every_form_of_ollama_host_is_understood(
    host: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scheme and port may be missing; the address that a server listens on means this machine."""
    assert host_url(host) == url
    monkeypatch.setenv("OLLAMA_HOST", host)
    assert OllamaProviderSession().http.address.url == url


@pytest.mark.parametrize(
    "host", ["172.32.1.5:11434", "http://ollama.example", "user:secret@localhost", "a b", "::1"]
)
def test_a_host_that_words_could_be_read_on_the_way_to_is_refused(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the variable."""
    monkeypatch.setenv("OLLAMA_HOST", host)
    with pytest.raises(errors.SessionValueError, match="OLLAMA_HOST") as caught:
        OllamaProviderSession()
    assert "secret" not in str(caught.value)


def test_a_key_in_the_environment_is_for_the_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server on this machine gets a key only when it is passed."""
    monkeypatch.setenv("OLLAMA_API_KEY", "key-of-no-account")
    local, cloud = OllamaProviderSession(), OllamaProviderSession(base_url="https://ollama.com/api")
    passed = OllamaProviderSession("key-of-no-account")
    assert [len(session.http._secrets) for session in (local, cloud, passed)] == [0, 1, 1]
    assert cloud.http.address.url == "https://ollama.com"
