"""The program of the guide "In a service", as its tests start it: at SIGUSR1 a worker writes down what it holds open.

``FACTS`` names the folder for these notes, a file a worker; the first one says that the worker is there.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from importlib import import_module
from pathlib import Path
from typing import Any

program = import_module("service").app  # as a reader saves it; the folder is on the path


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Serve the program."""
    if scope["type"] == "lifespan":
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, _tell)
        _tell()
    await program(scope, receive, send)


def _tell() -> None:
    facts = {"descriptors": len(list(Path("/dev/fd").iterdir())), "tasks": len(asyncio.all_tasks())}
    note = Path(os.environ["FACTS"]) / f"{os.getpid()}.json"
    draft = note.with_suffix(".draft")
    draft.write_text(json.dumps(facts), "utf-8")
    draft.rename(note)  # whoever finds it finds it whole
