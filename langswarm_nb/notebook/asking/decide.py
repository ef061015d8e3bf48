"""`langswarm_nb.decide` in a notebook: with its models, keys and budget, and what an interrupt leaves."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from langswarm_nb.analysis.prices import Tokens, find_price
from langswarm_nb.batch.deciding import Decided, Deciding, OutOfBudgetError
from langswarm_nb.batch.decision_frame import check_columns, decision_frame
from langswarm_nb.batch.row_texts import Rows, rows_of
from langswarm_nb.core.session import checks, parse_model_id
from langswarm_nb.core.session.answers.decided import value_schema
from langswarm_nb.core.session.answers.questions import questions_of
from langswarm_nb.core.session.messages import about_tokens
from langswarm_nb.core.session.provider_events import DECISIONS
from langswarm_nb.core.session.providers.decider import Decider
from langswarm_nb.notebook.bridge import run_sync
from langswarm_nb.notebook.cell_errors import stopped
from langswarm_nb.notebook.showing.amounts import UNPRICED_PROVIDERS, dollars_text

from .opened import NO_OPTIONS
from .provider_choice import destination_once, provider_for

if TYPE_CHECKING:
    import pandas as pd

    from langswarm_nb.core.session import IProviderSession
    from langswarm_nb.core.session.answers.questions import Question
    from langswarm_nb.notebook.workspace import Workspace

_NAME_TOKENS = 8
"""About what a question's answer takes where it is written out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideOptions:
    """How `langswarm_nb.decide` asks; its parameters of these names."""

    model: str | None = None
    column: str | None = None
    template: str | None = None
    concurrency: int = 8
    timeout_s: float = 600.0
    budget_usd: float | None = None
    probabilities: bool | None = None


def decide_in(workspace: Workspace, data: object, given: object, options: DecideOptions) -> pd.DataFrame:
    """Ask questions about data and return the frame of the answers.

    Raises
    ------
    SessionError
        It cannot be asked; nothing was sent. Or nothing could be decided.
    KeyboardInterrupt
        The user stopped it; what was decided is the error's ``partial``.
    """
    questions = questions_of(given)
    check_columns(questions)
    rows = rows_of(data, column=options.column, template=options.template)
    checks.whole("concurrency", options.concurrency, at_least=1)
    checks.number("timeout_s", options.timeout_s, at_least=0)
    if options.budget_usd is not None:
        checks.number("budget_usd", options.budget_usd, at_least=0)
    if options.probabilities is not None:
        checks.flag("probabilities", options.probabilities)
    run = run_sync(_prepared(workspace, questions, options))
    texts = [text for text in rows.texts if text is not None]
    try:
        if texts:
            run_sync(run.run(texts))
    except KeyboardInterrupt as error:
        raise _interrupted(rows, run) from error
    return decision_frame(rows, questions, run.found, run.stopped_by)


async def _prepared(
    workspace: Workspace, questions: tuple[Question, ...], options: DecideOptions
) -> Deciding:
    session = await workspace.peek()
    base = workspace.new_settings() if session is None else session.settings
    name, model = base.provider, base.model
    if options.model is not None:
        name, model = parse_model_id(workspace.model_id(options.model, session=session))
    provider = provider_for(workspace, name, NO_OPTIONS, workspace.manager)
    decides = options.probabilities
    if decides is None:
        decides = (await provider.intake(model)).decides
    if told := destination_once(workspace, name, provider):
        print(told)  # noqa: T201 - as cells do
    budget = _Budget(workspace, provider, model, questions, options.budget_usd, is_decision=decides)
    return Deciding(
        Decider(provider, questions, decides=decides),
        model,
        questions,
        options.concurrency,
        options.timeout_s,
        budget.allow,
        budget.count,
    )


def _interrupted(rows: Rows, run: Deciding) -> KeyboardInterrupt:
    """Return the interrupt with what was decided before it."""
    done = sum(one.decision is not None for one in run.found.values())
    asked = len({text for text in rows.texts if text is not None})
    error = stopped(f"{done} of {asked} texts were decided; the frame is `sys.last_value.partial`.")
    error.partial = decision_frame(rows, run.questions, run.found)  # type: ignore[attr-defined]  # for who stopped it
    return error


class _Budget:
    """Lets requests through as long as what they may cost is left, with those that are under way."""

    def __init__(
        self,
        workspace: Workspace,
        provider: IProviderSession,
        model: str,
        questions: tuple[Question, ...],
        limit_usd: float | None,
        *,
        is_decision: bool,
    ) -> None:
        self._workspace = workspace
        self._provider, self._model = provider.name, model
        self._left_usd = limit_usd
        self._pending_usd = 0.0
        self._is_decision = is_decision
        asked = sum(len(question.instructions) + 10 * len(question.options) for question in questions)
        self._chars = asked if is_decision else len(value_schema(questions).body)
        self._output = 0 if is_decision else _NAME_TOKENS * len(questions)

    @property
    def _limit_usd(self) -> float | None:
        limits = [limit for limit in (self._left_usd, self._workspace.budget_left_usd) if limit is not None]
        return min(limits, default=None)

    def allow(self, text: str) -> None:
        """Set aside what a request may cost; raises `OutOfBudgetError` where that is not left."""
        limit, model_id = self._limit_usd, f"{self._provider}:{self._model}"
        usd = self._about_usd(text)
        if limit is not None and usd is None:
            raise OutOfBudgetError(
                f"The price of {model_id} is not known, so it cannot be kept within a budget. Set it with "
                f"`langswarm_nb.set_price({self._model!r}, input_usd_per_mtok, output_usd_per_mtok)`, or ask "
                "without a budget."
            )
        if limit is not None and usd is not None and not usd + self._pending_usd <= limit:
            raise OutOfBudgetError(
                f"The next request would cost about {dollars_text(usd)}, and the budget leaves "
                f"{dollars_text(max(0.0, limit - self._pending_usd))}. Raise it with `%langswarm budget USD` "
                "or `budget_usd=`."
            )
        self._pending_usd += usd or 0.0

    def count(self, text: str, decided: Decided | None) -> None:
        """Count what a request cost; where nobody told, as of one that was stopped, at what was set aside."""
        about_usd = self._about_usd(text) or 0.0
        self._pending_usd -= about_usd
        usd = None if decided is None else decided.cost_usd
        if usd is None:
            usd = about_usd if decided is None or decided.was_answered else 0.0
        self._workspace.spent_usd += usd
        if self._left_usd is not None:
            self._left_usd -= usd

    def _about_usd(self, text: str) -> float | None:
        """Return about what a request costs; None when no price is known."""
        if self._provider in UNPRICED_PROVIDERS:
            return 0.0
        context = (("processing", DECISIONS),) if self._is_decision else ()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # who asks says that the price is unknown
            price = find_price(self._provider, None, self._model, datetime.now(UTC), context)
        if price is None:
            return None
        usd = price.usd(Tokens(about_tokens(len(text) + self._chars, 1), 0, 0, self._output))
        return None if usd is None else float(usd)
