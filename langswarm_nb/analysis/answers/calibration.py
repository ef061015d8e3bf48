"""`calibration`: whether probabilities are what they say, against rows of which the truth is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from langswarm_nb.analysis.statistics import need, wilson
from langswarm_nb.core.session import checks
from langswarm_nb.core.session.errors import MissingExtraError, SessionValueError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_WANTED = (0.8, 0.9, 0.95)
"""Precisions whose thresholds the repr shows."""


class Threshold(NamedTuple):
    """From which probability on rows are taken for true."""

    probability: float
    """Rows with this probability or more are taken."""
    precision: float
    """Which share of them is true."""
    precision_low: float
    """Lower bound of that share (95 %, Wilson): the rows are a sample."""
    recall: float
    """Which share of all true rows is among them."""
    n: int
    """How many they are."""


@dataclass(frozen=True, eq=False, repr=False)
class Calibration:
    """How probabilities compare with the truth.

    Attributes
    ----------
    name : str
        The column of probabilities.
    n : int
        Rows that have both.
    n_left_out : int
        Rows without a probability or without a truth.
    base_rate : float
        Share of rows that are true.
    brier : float
        Mean squared difference between probability and truth: 0 is perfect.
    brier_of_base_rate : float
        The same for somebody who always says the base rate; only less than this is worth something.
    error : float
        Mean difference between probability and share of true rows over the bins, weighed with their rows.
    bins : pandas.DataFrame
        One row for each bin with rows: ``low`` and ``high`` (bounds), ``n``, ``p_mean``, ``share_true`` with its 95 %
        bounds ``share_low`` and ``share_high`` (Wilson).
    """

    name: str
    n: int
    n_left_out: int
    base_rate: float
    brier: float
    brier_of_base_rate: float
    error: float
    bins: pd.DataFrame
    _p: NDArray[np.float64] = field(repr=False)
    _is_true: NDArray[np.bool_] = field(repr=False)

    def threshold(self, precision: float) -> Threshold | None:
        """Return the lowest probability from which on rows have a precision; None when there is none.

        Parameters
        ----------
        precision : float
            Wanted share of true rows among those taken, from 0 to 1.

        Raises
        ------
        SessionValueError
            It is not between 0 and 1.
        """
        if checks.number("precision", precision, at_least=0) > 1:
            raise SessionValueError.of("precision", precision, "a share from 0 to 1")
        order = np.argsort(-self._p, kind="stable")
        p, hits = self._p[order], np.cumsum(self._is_true[order])
        taken = np.arange(1, len(p) + 1)
        is_last = (
            np.append(p[1:] != p[:-1], True) if len(p) else np.empty(0, bool)
        )  # rows of one p go together
        good = np.flatnonzero(is_last & (hits >= precision * taken))
        if not len(good):
            return None
        last = good[-1]
        low, _ = wilson(hits[last], taken[last])
        recall = hits[last] / hits[-1] if hits[-1] else np.nan
        share = hits[last] / taken[last]
        return Threshold(float(p[last]), float(share), float(low), float(recall), int(taken[last]))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw for each bin the share of true rows over the mean probability.

        Raises
        ------
        MissingExtraError
            matplotlib is not installed.
        """
        from langswarm_nb.analysis.plots.reliability import reliability

        return reliability(self.bins, self.name, self.brier, ax)

    def __repr__(self) -> str:
        left_out = f", {self.n_left_out:,} left out" if self.n_left_out else ""
        lines = [f"Calibration of {self.name}: {self.n:,} rows{left_out}"]
        if self.n:
            lines[0] += f", {self.base_rate:.1%} true"
            lines.append(
                f"Brier score {self.brier:.3f} ({self.brier_of_base_rate:.3f} for always saying the base rate), "
                f"calibration error {self.error:.3f}"
            )
            lines += [self._told(wanted) for wanted in _WANTED]
            lines.append(self.bins.to_string(index=False, float_format="{:.3f}".format))
        return "\n".join(lines)

    def _told(self, wanted: float) -> str:
        found = self.threshold(wanted)
        if found is None:
            return f"precision {wanted:.0%}: at no threshold"
        return (
            f"precision {wanted:.0%}: from {found.probability:.3f} on, {found.n:,} rows, recall {found.recall:.0%} "
            f"(95 % interval of the precision from {found.precision_low:.0%})"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        text = repr(self)
        words, _, _ = text.partition("\n" + self.bins.to_string(index=False, float_format="{:.3f}".format))
        html = f"<pre>{escape(words)}</pre>"
        try:
            figure: Any = self.plot().figure
        except MissingExtraError:
            return {"text/plain": text}
        shown = figure._repr_mimebundle_()
        _close(figure)
        if "text/html" in shown:
            return {**shown, "text/html": html + shown["text/html"], "text/plain": text}
        return {**shown, "text/plain": text}


def calibration(scored: pd.DataFrame, p: str, truth: str, *, bins: int = 10) -> Calibration:
    """Compare probabilities with the truth.

    Parameters
    ----------
    scored : pandas.DataFrame
        Rows that have both.
    p : str
        Column of probabilities, such as ``spam`` of `langswarm_nb.decide`; of a choice ``topic_p``.
    truth : str
        Column of what is true: booleans, or 0 and 1. For a choice make one: ``scored["topic"] == scored["label"]``.
    bins : int
        Into how many bins of the same width the probabilities go.

    Returns
    -------
    Calibration
        Reliability in ``bins``, the Brier score in ``brier``, ``threshold(precision)`` and ``plot()``; it shows itself
        in a notebook. Rows where one of both is NA are left out and counted.

    Raises
    ------
    SessionValueError, SessionTypeError
        A column is missing, or holds something else.

    Examples
    --------
    ::

        found = ls.calibration(scored, p="spam", truth="is_spam")
        found.threshold(precision=0.95)
    """
    need(scored, [p, truth], "langswarm_nb.decide", numbers=[p, truth])
    checks.whole("bins", bins, at_least=1)
    given, told = (np.asarray(scored[name].astype("float64"), np.float64) for name in (p, truth))
    has_both = ~(np.isnan(given) | np.isnan(told))
    said, is_true = given[has_both], told[has_both]
    if ((said < 0) | (said > 1)).any():
        raise SessionValueError.of("p", p, "a column of probabilities, from 0 to 1")
    if not np.isin(is_true, (0.0, 1.0)).all():
        raise SessionValueError.of("truth", truth, "a column of booleans, or of 0 and 1")
    table = _bins(said, is_true, bins)
    mean = _mean(is_true)
    gaps = np.abs(np.asarray(table["p_mean"] - table["share_true"], np.float64))
    return Calibration(
        name=p,
        n=len(said),
        n_left_out=len(scored) - len(said),
        base_rate=mean(lambda true: true),
        brier=mean(lambda true: (said - true) ** 2),
        brier_of_base_rate=mean(lambda true: (true.mean() - true) ** 2),
        error=float(np.average(gaps, weights=table["n"])) if len(said) else np.nan,
        bins=table,
        _p=said,
        _is_true=is_true.astype(bool),
    )


def _mean(is_true: NDArray[np.float64]) -> Callable[[Callable[[NDArray[np.float64]], Any]], float]:
    return lambda of: float(np.mean(of(is_true))) if len(is_true) else np.nan


def _bins(p: NDArray[np.float64], is_true: NDArray[np.float64], number: int) -> pd.DataFrame:
    """Return one row for each bin that has rows; a probability of 1 is in the last."""
    place = np.minimum((p * number).astype(np.int64), number - 1)
    counts = np.bincount(place, minlength=number)
    there = np.flatnonzero(counts)
    n = counts[there]
    hits = np.bincount(place, weights=is_true, minlength=number)[there]
    sums = np.bincount(place, weights=p, minlength=number)[there]
    low, high = wilson(hits, n)
    columns: dict[str, Any] = {
        "low": there / number,
        "high": (there + 1) / number,
        "n": pd.array(n, dtype="Int64"),
        "p_mean": sums / n,
        "share_true": hits / n,
        "share_low": np.asarray(low, np.float64),
        "share_high": np.asarray(high, np.float64),
    }
    return pd.DataFrame(columns)


def _close(figure: Any) -> None:
    """Close a figure, so that a notebook does not show it once more."""
    from matplotlib import pyplot as plt

    plt.close(figure)
