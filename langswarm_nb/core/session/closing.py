"""Close several things: each of them, whatever closing another raises."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable


async def close_each(closings: Iterable[Callable[[], Awaitable[None]]]) -> None:
    """Call every function, in order, and raise afterwards what they raised.

    A cancellation ends the closing that it strikes, and not the others; it follows at the end.

    Raises
    ------
    Exception
        The one error, as it was raised.
    ExceptionGroup
        Of several errors, all.
    """
    errors: list[Exception] = []
    leaving: asyncio.CancelledError | KeyboardInterrupt | None = None
    for close in closings:
        try:
            await close()
        except Exception as error:  # noqa: BLE001 - raised below, when all is closed
            errors.append(error)
        except (asyncio.CancelledError, KeyboardInterrupt) as error:
            leaving = leaving or error
    cause = errors[0] if len(errors) == 1 else None
    if len(errors) > 1:
        cause = ExceptionGroup(f"{len(errors)} things could not be closed in good order", errors)
    if leaving is not None:
        raise leaving from cause
    if cause is not None:
        raise cause
