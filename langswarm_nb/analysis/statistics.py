"""Statistics of requests: a summary by group, a comparison with its uncertainty, and who wins a preference test."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from langswarm_nb.core.session import checks
from langswarm_nb.core.session.errors import MissingExtraError, SessionTypeError, SessionValueError

from .frames import as_frame
from .texts import TEXT_DTYPE

if TYPE_CHECKING:
    from numpy.typing import NDArray

Z = 1.959963984540054
"""Standard deviations on each side of a 95 % interval."""
DRAWS = 1000
_SEED = 20261122
_QUANTILES = {
    "duration_s": (0.5, 0.9, 0.95, 0.99),
    "time_to_first_chunk_s": (0.5, 0.95),
    "time_per_output_token_s": (0.5,),
}


def wilson(successes: Any, n: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the 95 % bounds of Wilson's interval for a share; NaN where ``n`` is 0."""
    k, total = np.asarray(successes, np.float64), np.asarray(n, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = k / total
        middle = (share + Z**2 / (2 * total)) / (1 + Z**2 / total)
        half = Z / (1 + Z**2 / total) * np.sqrt(share * (1 - share) / total + Z**2 / (4 * total**2))
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)


def summary(turns: pd.DataFrame, by: str | Sequence[str] = "model") -> pd.DataFrame:
    """Return one row for each group of requests: errors, times, tokens and cost.

    Parameters
    ----------
    turns : pandas.DataFrame
        As from `turns_df`.
    by : str or list of str
        Columns to group by; a missing value is a group of its own.

    Returns
    -------
    pandas.DataFrame
        Columns ``by``, then ``n``, ``n_errors``, ``error_rate`` with its 95 % bounds ``error_rate_low`` and ``_high``
        (Wilson), ``duration_s_p50``, ``_p90``, ``_p95``, ``_p99``, ``time_to_first_chunk_s_p50``, ``_p95``,
        ``time_per_output_token_s_p50``, ``input_tokens`` and ``output_tokens`` (sums), ``*_mean``, ``cost_usd`` (sum),
        ``cost_usd_per_turn`` (of those with a price) and ``n_unpriced``. Errors are left out of times. A quantile q
        is given only where at least ``1 / (1 - q)`` times were measured.

    Raises
    ------
    SessionValueError, SessionTypeError
        ``turns`` lacks a column that is needed.
    """
    keys = (
        [by] if isinstance(by, str) else list(checks.listed("by", by, str, "a column or a list of columns"))
    )
    if not keys:
        raise SessionValueError.of("by", by, "at least one column")
    need(turns, [*keys, "status", *_QUANTILES, "input_tokens", "output_tokens", "cost_usd"], "turns_df")
    groups = list(turns.groupby(keys, observed=True, dropna=False, sort=True))
    columns: dict[str, Any] = {
        key: _key_column(turns[key], [name[number] for name, _ in groups]) for number, key in enumerate(keys)
    }
    rows = [_row(group) for _, group in groups]
    for name, dtype in _SUMMARY.items():
        column: Any = pd.Series([row[name] for row in rows], dtype=dtype)
        columns[name] = column.array
    return as_frame(columns, len(rows))


_SUMMARY = {
    "n": "Int64",
    "n_errors": "Int64",
    "error_rate": "float64",
    "error_rate_low": "float64",
    "error_rate_high": "float64",
    **{f"{column}_p{q * 100:.0f}": "float64" for column, levels in _QUANTILES.items() for q in levels},
    "input_tokens": "Int64",
    "input_tokens_mean": "float64",
    "output_tokens": "Int64",
    "output_tokens_mean": "float64",
    "cost_usd": "float64",
    "cost_usd_per_turn": "float64",
    "n_unpriced": "Int64",
}


def _row(group: pd.DataFrame) -> dict[str, Any]:
    n, failed = len(group), group["status"].eq("error")
    n_errors = int(failed.sum())
    low, high = wilson(n_errors, n)
    row: dict[str, Any] = {"n": n, "n_errors": n_errors, "error_rate": n_errors / n if n else np.nan}
    row |= {"error_rate_low": float(low), "error_rate_high": float(high)}
    for column, levels in _QUANTILES.items():
        times = _known(group.loc[~failed, column])
        for q in levels:
            enough = len(times) >= round(1 / (1 - q), 6)
            row[f"{column}_p{q * 100:.0f}"] = float(np.quantile(times, q)) if enough else np.nan
    for column in ("input_tokens", "output_tokens"):
        known = group[column].dropna()
        row[column] = int(known.sum()) if len(known) else pd.NA
        row[f"{column}_mean"] = float(known.mean()) if len(known) else np.nan
    costs = _known(group["cost_usd"])
    row["cost_usd"] = float(costs.sum()) if len(costs) else np.nan
    row["cost_usd_per_turn"] = float(costs.mean()) if len(costs) else np.nan
    row["n_unpriced"] = n - len(costs)
    return row


