"""Plots: what is drawn is what the frame says; nothing is shown, changed or interpreted."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from langswarm_nb.analysis import messages_df, turns_df
from langswarm_nb.analysis import plots as typed_plots
from langswarm_nb.core.session import SessionNotFoundError, SessionValueError
from tests.support.paths import REPOSITORY

# The stubs of matplotlib know less of artists than we ask for.
plots: Any = typed_plots
matplotlib: Any = pytest.importorskip("matplotlib", reason="needs the extra plot", exc_type=ImportError)
plt: Any = pytest.importorskip("matplotlib.pyplot", exc_type=ImportError)

HOSTILE = "$\\frac{1}{$ <b>\x1b[31m\u202e日本 😀_^{}"


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def made_turns(n, models=("a", "b"), sessions=3):
    """Return ``n`` requests, every tenth failed, every seventh without a price."""
    random = np.random.default_rng(5)
    empty = turns_df([])
    index = np.arange(n)
    rows = pd.DataFrame(
        {
            "session_id": [f"s{i % sessions}" for i in index],
            "turn": index // sessions,
            "model": [models[i % len(models)] for i in index],
            "status": np.where(index % 10 == 9, "error", "ok"),
            "started_at": pd.Timestamp("2026-11-01", tz="UTC").as_unit("us")
            + pd.to_timedelta(index * 600, unit="s"),
            "duration_s": random.lognormal(0, 1, n),
            "input_tokens": 100 + index,
            "cache_read_input_tokens": 10,
            "output_tokens": 50 + index,
            "cost_usd": np.where(index % 7 == 6, np.nan, 0.01),
        }
    )
    rows["time_to_first_chunk_s"] = rows["duration_s"] / 4
    rows["output_tokens_per_s"] = rows["output_tokens"] / rows["duration_s"]
    kept = ("model", "session_id")
    return rows.reindex(columns=empty.columns).astype(
        {c: d for c, d in empty.dtypes.items() if c not in kept}
    )


GROUNDS = ("#ffffff", "#111111", "#1e1e1e")
"""Of JupyterLab light and dark, and of VS Code dark."""


def linear(color):
    rgb = np.array(matplotlib.colors.to_rgb(color))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    low, high = sorted(float(linear(color) @ [0.2126, 0.7152, 0.0722]) for color in (one, other))
    return (high + 0.05) / (low + 0.05)


def heights(ax):
    return {c.get_label(): sum(bar.get_height() for bar in c) for c in ax.containers}


def labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_token_bars_add_up():
    """Cached input is a part of the input; the bars together are all tokens, in 10 to 60 bins."""
    turns = made_turns(300)
    ax = plots.tokens(turns)
    assert heights(ax) == {
        "input": turns["input_tokens"].sum() - 3000,
        "cached input": 3000,
        "output": turns["output_tokens"].sum(),
    }
    assert 10 <= len(ax.containers[0]) <= 60
    assert len(plots.tokens(turns, freq="1D").containers[0]) == 3


@pytest.mark.parametrize("minutes", [0.1, 3, 45, 600, 9000, 100_000, 2_000_000])
def test_the_width_of_bars_fits_the_span(minutes):
    """Seconds or years: never more than 60 bars."""
    turns = made_turns(200)
    moments = turns["started_at"].iloc[0] + pd.to_timedelta(np.linspace(0, minutes * 60, 200), unit="s")
    turns["started_at"] = pd.Series(moments).dt.as_unit("us")
    assert 1 <= len(plots.tokens(turns).containers[0]) <= 60


def test_latency_is_the_share_done():
    """Each line rises from 0 to 1 over the sorted times; the legend has n, p50 and p95."""
    turns = made_turns(60)
    ax = plots.latency(turns)
    good = turns[turns["status"].ne("error")]
    lines = {line.get_label().split()[0]: line for line in ax.lines if line.get_label()[0] in "ab"}
    for model, line in lines.items():
        times = np.sort(good.loc[good["model"] == model, "duration_s"])
        assert np.allclose(line.get_xdata()[1:], times)
        assert np.allclose(line.get_ydata(), np.arange(len(times) + 1) / len(times))
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    median = np.median(good.loc[good["model"] == "a", "duration_s"])
    assert f"n=30  p50 {median:.3g} s" in words[0]
    assert "p95" in words[0]
    assert ax.get_xscale() == "log"


def test_cost_bars_are_the_costliest():
    """The bars add up to the groups' costs, the most first; the title has the total and what has no price."""
    turns = made_turns(70, sessions=12)
    ax = plots.cost(turns, top=5)
    by = turns.groupby("session_id")["cost_usd"].sum().sort_values(ascending=False)
    widths = np.sum([[bar.get_width() for bar in c] for c in ax.containers], axis=0)
    assert np.allclose(widths, by.iloc[:5])
    assert len(ax.containers) == 2
    title = ax.get_title("left")
    assert r"\$0.60" in title
    assert "10 without a known price" in title
    assert "in 7 more" in title


