"""What can be asked from here: model servers on this machine, and services whose key is at hand. No key is shown."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from langswarm_nb.core.session import ProviderAuthenticationError, SessionError
from langswarm_nb.core.session.providers.catalogue import OFFLINE_PROVIDERS, PROVIDERS
from langswarm_nb.notebook.asking.provider_choice import address_of
from langswarm_nb.notebook.workspace.keys import is_in_keyring

if TYPE_CHECKING:
    from langswarm_nb.core.session import SessionManager

_CONNECT_S = 0.5
_LIST_S = 2.0
"""Longest wait for a server of this machine to list its models."""


@dataclass(frozen=True, slots=True)
class Server:
    """A model server on this machine that answers."""

    provider: str
    origin: str
    models: Sequence[str]
    """As ``provider:model``."""


@dataclass(frozen=True, slots=True)
class KeyState:
    """Whether a service can be asked, as far as its key goes."""

    words: str
    command: str = ""
    """Of ``%langswarm``, to go on with."""


async def local_servers(manager: SessionManager) -> list[Server]:
    """Return the servers that answer on the addresses of this machine where model servers listen.

    Each is asked for its models, so that another program on the same port is not taken for one.
    """
    origins: dict[str, str] = {}
    for name in PROVIDERS:
        if origin := local_origin(manager, name):
            origins.setdefault(origin, name)  # of two providers for one server the first is its own
    looks = [_look(manager, name, origin) for origin, name in origins.items()]
    return [server for server in await asyncio.gather(*looks) if server is not None]


async def _look(manager: SessionManager, provider: str, origin: str) -> Server | None:
    try:
        async with asyncio.timeout(_LIST_S):
            if not await asyncio.to_thread(listens, origin):
                return None
            models = await manager.provider_session(provider).list_models()
    except (SessionError, TimeoutError):
        return None
    return Server(provider, origin, [f"{provider}:{model.id}" for model in models])


def local_origin(manager: SessionManager, provider: str) -> str:
    """Return where on this machine a provider's server would listen; empty when it is elsewhere, or nowhere."""
    try:
        origin, is_local = address_of(manager.provider_session(provider)) or ("", False)
    except SessionError:
        return ""
    return origin if is_local else ""


def listens(origin: str) -> bool:
    """Tell whether something takes connections at an address of this machine; nothing is sent."""
    parts = urlsplit(origin)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "127.0.0.1", port), timeout=_CONNECT_S).close()
    except OSError:
        return False
    return True


def key_state(manager: SessionManager, provider: str) -> KeyState:
    """Return where the key of a service is; of the key itself nothing."""
    row = PROVIDERS.get(provider)
    try:
        manager.provider_session(provider)
    except ProviderAuthenticationError:
        if is_in_keyring(provider):
            return KeyState("key in the keyring", "models")
        return KeyState("no key", "key")
    except SessionError:
        variables = "" if row is None else row.url_variables[0]
        return KeyState(f"no address: set {variables}" if variables else "cannot be used")
    if row is None or not row.needs_key:
        return KeyState(
            "offline, no key needed" if provider in OFFLINE_PROVIDERS else "no key needed", "models"
        )
    variable = row.key_variable(os.environ)
    return KeyState(f"key in {variable}" if variable else "key in this kernel", "models")


def services_with_key(manager: SessionManager) -> dict[str, str]:
    """Return the services whose key is at hand, with where it is; of two that take the same key, the first."""
    found: dict[str, str] = {}
    keys: set[tuple[str, ...]] = set()
    for name, row in PROVIDERS.items():
        if not row.needs_key or row.key_variables in keys or local_origin(manager, name):
            continue
        keys.add(row.key_variables)
        state = key_state(manager, name)
        if state.command == "models":
            found[name] = state.words
    return found
