"""Comparisons and what is asked again: which question that is, where its answer goes, and what is left to see."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from langswarm_nb.core.session import ProviderServerError, SessionStorageError
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage
from langswarm_nb.notebook.asking.compare import compare
from langswarm_nb.notebook.asking.interpolate import Prompt
from langswarm_nb.notebook.asking.options import CellOptions
from langswarm_nb.notebook.asking.sender import Sender
from langswarm_nb.notebook.bridge import run_sync
from langswarm_nb.notebook.running_cell import Cell
from langswarm_nb.notebook.showing.reply_view import Look, Silent
from tests.support.sent import Notebook

BOTH = "-m groq:a -m groq:b"


def addresses(sent: Any) -> list[str]:
    return [reply.address for reply in sent.replies]


def path(notebook: Notebook) -> list[str]:
    """Return the addresses of the turns of the path."""
    session = run_sync(notebook.shell.workspace.current())
    return [turn.address for turn in run_sync(session.tree()).turns]


def turned(notebook: Notebook) -> list[str]:
    """Return what the last request said, with the first letters of the roles."""
    return [f"{m.role.value[0]}:{m.content}" for m in notebook.service.requests[-1].messages]


# Comparisons that run again


def test_the_answers_of_a_comparison_are_versions_in_the_order_of_the_models(notebook):
    """One that failed has its number and its place too, and its footer says so."""
    notebook.answers(ProviderServerError("The service failed. Send again."), "B")
    ran = notebook.run(f"%%langswarm {BOTH} -m mock:script\nHi", "a")
    assert ran.error is None
    assert [reply.address for reply in ran.result] == ["0.2", "0.3"]
    assert "✗ failed" in ran.stdout
    assert " · turn 0.1\n" in ran.stdout


def test_a_comparison_that_runs_again_stays_unchosen(notebook):
    """Its answers are further versions of its turn, and the conversation stays where it is."""
    notebook.cell("%%langswarm -q\nBefore", "a")
    assert addresses(notebook.cell(f"%%langswarm {BOTH} -q\nHi", "b")) == ["1.1", "1.2"]
    assert addresses(notebook.cell(f"%%langswarm {BOTH} -q\nHi", "b")) == ["1.3", "1.4"]
    assert path(notebook) == ["0.1"]


def test_the_choice_of_a_comparison_falls_back_to_its_first_answer(notebook):
    """A chosen comparison that runs again is compared again, goes on with the first answer, and says so."""
    notebook.cell(f"%%langswarm {BOTH} -q\nHi", "a")
    notebook.run("%langswarm use 0.2", "use")
    again = notebook.cell(f"%%langswarm {BOTH} -q\nHi", "a")
    assert path(notebook) == ["0.3"]
    [first, second] = [line for line in again.told.split("\n") if " · 0." in line]
    assert "0.3" in first.partition(" · turn 0.3 · ")[2]
    assert "goes on from here" not in first
    assert "%langswarm use 0.4 goes on from here" in second


def test_the_choice_falls_back_past_an_answer_that_failed(notebook):
    """Where the first model fails, the conversation goes on with the next."""
    notebook.cell(f"%%langswarm {BOTH} -q\nHi", "a")
    notebook.run("%langswarm use 0.1", "use")
    notebook.answers(ProviderServerError("The service failed. Send again."), "B")
    notebook.cell(f"%%langswarm {BOTH} -q\nHi", "a")
    assert path(notebook) == ["0.4"]


# What `retry` asks


def test_retry_asks_a_comparison_again(notebook):
    """After a comparison it is the comparison, with its models, options and system text, beside the path."""
    notebook.cell("%%langswarm -q\nBefore", "a")
    notebook.cell(f"%%langswarm {BOTH} -t 0.5 -s Brief -q\nHi", "b")
    before = turned(notebook)
    again = notebook.cell("%langswarm retry", "c")
    assert addresses(again) == ["1.3", "1.4"]
    assert turned(notebook) == before
    assert before[-2:] == ["s:Brief", "u:Hi"]
    assert [(r.model, r.options["temperature"]) for r in list(notebook.service.requests)[-2:]] == [
        ("a", 0.5), ("b", 0.5),
    ]  # fmt: skip
    assert path(notebook) == ["0.1"]


def test_retry_keeps_the_order_of_the_models(notebook):
    """Whoever answered first, the models stand as the cell named them."""
    notebook.shell.magics.timeout_s = 0.3  # short on purpose: too short for the slow one
    notebook.run("%%langswarm -m mock:slow -m groq:b -q\nHi", "a")
    again = notebook.run("%langswarm retry", "b").result
    assert again.models == ("mock:slow", "groq:b")
    assert list(again.errors) == ["mock:slow"]


def test_retry_asks_one_more_model_what_was_compared(notebook):
    """With a model, an unchosen comparison gets one more answer, beside the path."""
    notebook.cell(f"%%langswarm {BOTH} -q\nHi", "a")
    assert addresses(notebook.cell("%langswarm retry -m groq:c", "b")) == ["0.3"]
    assert notebook.service.requests[-1].model == "c"
    assert path(notebook) == []


def test_retry_asks_what_was_asked_last(notebook):
    """A turn that ran again after a comparison is what is retried; an aside and a dry run are not."""
    notebook.cell("%%langswarm -q\nFirst", "a")
    notebook.cell(f"%%langswarm {BOTH} -q\nHi", "b")
    notebook.cell("%%langswarm -q\nFirst", "a")
    notebook.cell("%%langswarm --no-history -q\nAside", "c")
    notebook.cell("%%langswarm --dry-run\nDry", "d")
    assert addresses(notebook.cell("%langswarm retry", "e")) == ["0.3"]


def test_retry_of_an_answer_that_was_chosen_and_asked_again_is_one_answer(notebook):
    """Once another model has answered a chosen comparison alone, that answer is retried."""
    notebook.cell(f"%%langswarm {BOTH} -q\nHi", "a")
    notebook.run("%langswarm use 0.1", "use")
    assert addresses(notebook.cell("%langswarm retry -m groq:c", "b")) == ["0.3"]
    assert addresses(notebook.cell("%langswarm retry", "b")) == ["0.4"]
    assert notebook.service.requests[-1].model == "c"


def test_nothing_to_retry_makes_no_session(notebook):
    """Where nothing has been asked yet, `retry` says so and leaves no session."""
    assert "There is no question" in notebook.cell("%langswarm retry").error
    assert notebook.trace()[0] == []


def test_retry_asks_with_what_was_asked(notebook):
    """Model, options and system text of a cell hold for its retry too."""
    notebook.cell("%%langswarm -m groq:a -t 0.5 -o flavour plain -s Brief -q\nHi", "a")
    notebook.cell("%langswarm retry", "b")
    request = notebook.service.requests[-1]
    assert (request.model, dict(request.options)) == ("a", {"temperature": 0.5, "flavour": "plain"})
    assert turned(notebook) == ["s:Brief", "u:Hi"]


async def test_a_retry_goes_where_its_question_went(notebook, llama_server):
    """What a cell sent to an address of its own is asked again there."""
    code = f"%%langswarm -q {llama_server.name} --api-base {llama_server.url}/v1 --max-tokens 4\nOnce"
    first = await asyncio.to_thread(notebook.run, code, "a")
    again = await first.result.retry()
    assert again.model == first.result.model
    third = await asyncio.to_thread(notebook.cell, "%langswarm retry", "b")
    assert (third.error, addresses(third)) == ("", ["0.3"])


def test_a_reply_beside_the_path_is_retried_beside_it(notebook):
    """`Reply.retry` of an aside, or of an answer that was not chosen, leaves the conversation where it is."""
    notebook.cell("%%langswarm -q\nBefore", "a")
    aside = notebook.run("%%langswarm -q -s Brief --no-history\nAside", "b").result
    both = notebook.run(f"%%langswarm {BOTH} -q\nHi", "c").result
    assert run_sync(aside.retry(model="groq:a")).address == "1.2"
    assert turned(notebook) == ["s:Brief", "u:Aside"]
    assert run_sync(both[1].retry()).address == "2.3"
    assert turned(notebook)[0] == "u:Before"
    assert path(notebook) == ["0.1"]
    assert run_sync(aside.retry()).footer.endswith(" · turn 1.3 · aside")


# What is left to see when a comparison goes wrong


class Recorded(Silent):
    """A display that remembers that it was finished."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    def finish(self, text: str | None = None, **about: Any) -> None:
        self.ended.append(f"{text} | {about.get('footer')}")

    def discard(self) -> None:
        self.ended.append("discarded")


