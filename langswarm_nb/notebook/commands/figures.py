"""Commands that show costs, comparisons and plots: cost, compare, plot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from langswarm_nb.notebook.bridge import run_sync

from .command import Command, arg
from .data import source_of

if TYPE_CHECKING:
    import pandas as pd

    from langswarm_nb.notebook.workspace import Workspace

_COST_COLUMNS = ["n", "n_errors", "input_tokens", "output_tokens", "cost_usd", "n_unpriced"]
_COMPARE_COLUMNS = [
    "compare_id",
    "turn",
    "version",
    "provider",
    "model",
    "status",
    "duration_s",
    "time_to_first_chunk_s",
    "input_tokens",
    "output_tokens",
    "cost_usd",
]


@dataclass(frozen=True, slots=True)
class Plot:
    """What a picture is drawn from."""

    frame: Literal["turns", "messages"] = "turns"
    branch: Literal["active", "all"] = "active"
    is_of_one: bool = False
    """Whether it shows one session."""
    name: str = ""
    """Of the function in `langswarm_nb.analysis.plots`, where it is not that of the picture."""


PLOTS = {
    "tokens": Plot(),
    "latency": Plot(),
    "cost": Plot(),
    "timeline": Plot(is_of_one=True),
    "heatmap": Plot(),
    "tree": Plot("messages", branch="all", is_of_one=True),
    "compare": Plot(branch="all", name="compare_plot"),
    "activity": Plot("messages"),
}

_NO_COMPARISONS = "No comparisons in this session yet: `%%langswarm -m MODEL,MODEL` asks several models."


def _cost(workspace: Workspace, by: str, *, everything: bool) -> pd.DataFrame:
    from langswarm_nb.analysis import summary, turns_df

    from .shown_frames import ShownFrame

    turns = turns_df(source_of(workspace, everything=everything), branch="all")
    if by == "day":
        turns["day"] = turns["started_at"].dt.strftime("%Y-%m-%d")
    elif by == "session":
        names = {
            session.session_id: workspace.name_of(session)
            for session in run_sync(workspace.manager.list_user_sessions(workspace.user_id, limit=None))
        }
        turns["session"] = turns["session_id"].map(names).fillna(turns["session_id"])
    return ShownFrame.of(summary(turns, by=by)[[by, *_COST_COLUMNS]], empty="No requests yet.")


def _compare(workspace: Workspace) -> pd.DataFrame:
    from langswarm_nb.analysis import messages_df, turns_df

    from .shown_frames import ShownFrame

    session = run_sync(workspace.current())
    turns = turns_df(session, branch="all")
    answers = messages_df(session, branch="all").set_index("message_id")["content"]
    compared = turns[turns["compare_id"].notna()]
    frame = compared[_COMPARE_COLUMNS]
    frame.insert(_COMPARE_COLUMNS.index("status"), "answer", compared["request_id"].map(answers))
    return ShownFrame.of(frame.reset_index(drop=True), empty=_NO_COMPARISONS)


def _plot(workspace: Workspace, kind: str, *, everything: bool) -> None:
    from langswarm_nb import analysis

    plot, session = PLOTS[kind], run_sync(workspace.current())
    source = workspace.manager if everything and not plot.is_of_one else session
    build = analysis.messages_df if plot.frame == "messages" else analysis.turns_df
    draw: Any = getattr(analysis.plots, plot.name or kind)
    drawn = draw(build(source, branch=plot.branch))
    axes = drawn if hasattr(drawn, "figure") else drawn.flat[0]  # one picture, or an array of them
    _show(axes.figure)


def _show(figure: Any) -> None:
    """Show a picture once, whatever backend matplotlib has, and free it."""
    from IPython.display import display

    from langswarm_nb.analysis.plots.style import pyplot

    bundle = figure._repr_mimebundle_()
    pyplot().close(figure)
    display(bundle, raw=True)


COMMANDS = (
    Command(
        "plot",
        _plot,
        "draw a plot of this session, or with --all of every session",
        (
            arg("kind", choices=tuple(PLOTS), metavar="|".join(PLOTS)),
            arg(
                "--all",
                action="store_true",
                dest="everything",
                help="all sessions of the store; a timeline or a tree always shows this one",
            ),
        ),
    ),
    Command(
        "cost",
        _cost,
        "show what the requests of this notebook cost, as far as prices are known",
        (
            arg("--by", choices=("model", "day", "session"), default="model", help="model by default"),
            arg("--all", action="store_true", dest="everything", help="all sessions of the store"),
        ),
    ),
    Command("compare", _compare, "show the answers of this session's comparisons, one row per answer"),
)
