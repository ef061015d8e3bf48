"""The words of a service, in whatever fields of its answer they stand: `read_fault`, `fault_inside`.

Services, gateways and proxies name the same things in a dozen ways (``error``, ``detail``, ``errorMessage``,
``error_msg``, ``base_resp.status_msg``, …), and put one form into another. So names are compared without their
writing, and objects are looked into.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session import errors as e
from langswarm_nb.core.session.text import as_text

from .faults import ERRORS, Fault, is_known

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SPOKEN = (
    "error",
    "detail",
    "message",
    "msg",
    "errormsg",
    "errormessage",
    "errordescription",
    "statusmsg",
    "faultstring",
    "reason",
    "errors",
    "baseresp",
    "fault",
    "title",
)
"""Names of what holds words, the best first; written without lines and capitals."""
_CODED = ("errorcode", "code", "type", "errortype", "status", "statuscode")
_STATUS_NAMES = ("code", "status", "statuscode", "errorcode")
_STRONG = {"error", "detail", "errorcode", "errormsg", "errormessage", "errors", "fault", "faultstring"}
"""Names that only an error has."""
_OF_REPLIES = {
    *(
        "choices",
        "candidates",
        "content",
        "delta",
        "event",
        "interaction",
        "output",
        "outputs",
        "response",
        "steps",
    ),
    *("result", "data", "done", "usagemetadata", "promptfeedback", "eventtype", "item", "part"),
}
"""Names that the pieces of replies have."""
_BESIDE_WORDS = {*_SPOKEN} - {"baseresp"} | {
    "id",
    "object",
    "requestid",
    "path",
    "timestamp",
    "param",
    "success",
    "created",
    "model",
}
_NO_WORDS = {*_CODED, "role", "param", "id", "object", "model", "requestid"}
_NO_CODES = {"", "0", "200", "success", "ok", "none", "error", "about:blank"}
_DEEPEST, _MOST, _LONG_NUMBER, _LONGEST_WAIT_S = 8, 5, 9, 600
_TITLE = re.compile(r"<title[^>]*>(.{1,200}?)</title>", re.IGNORECASE | re.DOTALL)
_OUTAGE = re.compile(r"\bDEGRADED function\b")  # NVIDIA's word for it, with a status of 400


def read_fault(body: Any) -> Fault:
    """Read an error's body, whatever its form: JSON, text, a web page, or server-sent events."""
    fault = _known_words(body)
    return fault if fault.message else replace(fault, message="; ".join(_texts(_unwrapped(body))))


def _known_words(body: Any) -> Fault:
    """Read an error's body as far as its words stand under a name that services use for them."""
    body = _unwrapped(body)
    if isinstance(body, str):
        return Fault(message=_page(body) if body.lstrip().startswith("<") else body)
    if not isinstance(body, Mapping):
        return Fault()
    levels = list(_levels(body))
    error = levels[-1]
    codes = [code for level in reversed(levels) for code in _codes(level)]
    words, upstream = _words(body), _upstream(error)
    return Fault(
        message=f"{words}: {upstream}" if words and upstream else words or upstream,
        code=next(filter(is_known, codes), codes[0] if codes else None),
        status=next((number for level in reversed(levels) if (number := _status(level))), None),
        param=as_text(error.get("param")),
        request_id=as_text(body.get("request_id")) or as_text(body.get("requestId")),
        retry_after_s=_wait(body.get("estimated_time")),
        kind=_kind(error, words),
    )


def fault_inside(body: Any, *, after_text: bool = False) -> Fault | None:
    """Return the error that stands where a reply should be, in an answer of 200; None when there is none.

    Parameters
    ----------
    after_text
        A part of the reply came before, so that words alone do not make an error.
    """
    body = _unwrapped(body)
    if not isinstance(body, Mapping):
        return None
    told = {_plain(name): value for name, value in body.items() if value}
    if told.keys() & _OF_REPLIES:
        return None
    fault = read_fault(body) if told.keys() & _STRONG else _known_words(body)
    is_error = (
        told.keys() & _STRONG
        or any(_codes(level, ("code", "statuscode")) or _status(level) for level in _levels(body))
        or str(told.get("type", told.get("object", ""))).lower().endswith("error")
        or (not after_text and told.keys() <= _BESIDE_WORDS)
    )
    return fault if fault.message and is_error else None