class Recording(Look):
    """Shows replies in displays that are looked at later."""

    displays: list[Recorded] = []  # noqa: RUF012 - of the one test that looks

    def open(self, titles: Any = ("",)) -> Any:
        self.displays[:] = [Recorded() for _ in titles]
        return self.displays


def compared(notebook: Notebook) -> list[list[str]]:
    """Compare two models and return what became of their displays."""
    options = CellOptions(models=("groq:a", "groq:b"))
    compare(Sender(notebook.shell.workspace), Recording(), Prompt("Hi"), options, Cell("a", "run-1"))
    return [display.ended for display in Recording.displays]


def test_a_fault_in_one_provider_leaves_the_other_answer(notebook):
    """A plain exception of one provider is shown in its place, and the other answer is finished."""
    notebook.answers(["Half", ValueError("not ours")], "B")
    [[first], [second]] = compared(notebook)
    assert first.startswith("Half | ✗ failed")
    assert "ValueError: 'not ours'" in first
    assert second.startswith("B | groq:b")


@pytest.mark.parametrize("error", [RuntimeError("disk"), asyncio.CancelledError()])
def test_whatever_goes_wrong_all_displays_are_finished(notebook, monkeypatch, error):
    """An error that is none of ours, or a cancellation, ends every display of the comparison."""
    kept = SQLiteSessionStorage.append_messages

    async def failing(self: Any, session_id: str, messages: Any, **place: Any) -> Any:
        if messages and messages[0].content == "A":
            raise error
        return await kept(self, session_id, messages, **place)

    monkeypatch.setattr(SQLiteSessionStorage, "append_messages", failing)
    notebook.answers("A", "B")
    with pytest.raises(type(error)):
        compared(notebook)
    [first, [second]] = [display.ended for display in Recording.displays]
    assert first == ["discarded"]
    assert second.startswith("B | groq:b")


def test_questions_that_cannot_be_stored_leave_no_display(notebook, monkeypatch):
    """When the second question cannot be stored nothing is sent, and nothing is left that seems to be awaited."""
    kept, calls = SQLiteSessionStorage.ask, []

    async def full(self: Any, session_id: str, decide: Any, **how: Any) -> Any:
        calls.append(decide)
        if len(calls) > 1:
            raise SessionStorageError("The disk is full. Free some space, then send again.")
        return await kept(self, session_id, decide, **how)

    monkeypatch.setattr(SQLiteSessionStorage, "ask", full)
    Recording.displays = []
    with pytest.raises(SessionStorageError, match="The disk is full"):
        compared(notebook)
    assert [display.ended for display in Recording.displays] == []
    assert not notebook.service.requests
