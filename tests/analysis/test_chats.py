"""Chat lines in the style of OpenAI: whatever comes in is kept or refused in words, and all that was said goes out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.analysis import export, import_sessions, messages_df
from langswarm_nb.analysis.transfer.forms import chats
from langswarm_nb.core.session import MessageRole, SessionMessage, SessionSettings, SessionValueError
from langswarm_nb.core.session.conversation.nodes import TreeRows
from langswarm_nb.core.session.export import exported
from langswarm_nb.core.session.imports.chats import session_of_chat
from langswarm_nb.core.session.settings import SessionRecord
from tests.analysis.test_transfer import HEAD, LINE

ASK: dict[str, Any] = {"role": "user", "content": "Hi"}
SETTINGS = SessionSettings("mock", "echo")


def called(name: str = "f", number: str | None = None, arguments: Any = "{}", **more: Any) -> dict[str, Any]:
    """Return a message that asks for one call."""
    call = {"type": "function", "function": {"name": name, "arguments": arguments}, **more}
    call |= {"id": number} if number is not None else {}
    return {"role": "assistant", "content": "", "tool_calls": [call]}


def read(*said: Any, **more: Any) -> Any:
    """Return the messages of one chat line."""
    return session_of_chat("chats.jsonl", 1, {"messages": list(said), **more}, SETTINGS)


async def imported(manager, tmp_path, *said, **more):
    """Import one chat line and return its session."""
    path = tmp_path / "chats.jsonl"
    path.write_text(json.dumps({"messages": list(said), **more}), "utf-8")
    [key] = import_sessions(path, manager)
    return await manager.get_session(key)


@pytest.mark.parametrize(
    "said, kept",
    [
        ({"content": None, "refusal": "No."}, [("refusal", "No.")]),
        ({"content": [{"type": "refusal", "refusal": "No."}]}, [("refusal", "No.")]),
        ({"content": "yo", "reasoning_content": "hm"}, [("reasoning", "hm"), ("text", "yo")]),
        ({"content": "yo", "reasoning": "hm"}, [("reasoning", "hm"), ("text", "yo")]),
        ({"content": "Half", "refusal": "No."}, [("text", "Half"), ("refusal", "No.")]),
    ],
)
async def test_refusals_and_thinking_are_kept(manager, tmp_path, said, kept):
    """As parts of their own, stored and exported again."""
    session = await imported(manager, tmp_path, ASK, {"role": "assistant", **said})
    [_, answer] = await session.get_messages()
    assert [(part["type"], part["text"]) for part in answer.parts] == kept
    [line] = [json.loads(text) for text in export(session, format="jsonl").splitlines()][2:]
    assert [part["text"] for part in line["parts"]] == [text for _, text in kept]


async def test_what_has_no_field_stays_in_the_metadata(manager, tmp_path):
    """Of a message and of the line; nothing in the file is dropped."""
    said = [
        {**ASK, "name": "Bob"},
        {"role": "assistant", "content": "yo", "weight": 0, "annotations": [{"url": "x"}], "audio": None},
    ]
    session = await imported(
        manager, tmp_path, *said, tools=[{"type": "function"}], parallel_tool_calls=False
    )
    [question, answer] = await session.get_messages()
    assert question.metadata == {"chat": {"name": "Bob"}}
    assert answer.metadata == {"chat": {"weight": 0, "annotations": [{"url": "x"}]}}
    assert session.record.metadata == {
        "chat": {"tools": [{"type": "function"}], "parallel_tool_calls": False}
    }


@pytest.mark.parametrize(
    "first, second",
    [
        ({"name": "f"}, {"name": "g"}),
        ({}, {}),
        ({"role": "function", "name": "f"}, {"role": "function", "name": "g"}),
        ({"tool_call_id": ""}, {"tool_call_id": None}),
    ],
    ids=["by name", "in order", "function", "empty"],
)
async def test_calls_without_ids_get_their_results(manager, tmp_path, first, second):
    """Each call has an id of its own in its chat, and a result that names none goes to the one it answers."""
    both = called("f")
    both["tool_calls"] += called("g")["tool_calls"]
    told = [{"role": "tool", "content": "1", **first}, {"role": "tool", "content": "2", **second}]
    session = await imported(
        manager, tmp_path, ASK, called("h", "call_0"), {"role": "tool", "content": "0"}, both, *told
    )
    messages = await session.get_messages()
    calls = [call["id"] for message in messages for call in message.tool_calls]
    results = [
        part["tool_call_id"] for message in messages for part in message.parts if "tool_call_id" in part
    ]
    assert (len(set(calls)), results) == (3, calls)
    frame = messages_df(session)
    assert frame["tool_name"].dropna().tolist() == ["h", "f", "g"]


@pytest.mark.parametrize(
    "arguments, text",
    [({"a": 1}, '{"a": 1}'), (None, "{}"), ('{"a":1}', '{"a":1}'), ({}, "{}"), ([1], "[1]")],
)
async def test_arguments_become_json_text(manager, tmp_path, arguments, text):
    """Whatever form the file has them in."""
    session = await imported(manager, tmp_path, ASK, called("f", "1", arguments))
    assert (await session.get_messages())[-1].tool_calls[0]["arguments"] == text
    old = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": arguments}}
    assert read(ASK, old).messages[-1].tool_calls[0]["arguments"] == text


def test_more_of_parts_and_calls_is_kept():
    """How fine an image is looked at, what a service adds to a call, an image beside a result."""
    image = {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": "low"}}
    messages = read(
        {"role": "user", "content": [image, {"type": "text", "text": "See", "cache_control": {"type": "e"}}]},
        called("f", "1", "{}", extra_content={"signature": "s"}),
        {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "a"}, image]},
    ).messages
    assert messages[0].parts == (
        {"type": "image", "url": "https://x.example/a.png", "detail": "low"},
        {"type": "text", "text": "See", "cache_control": {"type": "e"}},
    )
    assert messages[1].tool_calls[0]["extra_content"] == {"signature": "s"}
    assert [part["type"] for part in messages[2].parts] == ["tool_result", "image"]


@pytest.mark.parametrize(
    "said, words",
    [
        ({"content": "x"}, "the role of a message must be text, not None"),
        ({"role": "user", "content": 7}, "content must be text or a list of parts, not 7"),
        (
            {"role": "user", "content": [{"type": "input_audio", "data": "x"}]},
            "others cannot be kept.*input_audio",
        ),
        ({"role": "assistant", "refusal": ["no"]}, "refusal must be text"),
        ({"role": "assistant", "tool_calls": {"id": 1}}, "tool_calls must be a list of objects"),
        ({"role": "assistant", "tool_calls": [7]}, "tool_calls must be a list of objects"),
        (
            {"role": "assistant", "tool_calls": [{"id": "1", "type": "custom", "custom": {}}]},
            "needs a function.*custom",
        ),
        (
            {"role": "assistant", "tool_calls": [{"id": 1, "function": {"name": "f"}}]},
            "id of a tool call must be text",
        ),
        ({"role": "assistant", "function_call": "f"}, "needs a function with a name"),
        ("x", "a message must be an object, not 'x'"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_words(said, words):
    """The error says what it is and what there should be, never only the name of a key."""
    with pytest.raises(SessionValueError, match=f"line 1 is not a chat: .*{words}.*Nothing was imported"):
        read(ASK, said)


@pytest.mark.parametrize(
    "lines, words",
    [
        ([HEAD, {k: v for k, v in LINE.items() if k != "timestamp"}], "line 2.*: 'timestamp' is missing"),
        (
            [{**HEAD, "session": {k: v for k, v in HEAD["session"].items() if k != "created_at"}}],
            "'created_at' is miss",
        ),
        (
            [{**HEAD, "session": {k: v for k, v in HEAD["session"].items() if k != "settings"}}],
            "'settings' is missing",
        ),
        ([{**HEAD, "surprise": 1}], "unknown field 'surprise'"),
        ([{**HEAD, "session": {**HEAD["session"], "surprise": 1}}], "unknown field 'surprise'"),
        (
            [
                {
                    **HEAD,
                    "session": {**HEAD["session"], "settings": {"provider": "mock", "model": "m", "mood": 1}},
                }
            ],
            "unknown field 'mood'",
        ),
        (
            [
                {
                    **HEAD,
                    "session": {
                        **HEAD["session"],
                        "settings": {"provider": "mock", "model": "m", "options": 1},
                    },
                }
            ],
            "options must be an object",
        ),
    ],
)
async def test_our_own_lines_say_what_is_missing_or_unknown(manager, tmp_path, lines, words):
    """Neither dropped nor told by the name of a key alone."""
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    with pytest.raises(SessionValueError, match=words):
        import_sessions(path, manager)


async def test_what_is_not_taken_over_is_told(manager, tmp_path, monkeypatch, capsys):
    """Options and the conversation that a provider held; the names of both, without their values."""
    monkeypatch.setenv("LANGSWARM_PROGRESS", "text")
    settings = {"provider": "mock", "model": "m", "options": {"base_url": "https://x.example"}, "retries": 5}
    path = tmp_path / "x.jsonl"
    path.write_text(
        json.dumps({**HEAD, "session": {**HEAD["session"], "settings": settings, "native": {"a": 1}}})
    )
    [key] = import_sessions(path, manager)
    told = "Not taken over from x.jsonl: the option 'base_url', the conversation that the provider held.\n"
    assert capsys.readouterr().err == told
    assert (await manager.storage.load_session(key)).settings.retries == 5


# -- going out

PART = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, st.text(min_size=1, max_size=8)),
    st.builds(
        lambda number, text: {"type": "tool_result", "tool_call_id": str(number), "content": text},
        st.integers(0, 3),
        st.text(max_size=8),
    ),
)


async def test_every_text_and_result_goes_out(manager):
    """A tool's message with a note, and with the results of several calls: one line a result, then the note."""
    session = await manager.create_session("ada", "mock", "echo")
    await session.send_message("Hi")
    parts = [
        {"type": "text", "text": "note"},
        {"type": "tool_result", "tool_call_id": "a", "content": "ra"},
        {"type": "tool_result", "tool_call_id": "b", "content": "rb"},
    ]
    await session.send_message("", MessageRole.TOOL, parts=parts)
    [line] = [json.loads(text)["messages"] for text in export(session, format="openai").splitlines()]
    assert line[2:5] == [
        {"role": "tool", "tool_call_id": "a", "content": "ra"},
        {"role": "tool", "tool_call_id": "b", "content": "rb"},
        {"role": "user", "content": "note"},
    ]


