"""Cells in a real kernel: what they take of its CPU above an empty cell, and how soon text is there."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from tests.bench import ours
from tests.bench.kernel_cost import above_empty_ms, cost_ms
from tests.bench.places import folder, server
from tests.bench.row import Counts, Measure, Row, Side
from tests.support.kernels import Kernel, running_kernel
from tests.support.paths import REPOSITORY

LOAD = "%load_ext langswarm_nb"
WARM = f"%%langswarm -m {ours.PROVIDER}:deltas=1\nHi"
PACED = "deltas=5&pause_ms=20"
RAW = """
import sys
sys.path.insert(0, "{repository}")
import httpx
from tests.bench import raw
client = httpx.AsyncClient()
async def ask(model):
    content = raw.body(model, [("user", "Hi")])
    url = "{url}/chat/completions"
    async with client.stream("POST", url, content=content, headers=raw.JSON) as response:
        async for text in raw.texts(response.aiter_bytes()):
            print(text, end="", flush=True)
"""


@contextmanager
def kernel(store: Path | None = None) -> Iterator[Kernel]:
    """Yield a kernel of a notebook, with a new store or a copy of one, and with the server's address."""
    with folder(on_disk=False) as place:
        file = place / "kernel.db"
        if store is not None:
            shutil.copy(store, file)
        settings = {
            "LANGSWARM_HTTP": "httpx",
            "OPENAI_COMPATIBLE_BASE_URL": server(),
            "LANGSWARM_DB_PATH": str(file),
            "LANGSWARM_USER": "bench",
            "JPY_SESSION_NAME": str(place / "bench.ipynb"),
        }
        with running_kernel(env=settings) as made:
            made.run("pass")
            yield made


def first_text_ms(made: Kernel, code: str) -> float:
    """Return the time on the wall from a cell to its first output that says something."""
    start = time.perf_counter()
    sent = made.send(code, cell_id=uuid4().hex)
    made.wait_for(sent, lambda: any("word0" in str(output) for output in sent.outputs))
    taken = (time.perf_counter() - start) * 1000
    made.wait(sent)
    return taken


def _side(prepare: Callable[[], str], code: str, cost: Callable[[Kernel, str], float]) -> Side:
    @contextmanager
    def side() -> Iterator[Measure]:
        with kernel() as made:
            made.run(prepare())
            made.run(code)
            yield lambda: cost(made, code)

    return side


def _raw() -> str:
    return RAW.format(url=server(), repository=REPOSITORY.as_posix())


def _first(sessions: int) -> Side:
    @contextmanager
    def side() -> Iterator[Measure]:
        store = asyncio.run(ours.with_sessions(sessions)) if sessions else None

        def work() -> float:
            with kernel(store) as made:
                return cost_ms(made, LOAD, "%%langswarm -m mock:echo\nHi")

        yield work

    return side


@contextmanager
def _named() -> Iterator[Measure]:
    with kernel(asyncio.run(ours.with_sessions(10_000))) as made:
        made.run(LOAD)
        code = "%%langswarm -S work -m mock:echo\nHi"
        made.run(code)
        yield lambda: above_empty_ms(made, code)


DELTAS, DELTA_CHARS = 4_000, 24
SENTENCE = "A paragraph of **words** about `code`, with some length to it, as models write them. "
TEXT = (SENTENCE * (DELTAS * DELTA_CHARS // len(SENTENCE) + 1))[: DELTAS * DELTA_CHARS]
SCRIPTED = f"""
from langswarm_nb.core.session import get_session_manager
from langswarm_nb.core.session.providers.mock import MockProviderSession
text = {TEXT!r}
get_session_manager().add_provider_session(
    "mock", MockProviderSession(replies=[text], delay_s=0, chunk_chars={DELTA_CHARS}))
"""
PRINTED = f"""
for at in range(0, len(text), {DELTA_CHARS}):
    print(text[at:at + {DELTA_CHARS}], end="", flush=True)
"""


def _sent(prepare: str, code: str) -> Side:
    @contextmanager
    def side() -> Iterator[Measure]:
        with kernel() as made:
            made.run(prepare)
            yield lambda: made.run(code, cell_id=uuid4().hex).size_bytes / 1000

    return side


ROWS = [
    Row(
        "a warm `%%langswarm` cell, above an empty one",
        "ms",
        4,
        _side(_raw, "await ask('deltas=1')", above_empty_ms),
        _side(lambda: LOAD, WARM, above_empty_ms),
        pairs=3,
        peer="cell",
    ),
    Row(
        "first text of a cell",
        "ms of wall",
        15,
        _side(_raw, f"await ask('{PACED}')", first_text_ms),
        _side(lambda: LOAD, f"%%langswarm -m {ours.PROVIDER}:{PACED}\nHi", first_text_ms),
        Counts.MORE,
        15,
    ),
    Row(
        "`%load_ext` and the first cell, 10,000 sessions in the store",
        "ms",
        60,
        _first(0),
        _first(10_000),
        Counts.MORE,
        3,
    ),
    Row("a cell with `-S NAME`, 10,000 sessions in the store", "ms", 10, None, _named, Counts.OURS, 2),
    Row(
        "what a cell sends for a reply of 96 kB in 4,000 pieces, beside `print`",
        "kB",
        500,
        _sent(f"text = {TEXT!r}", PRINTED),
        _sent(f"{LOAD}\n{SCRIPTED}", "%%langswarm -m mock:paced\ngo on"),
        Counts.OURS,
        1,
    ),
]
