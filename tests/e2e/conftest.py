"""A server and a browser for all browser tests, and a page of its own for each."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.lab import (
    FrontEnd,
    JupyterServer,
    NotebookPage,
    Watched,
    running_browser,
    running_server,
    watch,
    write_notebook,
)
from tests.support.panel_page import PanelPage
from tests.support.waits import PATIENCE_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from playwright.sync_api import Browser, Page, ViewportSize

ORIGIN = "http://localhost/"
SIZE: ViewportSize = {"width": 1100, "height": 850}
FAILED = pytest.StashKey[bool]()
_CLOSE_ALL = """async () => {
  const app = window.jupyterapp;
  await app.serviceManager.sessions.shutdownAll();
  for (const widget of Array.from(app.shell.widgets('main'))) {
    widget.dispose();  // asks nothing, not even whether to save
  }
  sessionStorage.clear();
}"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.e2e)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Remember whether the test failed, for the screenshot."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """Yield JupyterLab and Notebook 7."""
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Yield Chromium."""
    with running_browser() as browser:
        yield browser


def _new_page(browser: Browser) -> Page:
    context = browser.new_context(viewport=SIZE, reduced_motion="reduce")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    return page


@dataclass(frozen=True)
class Tab:
    """A page, and what went on in it."""

    page: Page
    watched: Watched

    @classmethod
    def new(cls, browser: Browser) -> Tab:
        """Open an empty one that shares nothing with others."""
        page = _new_page(browser)
        return cls(page, watch(page.context, page))

    def picture(self, request: pytest.FixtureRequest, folder: Path) -> None:
        """Keep what it shows."""
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(Exception):
            self.page.screenshot(path=str(folder / f"{request.node.name}.png"))


class Lab:
    """A tab with JupyterLab, which takes seconds to load; test after test opens its notebooks in it."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._tab: Tab | None = None

    def take(self) -> Tab:
        """Return the tab."""
        self._tab = self._tab or Tab.new(self._browser)
        return self._tab

    def clear(self) -> None:
        """Close all notebooks, end their kernels, and forget what the last test did."""
        if self._tab is not None:
            self._tab.page.evaluate(_CLOSE_ALL)
            self._tab.page.set_viewport_size(SIZE)
            self._tab.watched.foreign.clear()
            self._tab.watched.errors.clear()

    def drop(self) -> None:
        """Close the tab: nobody knows what state it is in."""
        if self._tab is not None:
            self._tab.page.context.close()
            self._tab = None


@pytest.fixture(scope="session")
def _lab(browser: Browser) -> Iterator[Lab]:
    """Yield the tab with JupyterLab of this process."""
    lab = Lab(browser)
    yield lab
    lab.drop()


@pytest.fixture
def _tab(request: pytest.FixtureRequest, browser: Browser, _lab: Lab, tmp_path: Path) -> Iterator[Tab]:
    """Yield the tab with JupyterLab to who opens notebooks in it, and one of their own to all others."""
    parameters = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    in_lab = "open_notebook" in request.fixturenames and parameters.get("front_end", "lab") == "lab"
    tab = _lab.take() if in_lab else Tab.new(browser)
    yield tab
    failed = request.node.stash.get(FAILED, False)
    if failed:
        tab.picture(request, Path(os.environ.get("E2E_ARTIFACTS", tmp_path)))
    if not in_lab:
        tab.page.context.close()
    elif failed:
        _lab.drop()
    else:
        _lab.clear()


@pytest.fixture
def page(_tab: Tab) -> Page:
    """Return the page; what it does is recorded in the fixture ``watched``."""
    return _tab.page


@pytest.fixture
def watched(_tab: Tab) -> Watched:
    """Return what the page asked for and what failed in it."""
    return _tab.watched


@pytest.fixture(scope="module")
def _used_page(browser: Browser) -> Iterator[Tab]:
    """Yield a page that the tests of a module use one after the other."""
    tab = Tab.new(browser)
    yield tab
    tab.page.context.close()


@pytest.fixture
def blank(_used_page: Tab) -> Tab:
    """Return an empty page that remembers nothing, at an address that gives it storage and a clipboard."""
    page, watched = _used_page.page, _used_page.watched
    page.route(ORIGIN, lambda route: route.fulfill(body="<title>Panel</title>", content_type="text/html"))
    page.goto(ORIGIN)
    page.evaluate("() => sessionStorage.clear()")
    watched.foreign.clear()
    watched.errors.clear()
    return _used_page


@pytest.fixture
def panel(blank: Tab) -> PanelPage:
    """Return an empty panel on a page of its own."""
    return PanelPage(blank.page)


@pytest.fixture
def open_notebook(server: JupyterServer, page: Page, watched: Watched) -> Callable[..., NotebookPage]:
    """Return a function that opens a new notebook with these cells; nothing is run yet."""

    def opener(cells: Sequence[str], *, front_end: FrontEnd = "lab", name: str | None = None) -> NotebookPage:
        path = write_notebook(server.root, cells, name)
        notebook = NotebookPage(page, path, watched)
        if page.evaluate("() => 'jupyterapp' in window"):
            notebook.command("docmanager:open", {"path": path.name, "kernel": {"name": "python3"}})
        else:
            page.goto(server.page_url(path.name, front_end))
        notebook.wait_ready()
        return notebook

    return opener
