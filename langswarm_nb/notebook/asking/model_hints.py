"""Models to offer: those that nobody need be asked for, and the nearest to a name that a service does not know."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from langswarm_nb.core.session import ProviderNotFoundError, SessionError
from langswarm_nb.core.session.providers.catalogue import OFFLINE_PROVIDERS
from langswarm_nb.notebook.bridge import run_sync
from langswarm_nb.notebook.workspace.keys import provider_ready

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


@dataclass(frozen=True, slots=True)
class Offered:
    """A model that a provider lists, with what the list of prices adds."""

    id: str
    name: str | None
    context_tokens: int | None
    price: str
    """Dollars per million tokens in and out; empty when it is not known."""
    is_listed: bool
    """Whether the list of prices has it as one that answers with text."""


async def offered_models(workspace: Workspace, provider: str) -> list[Offered]:
    """Ask a provider for its models.

    Raises
    ------
    ProviderAuthenticationError
        There is no key, or it is not taken.
    SessionError
        The provider cannot be asked.
    """
    from langswarm_nb.analysis.price_list import listed_model

    provider_ready(workspace.manager, provider)
    found = await workspace.manager.provider_session(provider).list_models()
    workspace.seen_models |= {f"{provider}:{model.id}" for model in found}
    offered = []
    for model in found:
        listed = listed_model(provider, model.id)
        context = model.context_tokens or listed.context_tokens
        offered.append(Offered(model.id, model.name, context, listed.price, bool(listed.output_usd)))
    return offered


async def _models(workspace: Workspace, provider: str) -> list[str]:
    """Return what a provider offers; what was seen before when it does not say so quickly."""
    try:
        async with asyncio.timeout(_LONGEST_WAIT_S):
            found = await workspace.manager.provider_session(provider).list_models()
    except (SessionError, TimeoutError):
        found = []
    workspace.seen_models |= {f"{provider}:{model.id}" for model in found}
    return [model for model in workspace.seen_models if model.startswith(f"{provider}:")]
