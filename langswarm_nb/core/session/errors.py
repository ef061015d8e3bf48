"""The error tree: every error of the library is a `SessionError`.

::

    SessionError
    ├── SessionValueError (also ValueError)      a parameter's value is not allowed
    ├── SessionTypeError (also TypeError)        a parameter has the wrong type
    ├── SessionNotFoundError (also LookupError)  no such session, message or branch
    ├── SessionExistsError                       the id is taken
    ├── SessionClosedError                       used after close or delete
    ├── SessionBusyError                         another send took over the session
    │   └── SessionLeasedError                   another message of it is being answered
    ├── SessionMovedError                        the path does not end where expected
    ├── SessionStorageError                      could not be read or written
    ├── SessionMiddlewareError                   a middleware failed
    ├── MissingExtraError (also ImportError)     an optional package is not installed
    └── ProviderSessionError                     the model service, or the way to it
        ├── ProviderAuthenticationError          401, 403, key missing or refused
        ├── ProviderNotFoundError                no such model or conversation
        ├── ProviderRequestError                 400, 413, 422
        │   └── ContextLengthError               the prompt is longer than the model takes
        ├── ProviderRateLimitError               429
        │   └── ProviderQuotaError               429 or 402; waiting does not help
        ├── ProviderServerError                  5xx
        │   └── ProviderOverloadedError          503, 529
        ├── ProviderConnectionError              no connection, or it broke
        ├── ProviderTimeoutError                 a time limit was reached
        └── ProviderResponseError                the answer is not what the API sends
            └── StreamInterruptedError           a reply was cut short; what arrived is kept

The text of an error is one sentence each on what happened, why, and what to do next.
Errors hold only plain facts, so they can be pickled, and never a key.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from .key_patterns import BEGINNINGS, FORMS
from .text import class_name, nearest, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from .messages import SessionMessage

__all__ = [
    "AttachmentError",
    "ContextLengthError",
    "MissingExtraError",
    "ProviderAuthenticationError",
    "ProviderConnectionError",
    "ProviderNotFoundError",
    "ProviderOverloadedError",
    "ProviderQuotaError",
    "ProviderRateLimitError",
    "ProviderRequestError",
    "ProviderResponseError",
    "ProviderServerError",
    "ProviderSessionError",
    "ProviderTimeoutError",
    "SessionBusyError",
    "SessionClosedError",
    "SessionError",
    "SessionExistsError",
    "SessionLeasedError",
    "SessionMiddlewareError",
    "SessionMovedError",
    "SessionNotFoundError",
    "SessionStorageError",
    "SessionTypeError",
    "SessionValueError",
    "StreamInterruptedError",
    "shown",
]

_SHOWN_CHARS = 80
_HAVE_OWN_WORDS = ("magic", "panel")
"""Sources of questions that are asked again in another way than by a program."""
# A value of this form is never shown, wherever it was put by mistake.
_KEY_LIKE = re.compile(
    rf"{BEGINNINGS}[-\w.]{{8,}}|{FORMS}"
    r"|\b(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*[0-9])[\w-]{32,}\b",
    re.ASCII,
)


def shown(value: object) -> str:
    """Return a short, one-line form of a value for an error text; what looks like a key is hidden."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except Exception:  # noqa: BLE001 - a broken __repr__ must not hide the error being reported
        return f"<{class_name(value)}>"
    text = _KEY_LIKE.sub("<hidden>", text[: 4 * _SHOWN_CHARS])
    if isinstance(value, str):
        text = repr(text)
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 1]}…"


def in_words(error: BaseException) -> str:
    """Return what an error says, on one line; one that is not ours with its class, which alone stands for no text."""
    try:
        text = _KEY_LIKE.sub("<hidden>", one_line(str(error)))
    except Exception:  # noqa: BLE001 - a broken __str__ must not hide the error being reported
        text = ""
    if isinstance(error, SessionError) and text:
        return text
    return f"{class_name(error)}: {text}" if text else class_name(error)


