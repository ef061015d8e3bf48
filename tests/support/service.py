"""The program of the guide "In a service" under uvicorn, started as the guide says."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from packaging.requirements import Requirement

from tests.support import pages
from tests.support.installed import free_port
from tests.support.paths import REPOSITORY
from tests.support.waits import PATIENCE_S

PAGE = pages.GUIDES / "service.md"
WORKERS = 4
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Not used; each client would read all certificates of the system."""


def program() -> str:
    """Return the program that the guide shows: its first block."""
    return pages.blocks(PAGE)[0]


def command() -> list[str]:
    """Return the arguments of uvicorn that the guide shows, without the program's name."""
    [line] = [
        line for line in "".join(pages.blocks(PAGE, "sh")).splitlines() if "uvicorn service:app" in line
    ]
    return shlex.split(line.partition("uvicorn service:app")[2])


def for_servers() -> list[str]:
    """Return the packages that the guide tells a server to install for the library."""
    [line] = [line for line in "".join(pages.blocks(PAGE, "sh")).splitlines() if "aiosqlite" in line]
    return [Requirement(one).name for one in shlex.split(line.removeprefix("pip install "))]


async def until(is_true: Callable[[], bool]) -> None:
    """Wait for what has to come."""
    async with asyncio.timeout(PATIENCE_S):
        while not is_true():  # noqa: ASYNC110 - other processes do it
            await asyncio.sleep(0.02)


@dataclass
class Service:
    """A running service."""

    process: subprocess.Popen[bytes]
    folder: Path
    url: str

    @property
    def db_path(self) -> Path:
        """The file of conversations."""
        return self.folder / "chat.db"

    @property
    def log(self) -> str:
        """What the server said."""
        return (self.folder / "log.txt").read_text("utf-8")

    def workers(self) -> list[int]:
        """Return the workers that are there, by the notes that they made."""
        pids = [int(note.stem) for note in self.folder.glob("facts/*.json")]
        return sorted(pid for pid in pids if _runs(pid))

    def kill(self, worker: int) -> None:
        """End a worker without a word."""
        (self.folder / "facts" / f"{worker}.json").unlink()
        os.kill(worker, signal.SIGKILL)

    async def facts(self) -> dict[int, dict[str, int]]:
        """Return the open descriptors and tasks of each worker."""
        notes = {worker: self.folder / "facts" / f"{worker}.json" for worker in self.workers()}
        for worker, note in notes.items():
            note.unlink()
            os.kill(worker, signal.SIGUSR1)
        await until(lambda: all(note.exists() for note in notes.values()))
        return {worker: json.loads(note.read_text("utf-8")) for worker, note in notes.items()}

    def client(self, user: str = "ada") -> httpx.AsyncClient:
        """Return a client of a user, to be closed."""
        return httpx.AsyncClient(
            base_url=self.url,
            headers={"x-user": user},
            timeout=PATIENCE_S,
            limits=httpx.Limits(),
            verify=_NO_TLS,
        )


def _runs(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


@asynccontextmanager
async def served(folder: Path, *arguments: str, workers: int = 1, **variables: str) -> AsyncIterator[Service]:
    """Start the program and wait until all workers are there; it is told to stop at the end of the block."""
    (folder / "service.py").write_text(program(), "utf-8")
    (folder / "facts").mkdir()
    port = free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder), str(REPOSITORY)]),
        "CHAT_DB": str(folder / "chat.db"),
        "FACTS": str(folder / "facts"),
        **variables,
    }
    whole = [*command(), "--workers", str(workers), "--port", str(port), *arguments]
    with (
        (folder / "log.txt").open("wb") as log,
        subprocess.Popen(  # noqa: ASYNC220 - nothing else runs
            [sys.executable, "-m", "uvicorn", "tests.support.served:app", *whole],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
        ) as process,
    ):
        service = Service(process, folder, f"http://127.0.0.1:{port}")
        try:
            await until(lambda: len(service.workers()) == workers or process.poll() is not None)
            assert process.poll() is None, service.log
            async with service.client() as client:
                await _ready(client)
            yield service
        finally:
            process.terminate()


async def _ready(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(httpx.TransportError):
                if (await client.get("/health")).status_code == httpx.codes.OK:
                    return
            await asyncio.sleep(0.02)


async def events(response: httpx.Response) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Yield name and data of the events of a response."""
    name = ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))
