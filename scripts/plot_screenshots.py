"""The pictures of plots, as JupyterLab shows them in light and dark: part of ``make screenshots``.

The conversation of the tree is had with the offline model; the requests of the other plots are made up, two weeks of
three models, which nobody would wait for here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.lab import NotebookPage, Watched, watch, write_notebook

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.support.lab import JupyterServer

THEMES = {"light": "", "dark": "-dark"}
"""Theme of JupyterLab -> end of a picture's name."""
_COLORS = 160
"""In a picture: enough for letters and a scale of colours, and half the bytes."""
SETUP = """
import numpy as np
import pandas as pd

from langswarm_nb.analysis import plots, turns_df
from langswarm_nb.core.session import create_session_manager
from langswarm_nb.core.session.providers.mock import MockProviderSession

random = np.random.default_rng(14)
n = 90
models = {"claude-sonnet-5.5": (4.5, 6e-6), "gpt-6-luna": (1.6, 1e-6), "llama3.2": (2.6, 0.0)}
titles = ["A weekend in May", "Cheapest flights", "Refactor the parser", "Thesis outline"]
which = random.choice(len(titles), n, p=[0.2, 0.25, 0.35, 0.2])
model = random.choice(list(models), n, p=[0.3, 0.45, 0.25])
days = np.sort(random.choice(14, n)) + random.beta(4, 3, n) * 0.6 + 0.3
made = pd.DataFrame({"session_id": [f"s{k}" for k in which], "session": [titles[k] for k in which], "model": model})
made["turn"] = made.groupby("session_id").cumcount()
made["status"] = np.where(random.random(n) < 0.06, "error", "ok")
made["started_at"] = (pd.Timestamp("2026-05-04", tz="UTC") + pd.to_timedelta(days, unit="D")).as_unit("us")
made["input_tokens"] = 80 + made["turn"] * 90 + random.integers(0, 200, n)
made["cache_read_input_tokens"] = (made["input_tokens"] * 0.4).astype(int)
made["output_tokens"] = random.integers(60, 700, n)
made["duration_s"] = [models[m][0] * random.lognormal(0, 0.45) for m in model]
made["time_to_first_chunk_s"] = made["duration_s"] * random.uniform(0.1, 0.4, n)
made["output_tokens_per_s"] = made["output_tokens"] / made["duration_s"]
made["cost_usd"] = [models[m][1] * tokens for m, tokens in zip(model, made["input_tokens"] + 4 * made["output_tokens"])]
turns = made.reindex(columns=turns_df([]).columns)

replies = ["Lisbon, Porto, Seville.", "Porto is cheaper.", "Seville is warmer.", "Two hours, direct.", "Pack light."]
manager = create_session_manager(storage="memory")
manager.add_provider_session("mock", MockProviderSession(replies=replies * 4))
talk = await manager.create_session("me", "mock", "script", title="A weekend in May")
for question in ("Where in May?", "Which is cheaper?", "How long a flight?"):
    await talk.send_message(question)
await talk.undo()
await talk.regenerate()
await talk.fork(at=0, name="warm")
await talk.send_message("Which is warmer?")
await talk.send_message("What do I pack?")
talked = talk.messages_df(branch="all")

messages = pd.concat([made[["started_at"]].assign(role=role) for role in ("user", "assistant")])
messages = messages.rename(columns={"started_at": "created_at"}).reset_index(drop=True)
"""
PLOTS = {
    "tokens": "plots.tokens(turns);",
    "activity": "plots.activity(messages);",
    "cost": "plots.cost(turns);",
    "latency": "plots.latency(turns);",
    "compare": "plots.compare_plot(turns);",
    "heatmap": "plots.heatmap(turns);",
    "timeline": 'plots.timeline(turns, "s0");',
    "tree": "plots.tree(talked);",
}


def plot_pictures(browser: Browser, server: JupyterServer, folder: Path) -> Sequence[Path]:
    """Make a picture of each plot in each theme; return the files."""
    file = write_notebook(server.root, [SETUP, *PLOTS.values()], "plots")
    context = browser.new_context(viewport={"width": 900, "height": 1500}, device_scale_factor=1.25)
    page = context.new_page()
    watch(context, page)
    page.goto(server.page_url(file.name, "notebook"))
    notebook = NotebookPage(page, file, Watched([], []))
    notebook.wait_ready()
    notebook.run_cell(0)
    paths = []
    for number, name in enumerate(PLOTS, 1):
        notebook.run_cell(number)
        for theme, ending in THEMES.items():
            notebook.command("apputils:change-theme", {"theme": f"JupyterLab {theme.title()}"})
            page.locator(f"body[data-jp-theme-light='{str(theme == 'light').lower()}']").wait_for(
                state="attached"
            )
            path = folder / f"plot-{name}{ending}.png"
            page.locator(f".jp-Cell[data-windowed-list-index='{number}'] .lsnb-plot svg").screenshot(
                path=path
            )
            _make_small(path)
            paths.append(path)
    notebook.command("apputils:change-theme", {"theme": "JupyterLab Light"})
    context.close()
    return paths


def _make_small(path: Path) -> None:
    from PIL import Image

    with Image.open(path) as image:
        small = image.convert("RGB").quantize(_COLORS, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
