"""CPU per delta of a streamed reply, beside raw httpx and json, and the vendors' packages, in the same run.

``python -m tests.bench.bench_stream`` prints the table; as a test it prints it too, and holds the line against
what would be felt.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.util import find_spec

import httpx
import pytest

from langswarm_nb.core.session.interfaces import IProviderSession
from langswarm_nb.core.session.messages import SessionMessage
from langswarm_nb.core.session.provider_events import Delta, ProviderRequest
from langswarm_nb.core.session.providers import create_provider
from langswarm_nb.core.session.providers._http.pool import LIBRARY_VARIABLE
from tests.support.stream_server import streaming

ONE_STREAM = "deltas=4000"
PACED_STREAM = "deltas=1000,pause_ms=1"
MANY_STREAMS, MANY = "deltas=100,pause_ms=20", 200
ROUNDS = 3

Contender = Callable[[str, int], Awaitable[int]]
"""Reads so many streams of a model at a time; returns the number of deltas."""


@contextlib.asynccontextmanager
async def raw_httpx(url: str) -> AsyncIterator[Contender]:
    """Do what a script would: httpx's client, its lines, json."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(limits=limits, timeout=600, trust_env=False) as client:

        async def read(model: str) -> int:
            count = 0
            async with client.stream("POST", f"{url}/chat/completions", json=_body(model)) as response:
                async for line in response.aiter_lines():
                    if line.startswith("data: ") and line != "data: [DONE]":
                        choice = json.loads(line[6:])["choices"][0]
                        count += bool(choice["delta"].get("content"))
            return count

        yield _at_once(read)


@contextlib.asynccontextmanager
async def ours(url: str, library: str) -> AsyncIterator[Contender]:
    """Read with the provider session, as the session library does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(LIBRARY_VARIABLE, library)
        provider = create_provider("openai-compatible", "canary-0123456789abcdef", base_url=url)
        yield _at_once(functools.partial(_read_deltas, provider))
        await provider.close()


@contextlib.asynccontextmanager
async def ours_messages(url: str) -> AsyncIterator[Contender]:
    """Read the Messages dialect with the provider session."""
    provider = create_provider("anthropic", "canary-0123456789abcdef", base_url=url)
    yield _at_once(functools.partial(_read_deltas, provider))
    await provider.close()


async def _read_deltas(provider: IProviderSession, model: str) -> int:
    request = ProviderRequest(model, (SessionMessage(content="Hi"),))
    return sum([isinstance(event, Delta) async for event in provider.stream(request)])


@contextlib.asynccontextmanager
async def openai_sdk(url: str) -> AsyncIterator[Contender]:
    """Read with OpenAI's own package."""
    import openai

    async with openai.AsyncOpenAI(api_key="canary", base_url=url, max_retries=0) as client:

        async def read(model: str) -> int:
            stream = await client.chat.completions.create(
                model=model, messages=[{"role": "user", "content": "Hi"}], stream=True
            )
            return sum([bool(piece.choices and piece.choices[0].delta.content) async for piece in stream])

        yield _at_once(read)


@contextlib.asynccontextmanager
async def anthropic_sdk(url: str) -> AsyncIterator[Contender]:
    """Read with Anthropic's own package."""
    import anthropic

    async with anthropic.AsyncAnthropic(api_key="canary", base_url=url, max_retries=0) as client:

        async def read(model: str) -> int:
            stream = await client.messages.create(
                model=model, max_tokens=64, messages=[{"role": "user", "content": "Hi"}], stream=True
            )
            return sum([event.type == "content_block_delta" async for event in stream])

        yield _at_once(read)


def _body(model: str) -> dict[str, object]:
    return {"model": model, "messages": [{"role": "user", "content": "Hi"}], "stream": True}


def _at_once(read: Callable[[str], Awaitable[int]]) -> Contender:
    async def run(model: str, streams: int) -> int:
        return sum(await asyncio.gather(*(read(model) for _ in range(streams))))

    return run


async def measure(url: str) -> dict[str, dict[str, float]]:
    """Return microseconds of CPU a delta, by contender and case; the best of some rounds, taken in turns."""
    best: dict[str, dict[str, float]] = {}
    async with contextlib.AsyncExitStack() as stack:
        contenders = {
            "httpx + json": await stack.enter_async_context(raw_httpx(url)),
            "ours, httpx": await stack.enter_async_context(ours(url, "httpx")),
            "ours, aiohttp": await stack.enter_async_context(ours(url, "aiohttp")),
            "ours, messages": await stack.enter_async_context(ours_messages(url)),
        }
        for name, sdk in {"openai": openai_sdk, "anthropic": anthropic_sdk}.items():
            if find_spec(name):
                contenders[f"{name} SDK"] = await stack.enter_async_context(sdk(url))
        cases = {
            "flood": (ONE_STREAM, 1),
            "paced": (PACED_STREAM, 1),
            f"{MANY} at once": (MANY_STREAMS, MANY),
        }
        for _ in range(ROUNDS):
            for name, contender in contenders.items():
                for case, (model, streams) in cases.items():
                    started = time.process_time()
                    deltas = await contender(model, streams)
                    cost_us = (time.process_time() - started) / deltas * 1e6
                    row = best.setdefault(name, {})
                    row[case] = min(cost_us, row.get(case, cost_us))
    return best


def show(table: dict[str, dict[str, float]]) -> None:
    """Print the table, with ratios to the first row."""
    floor = next(iter(table.values()))
    print("\nCPU per delta, µs (times raw httpx + json)")
    for name, row in table.items():
        cells = (f"{case}: {cost:6.1f} ({cost / floor[case]:.2f}x)" for case, cost in row.items())
        print(f"{name:15s}", "  ".join(cells))


@pytest.mark.bench
def test_a_delta_costs_about_what_reading_it_by_hand_costs() -> None:
    """Retries, limits, masking and typed events add less than half to what httpx and json take alone."""
    with streaming() as url:
        table = asyncio.run(measure(url))
    show(table)
    floor = table["httpx + json"]
    own = [row for name, row in table.items() if name.startswith("ours")]
    assert all(cost < 1.5 * floor[case] for row in own for case, cost in row.items())


if __name__ == "__main__":
    with streaming() as address:
        show(asyncio.run(measure(address)))
