"""Make the moving picture of the README: a real notebook in a real browser, frame after frame.

``python -m scripts.tour [FILE]`` types a cell, lets the offline model answer, goes on in the panel, and writes an
animated WebP; by default ``docs/images/tour.webp``. ``make screenshots`` does this too.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from scripts.screenshots import ROOT
from tests.support.lab import NotebookPage, Watched, running_browser, running_server, watch, write_notebook

if TYPE_CHECKING:
    from playwright.sync_api import Page

WIDTH, HEIGHT = 860, 560
FRAME_MS = 100
"""Shortest time between two frames."""
REST_MS, END_MS = 1_200, 3_000
"""How long a finished step, and the last picture, stand still."""
MOST_BYTES = 1_000_000
ANSWER = """Three cities fit your dates:

| city | flight | nights |
|---|--:|--:|
| Lisbon | 2 h 50 min | 4 |
| Porto | 2 h 40 min | 3 |
| Seville | 2 h 35 min | 4 |

**Porto** is the cheapest in May.
"""
MORE = """Porto, by train and on foot:

1. **Ribeira** and the bridge, in the evening
2. **Serralves**, the museum and its park
3. A boat up the **Douro**
"""
SETUP = f"""import os

os.environ |= {{"LANGSWARM_STORE": "memory", "LANGSWARM_SESSION": "A weekend in May"}}
%load_ext langswarm_nb
import langswarm_nb as ls
from langswarm_nb.core.session.providers.mock import MockProviderSession

mock = MockProviderSession(replies={[ANSWER, MORE]!r}, delay_s=0.06)
ls.session().manager.add_provider_session("mock", mock)
"""
QUESTION = "%%langswarm\nWhere could we go for a long weekend in May?"
PANEL = "%langswarm chat"
FOLLOW_UP = "Porto it is. What should we see?"
_STYLE = """
.jp-Notebook .jp-Cell:first-of-type, .jp-NotebookPanel-toolbar, #top-panel-wrapper, #menu-panel-wrapper,
.jp-Toolbar, .jp-cell-toolbar, .jp-Notebook-footer { display: none !important }
body, #main, .jp-NotebookPanel, .jp-WindowedPanel-outer, .jp-WindowedPanel-inner, .jp-WindowedPanel-viewport {
  background: var(--jp-layout-color0) !important; box-shadow: none !important;
}
"""
_HEAD = 150
"""Highest that the hidden head of the front end can be, in pixels."""


class Film:
    """The frames of a page, each with the time it stands."""

    def __init__(self, page: Page) -> None:
        self._page = page
        top = page.locator(".jp-WindowedPanel-outer").first.bounding_box()
        self._top = top["y"] if top else 0
        self._frames: list[Image.Image] = []
        self._times: list[int] = []

    def shoot(self) -> None:
        """Take a frame; one that shows nothing new prolongs the last."""
        started = time.monotonic()
        png = self._page.screenshot(
            clip={"x": 0, "y": self._top, "width": WIDTH, "height": HEIGHT}, caret="initial"
        )
        frame = Image.open(io.BytesIO(png)).convert("RGB")
        if self._frames and frame.tobytes() == self._frames[-1].tobytes():
            self._times[-1] += FRAME_MS
        else:
            self._frames.append(frame)
            self._times.append(FRAME_MS)
        self._page.wait_for_timeout(max(0.0, FRAME_MS - 1000 * (time.monotonic() - started)))

    def shoot_until(self, is_over: Callable[[], bool]) -> None:
        """Take frames until something is so."""
        while not is_over():
            self.shoot()

    def rest(self, milliseconds: int) -> None:
        """Let the last frame stand."""
        self.shoot()
        self._times[-1] += milliseconds

    def save(self, path: Path) -> None:
        """Write the frames."""
        first, *others = self._frames
        first.save(
            path, save_all=True, append_images=others, duration=self._times, loop=0, quality=60, method=4
        )


def make(path: Path) -> None:
    """Play the tour and film it."""
    with (
        tempfile.TemporaryDirectory() as home,
        running_server(Path(home)) as server,
        running_browser() as browser,
    ):
        context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT + _HEAD})
        page = context.new_page()
        watch(context, page)
        file = write_notebook(server.root, [SETUP, "", "", ""], "tour")
        page.goto(server.page_url(file.name, "notebook"))
        notebook = NotebookPage(page, file, Watched([], []))
        notebook.wait_ready()
        notebook.run_cell(0)
        page.add_style_tag(content=_STYLE)
        _play(page, notebook).save(path)
        context.close()


def _play(page: Page, notebook: NotebookPage) -> Film:
    film = Film(page)
    _type_and_run(film, page, notebook, 1, QUESTION)
    film.rest(REST_MS)
    _type_and_run(film, page, notebook, 2, PANEL)
    box = page.get_by_role("textbox", name="Message", exact=True)
    box.wait_for()
    page.locator(".jp-Cell[data-windowed-list-index='2']").evaluate(
        "(cell) => cell.scrollIntoView({block: 'start'})"
    )
    page.wait_for_timeout(500)
    film.rest(REST_MS)
    box.click()
    page.mouse.move(WIDTH / 2, 1)  # buttons that show under the pointer are in the way
    _type(film, page, FOLLOW_UP)
    page.keyboard.press("Enter")
    answers = page.locator(".lsnb-assistant:not(.lsnb-live)")
    film.shoot_until(lambda: answers.count() > 1)
    film.rest(END_MS)
    return film


def _type_and_run(film: Film, page: Page, notebook: NotebookPage, cell: int, text: str) -> None:
    page.locator(f".jp-Cell[data-windowed-list-index='{cell}'] .cm-content").click()
    _type(film, page, text)
    notebook.start_cell(cell)
    film.shoot_until(lambda: _is_done(page, cell))


def _type(film: Film, page: Page, text: str) -> None:
    for character in text:
        page.keyboard.press("Enter") if character == "\n" else page.keyboard.insert_text(character)
        film.shoot()


def _is_done(page: Page, cell: int) -> bool:
    return bool(
        page.evaluate(
            """(number) => {
              const cell = window.jupyterapp.shell.currentWidget.model.sharedModel.cells[number];
              return cell.execution_count !== null && cell.executionState === 'idle';
            }""",
            cell,
        )
    )


def main() -> None:
    """Make the picture, and say how large it is."""
    parser = argparse.ArgumentParser(description="Make the moving picture of the README.")
    parser.add_argument("file", nargs="?", type=Path, default=ROOT / "docs" / "images" / "tour.webp")
    path: Path = parser.parse_args().file
    make(path)
    size = path.stat().st_size
    print(f"{path}: {size / 1000:.0f} kB")
    if size > MOST_BYTES:
        raise SystemExit(
            f"{path} is larger than {MOST_BYTES / 1000:.0f} kB: a README that loads slowly is not read."
        )


if __name__ == "__main__":
    main()
