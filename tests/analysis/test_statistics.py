"""Statistics: summaries, comparisons and preferences say what the numbers support, and no more."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.analysis import bradley_terry, compare, preference, sessions_df, summary, turns_df
from langswarm_nb.analysis.statistics import wilson
from langswarm_nb.core.session import SessionTypeError, SessionValueError

SUMMARY = [
    "model", "n", "n_errors", "error_rate", "error_rate_low", "error_rate_high",
    "duration_s_p50", "duration_s_p90", "duration_s_p95", "duration_s_p99",
    "time_to_first_chunk_s_p50", "time_to_first_chunk_s_p95", "time_per_output_token_s_p50",
    "input_tokens", "input_tokens_mean", "output_tokens", "output_tokens_mean",
    "cost_usd", "cost_usd_per_turn", "n_unpriced",
]  # fmt: skip


def made_turns(n=100, model="a", seconds=None, errors=0):
    """Return requests as `turns_df` gives them, with these durations."""
    empty = turns_df([])
    rows = pd.DataFrame(
        {
            "model": [model] * n,
            "status": ["error"] * errors + ["ok"] * (n - errors),
            "duration_s": np.arange(1, n + 1, dtype=float) if seconds is None else seconds,
            "compare_id": [f"q{i}" for i in range(n)],
        }
    )
    return rows.reindex(columns=empty.columns).astype(
        {c: d for c, d in empty.dtypes.items() if c not in rows}
    )


async def test_a_summary_counts_and_adds_up(filled):
    """Counts, sums and missing prices of a group are those of its rows; errors are left out of times."""
    turns = turns_df(filled, branch="all")
    table = summary(turns)
    assert list(table.columns) == SUMMARY
    assert table["n"].sum() == len(turns)
    assert table["n_errors"].sum() == turns["status"].eq("error").sum() == 1
    assert table["input_tokens"].sum() == turns["input_tokens"].sum()
    assert table["n_unpriced"].sum() == turns["cost_usd"].isna().sum()
    failed = table[table["model"].eq("error")].iloc[0]
    assert (failed["n"], failed["error_rate"]) == (1, 1.0)
    assert pd.isna(failed["duration_s_p50"])
    assert pd.isna(failed["input_tokens"])


def test_an_empty_summary_has_the_same_columns():
    """Columns and dtypes do not depend on there being rows."""
    table, filled = summary(turns_df([])), summary(made_turns())
    assert len(table) == 0
    assert list(table.columns) == SUMMARY
    assert (table.dtypes.astype(str) == filled.dtypes.astype(str))[1:].all()


@pytest.mark.parametrize("n, known", [(1, 0), (2, 1), (9, 1), (10, 2), (20, 3), (99, 3), (100, 4)])
def test_a_quantile_needs_enough_values(n, known):
    """The 99th percentile of ten values is not a number, it is a guess; it is NA."""
    [row] = summary(made_turns(n)).to_dict("records")
    assert sum(not np.isnan(row[f"duration_s_{q}"]) for q in ("p50", "p90", "p95", "p99")) == known


def test_quantiles_are_those_of_numpy():
    """The times that did not fail, interpolated linearly."""
    [row] = summary(made_turns(200, errors=20)).to_dict("records")
    times = np.arange(21, 201)
    assert row["duration_s_p95"] == np.quantile(times, 0.95)
    assert row["error_rate"] == 0.1


def test_a_summary_groups_by_several_columns():
    """Each combination that occurs is a row; a missing key is a group of its own."""
    turns = pd.concat([made_turns(3, "a"), made_turns(2, "b"), made_turns(2, None)])
    table = summary(turns, by=["model", "status"])
    assert table["n"].tolist() == [3, 2, 2]
    assert table["model"].isna().tolist() == [False, False, True]


@given(st.integers(0, 300), st.integers(1, 300))
def test_wilson_bounds_hold_the_share(k, n):
    """The bounds stay between 0 and 1 and around the share, also where there was no error or nothing else."""
    k = min(k, n)
    low, high = wilson(k, n)
    assert 0 <= low <= k / n + 1e-12
    assert k / n - 1e-12 <= high <= 1
    assert low < high


def test_wilson_is_the_textbooks():
    """10 of 100: 5.52 % to 17.44 %."""
    assert np.round(wilson(10, 100), 4).tolist() == [0.0552, 0.1744]


def test_a_comparison_tells_groups_apart():
    """The interval holds the true median, and the same data gives the same interval again."""
    random = np.random.default_rng(7)
    turns = pd.concat(
        [
            made_turns(200, "fast", random.gamma(9, 0.1, 200)),
            made_turns(200, "slow", random.gamma(9, 0.2, 200)),
        ]
    )
    table = compare(turns)
    pd.testing.assert_frame_equal(table, compare(turns))
    assert table["model"].tolist() == ["fast", "slow"]
    assert table["n"].tolist() == [200, 200]
    assert (table["low"] < table["median"]).all()
    assert (table["median"] < table["high"]).all()
    assert table["high"][0] < table["low"][1]


def test_pairs_show_what_groups_hide():
    """A small, steady difference between answers to very different questions is seen only within pairs."""
    random = np.random.default_rng(3)
    hard = random.lognormal(0, 1.5, 60)
    turns = pd.concat(
        [made_turns(60, "a", hard), made_turns(60, "b", hard + 0.1 + random.normal(0, 0.02, 60))]
    )
    table = compare(turns, pair="compare_id")
    assert table["low"][1] < table["high"][0]
    b = table.iloc[1]
    assert (b["reference"], b["n_pairs"]) == ("a", 60)
    assert 0 < b["difference_low"] < 0.1 < b["difference_high"] < 0.12
    assert table["difference"][0] == 0


def test_a_comparison_of_nothing_is_empty():
    """No rows give no groups; one value gives no interval."""
    assert compare(turns_df([])).shape == (0, 5)
    one = compare(made_turns(1))
    assert one["median"].tolist() == [1.0]
    assert one[["low", "high"]].isna().all(axis=None)


def test_preferences_count_wins_ties_and_losses():
    """Each pair is one row whichever way round it was judged; a tie counts half."""
    judged = pd.DataFrame(
        {
            "a": ["x", "y", "x", "x", "z", "z"],
            "b": ["y", "x", "y", "y", "x", "z"],
            "winner": ["x", "x", "y", None, "tie", "z"],
        }
    )
    table = preference(judged, winner="winner", a="a", b="b")
    assert table[["a", "b", "n", "wins_a", "ties", "wins_b"]].to_numpy().tolist() == [
        ["x", "y", 4, 2, 1, 1],
        ["x", "z", 1, 0, 1, 0],
    ]
    assert table["share_a"].tolist() == [0.625, 0.5]
    assert (table["share_a_low"] < table["share_a"]).all()
    assert len(preference(judged[:0], "winner", "a", "b")) == 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_bradley_terry_ranks():
    """Who wins more stands higher, from the installed library."""
    pytest.importorskip("choix", reason="needs the extra stats", exc_type=ImportError)
    winners = ["x"] * 15 + ["y"] * 5 + ["z"] * 10
    judged = pd.DataFrame({"a": ["x"] * 30, "b": ["y"] * 20 + ["z"] * 10, "winner": winners})
    scores = bradley_terry(judged, "winner", "a", "b")
    assert scores["name"].tolist() == ["z", "x", "y"]
    assert abs(scores["score"].sum()) < 1e-6


async def test_a_wrong_frame_is_named(manager):
    """The missing column, and those that are there; a thing that is not a frame."""
    with pytest.raises(SessionValueError, match="duration_s"):
        summary(sessions_df(manager))
    with pytest.raises(SessionTypeError, match="turns_df"):
        summary(None)  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(SessionValueError, match="'modle'"):
        compare(turns_df([]), by="modle")
