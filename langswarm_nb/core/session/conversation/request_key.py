"""`request_key`: what a request is known by, wherever it is asked again: in a journal, a recording, a label."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from langswarm_nb.core.session.errors import SessionTypeError, SessionValueError, shown
from langswarm_nb.core.session.parts.blobs import taken_out

if TYPE_CHECKING:
    from langswarm_nb.core.session.messages import SessionMessage
    from langswarm_nb.core.session.parts.vocabulary import Part

FORM = 1
"""Version of the canonical form."""
_TOLD = ("size", "width", "height", "pages", "note")
"""What a part says about its bytes, which say it themselves."""
_NEVER_SENT = ("citation",)


def request_key(
    provider: str,
    base_url: str | None,
    model: str,
    messages: Sequence[SessionMessage],
    options: Mapping[str, Any] | None = None,
    tools: Sequence[str | Mapping[str, Any]] = (),
    schema: Mapping[str, Any] | None = None,
    sample: int = 0,
) -> str:
    """Return the key of a request: two that ask the same of the same model have the same.

    Parameters
    ----------
    provider, base_url, model : str
        Who is asked, and where.
    messages : sequence of SessionMessage
        As they are sent, in order.
    options : mapping, optional
        Temperature and the like. One that is None is as one that is missing.
    tools : sequence of str or mapping
        Names of the service's own tools, and definitions of others, in order.
    schema : mapping, optional
        JSON schema of the answer.
    sample : int
        Number of the answer, from 0, when several are asked for.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    SessionTypeError, SessionValueError
        Something in it is not JSON.

    Notes
    -----
    It is the SHA-256 of the canonical form, which is JSON in ASCII without blanks, the keys of all objects sorted::

        {"base_url":…,"form":1,"messages":[{"parts":[…],"role":"user"}],"model":…,"options":{…},"provider":…,
         "sample":0,"schema":…,"tools":[…]}

    * A message is its role and its parts; its text is a part ``{"type":"text","text":…}``. Ids, moments, places and
      metadata do not count, nor do sources (``citation``), which are never sent.
    * Bytes do not stand in it but their SHA-256, as ``blob``, with their ``media_type``: bytes, base64, a ``data:``
      address and what a storage gives back are the same. What a part says about its bytes (size, pixels, pages, note)
      does not count.
    * A number that is whole is written as a whole number: ``1.0`` is ``1``.
    * An address has its scheme and host in lower case, no name and password, and no slash at its end.
    """
    from hashlib import sha256  # it loads OpenSSL

    return sha256(
        canonical(
            {
                "form": FORM,
                "provider": provider,
                "base_url": None if base_url is None else _address(base_url),
                "model": model,
                "messages": [_message(message) for message in messages],
                "options": {name: value for name, value in (options or {}).items() if value is not None},
                "tools": list(tools),
                "schema": schema,
                "sample": sample,
            }
        )
    ).hexdigest()


def canonical(value: Any) -> bytes:
    """Return JSON in its canonical form.

    Raises
    ------
    SessionTypeError, SessionValueError
        It is not JSON.
    """
    try:
        return json.dumps(_plain(value), sort_keys=True, allow_nan=False, separators=(",", ":")).encode(
            "ascii"
        )
    except ValueError as error:
        raise SessionValueError(
            f"The request cannot be keyed: {error}. Numbers have to be finite."
        ) from error


def _message(message: SessionMessage) -> dict[str, Any]:
    parts, _ = taken_out(message.all_parts)
    return {
        "role": message.role.value,
        "parts": [_part(part) for part in parts if part["type"] not in _NEVER_SENT],
    }


def _part(part: Part) -> dict[str, Any]:
    told = _TOLD if "blob" in part else ("note",)
    return {name: value for name, value in part.items() if name not in told and value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        if wrong := [key for key in value if not isinstance(key, str)]:
            raise SessionTypeError.of("key", wrong[0], "text (str), as in JSON")
        return {key: _plain(child) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(child) for child in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise SessionTypeError(f"The request cannot be keyed: {shown(value)} is not a value of JSON.")


def _address(url: str) -> str:
    address = urlsplit(url)
    place = address.netloc.rpartition("@")[2].lower()
    return urlunsplit((address.scheme, place, address.path.rstrip("/"), address.query, ""))
