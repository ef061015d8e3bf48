"""Commands that list models: models, and setup, which lets one be chosen."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from langswarm_nb.core.session import provider_names
from langswarm_nb.core.session.providers.catalogue import PROVIDERS
from langswarm_nb.core.session.text import did_you_mean
from langswarm_nb.notebook.asking.model_hints import offered_models

from .command import Command, arg
from .reachable import key_state, listens, local_origin
from .results import Listing
from .setting_up import set_up

if TYPE_CHECKING:
    from langswarm_nb.core.session import SessionManager
    from langswarm_nb.notebook.workspace import Workspace

_PRICE = "USD per million in / out"
_WITHOUT_PRICES = "Context sizes and prices come with `pip install 'langswarm-nb[cost]'`."


async def _models(workspace: Workspace, provider: str | None, q: str | None) -> Listing:
    if provider is None and q is None:
        return _providers(workspace.manager)
    name = provider or (await workspace.current()).provider
    if name not in provider_names():
        raise UsageError(f"There is no provider {name!r}{did_you_mean(name, provider_names()) or '.'}")
    rows = [
        (f"{name}:{model.id}", model.name, model.context_tokens, model.price or None)
        for model in await offered_models(workspace, name)
        if q is None or q.casefold() in f"{model.id} {model.name or ''}".casefold()
    ]
    return Listing(
        ("model", "name", "context", _PRICE),
        rows,
        empty=f"{name} lists no such model; you can use a model of another name all the same.",
    )


def _providers(manager: SessionManager) -> Listing:
    """Return what could be asked; nothing leaves this machine."""
    rows = [_provider(manager, name) for name in provider_names()]
    note = "" if find_spec("genai_prices") else _WITHOUT_PRICES
    return Listing(("provider", "key", "context", _PRICE, "next"), rows, note=note)


def _provider(manager: SessionManager, name: str) -> tuple[str, str, str | None, str | None, str | None]:
    from langswarm_nb.analysis.price_list import cheapest, listed_models

    if origin := local_origin(manager, name):
        is_up = listens(origin)
        words = f"{'a server listens' if is_up else 'no server'} at {origin}"
        return name, words, None, None, f"%langswarm models {name}" if is_up else None
    state = key_state(manager, name)
    is_priced = name in PROVIDERS and PROVIDERS[name].needs_key
    models = listed_models(name) if is_priced else []
    longest, least = max((model.context_tokens or 0 for model in models), default=0), cheapest(models)
    return (
        name,
        state.words,
        f"up to {longest:,}" if longest else None,
        f"from {least.price}" if least else None,
        f"%langswarm {state.command} {name}" if state.command else None,
    )


COMMANDS = (
    Command(
        "setup",
        set_up,
        "show which models you can use, and choose one for this session",
    ),
    Command(
        "models",
        _models,
        "list the providers with key, context size and price, or the models of one",
        (
            arg(
                "-q",
                metavar="TEXT",
                help="only models with TEXT in their name, by default of the current provider",
            ),
            arg(
                "provider",
                metavar="PROVIDER",
                nargs="?",
                help="provider whose models to list; it is asked for them",
                completes="provider",
            ),
        ),
    ),
)
