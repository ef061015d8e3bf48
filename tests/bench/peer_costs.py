"""Runs the work of `peers.py` in an environment that holds the other packages, and is made when it is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.bench.places import server
from tests.support.paths import REPOSITORY

ENVIRONMENT = REPOSITORY / "build" / "peers"


def peers_of(work: str) -> dict[str, float]:
    """Return what a work costs by package; empty, with words on stderr, where they cannot be installed."""
    python = _python()
    if not work or python is None:
        return {}
    command = [str(python), "-m", "tests.bench.peers", work, server()]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=REPOSITORY, env=environment
    )
    if done.returncode:
        print(f"peers of {work!r} are left out: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return {}
    costs: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return costs


@cache
def _python() -> Path | None:
    """Return the interpreter of the environment; None where the group ``bench`` cannot be installed."""
    python = ENVIRONMENT / "bin" / "python"
    done = ENVIRONMENT / "installed"
    if done.exists():
        return python
    print("installing the packages that are measured beside, into build/peers …", file=sys.stderr)
    for command in (
        [sys.executable, "-m", "venv", str(ENVIRONMENT)],
        [str(python), "-m", "pip", "install", "--quiet", "--upgrade", "pip>=25.1"],
        [str(python), "-m", "pip", "install", "--quiet", "--group", "bench"],
    ):
        made = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
        if made.returncode:
            why = (made.stderr or made.stdout).strip().splitlines()[-1:]
            print(f"peers are left out, they could not be installed: {' '.join(why)}", file=sys.stderr)
            return None
    done.touch()
    return python
