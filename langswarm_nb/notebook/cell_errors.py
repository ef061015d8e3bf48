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
                "That is a fault of langswarm_nb, not of your cell; `%langswarm traceback` shows where."
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

            return [f"{type(error).__name__}: {visible_controls(str(error))}"]
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
