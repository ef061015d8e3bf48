"""What a fresh process takes: to its first answer, and until the extension is loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import ours
from tests.bench.places import folder, server
from tests.bench.row import Measure, Row, Side

RAW = """
import httpx
body = {{"model": "deltas=1", "messages": [{{"role": "user", "content": "Hi"}}], "stream": True}}
with httpx.stream("POST", "{url}/chat/completions", json=body) as response:
    said = [line for line in response.iter_lines() if line.startswith("data: ")]
assert said
"""
OURS = f"""
import asyncio
import langswarm_nb.core.session as sessions
async def send():
    providers = {{{{"{ours.PROVIDER}": {{{{"api_key": None, "base_url": "{{url}}"}}}}}}}}
    async with sessions.create_session_manager("sqlite", {{{{"db_path": "{{place}}/ours.db"}}}}, providers) as manager:
        session = await manager.create_session("bench", "{ours.PROVIDER}", "deltas=1")
        assert (await session.send_message("Hi")).content
asyncio.run(send())
"""
SHELL = "from IPython.core.interactiveshell import InteractiveShell; shell = InteractiveShell.instance()"


def _fresh(code: str, before: str = "") -> Side:
    @contextmanager
    def side() -> Iterator[Measure]:
        with folder(on_disk=False) as place:
            yield lambda: _cpu_ms(before, code.format(url=server(), place=place), place)

    return side


def _cpu_ms(before: str, code: str, place: Path) -> float:
    program = f"{before}\nimport time; start = time.process_time()\n{code}\nprint('took', time.process_time() - start)"
    command = [sys.executable, "-c", program]
    environment = {**os.environ, "LANGSWARM_HTTP": "httpx"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=place)
    return float(done.stdout.rsplit("took", 1)[1]) * 1000


ROWS = [
    Row("import the library and send once, in a fresh process", "ms", 1.5, _fresh(RAW), _fresh(OURS)),
    Row(
        "`%load_ext langswarm_nb`, beside `import pandas`",
        "ms",
        0.75,
        _fresh("import pandas", SHELL),
        _fresh("shell.run_line_magic('load_ext', 'langswarm_nb')", SHELL),
    ),
    Row(
        "`import langswarm_nb`, beside `import httpx`",
        "ms",
        0.5,
        _fresh("import httpx"),
        _fresh("import langswarm_nb"),
    ),
]
