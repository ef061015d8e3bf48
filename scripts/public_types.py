"""Hold the types of what looks public to a floor: pyright says how many of the names have one that is known.

A name looks public when neither it nor a part of its path begins with an underscore. What users may build on is
less, see ``docs/public.md``; but whoever reads the rest, or derives from it, has an editor too.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.npm import NpmMissingError, installed_modules

PACKAGE = "langswarm_nb"
FLOOR = 0.99


def _report() -> dict[str, Any]:
    node = shutil.which("node")
    if node is None:
        raise NpmMissingError("node is not installed")
    pyright = installed_modules() / "pyright" / "index.js"
    command = [node, str(pyright), "--verifytypes", PACKAGE, "--ignoreexternal", "--outputjson"]
    # It asks the first Python of the path where the package is.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, check=False)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _faults(symbols: list[dict[str, Any]]) -> list[str]:
    """Return a line for each name whose type is not known, with the first reason that is about types."""
    lines = []
    for symbol in symbols:
        if symbol["isExported"] and (not symbol["isTypeKnown"] or symbol["isTypeAmbiguous"]):
            reasons = [found["message"] for found in symbol["diagnostics"]]
            about_types = [reason for reason in reasons if not reason.startswith("No docstring")]
            lines.append(f"  {symbol['name']}: {' '.join(''.join(about_types[:1]).split())}")
    return lines


def _main() -> int:
    try:
        report = _report()
    except NpmMissingError as error:
        print(f"The types of what is public were not checked: {error}.")
        return 1 if os.environ.get("CI") else 0
    found = report["typeCompleteness"]
    counts, score = found["exportedSymbolCounts"], found["completenessScore"]
    print(
        f"{score:.1%} of {sum(counts.values()):,} public names have a known type; at least {FLOOR:.0%} must."
    )
    if score >= FLOOR:
        return 0
    general = [diagnostic["message"] for diagnostic in report["generalDiagnostics"]]
    print(*general, *_faults(found["symbols"]), sep="\n")
    return 1


if __name__ == "__main__":
    sys.exit(_main())
