"""Calibration: what the numbers are by hand, what is left out, and the picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import langswarm_nb as ls
from langswarm_nb.analysis.answers.calibration import Threshold
from langswarm_nb.core.session import SessionTypeError, SessionValueError

SCORED = pd.DataFrame(
    {
        "spam": [0.05, 0.08, 0.15, 0.92, 0.95, 1.0, 0.92, None, 0.5],
        "is_spam": pd.array([False, False, True, True, True, True, False, True, None], dtype="boolean"),
    }
)


def test_the_numbers_are_those_of_the_definitions() -> None:
    """Brier score, base rate and bins by hand; rows where one side is NA are counted apart."""
    found = ls.calibration(SCORED, p="spam", truth="is_spam")
    assert (found.n, found.n_left_out) == (7, 2)
    assert found.base_rate == pytest.approx(4 / 7)
    gaps = [0.05, 0.08, -0.85, -0.08, -0.05, 0.0, 0.92]
    assert found.brier == pytest.approx(np.mean(np.square(gaps)))
    assert found.brier_of_base_rate == pytest.approx(4 / 7 * 3 / 7)
    assert found.bins[["low", "high", "n"]].to_numpy(float).tolist() == [
        [0.0, 0.1, 2],
        [0.1, 0.2, 1],
        [0.9, 1.0, 4],
    ]
    assert found.bins["p_mean"].tolist() == pytest.approx([0.065, 0.15, 0.9475])
    assert found.bins["share_true"].tolist() == [0.0, 1.0, 0.75]
    assert found.error == pytest.approx((2 * 0.065 + 0.85 + 4 * 0.1975) / 7)


def test_a_threshold_takes_as_many_rows_as_the_precision_allows() -> None:
    """Rows of one probability go together; where no threshold is good enough there is none."""
    found = ls.calibration(SCORED, p="spam", truth="is_spam")
    all_right = found.threshold(1.0)
    assert all_right is not None
    assert (all_right.probability, all_right.precision, all_right.recall, all_right.n) == (0.95, 1.0, 0.5, 2)
    three = found.threshold(0.75)
    assert isinstance(three, Threshold)
    assert (three.probability, three.precision, three.n) == (0.15, 0.8, 5)
    assert three.precision_low < 0.75
    everything = found.threshold(0.0)
    assert everything is not None
    assert (everything.n, everything.recall) == (7, 1.0)
    never = ls.calibration(SCORED.assign(is_spam=False), p="spam", truth="is_spam")
    assert never.threshold(0.5) is None
    with pytest.raises(SessionValueError, match="share from 0 to 1"):
        found.threshold(1.5)


@pytest.mark.parametrize("seed", range(20))
def test_a_threshold_is_the_best_of_all(seed: int) -> None:
    """No lower probability among those that were told has the precision: compared with trying all."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"p": random.integers(0, 8, 30) / 7, "is": random.integers(0, 2, 30)})
    wanted = float(random.random())
    tried = {p: frame.loc[frame["p"] >= p, "is"].mean() for p in frame["p"].unique()}
    good = [p for p, precision in tried.items() if precision >= wanted]
    found = ls.calibration(frame, p="p", truth="is").threshold(wanted)
    assert (None if found is None else found.probability) == min(good, default=None)


def test_probabilities_that_are_right_have_no_error() -> None:
    """Drawn with the probabilities that they have, the error is small and the Brier score that of the spread."""
    random = np.random.default_rng(7)
    p = random.random(20_000)
    found = ls.calibration(pd.DataFrame({"p": p, "is": random.random(20_000) < p}), p="p", truth="is")
    assert found.error < 0.02
    assert found.brier == pytest.approx(np.mean(p * (1 - p)), abs=0.01)
    inside = (found.bins["share_low"] <= found.bins["p_mean"]) & (
        found.bins["p_mean"] <= found.bins["share_high"]
    )
    assert inside.sum() >= 8


@pytest.mark.parametrize(
    "frame, kind, words",
    [
        (SCORED.rename(columns={"spam": "x"}), SessionValueError, "spam"),
        (SCORED.assign(spam=1.2), SessionValueError, "from 0 to 1"),
        (SCORED.assign(is_spam=2), SessionValueError, "booleans"),
        (SCORED.assign(is_spam="yes"), SessionValueError, "numbers"),
        (pd.concat([SCORED, SCORED], axis=1), SessionValueError, "two columns of the name 'spam'"),
        ([1], SessionTypeError, "DataFrame"),
    ],
    ids=["no column", "no probability", "no truth", "texts", "two of a name", "no frame"],
)
def test_what_is_no_probability_or_truth_says_so(frame: Any, kind: Any, words: str) -> None:
    """Nothing is computed from it."""
    with pytest.raises(kind, match=words):
        ls.calibration(frame, p="spam", truth="is_spam")


def test_nothing_known_gives_an_empty_table() -> None:
    """No row with both: NaN everywhere, the columns are there, and no threshold."""
    found = ls.calibration(SCORED.iloc[:0], p="spam", truth="is_spam")
    full = ls.calibration(SCORED, p="spam", truth="is_spam").bins
    assert found.n == 0
    assert np.isnan(found.brier)
    assert found.threshold(0.5) is None
    assert found.bins.dtypes.equals(full.dtypes)
    assert repr(found) == "Calibration of spam: 0 rows"


def test_it_says_in_words_what_it_found() -> None:
    """The repr has score, thresholds and bins."""
    text = repr(ls.calibration(SCORED, p="spam", truth="is_spam"))
    assert text.startswith("Calibration of spam: 7 rows, 2 left out, 57.1% true\nBrier score ")
    assert "precision 95%: from 0.950 on, 2 rows, recall 50%" in text
    assert "share_true" in text


def test_a_picture_shows_the_bins() -> None:
    """Points are the bins, bars the rows; in a notebook it takes the colours of the page and leaves no figure open."""
    plt = pytest.importorskip("matplotlib.pyplot", exc_type=ImportError)
    found = ls.calibration(SCORED, p="spam", truth="is_spam")
    before = plt.get_fignums()
    shown = found._repr_mimebundle_()
    assert plt.get_fignums() == before
    assert "currentColor" in shown["text/html"]
    assert "Calibration of spam: 7 rows" in shown["text/html"]
    assert shown["text/plain"] == repr(found)
    ax: Any = found.plot()
    line = next(line for line in ax.lines if line.get_marker() == "o")
    assert np.allclose(line.get_ydata(), [0.0, 1.0, 0.75])
    assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(1.0)
    assert "0 rows" in ls.calibration(SCORED.iloc[:0], p="spam", truth="is_spam").plot().get_title("left")
    plt.close("all")
