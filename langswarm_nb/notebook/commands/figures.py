"""Commands that answer with numbers: cost, compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langswarm_nb.notebook.bridge import run_sync

from .command import Command, arg

if TYPE_CHECKING:
    import pandas as pd

    from langswarm_nb.notebook.workspace import Workspace

_COST_COLUMNS = ["n", "n_errors", "input_tokens", "output_tokens", "cost_usd", "n_unpriced"]
_COMPARE_COLUMNS = [
    "compare_id",
    "turn",
    "provider",
    "model",
    "status",
    "duration_s",
    "time_to_first_chunk_s",
    "input_tokens",
    "output_tokens",
    "cost_usd",
]


def _cost(workspace: Workspace, by: str) -> pd.DataFrame:
    from langswarm_nb.analysis import summary, turns_df

    turns = turns_df(workspace.manager, branch="all")
    if by == "day":
        turns["day"] = turns["started_at"].dt.strftime("%Y-%m-%d")
    elif by == "session":
        names = {
            session.session_id: workspace.name_of(session)
            for session in run_sync(workspace.manager.list_user_sessions(workspace.user_id, limit=None))
        }
        turns["session"] = turns["session_id"].map(names).fillna(turns["session_id"])
    return summary(turns, by=by)[[by, *_COST_COLUMNS]]


def _compare(workspace: Workspace) -> pd.DataFrame:
    from langswarm_nb.analysis import messages_df, turns_df

    session = run_sync(workspace.current())
    turns = turns_df(session, branch="all")
    answers = messages_df(session, branch="all").set_index("message_id")["content"]
    compared = turns[turns["compare_id"].notna()]
    frame = compared[_COMPARE_COLUMNS].assign(answer=compared["request_id"].map(answers))
    return frame.reset_index(drop=True)


COMMANDS = (
    Command(
        "cost",
        _cost,
        "return what the requests cost, as far as prices are known",
        (arg("--by", choices=("model", "day", "session"), default="model", help="model by default"),),
    ),
    Command("compare", _compare, "return the answers of this session's comparisons, one row an answer"),
)
