"""Everything here waits on asyncio; any other event loop is an error that says so."""

from __future__ import annotations

import sys
from contextlib import suppress

from langswarm_nb.core.session.errors import SessionError


def check_loop() -> None:
    """Raise inside an event loop of trio's, where nothing here can wait.

    Raises
    ------
    SessionError
        One runs.
    """
    if "trio" not in sys.modules:
        return
    from sniffio import AsyncLibraryNotFoundError, current_async_library

    with suppress(AsyncLibraryNotFoundError):  # no loop runs
        if current_async_library() == "trio":
            raise SessionError(
                "langswarm_nb works on asyncio only, but this is a trio task. Run it with asyncio.run(…) or "
                "anyio.run(…, backend='asyncio'), or inside of trio with the package trio-asyncio."
            )