def compare(
    turns: pd.DataFrame, by: str = "model", pair: str | None = None, metric: str = "duration_s"
) -> pd.DataFrame:
    """Return the median of a number for each group, with a 95 % interval from resampling.

    Parameters
    ----------
    turns : pandas.DataFrame
        As from `turns_df`, or any frame with these columns.
    by : str
        Column that names the groups, e.g. ``"model"``.
    pair : str, optional
        Column that names what was asked, e.g. ``"compare_id"``: answers to the same question are compared with each
        other, and the differences to the first group are resampled. Far fewer questions are then enough.
    metric : str
        Column with the number. Failed requests are left out.

    Returns
    -------
    pandas.DataFrame
        Columns ``by``, ``n``, ``median``, ``low``, ``high``. With ``pair`` also ``reference`` (the first group by
        name), ``n_pairs``, ``difference`` (median of the differences within pairs), ``difference_low``,
        ``difference_high``; an interval without 0 speaks for a difference.

    Raises
    ------
    SessionValueError, SessionTypeError
        ``turns`` lacks a column that is needed.

    Notes
    -----
    Percentile bootstrap: 1000 draws from a fixed seed, so that a result can be repeated.
    """
    need(turns, [by, metric, *([] if pair is None else [pair])], "turns_df", numbers=[metric])
    good = turns if "status" not in turns.columns else turns[turns["status"].ne("error").fillna(value=True)]
    good = good.assign(**{metric: good[metric].astype("float64")}).dropna(subset=[by, metric])
    names = sorted(good[by].astype(str).unique())
    values = {name: good.loc[good[by].astype(str) == name] for name in names}
    columns: dict[str, Any] = {by: pd.array(names, dtype=TEXT_DTYPE)}
    columns |= _medians(
        {name: _known(group[metric]) for name, group in values.items()}, "n", "median", "low", "high"
    )
    if pair is not None:
        columns["reference"] = pd.array([names[0] if names else None] * len(names), dtype=TEXT_DTYPE)
        means = {name: group.groupby(pair, observed=True)[metric].mean() for name, group in values.items()}
        differences = {name: (means[name] - means[names[0]]).dropna().to_numpy(np.float64) for name in names}
        columns |= _medians(differences, "n_pairs", "difference", "difference_low", "difference_high")
    return as_frame(columns, len(names))


def _medians(
    samples: dict[str, NDArray[np.float64]], n: str, middle: str, low: str, high: str
) -> dict[str, Any]:
    bounds = [bootstrap_median(sample) for sample in samples.values()]
    return {
        n: pd.array([len(sample) for sample in samples.values()], dtype="Int64"),
        middle: np.array(
            [np.median(sample) if len(sample) else np.nan for sample in samples.values()], np.float64
        ),
        low: np.array([bound[0] for bound in bounds], np.float64),
        high: np.array([bound[1] for bound in bounds], np.float64),
    }


