"""One prompt, several models at the same time, each answer a branch of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from langswarm_nb.core.session import SessionError
from langswarm_nb.notebook.bridge import run_sync
from langswarm_nb.notebook.cell_errors import stopped
from langswarm_nb.notebook.showing.reply import Reply
from langswarm_nb.notebook.showing.shown_once import ShownOnce

from .budget import check_budget
from .open_streams import Asking, prepare
from .plan import make_plan
from .show_stream import Exchange, Open, Opened, TellRetry, look_of

if TYPE_CHECKING:
    import pandas as pd

    from langswarm_nb.core.session import BaseSession
    from langswarm_nb.notebook.running_cell import Cell
    from langswarm_nb.notebook.workspace import Workspace

    from .interpolate import Prompt
    from .options import CellOptions


class Comparison(ShownOnce):
    """The answers of several models to one prompt.

    Attributes
    ----------
    models : tuple of str
        Who was asked, ``provider:model``.
    errors : dict of str to SessionError
        Those that failed.
    """

    def __init__(
        self, models: tuple[str, ...], replies: dict[str, Reply], errors: dict[str, SessionError]
    ) -> None:
        self.models = models
        self._replies = replies
        self.errors = errors

    @property
    def replies(self) -> list[Reply]:
        """The answers, in the order of the models; those that failed are in `errors`."""
        return [self._replies[model] for model in self.models if model in self._replies]

    def __getitem__(self, model: str | int) -> Reply:
        return self.replies[model] if isinstance(model, int) else self._replies[model]

    def __iter__(self) -> Iterator[Reply]:
        return iter(self.replies)

    def __len__(self) -> int:
        return len(self._replies)

    def to_frame(self) -> pd.DataFrame:
        """Return one row an answer, columns as in `langswarm_nb.turns_df`."""
        from langswarm_nb.analysis import turns_df

        ids = [reply.message.id for reply in self]
        frame = turns_df(self.replies[0].session, branch="all")
        return frame[frame["request_id"].isin(ids)].reset_index(drop=True)

    def __str__(self) -> str:
        answers = [f"{reply.model}:\n{reply.text}" for reply in self]
        failures = [f"{model} failed: {error}" for model, error in self.errors.items()]
        return "\n\n".join([*answers, *failures])

    @property
    def short(self) -> str:
        return f"Comparison({', '.join(self.models)})"


def compare(workspace: Workspace, prompt: Prompt, options: CellOptions, cell: Cell) -> Comparison:
    """Ask all models at once; the conversation stays where it is until one answer is chosen.

    Raises
    ------
    SessionError
        All failed; the first failure is raised.
    KeyboardInterrupt
        The user stopped it; what had arrived is kept.
    """
    exchanges: dict[str, Exchange] = {}
    errors: dict[str, SessionError] = {}
    try:
        run_sync(_ask_all(workspace, prompt, options, cell, exchanges, errors))
    except KeyboardInterrupt as error:
        _finish(exchanges, errors)
        raise stopped("stopped; what had arrived is kept. Run the cell again to ask again.") from error
    replies = _finish(exchanges, errors)
    if len(errors) == len(exchanges):
        raise next(iter(errors.values()))
    return Comparison(tuple(exchanges), replies, errors)


def _finish(exchanges: dict[str, Exchange], errors: dict[str, SessionError]) -> dict[str, Reply]:
    """Show what is to be saved, and return the answers."""
    replies: dict[str, Reply] = {}
    for model, exchange in exchanges.items():
        if model in errors and len(errors) < len(exchanges):
            exchange.fail(errors[model])
        elif (reply := exchange.finish()) is not None and model not in errors:
            replies[model] = reply
    return replies


async def _ask_all(
    workspace: Workspace,
    prompt: Prompt,
    options: CellOptions,
    cell: Cell,
    exchanges: dict[str, Exchange],
    errors: dict[str, SessionError],
) -> None:
    plan = await make_plan(workspace, options, cell)
    check_budget(workspace, plan, prompt, options)
    session = await prepare(workspace, plan)
    asking = Asking(workspace, prompt, options, cell, plan)
    look = look_of(workspace.config, options, prompt)
    displays = look.open(plan.models)
    for model, display in zip(plan.models, displays, strict=True):
        exchanges[model] = Exchange(
            workspace, look, display, _opening(asking, session, model), extract=options.extract
        )
    outcomes = await asyncio.gather(
        *(exchange.run() for exchange in exchanges.values()), return_exceptions=True
    )
    for model, outcome in zip(exchanges, outcomes, strict=True):
        if isinstance(outcome, SessionError):
            errors[model] = outcome
        elif isinstance(outcome, BaseException):
            raise outcome


def _opening(asking: Asking, session: BaseSession, model: str) -> Open:
    async def open_one(tell_retry: TellRetry) -> Opened:
        return asking.open_beside(session, model, tell_retry)

    return open_one
