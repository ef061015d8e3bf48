"""npm packages that only checks need: pinned and hashed in ``npm/package-lock.json``, installed on first use."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY
from tests.support.waits import PATIENCE_S

_LOCKED = Path(__file__).parent / "npm"
_FILES = ("package.json", "package-lock.json")


class NpmMissingError(RuntimeError):
    """There is no npm, or no registry that it could ask."""


def npm_modules() -> Path:
    """Return the folder ``node_modules``; without npm, or a registry, skip the test, and in the CI fail it."""
    try:
        return installed_modules()
    except NpmMissingError as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))


def installed_modules() -> Path:
    """Return the folder ``node_modules``.

    Raises
    ------
    NpmMissingError
        It is not there, and could not be made.
    """
    version = hashlib.sha256((_LOCKED / "package-lock.json").read_bytes()).hexdigest()[:12]
    target = REPOSITORY / "build" / f"npm-{version}"
    if not target.exists():
        _install(target)
    return target / "node_modules"


def _install(target: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NpmMissingError("npm is not installed")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        for name in _FILES:
            shutil.copy(_LOCKED / name, folder)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        if done.returncode:
            raise NpmMissingError(f"npm could not install what the tests need: {done.stderr[-500:]}")
        try:
            Path(folder).rename(target)
        except OSError:  # another worker was faster
            return
        Path(folder).mkdir()  # for the end of the block
