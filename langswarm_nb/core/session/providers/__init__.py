"""Model services by name: `create_provider("groq", api_key=…)`, `parse_model_id("groq:llama-3.3-70b")`.

Each name stands for an import path, so a provider is loaded on first use; the built-in ones are described in
`catalogue`. Another package adds a provider through an entry point, without a change here::

    [project.entry-points."langswarm_nb.providers"]
    acme = "acme_langswarm:AcmeProviderSession"

The object at the path is called as ``factory(api_key=None, **config)`` and returns an `IProviderSession`.
A factory that serves several names has a parameter ``provider`` and gets the name.
It raises `ProviderAuthenticationError` at once when it needs a key and finds none, before anything is stored
or sent.
"""

from __future__ import annotations

import inspect
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.errors import SessionError, SessionTypeError, SessionValueError, shown
from langswarm_nb.core.session.secret import Secret
from langswarm_nb.core.session.text import nearest

from .catalogue import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from importlib.metadata import EntryPoint

    from langswarm_nb.core.session.interfaces import IProviderSession

__all__ = ["create_provider", "is_provider", "parse_model_id", "provider_names", "takes_option"]

ENTRY_POINT_GROUP = "langswarm_nb.providers"


def provider_names() -> list[str]:
    """Return the names of all providers, including those of other installed packages, sorted."""
    return sorted({*PROVIDERS, *_entry_points()})


def is_provider(name: str) -> bool:
    """Return whether a provider has this name; packages are searched only for names that are not built in."""
    return name in PROVIDERS or name in _entry_points()


def create_provider(provider: str, api_key: str | Secret | None = None, **config: Any) -> IProviderSession:
    """Return a new provider session.

    Parameters
    ----------
    provider
        One of `provider_names`.
    api_key
        None takes it from the provider's environment variable.
    **config
        Options of the provider: ``base_url``, …; a misspelt name is an error.

    Raises
    ------
    SessionValueError
        No provider has this name, or it has no such option; the error lists the available ones.
    SessionTypeError
        The name or the key is not text.
    ProviderAuthenticationError
        The provider needs a key and there is none, or the key's format is wrong. The key is not shown.
    """
    if api_key is not None and not isinstance(api_key, (str, Secret)):
        raise SessionTypeError(f"api_key must be text (str) or None, not {type(api_key).__name__}.")
    # Bound again at once: a traceback that shows local variables shows no key.
    secret, api_key = None if api_key is None else Secret.of(api_key), None
    provider = _check_name(provider)
    factory = _load(provider)
    parameters = inspect.signature(factory).parameters
    _check_options(provider, config, _options(parameters))
    if "provider" in parameters:
        config["provider"] = provider
    if secret is not None and provider not in PROVIDERS:  # a provider from outside takes plain text
        return factory(api_key=secret.reveal(), **config)
    return factory(api_key=secret, **config)


def takes_option(provider: str, option: str) -> bool:
    """Return whether `create_provider` takes an option for a provider.

    Raises
    ------
    SessionValueError
        No provider has this name.
    SessionTypeError
        The name is not text.
    """
    names = _options(inspect.signature(_load(_check_name(provider))).parameters)
    return names is None or option in names


def parse_model_id(text: str, *, default_provider: str | None = None) -> tuple[str, str]:
    """Split ``"provider:model"`` or ``"provider/model"``.

    The first word is a provider only when one has this name: ``"llama3:8b"`` and ``"meta/llama"`` are models
    of ``default_provider``.

    Returns
    -------
    tuple of str
        Provider and model.

    Raises
    ------
    SessionValueError
        There is no model in the text, or no known provider and no ``default_provider``.
    SessionTypeError
        It is not text.
    """
    text = _checked_text("model", text)
    for separator in ":/":
        prefix, found, model = text.partition(separator)
        if found and model and is_provider(prefix.lower()):
            return prefix.lower(), model
    if default_provider is not None and text and text.rstrip(":/") == text:
        return _check_name(default_provider), text
    wanted = "'provider:model', with a provider of " + ", ".join(provider_names())
    raise SessionValueError.of("model", text, wanted)


@cache
def _entry_points() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # 20 ms, for whoever asks for a provider

    found = entry_points(group=ENTRY_POINT_GROUP)
    # A name of ours stays ours: another package must not get the keys meant for it.
    return {point.name: point for point in found if point.name not in PROVIDERS}


def _checked_text(parameter: str, value: object) -> str:
    if not isinstance(value, str):
        raise SessionTypeError.of(parameter, value, "text (str)")
    return value.strip()


def _check_name(provider: object) -> str:
    name = _checked_text("provider", provider)
    if not is_provider(name):
        raise SessionValueError.of("provider", provider, provider_names())
    return name


def _load(provider: str) -> Callable[..., IProviderSession]:
    if provider in PROVIDERS:
        module, _, attribute = PROVIDERS[provider].factory.partition(":")
        factory: Callable[..., IProviderSession] = getattr(import_module(f"{__name__}.{module}"), attribute)
        return factory
    point = _entry_points()[provider]
    try:
        factory = point.load()
    except Exception as error:
        package = point.dist.name if point.dist else point.value
        raise SessionError(
            f"The provider {provider!r} of the package {package!r} could not be loaded: "
            f"{type(error).__name__}: {error}. Update or remove the package."
        ) from error
    return factory


def _options(parameters: Mapping[str, inspect.Parameter]) -> list[str] | None:
    """Return the names of what a provider can be made with; None when it takes any."""
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
        return None
    return sorted(parameters.keys() - {"provider", "api_key"})


def _check_options(provider: str, config: Mapping[str, Any], names: Sequence[str] | None) -> None:
    for name in config:
        if (
            names is not None and name not in names
        ):  # its value is not told: it may be a key, put in the wrong place
            near = nearest(name, names)
            error = SessionValueError(
                f"The provider {provider!r} takes no option {shown(name)}; it takes {', '.join(names)}."
                f"{f' Did you mean {near!r}?' if near else ''}"
            )
            error.parameter = name
            raise error
