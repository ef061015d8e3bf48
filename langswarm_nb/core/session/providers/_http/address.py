"""Addresses of services: which are allowed, and which way to them leads through a proxy."""

from __future__ import annotations

import os
import re
import urllib.request
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from langswarm_nb.core.session.errors import SessionTypeError, SessionValueError

if TYPE_CHECKING:
    from collections.abc import Sequence

# Narrower than what URLs may be: what is left means the same to every parser.
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*)"
)
_LAST_PORT = 65535
_ALLOWED = (
    "an https:// address, or http:// to this machine (localhost, 127.0.0.1), without user, query or fragment"
)


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


def check_base_url(value: object, parameter: str = "base_url") -> Address:
    """Return the parts of an address that keys may be sent to.

    Raises
    ------
    SessionValueError
        It is neither ``https`` nor ``http`` to this machine, or holds a user, a password, a query.
    SessionTypeError
        It is no text.
    """
    if not isinstance(value, str):
        raise SessionTypeError(f"{parameter} must be text (str), not {type(value).__name__}.")
    match = _ADDRESS.fullmatch(value.strip())
    if match is None or int(match["port"] or 0) > _LAST_PORT:
        # Not shown: it may be a key in the wrong place, or hold a password.
        raise SessionValueError(f"{parameter} (not shown here) is not allowed: it must be {_ALLOWED}.")
    scheme, host = match["scheme"], match["host"].lower()
    origin = f"{scheme}://{host}" + (f":{match['port']}" if match["port"] else "")
    if scheme == "http" and not is_loopback(host):
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


def proxy_for(address: Address) -> str | None:
    """Return the proxy that the environment or the system names for an address; this machine needs none."""
    if address.is_local or urllib.request.proxy_bypass(address.host):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(address.scheme) or proxies.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


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
        It is no text.
    """
    if given is not None:
        return check_base_url(given)
    for name in variables:
        if value := os.environ.get(name, "").strip():
            return check_base_url(value, name)
    if default is None:
        hint = f", or set the environment variable {variables[0]}" if variables else ""
        raise SessionValueError(
            f"base_url is missing: {provider!r} has no address of its own. Pass base_url='https://…'{hint}."
        )
    return check_base_url(default)
