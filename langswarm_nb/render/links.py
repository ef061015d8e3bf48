"""Addresses that may stand in a link, and text that may stand in an attribute."""

from __future__ import annotations

import base64
import re
from html import escape
from urllib.parse import urlsplit

from .controls import visible_controls

__all__ = ["LINK_REL", "attribute", "data_url", "host_of", "is_safe_address", "link_html", "web_address"]

LINK_REL = "noopener noreferrer nofollow"

_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
"""Names, in Punycode by now, and addresses; a host with anything else a browser may read differently from us."""
_MAX_ADDRESS_CHARS = 2000


def is_safe_address(url: str) -> bool:
    """Tell whether a link may lead there: to http, https and mailto."""
    try:
        parts = urlsplit(url)
        has_host = _HOST.fullmatch(parts.hostname or "") is not None and parts.port != 0
    except ValueError:  # a malformed port or IPv6 address
        return False
    return parts.scheme == "mailto" or (parts.scheme in {"http", "https"} and has_host)


def web_address(url: object) -> str:
    """Return an address of http or https as a link may hold it, in ASCII without blanks; empty for all else."""
    if not isinstance(url, str) or len(url) > _MAX_ADDRESS_CHARS:
        return ""
    from markdown_it.common.normalize_url import normalizeLink

    try:
        address = normalizeLink(url.strip())
    except ValueError:
        return ""
    scheme, colon, rest = address.partition(":")
    address = scheme.lower() + colon + rest
    is_web = address.startswith(("http://", "https://")) and address.isascii() and address.isprintable()
    return address if is_web and " " not in address and is_safe_address(address) else ""


def host_of(address: str) -> str:
    """Return the host of an address that is safe."""
    return urlsplit(address).hostname or ""


def link_html(address: str, html: str) -> str:
    """Return a link to an address that is safe around HTML that is safe."""
    where = attribute(address)
    return f'<a href="{where}" title="{where}" rel="{LINK_REL}">{html}</a>'


def attribute(text: str) -> str:
    """Return text for use between the double quotes of an attribute."""
    return escape(visible_controls(text), quote=True)


def data_url(media_type: str, data: bytes) -> str:
    """Return bytes as an address that holds them."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
