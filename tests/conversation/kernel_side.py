"""What a kernel gets for a walk: models that log to a file, and answer as the walk says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from langswarm_nb.core.session import (
    Delta,
    Finish,
    FinishReason,
    IProviderSession,
    ProviderRequest,
    ProviderServerError,
    ReplyInfo,
)
from langswarm_nb.core.session.provider_events import ProviderEvent

NAME = "openai"
LOG, DOES, GO = "requests.jsonl", "does.json", "go"
_LOOK_S = 0.005


class FileProvider(IProviderSession):
    """The models of a walk, in whatever process.

    Parameters
    ----------
    folder
        Where the log is; a file there says what the models do instead of answering, another lets answers go.
    """

    name = NAME

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def stream(self, request: ProviderRequest) -> AsyncIterator[ProviderEvent]:
        """Answer ``a: one``, the second time ``a: one #2``; or fail, or wait to be interrupted."""
        question = request.messages[-1].content
        times = 1 + sum(
            entry["model"] == request.model and entry["messages"][-1][1] == question
            for entry in requests(self._folder)
        )
        does = json.loads((self._folder / DOES).read_text("utf-8"))
        self._log(request)
        yield ReplyInfo(model=request.model)
        if does.get("hold"):
            await self._appearance(self._folder / f"{GO} {question}")
        how = does.get(request.model, "")
        text = f"{request.model}: {question}" + (f" #{times}" if times > 1 else "")
        if how.endswith("late") or not how:
            yield Delta(f"{text} …" if how else text)
        if how:
            (self._folder / f"{how.partition(' ')[0]}s").touch()
        if how.startswith("fail"):
            raise ProviderServerError("It failed, as the walk says.", provider=NAME)
        if how:
            await asyncio.Event().wait()  # until the cell is interrupted
        yield Finish(FinishReason.STOP, "stop")

    def _log(self, request: ProviderRequest) -> None:
        entry = {
            "model": request.model,
            "messages": [(message.role.value, message.content) for message in request.messages],
            "options": dict(request.options),
        }
        with (self._folder / LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")

    @staticmethod
    async def _appearance(path: Path) -> None:
        while not path.exists():  # noqa: ASYNC110, ASYNC240 - another process makes it
            await asyncio.sleep(_LOOK_S)


def requests(folder: Path) -> list[dict[str, Any]]:
    """Return what was sent so far."""
    log = folder / LOG
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.exists() else []


def prepare(workspace: Any, folder: Path) -> None:
    """Let the cells of a kernel, or a panel, talk to the models of a walk."""
    import langswarm_nb as ls

    workspace.manager.add_provider_session(NAME, FileProvider(folder))
    workspace.announced.add((NAME, ""))
    for model in ("a", "b"):
        ls.set_price(model, 1, 1)