async def test_a_refusal_goes_out(manager, tmp_path):
    """It was the model's answer."""
    session = await imported(manager, tmp_path, ASK, {"role": "assistant", "content": None, "refusal": "No."})
    [line] = [json.loads(text)["messages"] for text in export(session, format="openai").splitlines()]
    assert line[1] == {"role": "assistant", "content": "No."}


@given(st.lists(st.lists(PART, min_size=1, max_size=4), min_size=1, max_size=3))
def test_whatever_is_in_a_message_goes_out(messages):
    """Each text and each result of each message stands in the line, in order of its kind."""
    said: list[SessionMessage] = [SessionMessage(content="Hi", seq=0, turn=0)]
    for seq, parts in enumerate(messages, 1):
        role = (
            MessageRole.TOOL
            if any(part["type"] == "tool_result" for part in parts)
            else MessageRole.ASSISTANT
        )
        said.append(SessionMessage(role=role, parts=tuple(parts), seq=seq, parent_seq=seq - 1, turn=0))
    last = len(said)
    said.append(
        SessionMessage(role=MessageRole.ASSISTANT, content="End", seq=last, parent_seq=last - 1, turn=0)
    )
    tree = TreeRows((), last, "main", (), (), (), 0)
    text = chats([exported(SessionRecord("s", "u", SETTINGS), said, tree)])
    line = json.loads(text)["messages"]
    results = [part["content"] for parts in messages for part in parts if part["type"] == "tool_result"]
    assert [message["content"] for message in line if message["role"] == "tool"] == results
    spoken = "\n\n".join(
        message["content"] for message in line if message["role"] != "tool" and message["content"]
    )
    texts = [part["text"] for parts in messages for part in parts if part["type"] == "text"]
    assert spoken == "\n\n".join(["Hi", *texts, "End"])
