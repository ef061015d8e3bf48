"""Where measurements take place: folders that go away, and the server that answers, a process of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from tests.support.stream_server import streaming

_until_the_end = ExitStack()


MEMORY = Path("/dev/shm")  # noqa: S108 - of its own kind


@contextmanager
def folder(*, on_disk: bool = True) -> Iterator[Path]:
    """Yield a new folder on the disk; or in memory, where there is such a place, which takes no CPU for its device."""
    where = None if on_disk or not MEMORY.is_dir() else MEMORY
    with tempfile.TemporaryDirectory(prefix="bench-", dir=where) as place:
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
