"""No test gives up on a busy machine: one that waits less than a minute says why."""

from __future__ import annotations

import re

import pytest

from tests.support.paths import REPOSITORY

WAIT = re.compile(
    r"""(?: \w*timeout\w* (?::\ \w+)? \ ?=\ ?              # timeout=5, timeout_s: float = 5, TIMEOUT_MS = 5_000
          | \b(?:\w*timeout|wait|result|exception|join|get_msg)\(    # asyncio.timeout(5), event.wait(5)
          | \bwait_for\(.*,\                               # asyncio.wait_for(event.wait(), 5)
        ) (\d[\d_.]*)""",
    re.IGNORECASE | re.VERBOSE,
)
REASON = re.compile(r"# short on purpose: \w+")


def is_too_short(line: str, *, in_page: bool = False) -> bool:
    """Tell whether a line waits less than a minute and does not say why; pages count in milliseconds."""
    for wait in WAIT.finditer(line):
        in_milliseconds = in_page or "ms" in wait[0].lower()
        if float(wait[1].rstrip(".")) < (60_000 if in_milliseconds else 60):
            return not REASON.search(line)
    return False


@pytest.mark.parametrize(
    "line",
    [
        "subprocess.run(command, timeout=20)",
        "def wait(self, timeout_s: float = 20) -> None:",
        "TIMEOUT_MS = 15_000",
        "async with asyncio.timeout(9.5):",
        "await asyncio.wait_for(event.wait(), 20)",
        "print(stopped.wait(10))",
        "thread.join(1)  # short on purpose:",
    ],
)
def test_a_short_wait_is_seen(line: str) -> None:
    """However it is written: by keyword, by place, as a default, as a constant."""
    assert is_too_short(line)
    assert not is_too_short(f"{line}  # short on purpose: because")


def test_a_long_wait_is_left_alone() -> None:
    """A minute, what is named, and what is not a time are nobody's business; pages count in milliseconds."""
    assert not is_too_short("event.wait(60), run(timeout=PATIENCE_S), ', '.join(names), done.result()")
    assert not is_too_short("box.wait_for(timeout=60_000)", in_page=True)
    assert is_too_short("box.wait_for(timeout=5_000)", in_page=True)


def test_no_test_waits_less_than_a_minute() -> None:
    """A machine that does twenty other things is not a reason to fail."""
    short = []
    for file in sorted((REPOSITORY / "tests").rglob("*.py")):
        in_page = file.parent.name == "e2e" or file.name in {"lab.py", "panel_page.py"}
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            if file.name != "test_waits.py" and is_too_short(line, in_page=in_page):
                short.append(f"{file.relative_to(REPOSITORY)}:{number}: {line.strip()}")
    assert short == [], "wait for PATIENCE_S of tests.support.waits, or add `# short on purpose: why`"
