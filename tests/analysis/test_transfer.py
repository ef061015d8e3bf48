"""Export and import: what leaves comes back whole, is safe where it arrives, and keeps no secret it should not."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import stat
from dataclasses import fields, replace
from html import escape, unescape
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from langswarm_nb.analysis import (
    export,
    import_sessions,
    messages_df,
    sessions_df,
    set_price,
    turns_df,
)
from langswarm_nb.analysis.transfer import safe_csv
from langswarm_nb.core.session import (
    MessageRole,
    SessionStorageError,
    SessionTypeError,
    SessionValueError,
    create_session_manager,
)
from tests.analysis.support import ANY_TEXT, grown


async def everything(manager, session_id):
    """Return all that is stored of a session, as comparable values."""
    record = await manager.storage.load_session(session_id)
    messages = await manager.storage.get_messages(session_id, branch="all")
    kept = [{f.name: getattr(message, f.name) for f in fields(message)} for message in messages]
    facts = {f.name: getattr(record, f.name) for f in fields(record) if f.compare}
    tree = await manager.storage.read_tree(session_id)
    tree = tree._replace(hidden=sorted(tree.hidden), stamp=None)  # how often paths changed is no part of it
    settings = replace(facts.pop("settings"), options={})
    return (
        kept,
        tree,
        settings,
        {n: v for n, v in facts.items() if n not in ("user_id", "updated_at", "home")},
    )


@pytest.mark.parametrize("name", ["all.jsonl", "all.json", "all.ipynb"])
async def test_what_leaves_comes_back_whole(filled, tmp_path, name):
    """Messages with their numbers, branches, former tips, asides, scopes, hidden marks, facts, settings, state."""
    await grown(filled)
    [first, *_] = [s for s in await filled.list_user_sessions("ada") if s.title == "First"]
    await first.fork(at=0, name="side way")
    await first.send_message("On the side.")
    export(filled, tmp_path / name, redact=False)
    async with create_session_manager("sqlite", {"db_path": str(tmp_path / "other.db")}) as other:
        ids = import_sessions(tmp_path / name, other, user_id="eve")
        assert len(ids) == len(await filled.storage.list_sessions())
        for session_id in ids:
            assert await everything(other, session_id) == await everything(filled, session_id)
            assert (await other.storage.load_session(session_id)).home is None
        assert set(messages_df(other)["user_id"]) == {"eve"}
        assert len(turns_df(other, branch="all")) == len(turns_df(filled, branch="all"))


async def test_an_import_beside_the_original_gets_a_new_id(manager, tmp_path):
    """Nothing that is there is overwritten, and the copy has the numbers, branches and marks of the original."""
    session = await grown(manager)
    before = messages_df(session, branch="all")
    export(session, tmp_path / "grown.jsonl")
    [copied] = import_sessions(tmp_path / "grown.jsonl", manager)
    assert copied != session.session_id
    pd.testing.assert_frame_equal(messages_df(session, branch="all"), before)
    (_, tree, *_), (_, other, *_) = [await everything(manager, key) for key in (session.session_id, copied)]
    assert other == tree


async def test_an_import_counts_nothing_twice(manager, tmp_path):
    """An answer that is in the store counts once: its copy has model and text, and neither tokens nor dollars."""
    set_price("echo", 1, 2)
    set_price("script", 1, 2)
    session = await grown(manager)
    before = sessions_df(manager, branch="all")
    export(session, tmp_path / "grown.jsonl", redact=False)
    ids = [import_sessions(tmp_path / "grown.jsonl", manager)[0] for _ in range(2)]
    after = sessions_df(manager, branch="all")
    assert len(turns_df(manager, branch="all")) == len(turns_df(session, branch="all"))
    for column in ("input_tokens", "output_tokens", "cost_usd", "busy_s", "n_errors", "n_unpriced"):
        assert after[column].sum() == before[column].sum()
    assert after["n_turns"].tolist() == before["n_turns"].tolist() * 3
    assert after.loc[after["session_id"].isin(ids), "cost_usd"].isna().tolist() == [True, True]
    keys = (session.session_id, *ids)
    original, *copies = [messages_df(await manager.get_session(key), branch="all") for key in keys]
    for copy in copies:
        for column in (
            "message_id",
            "content",
            "provider",
            "model",
            "status",
            "turn",
            "version",
            "is_hidden",
        ):
            pd.testing.assert_series_equal(copy[column], original[column])
        assert copy["request_id"].isna().all()
    about = json.loads(copies[0].loc[copies[0]["role"] == "assistant", "metadata_json"].iloc[0])
    assert about["copy_of"]["session_id"] == session.session_id
    assert about["copy_of"]["address"] == "0.1"


async def test_an_export_of_the_first_version_comes_in(manager):
    """Turns, which were counted on each path then, get numbers of their own; what was beside or hidden still is."""
    [key] = import_sessions(Path(__file__).parent / "exports" / "version_1.jsonl", manager)
    session = await manager.get_session(key)
    messages = await session.get_messages(branch="all")
    asked = {m.content: (m.address, m.beside, m.is_hidden) for m in messages if m.role is MessageRole.USER}
    assert asked == {
        "Cats?": ("0.1", None, True),
        "Dogs?": ("1.1", None, False),
        "Dogs, again?": ("1.2", None, False),
        "Birds?": ("3.1", None, False),
        "By the way?": ("2.1", "aside", False),
        "Who?": ("4.2", "comparison", False),
    }
    assert [m.scope for m in messages if m.role is MessageRole.SYSTEM] == ["session"]
    plan = await session.plan_message("And now?")
    assert [m.content for m in plan.messages[:-1]] == ["Be brief.", "Dogs, again?", "You said: Dogs, again?"]
    await session.switch_branch("idea")
    assert (await session.get_messages())[-1].content == "You said: Birds?"
    assert (await session.send_message("Next?")).address == "5.1"


async def test_an_import_counts_where_the_original_is_gone(manager, tmp_path):
    """What was exported, deleted and imported again counts as before."""
    session = await grown(manager)
    before = turns_df(session, branch="all")
    export(session, tmp_path / "grown.jsonl", redact=False)
    await session.delete()
    [restored] = import_sessions(tmp_path / "grown.jsonl", manager, user_id="dan")
    assert restored == session.session_id
    after = turns_df(manager, branch="all")
    pd.testing.assert_frame_equal(after.drop(columns="home"), before.drop(columns="home"))


async def test_an_imported_session_goes_on(filled, tmp_path):
    """The next message hangs where the conversation stood."""
    [bob] = await filled.list_user_sessions("bob")
    export(bob, tmp_path / "bob.jsonl")
    [copied] = import_sessions(tmp_path / "bob.jsonl", filled, user_id="me")
    session = await filled.get_session(copied)
    before = await session.get_messages()
    await session.send_message("And now?")
    after = await session.get_messages()
    assert after[-2].parent_seq == before[-1].seq
    assert len(after) == len(before) + 2


async def test_json_is_the_same_as_one_document(filled):
    """Each session of the document holds the lines of the other form."""
    lines = [json.loads(line) for line in export(filled, format="jsonl", redact=False).splitlines()]
    document = json.loads(export(filled, format="json", redact=False))
    flat = []
    for session in document["sessions"]:
        messages = session.pop("messages")
        flat += [session, *messages]
    assert flat == lines


async def test_the_suffix_says_the_form(filled, tmp_path):
    """Written as what the name says; the text is returned too; an unknown suffix is an error."""
    text = export(filled, tmp_path / "talk.md")
    assert (tmp_path / "talk.md").read_text("utf-8") == text
    assert text.startswith("# First\n\nmock:echo, ")
    with pytest.raises(SessionValueError, match=r"'\.docx'.*format="):
        export(filled, tmp_path / "talk.docx")
    with pytest.raises(SessionValueError, match="Did you mean 'jsonl'"):
        export(filled, format="jsonll")  # type: ignore[arg-type]


def headings(text, form):
    """Return the lines above the messages of an export to read."""
    if form == "html":
        return [unescape(line) for line in re.findall(r"<h3>(.*?)</h3>", text)]
    return re.findall(r"^## (.*)$", text, flags=re.MULTILINE)


@pytest.mark.parametrize("form", ["md", "html"])
async def test_what_is_hidden_or_failed_is_marked(manager, form):
    """An export to read says of each message who spoke, where it stands, and whether it was sent and answered."""
    session = await grown(manager)
    stream = session.stream_message("Count.", model="mock:echo", stream=True)
    async for _ in stream:
        break
    await stream.aclose()
    text = export(session, format=form)
    assert headings(text, form) == [
        "System",
        "User · 0.1 · hidden from the model",
        "Assistant (echo) · 0.1 · hidden from the model",
        "System · 0.1",
        "User · 6.1",
        "Assistant (error) · 6.1 · failed",
        "User · 7.1",
        "Assistant (echo) · 7.1 · stopped",
    ]
    assert "No jokes." in text
    [failed] = [m for m in await session.get_messages() if m.request and m.request.status == "error"]
    assert failed.request is not None
    words = failed.request.error_message or "none"
    assert (escape(words) if form == "html" else words) in text


async def test_a_session_alone_exports_the_same(filled, tmp_path):
    """`session.export` writes what `export` writes of it, and it can be imported."""
    session = await grown(filled)
    for form in ("jsonl", "md"):
        assert await session.export(format=form) == export(session, format=form, redact=False)
    await session.export(tmp_path / "grown.jsonl")
    async with create_session_manager("memory") as other:
        [key] = import_sessions(tmp_path / "grown.jsonl", other)
        assert await everything(other, key) == await everything(filled, key)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
async def test_only_the_owner_reads_an_export(filled, tmp_path):
    """Whatever the umask, and also over a file that others could read."""
    (tmp_path / "talk.jsonl").write_text("old")
    (tmp_path / "talk.jsonl").chmod(0o644)
    export(filled, tmp_path / "talk.jsonl")
    assert stat.S_IMODE((tmp_path / "talk.jsonl").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if "talk" in path.name] == ["talk.jsonl"]


async def test_a_file_that_cannot_be_written_is_an_error(filled, tmp_path):
    """The error names the place; what was there before stays."""
    with pytest.raises(SessionStorageError, match="nowhere"):
        export(filled, tmp_path / "nowhere" / "talk.jsonl")
    with pytest.raises(SessionTypeError, match="path"):
        export(filled, 7)  # type: ignore[arg-type]  # the point of the test


# -- notebooks and chats


async def test_a_notebook_is_valid_and_shows_the_conversation(filled, tmp_path):
    """Questions are cells, answers are their outputs as plain text; nothing in it runs by itself."""
    export(filled, tmp_path / "talk.ipynb")
    notebook = nbformat.read(tmp_path / "talk.ipynb", as_version=4)
    nbformat.validate(notebook)
    active = messages_df(filled)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) == active["role"].eq("user").sum()
    assert all(cell.source.startswith("%%langswarm --raw\n") for cell in code)
    assert {key for cell in code for output in cell.outputs for key in output.data} == {"text/plain"}
    assert not any(cell.cell_type == "markdown" for cell in notebook.cells)
    addresses = [cell.metadata.langswarm_nb.address for cell in code]
    asked = active[active["role"] == "user"]
    assert addresses == [
        f"{turn}.{version}" for turn, version in zip(asked["turn"], asked["version"], strict=True)
    ]
    raw = [cell.source for cell in notebook.cells if cell.cell_type == "raw"]
    assert "0.1: hidden from the model" in raw
    outputs = [output.data["text/plain"] for cell in code for output in cell.outputs]
    assert any(text.startswith("Assistant (error) · 2.1 · failed") for text in outputs)


async def test_chat_lines_train_other_models(filled):
    """One chat a line in the form of the services, as it is sent: nothing hidden, nothing that was not answered."""
    lines = [json.loads(line) for line in export(filled, format="openai", redact=False).splitlines()]
    assert len(lines) == 2
    assert "Fail." not in [m["content"] for m in lines[0]["messages"]]
    assert [m["role"] for m in lines[0]["messages"]][:3] == ["system", "user", "assistant"]
    [tooled] = [line["messages"] for line in lines if any("tool_calls" in m for m in line["messages"])]
    assert tooled[1]["tool_calls"][0]["function"] == {"name": "add", "arguments": '{"a": 1}'}
    assert tooled[2] == {"role": "tool", "content": "2", "tool_call_id": "call-1"}
    assert ANY_TEXT in [m["content"] for m in lines[0]["messages"]]


async def test_chat_lines_come_in(manager, tmp_path):
    """Text, parts, developer messages, images, tool calls and results; each line is a session."""
    image, call = {"url": "https://x.example/a.png"}, {"name": "f", "arguments": "{}"}
    chat: list[dict[str, Any]] = [
        {"role": "developer", "content": "Be brief."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "See:"}, {"type": "image_url", "image_url": image}],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": call}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "42"},
        {"role": "assistant", "content": "It is 42."},
    ]
    path = tmp_path / "train.jsonl"
    path.write_text("".join(json.dumps({"messages": chat, "tools": []}) + "\n" for _ in range(2)), "utf-8")
    ids = import_sessions(path, manager, user_id="me", provider="mock", model="echo")
    assert len(ids) == 2
    messages = await manager.storage.get_messages(ids[0])
    assert [message.role.value for message in messages] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
    ]
    assert [message.turn for message in messages] == [None, 0, 0, 0, 0]
    assert messages[1].content == "See:"
    assert messages[2].tool_calls[0]["name"] == "f"
    frame = messages_df(manager)
    assert set(frame["source"]) == {"import"}
    assert frame["tool_name"].dropna().unique().tolist() == ["f"]
    back = [json.loads(line)["messages"] for line in export(manager, format="openai").splitlines()]
    assert back[0][1:] == [{**m, "content": m["content"] or ""} for m in chat[1:]]


HEAD: dict[str, Any] = {
    "langswarm_nb": 1,
    "session": {
        "session_id": "s",
        "user_id": "u",
        "settings": {"provider": "mock", "model": "echo"},
        "created_at": "2026-11-01T00:00:00+00:00",
    },
}
FACTS = {"provider": "p", "request_model": "m"}
LINE = {"id": "m", "role": "user", "content": "Hi", "timestamp": "2026-11-01T00:00:00+00:00", "seq": 0}


@pytest.mark.parametrize(
    "lines, words",
    [
        (["not json"], "line 1 is not JSON"),
        (["[1]"], "line 1 is not a JSON object"),
        ([{"x": 1}], "neither an export"),
        ([{**HEAD, "langswarm_nb": 99}], "newer"),
        ([{"langswarm_nb": 1}], "line 1"),
        (
            [{**HEAD, "session": {**HEAD["session"], "settings": {"provider": 7, "model": "m"}}}],
            "line 1.*provider",
        ),
        ([{**HEAD, "session": {**HEAD["session"], "created_at": "yesterday"}}], "line 1"),
        ([HEAD, {**LINE, "role": "root"}], "line 2.*role"),
        ([HEAD, {**LINE, "surprise": 1}], "line 2.*surprise"),
        ([HEAD, {**LINE, "seq": "0"}], "line 2.*seq"),
        ([HEAD, {**LINE, "timestamp": "2026-11-01T00:00:00"}], "line 2.*time"),
        ([HEAD, {**LINE, "parts": ["x"]}], "line 2.*parts"),
        (
            [HEAD, {**LINE, "parts": [{"type": "tool_call", "id": 1, "name": "n", "arguments": ""}]}],
            "line 2.*id",
        ),
        (
            [
                HEAD,
                {**LINE, "parts": [{"type": "tool_result", "tool_call_id": "c", "content": "", "name": 1}]},
            ],
            "line 2.*name",
        ),
        ([HEAD, {**LINE, "parts": [{"type": "image", "url": 1}]}], "line 2.*url"),
        ([HEAD, {**LINE, "parts": [{"type": "spell"}]}], "line 2.*spell"),
        ([HEAD, {**LINE, "request": {**FACTS, "usage": {"tokens": 1}}}], "line 2.*tokens"),
        ([HEAD, {**LINE, "parent_seq": 5}], "follows message"),
        ([HEAD, {**LINE, "parent_seq": 0}], "follows message"),
        ([HEAD, LINE, LINE], "twice"),
        ([{**HEAD, "branches": {"side": 4}}, LINE], "missing"),
        ([HEAD, '{"id": NaN}'], "line 2 is not JSON"),
        ([HEAD, "[" * 100_000], "line 2 is not JSON"),
        ([{"messages": []}], 'line 1 has no list "messages"'),
        ([{"messages": [{"role": "wizard", "content": "x"}]}], "line 1 is not a chat.*role"),
        ([{"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}], "line 1 is not a chat"),
        ([{"messages": ["x"]}], "line 1 is not a chat"),
    ],
)
async def test_a_damaged_file_changes_nothing(manager, tmp_path, lines, words):
    """The error names the line and what is wrong with it; not even the good part is stored."""
    path = tmp_path / "bad.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), "utf-8")
    with pytest.raises(SessionValueError, match=words):
        import_sessions(path, manager)
    assert await manager.storage.list_sessions() == []


async def test_other_files_are_refused(manager, tmp_path):
    """A notebook of other origin, a binary file, no file, a folder."""
    (tmp_path / "other.ipynb").write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4}), "utf-8")
    (tmp_path / "binary.jsonl").write_bytes(b"\x80\x04\x95pickle")
    with pytest.raises(SessionValueError, match="contains no conversation"):
        import_sessions(tmp_path / "other.ipynb", manager)
    with pytest.raises(SessionValueError, match="not UTF-8"):
        import_sessions(tmp_path / "binary.jsonl", manager)
    with pytest.raises(SessionStorageError, match="could not be read"):
        import_sessions(tmp_path / "none.jsonl", manager)
    with pytest.raises(SessionStorageError, match="could not be read"):
        import_sessions(tmp_path, manager, format="jsonl")


async def test_options_and_addresses_are_not_taken_over(manager, tmp_path):
    """What could send a conversation elsewhere stays in the file."""
    session = {**HEAD["session"], "backend": "provider_native", "native": {"id": "c"}}
    session["settings"] = {
        "provider": "mock",
        "model": "echo",
        "options": {"base_url": "https://evil.example"},
    }
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({**HEAD, "session": session}), "utf-8")
    [session_id] = import_sessions(path, manager)
    record = await manager.storage.load_session(session_id)
    assert (dict(record.settings.options), record.settings.backend.value, dict(record.native)) == (
        {},
        "local",
        {},
    )


# -- spreadsheets


async def test_csv_runs_nothing(manager):
    """No cell begins a formula; everything else is as it was."""
    session = await manager.create_session("=cmd", "mock", "echo")
    texts = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff201",
        " =1",
        "\u200b=1",
        "\ufeff\0=1",
    ]
    texts += ["a=1", "1-2"]
    for text in texts:
        await session.send_message(text, metadata={"=k": "=v"})
    rows = list(csv.DictReader(io.StringIO(export(manager, format="csv"), newline="")))
    assert [row["content"] for row in rows if row["role"] == "user"] == [f"'{t}" for t in texts[:-2]] + texts[
        -2:
    ]
    assert {row["user_id"] for row in rows} == {"'=cmd"}
    for row in rows:
        assert not any(value[:1] in ("=", "+", "@", "\t", "\r") for value in row.values())
    assert messages_df(manager)["user_id"].unique().tolist() == ["=cmd"]


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0")), min_size=1, max_size=5
    )
)
def test_csv_keeps_every_text(texts):
    """Read back by a CSV reader, each text is there, with at most an apostrophe in front."""
    frame = pd.DataFrame({"text": pd.Series(texts, dtype="str"), "n": range(len(texts))})
    rows = list(csv.DictReader(io.StringIO(safe_csv(frame), newline="")))
    assert [row["text"].removeprefix("'") for row in rows] == [text.removeprefix("'") for text in texts]
    assert [int(row["n"]) for row in rows] == list(range(len(texts)))


@pytest.mark.parametrize(
    "cut", ["```python\nx = 1", "~~~\nx", "<!-- x", "<pre>\nx\n\ny", "- a\n\n  ```\n  x"]
)
async def test_a_reply_that_was_cut_swallows_none_after_it(manager, cut):
    """In Markdown to read, from both doors, the next message has its heading."""
    session = await manager.create_session("ada", "mock", "echo")
    await session.send_message(cut)
    await session.send_message("And now?")
    for text in (export(session, format="md", redact=False), await session.export(format="md")):
        tokens = MarkdownIt("commonmark").parse(text)
        found = [tokens[n + 1].content for n, token in enumerate(tokens) if token.type == "heading_open"]
        assert found[1:] == ["User · 0.1", "Assistant (echo) · 0.1", "User · 1.1", "Assistant (echo) · 1.1"]
