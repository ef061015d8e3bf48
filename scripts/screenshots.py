"""Make the pictures of the README and the documentation: real screenshots of a real notebook.

``python -m scripts.screenshots [FOLDER] [--only TEXT]`` starts JupyterLab and Chromium, asks the offline model with
prepared answers, and writes PNG files; by default into ``docs/images``. ``make screenshots`` does this.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from PIL import Image

from scripts.pictures import CHEAPEST, CITIES, QUESTIONS, SCENES, SHORTER, Scene, setup
from scripts.plot_screenshots import plot_pictures
from tests.support.lab import NotebookPage, Watched, running_browser, running_server, watch, write_notebook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Browser, Page

    from tests.support.lab import JupyterServer

ROOT = Path(__file__).resolve().parents[1]
NARROW = 600
"""A narrower picture shows the panel alone."""


class Panel(NamedTuple):
    """What a picture of the panel shows."""

    name: str
    width: int
    """Pixels."""
    theme: Literal["light", "dark"] = "light"
    shows: Literal["empty", "streaming", "done"] = "done"


PANELS = [
    Panel("panel", 1000),
    Panel("panel-dark", 1000, "dark"),
    Panel("panel-narrow", 480),
    Panel("panel-empty", 800, shows="empty"),
    Panel("panel-streaming", 800, shows="streaming"),
    Panel("panel-streaming-dark", 480, "dark", "streaming"),
]
ASK = "%%langswarm\nWhere could we go for a long weekend in May, three hours by plane at most?"
PANEL = 'ls.chat(height="34rem")'
FRAME = 'ls.messages_df(columns=["turn", "role", "source", "content"])'
_BARE = """
.jp-NotebookPanel-toolbar, .jp-cell-toolbar, .jp-Notebook-footer { display: none !important }
.jp-Cell .jp-Cell-inputWrapper .jp-Collapser, .jp-OutputCollapser { visibility: hidden }
"""


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description="Make the pictures of the documentation.")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--only", default="", metavar="TEXT", help="only those with TEXT in their name")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as home,
        running_server(Path(home)) as server,
        running_browser() as browser,
    ):
        for scene in SCENES:
            if arguments.only in scene.name:
                _told(_scene(browser, server, folder / f"{scene.name}.png", scene))
        for panel in PANELS:
            if arguments.only in panel.name:
                _told(_panel(browser, server, folder / f"{panel.name}.png", panel))
        for path in plot_pictures(browser, server, folder) if arguments.only in "plots" else ():
            _told(path)


def _told(path: Path) -> None:
    with Image.open(path) as picture:  # few colours are enough, and make a third of the bytes
        small = picture.convert("RGB").quantize(160, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def _scene(browser: Browser, server: JupyterServer, path: Path, scene: Scene) -> Path:
    cells = [setup(scene.session, scene.replies), *scene.cells]
    notebook = _opened(browser, server, path, cells, width=scene.width, theme=scene.theme)
    for number in range(len(scene.cells) + 1):
        notebook.run_cell(number)
    notebook.page.wait_for_timeout(1500)  # formulas are typeset by a library that loads now
    _clip(notebook.page, path, scene.shown)
    _close(notebook)
    return path


def _panel(browser: Browser, server: JupyterServer, path: Path, panel: Panel) -> Path:
    is_done = panel.shows == "done"
    replies = [CITIES, CHEAPEST, SHORTER] if is_done else [CHEAPEST]
    first = setup("A weekend in May", replies, delay_s=0.01 if is_done else 0.15)
    cells = [first, *([ASK] if is_done else []), PANEL, FRAME]
    notebook = _opened(browser, server, path, cells, width=panel.width, theme=panel.theme)
    at = cells.index(PANEL)
    for number in range(at + 1):
        notebook.run_cell(number)
    if is_done:
        _talk(notebook.page)
        notebook.run_cell(at + 1)
        notebook.page.locator(".lsnb-message").last.hover()
    elif panel.shows == "streaming":
        _begin(notebook.page)
    _clip(notebook.page, path, range(1, 4) if is_done and panel.width > NARROW else range(at, at + 1))
    _close(notebook)
    return path


def _opened(
    browser: Browser, server: JupyterServer, path: Path, cells: Sequence[str], *, width: int, theme: str
) -> NotebookPage:
    context = browser.new_context(viewport={"width": width, "height": 2200}, device_scale_factor=1.5)
    page = context.new_page()
    watch(context, page)
    file = write_notebook(server.root, cells, path.stem)
    page.goto(server.page_url(file.name, "notebook"))
    notebook = NotebookPage(page, file, Watched([], []))
    notebook.wait_ready()
    notebook.command("apputils:change-theme", {"theme": f"JupyterLab {theme.title()}"})
    page.add_style_tag(content=_BARE)
    return notebook


def _close(notebook: NotebookPage) -> None:
    notebook.command("apputils:change-theme", {"theme": "JupyterLab Light"})
    notebook.page.context.close()


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


def _clip(page: Page, path: Path, cells: Sequence[int]) -> None:
    hidden = ", ".join(
        f".jp-Cell[data-windowed-list-index='{number}']" for number in range(40) if number not in cells
    )
    page.add_style_tag(content=f"{hidden} {{ display: none }}")
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
