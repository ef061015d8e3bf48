"""What the pictures of `scripts.screenshots` show: prepared answers of the offline model, and the cells that ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_SETUP = """import os

os.environ |= {{"LANGSWARM_STORE": "memory", "LANGSWARM_SESSION": "{session}"}}
%load_ext langswarm_nb
import langswarm_nb as ls
"""
_MOCK = """
from langswarm_nb.core.session.providers.mock import MockProviderSession

mock = MockProviderSession(replies={replies!r}, delay_s={delay_s})
ls.session().manager.add_provider_session("mock", mock)
"""


def setup(session: str, replies: Sequence[str], delay_s: float = 0.01) -> str:
    """Return a cell that loads the extension, with prepared answers where there are some."""
    start = _SETUP.format(session=session)
    return start + _MOCK.format(replies=list(replies), delay_s=delay_s) if replies else start


CITIES = """Three cities fit your dates:

| city | flight | nights |
|---|--:|--:|
| Lisbon | 2 h 50 min | 4 |
| Porto | 2 h 40 min | 3 |
| Seville | 2 h 35 min | 4 |

**Porto** is the cheapest in May.
"""
CHEAPEST = """This groups them by month and keeps the cheapest of each:

```python
cheapest = (
    flights.sort_values("price_eur")
    .groupby(flights["day"].dt.to_period("M"))
    .first()
)
```

`first()` works because the rows are sorted by price. The cost of sorting is $O(n \\log n)$.
"""
SHORTER = """Yes: `nsmallest` finds it without sorting everything.

```python
cheapest = flights.groupby(month)["price_eur"].nsmallest(1)
```

- It keeps the original index, so `flights.loc[...]` gets the whole row.
- For a few thousand rows you will not notice the difference.
"""
QUESTIONS = [
    "I have the flights as a DataFrame. How do I find the cheapest one of each month?",
    "Is there a shorter way?",
]
RUNNING_MEAN = """## A running mean

Keep the sum and subtract what leaves the window, so every step costs the same:

```python
from collections import deque


class RunningMean:
    \"\"\"The mean of the last `size` values.\"\"\"

    def __init__(self, size: int = 20) -> None:
        self._values = deque(maxlen=size)
        self._sum = 0.0

    def add(self, value: float) -> float:
        if len(self._values) == self._values.maxlen:  # the oldest one leaves
            self._sum -= self._values[0]
        self._values.append(value)
        self._sum += value
        return self._sum / len(self._values)
```

For a window of $n$ values this is

$$\\bar{x}_t = \\frac{1}{n} \\sum_{i=t-n+1}^{t} x_i$$

| way | each step | memory |
|---|--:|--:|
| sum the window again | $O(n)$ | $O(n)$ |
| **keep the sum** | $O(1)$ | $O(n)$ |
| exponential mean | $O(1)$ | $O(1)$ |

What is left to do:

- [x] constant time per step
- [ ] rounding errors: recompute the sum every 10,000 values
- [ ] missing values

```bash
python -m pytest tests/test_running_mean.py --hypothesis-profile=ci --durations=10 --maxfail=1 -k "window or rounding"
```
"""
MEAN = "The mean of the last $n$ values. All of them count the same, and a value drops out when it leaves the window."
MEDIAN = """Take the **median** when outliers are likely:

```python
series.rolling(20).median()
```

It is slower, but a single outlier does not move it.
"""


@dataclass(frozen=True)
class Scene:
    """One notebook, and the cells of it that a picture shows."""

    name: str
    cells: tuple[str, ...]
    """All are run, the setup first."""
    shown: tuple[int, ...]
    """Their numbers; the setup is 0."""
    replies: tuple[str, ...] = ()
    session: str = "Running means"
    width: int = 900
    theme: str = "light"


_ASK = "%%langswarm\nHow do I write a running mean that stays fast for long windows?"
_TALK = (
    "%%langswarm\nHow do I write a running mean that stays fast for long windows?",
    "%%langswarm\nAnd a running median?",
    "%langswarm fork 0 median",
    "%%langswarm\nWhat does a mean do to outliers?",
    "%langswarm new 'Reading list'",
    "%%langswarm\nName three books on time series, and what each says about the mean of a window.",
    "%langswarm switch 'Running means'",
)
_TALKED = (
    RUNNING_MEAN,
    MEDIAN,
    MEAN,
    "1. Hamilton, *Time Series Analysis*\n2. Chatfield\n3. Hyndman, on the mean",
)
_FRAME = """import pandas as pd

prices = pd.DataFrame({"day": pd.date_range("2026-05-01", periods=40).date, "price_eur": range(120, 160)})"""

SCENES = (
    Scene("cell", (_ASK,), (1,), (RUNNING_MEAN,)),
    Scene("cell-dark", (_ASK,), (1,), (RUNNING_MEAN,), theme="dark"),
    Scene("cell-narrow", (_ASK,), (1,), (RUNNING_MEAN,), width=460),
    Scene(
        "compare",
        ("%%langswarm -m mock:short,mock:long\nMean or median for noisy sensor data?",),
        (1,),
        (MEAN, MEDIAN),
    ),
    Scene("error", ("%%langswarm -m mock:error\nHow do I write a running mean?",), (1,)),
    Scene(
        "dry-run",
        (
            _FRAME,
            "%%langswarm -s 'Answer in two sentences.' -q\nWhich columns do I need for a running mean?",
            "%%langswarm --dry-run\nWhat is the trend of these prices?\n\n{{ prices }}",
        ),
        (3,),
        (MEAN,),
    ),
    Scene("status", ("%langswarm status",), (1,)),
    Scene("sessions", (*_TALK, "%langswarm sessions"), (8,), _TALKED),
    Scene("search", (*_TALK, "%langswarm search mean"), (8,), _TALKED),
    Scene("tree", (*_TALK, "%langswarm tree"), (8,), _TALKED),
    Scene("tree-dark", (*_TALK, "%langswarm tree"), (8,), _TALKED, theme="dark"),
    Scene("show", (*_TALK, "%langswarm show"), (8,), _TALKED),
)
