"""Start a worker that sends in a session, kill it in mid-stream, again and again; print what was acknowledged.

Run as ``python kill_harness.py DB_PATH ROUNDS SEED``. Each worker is a fork, so that a round takes milliseconds.
The moment of the kill is a number of progress bytes, not a time: ``q`` question stored, ``d`` delta, ``r`` reply.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys

from langswarm_nb.core.session import ISession, ISessionLifecycleHook, SessionMessage, create_session_manager
from langswarm_nb.core.session.providers.mock import MockProviderSession
from langswarm_nb.core.session.sending import checkpoint

checkpoint.CHECKPOINT_S = 0.002


class Progress(ISessionLifecycleHook):
    """Writes to the parent what was acknowledged."""

    def __init__(self, pipe: int) -> None:
        self.pipe = pipe

    async def on_message_sent(self, session: ISession, message: SessionMessage) -> None:
        os.write(self.pipe, f"q{message.content}\n".encode())

    async def on_message_received(self, session: ISession, message: SessionMessage) -> None:
        os.write(self.pipe, f"r{message.id}\n".encode())


async def work(path: str, number: int, pipe: int) -> None:
    """Send two questions in the one session of the file, whose replies stream in forty pieces."""
    manager = create_session_manager("sqlite", {"db_path": path})
    manager.add_provider_session("mock", MockProviderSession(delay_s=0.0005))
    manager.add_global_hook(Progress(pipe))
    session = await manager.get_session("the-session")
    if session is None:
        session = await manager.create_session("ada", "mock", "echo", session_id="the-session")
    for part in range(2):
        options = {"reply": " ".join(f"w{n}" for n in range(40))}
        async for _ in session.stream_message(f"{number}.{part}", options=options):
            os.write(pipe, b"d\n")
    await manager.close()


def one_round(path: str, number: int, kill_after: int) -> list[str]:
    """Fork a worker, kill it after so many lines of progress, return the acknowledgements that were read."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        try:
            asyncio.run(work(path, number, write))
        finally:
            os._exit(0)
    os.close(write)
    lines: list[str] = []
    with os.fdopen(read) as progress:
        for count, line in enumerate(progress):
            lines.append(line.strip())
            if count == kill_after:
                os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return [line for line in lines if line != "d"]


if __name__ == "__main__":
    db_path, rounds, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    moments = random.Random(seed)
    acknowledged: list[str] = []
    for n in range(rounds):
        acknowledged += one_round(db_path, n, moments.randrange(85))
    print(json.dumps(acknowledged))
