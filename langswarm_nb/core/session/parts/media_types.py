"""Which files are text, and what kind of file an address seems to lead to."""

from __future__ import annotations

import base64
import mimetypes
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from .vocabulary import Part

_TEXT = re.compile(
    r"text/.*|application/(?:json|jsonl|ndjson|x-ndjson|jsonlines|xml|yaml|x-yaml|toml|sql|javascript|x-javascript"
    r"|typescript|x-python|x-sh|x-ipynb\+json|x-tex|graphql|x-httpd-php|x-ruby|x-perl)|.*\+(?:json|xml|yaml)"
)

_DATA_URL = re.compile(
    r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w.+-]+=[^;,]*)*(;base64)?,(.*)", re.DOTALL | re.IGNORECASE
)
_WITHOUT_TYPE = {"image": "image/png", "audio": "audio/wav"}


def is_text(media_type: str) -> bool:
    """Tell whether files of a type can be read as text; an SVG is a picture written in text."""
    return _TEXT.fullmatch(media_type.partition(";")[0].strip().lower()) is not None


def media_type_of(part: Part) -> str:
    """Return the media type of an attachment; of an address that does not say, what its ending says; else nothing."""
    if part.get("media_type"):
        return str(part["media_type"])
    url = str(part.get("url") or "")
    if url[:5].lower() == "data:":
        return url[5:].partition(",")[0].partition(";")[0]
    return mimetypes.guess_type(url.partition("?")[0].partition("#")[0])[0] or ""


def fits(media_type: str, known: str) -> bool:
    """Tell whether a media type is one that is known, or of a kind that is: ``image/*``, ``*/*``."""
    kind = media_type.partition("/")[0]
    return known in (media_type, f"{kind}/*", "*/*")


def unpacked(attachment: Part) -> Part:
    """Return an attachment whose address holds its bytes with them as base64 text; any other as it is."""
    match = _DATA_URL.fullmatch(str(attachment.get("url") or ""))
    if match is None:
        return attachment
    media_type, is_base64, data = match.groups()
    if not is_base64:
        data = base64.b64encode(unquote_to_bytes(data)).decode("ascii")
    rest = {name: value for name, value in attachment.items() if name != "url"}
    kind = media_type or attachment.get("media_type") or _WITHOUT_TYPE.get(attachment["type"], "text/plain")
    return {**rest, "media_type": kind, "data": data}
