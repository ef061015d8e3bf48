"""Conversations as DataFrames: frames, statistics, cost, plots and exports.

All that needs pandas lives here; the session library below it does not. A name is loaded when it is first used, so
that `langswarm_nb.analysis.prices` can give the cost of one reply without pandas.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import plots
    from .answers.calibration import calibration
    from .answers.data_frames import data_df
    from .events import events_df
    from .frames import attachments_df, messages_df, sessions_df, turns_df
    from .otel import OTelHook
    from .prices import set_price, update_prices
    from .queries import search, sql
    from .statistics import bradley_terry, compare, preference, summary
    from .transfer import export, export_parquet, import_sessions, redact

__all__ = [
    "OTelHook",
    "attachments_df",
    "bradley_terry",
    "calibration",
    "compare",
    "data_df",
    "events_df",
    "export",
    "export_parquet",
    "import_sessions",
    "messages_df",
    "plots",
    "preference",
    "redact",
    "search",
    "sessions_df",
    "set_price",
    "sql",
    "summary",
    "turns_df",
    "update_prices",
]

_HOMES = {
    "answers.calibration": ("calibration",),
    "answers.data_frames": ("data_df",),
    "events": ("events_df",),
    "frames": ("attachments_df", "messages_df", "sessions_df", "turns_df"),
    "otel": ("OTelHook",),
    "prices": ("set_price", "update_prices"),
    "queries": ("search", "sql"),
    "transfer": ("export", "export_parquet", "import_sessions", "redact"),
    "statistics": ("bradley_terry", "compare", "preference", "summary"),
}


if not TYPE_CHECKING:  # a type checker would take any name for one of ours

    def __getattr__(name: str) -> Any:
        if name == "plots":
            return import_module(f"{__name__}.plots")
        for module, names in _HOMES.items():
            if name in names:
                return getattr(import_module(f"{__name__}.{module}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
