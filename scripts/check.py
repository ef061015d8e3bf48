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

STEPS: dict[str, list[list[str]]] = {
    "lint": [
        [sys.executable, "-m", "ruff", "check"],
        [sys.executable, "-m", "ruff", "format", "--check"],
    ],
    "types": [[sys.executable, "-m", "mypy"], [sys.executable, "-m", "scripts.public_types"]],
    "fast": [[*PYTEST, *PARALLEL, "-m", "not (e2e or installs or kernel or slow)"]],
    # What notebooks, browsers and kernels run is in other processes and not measured: they take long enough.
    "tests": [[*PYTEST, *PARALLEL, "--cov", "--cov-report=", "-m", "not (e2e or installs)"]],
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
GROUPS = {
    "check": ["lint", "types", "fast"],
    "all": ["lint", "types", "tests", "notebooks", "e2e", "coverage"],
}


def run(step: str) -> bool:
    """Run one step, its commands at once, and say how long it took; return whether it passed."""
    last = STEPS[step][-1][-1]
    if "/" in last and not (ROOT / last).exists():
        print(f"none   {step}: there is no {last}", flush=True)
        return True
    start = time.perf_counter()
    passed = _call_all(list(_commands(step)))
    print(f"{'ok    ' if passed else 'FAILED'} {step} {time.perf_counter() - start:.1f} s", flush=True)
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


def _call_all(calls: list[tuple[list[str], dict[str, str]]]) -> bool:
    if len(calls) == 1:
        print(_line(calls[0][0]), flush=True)
        return _call(*calls[0]).returncode == 0
    passed = True
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        # What runs beside another tells all it has to say when it has ended.
        ended = [pool.submit(_call, *call, subprocess.PIPE) for call in calls]
        for (command, _), done in zip(calls, (future.result() for future in ended), strict=True):
            print(_line(command), done.stdout.decode(errors="replace"), sep="\n", flush=True)
            passed &= done.returncode == 0
    return passed


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
    names = [name for step in parser.parse_args().steps for name in GROUPS.get(step, [step])]
    failed = [name for name in names if not run(name)]
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(_main())
