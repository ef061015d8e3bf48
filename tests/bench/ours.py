"""The same work through the library's public names, so that the table can be made of older versions as well."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from langswarm_nb.core.session import MessageRole, RequestFacts, SessionMessage, Usage, create_session_manager
from tests.bench.places import folder, lasting_folder, server

PROVIDER = "openai-compatible"
QUESTION, ANSWER = "x" * 200, "y" * 200
FACTS = RequestFacts(PROVIDER, "bench", model="bench", duration_s=1.2, usage=Usage(90, output_tokens=40))


def turns(count: int, *, with_facts: bool = True) -> list[SessionMessage]:
    """Return so many questions and answers of 200 characters."""
    facts: dict[str, Any] = (
        {"finish_reason": "stop", "token_count": 40, "request": FACTS} if with_facts else {}
    )
    return [
        message
        for _ in range(count)
        for message in (
            SessionMessage(content=QUESTION),
            SessionMessage(role=MessageRole.ASSISTANT, content=ANSWER, **facts),
        )
    ]


@asynccontextmanager
async def manager(
    *, on_disk: bool = False, of: Path | None = None, library: str = "httpx"
) -> AsyncIterator[Any]:
    """Yield a manager over a new file, or a copy of one, durable; ``library`` carries its requests."""
    with patch.dict(os.environ, LANGSWARM_HTTP=library), folder(on_disk=on_disk) as place:
        file = place / "ours.db"
        if of is not None:
            shutil.copy(of, file)
        providers = {PROVIDER: {"api_key": None, "base_url": server()}}
        async with create_session_manager("sqlite", {"db_path": file}, providers) as made:
            yield made


async def session(manager: Any, model: str = "deltas=1", messages: int = 0, **settings: Any) -> Any:
    """Return a new session with a history."""
    made = await manager.create_session("bench", PROVIDER, model, **settings)
    if messages:
        await made.storage.append_messages(made.session_id, turns(messages // 2))
    return made


async def with_sessions(count: int) -> Path:
    """Return a file with so many sessions, a hundred in each notebook; made once."""
    import asyncio

    file = lasting_folder() / f"{count}.db"
    if not file.exists():
        storage = {"db_path": file, "durability": "fast"}
        async with create_session_manager("sqlite", storage) as made:
            for first in range(0, count, 500):
                await asyncio.gather(
                    *(_titled(made, number) for number in range(first, min(count, first + 500)))
                )
    return file


async def _titled(manager: Any, number: int) -> None:
    await manager.create_session(
        "bench", "mock", "echo", title=f"session {number % 100}", home=f"/home/user/{number // 100}.ipynb"
    )
