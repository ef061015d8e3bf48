"""Errors in cells: one line with the next step; the whole chain when it is asked for."""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from IPython.core.error import UsageError

from langswarm_nb.core.session.errors import SessionError, in_words

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

P = ParamSpec("P")
T = TypeVar("T")


CELL_STEPS = {
    "set_key": "Run `%langswarm key {provider}`, which asks for it, or set the environment variable {variable}.",
    "pass_key": "Run `%langswarm key {provider}`, which asks for it.",
    "check_key": "Check that the key may use {model}; `%langswarm key {provider}` asks for another.",
    "allow_http": "Use https, or set the environment variable {variable} to 1 for a network that you trust.",
    "check_model": "Check the model's name ({model}) and the address; `%langswarm models {provider}` lists models.",
    "other_api": (
        "The server there may not speak the API of {provider!r}: try `-m {other}:MODEL` with the same `--api-base`."
    ),
    "send_less": "`%config LangSwarmMagics.max_context_tokens = N` sends less, `%langswarm new` starts over.",
    "send_smaller": (
        "The request is larger than the service, or a proxy in front of it (nginx: client_max_body_size), accepts: "
        "`%config LangSwarmMagics.max_context_tokens = N` sends less, `%langswarm new` starts over."
    ),
    "allow_time": "Allow more with `--timeout SECONDS`, or send it again.",
    "allow_tokens": "Allow more with `--max-tokens N`, or ask for less.",
    "ask_again": "Run the cell again, allow more tries with `--repair N`, or change the schema.",
    "name_address": "Give it with `--api-base https://…`{variable}.",
    "start_server": "Start the server there, or correct the address.",
    "check_network": "Check the network, the proxy settings and the address.",
    "install_socks": "`%pip install socksio`, or unset {variable}.",
    "trust": (
        "If your network has its own certificate authority, name its file in SSL_CERT_FILE, or "
        "`%pip install truststore` to use the certificates of the system."
    ),
    "write_https": "That port seems to speak https: write https:// in the address.",
    "write_http": "If the server there speaks plain http, write http:// in the address.",
    "correct_address": "Correct the address (`--api-base`, or the provider's variable).",
    "check_address": "Check the address, and whether a proxy answers in its place.",
}
"""Name of a next step -> how a cell takes it, where that differs from what a caller in Python does."""


def cell_words(error: SessionError) -> str:
    """Return what an error says, with a next step that can be taken in a cell."""
    step = error.next_step
    if step is None or step.name not in CELL_STEPS:
        return str(error)
    return str(error).replace(step.text, CELL_STEPS[step.name].format(**step.facts))


class UnexpectedError(SessionError):
    """Something in langswarm_nb itself failed; the cause is chained."""


def short_errors(function: Callable[P, T]) -> Callable[P, T]:
    """Make every failure of a magic one of ours, so that a cell shows one line."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except (UsageError, SessionError):
            raise
        except KeyboardInterrupt as error:
            if hasattr(error, "_render_traceback_"):
                raise
            raise stopped("stopped.") from error
        except Exception as error:
            raise UnexpectedError(
                f"langswarm_nb failed with {in_words(error)}. "
                "That is a bug in langswarm_nb, not in your cell; `%langswarm traceback` shows where."
            ) from error

    return guarded


def stopped(text: str) -> KeyboardInterrupt:
    """Return the interrupt that ends a cell, shown in one line."""
    error = KeyboardInterrupt(text)
    error._render_traceback_ = lambda: [f"KeyboardInterrupt: {text}"]  # type: ignore[attr-defined]  # what IPython looks for
    return error


def show_session_errors_short(shell: InteractiveShell, is_short: Callable[[], bool]) -> None:
    """Let cells of this shell show a `SessionError` in one line, whoever raised it."""

    def render(error: SessionError) -> Any:
        if is_short():
            from langswarm_nb.render import visible_controls

            return [f"{type(error).__name__}: {visible_controls(cell_words(error))}"]
        return shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__)

    SessionError._render_traceback_ = render  # type: ignore[attr-defined]  # what IPython looks for


def show_session_errors_whole() -> None:
    """Undo `show_session_errors_short`."""
    if "_render_traceback_" in vars(SessionError):
        del SessionError._render_traceback_  # type: ignore[attr-defined]  # what IPython looks for


def last_traceback() -> str:
    """Return the chain of the error that a cell showed last, without the values of variables."""
    error: BaseException | None = getattr(sys, "last_value", None)
    if error is None:
        return "No cell has failed yet."
    return "".join(traceback.format_exception(error))
