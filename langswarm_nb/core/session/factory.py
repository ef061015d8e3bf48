"""Functions that make a manager, a session or a provider session in one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from .base import BaseSession, SessionManager
from .errors import SessionTypeError
from .hooks import LoggingMiddleware, MetricsHook
from .interfaces import IProviderSession
from .providers import create_provider
from .secret import Secret
from .storage import create_storage

__all__ = [
    "configure_development_sessions",
    "configure_production_sessions",
    "create_provider_session",
    "create_session_manager",
    "create_simple_session",
]


StorageName: TypeAlias = Literal["memory", "sqlite"]
"""Names of the storages that come with the library."""


def create_session_manager(
    storage: StorageName = "sqlite",
    storage_config: dict[str, Any] | None = None,
    providers: Mapping[str, str | Mapping[str, Any]] | None = None,
) -> SessionManager:
    """Return a manager over a storage and providers, both given by name; no event loop has to be running.

    Parameters
    ----------
    storage : str
        ``"sqlite"`` (one file) or ``"memory"`` (gone with the process). For your own storage, use
        ``SessionManager(storage)``.
    storage_config : dict, optional
        ``bounds``: limits on what is stored (`Bounds`); for SQLite also ``db_path``, ``durability`` ("full" or "fast")
        and ``busy_timeout_s``. Without ``db_path`` the file is the one that ``LANGSWARM_DB_PATH`` names, else
        ``sessions.db`` in the user's data directory.
    providers : dict, optional
        API keys by provider name; a provider without one takes its key from its environment variable.
        A dict instead of a key holds the arguments of `create_provider_session`.

    Raises
    ------
    SessionValueError, SessionTypeError
        The storage or provider is unknown, or does not have this option; nothing was opened.
    ProviderAuthenticationError
        A key has the wrong format; it is not shown.
    """
    # Bound again at once, here and below: a traceback that shows local variables shows no key.
    providers, problem = _hide_keys(providers)
    if problem:
        raise SessionTypeError(problem)
    return SessionManager(create_storage(storage, storage_config), _build_providers(providers))


async def create_simple_session(
    user_id: str,
    provider: str = "mock",
    model: str = "gpt-4o",
    api_key: str | None = None,
    storage: StorageName = "memory",
) -> BaseSession:
    """Return a session with its own manager, for a quick try; the provider ``mock`` answers offline.

    Parameters
    ----------
    user_id : str
        User that the session belongs to.
    provider, model : str
        The service and the model that answer.
    api_key : str, optional
        By default taken from the provider's environment variable.
    storage : str
        As in `create_session_manager`.

    Raises
    ------
    SessionError
        As in `create_session_manager` and `SessionManager.create_session`.
    """
    api_key, problem = _hide_key(api_key)  # type: ignore[assignment]  # no frame keeps it
    if problem:
        raise SessionTypeError(problem)
    manager = create_session_manager(storage, providers=None if api_key is None else {provider: api_key})
    return await manager.create_session(user_id, provider, model)


def create_provider_session(provider: str, api_key: str | None, **kwargs: Any) -> IProviderSession:
    """Return an object that speaks to a provider.

    Parameters
    ----------
    provider : str
        Name of the provider.
    api_key : str or None
        Its key; None takes it from the provider's environment variable, or uses none where none is needed.
    **kwargs
        Options of the provider, e.g. ``base_url``.

    Raises
    ------
    SessionValueError
        The provider or option is unknown.
    SessionTypeError
        The key is not text; it is not shown.
    ProviderAuthenticationError
        There is no key, or its format is wrong; it is not shown.
    """
    api_key, problem = _hide_key(api_key)  # type: ignore[assignment]  # no frame keeps it
    if problem:
        raise SessionTypeError(problem)
    return create_provider(provider, api_key, **kwargs)


def configure_development_sessions() -> SessionManager:
    """Return a manager for development: in memory, with a `LoggingMiddleware` and a `MetricsHook`."""
    manager = create_session_manager(storage="memory")
    manager.add_global_middleware(LoggingMiddleware())
    manager.add_global_hook(MetricsHook())
    return manager


def configure_production_sessions(
    storage_config: dict[str, Any] | None = None,
    providers: Mapping[str, str | Mapping[str, Any]] | None = None,
) -> SessionManager:
    """Return a manager for production: SQLite, with a `MetricsHook`.

    Parameters
    ----------
    storage_config, providers : dict, optional
        As in `create_session_manager`; by default the file is in the user's data directory.

    Raises
    ------
    SessionError
        As in `create_session_manager`.
    """
    providers, problem = _hide_keys(providers)
    if problem:
        raise SessionTypeError(problem)
    manager = create_session_manager("sqlite", storage_config, providers)
    manager.add_global_hook(MetricsHook())
    return manager


def _hide_keys(providers: object) -> tuple[dict[str, Any], str]:
    """Return providers with their keys hidden, and what is wrong: nothing is raised where a key can be seen."""
    if providers is None:
        return {}, ""
    if not isinstance(providers, Mapping):
        kind = type(providers).__name__
        return {}, f"providers must be a dict of provider names to API keys, not {kind}."
    hidden: dict[str, Any] = {}
    problems = ""
    for name, value in providers.items():
        if isinstance(value, Mapping):
            key, problem = _hide_key(value.get("api_key"))
            hidden[name] = {**value, "api_key": key}
        else:
            hidden[name], problem = _hide_key(value)
        problems = problems or problem
    return hidden, problems


def _hide_key(api_key: object) -> tuple[Secret | None, str]:
    if api_key is None or isinstance(api_key, (str, Secret)):
        return None if api_key is None else Secret.of(api_key), ""
    return None, f"api_key must be text (str) or None, not {type(api_key).__name__}; it is not shown here."


def _build_providers(providers: Mapping[str, Any]) -> dict[str, IProviderSession]:
    built: dict[str, IProviderSession] = {}
    for name, value in providers.items():
        options = value if isinstance(value, Mapping) else {"api_key": value}
        built[name] = create_provider(name, **options)
    return built
