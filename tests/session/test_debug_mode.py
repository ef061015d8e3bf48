"""What Python and asyncio have to say of a send when they look closely: nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY
from tests.support.stream_server import streaming
from tests.support.waits import PATIENCE_S

MOST_S = 0.1
"""So long, and asyncio calls a callback slow."""


@pytest.mark.parametrize("storage", ["memory", "sqlite"])
def test_a_send_on_ten_thousand_messages_is_quiet(storage: str, tmp_path: Path) -> None:
    """Under `-X dev -W error`: no warning, nothing in asyncio's log, and no callback that holds up the loop."""
    with streaming() as base_url:
        command = [sys.executable, "-X", "dev", "-W", "error", "-m", "tests.support.long_send"]
        done = subprocess.run(
            [*command, storage, str(tmp_path), base_url],
            capture_output=True,
            text=True,
            check=False,
            cwd=REPOSITORY,
            timeout=PATIENCE_S,
        )
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["logged"] == []
    assert {name: found for name, found in told["longest"].items() if found[0] > MOST_S} == {}