def bootstrap_median(sample: NDArray[np.float64]) -> tuple[float, float]:
    """Return a 95 % interval for the median; NaN for fewer than two values."""
    if len(sample) < 2:  # noqa: PLR2004 - one value says nothing about its spread
        return np.nan, np.nan
    random = np.random.default_rng(_SEED)
    # In pieces, so that a long sample does not need a thousand copies at once.
    draws = np.concatenate(
        [np.median(random.choice(sample, (50, len(sample))), axis=1) for _ in range(DRAWS // 50)]
    )
    low, high = np.quantile(draws, (0.025, 0.975))
    return float(low), float(high)


def preference(df: pd.DataFrame, winner: str, a: str, b: str) -> pd.DataFrame:
    """Return how often each competitor wins against each other one.

    Parameters
    ----------
    df : pandas.DataFrame
        One row per judgement.
    winner, a, b : str
        Columns: who won (the name in ``a`` or in ``b``; anything else, or NA, is a tie), and the two competitors.

    Returns
    -------
    pandas.DataFrame
        One row for each pair, the names in order: ``a``, ``b``, ``n``, ``wins_a``, ``ties``, ``wins_b``, ``share_a``
        (a tie counts half) with its 95 % bounds ``share_a_low`` and ``share_a_high`` (Wilson).

    Raises
    ------
    SessionValueError, SessionTypeError
        ``df`` lacks a column that is needed.
    """
    need(df, [winner, a, b], "a frame of judgements")
    text = df[[winner, a, b]].astype(object).where(df[[winner, a, b]].notna(), None)
    counts: dict[tuple[str, str], list[int]] = {}
    for won, left, right in text.itertuples(index=False):
        if left is None or right is None or left == right:
            continue
        first, second = sorted((str(left), str(right)))
        row = counts.setdefault((first, second), [0, 0, 0])
        row[0 if won == first else 2 if won == second else 1] += 1
    pairs = sorted(counts)
    wins, ties, losses = (np.array([counts[pair][which] for pair in pairs], np.int64) for which in range(3))
    n = wins + ties + losses
    low, high = wilson(wins + ties / 2, n)
    return as_frame(
        {
            "a": pd.array([first for first, _ in pairs], dtype=TEXT_DTYPE),
            "b": pd.array([second for _, second in pairs], dtype=TEXT_DTYPE),
            "n": pd.array(n, dtype="Int64"),
            "wins_a": pd.array(wins, dtype="Int64"),
            "ties": pd.array(ties, dtype="Int64"),
            "wins_b": pd.array(losses, dtype="Int64"),
            "share_a": (wins + ties / 2) / np.where(n, n, 1),
            "share_a_low": low,
            "share_a_high": high,
        },
        len(pairs),
    )


def bradley_terry(df: pd.DataFrame, winner: str, a: str, b: str) -> pd.DataFrame:
    """Return one score for each competitor, from an installed ranking library (extra ``stats``: choix).

    Parameters
    ----------
    df, winner, a, b
        As in `preference`; a tie counts as half a win for both.

    Returns
    -------
    pandas.DataFrame
        ``name`` and ``score``, the best first; scores are log-strengths with mean 0: the difference of two scores is
        the logarithm of the odds that the one wins.

    Raises
    ------
    MissingExtraError
        The ranking library is not installed.
    """
    try:
        choix = import_module("choix")
    except ImportError as error:
        raise MissingExtraError(
            "Bradley-Terry scores need the package choix. Install it with `pip install 'langswarm-nb[stats]'`."
        ) from error
    pairs = preference(df, winner, a, b)
    names = sorted({*pairs["a"], *pairs["b"]})
    place = {name: number for number, name in enumerate(names)}
    wins = np.zeros((len(names), len(names)))
    for row in pairs.to_dict("records"):
        first, second, half = place[row["a"]], place[row["b"]], row["ties"] / 2
        wins[first, second] += row["wins_a"] + half
        wins[second, first] += row["wins_b"] + half
    # A little regularisation keeps the scores finite where somebody never loses.
    scores = choix.ilsr_pairwise_dense(wins, alpha=0.01) if names else np.empty(0)
    order = np.argsort(-scores, kind="stable")
    columns = {"name": pd.array([names[i] for i in order], dtype=TEXT_DTYPE), "score": scores[order]}
    return as_frame(columns, len(names))


def need(frame: object, columns: Sequence[str], kind: str, numbers: Sequence[str] = ()) -> None:
    """Check that a frame has columns, and that those of ``numbers`` hold numbers.

    Raises
    ------
    SessionTypeError
        It is not a frame.
    SessionValueError
        It lacks a column, or has it twice, or one holds something else.
    """
    if not isinstance(frame, pd.DataFrame):
        raise SessionTypeError.of("the first argument", frame, f"a DataFrame, as from {kind}")
    for column in columns:
        if not isinstance(column, str):
            raise SessionTypeError.of("column", column, "the name of a column (text)")
        if column not in frame.columns:
            raise SessionValueError.of("column", column, [str(name) for name in frame.columns])
        if isinstance(frame[column], pd.DataFrame):
            raise SessionValueError(f"The frame has two columns of the name {column!r}; rename one of them.")
    for column in numbers:
        try:
            frame[column].astype("float64")
        except (TypeError, ValueError) as error:
            raise SessionValueError.of("column", column, "one that holds numbers") from error


def _known(values: Any) -> NDArray[np.float64]:
    known: NDArray[np.float64] = values.astype("float64").dropna().to_numpy(np.float64)
    return known


def _key_column(column: Any, values: list[Any]) -> Any:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return pd.Categorical(values, dtype=column.dtype)
    return pd.array(values, dtype=column.dtype)
