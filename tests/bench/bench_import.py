"""What an import costs: CPU of a fresh process, beside floors of the same run."""

from __future__ import annotations

import statistics
import subprocess
import sys

import pytest

pytestmark = pytest.mark.bench

ROUNDS = 7
CORE_NEEDS = "import aiosqlite, httpx"
SHELL = "from IPython.core.interactiveshell import InteractiveShell; shell = InteractiveShell.instance()"
ROWS = {
    "aiosqlite + httpx": ("", CORE_NEEDS),
    "langswarm_nb": ("", "import langswarm_nb"),
    "langswarm_nb.core.session": ("", "import langswarm_nb.core.session"),
    "ipywidgets, in a shell": (SHELL, "import ipywidgets"),
    "pandas, in a shell": (SHELL, "import pandas"),
    "%load_ext langswarm_nb": (SHELL, "shell.run_line_magic('load_ext', 'langswarm_nb')"),
}


def cpu_s(before: str, measured: str) -> float:
    """Return the CPU seconds of a statement in a fresh process, the middle of several."""
    code = f"{before}\nimport time; start = time.process_time()\n{measured}\nprint('took', time.process_time() - start)"
    runs = []
    for _ in range(ROUNDS):
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        runs.append(float(out.rsplit("took", 1)[1]))
    return statistics.median(runs)


def test_imports(capsys: pytest.CaptureFixture[str]) -> None:
    """Importing the library costs about what aiosqlite and httpx cost; loading the extension less than pandas."""
    times = {name: cpu_s(*statements) for name, statements in ROWS.items()}
    floor = times["aiosqlite + httpx"]
    with capsys.disabled():
        print("\nCPU of an import, ms (times aiosqlite + httpx)")
        for name, seconds in times.items():
            print(f"{name:28} {seconds * 1000:6.0f} ({seconds / floor:.2f}x)")
    assert times["langswarm_nb"] < 0.5 * floor
    assert times["langswarm_nb.core.session"] < 2.5 * floor
    assert times["%load_ext langswarm_nb"] < 0.75 * times["pandas, in a shell"]
