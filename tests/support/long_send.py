"""Sends in a session of 10,000 messages, and what asyncio says of it; run under ``-X dev -W error``.

``python -m tests.support.long_send STORAGE FOLDER BASE_URL`` prints JSON: by kind of send the CPU seconds of the
callback that took the longest and what it was, and what asyncio logged.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from langswarm_nb.core.session import BaseSession, MessageRole, SessionMessage, create_session_manager
from tests.support.callback_times import longest_callback

MESSAGES = 10_000
TEXT = "What a person says in one go has some two hundred characters. " * 3


class Kept(logging.Handler):
    """Keeps what asyncio has to say; how long a callback took by the clock on the wall is not in it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if "took %.3f seconds" not in str(record.msg):
            self.lines.append(record.getMessage())


async def _filled(session: BaseSession) -> None:
    roles = (MessageRole.USER, MessageRole.ASSISTANT)
    await session.append(
        [SessionMessage(role=roles[number % 2], content=f"{number} {TEXT}") for number in range(MESSAGES)]
    )


async def _whole(session: BaseSession) -> None:
    await session.send_message("Why?")


async def _trimmed(session: BaseSession) -> None:
    await session.send_message("Why?", max_messages=20)


async def _within_tokens(session: BaseSession) -> None:
    await session.send_message("Why?", max_context_tokens=3_000)


async def _again(session: BaseSession) -> None:
    await session.regenerate()


async def _elsewhere(session: BaseSession) -> None:
    await session.send_message("Why?", model="mock:echo")


async def _read(session: BaseSession) -> None:
    assert len(await session.get_messages()) > MESSAGES


SENDS: dict[str, Callable[[BaseSession], Awaitable[None]]] = {
    "the whole history": _whole,
    "the last messages": _trimmed,
    "so many tokens": _within_tokens,
    "the last question again": _again,
    "another model": _elsewhere,
    "no send, all is read": _read,
}


async def main(storage: Any, folder: Path, base_url: str) -> None:
    """Print what was found."""
    kept = Kept()
    logging.getLogger("asyncio").addHandler(kept)
    config = {"db_path": folder / "long.db"} if storage == "sqlite" else None
    service = {"api_key": None, "base_url": base_url}
    found: dict[str, list[Any]] = {}
    async with create_session_manager(storage, config, {"openai-compatible": service}) as manager:
        made = await manager.create_session("ada", "openai-compatible", "deltas=20")
        await _filled(made)
        for name, send in SENDS.items():
            with longest_callback() as longest:
                await send(made)
            found[name] = [longest.seconds, longest.what]
    print(json.dumps({"longest": found, "logged": kept.lines}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]), debug=True)
