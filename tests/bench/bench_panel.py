"""What the chat panel costs: bytes to the page, time that it takes from the kernel's loop, long sessions.

``python -m pytest -s -m bench tests/bench/bench_panel.py`` prints the tables, with floors of the same run.
"""

from __future__ import annotations

import json

import pytest

from tests.support.kernels import running_kernel
from tests.support.panel_kernel import LOAD, SCRIPTED, KernelPanel

pytestmark = [pytest.mark.bench, pytest.mark.kernel]

DELTAS = 4000
BUSY_THREAD = """
import threading
ends = time.monotonic() + {seconds}
def compute():
    while time.monotonic() < ends: sum(range(1000))
threading.Thread(target=compute, name='busy').start()
"""
HEARTBEAT = """
import asyncio, time
late, stop = [], time.monotonic() + {seconds}
while time.monotonic() < stop:
    due = time.monotonic() + 0.005
    await asyncio.sleep(0.005)
    late.append(time.monotonic() - due)
print(max(late) * 1000, sum(late) / len(late) * 1000)
"""
LONG_SESSION = """
from langswarm_nb.core.session import MessageRole, SessionMessage, RequestFacts, Usage
workspace = get_ipython().magics_manager.registry["LangSwarmMagics"].workspace
session = await workspace.current()
facts = RequestFacts("mock", "echo", usage=Usage(input_tokens=10, output_tokens=20), duration_s=0.1)
roles = [MessageRole.USER, MessageRole.ASSISTANT]
words = "word " * 60
messages = [SessionMessage(role=roles[n % 2], content=f"message **{{n}}** {{words}}", request=[None, facts][n % 2])
            for n in range({count})]
await session.storage.append_messages(session.session_id, messages)
import time
start = time.perf_counter(); panel = ls.chat(); opened = time.perf_counter() - start
"""
REFRESH = """
from langswarm_nb.notebook.bridge import submit
start = time.perf_counter()
for _ in range(5): submit(panel.feed.refresh()).result()
print(opened * 1000, (time.perf_counter() - start) / 5 * 1000)
"""


def lateness(kernel, seconds):
    """Return how late the kernel's loop was, at most and on average, in milliseconds."""
    most, mean = kernel.run(HEARTBEAT.format(seconds=seconds)).stdout.split()
    return float(most), float(mean)


def test_bytes_of_a_long_reply(capsys):
    """A reply of 4,000 deltas and 96 kB goes out in a multiple of its length, not with its square."""
    text = (("A paragraph of words, not long.\n\n" * 3000)[: 24 * DELTAS]).ljust(24 * DELTAS)
    rows = []
    for name, delay_s, seconds in [("as fast as it comes", "None", 3), ("500 deltas a second", "0.002", 12)]:
        with running_kernel() as kernel:
            kernel.run(LOAD + SCRIPTED.format(replies=[text], delay_s=delay_s, chunk_chars=24))
            kernel.run("%langswarm new\nimport time\npanel = ls.chat()\npanel")
            panel = KernelPanel(kernel)
            idle = lateness(kernel, 2)
            kernel.run(BUSY_THREAD.format(seconds=2))
            floor = lateness(kernel, 1.8)
            kernel.run("import threading\nfor t in threading.enumerate():\n    if t.name == 'busy': t.join()")
            panel.ask("send", text="go")
            late = lateness(kernel, seconds)
            panel.wait(lambda t: len(t["messages"]) == 2 and not t["live"])
            count = sum(content["type"] == "delta" for content in panel.customs)
            rows.append((name, panel.size_bytes, len(panel.customs), count, late, floor, idle))
    with capsys.disabled():
        print(
            f"\nA reply of {DELTAS} deltas, {len(text)} bytes of text; lateness of the kernel's loop, most (mean), ms"
        )
        print(f"{'':22}{'bytes':>9}{'x text':>8}{'messages':>10}{'deltas':>8}", end="")
        print(f"{'panel':>16}{'busy thread':>16}{'idle':>16}")
        for name, size, messages, count, *late in rows:
            print(f"{name:22}{size:9}{size / len(text):8.2f}{messages:10}{count:8}", end="")
            print("".join(f"{most:9.1f} ({mean:4.1f})" for most, mean in late))
    assert all(size < 10 * len(text) for _, size, *_ in rows)


def test_long_sessions(capsys):
    """Opening a panel and each turn stay far below what would be felt, also with 2,000 messages."""
    rows = []
    for count in (50, 2000, 20_000):
        with running_kernel() as kernel:
            kernel.run(f"{LOAD}\n%langswarm new")
            kernel.run(LONG_SESSION.format(count=count))
            opened, refresh = map(float, kernel.run(REFRESH).stdout.split())
            panel = KernelPanel(kernel)
            panel.say("one more")
            rows.append((count, opened, refresh, panel.size_bytes))
    with capsys.disabled():
        print(f"\n{'messages':>10}{'open':>12}{'refresh':>12}{'a turn':>14}")
        for count, opened, refresh, size in rows:
            print(f"{count:10}{opened:9.0f} ms{refresh:9.1f} ms{size:8} bytes")
    assert json.dumps(rows)
