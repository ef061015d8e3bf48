"""Frames and files that spreadsheets open right: Excel's through pandas, CSV by its first bytes."""

from __future__ import annotations

import csv
import io
import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.analysis import (
    events_df,
    export,
    import_sessions,
    messages_df,
    search,
    sessions_df,
    turns_df,
)
from langswarm_nb.analysis.spreadsheets import MAX_CELL_CHARS, for_excel
from langswarm_nb.core.session import MetricsHook
from tests.analysis.support import ANY_TEXT

FRAMES = {
    "messages": messages_df,
    "turns": turns_df,
    "sessions": sessions_df,
    "events": lambda manager: events_df(manager.metrics_hook),
    "search": lambda manager: search("hello", manager),
}


@pytest.fixture
async def measured(filled):
    """Return a manager with conversations, and a hook that has seen one."""
    filled.metrics_hook = MetricsHook()
    filled.add_global_hook(filled.metrics_hook)
    session = await filled.create_session("eve", "mock", "echo", title="=1+1")
    await session.send_message(f"Hello \x1b[31m {ANY_TEXT}")
    return filled


@pytest.mark.parametrize("name", FRAMES)
async def test_a_frame_can_be_written_to_excel(measured, tmp_path, name):
    """As it comes, empty, a choice of it, and with a time as its index; times are UTC and no text is a formula."""
    pytest.importorskip("openpyxl")
    frame = FRAMES[name](measured)
    times = [column for column in frame if isinstance(frame[column].dtype, pd.DatetimeTZDtype)]
    for number, made in enumerate(
        (frame, frame.head(0), frame[frame.columns[::-1]], frame.set_index(times[0]))
    ):
        made.to_excel(tmp_path / f"{number}.xlsx")
    frame.to_excel(tmp_path / "x.xlsx", sheet_name=name, index=False)
    back = pd.read_excel(tmp_path / "x.xlsx", sheet_name=name)
    assert list(back) == list(frame)
    assert len(back) == len(frame)
    known = frame[times[0]].dropna().dt.tz_localize(None)
    # Excel counts days as floating point: to the millisecond it is the moment.
    assert ((back[times[0]].dropna() - known).abs() < pd.Timedelta("1ms")).all()
    with pd.ExcelFile(tmp_path / "x.xlsx") as book:
        cells = [cell for row in book.book[name] for cell in row]
    assert "f" not in {cell.data_type for cell in cells}  # a formula


def test_a_frame_is_any_frame(tmp_path):
    """What is compared with one of pandas' own is equal, in both directions."""
    import pickle

    from langswarm_nb.analysis.frames import as_frame

    frame = as_frame({"a": pd.array([1, 2], dtype="Int64")}, 2)
    plain = pd.DataFrame(frame)
    pd.testing.assert_frame_equal(frame, plain)
    pd.testing.assert_frame_equal(plain, frame)
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(frame)), plain)  # noqa: S301 - our own


@given(st.lists(st.text(max_size=50), min_size=1, max_size=4))
def test_excel_gets_texts_that_it_can_hold(texts):
    """No formula, no character that its XML forbids; what it can hold is as it was."""
    made = for_excel(pd.DataFrame({"a": pd.Series(texts, dtype="str")}))["a"].tolist()
    for text, cell in zip(texts, made, strict=True):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
        assert all(char in "\t\n\r" or ord(char) >= 32 for char in cell)
        if text.isprintable() and text[:1].isalnum():
            assert cell == text


def test_a_long_text_says_what_is_missing():
    """Excel would drop what is beyond its limit without a word."""
    [cell] = for_excel(pd.DataFrame({"a": ["x" * 50_000]}))["a"]
    kept, _, note = cell.partition("…")
    assert len(cell) <= MAX_CELL_CHARS
    assert note == f" [{50_000 - len(kept):,} more characters]"


async def test_a_csv_file_begins_with_the_mark_of_utf8(manager, tmp_path):
    """A spreadsheet reads it right; pandas and csv do as well, and the text returned has no mark."""
    chat = {"messages": [{"role": "user", "content": "主婦 café"}, {"role": "assistant", "content": "yo"}]}
    (tmp_path / "chats.jsonl").write_text(json.dumps(chat), "utf-8")
    import_sessions(tmp_path / "chats.jsonl", manager)
    text = export(manager, tmp_path / "history.csv")
    data = (tmp_path / "history.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbfsession,session_id,")
    assert data[3:].decode() == text
    assert pd.read_csv(tmp_path / "history.csv")["content"].tolist() == ["主婦 café", "yo"]
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert rows[0]["content"] == "主婦 café"
    for form in ("jsonl", "md", "html"):
        export(manager, tmp_path / f"x.{form}")
        assert not (tmp_path / f"x.{form}").read_bytes().startswith(b"\xef\xbb\xbf")


async def test_results_of_tools_are_in_frame_file_and_search(manager, tmp_path):
    """Where the message has no text of its own; several results of one message, and a refusal for the search."""
    chat = [
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "the answer is Forty-two"},
        {"role": "assistant", "content": None, "refusal": "I'd rather not."},
    ]
    path = tmp_path / "chats.jsonl"
    path.write_text(json.dumps({"messages": chat}), "utf-8")
    [key] = import_sessions(path, manager)
    frame = messages_df(manager)
    assert frame["tool_result"].tolist()[2:3] == ["the answer is Forty-two"]
    assert frame["tool_result"].isna().tolist() == [True, True, False, True]
    assert frame["content"].tolist() == ["hi", "", "", ""]
    assert "the answer is Forty-two" in export(manager, format="csv")
    for only in (None, key):
        found = search("forty-TWO answer", manager, session_id=only)
        assert (found["seq"].tolist(), found["snippet"].tolist()) == ([2], ["the answer is Forty-two"])
        assert search("rather", manager, session_id=only)["snippet"].tolist() == ["I'd rather not."]
    session = await manager.get_session(key)
    await session.delete()
    assert search("answer", manager).empty