def test_an_unknown_cost_is_not_zero():
    """When no price is known the title says so."""
    turns = made_turns(5).assign(cost_usd=np.nan)
    assert "unknown" in plots.cost(turns).get_title("left")


def test_a_timeline_has_a_bar_a_request():
    """Grey until the first piece, then in colour; x for errors; from 0 or at the time of day."""
    turns = made_turns(30, sessions=1)
    ax = plots.timeline(turns)
    grey, *colored = ax.containers
    assert len(grey) == 30
    assert sum(map(len, colored)) == 30
    assert all(bar.get_x() == 0 for bar in grey)
    ends = sorted(bar.get_x() + bar.get_width() for c in colored for bar in c)
    assert np.allclose(ends, np.sort(turns["duration_s"]))
    [errors] = [line for line in ax.lines if line.get_label() == "error"]
    assert errors.get_ydata().tolist() == [9, 19, 29]
    late = plots.timeline(turns, wall=True).containers[0]
    assert [bar.get_x() for bar in late] == [i * 600 for i in range(30)]


def test_a_heatmap_has_a_cell_a_turn():
    """The cells are the values, errors are marked, and where there was no turn nothing is drawn."""
    turns = made_turns(31)
    ax = plots.heatmap(turns)
    grid = ax.images[0].get_array()
    assert grid.shape == (3, 11)
    assert grid[1, 2] == 57
    assert grid.mask.sum() == 2
    [errors] = [line for line in ax.lines if line.get_label() == "error"]
    assert len(errors.get_xdata()) == 3
    assert labels(ax.yaxis) == ["s0", "s1", "s2"]


def test_sessions_are_shown_by_name():
    """The bars of costs, the rows of a heatmap and the titles say names, and of a name that two have, whose it is."""
    turns = made_turns(30)
    turns["session"] = turns["session_id"].map({"s0": "May", "s1": "Parser", "s2": "Parser"}).astype("str")
    shown = {"May", "Parser (s1)", "Parser (s2)"}
    assert set(labels(plots.heatmap(turns).yaxis)) == shown
    assert set(labels(plots.cost(turns).yaxis)) == shown
    assert "of May" in plots.timeline(turns, "s0").get_title("left")
    assert "of May" in plots.tree(messages_of(turns), "s0").get_title("left")


def test_a_comparison_has_a_panel_a_metric():
    """Each panel has the median of each model as a point, with its interval as a line."""
    turns = made_turns(80)
    panels = plots.compare_plot(turns, metrics=["duration_s", "cost_usd"])
    assert len(panels) == 2
    points = [line for line in panels[0].lines if line.get_marker() == "o"]
    good = turns[turns["status"].ne("error")]
    medians = good.groupby("model")["duration_s"].median()
    assert [float(point.get_xdata()[0]) for point in points] == medians.tolist()
    _, given = plt.subplots(1, 2)
    assert plots.compare_plot(turns, metrics=["duration_s", "cost_usd"], ax=given)[1] is given[1]


async def test_a_tree_has_a_mark_a_message(filled):
    """Every message of all branches, an edge to each parent, the active path in the first lane."""
    whole = messages_df(filled, branch="all")
    session_id = whole["session_id"].iloc[0]
    own = whole[whole["session_id"] == session_id]
    ax = plots.tree(whole, session_id)
    edges = [c for c in ax.collections if hasattr(c, "get_segments")]
    assert sum(len(c.get_segments()) for c in edges) == own["parent_id"].notna().sum()
    dots = [c for c in ax.collections if not hasattr(c, "get_segments")]
    assert sum(len(c.get_offsets()) for c in dots) == len(own)
    first_lane = sum(int((c.get_offsets()[:, 1] == 0).sum()) for c in dots)
    assert first_lane == own["is_active"].sum()


