"""The guide is true: its recipes run one after the other, on conversations that were really had."""

from __future__ import annotations

import ast
import inspect
import re
import warnings
from typing import Any

import pytest

from langswarm_nb.analysis import prices
from langswarm_nb.core.session import MetricsHook, create_session_manager, set_session_manager
from tests.analysis.support import fill
from tests.support.paths import REPOSITORY

GUIDE = (REPOSITORY / "docs" / "guide" / "analysis.md").read_text("utf-8")
RECIPES = re.findall(r"^```python\n(.*?)^```", GUIDE, flags=re.MULTILINE | re.DOTALL)
OPTIONAL = {
    "duckdb": "duckdb",
    "history/": "pyarrow",
    "plots.": "matplotlib",
    "export_parquet": "pyarrow",
    "OTelHook": "opentelemetry",
}


def runnable(recipe):
    """Return whether what the recipe needs is installed."""
    for word, package in OPTIONAL.items():
        if word in recipe:
            try:
                __import__(package)
            except ImportError:
                return False
    return True


@pytest.mark.filterwarnings("ignore:The price of")
async def test_every_recipe_runs(tmp_path, monkeypatch):
    """In order, in one namespace, each as a cell."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    async with create_session_manager("sqlite", {"db_path": str(tmp_path / "guide.db")}) as manager:
        manager.add_global_hook(MetricsHook())
        await fill(manager)
        set_session_manager(manager)
        try:
            for recipe in filter(runnable, RECIPES):
                cell = compile(recipe, "analysis.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)
                    result = eval(cell, names)  # noqa: S307 - our own page
                if inspect.isawaitable(result):
                    await result
        finally:
            set_session_manager(None)
    assert len(RECIPES) >= 20
    assert names["text"].startswith("# First")
    assert (tmp_path / "train.jsonl").stat().st_size > 0
    assert prices.find_price("any", "llama3", "llama3", names["turns"]["started_at"][0]) is not None


def test_the_guide_names_what_there_is():
    """Each function that the page names is public."""
    from langswarm_nb import analysis

    named = set(re.findall(r"\banalysis\.([a-z_]+)\(", GUIDE))
    assert named
    assert named <= set(analysis.__all__)
