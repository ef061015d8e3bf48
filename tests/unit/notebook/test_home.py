"""What front ends tell of the notebook: its path or id, its file, its cells."""

from __future__ import annotations

import json
import os
import sys
import threading
import types
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

from langswarm_nb.core.session.conversation.homes import Told
from langswarm_nb.notebook.running_cell import is_lasting, running_cell
from langswarm_nb.notebook.workspace.home import first_label, front_end_tells, read_saved
from tests.support.notebooks import save


@pytest.fixture(autouse=True)
def _no_front_end(monkeypatch):
    """Take away what the front end of this test run may have told."""
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)


def shell_told(metadata: dict[str, Any] | None = None, **variables: Any) -> Any:
    """Return a stand-in for a shell that a front end has told of a cell."""
    parent = {"header": {"msg_id": "run"}, "metadata": metadata or {}}
    return SimpleNamespace(user_ns=variables, get_parent=lambda: parent, execution_count=1)


def test_jupyters_server_tells_the_path(tmp_path, monkeypatch):
    """With a cell in the request, so that the file is read; without, the name may be another kernel's."""
    path = save(tmp_path / "a.ipynb", "1", "2")
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    told = front_end_tells(shell_told({"cellId": "1"}))
    assert (told.home, told.cell_id, told.in_cell, told.is_sure) == (str(path), "1", True, False)
    assert told.saved is not None
    assert told.saved.cells == frozenset({"1", "2"})
    assert front_end_tells(shell_told()) == Told(str(path), None, None, in_cell=False)


@pytest.mark.parametrize("name", ["", "/home/ada/console-1-3fa9", "/home/ada/script.py"])
def test_a_name_that_is_no_notebooks_is_none(monkeypatch, name):
    """Consoles and editors have sessions with names, too."""
    monkeypatch.setenv("JPY_SESSION_NAME", name)
    assert front_end_tells(shell_told({"cellId": "1"})).home is None


def test_a_name_without_folders_is_taken_from_here(tmp_path, monkeypatch):
    """Old servers tell the path from their root; the kernel runs in the notebook's folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JPY_SESSION_NAME", "x/a.ipynb")
    assert front_end_tells(shell_told({"cellId": "1"})).home == str(tmp_path / "a.ipynb")


def test_code_tells_the_path_in_a_variable(tmp_path, monkeypatch):
    """It comes before the name that Code gives a server; cells are known in this kernel only."""
    path = save(tmp_path / "a.ipynb", "1")
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "a-jvsc-3fa9c2d1-77.ipynb"))
    told = front_end_tells(shell_told({"cellId": "vscode-notebook-cell:/a#W0"}, __vsc_ipynb_file__=str(path)))
    assert (told.home, told.cell_id, told.in_cell, told.is_sure) == (str(path), None, True, True)
    assert front_end_tells(shell_told({"cellId": "1"})).home == str(path), "without the part that is made up"


class _ColabServer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps([{"path": "fileId=1aB%2Dc", "name": "Untitled0.ipynb"}]).encode()
        self.send_response(200 if self.path == "/api/sessions" else 404)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""


def test_colab_tells_the_id_of_the_notebook(monkeypatch):
    """By a variable, or by the server of its own; its cells have ids that are taken for this kernel's."""
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    metadata = {"colab": {"cell_id": "xyz"}}
    assert front_end_tells(shell_told(metadata)).home is None
    with HTTPServer(("127.0.0.1", 0), _ColabServer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("COLAB_JUPYTER_IP", "127.0.0.1")
        monkeypatch.setenv("KMP_TARGET_PORT", str(server.server_address[1]))
        told = front_end_tells(shell_told(metadata))
        server.shutdown()
    assert told == Told("colab:1aB-c", None, None, in_cell=True, is_sure=True)
    assert first_label("colab:1aB-c") == "Colab"
    monkeypatch.setenv("COLAB_NOTEBOOK_ID", "2cD")
    assert front_end_tells(shell_told(metadata)).home == "colab:2cD"
    cell = running_cell(shell_told(metadata)).cell_id
    assert cell is not None
    assert cell.endswith(":xyz")
    assert not is_lasting(cell)


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"cells": 5}', b"\xff\xfe", b'{"cells": [5]}'])
def test_a_file_that_is_no_notebook_is_no_evidence(tmp_path, text):
    """Nor is one that is not there."""
    file = tmp_path / "a.ipynb"
    assert read_saved(str(file)) is None
    file.write_bytes(text)
    assert read_saved(str(file)) is None


def test_a_file_tells_when_it_became_what_it_is(tmp_path):
    """Saving does, and moving a file over another: that keeps the time of its content, but not its own."""
    old = save(tmp_path / "old.ipynb", "1")
    os.utime(old, (0, 0))
    before = datetime.now(UTC)
    moved = old.rename(tmp_path / "a.ipynb")
    saved = read_saved(str(moved))
    assert saved is not None
    if sys.platform != "win32":
        assert (before - saved.at).total_seconds() < 1
    without = read_saved(str(save(tmp_path / "b.ipynb", "1", ids=False)))
    assert without is not None
    assert without.cells is None
    empty = read_saved(str(save(tmp_path / "c.ipynb")))
    assert empty is not None
    assert empty.cells == frozenset()
