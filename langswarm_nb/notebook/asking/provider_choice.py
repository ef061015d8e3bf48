"""Which object a prompt is sent through: the provider's own, or one at another address for this cell."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from langswarm_nb.core.session.providers import create_provider, takes_option
from langswarm_nb.core.session.providers.catalogue import OFFLINE_PROVIDERS
from langswarm_nb.core.session.secret import Secret
from langswarm_nb.notebook.workspace.keys import provider_ready

if TYPE_CHECKING:
    from langswarm_nb.core.session import IProviderSession, SessionManager
    from langswarm_nb.notebook.workspace import Workspace

    from .options import CellOptions

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def provider_for(
    workspace: Workspace, provider: str, options: CellOptions, manager: SessionManager
) -> IProviderSession:
    """Return the object to send through: that of the session's manager, or one at another address.

    Raises
    ------
    UsageError
        ``--api-key-name`` names no variable that is set, or ``--api-base`` an address for a provider without one.
    SessionError
        There is no key, or the address is not allowed.
    """
    if options.api_base is None and options.api_key_name is None:
        provider_ready(manager, provider)
        return manager.provider_session(provider)
    return _at_other_address(workspace, provider, options)


def destination_once(workspace: Workspace, provider: str, found: IProviderSession) -> str:
    """Return where prompts go, to be shown the first time that they leave this machine; then nothing."""
    origin, is_local = address_of(found) or ("", found.name in OFFLINE_PROVIDERS)
    if is_local or (provider, origin) in workspace.announced:
        return ""
    workspace.announced.add((provider, origin))
    return f"Prompts for {provider} leave this machine{origin and f' for {origin}'}. (Shown once per kernel.)"


def address_of(provider: IProviderSession) -> tuple[str, bool] | None:
    """Return the origin that a provider sends to, and whether it is this machine; None when it does not say."""
    address: Any = getattr(getattr(provider, "http", None), "address", None)
    return None if address is None else (address.origin, address.is_local)


def _at_other_address(workspace: Workspace, provider: str, options: CellOptions) -> IProviderSession:
    wanted = (provider, options.api_base, options.api_key_name)
    if wanted not in workspace.other_providers:
        workspace.other_providers[wanted] = _created(*wanted)
    return workspace.other_providers[wanted]


def _created(provider: str, api_base: str | None, api_key_name: str | None) -> IProviderSession:
    if api_base is not None and not takes_option(provider, "base_url"):
        raise UsageError(
            f"--api-base names the address of a service, and {provider} has none. Leave it out, or name the model "
            "there too: `-m openai-compatible:MODEL`, or another provider's."
        )
    given: dict[str, Any] = {} if api_base is None else {"base_url": api_base}
    return create_provider(provider, None if api_key_name is None else _key(api_key_name), **given)


def _key(variable: str) -> Secret:
    if not _VARIABLE.fullmatch(variable):
        raise UsageError(
            "--api-key-name takes the NAME of an environment variable, such as MY_API_KEY, never a key; "
            "what was given is not one (it is not shown)."
        )
    if not os.environ.get(variable, "").strip():
        raise UsageError(
            f"--api-key-name: the environment variable {variable} is not set. Set it, or name another."
        )
    return Secret(os.environ[variable].strip())
