"""Servers of others: installed from the registry into environments of their own, and run on this machine."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY
from tests.support.waits import PATIENCE_S

FOLDER = REPOSITORY / "build" / "servers"
INSTALL_S, START_S = 1500, 240
OFFLINE = ("No matching distribution", "Connection", "timed out", "Temporary failure", "getaddrinfo")
"""What pip says when it does not get at the package."""


def environment(name: str, *requirements: str, python: str | None = None) -> Path:
    """Return the folder of programs of an environment that has some packages; skips the test where it cannot be had.

    Parameters
    ----------
    name : str
        Of the environment; it is kept, and made anew when the requirements change.
    *requirements : str
        What to install.
    python : str, optional
        The interpreter; by default this one.
    """
    folder, wanted = FOLDER / name, json.dumps(requirements)
    programs, mark = folder / ("Scripts" if os.name == "nt" else "bin"), folder / "installed.json"
    if not mark.exists() or mark.read_text("utf-8") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        if python is None:
            venv.create(folder, with_pip=True)
        else:
            subprocess.run([python, "-m", "venv", str(folder)], check=True)
        command = [
            str(programs / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--prefer-binary",
            *requirements,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_S)
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["pip told nothing"])[-1]
            if any(word in done.stderr for word in OFFLINE):
                pytest.skip(f"{requirements[0]} cannot be installed here: {last}")
            raise AssertionError(f"{requirements} could not be installed:\n{done.stderr}")
        mark.write_text(wanted, "utf-8")
    return programs


def python_of(least: tuple[int, int]) -> str:
    """Return an interpreter that is new enough; skips the test where there is none."""
    if sys.version_info >= least:
        return sys.executable
    for minor in range(least[1], least[1] + 4):
        name = f"python3.{minor}"
        # Those that version managers keep stand beside this one, whether they are on the path or not.
        beside = Path(sys.base_prefix).parent.glob(f"*/bin/{name}")
        for found in filter(None, [shutil.which(name), *map(str, beside)]):
            if subprocess.run([found, "-V"], capture_output=True, check=False).returncode == 0:
                return found
    return pytest.skip(f"needs Python {least[0]}.{least[1]} or newer")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def running(command: Sequence[str], ready: str, log: Path, **variables: str) -> Iterator[None]:
    """Run a server until the end of the block; it is there when the address ``ready`` answers."""
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=_clean(variables), cwd=log.parent
        ) as process,
    ):
        try:
            deadline = time.monotonic() + START_S
            while not _answers(ready):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"{command[0]} did not start:\n{log.read_text('utf-8')[-4000:]}")
                time.sleep(0.2)
            yield
        finally:
            process.terminate()


def _clean(variables: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without keys and proxies: the server reaches nothing but this machine."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": os.devnull, **variables}


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:  # noqa: S310 - on this machine
            return bool(answer.status == 200)
    except OSError:
        return False
