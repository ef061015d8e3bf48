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

    from playwright.sync_api import Browser, Page

ORIGIN = "http://localhost/"
FAILED = pytest.StashKey[bool]()


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
    context = browser.new_context(viewport={"width": 1100, "height": 850}, reduced_motion="reduce")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    return page


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Page]:
    """Yield an empty page; what it does is recorded in the fixture ``watched``."""
    page = _new_page(browser)
    yield page
    if request.node.stash.get(FAILED, False):
        folder = Path(os.environ.get("E2E_ARTIFACTS", tmp_path))
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(Exception):
            page.screenshot(path=str(folder / f"{request.node.name}.png"))
    page.context.close()


@dataclass(frozen=True)
class Blank:
    """A page with nothing on it."""

    page: Page
    watched: Watched


@pytest.fixture(scope="module")
def _used_page(browser: Browser) -> Iterator[Blank]:
    """Yield a page that the tests of a module use one after the other."""
    page = _new_page(browser)
    yield Blank(page, watch(page.context, page))
    page.context.close()


@pytest.fixture
def blank(_used_page: Blank) -> Blank:
    """Return an empty page that remembers nothing, at an address that gives it storage and a clipboard."""
    page, watched = _used_page.page, _used_page.watched
    page.route(ORIGIN, lambda route: route.fulfill(body="<title>Panel</title>", content_type="text/html"))
    page.goto(ORIGIN)
    page.evaluate("() => sessionStorage.clear()")
    watched.foreign.clear()
    watched.errors.clear()
    return _used_page


@pytest.fixture
def panel(blank: Blank) -> PanelPage:
    """Return an empty panel on a page of its own."""
    return PanelPage(blank.page)


@pytest.fixture
def watched(page: Page) -> Watched:
    """Return what the page asked for and what failed in it."""
    return watch(page.context, page)


@pytest.fixture
def open_notebook(server: JupyterServer, page: Page, watched: Watched) -> Callable[..., NotebookPage]:
    """Return a function that opens a new notebook with these cells; nothing is run yet."""

    def opener(cells: Sequence[str], *, front_end: FrontEnd = "lab", name: str | None = None) -> NotebookPage:
        path = write_notebook(server.root, cells, name)
        page.goto(server.page_url(path.name, front_end))
        notebook = NotebookPage(page, path, watched)
        notebook.wait_ready()
        return notebook

    return opener
