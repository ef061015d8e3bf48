"""`ls.decide` in a notebook: its model, its budget, and what an interrupt leaves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from langswarm_nb.analysis import prices, set_price
from langswarm_nb.core.session.messages import Usage
from langswarm_nb.core.session.provider_events import Decision, DecisionRequest, Intake
from langswarm_nb.core.session.providers.mock import MockProviderSession
from tests.support.kernels import Kernel
from tests.support.shells import Shell, running_shell

ASKED = "questions = {'spam': bool, 'topic': ['billing', 'bug'], 'anger': ls.levels('calm', 'furious')}"


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, home: Any) -> Iterator[Shell]:
    monkeypatch.setattr(prices, "_own", {})
    with running_shell(store="memory") as shell:
        shell.run(f"import langswarm_nb as ls, pandas as pd; {ASKED}")
        yield shell


class Priced(MockProviderSession):
    """Decides as the mock does, and counts a million tokens for each request."""

    name = "groq"

    async def decide(self, request: DecisionRequest) -> Decision:
        decision = await super().decide(request)
        return Decision(decision.answers, Usage(input_tokens=1_000_000, output_tokens=0), decision.info)

    async def intake(self, model: str, *, native: bool = False) -> Intake:
        return Intake(decides=True)


def test_it_decides_about_a_column_and_joins_back(shell: Shell) -> None:
    """The model of the session is asked, offline; the frame joins the data by its index."""
    shell.run("df = pd.DataFrame({'id': [1, 2], 'text': ['spam billing', 'so furious']}, index=['a', 'b'])")
    joined = shell.run("df.join(ls.decide(df, questions))")
    assert list(joined.index) == ["a", "b"]
    assert joined["spam_value"].tolist() == [True, False]
    assert joined["topic"].tolist()[0] == "billing"
    assert joined["anger"].idxmax() == "b"
    alone = shell.run("ls.decide('spam', 'spam')")
    assert list(alone.columns)[:4] == ["spam", "spam_value", "spam_refused", "input_tokens"]


def test_a_model_without_probabilities_fills_in_values(shell: Shell) -> None:
    """By a schema the values are there, and every probability is NA."""
    frame = shell.run("ls.decide(['spam billing', 'x'], questions, model='mock:echo', probabilities=False)")
    assert frame[["spam", "topic_p", "anger_p"]].isna().all(axis=None)
    assert frame[["spam_value", "topic", "anger"]].notna().all(axis=None)
    assert frame["error_type"].isna().all()


def test_nothing_is_sent_that_is_wrong(shell: Shell) -> None:
    """A model, a question, a column or a number that is wrong is told first."""
    assert "did you mean" in shell.fail("ls.decide('x', questions, model='mokc:echo')")
    assert "SchemaTypeUnknownError" in shell.fail("ls.decide('x', {'a': int})")
    assert "model must be text (str), not int (5)" in shell.fail("ls.decide('x', questions, model=5)")
    assert "model must be text (str), not int (5)" in shell.fail("ls.ask('x', 5)")
    assert "probabilities must be True or False" in shell.fail(
        "ls.decide('x', questions, probabilities='no')"
    )
    assert "concurrency" in shell.fail("ls.decide('x', questions, concurrency=0)")
    assert "not a DataFrame" in shell.fail("ls.decide('x', questions, column='text')")
    assert "ProviderServerError" not in shell.try_("ls.decide([], questions, model='mock:error')").complaint


def test_errors_are_rows(shell: Shell) -> None:
    """What fails for each text is told in its row."""
    frame = shell.run("ls.decide(['a', None], questions, model='mock:error')")
    assert frame["error_type"].tolist() == ["ProviderServerError", "NoTextError"]


def test_the_budget_holds_before_each_request_and_counts_after_it(shell: Shell) -> None:
    """The kernel's budget and that of the call: what was spent is counted, and the rest of the rows say why."""
    groq = Priced()
    shell.workspace.manager.add_provider_session("groq", groq)
    unpriced = shell.try_("ls.decide(['a'], questions, model='groq:m', budget_usd=1)")
    assert "is not known" in unpriced.complaint
    assert "groq" in unpriced.stdout  # where texts go, said once
    assert not groq.requests
    set_price("m", 1, 0)
    shell.run("%langswarm budget 2.5")
    ran = shell.try_("ls.decide([f't{n}' for n in range(9)], questions, model='groq:m', concurrency=1)")
    assert ran.error is None, ran.complaint
    frame = ran.result
    assert len(groq.requests) == 3  # a request is thought to cost little; it is counted at what it cost
    assert frame["cost_usd"].sum() == 3.0
    assert frame["error_type"].tolist()[3:] == ["OutOfBudgetError"] * 6
    assert shell.workspace.spent_usd == 3.0
    assert "OutOfBudgetError" in shell.fail("ls.decide(['again'], questions, model='groq:m')")
    shell.run("%langswarm budget 100")
    frame = shell.run("ls.decide(['x', 'y', 'z'], questions, model='groq:m', concurrency=1, budget_usd=1.5)")
    assert frame["error_type"].isna().tolist() == [True, True, False]


