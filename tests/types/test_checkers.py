"""mypy and pyright take the right calls of `calls.py`, and see every mistake in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.npm import npm_modules
from tests.support.paths import REPOSITORY
from tests.support.waits import PATIENCE_S

CALLS = Path(__file__).parent / "calls.py"
MARK = re.compile(r"  # type: ignore\[[\w-]+\]")
LINES = CALLS.read_text("utf-8").splitlines()
WRONG = {number for number, line in enumerate(LINES, 1) if MARK.search(line)}

pytestmark = pytest.mark.slow


def _pyright(file: Path) -> list[dict[str, Any]]:
    """Return what pyright complains about, as strictly as it can."""
    pyright = npm_modules() / "pyright" / "index.js"
    node = shutil.which("node")
    assert node is not None
    config = {
        "include": [str(file)],
        "extraPaths": [str(REPOSITORY)],
        "typeCheckingMode": "strict",
        "reportUnnecessaryTypeIgnoreComment": "error",
        "reportUnnecessaryComparison": "none",
        "reportUnusedExpression": "none",
    }
    project = file.with_name("pyrightconfig.json")
    project.write_text(json.dumps(config), "utf-8")
    command = [node, str(pyright), "--project", str(project), "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    found: list[dict[str, Any]] = json.loads(done.stdout)["generalDiagnostics"]
    return [one for one in found if one["severity"] == "error"]


def _mypy(file: Path) -> str:
    """Return what mypy complains about under the settings of the project."""
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", str(file)]
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env={**os.environ, "MYPY_FORCE_COLOR": "0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    return done.stdout


def test_there_are_mistakes_of_every_kind() -> None:
    """The file says more than that all is well."""
    assert len(WRONG) >= 35


def test_pyright_takes_the_right_calls_and_marks_the_wrong_ones(tmp_path: Path) -> None:
    """An ignored line on which it finds nothing is an error, too."""
    file = tmp_path / "calls.py"
    file.write_text("\n".join(LINES) + "\n", "utf-8")
    assert [(one["range"]["start"]["line"] + 1, one["message"]) for one in _pyright(file)] == []


def test_pyright_sees_each_mistake_where_it_is(tmp_path: Path) -> None:
    """Without the marks every wrong line is told, and no other."""
    file = tmp_path / "calls.py"
    file.write_text(MARK.sub("", "\n".join(LINES) + "\n"), "utf-8")
    assert {one["range"]["start"]["line"] + 1 for one in _pyright(file)} == WRONG


def test_mypy_sees_each_mistake_where_it_is(tmp_path: Path) -> None:
    """As above; that it takes the file as it stands is checked with all others."""
    file = tmp_path / "calls.py"
    file.write_text(MARK.sub("", "\n".join(LINES) + "\n"), "utf-8")
    told = {int(number) for number in re.findall(r"calls\.py:(\d+): error", _mypy(file))}
    assert told == WRONG
