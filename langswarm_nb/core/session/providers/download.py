"""`download`: what a public address holds, fetched without leading anybody into this machine's own network.

An address may come from anywhere, and its server may name any other. So each host is looked up here, every machine
that it names has to be public, and the connection is made to one of those that were looked at: a name that means
another machine a moment later is of no use. Redirects are followed by the same rules. No key and no cookie is sent.

Behind a proxy it is the proxy that looks names up and connects: what a name means here is looked at before, where it
is known here.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from urllib.parse import urljoin, urlsplit

from langswarm_nb._version import __version__
from langswarm_nb.core.session.conversation.on_asyncio import check_loop

from ._http.address import Address, usable_proxy
from ._http.carrier import TransportError
from ._http.deadline import Watch
from .public_addresses import is_public

if TYPE_CHECKING:
    from ._http.carrier import Incoming

IpAddress: TypeAlias = IPv4Address | IPv6Address
Resolve: TypeAlias = "Callable[[str, int], Awaitable[Sequence[IpAddress]]]"
MAX_REDIRECTS = 5
_CONNECT_S = 10.0
_OK = range(200, 300)
_REDIRECTS = (301, 302, 303, 307, 308)
_HTTPS = 443


class DownloadError(Exception):
    """It could not be fetched; the text is the end of a sentence that begins with the address."""


class Downloaded(NamedTuple):
    """What was found."""

    data: bytes
    url: str
    """Where, after all redirects."""
    media_type: str
    """What the server says it is; empty when it does not."""


async def look_up(host: str, port: int) -> Sequence[IpAddress]:
    """Return the machines that a host's name means.

    Raises
    ------
    OSError
        It is not known.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(place[4][0]) for place in found))


@dataclass(frozen=True, slots=True)
class Way:
    """How to get there.

    Parameters
    ----------
    check : callable
        Returns an address as it may be asked for, or raises.
    max_bytes : int
        Most that is read.
    seconds, silence_s : float
        Longest time for the whole, with its redirects, and between two reads.
    resolve, allows : callable
        Look up a host, and say whether one of its machines may be asked.
    """

    check: Callable[[str], str]
    max_bytes: int
    seconds: float = 30.0
    silence_s: float = 10.0
    resolve: Resolve = look_up
    allows: Callable[[IpAddress], bool] = is_public


async def download(url: str, way: Way) -> Downloaded:
    """Return what an ``https`` address holds.

    Raises
    ------
    DownloadError
        It leads to a machine that is not public, cannot be reached, is too large or too slow, or redirects forever.
    Exception
        Whatever ``way.check`` raises.
    """
    check_loop()
    watch = Watch(way.seconds, way.silence_s)
    try:
        watch.enter()
        return await _follow(way.check(url), way, watch)
    except asyncio.CancelledError:
        if not watch.is_mine():
            raise
        limit, seconds = watch.reached.limit, way.silence_s
        reason = (
            f"sent nothing for {seconds:.0f} s"
            if limit == "silence"
            else f"was not there after {way.seconds:.0f} s"
        )
        raise DownloadError(reason) from None
    finally:
        watch.close()


async def _follow(url: str, way: Way, watch: Watch) -> Downloaded:
    for _ in range(MAX_REDIRECTS + 1):
        found = await _get(url, way, watch)
        if isinstance(found, Downloaded):
            return found
        url = way.check(urljoin(url, found))
    raise DownloadError(f"redirects more than {MAX_REDIRECTS} times")


async def _get(url: str, way: Way, watch: Watch) -> Downloaded | str:
    """Return what an address holds, or where it leads."""
    from ._http.carrier import Outgoing
    from ._http.carrier_httpcore import HttpcoreCarrier

    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _HTTPS
    address = Address(url, "https", host, f"https://{parts.netloc}")
    headers = {"User-Agent": f"langswarm-nb/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"}
    try:
        proxy = usable_proxy(address)
        machines = await _machines(host, port, way, is_behind_proxy=proxy is not None)
        carrier = HttpcoreCarrier(address, proxy, machines=None if proxy else machines)
    except TransportError as error:
        raise DownloadError(f"cannot be fetched: {error.reason}") from None
    try:
        answer = await carrier.send(Outgoing("GET", url, b"", headers.items, _CONNECT_S))
        watch.leave()
        watch.enter()
        try:
            return await _read(answer, url, way, watch)
        finally:
            await answer.aclose()
    except carrier.errors as error:
        raise DownloadError(f"cannot be fetched: {carrier.describe(error).reason}") from None
    finally:
        await carrier.aclose()


async def _machines(host: str, port: int, way: Way, *, is_behind_proxy: bool) -> list[str]:
    """Return the machines of a host, all of which are public."""
    try:
        found = [ip_address(host)]
    except ValueError:
        try:
            found = list(await way.resolve(host, port))
        except OSError:
            if is_behind_proxy:
                return []
            raise DownloadError("cannot be fetched: no such host is known") from None
    if not found or not all(map(way.allows, found)):
        raise DownloadError("leads to this machine or a private network, from which nothing is fetched")
    return [str(machine) for machine in found]


async def _read(answer: Incoming, url: str, way: Way, watch: Watch) -> Downloaded | str:
    headers = answer.headers
    if answer.status in _REDIRECTS and headers.get("location"):
        return headers["location"]
    if answer.status not in _OK:
        raise DownloadError(f"answered {answer.status}")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise DownloadError("is packed in a way that was not asked for")
    told = headers.get("content-length", "")
    if told.isdecimal() and int(told) > way.max_bytes:
        raise _too_large(way)
    pieces, size = list[bytes](), 0
    while piece := await answer.next_chunk():
        watch.leave()
        size += len(piece)
        if size > way.max_bytes:
            raise _too_large(way)
        pieces.append(piece)
        watch.enter()
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    return Downloaded(b"".join(pieces), url, media_type)


def _too_large(way: Way) -> DownloadError:
    from langswarm_nb.core.session.parts.twins import size_text

    return DownloadError(f"is larger than the {size_text(way.max_bytes)} that can be attached")