def test_what_a_service_does_not_count_is_counted_at_what_was_set_aside(shell: Shell) -> None:
    """A service that reports no tokens does not ask for ever within a budget."""

    class Silent(Priced):
        async def decide(self, request: DecisionRequest) -> Decision:
            decision = await super().decide(request)
            return Decision(decision.answers, Usage(), decision.info)

    groq = Silent()
    shell.workspace.manager.add_provider_session("groq", groq)
    set_price("m", 1_000_000, 0)  # a dollar for each token
    frame = shell.run(
        "ls.decide([f'text {n}' for n in range(9)], 'spam', model='groq:m', concurrency=1, budget_usd=40)"
    )
    assert 0 < len(groq.requests) < 9
    assert set(frame["error_type"].dropna()) == {"OutOfBudgetError"}
    assert frame["cost_usd"].isna().all()


def test_frames_of_turns_price_decisions_as_such(shell: Shell) -> None:
    """It costs what the service asks for decisions, and nothing where the price is unknown."""
    frame = shell.run("ls.decide('x', questions)")
    assert isinstance(frame, pd.DataFrame)
    assert frame["cost_usd"].isna().all()


@pytest.mark.kernel
def test_an_interrupt_keeps_what_was_decided(kernel: Kernel) -> None:
    """■ ends the cell in one line, and the frame of what was decided is at hand."""
    kernel.run(f"%load_ext langswarm_nb\nimport sys, asyncio, langswarm_nb as ls; {ASKED}")
    kernel.run(
        "from langswarm_nb.core.session.providers.mock import MockProviderSession\n"
        "class Slow(MockProviderSession):\n"
        "    async def decide(self, request):\n"
        "        if request.request.messages[0].content == 'wait':\n"
        "            print('waiting', flush=True); await asyncio.sleep(600)\n"
        "        return await super().decide(request)\n"
        "ls.decide('x', questions)\n"
        "from langswarm_nb.notebook.shell.extension import workspace_of\n"
        "workspace_of(get_ipython()).manager.add_provider_session('groq', Slow())"
    )
    cell = kernel.send(
        "ls.decide(['a', 'b', 'wait', 'c'], questions, model='groq:m', probabilities=True, concurrency=1)"
    )
    kernel.wait_for(cell, lambda: "waiting" in cell.stdout)
    kernel.interrupt()
    kernel.wait(cell)
    assert cell.ename == "KeyboardInterrupt"
    assert "2 of 4 texts were decided" in str(cell.reply)
    seen = kernel.run("print(sys.last_value.partial['error_type'].fillna('').tolist())").stdout
    assert seen == "['', '', 'NotAskedError', 'NotAskedError']\n"
