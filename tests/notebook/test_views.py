"""What else looks at conversations: frames, costs and searches of a notebook, the panel's twin, copies in the panel."""

from __future__ import annotations

import asyncio

import pytest

import langswarm_nb
from langswarm_nb.core.session import RequestFacts, SessionMessage, Usage
from langswarm_nb.core.session.conversation.copies import copy_of
from langswarm_nb.core.session.messages import MessageRole
from langswarm_nb.notebook.panel.message_items import Totals, message_item
from langswarm_nb.notebook.panel.static_twin import twin_bundle
from tests.support.notebooks import opened, save


@pytest.fixture
def two(tmp_path):
    """Return the paths of two notebooks that have asked: one twice, one once."""
    paths = [save(tmp_path / name, "1", "2") for name in ("here.ipynb", "there.ipynb")]
    for path, texts in zip(paths, (["One", "Two"], ["Else"]), strict=True):
        with opened(path) as notebook:
            for cell, text in enumerate(texts, 1):
                notebook.ask(str(cell), text)
    return paths


@pytest.mark.parametrize("build", ["messages_df", "turns_df", "sessions_df"])
def test_frames_in_a_notebook_are_of_its_own_sessions(two, build):
    """From the first cell on; `all=True` shows the others too, with the notebooks that they belong to."""
    here, there = map(str, two)
    with opened(two[0]):
        frame = getattr(langswarm_nb, build)
        assert set(frame()["home"]) == {here}
        assert set(frame(all=True)["home"]) == {here, there}


def test_frames_work_in_another_thread(two):
    """As the guide says, in async code they are called in a thread."""
    with opened(two[1]):
        frame = asyncio.run(asyncio.to_thread(langswarm_nb.messages_df))
        assert frame["content"].tolist()[0] == "Else"


def test_commands_are_about_this_notebook_or_all(two):
    """`df` and `cost` as the frames; `search` finds in all sessions, and names the turn by its address."""
    with opened(two[0]) as notebook:
        assert len(notebook.do("df turns")) == 2
        assert len(notebook.do("df turns --all")) == 3
        assert notebook.do("cost")["n"].sum() == 2
        by_session = notebook.do("cost --by session --all").set_index("session")["n"].to_dict()
        assert by_session == {"here": 2, "there.ipynb:there": 1}
        [hit] = [row for row in notebook.do("search Else") if row["role"] == "user"]
        assert (hit["session"], hit["turn"]) == ("there.ipynb:there", "0.1")


def test_an_export_without_a_source_is_of_this_notebook(two):
    """What other notebooks said goes along only when it is asked for."""
    with opened(two[0]):
        assert "Else" not in langswarm_nb.analysis.export(format="md")
        assert "Else" in langswarm_nb.analysis.export(format="md", all=True)
        assert "Else" not in langswarm_nb.analysis.export(format="csv")


FACTS = RequestFacts("acme", "large", "large-1", duration_s=1.0, usage=Usage(3, output_tokens=4))


def answer(**told):
    made = {"id": "m1", "role": MessageRole.ASSISTANT, "content": "Yes.", "turn": 7, "version": 2, "seq": 1}
    return SessionMessage(**{**made, "request": FACTS, **told})


def test_the_twin_shows_addresses_and_marks():
    """The saved output of a panel says where each message stands, and what is hidden, failed or stopped."""
    failed = RequestFacts("acme", "large", status="error", error_message="Too many requests.")
    path = [answer(is_hidden=True), answer(id="m2", turn=8, version=1, content="", request=failed)]
    bundle = twin_bundle("p", "talk", path)
    assert "Model · 7.2 · hidden from the model: Yes." in bundle["text/plain"]
    assert "Model · 8.1 · failed: Too many requests." in bundle["text/plain"]
    assert " · 7.2 · hidden from the model" in bundle["text/html"]
    assert "Too many requests." in bundle["text/html"]


def test_a_copied_answer_counts_nothing_in_the_panel():
    """It names its model and that it is a copy; tokens, seconds and dollars are those of the others."""
    totals = Totals()
    totals.add(answer())
    before = totals.text
    copy = copy_of(answer(), "s")
    totals.add(copy)
    assert (totals.requests, totals.text) == (1, before)
    note = message_item(copy, (1, 1, None, None), None, "")["note"]
    assert note.startswith("acme:large-1 · copied")
    assert "price" not in note
