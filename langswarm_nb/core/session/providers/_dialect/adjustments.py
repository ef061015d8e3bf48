"""What we put into a request of our own accord, and take out again where a server refuses it: `Adjusted`.

Servers that speak an API do not all speak all of it. What nobody asked for must not make a request fail: it is left
out, or written the other way, when the server's refusal names it, and from then on for that address.
"""

from __future__ import annotations

import logging
import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any, NamedTuple

from langswarm_nb.core.session.errors import ContextLengthError, ProviderRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langswarm_nb.core.session.providers._http.faults import Fault

_log = logging.getLogger(__name__)
_NOT_KNOWN = re.compile(
    r"unsupported|not support|unrecogni[sz]ed|unknown|not permitted|extra |unexpected|not allowed|additional propert"
    r"|does not (?:support|exist)|not (?:a )?(?:known|valid|recogni[sz]ed)|invalid (?:value|field|param)|instead"
    r"|incompatible|not compatible",
    re.IGNORECASE,
)
"""Words of a refusal that is about the option itself, and not about its value."""
_FORMAT = re.compile(
    r"response_format|text\.format|json.?(?:schema|object|mode)|grammar|sampler|guided|structured.?output",
    re.IGNORECASE,
)
_refused: set[tuple[str, str, str]] = set()
"""Address, model, and the name of what it refused; for as long as the process runs."""


class Adjustment(NamedTuple):
    """One thing of ours in a request."""

    name: str
    """What a refusal names."""
    change: Callable[[dict[str, Any]], object]
    """Changes the body to go without it."""
    is_format: bool = False
    """Whether it holds the model to a schema that the messages tell as well."""


class Adjusted:
    """A request's body, without what its address has refused before.

    Parameters
    ----------
    body
        With all that we put in.
    adjustments
        What can be taken out of it.
    address, model
        Whom it is for.

    Attributes
    ----------
    is_in_words : bool
        Whether it asks for a schema in words alone by now.
    """

    def __init__(
        self, body: dict[str, Any], adjustments: Sequence[Adjustment], address: str, model: str
    ) -> None:
        self.body = body
        self.is_in_words = False
        self._left = list(adjustments)
        self._address, self._model = address, model
        for adjustment in adjustments:
            if (address, model, adjustment.name) in _refused:
                self._apply(adjustment)

    def amend(self, fault: Fault, kind: type[Exception]) -> dict[str, Any] | None:
        """Return the body to send after a refusal; None when it names nothing of ours."""
        if not issubclass(kind, ProviderRequestError) or issubclass(kind, ContextLengthError):
            return None
        for adjustment in self._left:
            if is_named := _names(fault, adjustment.name):
                _refused.add((self._address, self._model, adjustment.name))
                _log.info(
                    "%s does not accept %s; it is left out from now on.", self._address, adjustment.name
                )
            if is_named or (adjustment.is_format and _is_of_format(fault)):  # this schema, perhaps
                self._apply(adjustment)
                return self.body
        return None

    def _apply(self, adjustment: Adjustment) -> None:
        self._left.remove(adjustment)
        self.is_in_words = self.is_in_words or adjustment.is_format
        self.body = deepcopy(self.body)
        adjustment.change(self.body)


def _is_of_format(fault: Fault) -> bool:
    """Return whether a refusal is about the format of the answer, in whatever words: what is left out is said twice."""
    return _FORMAT.search(f"{fault.param or ''} {fault.message}") is not None


def _names(fault: Fault, name: str) -> bool:
    is_named = (
        fault.param == name or re.search(rf"(?<![\w]){re.escape(name)}(?![\w])", fault.message) is not None
    )
    return is_named and _NOT_KNOWN.search(fault.message) is not None
