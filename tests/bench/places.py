"""Where measurements take place: folders that go away, and the server that answers, a process of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from tests.support.stream_server import streaming

_until_the_end = ExitStack()


@contextmanager
def folder() -> Iterator[Path]:
    """Yield a new folder on the disk."""
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        yield Path(place)


@cache
def lasting_folder() -> Path:
    """Return a folder for what several rows need; `close` takes it away."""
    return _until_the_end.enter_context(folder())


@cache
def server() -> str:
    """Return the address of the server; `close` ends it."""
    return _until_the_end.enter_context(streaming())


def close() -> None:
    """End and take away what was left until the end."""
    _until_the_end.close()
