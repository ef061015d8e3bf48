"""Addresses of services: which are allowed, and which way to them leads through a proxy."""

from __future__ import annotations

import os
import re
import urllib.request
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from langswarm_nb.core.session.errors import SessionTypeError, SessionValueError, next_step
from langswarm_nb.core.session.text import unquoted

from .carrier import TransportError

if TYPE_CHECKING:
    from collections.abc import Sequence

# Narrower than what URLs may be: what is left means the same to every parser.
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*)"
)
_LAST_PORT = 65535
_ALLOWED = (
    "an https:// address, or http:// to this machine or a private network, without user, query or fragment"
)
_LISTENS_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104
"""What servers say they listen on; it is not a place to connect to, and means this machine."""
_PRIVATE_NETWORKS = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
_PRIVATE_ENDINGS = (".local", ".lan", ".home.arpa", ".docker.internal", ".containers.internal")
_PLAIN_NAME = re.compile(r"(?!0x)(?=[0-9-]*[a-z])[a-z0-9_-]+")
"""A name without a dot, which no name server of the world knows; numbers are addresses in disguise."""
_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


class Address(NamedTuple):
    """A checked base address."""

    url: str
    """The whole, without a slash at its end."""
    scheme: str
    host: str
    origin: str
    """Scheme, host and port; fit for error texts."""

    @property
    def is_local(self) -> bool:
        """Whether it can only be this machine."""
        return is_loopback(self.host)

    @property
    def is_safe(self) -> bool:
        """Whether nobody on the way can read what is sent."""
        return self.scheme == "https" or self.is_local


def check_base_url(value: object, parameter: str = "base_url") -> Address:
    """Return the parts of an address that requests may be sent to.

    Raises
    ------
    SessionValueError
        It is neither ``https`` nor ``http`` to this machine or a private network, or holds a user, a password, a query.
    SessionTypeError
        It is not text.
    """
    if not isinstance(value, str):
        raise SessionTypeError(f"{parameter} must be text (str), not {type(value).__name__}.")
    match = _ADDRESS.fullmatch(unquoted(value))
    if match is None or int(match["port"] or 0) > _LAST_PORT:
        # Not shown: it may be a key in the wrong place, or hold a password.
        raise SessionValueError(f"{parameter} (not shown here) is not allowed: it must be {_ALLOWED}.")
    scheme, host = match["scheme"], match["host"].lower()
    host = _LISTENS_EVERYWHERE.get(host, host)
    origin = f"{scheme}://{host}" + (f":{match['port']}" if match["port"] else "")
    if scheme == "http" and not is_loopback(host) and not _is_private(host):
        raise SessionValueError(
            f"{parameter}={origin!r} is not allowed: it must be {_ALLOWED}. "
            "Over plain http the key and the conversation could be read on the way: use https, or a tunnel."
        )
    return Address(origin + match["path"].rstrip("/"), scheme, host, origin)


def is_loopback(host: str) -> bool:
    """Return whether a host's name can only mean this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_private(host: str) -> bool:
    """Return whether a host's name can only mean a machine in a network of somebody's own."""
    try:
        number = ip_address(host.strip("[]"))
    except ValueError:
        return host.endswith(_PRIVATE_ENDINGS) or _PLAIN_NAME.fullmatch(host) is not None
    return any(number.version == network.version and number in network for network in _PRIVATE_NETWORKS)


class Proxy(NamedTuple):
    """A proxy, and the variable that names it."""

    url: str
    variable: str

    @property
    def shown(self) -> str:
        """What can be shown of it: not its user and password."""
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{rest.rpartition('@')[2].partition('/')[0]} ({self.variable})"


def proxy_for(address: Address) -> Proxy | None:
    """Return the proxy that the environment or the system names for an address; this machine needs none."""
    if address.is_local or urllib.request.proxy_bypass(address.host):
        return None
    proxies = urllib.request.getproxies()
    for kind in (address.scheme, "all"):
        if url := unquoted(proxies.get(kind) or ""):
            return Proxy(url if "://" in url else f"http://{url}", _variable_of(kind))
    return None


def usable_proxy(address: Address) -> str | None:
    """Return the proxy for an address.

    Raises
    ------
    TransportError
        It cannot be used; the error names its variable.
    """
    proxy = proxy_for(address)
    if proxy is None:
        return None
    if proxy.url.partition("://")[0].lower() not in _PROXY_SCHEMES:
        schemes = ", ".join(f"{scheme}://" for scheme in _PROXY_SCHEMES)
        raise TransportError(
            f"{proxy.variable} names a proxy of a kind that cannot be used, {proxy.shown}; those that can begin with "
            f"{schemes}",
            was_sent=False,
            step=next_step("set_proxy", variable=proxy.variable),
        )
    if proxy.url.lower().startswith("socks") and find_spec("socksio") is None:
        raise TransportError(
            f"{proxy.variable} names a SOCKS proxy, {proxy.shown}, for which the package socksio is needed",
            was_sent=False,
            step=next_step("install_socks", variable=proxy.variable),
        )
    return proxy.url


def _variable_of(kind: str) -> str:
    name = f"{kind}_proxy"
    found = [variable for variable in os.environ if variable.lower() == name and os.environ[variable].strip()]
    return min(found, key=str.isupper) if found else "the system's settings"


def segment(text: str) -> str:
    """Return an id as one segment of a path, whatever it holds."""
    return "%2E" * len(text) if text in {".", ".."} else quote(text, safe="")


def find_base_url(provider: str, given: str | None, variables: Sequence[str], default: str | None) -> Address:
    """Return the address given, else the environment's, else the default.

    Raises
    ------
    SessionValueError
        There is none, or it is not allowed.
    SessionTypeError
        It is not text.
    """
    if given is not None:
        return check_base_url(given)
    for name in variables:
        if value := unquoted(os.environ.get(name, "")):
            return check_base_url(value, name)
    if default is None:
        hint = f", or set the environment variable {variables[0]}" if variables else ""
        step = next_step("name_address", variable=hint)
        error = SessionValueError(f"base_url is missing: {provider!r} has no default address. {step.text}")
        error.next_step = step
        raise error
    return check_base_url(default)
