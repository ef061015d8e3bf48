"""JupyterLab and Notebook 7 in a real browser: one server, a page, and a `NotebookPage` to drive it.

The browser is the system's Chromium; Playwright's own cannot be downloaded everywhere.
Every request to another machine is recorded, and refused by a proxy that is not there; to look at each request
on its way would cost a second whenever JupyterLab is loaded.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import nbformat
import pytest

from tests.support.isolation import home_variables
from tests.support.waits import PATIENCE_MS, PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Browser, BrowserContext, Page, ProxySettings

FrontEnd = Literal["lab", "notebook"]

BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HERE = re.compile(r"^(data:|blob:|about:|(https?|wss?)://(127\.0\.0\.1|localhost)[:/])")
_NOWHERE_ELSE: ProxySettings = {"server": "http://127.0.0.1:9", "bypass": "127.0.0.1,localhost"}
_PORTS_TRIED = 3
_IS_READY = """() => {
  const panel = window.jupyterapp?.shell.currentWidget, context = panel?.sessionContext;
  return Boolean(context && context.isReady && context.session?.kernel?.status === 'idle');
}"""
# The kernel's own status will not do: widget messages are answered on a subshell, whose "idle" shows
# while a cell on the main shell still runs.
_IS_DONE = """() => window.jupyterapp.shell.currentWidget.model.sharedModel.cells.every(
  (cell) => cell.cell_type !== 'code' || cell.executionState === 'idle')"""


@dataclass(frozen=True)
class JupyterServer:
    """A running server, JupyterLab and Notebook 7 in one."""

    url: str
    token: str
    root: Path
    """Folder of its notebooks."""

    def page_url(self, notebook: str, front_end: FrontEnd) -> str:
        """Return the address at which a front end shows a notebook."""
        place = "doc/tree" if front_end == "lab" else "notebooks"
        return f"{self.url}/{place}/{notebook}?token={self.token}"


@contextlib.contextmanager
def running_server(home: Path, settings: dict[str, dict[str, Any]] | None = None) -> Iterator[JupyterServer]:
    """Start a server with folders of its own and stop it, with its kernels, at the end of the block.

    Parameters
    ----------
    home
        An empty folder.
    settings
        JupyterLab's user settings, by plugin.
    """
    root, token = home / "notebooks", secrets.token_hex(16)
    root.mkdir(parents=True)
    quiet = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
    for plugin, values in {**quiet, **(settings or {})}.items():
        package, name = plugin.split(":")
        file = home / "settings" / package / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values), "utf-8")
    environment = {
        **os.environ,
        **home_variables(home),
        "JUPYTER_TOKEN": token,  # on the command line it would show in `ps`
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
    }
    log = home / "server.log"
    process, url = _start(environment, token, root, log)
    try:
        yield JupyterServer(url, token, root)
    finally:
        process.terminate()  # ends the kernels too
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _start(
    environment: dict[str, str], token: str, root: Path, log: Path
) -> tuple[subprocess.Popen[bytes], str]:
    for _ in range(_PORTS_TRIED):  # a port can be taken between the look and the start
        port = _free_port()
        options = [
            "--no-browser",
            "--allow-root",
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={root}",
            "--LabApp.expose_app_in_browser=True",
            "--JupyterNotebookApp.expose_app_in_browser=True",
            "--LabApp.extension_manager=readonly",
        ]
        with log.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "jupyterlab", *options],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        url = f"http://127.0.0.1:{port}"
        told = Path(environment["JUPYTER_RUNTIME_DIR"], f"jpserver-{process.pid}.json")
        if _answers(process, told, f"{url}/api/status?token={token}"):
            return process, url
        process.kill()
        process.wait()
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-3000:]}")


def _answers(process: subprocess.Popen[bytes], told: Path, url: str) -> bool:
    """Wait until the server has told where it is, which it does when the port is its own, and answers."""
    deadline = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            told.stat()
            urllib.request.urlopen(url, timeout=PATIENCE_S).close()  # noqa: S310 - our own server
            return True
        time.sleep(0.1)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running_browser() -> Iterator[Browser]:
    """Start Chromium; without one, fail in the CI and skip elsewhere."""
    path = os.environ.get("E2E_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        problem = "no Chromium on this machine; install one, or name it in E2E_CHROMIUM"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(problem)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, headless=True, args=BROWSER_FLAGS, proxy=_NOWHERE_ELSE
        )
        yield browser
        browser.close()


@dataclass
class Watched:
    """What went on in a page."""

    foreign: list[str]
    """Addresses of other machines that it asked for; all were refused."""
    errors: list[str]
    """Errors of widgets' scripts that nobody caught; the front ends have some of their own."""