DRAW: dict[str, Callable[[pd.DataFrame], Any]] = {
    "tokens": plots.tokens,
    "latency": plots.latency,
    "cost": plots.cost,
    "timeline": plots.timeline,
    "heatmap": plots.heatmap,
    "compare": lambda turns: plots.compare_plot(turns)[0],
    "activity": lambda turns: plots.activity(messages_of(turns)),
    "tree": lambda turns: plots.tree(messages_of(turns)),
}


def messages_of(turns):
    """Return a made conversation with a message for each request."""
    empty = messages_df([])
    rows = pd.DataFrame({name: turns[name] for name in ("session_id", "session")}).assign(
        seq=range(len(turns))
    )
    rows["message_id"] = [f"m{i}" for i in rows["seq"]]
    rows["parent_id"] = [f"m{i - 1 - i % 5}" if i else None for i in rows["seq"]]
    rows = rows.assign(role="user", content=HOSTILE, created_at=turns["started_at"], is_active=True)
    return rows.reindex(columns=empty.columns).astype({c: d for c, d in empty.dtypes.items() if c != "role"})


@pytest.mark.parametrize("name, n", list(itertools.product(DRAW, [0, 1, 2, 1000])))
def test_every_picture_is_written(name, n, tmp_path):
    """With no row, one, or many: a PNG without a warning, labelled on both axes."""
    turns = made_turns(n, sessions=1)
    ax = DRAW[name](turns)
    ax.figure.savefig(tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert ax.get_title("left")
    if n == 0:
        assert [text.get_text() for text in ax.texts] in (["No requests yet."], ["No messages yet."])
    if n == 1:
        low, high = ax.get_xlim()
        assert 0 < high - low < 1000  # an axis that people can read, however little there is


@pytest.mark.parametrize("name", DRAW)
def test_names_are_text_and_nothing_else(name, tmp_path):
    """A model or session named with formulas, control codes or signs the font lacks is drawn, not interpreted."""
    turns = made_turns(30, models=(HOSTILE, "$$", "b"), sessions=1).assign(session_id=HOSTILE)
    DRAW[name](turns).figure.savefig(tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["_private", "__", "_nolegend_", "", " \n", "$x$"])
def test_every_model_is_in_the_legend(name):
    """Also one whose name matplotlib takes for a hidden one, or that nobody sees."""
    turns = made_turns(40, models=(name, "b"), sessions=1)
    for draw in (plots.latency, plots.cost, plots.timeline):
        legend = draw(turns).get_legend()
        texts = [text.get_text().split("  ")[0].strip() for text in legend.get_texts()]
        assert {name.strip().replace("$", r"\$") or "(blank)", "b"} <= set(texts)


def test_long_names_stay_different():
    """Of a long name the middle is left out, so that models of the same family are told apart."""
    turns = made_turns(
        40, models=[f"a-family-with-a-very-very-long-name-of-{n}" for n in range(4)], sessions=1
    )
    for ax in (plots.latency(turns), plots.cost(turns), plots.cost(turns, by="model")):
        assert len({text.get_text().split("  ")[0] for text in ax.get_legend().get_texts()}) == 4
    named = [label.get_text() for label in plots.compare_plot(turns)[0].get_yticklabels()]
    assert len(set(named)) == 4
    assert all("…" in name for name in named)


@pytest.mark.unmeasured
@pytest.mark.parametrize("name", ["latency", "cost", "timeline", "compare_plot"])
@pytest.mark.parametrize("n_models", [2, 40, 100])
def test_many_models_leave_room_for_the_picture(name, n_models, tmp_path):
    """However many models with however long names: the axes keep their place, and nothing is cut off."""
    models = [f"{number:03d}-{'long' * 20}" for number in range(n_models)]
    ax = np.ravel(getattr(plots, name)(made_turns(800, models, sessions=1)))[0]
    ax.figure.savefig(tmp_path / "picture.png", dpi=40)  # a warning of the layout would fail this test
    width, height = ax.get_position().size * ax.figure.get_size_inches()
    assert width > 0.5
    assert height > 0.9
    if (legend := ax.get_legend()) is not None:
        box = legend.get_window_extent().transformed(ax.figure.transFigure.inverted())
        assert box.x0 >= -0.01
        assert box.x1 <= 1.01
        assert len(legend.get_texts()) <= 32


@pytest.mark.parametrize("name", DRAW)
def test_lines_and_words_are_seen_on_a_dark_background(name):
    """Nothing that is drawn in the colour of writing is dark on dark."""
    with plt.style.context("dark_background"):
        for turns in (made_turns(0), made_turns(30, sessions=1)):
            ax = DRAW[name](turns)
            for text in ax.texts:
                assert matplotlib.colors.to_rgb(text.get_color()) == (1.0, 1.0, 1.0)
            for collection in ax.collections:
                assert (0.2, 0.2, 0.2, 1.0) not in map(tuple, np.round(collection.get_edgecolor(), 6))
            for bars in ax.containers:
                assert {bar.get_edgecolor() for bar in bars} <= {(0.0, 0.0, 0.0, 1.0)}


@pytest.mark.parametrize(
    "draw",
    [
        lambda turns: plots.latency(turns, metric="model"),
        lambda turns: plots.heatmap(turns, value="model"),
        lambda turns: plots.compare_plot(turns, metrics=["cost_usd", "model"]),
        lambda turns: plots.tokens(turns, freq="0min"),
    ],
)
def test_what_cannot_be_drawn_is_named(draw):
    """A column without numbers, a width that is none."""
    with pytest.raises(SessionValueError, match=r"model|freq"):
        draw(made_turns(5))


def test_a_model_keeps_its_colour():
    """The colour goes by the sorted names: two pictures of the same models agree."""
    turns = made_turns(40)
    bars = {c.get_label(): c[0].get_facecolor() for c in plots.cost(turns).containers}
    lines = {
        line.get_label().split()[0]: line.get_color() for line in plots.latency(turns.iloc[::-1]).lines[:2]
    }
    assert {name: matplotlib.colors.to_rgba(color) for name, color in lines.items()} == bars


def test_colours_stand_out_from_both_backgrounds_and_from_each_other():
    """3:1 and more on white and on dark grounds, as WCAG asks of graphics; no two alike for the colour-blind."""
    from langswarm_nb.analysis.plots.style import COLORS, ERROR, QUIET

    for color, ground in itertools.product((*COLORS, ERROR, QUIET), GROUNDS):
        assert contrast(color, ground) >= 3, (color, ground)
    # Machado et al. (2009), full protanopia and deuteranopia.
    blind = (
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    )
    for matrix in blind:
        seen = [np.array(matrix) @ linear(color) for color in COLORS[:3]]
        assert min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2)) > 0.1


