"""`new_client`: the client of a provider that has an address and a key of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.secret import Secret, find_key, split_headers

from ._faults import Fault, read_fault
from ._http import HttpClient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ._address import Address


def new_client(
    provider: str,
    api_key: str | Secret | None,
    address: Address,
    *,
    key_variables: Sequence[str],
    needs_key: bool = True,
    key_header: tuple[str, str] = ("Authorization", "Bearer "),
    headers: Mapping[str, str] | None = None,
    read_fault: Callable[[Any], Fault] = read_fault,
    connect_timeout_s: float = 5.0,
    silence_s: float = 600.0,
) -> HttpClient:
    """Return a client for an address, with the key given, else the environment's.

    Parameters
    ----------
    key_header
        The header that holds the key, and what stands before the key in it.

    Raises
    ------
    ProviderAuthenticationError
        There is no key although one is needed, or its form is wrong.
    SessionValueError, SessionTypeError
        A header is not allowed.
    """
    api_key = None if api_key is None else Secret.of(api_key)
    key, source = find_key(provider, api_key, key_variables, required=needs_key)
    plain, private = split_headers(headers or {})
    if key is not None:
        private[key_header[0]] = (key_header[1], key)
    return HttpClient(
        provider,
        address,
        headers=plain,
        secret_headers=private,
        key_source=source,
        read_fault=read_fault,
        connect_timeout_s=connect_timeout_s,
        silence_s=silence_s,
    )


def without_ending(address: Address, pattern: str) -> Address:
    """Return an address without what the paths begin with: people copy it with the address."""
    return address._replace(url=re.sub(f"(?:{pattern})$", "", address.url))


def version_of(address: Address) -> str:
    """Return the version that an address ends with; empty when it has none."""
    match = re.search(r"/(v[0-9]+[a-z0-9]*)$", address.url)
    return match[1] if match else ""
