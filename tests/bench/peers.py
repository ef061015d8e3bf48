"""The same work with other packages, in an environment of their own: ``python -m tests.bench.peers WORK ADDRESS``.

Prints what it cost by package, as JSON, in the unit of the row that names the work.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.measuring import Spent

QUESTION, ANSWER = "x" * 200, "y" * 200
SAID = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": ANSWER}]
FLOOD, TIMES = "deltas=4000", 5
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - where the rows beside it are as well

Costs = dict[str, float]


async def append(_: str) -> Costs:
    """A turn stored by openai-agents."""
    async with _agents_session() as session:

        async def work() -> float:
            spent = Spent()
            for _ in range(50):
                await session.add_items(SAID)
            return spent.ms(50)

        return {"openai-agents": await _middle(work)}


async def load(_: str) -> Costs:
    """Ten thousand messages read by openai-agents."""
    async with _agents_session() as session:
        await session.add_items(SAID * 5_000)

        async def work() -> float:
            spent = Spent()
            assert len(await session.get_items()) == 10_000
            return spent.ms()

        return {"openai-agents": await _middle(work)}


async def send(url: str) -> Costs:
    """The first piece of an answer over ten thousand messages, which are in memory."""
    async with _openai(url) as client:

        async def work() -> float:
            spent, cost = Spent(), 0.0
            messages = [*SAID * 5_000, SAID[0]]
            async for _ in await client.chat.completions.create(
                model="deltas=2", messages=messages, stream=True
            ):
                cost = cost or spent.ms()
            return cost

        return {"openai": await _middle(work)}


async def delta(url: str) -> Costs:
    """A piece of a stream that is sent at once, in microseconds."""
    ways = {"openai": _openai_delta, "anthropic": _anthropic_delta, "chatlas": _chatlas_delta}
    return {name: await _middle(partial(way, url)) for name, way in ways.items()}


async def requests(url: str) -> Costs:
    """A thousand requests at once."""
    async with _openai(url) as client:

        async def ask() -> None:
            messages = [SAID[0]]
            async for _ in await client.chat.completions.create(
                model="deltas=1", messages=messages, stream=True
            ):
                pass

        async def work() -> float:
            spent = Spent()
            await asyncio.gather(*(ask() for _ in range(1_000)))
            return spent.ms(1_000)

        return {"openai": await _middle(work, 2)}


async def cell(url: str) -> Costs:
    """A warm `%%ai` cell, above an empty one."""
    from tests.bench.kernel_cost import above_empty_ms
    from tests.support.kernels import running_kernel

    with running_kernel(env={"OPENAI_API_KEY": "canary"}) as kernel:
        kernel.run("%load_ext jupyter_ai_magic_commands")
        code = f"%%ai openai/gpt-4o --api-base {url}\nHi"
        assert "word0" in str(kernel.run(code).outputs)
        return {"jupyter-ai": median(above_empty_ms(kernel, code) for _ in range(3))}


@asynccontextmanager
async def _agents_session() -> AsyncIterator[Any]:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        session = import_module("agents").SQLiteSession("bench", f"{folder}/agents.db")
        yield session
        session.close()


@asynccontextmanager
async def _openai(url: str) -> AsyncIterator[Any]:
    async with import_module("openai").AsyncOpenAI(
        api_key="canary", base_url=url, max_retries=0, timeout=600
    ) as client:
        yield client


async def _openai_delta(url: str) -> float:
    async with _openai(url) as client:
        spent = Spent()
        stream = await client.chat.completions.create(model=FLOOD, messages=[SAID[0]], stream=True)
        return _us(spent, sum([bool(piece.choices[0].delta.content) async for piece in stream]))


async def _anthropic_delta(url: str) -> float:
    async with import_module("anthropic").AsyncAnthropic(
        api_key="canary", base_url=url, max_retries=0
    ) as client:
        spent = Spent()
        stream = await client.messages.create(model=FLOOD, max_tokens=64, messages=[SAID[0]], stream=True)
        return _us(spent, sum([event.type == "content_block_delta" async for event in stream]))


async def _chatlas_delta(url: str) -> float:
    chat = import_module("chatlas").ChatOpenAICompletions(base_url=url, api_key="canary", model=FLOOD)
    spent = Spent()
    stream = await chat.stream_async("Hi", echo="none")
    return _us(spent, sum([bool(piece) async for piece in stream]))


def _us(spent: Spent, pieces: int) -> float:
    return spent.ms(pieces) * 1000


async def _middle(work: Callable[[], Awaitable[float]], times: int = TIMES) -> float:
    return median([await work() for _ in range(times + 1)][1:])


WORKS: dict[str, Callable[[str], Coroutine[Any, Any, Costs]]] = {
    work.__name__: work for work in (append, load, send, delta, requests, cell)
}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(WORKS[sys.argv[1]](sys.argv[2]))))
