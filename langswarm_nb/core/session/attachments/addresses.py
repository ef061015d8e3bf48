"""What a user gives as text: a path, an address, or bytes written as an address."""

from __future__ import annotations

import binascii
import re
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from langswarm_nb.core.session.errors import AttachmentError, shown
from langswarm_nb.core.session.providers.public_addresses import is_public

if TYPE_CHECKING:
    from .attachment import AttachmentKind

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
"""Two letters at least: one is a drive."""
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[?[0-9A-Fa-f:.]+\]?")
_UNFIT = re.compile(r"[\x00-\x20\x7f\\]")
_NUMBERS = re.compile(r"(0x[0-9a-f]+|[0-9]+)(\.(0x[0-9a-f]+|[0-9]+))*\.?", re.IGNORECASE)
"""Hosts that are numbers, however they are written: some resolvers take `127.1` and `2130706433` too."""
_FILES = {
    "pdf",
    "docx",
    "xlsx",
    "pptx",
    "odt",
    "csv",
    "tsv",
    "txt",
    "md",
    "json",
    "html",
    "xml",
    "svg",
    "py",
    "mp4",
}
_SOUNDS = {"wav", "mp3", "ogg", "flac", "m4a"}


def scheme_of(text: str) -> str | None:
    """Return the scheme that a text begins with; None for a path."""
    match = _SCHEME.match(text)
    return match[1].lower() if match else None


def checked_address(text: str) -> str:
    """Return an address that may be attached, without its fragment.

    Raises
    ------
    AttachmentError
        It is not a public ``https`` address, or holds a user or a password.
    """
    scheme = scheme_of(text)
    if scheme != "https":
        raise AttachmentError(
            f"{shown(text) if scheme != 'http' else _origin(text)} cannot be attached: an address must begin with "
            "https://. Download it, and attach the file."
        )
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.username is not None or parts.password is not None:
        # Not shown: it would stand in the notebook.
        raise AttachmentError(
            "The address contains a user name or a password (it is not shown here), which would be stored and sent. "
            "Download it, and attach the file."
        )
    if not host or ".." in host or not _HOST.fullmatch(_ascii(host)) or _UNFIT.search(text) or port == 0:
        raise AttachmentError(f"{shown(text)} is not an address. Write it as https://example.com/image.png.")
    if not _may_be_public(_ascii(host)):
        raise AttachmentError(
            f"{_origin(text)} is not a public address: nothing is fetched from this machine or a private network. "
            "Download it yourself, and attach the file."
        )
    return parts._replace(fragment="").geturl()


def may_be_attached(text: str) -> bool:
    """Tell whether an address may be attached."""
    try:
        checked_address(text)
    except AttachmentError:
        return False
    return True


def place_of(url: str) -> str:
    """Return the host of an address with the end of its path: fit for errors, without what may be secret."""
    parts = urlsplit(url)
    return shown(f"{parts.scheme}://{parts.hostname}{parts.path}")


def name_in(url: str) -> str | None:
    """Return the name of a file that an address ends in; None when it names none."""
    return unquote(urlsplit(url).path.rpartition("/")[2]) or None


def kind_in(url: str) -> AttachmentKind:
    """Return what an address seems to be of, by its ending; most are images."""
    path = urlsplit(url).path.lower()
    ending = path.rpartition(".")[2]
    if ending in _FILES or "/pdf/" in path:
        return "file"
    return "audio" if ending in _SOUNDS else "image"


def bytes_in(text: str) -> bytes:
    """Return the bytes of a ``data:`` address.

    Raises
    ------
    AttachmentError
        It holds none.
    """
    head, comma, data = text.partition(",")
    raw = unquote_to_bytes(data)
    if not comma or not raw:
        raise AttachmentError("The data: address has nothing after its comma. Attach the bytes or a file.")
    if not head.lower().endswith(";base64"):
        return raw
    try:
        return binascii.a2b_base64(b"".join(raw.split()), strict_mode=True)
    except binascii.Error:
        raise AttachmentError(
            "The data: address is not in base64, as it says. Attach the bytes or a file."
        ) from None


def _may_be_public(host: str) -> bool:
    try:
        return is_public(ip_address(host))
    except ValueError:
        return "." in host.strip(".") and not _NUMBERS.fullmatch(host)


def _origin(text: str) -> str:
    """Return scheme and host of an address: the rest may hold a password."""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        return shown(f"{parts.scheme}://" + (f"[{host}]" if ":" in host else host))
    except ValueError:
        return "The address"


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError:
        return ""
