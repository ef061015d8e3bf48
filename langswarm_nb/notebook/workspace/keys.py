"""Keys of providers: the environment first, then the keyring of the system, then asked for without echo."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.errors import ProviderAuthenticationError
from langswarm_nb.core.session.providers import create_provider
from langswarm_nb.core.session.secret import Secret

if TYPE_CHECKING:
    from langswarm_nb.core.session import SessionManager

_SERVICE = "langswarm_nb"


def provider_ready(manager: SessionManager, provider: str) -> None:
    """Make sure that a provider can be used, with the key in the keyring when the environment has none.

    Raises
    ------
    ProviderAuthenticationError
        There is no key.
    """
    try:
        manager.provider_session(provider)
    except ProviderAuthenticationError:
        key = _keyring_key(provider)
        if key is None:
            raise
        manager.add_provider_session(provider, create_provider(provider, key))


def take_key(manager: SessionManager, provider: str, key: Secret) -> str:
    """Use a key from now on; return where it is kept.

    Raises
    ------
    ProviderAuthenticationError
        Its form is wrong; it is not shown.
    """
    manager.add_provider_session(provider, create_provider(provider, key))
    keyring = _keyring()
    if keyring is None:
        return "in the memory of this kernel"
    try:
        keyring.set_password(_SERVICE, provider, key.reveal())
    except Exception as error:  # noqa: BLE001 - keyrings raise what they like; the key is in use all the same
        return f"in the memory of this kernel (the keyring refused it: {type(error).__name__})"
    return "in the keyring of this system"


def is_in_keyring(provider: str) -> bool:
    """Tell whether the keyring of the system has a provider's key."""
    return _keyring_key(provider) is not None


def _keyring_key(provider: str) -> Secret | None:
    keyring = _keyring()
    if keyring is None:
        return None
    try:
        key = Secret(keyring.get_password(_SERVICE, provider) or "")
    except Exception:  # noqa: BLE001 - a locked or broken keyring is one without the key
        return None
    return key if key.reveal() else None


def _keyring() -> Any:
    return None if find_spec("keyring") is None else import_module("keyring")
