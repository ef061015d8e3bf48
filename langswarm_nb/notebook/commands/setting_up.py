"""Commands that find a model: setup, which lists what can be asked from here and lets one be chosen by its number.

What is typed where everybody sees it is never repeated: it may be a key in the wrong place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from IPython.core.error import StdinNotImplementedError

from langswarm_nb.core.session import provider_names
from langswarm_nb.core.session.providers.catalogue import PROVIDERS
from langswarm_nb.core.session.text import did_you_mean
from langswarm_nb.notebook.asking.model_hints import Offered, offered_models
from langswarm_nb.notebook.bridge import run_sync
from langswarm_nb.render import visible_controls

from .models import ask_key
from .reachable import key_state, local_servers, services_with_key

if TYPE_CHECKING:
    from langswarm_nb.notebook.workspace import Workspace

_OTHER = "another provider"
_MAX_OF_SERVER = 5
_MAX_MODELS = 20
_NOTHING = (
    "No model server answers on this machine (Ollama, llama.cpp, LM Studio, vLLM and LiteLLM were tried), and no "
    "service's key is in the environment or the keyring."
)
_UNCHANGED = "Nothing was changed."


def set_up(workspace: Workspace) -> str:
    """Show what can be asked, and set the model that the reader chooses; where nobody can be asked, only show it."""
    ways = _ways(workspace)
    if len(ways) == 1:
        print(_NOTHING)  # noqa: T201
    try:
        chosen = _pick("Which one?", ways)
    except (StdinNotImplementedError, EOFError, OSError):  # a notebook without input, a closed terminal
        lines = (f"  %langswarm {_command(name)}" for name, _ in ways)
        return "\n".join(["This notebook cannot ask you. Run one of these in a cell:", *lines])
    if chosen == _OTHER:
        chosen = _provider()
    model = chosen if ":" in chosen or not chosen else _model_of(workspace, chosen)
    if not model:
        return _UNCHANGED
    run_sync(_use(workspace, model))
    return f"{model} is the model of this session now. In a cell, `%langswarm use {model}` does the same."


def _ways(workspace: Workspace) -> list[tuple[str, str]]:
    """Return models and providers, each with where it is, and at the end the way to any other."""
    servers = [
        (model, f"a server on this machine, {server.origin}")
        for server in run_sync(local_servers(workspace.manager))
        for model in server.models[:_MAX_OF_SERVER]
    ]
    services = services_with_key(workspace.manager).items()
    return [*servers, *services, (_OTHER, "its key is asked for, and not shown")]


def _command(name: str) -> str:
    if name == _OTHER:
        return "key PROVIDER"
    return f"use {name}" if ":" in name else f"models {name}"


def _provider() -> str:
    """Ask for a provider; empty when none was named."""
    names = [name for name, row in PROVIDERS.items() if row.needs_key]
    while (typed := input(f"Which provider ({', '.join(names)})? ").strip().lower()) not in provider_names():
        if not typed:
            return ""
        print(f"There is no such provider{did_you_mean(typed, names) or '.'}")  # noqa: T201
    return typed


def _model_of(workspace: Workspace, provider: str) -> str:
    """Ask for a model of a provider, and first for its key where there is none; empty when none was chosen."""
    if key_state(workspace.manager, provider).command == "key":
        print(ask_key(workspace, provider))  # noqa: T201
    found = run_sync(offered_models(workspace, provider))
    # Services list much that answers no questions; of what does, the list of prices knows most.
    models = [model for model in found if model.is_listed] or found
    if len(models) > _MAX_MODELS:
        print(f"{len(models):,} models; `%langswarm models {provider}` lists all.")  # noqa: T201
    rows = [(model.id, _facts(model)) for model in models[:_MAX_MODELS]]
    name = _pick("Which model? You can also type its name.", rows, known={model.id for model in found})
    return name and f"{provider}:{name}"


def _facts(model: Offered) -> str:
    context = f"{model.context_tokens:,} tokens" if model.context_tokens else ""
    price = f"{model.price} per million in / out" if model.price else ""
    return ", ".join(fact for fact in (context, price) if fact)


def _pick(question: str, rows: Sequence[tuple[str, str]], known: set[str] | None = None) -> str:
    """Show numbered rows and ask for one; return its name, or one of those ``known``; empty for none."""
    width = max((len(name) for name, _ in rows), default=0)
    for number, (name, note) in enumerate(rows, 1):
        print(visible_controls(f"{number:>4}  {name:<{width}}  {note}".rstrip()))  # noqa: T201
    while typed := input(f"{question} Type a number, or just Enter to leave things as they are: ").strip():
        if typed.isdecimal() and 1 <= int(typed) <= len(rows):
            return rows[int(typed) - 1][0]
        if typed in (known or ()):
            return typed
        print(f"Please type a number from 1 to {len(rows)}.")  # noqa: T201
    return ""


async def _use(workspace: Workspace, model: str) -> None:
    await workspace.choose_model(await workspace.current(), model)