def _unwrapped(body: Any) -> Any:
    """Return a body without a list, or events, around it."""
    if isinstance(body, str) and body.lstrip().startswith(("data:", "event:", "id:", ":")):
        for line in body.splitlines():
            field, _, value = line.partition(":")
            if field.strip() == "data" and isinstance(found := _json(value), (Mapping, list)):
                body = found
                break
    if isinstance(body, list):
        return body[0] if body else {}
    return body


def _levels(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield an error's object and those in it that say more, the innermost last."""
    level: Any = body
    for _ in range(_DEEPEST):
        yield level
        inside = (_unwrapped(value) for name in _SPOKEN for value in _named(level, name))
        level = next((value for value in inside if isinstance(value, Mapping)), None)
        if level is None:
            return


def _named(level: Mapping[str, Any], name: str) -> Iterator[Any]:
    """Yield what stands under a name, however that is written."""
    for written, value in level.items():
        if _plain(written) == name and value:
            yield value


def _plain(name: object) -> str:
    return str(name).replace("_", "").replace("-", "").lower()


def _words(value: object, depth: int = 0) -> str:
    """Return the words of what may be text, a list of problems, or an object around them."""
    if depth > _DEEPEST:
        return ""
    if isinstance(value, str):
        inner = (
            _json(value) if value.lstrip()[:1] == "{" else None
        )  # an answer of the service behind, as text
        return _words(inner, depth + 1) or value.strip()
    if isinstance(value, list):
        return "; ".join(filter(None, (_words(item, depth + 1) for item in value[:_MOST])))
    if not isinstance(value, Mapping):
        return ""
    found = [words for name in _SPOKEN for told in _named(value, name) if (words := _words(told, depth + 1))]
    if not found:
        # One of the words of other things, where nothing else speaks.
        return as_text(value.get("text")) or "" if _codes(value) else ""
    place = value.get("loc")
    where = ".".join(map(str, place)) + ": " if isinstance(place, list) else ""
    is_heading = isinstance(value.get("error"), str) and len(found) > 1  # "Unauthorized", and then the reason
    return where + (": ".join(found[:2]) if is_heading and found[1] not in found[0] else found[0])


def _texts(value: object, depth: int = 0) -> list[str]:
    """Return the texts in an object or a list, whatever they are called, but those that are names and codes."""
    if isinstance(value, str):
        return [value.strip()] if value.strip() else []
    if depth > _DEEPEST or not isinstance(value, (Mapping, list)):
        return []
    items = (
        value
        if isinstance(value, list)
        else [v for name, v in value.items() if _plain(name) not in _NO_WORDS]
    )
    return [text for item in items[:_MOST] for text in _texts(item, depth + 1)][:_MOST]


def _codes(level: Mapping[str, Any], names: Sequence[str] = _CODED) -> list[str]:
    """Return what an object calls the error, the finest first; numbers come last."""
    details = level.get("details")
    finer = [details.get("error_code")] if isinstance(details, Mapping) else []
    values = [*finer, *(value for name in names for value in _named(level, name))]
    codes = [str(value) for value in values if isinstance(value, (str, int)) and not isinstance(value, bool)]
    codes = [code for code in codes if code.lower() not in _NO_CODES]
    return sorted(codes, key=lambda code: _number(code) in ERRORS)


def _status(level: Mapping[str, Any]) -> int | None:
    """Return an HTTP status that an object has, as a number or as text."""
    numbers = (_number(value) for name in _STATUS_NAMES for value in _named(level, name))
    return next((number for number in numbers if number in ERRORS), None)


def _number(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    is_short = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < _LONG_NUMBER
    return int(value) if is_short else None  # type: ignore[call-overload]


def _kind(error: Mapping[str, Any], words: str) -> type[e.ProviderSessionError] | None:
    metadata = error.get("metadata")
    if isinstance(metadata, Mapping) and metadata.get(
        "reasons"
    ):  # OpenRouter: the prompt was refused, not the key
        return e.ProviderRequestError
    return e.ProviderOverloadedError if _OUTAGE.search(words) else None


def _upstream(error: Mapping[str, Any]) -> str:
    """Return what the service behind OpenRouter said."""
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, Mapping) else None
    if not isinstance(raw, str):
        return ""
    return _words(_json(raw)) or raw


def _page(text: str) -> str:
    title = _TITLE.search(text)
    told = f" ({' '.join(html.unescape(title[1]).split())})" if title else ""
    return f"it sent a web page{told}, not an answer of the API"


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _wait(value: object) -> float | None:
    """Return a number of seconds that can be waited."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value <= _LONGEST_WAIT_S else None
