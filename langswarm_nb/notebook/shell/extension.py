"""What ``%load_ext langswarm_nb`` adds to a shell, and ``%unload_ext`` takes away."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from langswarm_nb._version import __version__
from langswarm_nb.core.session import BaseSession, SessionClosedError
from langswarm_nb.core.session.errors import in_words
from langswarm_nb.core.session.providers.catalogue import OFFLINE_PROVIDERS, PROVIDERS
from langswarm_nb.notebook.bridge import run_sync, run_within, submit
from langswarm_nb.notebook.cell_errors import show_session_errors_short, show_session_errors_whole
from langswarm_nb.notebook.workspace import DEFAULT_MODEL, Workspace

from .input_transformers import add_transformers, remove_transformers
from .magics import NAME, LangSwarmMagics

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_LOOK_S = 2.0
"""Longest wait for the store when the extension is loaded."""


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """Register the magics and print one line; does nothing when they are there."""
    if loaded(ipython) is not None:
        return
    _on_what_cannot_be_shown("backslashreplace", instead_of="strict")
    magics = LangSwarmMagics(ipython)
    ipython.register_magics(magics)
    show_session_errors_short(ipython, lambda: magics.short_errors)
    add_transformers(ipython)
    magics.completion.add()
    for event, callback in _callbacks(magics):
        ipython.events.register(event, callback)
    for complaint in magics.ignored:
        print(complaint)  # noqa: T201
    print(_greeting(magics.workspace))  # noqa: T201


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """Take away all that `load_ipython_extension` added."""
    magics = loaded(ipython)
    if magics is None:
        return
    manager = ipython.magics_manager
    for kind in ("line", "cell"):
        manager.magics[kind].pop(NAME, None)
    manager.registry.pop(type(magics).__name__, None)
    ipython.configurables.remove(magics)  # type: ignore[arg-type]  # any Configurable is in it
    show_session_errors_whole()
    remove_transformers(ipython)
    _on_what_cannot_be_shown("strict", instead_of="backslashreplace")
    magics.completion.remove()
    for event, callback in _callbacks(magics):
        ipython.events.unregister(event, callback)
    magics.pulse.stop()
    magics.workspace.outputs.end()
    run_sync(_close(magics.workspace))


async def _close(workspace: Workspace) -> None:
    """Close the store and all connections, on the I/O thread, while this thread's loop closes those that it opened."""
    await asyncio.wrap_future(submit(workspace.close()))


def _on_what_cannot_be_shown(errors: str, *, instead_of: str) -> None:
    """Say what a terminal of another code page does with characters that it lacks: show codes, or fail.

    All that is printed goes through there: help, greeting, listings, what the user prints of a reply.
    """
    out = sys.stdout
    if isinstance(out, io.TextIOWrapper) and out.errors == instead_of:
        with suppress(LookupError, UnicodeError):
            "\u4f60\U0001f600".encode(out.encoding)
            return
        out.reconfigure(errors=errors)


def loaded(ipython: InteractiveShell) -> LangSwarmMagics | None:
    """Return the magics of a shell; None when the extension is not loaded."""
    found = ipython.magics_manager.registry.get(LangSwarmMagics.__name__)
    return found if isinstance(found, LangSwarmMagics) else None


def workspace_of(ipython: InteractiveShell) -> Workspace:
    """Return what the magics of a shell work with; the extension is loaded when it is not."""
    load_ipython_extension(ipython)
    magics = loaded(ipython)
    if magics is None:
        raise AssertionError("the extension was just loaded")
    return magics.workspace


def _callbacks(magics: LangSwarmMagics) -> list[tuple[str, Callable[..., None]]]:
    return [
        ("pre_run_cell", magics.pulse.start),
        ("pre_run_cell", magics.price_notice.begin),
        ("pre_run_cell", magics.workspace.outputs.begin),
        ("post_run_cell", magics.workspace.outputs.end),
        ("post_run_cell", magics.pulse.stop),
        ("post_run_cell", magics.workspace.failures.see),
        ("post_run_cell", magics.price_notice.end),
    ]


def _greeting(workspace: Workspace) -> str:
    model, state = workspace.config.model or DEFAULT_MODEL, ""
    told: Sequence[str] = ()
    try:
        place = workspace.place
        session, about, told = run_within(_LOOK_S, _look(workspace))
    except TimeoutError as error:
        place = f"{workspace.place} gave {error}; cells wait for it longer"
    except SessionClosedError as error:
        state, told = " (not open)", (str(error),)
    except Exception as error:  # noqa: BLE001 - a store that cannot be read must not keep the magics away
        place = f"the store cannot be used: {in_words(error)}"
    else:
        state = " (new)" if session is None else f"{about and f' “{about}”'} (resumed)"
        model = model if session is None else f"{session.provider}:{session.model}"
    if model.partition(":")[0] in OFFLINE_PROVIDERS:
        model = f"{model} ({_suggestion(os.environ) or 'offline'})"
    parts = [
        f"langswarm_nb {__version__}",
        f"session {workspace.session_name}{state}",
        model,
        place,
        "%langswarm help",
    ]
    return "\n".join([" · ".join(parts), *told])


async def _look(workspace: Workspace) -> tuple[BaseSession | None, str, Sequence[str]]:
    """Return the session to go on with, what it is about, and what is to be said beside it."""
    session = await workspace.peek()
    if session is not None or await workspace.home() is not None:
        about = "" if session is None else await workspace.about(session)
        return session, about, workspace.take_notes()
    last = await workspace.last_without_home()
    if last is None:
        return None, "", ()
    about = await workspace.about(last)
    told = f"The last session without a notebook was {workspace.label_of(last)}{about and f' “{about}”'}"
    return None, "", (f"{told}; `%langswarm switch {await workspace.address_of(last)}` continues it.",)


def _suggestion(environment: Mapping[str, str]) -> str:
    """Return how to use the first provider that the environment is prepared for; empty when there is none."""
    for name, provider in PROVIDERS.items():
        if variable := provider.prepared_by(environment):
            return f"{variable} is set: %langswarm use {name}:…"
    return ""