def watch(context: BrowserContext, page: Page) -> Watched:
    """Record requests to other machines and errors, and accept dialogs."""
    watched = Watched([], [])

    def see(request: Any) -> None:
        if not HERE.match(request.url):
            watched.foreign.append(request.url)

    context.on("request", see)
    page.on("pageerror", lambda error: _keep_ours(watched, error))
    page.on("dialog", lambda dialog: dialog.accept())
    return watched


def _keep_ours(watched: Watched, error: Any) -> None:
    # anywidget loads a widget's script from a blob; what our tests put into a page is evaluated.
    if "blob:" in (error.stack or "") or "http" not in (error.stack or ""):
        watched.errors.append(f"{error}\n{error.stack}")


class NotebookPage:
    """A notebook that is open in the page; its cells are numbered from 0."""

    def __init__(self, page: Page, path: Path, watched: Watched) -> None:
        self.page, self.path, self.watched = page, path, watched

    def wait_ready(self) -> None:
        """Wait for the kernel to be there; for cells, see `wait_done`."""
        self.page.wait_for_function(_IS_READY, timeout=PATIENCE_MS)

    def wait_done(self) -> None:
        """Wait until no cell runs or is queued."""
        self.page.wait_for_function(_IS_DONE, timeout=PATIENCE_MS)

    def start_cell(self, number: int) -> None:
        """Run a cell and do not wait for its end."""
        self.page.evaluate(
            """(number) => {
              const app = window.jupyterapp, content = app.shell.currentWidget.content;
              content.deselectAll();
              content.activeCellIndex = number;
              app.commands.execute('notebook:run-cell');
            }""",
            number,
        )

    def run_cell(self, number: int) -> None:
        """Run a cell to its end."""
        self.start_cell(number)
        # Its state changes a moment after the command.
        self.page.wait_for_function(
            """(number) => {
              const cell = window.jupyterapp.shell.currentWidget.model.sharedModel.cells[number];
              return cell.executionState === 'running' || cell.execution_count !== null;
            }""",
            arg=number,
        )
        self.wait_done()

    def command(self, name: str, arguments: dict[str, Any] | None = None) -> None:
        """Run a command of the front end to its end."""
        self.page.evaluate(
            "([name, args]) => window.jupyterapp.commands.execute(name, args).then(() => null)",
            [name, arguments or {}],
        )

    def sources(self) -> list[str]:
        """Return the texts of all cells."""
        found: list[str] = self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.model.sharedModel.cells.map((cell) => cell.source)"
        )
        return found

    def text(self, number: int) -> str:
        """Return what a cell printed and its plain results."""
        outputs: list[dict[str, Any]] = self.page.evaluate(
            """(number) =>
              window.jupyterapp.shell.currentWidget.model.sharedModel.cells[number].getOutputs()""",
            number,
        )
        parts = [
            output.get("text")
            or output.get("data", {}).get("text/plain")
            or "\n".join(output.get("traceback", []))
            for output in outputs
        ]
        return "".join("".join(part) for part in parts)

    def save(self) -> Any:
        """Save the file and return it as nbformat reads it."""
        self.command("docmanager:save")
        return nbformat.read(self.path, as_version=4)

    def restart_kernel(self) -> None:
        """Restart the kernel without being asked."""
        self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.sessionContext.restartKernel().then(() => null)"
        )
        self.wait_ready()


def write_notebook(folder: Path, cells: Sequence[str], name: str | None = None) -> Path:
    """Write a notebook of code cells and return its path."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    path = folder / f"{name or secrets.token_hex(6)}.ipynb"
    nbformat.write(notebook, path)
    return path
