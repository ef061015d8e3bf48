"""What a saved output says of its place stays true, whatever becomes of the conversation."""

from __future__ import annotations

import pytest

import langswarm_nb
from langswarm_nb.notebook.showing.transcript import messages_html
from tests.support.notebooks import opened, save


@pytest.fixture
def asked(tmp_path):
    """Yield a notebook whose cells have asked, some of them twice, with all that they returned."""
    with opened(save(tmp_path / "talk.ipynb", "a", "b", "c"), stream=False) as notebook:
        replies = [notebook.ask(cell, f"About {cell}?") for cell in "abc"]
        replies.append(notebook.ask("b", "About b, again?"))
        replies.append(notebook.ask("d", "By the way?", "--no-history"))
        replies += notebook.ask("e", "Who?", "-m mock:echo -m mock:script")
        yield notebook, replies


MOVES = [
    "",
    "undo",
    "undo 2",
    "restart",
    "fork 0 idea",
    "use 1.1",
    "use 4.2",
    "use 3.1",
    "hide 0",
    "sync",
    "new other",
]


@pytest.mark.parametrize("move", MOVES)
def test_a_saved_output_says_which_turn_and_version_it_shows(asked, move):
    """Its address leads to what it showed, after any move of the path, and no other answer ever gets it."""
    notebook, replies = asked
    if move:
        notebook.do(move)
    more = notebook.ask("a", "About a, again?"), notebook.ask("f", "And now?")
    session = replies[0].session
    frame = langswarm_nb.messages_df(session, branch="all")
    answers = frame[frame["role"] == "assistant"]
    shown = answers.set_index(answers["turn"].astype(str) + "." + answers["version"].astype(str))[
        "message_id"
    ]
    for reply in (*replies, *(reply for reply in more if reply.session is session)):
        saved = reply.provenance
        assert saved["session_id"] == session.session_id
        assert shown[saved["address"]] == saved["message_id"]
        assert saved["address"] in reply.footer


def test_an_address_opens_what_its_output_showed(asked):
    """`use` with the address of any output makes that answer the end of a path."""
    notebook, replies = asked
    for reply in replies:
        notebook.do(f"use {reply.provenance['address']}")
        path = notebook.do("show").messages
        assert reply.message.id in [message.id for message in path]
        notebook.do("undo 9")


def test_a_transcript_shows_addresses_and_marks(asked):
    """`show` has the numbers of footers and tree, and says what is hidden or failed; `--all` what is on no path."""
    notebook, _ = asked
    notebook.do("hide 0")
    notebook.try_("%%langswarm -m mock:error\nFail.")
    lines = [
        line for line in repr(notebook.do("show")).splitlines() if line.startswith(("user", "assistant"))
    ]
    assert [line.split(":")[0] for line in lines] == [
        "user · 0.1 · hidden from the model",
        "assistant · 0.1 · hidden from the model",
        "user · 1.2",
        "assistant · 1.2",
        "user · 5.1",
        "assistant · 5.1 · failed",
    ]
    everything = repr(notebook.do("show --all"))
    for line in (
        "assistant · 1.1 · not on the path",
        "assistant · 3.1 · aside",
        "assistant · 4.2 · not chosen",
    ):
        assert f"{line}:" in everything
    page = messages_html("talk", notebook.do("show").messages)
    assert "<strong>You</strong> · 0.1 · hidden from the model</div>" in page
    assert "<strong>Model</strong> · mock:error · 5.1 · failed</div>" in page
