"""Measure the library beside what one would write by hand: ``python -m tests.bench``, or ``make bench``.

Every row is measured in one run, floor and ours in turns.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
import traceback
from pathlib import Path

from tests.support.paths import REPOSITORY


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="also the rows that take long, and the peers")
    parser.add_argument(
        "--only", default="", metavar="PATTERN", help="rows whose name this regular expression finds"
    )
    parser.add_argument("--markdown", action="store_true", help="the table as docs/performance.md shows it")
    parser.add_argument(
        "--root", type=Path, default=REPOSITORY, help="a checkout to measure instead of this one"
    )
    asked = parser.parse_args()
    _measure_what_is_in(asked.root.resolve())
    from tests.bench import places, report
    from tests.bench.measuring import measured
    from tests.bench.peer_costs import peers_of
    from tests.bench.rows import ROWS

    table, failed = [], 0
    try:
        for row in (row for row in ROWS if (row.quick or asked.all) and re.search(asked.only, row.name)):
            start = time.perf_counter()
            print(f"{row.name} …", end="", file=sys.stderr, flush=True)
            try:
                table.append(measured(row))
                if asked.all:
                    table[-1].peers |= peers_of(row.peer)
            except Exception:  # noqa: BLE001 - the other rows are wanted all the same
                failed += 1
                traceback.print_exc()
            print(f" {time.perf_counter() - start:.0f} s", file=sys.stderr)
    finally:
        places.close()
    print(
        (report.as_markdown if asked.markdown else report.as_text)(table), report.summary(table), sep="\n\n"
    )
    return 1 if failed or not all(one.is_reached for one in table) else 0


def _measure_what_is_in(root: Path) -> None:
    """Let this process, its kernels and all others that it starts import the package from a checkout."""
    sys.path.insert(0, str(root))
    os.environ["PYTHONPATH"] = str(root)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled


if __name__ == "__main__":
    sys.exit(_main())