NEXT_STEPS = {
    "set_key": 'Pass it as `api_key`, or set the environment variable {variable}: `os.environ["{variable}"] = "…"`.',
    "pass_key": "Pass it as `api_key`.",
    "check_key": "Check the key ({key_source}), and that it may use {model}.",
    "allow_http": "Use https, or pass allow_http=True for a network that you trust.",
    "check_model": "Check the model's name ({model}) and base_url; `list_models()` lists those it has.",
    "other_api": (
        "The server there may not speak the API of {provider!r}: try the provider {other!r} with the same base_url."
    ),
    "send_less": "Set max_messages or max_context_tokens to send less, or start a new session.",
    "send_smaller": "The request is larger than the service, or a proxy before it (nginx: client_max_body_size), "
    "takes: set max_messages or max_context_tokens to send less, or start a new session.",
    "change_request": "Change the request as it says.",
    "leave_out": "Change or leave out {param!r}.",
    "add_credit": "Add credit or raise the limit of the account; waiting does not help.",
    "wait": "Ask again in {seconds} s.",
    "send_later": "Ask again later.",
    "send_again": "Ask again.",
    "allow_time": "Raise timeout_s, or ask again.",
    "allow_tokens": "Raise max_tokens, or ask for less.",
    "ask_again": "Ask again, raise `repair`, or change the schema.",
    "name_address": "Pass base_url='https://…'{variable}.",
    "start_server": "Start the server there, or correct base_url.",
    "check_network": "Check the network, the proxy settings and base_url.",
    "check_proxy": "Check that proxy, or the variable; NO_PROXY names hosts that need none.",
    "set_proxy": "Correct or unset {variable}.",
    "install_socks": "`pip install socksio`, or unset {variable}.",
    "set_certificates": "Correct or unset {variable}.",
    "trust": "If your network has its own certificate authority, name its file in SSL_CERT_FILE, or "
    "`pip install truststore` to use the certificates of the system.",
    "write_https": "That port seems to speak https: write https:// in base_url.",
    "write_http": "If the server there speaks plain http, write http:// in base_url.",
    "correct_address": "Correct base_url.",
    "check_address": "Check base_url, and whether a proxy answers in its place.",
}
"""Name of a next step -> how an error says it to a caller in Python; the notebook has its own words for some."""


class NextStep(NamedTuple):
    """What the reader of an error can do next."""

    name: str
    """One of `NEXT_STEPS`."""
    text: str
    """The sentence that ends the error's text."""
    facts: Mapping[str, str]
    """The values that are filled in."""


def next_step(name: str, **facts: str) -> NextStep:
    """Return a next step, in the words for a caller in Python."""
    return NextStep(name, NEXT_STEPS[name].format(**facts), facts)


class SessionError(Exception):
    """Base of every error of this library.

    Attributes
    ----------
    question : SessionMessage or None
        The message of the failed send, as stored; None when none was stored.
    reply : SessionMessage or None
        The reply that arrived but could not be stored; None when there is none.
    """

    question: SessionMessage | None = None
    reply: SessionMessage | None = None

    next_step: NextStep | None = None


class SessionValueError(SessionError, ValueError):
    """A parameter's value is not allowed; nothing was stored or sent.

    Attributes
    ----------
    parameter : str
        Name of the parameter.
    """

    parameter: str = ""

    @classmethod
    def of(
        cls, parameter: str, value: object, allowed: str | Iterable[str], *, hint: str = ""
    ) -> SessionValueError:
        """Build the error from the parameter, its value and what is allowed."""
        if not isinstance(allowed, str):
            names = sorted(allowed)
            hint = hint or _nearest(value, names)
            allowed = "one of " + ", ".join(map(repr, names))
        error = cls(
            f"{parameter}={shown(value)} is not allowed: {parameter} must be {allowed}.{hint and ' ' + hint}"
        )
        error.parameter = parameter
        return error


class AttachmentError(SessionValueError):
    """Something cannot be attached, at all or for this model; nothing was stored or sent."""


class SessionTypeError(SessionError, TypeError):
    """A parameter has the wrong type; nothing was stored or sent.

    Attributes
    ----------
    parameter : str
        Name of the parameter.
    """

    parameter: str = ""

    @classmethod
    def of(cls, parameter: str, value: object, expected: str) -> SessionTypeError:
        """Build the error from the parameter, its value and the expected type."""
        error = cls(f"{parameter} must be {expected}, not {class_name(value)} ({shown(value)}).")
        error.parameter = parameter
        return error


