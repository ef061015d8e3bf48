"""Where sessions are kept, by name; a storage is imported on first use."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from langswarm_nb.core.session.errors import SessionTypeError, SessionValueError
from langswarm_nb.core.session.interfaces import ISessionStorage

from ._sqlite.location import default_db_path

__all__ = ["STORAGES", "create_storage", "default_db_path"]

STORAGES = {
    "memory": "langswarm_nb.core.session.storage.memory:InMemorySessionStorage",
    "sqlite": "langswarm_nb.core.session.storage.sqlite:SQLiteSessionStorage",
}
"""Name -> import path of a class, as ``"module:class"``. Add one to offer another storage by name."""


def create_storage(name: str = "sqlite", config: Mapping[str, Any] | None = None) -> ISessionStorage:
    """Return a new storage; it opens on first use, so no event loop has to be running.

    Parameters
    ----------
    name : str
        One of `STORAGES`.
    config : mapping, optional
        Keyword arguments of the storage's class, such as ``db_path`` for ``"sqlite"``.

    Raises
    ------
    SessionValueError
        No storage has this name, it has no such option, or the option's value is not allowed.
    SessionTypeError
        An argument has the wrong type.
    """
    if not isinstance(name, str):
        raise SessionTypeError.of("storage", name, "the name of a storage (str)")
    if name not in STORAGES:
        raise SessionValueError.of("storage", name, STORAGES)
    if config is not None and not isinstance(config, Mapping):
        raise SessionTypeError.of("storage_config", config, "a mapping of option names to values")
    module, _, attribute = STORAGES[name].partition(":")
    storage_class = getattr(import_module(module), attribute)
    options = inspect.signature(storage_class).parameters
    for option in config or {}:
        if option not in options:
            allowed = sorted(options) or "left out: this storage has no options"
            raise SessionValueError.of(f"storage_config of storage {name!r}", option, allowed)
    storage: ISessionStorage = storage_class(**(config or {}))
    return storage
