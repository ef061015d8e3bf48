"""Models to offer: those that nobody need be asked for, and the nearest to a name that a service does not know."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from langswarm_nb.core.session import ProviderNotFoundError, SessionError
from langswarm_nb.core.session.providers.catalogue import OFFLINE_PROVIDERS
from langswarm_nb.notebook.bridge import run_sync

if TYPE_CHECKING:
    from langswarm_nb.core.session import SessionManager
    from langswarm_nb.notebook.workspace import Workspace

_LONGEST_WAIT_S = 5.0


async def offline_models(manager: SessionManager) -> list[str]:
    """Return the models of the providers that answer in this process."""
    return [
        f"{name}:{model.id}"
        for name in sorted(OFFLINE_PROVIDERS)
        for model in await manager.provider_session(name).list_models()
    ]


@contextlib.contextmanager
def nearest_model_named(workspace: Workspace) -> Iterator[None]:
    """Add the nearest model to a `ProviderNotFoundError` of the block.

    Raises
    ------
    ProviderNotFoundError
        The one of the block, with the nearest model if there is one.
    """
    try:
        yield
    except ProviderNotFoundError as error:
        near = _nearest(workspace, error)
        if near is None:
            raise
        raise ProviderNotFoundError(
            f"{error} Did you mean {near}?", provider=error.provider, model=error.model, status=error.status
        ) from error


def _nearest(workspace: Workspace, error: ProviderNotFoundError) -> str | None:
    if error.provider is None or error.model is None:
        return None
    known = run_sync(_models(workspace, error.provider))
    close = difflib.get_close_matches(f"{error.provider}:{error.model}", known, n=1)
    return next(iter(close), None)


async def _models(workspace: Workspace, provider: str) -> list[str]:
    """Return what a provider offers; what was seen before when it does not say so quickly."""
    try:
        async with asyncio.timeout(_LONGEST_WAIT_S):
            found = await workspace.manager.provider_session(provider).list_models()
    except (SessionError, TimeoutError):
        found = []
    workspace.seen_models |= {f"{provider}:{model.id}" for model in found}
    return [model for model in workspace.seen_models if model.startswith(f"{provider}:")]
