"""A test run that knows no key, no user and no network beyond this machine."""

from __future__ import annotations

import os
import re
import socket
import sys
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_PROVIDER_VARIABLES = re.compile(
    r".*_(API_KEY|API_BASE|API_TOKEN|BASE_URL|ACCESS_TOKEN)$"
    r"|(OPENAI|ANTHROPIC|GEMINI|GOOGLE|MISTRAL|COHERE|GROQ|OPENROUTER|AZURE|OLLAMA|AWS|HF|HUGGINGFACE)_.*"
    r"|LANGSWARM_(?!SHARED$).*"
    r"|(https?|all|no)_proxy",
    re.IGNORECASE,
)


class NetworkBlockedError(RuntimeError):
    """A test tried to reach another machine."""


def clean_environment() -> None:
    """Remove every provider's variable, proxy and setting of ours from this process and its children."""
    for name in [name for name in os.environ if _PROVIDER_VARIABLES.fullmatch(name)]:
        del os.environ[name]


def home_variables(home: Path) -> dict[str, str]:
    """Return the environment that makes ``home`` the user's folder on every platform."""
    return {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "APPDATA": str(home / "AppData" / "Roaming"),
        "LOCALAPPDATA": str(home / "AppData" / "Local"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_STATE_HOME": str(home / ".local" / "state"),
        "IPYTHONDIR": str(home / ".ipython"),
        "JUPYTER_CONFIG_DIR": str(home / ".jupyter"),
        "JUPYTER_DATA_DIR": str(home / ".local" / "share" / "jupyter"),
        "JUPYTER_RUNTIME_DIR": str(home / ".local" / "share" / "jupyter" / "runtime"),
    }


def block_network() -> None:
    """Refuse, in this process and for good, to connect or send to, or look up, any host but this one.

    Names under ``.invalid``, which never exist (RFC 6761), fail as unknown without being looked up,
    so that tests can have a host that is not found.
    """
    sys.addaudithook(_refuse_other_hosts)


def _refuse_other_hosts(event: str, args: tuple[Any, ...]) -> None:
    if event in {"socket.connect", "socket.sendto"}:
        address = args[1]
        if isinstance(address, tuple) and not _is_loopback(address[0]):
            raise NetworkBlockedError(f"{event} to {address!r}: tests reach only this machine")
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        host = args[0].decode() if isinstance(args[0], bytes) else args[0]
        if isinstance(host, str) and host.endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if not _is_loopback(host):
            raise NetworkBlockedError(f"{event} of {host!r}: tests look up only this machine")


def _is_loopback(host: str | bytes | None) -> bool:
    if host in {None, "", "localhost", socket.gethostname()}:
        return True
    try:
        address = ip_address(host.split("%")[0] if isinstance(host, str) else host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
