"""Run the project's checks, the same on every machine; ``make`` and the CI both call this.

``python -m scripts.check`` runs all; ``python -m scripts.check lint types`` runs only those named.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTEST = [sys.executable, "-m", "pytest", "-q"]
# Tests wait half of their time, for kernels, disks and browsers, so two of them share a core.
WORKERS = str(2 * (os.cpu_count() or 1))
# The tests of a file share what they start; tests/conftest.py puts the files that take long first.
PARALLEL = ["-p", "no:nbval", "-n", WORKERS, "--dist", "loadfile", "--no-loadscope-reorder"]
COVERAGE_FLOOR = 93
"""Least percentage of lines and branches that the step ``tests`` has to reach; told in CONTRIBUTING.md."""
# Few long tests, and nothing that only the tests of one file share: who is done takes from the others. A browser and
# its kernels keep a core busy.
BALANCED = ["-p", "no:nbval", "-n", "auto", "--dist", "worksteal"]
NO_BROWSER = "--ignore=tests/e2e"

STEPS: dict[str, list[list[str]]] = {
    "lint": [
        [sys.executable, "-m", "ruff", "check"],
        [sys.executable, "-m", "ruff", "format", "--check"],
    ],
    "types": [[sys.executable, "-m", "mypy"], [sys.executable, "-m", "scripts.public_types"]],
    "fast": [[*PYTEST, *PARALLEL, NO_BROWSER, "-m", "not (installs or kernel or slow)"]],
    # What notebooks, browsers and kernels run is in other processes and not measured: they take long enough.
    "tests": [[*PYTEST, *PARALLEL, "--cov", "--cov-report=", NO_BROWSER, "-m", "not installs"]],
    "coverage": [
        [sys.executable, "-m", "coverage", "report", "--format=total", f"--fail-under={COVERAGE_FLOOR}"]
    ],
    "e2e": [[*PYTEST, *BALANCED, "-m", "e2e", "tests/e2e"]],
    "notebooks": [
        # nbval compares cell after cell with the file, so order matters and streaming is off.
        [
            *PYTEST,
            "-p",
            "no:randomly",
            "--nbval",
            "--nbval-sanitize-with",
            "notebooks/sanitize.cfg",
            "notebooks",
        ]
    ],  # run for each notebook alone, see `_commands`
    # Where a server cannot be installed, its tests are skipped with the reason.
    "servers": [[*PYTEST, "-m", "installs or server", "tests/servers", "tests/session", "tests/contract"]],
    "bench": [[sys.executable, "-m", "tests.bench"]],
    "bench-all": [[sys.executable, "-m", "tests.bench", "--all"]],
}
GROUPS: dict[str, list[tuple[str, ...]]] = {
    "check": [("lint",), ("types",), ("fast",)],
    # Browsers wait for their kernels and their pages; meanwhile the processors have time for what takes less.
    "all": [("lint",), ("types", "notebooks", "e2e"), ("tests",), ("coverage",)],
}
"""What is run one after the other, and what at once."""


def run(steps: tuple[str, ...]) -> list[str]:
    """Run steps at once; return those that failed."""
    with ThreadPoolExecutor(len(steps)) as pool:
        passed = pool.map(lambda step: _run(step, is_alone=len(steps) == 1), steps)
        return [step for step, has_passed in zip(steps, passed, strict=True) if not has_passed]


def _run(step: str, *, is_alone: bool) -> bool:
    """Run one step, its commands at once, and say how long it took; return whether it passed."""
    last = STEPS[step][-1][-1]
    if "/" in last and not (ROOT / last).exists():
        print(f"none   {step}: there is no {last}", flush=True)
        return True
    start = time.perf_counter()
    passed, said = _call_all(list(_commands(step)), is_alone=is_alone)
    end = f"{'ok    ' if passed else 'FAILED'} {step} {time.perf_counter() - start:.1f} s"
    print(*said, end, sep="\n", flush=True)
    return passed


def _commands(step: str) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Yield the commands of a step with their environments; each notebook has a store of its own."""
    if step != "notebooks":
        yield from ((command, os.environ.copy()) for command in STEPS[step])
        return
    folder = ROOT / "build" / "notebooks"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    [command] = STEPS[step]
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        # Each answer is shown once, which is what a saved output can be compared with.
        settings = {
            "LANGSWARM_MODEL": "mock:echo",
            "LANGSWARM_STREAM": "0",
            "LANGSWARM_DB_PATH": f"../build/notebooks/{notebook.stem}.db",
        }
        yield [*command[:-1], f"notebooks/{notebook.name}"], {**os.environ, **settings}


def _call_all(calls: list[tuple[list[str], dict[str, str]]], *, is_alone: bool) -> tuple[bool, list[str]]:
    """Run commands at once; return whether all passed, and what they said unless it was shown as it came."""
    if is_alone and len(calls) == 1:
        print(_line(calls[0][0]), flush=True)
        return _call(*calls[0]).returncode == 0, []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        # What runs beside another prints everything when it has ended.
        ended = list(pool.map(lambda call: _call(call[0], call[1], subprocess.PIPE), calls))
    said = [
        text
        for (command, _), done in zip(calls, ended, strict=True)
        for text in (_line(command), done.stdout.decode(errors="replace"))
    ]
    return all(done.returncode == 0 for done in ended), said


def _call(
    command: list[str], environment: dict[str, str], output: int | None = None
) -> subprocess.CompletedProcess[bytes]:
    error = None if output is None else subprocess.STDOUT
    return subprocess.run(command, cwd=ROOT, env=environment, stdout=output, stderr=error, check=False)


def _line(command: list[str]) -> str:
    return f"$ {subprocess.list2cmdline(['python', *command[1:]])}"


def _main() -> int:
    # Hundreds of processes load the package: one compiles it for all.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    parser = argparse.ArgumentParser(description="Run the project's checks.")
    parser.add_argument("steps", nargs="*", default=["all"], choices=[*STEPS, *GROUPS], metavar="STEP")
    together = [steps for name in parser.parse_args().steps for steps in GROUPS.get(name, [(name,)])]
    failed = [step for steps in together for step in run(steps)]
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(_main())