class SessionNotFoundError(SessionError, LookupError):
    """No session (or message, or branch) has this id."""

    @classmethod
    def of(cls, session_id: str, *, storage: str) -> SessionNotFoundError:
        """Build the error for a session id and the storage that was asked."""
        return cls(
            f"No session {shown(session_id)} in {storage}. "
            "It may have been deleted, or the storage may point to another file. "
            "List what is there with `await manager.list_user_sessions(user_id)`."
        )


class SessionExistsError(SessionError):
    """A session or message with this id is already stored; it was not changed."""


class SessionClosedError(SessionError):
    """The manager, storage or session was used after it was closed or deleted."""


class SessionBusyError(SessionError):
    """A stream was left unread, and a later send took over its session; what had arrived is kept."""


class SessionLeasedError(SessionBusyError):
    """Another message is being answered, by `process`, since `since` (UTC); nothing was stored or sent."""

    process: str = ""
    since: datetime | None = None


class SessionMovedError(SessionError):
    """The active path ends with the message `found`, not `expected` (both ids); nothing was stored or sent."""

    expected: str | None = None
    found: str | None = None


class SessionStorageError(SessionError):
    """The storage could not read or write; nothing was half-written."""


class SessionMiddlewareError(SessionError):
    """A middleware failed or returned something that is not a message."""


class MissingExtraError(SessionError, ImportError):
    """An optional package is needed; the text names the extra that installs it."""


class ProviderSessionError(SessionError):
    """The model service refused, failed, or could not be reached.

    Parameters
    ----------
    message : str
        What happened, why, and what to do next.
    provider, model : str or None
        Which service and model were asked.
    status : int or None
        HTTP status; None when no answer came.
    code : str or None
        The service's own code for the error.
    request_id : str or None
        The service's id of the request, to quote to its support.
    retry_after_s : float or None
        Seconds the service asked to wait.
    maybe_processed : bool
        True when the request may have reached the model although no whole answer came: a retry may be charged twice.
    partial_text : str
        The part of the reply that had arrived; it is stored too.

    Notes
    -----
    When the question was stored, it is in `question`, and the text ends with how to ask it again from a program: a
    second `send_message` would store it twice.
    """

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        model: str | None = None,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
        maybe_processed: bool = False,
        partial_text: str = "",
    ) -> None:
        super().__init__(message)
        self.provider = provider
        self.model = model
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        self.maybe_processed = maybe_processed
        self.partial_text = partial_text

    def __str__(self) -> str:
        text, question = super().__str__(), self.question
        if question is None or question.source in _HAVE_OWN_WORDS:
            return text
        its_id = "" if question.beside is None else repr(question.id)
        return f"{text} The question is stored: `await session.regenerate({its_id})` asks it again."

    @property
    def retry_after(self) -> float | None:
        """Seconds the service asked to wait; same as `retry_after_s`."""
        return self.retry_after_s


class ProviderAuthenticationError(ProviderSessionError):
    """The key is missing, or the service refused it (401, 403)."""


class ProviderNotFoundError(ProviderSessionError, LookupError):
    """The service knows no such model, deployment or conversation."""


class ProviderRequestError(ProviderSessionError):
    """The service refused the request as it stands (400, 413, 422); a retry would be refused too."""


class ContextLengthError(ProviderRequestError):
    """The messages are longer than the model's context."""


class ProviderRateLimitError(ProviderSessionError):
    """Too many requests (429); `retry_after_s` says how long to wait, if the service said."""


class ProviderQuotaError(ProviderRateLimitError):
    """The account has no credit or quota left; waiting does not help."""


class ProviderServerError(ProviderSessionError):
    """The service failed (5xx)."""


class ProviderOverloadedError(ProviderServerError):
    """The service has no capacity at the moment (503, 529)."""


class ProviderConnectionError(ProviderSessionError):
    """There was no connection to the service, or it broke before the whole answer came."""


class ProviderTimeoutError(ProviderSessionError, TimeoutError):
    """A time limit was reached: for connecting, for silence, or for the whole call."""


class ProviderResponseError(ProviderSessionError):
    """The answer is not what this API sends; the usual cause is a wrong `base_url` or a proxy."""


class StreamInterruptedError(ProviderResponseError):
    """A reply ended before its end mark; what had arrived is stored with finish reason ``interrupted``."""


def _nearest(value: object, names: list[str]) -> str:
    near = nearest(value, names) if isinstance(value, str) else None
    return f"Did you mean {near!r}?" if near else ""
