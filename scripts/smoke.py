"""Try the installed package as a new user would, offline: ``python scripts/smoke.py``, with no other package at hand.

Started as a file, not with ``-m``, it does not see the checkout around it; ``--version`` makes sure of that by asking
for a version, and for a place that is not the checkout.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def check_origin(version: str) -> None:
    """Make sure that it is the installed package, in this version."""
    import langswarm_nb

    place = Path(langswarm_nb.__file__).resolve()
    if place.is_relative_to(ROOT / "langswarm_nb"):
        sys.exit(f"{place} is the checkout, not an installed package.")
    if langswarm_nb.__version__ != version:
        sys.exit(f"The installed version is {langswarm_nb.__version__}, not {version}.")


def try_notebook(folder: str) -> None:
    """Ask in a cell, read the frame, and load what the panel is made of."""
    os.environ["LANGSWARM_DB_PATH"] = str(Path(folder) / "smoke.db")
    os.environ["LANGSWARM_MODEL"] = "mock:echo"
    from IPython.core.interactiveshell import InteractiveShell

    import langswarm_nb

    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "langswarm_nb")
    try:
        reply = shell.run_cell_magic("langswarm", "", "Is anybody there?")
        if "Is anybody there?" not in reply.text:
            sys.exit(f"The answer is {reply.text!r}, not what was said.")
        roles = list(langswarm_nb.messages_df()["role"])
        if roles != ["user", "assistant"]:
            sys.exit(f"The frame has {roles}, not a question and its answer.")
        if not langswarm_nb.ChatPanel._esm:  # noqa: SLF001 - the scripts that the wheel has to hold
            sys.exit("The panel has no scripts.")
    finally:
        shell.run_line_magic("unload_ext", "langswarm_nb")


def try_quickstart(folder: str) -> None:
    """Run every cell of the first notebook."""
    os.environ["LANGSWARM_DB_PATH"] = str(Path(folder) / "quickstart.db")
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    cells = json.loads((ROOT / "notebooks" / "01_quickstart.ipynb").read_text("utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    try:
        for source in sources:
            if not shell.run_cell(source, store_history=True).success:
                sys.exit(f"The quickstart stopped at:\n{source}")
    finally:
        shell.run_line_magic("unload_ext", "langswarm_nb")


def _main() -> int:
    parser = argparse.ArgumentParser(description="Try the installed package.")
    parser.add_argument("--version", help="the version that has to be installed, outside of this checkout")
    version = parser.parse_args().version
    if version is not None:
        check_origin(version)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try_notebook(folder)
        try_quickstart(folder)
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(_main())
