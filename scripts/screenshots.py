"""Make the pictures of the README and the documentation: real screenshots of a real notebook.

``python -m scripts.screenshots [FOLDER]`` starts JupyterLab and Chromium, asks the offline model with prepared
answers, and writes PNG files; by default into ``docs/images``. ``make screenshots`` does this.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from scripts.plot_screenshots import plot_pictures
from tests.support.lab import NotebookPage, Watched, running_browser, running_server, watch, write_notebook

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.support.lab import JupyterServer

ROOT = Path(__file__).resolve().parents[1]
NARROW = 600
"""A narrower picture shows the panel alone."""


class Picture(NamedTuple):
    """What a picture shows."""

    name: str
    width: int
    """Pixels."""
    theme: Literal["light", "dark"] = "light"
    shows: Literal["empty", "streaming", "done"] = "done"


PICTURES = [
    Picture("panel", 1000),
    Picture("panel-dark", 1000, "dark"),
    Picture("panel-narrow", 480),
    Picture("panel-empty", 800, shows="empty"),
    Picture("panel-streaming", 800, shows="streaming"),
    Picture("panel-streaming-dark", 480, "dark", "streaming"),
]
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
SETUP = """import os

os.environ |= {{"LANGSWARM_STORE": "memory", "LANGSWARM_SESSION": "A weekend in May"}}
%load_ext langswarm_nb
import langswarm_nb as ls
from langswarm_nb.core.session.providers.mock import MockProviderSession

mock = MockProviderSession(replies={replies!r}, delay_s={delay_s})
ls.session().manager.add_provider_session("mock", mock)
"""
ASK = "%%langswarm\nWhere could we go for a long weekend in May, three hours by plane at most?"
PANEL = 'ls.chat(height="34rem")'
FRAME = 'ls.messages_df(columns=["turn", "role", "source", "content"])'


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description="Make the pictures of the documentation.")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs" / "images")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as home,
        running_server(Path(home)) as server,
        running_browser() as browser,
    ):
        for picture in PICTURES:
            path = folder / f"{picture.name}.png"
            _take(browser, server, picture, path)
            print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
        for path in plot_pictures(browser, server, folder):
            print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def _take(browser: Browser, server: JupyterServer, picture: Picture, path: Path) -> None:
    context = browser.new_context(viewport={"width": picture.width, "height": 1500}, device_scale_factor=1.5)
    page = context.new_page()
    watch(context, page)
    is_done = picture.shows == "done"
    setup = SETUP.format(
        replies=[CITIES, CHEAPEST, SHORTER] if is_done else [CHEAPEST], delay_s=0.01 if is_done else 0.15
    )
    file = write_notebook(server.root, [setup, *([ASK] if is_done else []), PANEL, FRAME], path.stem)
    page.goto(server.page_url(file.name, "notebook"))
    notebook = NotebookPage(page, file, Watched([], []))
    notebook.wait_ready()
    notebook.command("apputils:change-theme", {"theme": f"JupyterLab {picture.theme.title()}"})
    notebook.run_cell(0)
    _hide_first_cell(page)
    notebook.run_cell(1)
    if is_done:
        notebook.run_cell(2)
        _talk(page)
        notebook.run_cell(3)
        page.locator(".lsnb-message").last.hover()
    elif picture.shows == "streaming":
        _begin(page)
    panel = 2 if is_done else 1
    _clip(page, path, cells=range(1, 4) if is_done and picture.width > NARROW else range(panel, panel + 1))
    notebook.command("apputils:change-theme", {"theme": "JupyterLab Light"})
    context.close()


def _begin(page: Page) -> None:
    box = page.get_by_role("textbox", name="Message", exact=True)
    box.fill(QUESTIONS[0])
    box.press("Enter")
    page.locator(".lsnb-live pre").get_by_text("groupby").wait_for()


def _talk(page: Page) -> None:
    box = page.get_by_role("textbox", name="Message", exact=True)
    for number, text in enumerate(QUESTIONS):
        box.fill(text)
        box.press("Enter")
        page.locator(".lsnb-assistant:not(.lsnb-live)").nth(number + 1).wait_for()
    page.wait_for_timeout(1500)  # formulas are typeset by a library that loads now


def _hide_first_cell(page: Page) -> None:
    page.add_style_tag(content=".jp-Notebook .jp-Cell:first-of-type { display: none }")


def _clip(page: Page, path: Path, *, cells: range) -> None:
    boxes = [
        box
        for number in cells
        if (box := page.locator(f".jp-Cell[data-windowed-list-index='{number}']").bounding_box()) is not None
    ]
    if not boxes:
        raise RuntimeError("the notebook shows no cells to take a picture of")
    left, top = min(box["x"] for box in boxes), min(box["y"] for box in boxes)
    right = max(box["x"] + box["width"] for box in boxes)
    bottom = max(box["y"] + box["height"] for box in boxes)
    clip = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    page.screenshot(path=str(path), clip=clip)  # type: ignore[arg-type]  # a dict of floats will do


if __name__ == "__main__":
    main()