def test_drawing_changes_no_settings_and_uses_given_axes():
    """Matplotlib's settings stay, and a picture goes where it is told."""
    before = dict(matplotlib.rcParams)
    _, ax = plt.subplots()
    assert plots.latency(made_turns(10), ax=ax) is ax
    assert plots.tokens(made_turns(10)) is not ax
    assert dict(matplotlib.rcParams) == before


def test_a_session_must_be_named_when_there_are_several():
    """One session is drawn at a time; one that is not there is an error too."""
    with pytest.raises(SessionValueError, match="session_id="):
        plots.timeline(made_turns(9))
    with pytest.raises(SessionNotFoundError, match="'nobody'"):
        plots.timeline(made_turns(9), "nobody")
    assert len(plots.timeline(made_turns(9), "s1").containers[0]) == 3


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # pandas 2.2 on the newest matplotlib
def test_frames_plot_as_they_are():
    """Pandas' own plotting takes the columns without conversion."""
    turns = made_turns(20)
    assert len(turns.plot(x="started_at", y="duration_s").lines) == 1
    assert len(turns.groupby("model", observed=True)["cost_usd"].sum().plot.bar().patches) == 2


def test_matplotlib_is_loaded_for_the_first_picture_only():
    """Importing the plots costs nothing; without matplotlib the error names the extra."""
    program = """
import sys
from langswarm_nb.analysis import plots, turns_df
assert "matplotlib" not in sys.modules
sys.modules["matplotlib"] = None
try:
    plots.tokens(turns_df([]))
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert "langswarm-nb[plot]" in done.stdout
