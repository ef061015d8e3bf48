"""The models that a panel offers: whose key is set, how much they take, what they cost; no network is asked."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Iterable
from itertools import groupby
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session import BaseSession, SessionError, SessionManager
from langswarm_nb.core.session.providers.catalogue import OFFLINE_PROVIDERS, PROVIDERS
from langswarm_nb.notebook.asking.model_hints import offline_models
from langswarm_nb.notebook.showing.amounts import count_text

from .session_info import model_name

if TYPE_CHECKING:
    from langswarm_nb.analysis.price_list import Listed

Choice = dict[str, Any]

MAX_LISTED = 400
"""Of one provider; any other name can be typed."""
_NO_KEY = "Providers without a key"
_ITS_OWN = {"gemini": "gem"}
"""How the models of a provider begin, where the price table has those of others with them."""
_NOT_TALKED_TO = re.compile(
    r"embed|whisper|tts|dall|image|moderation|transcri|realtime|rerank|ocr|audio|davinci|babbage|^ada$|^curie|guard|"
    r"instruct|vision|ft[:-]"
)


async def model_choices(
    manager: SessionManager, current: BaseSession, used: Iterable[BaseSession], seen: Collection[str]
) -> list[Choice]:
    """Return what can be chosen, the current model first.

    Parameters
    ----------
    used : iterable of BaseSession
        Sessions whose models are offered.
    seen : collection of str
        Models that services have listed.
    """
    now = model_name(current)
    names = list(dict.fromkeys([now, *map(model_name, used), *await offline_models(manager), *sorted(seen)]))
    ready = [name for name in PROVIDERS if _is_ready(manager, name)]
    facts, listed = await asyncio.to_thread(
        _looked_up, names, [name for name in ready if PROVIDERS[name].needs_key]
    )
    first = [
        {"value": name, "label": name, "hint": _hint(name, ready, facts), "current": name == now}
        for name in names
    ]
    return [*first, *_listed(listed, set(names)), *_without_key(ready)]


def _hint(name: str, ready: Collection[str], facts: dict[str, str]) -> str:
    provider = name.partition(":")[0]
    if provider in OFFLINE_PROVIDERS:
        return "offline"
    if provider in PROVIDERS and provider not in ready:
        return "no key set"
    return facts.get(name, "")


def _listed(listed: list[tuple[str, str]], known: Collection[str]) -> list[Choice]:
    choices: list[Choice] = []
    for provider, models in groupby(listed, key=lambda model: model[0].partition(":")[0]):
        group = f"{provider}: context, $ in / out per million tokens"
        choices += [
            {"value": name, "label": name, "hint": hint, "group": group}
            for name, hint in models
            if name not in known
        ]
    return choices


def _without_key(ready: Collection[str]) -> list[Choice]:
    """Return the services that a key would open."""
    return [
        {
            "value": name,
            "label": name,
            "hint": "no key set",
            "group": _NO_KEY,
            "code": f"%langswarm key {name}",
        }
        for name, provider in PROVIDERS.items()
        if provider.needs_key
        and provider.base_url is not None
        and name not in ready
        and name != "openai-chat"
    ]


def _is_ready(manager: SessionManager, provider: str) -> bool:
    try:
        manager.provider_session(provider)
    except SessionError:
        return False
    return True


def _looked_up(
    names: Iterable[str], providers: Iterable[str]
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return what is known of models, and the models of providers with the same."""
    from langswarm_nb.analysis.price_list import listed_model

    listed = [
        (f"{provider}:{model.id}", _facts_text(model))
        for provider in providers
        for model in _talked_to(provider)
    ]
    known = {name: _facts_text(listed_model(*name.split(":", 1))) for name in names if ":" in name}
    return known, listed


def _talked_to(provider: str) -> list[Listed]:
    """Return the models of a provider that one talks to; those whose context is known and the newest first."""
    from langswarm_nb.analysis.price_list import listed_models

    own = _ITS_OWN.get(provider, "")
    models = [
        model
        for model in listed_models(provider)
        if model.id.startswith(own) and not _NOT_TALKED_TO.search(model.id)
    ]
    newest_first = sorted(models, key=lambda model: model.id, reverse=True)  # most names end in a number
    return sorted(newest_first, key=lambda model: model.context_tokens is None)[:MAX_LISTED]


def _facts_text(model: Listed) -> str:
    context = "" if model.context_tokens is None else count_text(model.context_tokens).replace(".0", "")
    return " · ".join(part for part in (context, model.price) if part)
