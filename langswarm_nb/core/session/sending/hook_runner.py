"""What stands around a send: hooks are called, middleware may change the message."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from langswarm_nb.core.session.errors import (
    SessionMiddlewareError,
    SessionTypeError,
    SessionValueError,
    shown,
)
from langswarm_nb.core.session.interfaces import (
    ISession,
    ISessionLifecycleHook,
    ISessionMiddleware,
    MessageRole,
    SessionMessage,
)
from langswarm_nb.core.session.parts.checking import checked_parts
from langswarm_nb.core.session.text import as_logged, class_name

logger: logging.Logger = logging.getLogger(__name__)


async def run_hooks(
    hooks: Sequence[ISessionLifecycleHook], event: str, session: ISession, *about: object
) -> None:
    """Tell hooks of an event; one that fails is logged, and the others and the send go on."""
    for hook in hooks:
        try:
            await getattr(hook, event)(session, *about)
        except Exception:
            logger.exception(
                "The hook %s failed in %s; the session continues.",
                class_name(hook),
                event,
                extra={"session_id": as_logged(session.session_id)},
            )


async def run_middleware(
    chain: Sequence[ISessionMiddleware], step: str, session: ISession, message: SessionMessage
) -> SessionMessage:
    """Pass a message through a chain: in its order on the way out, in the other on the way in.

    Raises
    ------
    SessionMiddlewareError
        One failed, or returned something that is not a message; names it and chains the cause.
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
        message = _checked(name, message, changed)
    return message


def _checked(name: str, message: SessionMessage, changed: object) -> SessionMessage:
    """Return what a middleware made of a message; it may say something else, but stays this message."""
    if not isinstance(changed, SessionMessage):
        raise SessionMiddlewareError(
            f"The middleware {name} returned a {type(changed).__name__}, not a SessionMessage. "
            "Return the message, or a changed copy made with dataclasses.replace."
        )
    if changed.role is not message.role:
        raise SessionMiddlewareError(
            f"The middleware {name} returned a message of role {changed.role.value!r} for one of role "
            f"{message.role.value!r}. It may change anything in a message except its role."
        )
    if message.role is not MessageRole.ASSISTANT and not (changed.content.strip() or changed.parts):
        raise SessionMiddlewareError(
            f"The middleware {name} left nothing to send. To stop a send, raise an error that says why."
        )
    if changed is message:
        return message
    try:
        checked_parts(changed.parts)
    except (SessionTypeError, SessionValueError) as error:
        raise SessionMiddlewareError(
            f"The middleware {name} returned parts that no message can have: {error}"
        ) from error
    kept = {field: getattr(message, field) for field in _KEPT if getattr(changed, field) is None}
    return replace(changed, id=message.id, **kept)


_KEPT = ("provider_message_id", "token_count", "finish_reason", "source", "cell_id", "request")
"""What a message that a middleware made again takes over from the one it stands for, as its id."""
