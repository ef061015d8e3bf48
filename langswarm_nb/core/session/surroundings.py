"""What stands around a send: hooks are told, middleware may change the message."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from .errors import SessionMiddlewareError, shown
from .interfaces import ISession, ISessionLifecycleHook, ISessionMiddleware, SessionMessage

logger = logging.getLogger(__name__)


async def run_hooks(
    hooks: Sequence[ISessionLifecycleHook], event: str, session: ISession, *about: object
) -> None:
    """Tell hooks of an event; one that fails is logged, and the others and the send go on."""
    for hook in hooks:
        try:
            await getattr(hook, event)(session, *about)
        except Exception:
            logger.exception("The hook %s failed in %s; the session goes on.", type(hook).__name__, event)


async def run_middleware(
    chain: Sequence[ISessionMiddleware], step: str, session: ISession, message: SessionMessage
) -> SessionMessage:
    """Pass a message through a chain: in its order on the way out, in the other on the way in.

    Raises
    ------
    SessionMiddlewareError
        One failed, or returned something that is no message; names it and chains the cause.
    """
    for middleware in chain if step == "process_outgoing_message" else reversed(chain):
        name = f"{type(middleware).__name__}.{step}"
        try:
            changed = await getattr(middleware, step)(session, message)
        except Exception as error:
            raise SessionMiddlewareError(
                f"The middleware {name} failed with {type(error).__name__}: {shown(str(error))}. "
                "Correct or remove it; its traceback is chained."
            ) from error
        if not isinstance(changed, SessionMessage):
            raise SessionMiddlewareError(
                f"The middleware {name} returned a {type(changed).__name__}, not a SessionMessage. "
                "Return the message, or a changed copy made with dataclasses.replace."
            )
        message = changed
    return message
